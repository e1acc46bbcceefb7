//! AsymmetricRsaDecrypt, AsymmetricSm2Decrypt and DeriveSharedSecret.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeyState, KeyUsage};
use coffer_protocol::mechanism::{Hash, Parameter, Scheme};
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::kms::{
    AsymmetricDecrypted, AsymmetricRsaDecrypt, AsymmetricSm2Decrypt, DeriveSharedSecret,
    DerivedSharedSecret,
};
use coffer_protocol::operation::{KeyRule, Operation};

use super::super::authorized::SecretReply;
use super::super::{Answer, Authorized, Caller, Handle, Service};
use super::permit::permit;
use super::wrapped::oaep;
use super::{find, meta, validate_name};
use crate::Error;
use crate::crypto::{self, PublicKey, ecdh};
use crate::object::{KeyMeta, Object, OpenKey};
use crate::vault::{self, Depth};

/// Longest ciphertext of SM2 in bytes.
const MAX_SM2: usize = 256;
/// Lengths of the moduli in bytes.
const MODULI: [usize; 3] = [256, 384, 512];
/// Longest public key of the other side in bytes.
const MAX_SPKI: usize = 256;

fn rsa(algorithm: &str) -> Result<(Scheme, Parameter), Error> {
    match algorithm {
        "RSAES_PKCS1_V1_5" => Ok((Scheme::RsaPkcs1(None), Parameter::None)),
        "RSAES_OAEP_SHA_1" => Ok((Scheme::RsaOaep, oaep(Hash::Sha1))),
        "RSAES_OAEP_SHA_256" => Ok((Scheme::RsaOaep, oaep(Hash::Sha256))),
        _ => Err(Error::about(ErrorCode::InvalidValue, "Algorithm")),
    }
}

/// A key that may do it.
type Ready = (Arc<Object>, Arc<OpenKey>);

fn ready(
    service: &Service,
    caller: &Caller,
    name: &str,
    rule: KeyRule,
    usages: &[KeyUsage],
) -> Result<Ready, Error> {
    let object = find(service, caller, name)?;
    let fits = |key: &KeyMeta| {
        if usages.contains(&key.usage) { Ok(()) } else { Err(ErrorCode::InvalidKeyUsage) }
    };
    let state = permit(service, &object, rule, fits)?;
    if service.config.compat.tencent_strict && state == KeyState::Archived {
        return Err(ErrorCode::CmkStateNotSupport.into());
    }
    let key = service.keyring.newest(&object)?;
    Ok((object, key))
}

/// Decrypts into a secret reply; whatever is wrong with a ciphertext is one error.
fn decrypt(
    service: &Service,
    caller: &Caller,
    (object, key): &Ready,
    (scheme, parameter): (Scheme, &Parameter),
    ciphertext: &[u8],
) -> Result<Answer<AsymmetricDecrypted>, Error> {
    let mut reply = SecretReply::to(service, caller, ciphertext.len())?;
    vault::run(Depth::Small, |inside| -> Result<(), ErrorCode> {
        let plaintext = crypto::decrypt(key.get(inside), scheme, parameter, ciphertext)?;
        Ok(reply.push(inside, &plaintext)?)
    })?
    .map_err(|code| match code {
        ErrorCode::OutOfMemory => code,
        _ => ErrorCode::DecryptError,
    })?;
    Ok(Answer::secret(AsymmetricDecrypted { key_id: object.id.to_string() }, reply))
}

impl Handle for AsymmetricRsaDecrypt {
    type Plan = Ready;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        rsa(&self.algorithm)?;
        if MODULI.contains(&payload_length) {
            Ok(())
        } else {
            Err(Error::about(ErrorCode::InvalidValue, "Ciphertext"))
        }
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Ready, Error> {
        let usages = [KeyUsage::DecryptRsa2048, KeyUsage::DecryptRsa3072, KeyUsage::DecryptRsa4096];
        ready(service, call.caller(), &call.request().key_id, Self::ROW.rule, &usages)
    }

    fn commit(
        call: Authorized<'_, Self>,
        ready: Ready,
        service: &Service,
    ) -> Result<Answer<AsymmetricDecrypted>, Error> {
        let (scheme, parameter) = rsa(&call.request().algorithm)?;
        let ciphertext = call.payload().plain()?;
        decrypt(service, call.caller(), &ready, (scheme, &parameter), ciphertext)
    }
}

impl Handle for AsymmetricSm2Decrypt {
    type Plan = Ready;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        if (1..=MAX_SM2).contains(&payload_length) {
            Ok(())
        } else {
            Err(Error::about(ErrorCode::InvalidValue, "Ciphertext"))
        }
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Ready, Error> {
        let (name, usages) = (&call.request().key_id, [KeyUsage::DecryptSm2]);
        ready(service, call.caller(), name, Self::ROW.rule, &usages)
    }

    fn commit(
        call: Authorized<'_, Self>,
        ready: Ready,
        service: &Service,
    ) -> Result<Answer<AsymmetricDecrypted>, Error> {
        let how = (Scheme::Sm2Pke, &Parameter::None);
        decrypt(service, call.caller(), &ready, how, call.payload().plain()?)
    }
}

/// The other side's key.
fn other(der: &[u8]) -> Result<PublicKey, Error> {
    let wrong = || Error::about(ErrorCode::InvalidValue, "PublicKey");
    if der.len() > MAX_SPKI {
        return Err(wrong());
    }
    let key = PublicKey::from_spki(der).map_err(|_| wrong())?;
    if key.curve().is_some() { Ok(key) } else { Err(wrong()) }
}

impl Handle for DeriveSharedSecret {
    type Plan = (Ready, PublicKey);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        if self.algorithm != "ECDH" {
            return Err(Error::about(ErrorCode::InvalidValue, "KeyAgreementAlgorithm"));
        }
        other(&self.public_key.0).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let Bytes(der) = &call.request().public_key;
        let other = other(der)?;
        let (name, usages) = (&call.request().key_id, [KeyUsage::KeyAgreement]);
        let ready = ready(service, call.caller(), name, Self::ROW.rule, &usages)?;
        let own = PublicKey::from_spki(&meta(&ready.0)?.public_key)?;
        if own.curve() != other.curve() {
            return Err(Error::about(ErrorCode::InvalidValue, "PublicKey"));
        }
        Ok((ready, other))
    }

    fn commit(
        call: Authorized<'_, Self>,
        ((object, key), other): Self::Plan,
        service: &Service,
    ) -> Result<Answer<DerivedSharedSecret>, Error> {
        let mut reply = SecretReply::to(service, call.caller(), other.bits().div_ceil(8))?;
        vault::run(Depth::Small, |inside| -> Result<(), ErrorCode> {
            let secret = ecdh::shared_secret(key.get(inside), &other)?;
            Ok(reply.push(inside, &secret)?)
        })??;
        let answer = DerivedSharedSecret {
            key_id: object.id.to_string(),
            algorithm: call.request().algorithm.clone(),
            origin: meta(&object)?.origin.name().to_owned(),
        };
        Ok(Answer::secret(answer, reply))
    }
}
