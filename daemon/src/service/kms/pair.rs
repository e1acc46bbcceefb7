//! GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext.

use coffer_protocol::ErrorCode;
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::kms::{
    GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext, GeneratedDataKeyPair,
    GeneratedDataKeyPairCiphertext,
};

use super::super::authorized::SecretReply;
use super::super::{Answer, Authorized, Caller, Handle, Service};
use super::crypt::{MAX_PLAINTEXT, Ready, Version, of_encryption, ready};
use super::{context, find, validate_name};
use crate::Error;
use crate::crypto::ecdsa::Curve;
use crate::crypto::{self, Generate};
use crate::vault::{self, Depth, Public};

/// What pairs there are, by their names.
const SPECS: [(&str, Generate); 6] = [
    ("RSA_2048", Generate::Rsa { bits: 2048, exponent: 65_537 }),
    ("RSA_3072", Generate::Rsa { bits: 3072, exponent: 65_537 }),
    ("RSA_4096", Generate::Rsa { bits: 4096, exponent: 65_537 }),
    ("ECC_NIST_P256", Generate::Ec(Curve::P256)),
    ("ECC_NIST_P384", Generate::Ec(Curve::P384)),
    ("SM2", Generate::Sm2),
];

fn spec_of(name: &str) -> Result<Generate, Error> {
    let found = SPECS.iter().find(|(spec, _)| *spec == name).map(|(_, what)| *what);
    found.ok_or_else(|| Error::about(ErrorCode::InvalidValue, "KeyPairSpec"))
}

fn plan(
    service: &Service,
    caller: &Caller,
    (key, spec): (&str, &str),
    context: Option<&String>,
) -> Result<(Ready, Generate), Error> {
    let object = find(service, caller, key)?;
    let ready = ready(service, object, KeyRule::Encrypt, Version::Newest, context)?;
    Ok((ready, spec_of(spec)?))
}

/// Makes the pair: its public key, its private key encrypted, and, into `reply`, in clear.
fn make(
    service: &Service,
    caller: &Caller,
    ready: &Ready,
    what: Generate,
    mut reply: Option<&mut SecretReply>,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let _permit = what.is_slow().then(|| service.generations.acquire(caller.uid));
    let depth = if what.is_slow() { Depth::Large } else { Depth::Small };
    let (Public(public_key), Public(blob)) = vault::run(depth, |inside| -> Result<_, ErrorCode> {
        let made = crypto::generate(what)?;
        let public = made.public.as_ref().ok_or(crypto::Error::Internal)?.to_spki()?;
        let private = crypto::encode_private(made.spec, &made.material)?;
        if let Some(reply) = &mut reply {
            reply.push(inside, &private)?;
        }
        Ok((inside.publish(&public), ready.seal(inside, &private)?))
    })?
    .map_err(of_encryption)?;
    Ok((public_key, blob))
}

impl Handle for GenerateDataKeyPair {
    type Plan = (Ready, Generate);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        spec_of(&self.spec)?;
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let Self { key_id, spec, context } = call.request();
        plan(service, call.caller(), (key_id, spec), context.as_ref())
    }

    fn commit(
        call: Authorized<'_, Self>,
        (ready, what): Self::Plan,
        service: &Service,
    ) -> Result<Answer<GeneratedDataKeyPair>, Error> {
        let mut reply = SecretReply::to(service, call.caller(), MAX_PLAINTEXT)?;
        let (public_key, blob) = make(service, call.caller(), &ready, what, Some(&mut reply))?;
        let answer = GeneratedDataKeyPair {
            key_id: ready.object.id.to_string(),
            spec: call.request().spec.clone(),
            public_key: Bytes(public_key),
            ciphertext: Bytes(blob),
        };
        Ok(Answer::secret(answer, reply))
    }
}

impl Handle for GenerateDataKeyPairWithoutPlaintext {
    type Plan = (Ready, Generate);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        spec_of(&self.spec)?;
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let Self { key_id, spec, context } = call.request();
        plan(service, call.caller(), (key_id, spec), context.as_ref())
    }

    fn commit(
        call: Authorized<'_, Self>,
        (ready, what): Self::Plan,
        service: &Service,
    ) -> Result<Answer<GeneratedDataKeyPairCiphertext>, Error> {
        let (public_key, blob) = make(service, call.caller(), &ready, what, None)?;
        let answer = GeneratedDataKeyPairCiphertext {
            key_id: ready.object.id.to_string(),
            spec: call.request().spec.clone(),
            public_key: Bytes(public_key),
        };
        Ok(Answer::with(answer, blob))
    }
}
