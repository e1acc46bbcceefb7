//! GenerateMac and VerifyMac.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeySpec, KeyUsage};
use coffer_protocol::mechanism::{Hash, Parameter, Scheme};
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::kms::{GenerateMac, GeneratedMac, VerifiedMac, VerifyMac};

use super::super::{Answer, Authorized, Caller, Handle, Service};
use super::permit::permit;
use super::{find, validate_name};
use crate::Error;
use crate::crypto;
use crate::object::{KeyMeta, Object, OpenKey};
use crate::vault::{self, Depth, Public};

/// Most bytes of a message.
const MAX_MESSAGE: usize = 4096;

/// Algorithms, each with the material it takes.
const ALGORITHMS: [(&str, KeySpec, Hash); 4] = [
    ("HMAC_SHA_256", KeySpec::Hmac256, Hash::Sha256),
    ("HMAC_SHA_384", KeySpec::Hmac384, Hash::Sha384),
    ("HMAC_SHA_512", KeySpec::Hmac512, Hash::Sha512),
    ("HMAC_SM3", KeySpec::HmacSm3, Hash::Sm3),
];

fn algorithm(name: &str) -> Result<(KeySpec, Scheme), Error> {
    let row = ALGORITHMS.iter().find(|row| row.0 == name);
    let row = row.ok_or_else(|| Error::about(ErrorCode::InvalidValue, "MacAlgorithm"))?;
    Ok((row.1, Scheme::Hmac(row.2)))
}

fn validate(key: &str, name: &str, length: usize) -> Result<(), Error> {
    validate_name(key)?;
    algorithm(name)?;
    if (1..=MAX_MESSAGE).contains(&length) {
        Ok(())
    } else {
        Err(Error::about(ErrorCode::InvalidValue, "Message"))
    }
}

/// A key that may do it.
pub(crate) struct Ready {
    object: Arc<Object>,
    key: Arc<OpenKey>,
    scheme: Scheme,
}

fn ready(
    service: &Service,
    caller: &Caller,
    (key, name): (&str, &str),
    rule: KeyRule,
) -> Result<Ready, Error> {
    let (spec, scheme) = algorithm(name)?;
    let object = find(service, caller, key)?;
    let fits = |key: &KeyMeta| {
        let fits = key.usage == KeyUsage::Mac && key.spec == spec;
        if fits { Ok(()) } else { Err(ErrorCode::InvalidKeyUsage) }
    };
    permit(service, &object, rule, fits)?;
    let key = service.keyring.newest(&object)?;
    Ok(Ready { object, key, scheme })
}

impl Handle for GenerateMac {
    type Plan = Ready;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate(&self.key_id, &self.algorithm, payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Ready, Error> {
        let Self { key_id, algorithm } = call.request();
        ready(service, call.caller(), (key_id, algorithm), KeyRule::Sign)
    }

    fn commit(
        call: Authorized<'_, Self>,
        ready: Ready,
        _service: &Service,
    ) -> Result<Answer<GeneratedMac>, Error> {
        let message = call.payload().plain()?;
        let Public(mac) = vault::run(Depth::Small, |inside| {
            let key = ready.key.get(inside);
            let mac = crypto::sign(key, ready.scheme, &Parameter::None, message);
            mac.map(|mac| inside.publish(&mac)).map_err(ErrorCode::from)
        })??;
        let key_id = ready.object.id.to_string();
        let algorithm = call.request().algorithm.clone();
        Ok(Answer::with(GeneratedMac { key_id, algorithm }, mac))
    }
}

impl Handle for VerifyMac {
    type Plan = Ready;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate(&self.key_id, &self.algorithm, payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Ready, Error> {
        let Self { key_id, algorithm, .. } = call.request();
        ready(service, call.caller(), (key_id, algorithm), KeyRule::Verify)
    }

    fn commit(
        call: Authorized<'_, Self>,
        ready: Ready,
        _service: &Service,
    ) -> Result<Answer<VerifiedMac>, Error> {
        let message = call.payload().plain()?;
        let Bytes(given) = &call.request().mac;
        let valid = vault::run(Depth::Small, |inside| {
            let key = ready.key.get(inside);
            crypto::verify(key, ready.scheme, &Parameter::None, message, given).is_ok()
        })?;
        let key_id = ready.object.id.to_string();
        let algorithm = call.request().algorithm.clone();
        Ok(Answer::new(VerifiedMac { key_id, valid, algorithm }))
    }
}
