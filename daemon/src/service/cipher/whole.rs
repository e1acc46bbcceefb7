//! C_Encrypt, C_Decrypt, C_Sign and C_Verify in one request.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::Scheme;
use coffer_protocol::operation::cipher::{
    DecryptData, EncryptData, Function, Nothing, Output, SignData, VerifyData,
};
use zeroize::Zeroizing;

use super::super::kms::envelope;
use super::super::{Answer, Authorized, Handle, Service};
use super::Message;
use super::usable::{self, Usable, spend, usable};
use crate::Error;
use crate::bulk;
use crate::crypto;
use crate::object::{KeyPart, OpenKey};
use crate::vault::{self, Depth, Public};

/// Most versions of a rotating key that a decryption tries, the newest first.
const MAX_VERSIONS: u32 = 64;
/// Longest tag or padding that a ciphertext is longer by than its plaintext.
const LONGEST_TAIL: usize = 16;

/// Whether the scheme works in place on bulk data, which then never enters the arena.
const fn is_bulk(scheme: Scheme) -> bool {
    matches!(
        scheme,
        Scheme::AesEcb
            | Scheme::AesCbc
            | Scheme::AesCbcPad
            | Scheme::AesCtr
            | Scheme::AesCcm
            | Scheme::AesGcm
            | Scheme::AesCts
            | Scheme::AesCfb8
            | Scheme::AesCfb128
            | Scheme::AesOfb
            | Scheme::AesXts
            | Scheme::ChaCha20
            | Scheme::ChaCha20Poly1305
    )
}

/// Encrypts.
pub(super) fn encrypt(
    plan: &Usable,
    service: &Service,
    plaintext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (scheme, parameter) = (plan.mechanism.scheme, &plan.parameter);
    if scheme == Scheme::CofferEnvelope {
        let key = usable::source(service, &plan.object);
        return envelope::seal(service, &key, parameter, plaintext);
    }
    if is_bulk(scheme) {
        let key = plan.key.secret()?;
        let mut buffer = bulk::buffer(plaintext.len() + LONGEST_TAIL);
        buffer.extend_from_slice(plaintext);
        buffer.resize(plaintext.len() + LONGEST_TAIL, 0);
        let Public(length) = vault::run(Depth::Small, |inside| {
            let key = key.get(inside);
            let done =
                crypto::encrypt_in_place(key, scheme, parameter, &mut buffer, plaintext.len());
            done.map(Public).map_err(ErrorCode::from)
        })??;
        buffer.truncate(length);
        return Ok(buffer);
    }
    let Public(ciphertext) = vault::run(plan.object.depth(), |inside| {
        let done = crypto::encrypt(plan.key.half(inside), scheme, parameter, plaintext);
        done.map(|ciphertext| inside.publish(&ciphertext)).map_err(ErrorCode::from)
    })??;
    Ok(ciphertext.into())
}

/// Decrypts with one version of a key.
fn decrypt_with(
    plan: &Usable,
    key: &OpenKey,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (scheme, parameter) = (plan.mechanism.scheme, &plan.parameter);
    if is_bulk(scheme) {
        let mut buffer = bulk::buffer(ciphertext.len());
        buffer.extend_from_slice(ciphertext);
        let Public(length) = vault::run(Depth::Small, |inside| {
            let done = crypto::decrypt_in_place(key.get(inside), scheme, parameter, &mut buffer);
            done.map(Public).map_err(ErrorCode::from)
        })??;
        buffer.truncate(length);
        return Ok(buffer);
    }
    let Public(plaintext) = vault::run(plan.object.depth(), |inside| {
        let done = crypto::decrypt(key.get(inside), scheme, parameter, ciphertext);
        done.map(|plaintext| inside.publish(&plaintext)).map_err(ErrorCode::from)
    })??;
    Ok(plaintext.into())
}

/// Decrypts: authenticated ciphertext finds the version of the key that made it.
pub(super) fn decrypt(
    plan: &Usable,
    service: &Service,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if plan.mechanism.scheme == Scheme::CofferEnvelope {
        let key = usable::source(service, &plan.object);
        return envelope::open(service, &key, &plan.parameter, ciphertext);
    }
    with_versions(service, plan, ErrorCode::EncryptedDataInvalid, |key| {
        decrypt_with(plan, key, ciphertext)
    })
}

/// Opens something with the newest version of a key, and where that gives the code `wrong` and the scheme is one
/// that tells right from wrong, with older ones.
pub(in crate::service) fn with_versions<T>(
    service: &Service,
    plan: &Usable,
    wrong: ErrorCode,
    mut open: impl FnMut(&Arc<OpenKey>) -> Result<T, Error>,
) -> Result<T, Error> {
    let source = usable::source(service, &plan.object);
    let newest = source.key.as_ref().map_or(1, |key| key.version);
    let scheme = plan.mechanism.scheme;
    let tells =
        scheme.is_authenticated() || matches!(scheme, Scheme::AesKeyWrap | Scheme::AesKeyWrapPad);
    let mut result = open(plan.key.secret()?);
    for version in (1..newest).rev().take(MAX_VERSIONS as usize - 1) {
        let is_wrong = result.as_ref().is_err_and(|error| error.code() == wrong);
        if !(tells && is_wrong) {
            break;
        }
        let key: Arc<OpenKey> = service.keyring.version(&source, version)?;
        result = open(&key);
    }
    result
}

/// Signs.
pub(super) fn sign(plan: &Usable, message: &[u8]) -> Result<Vec<u8>, Error> {
    let key = plan.key.secret()?;
    let Public(signature) = vault::run(plan.object.depth(), |inside| {
        let done = crypto::sign(key.get(inside), plan.mechanism.scheme, &plan.parameter, message);
        done.map(|signature| inside.publish(&signature)).map_err(ErrorCode::from)
    })??;
    Ok(signature)
}

/// Verifies.
pub(super) fn verify(plan: &Usable, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let (scheme, parameter) = (plan.mechanism.scheme, &plan.parameter);
    if let KeyPart::Public(key) = &plan.key {
        return Ok(crypto::verify(&**key, scheme, parameter, message, signature)?);
    }
    vault::run(plan.object.depth(), |inside| {
        crypto::verify(plan.key.half(inside), scheme, parameter, message, signature)
            .map_err(ErrorCode::from)
    })??;
    Ok(())
}

macro_rules! whole {
    ($( $request:ident $function:ident |$call:ident, $plan:ident, $service:ident| -> $reply:ty $body:block )*) => { $(
        impl Handle for $request {
            type Plan = Usable;

            fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Usable, Error> {
                let Self { session, key, mechanism, .. } = call.request();
                usable(call, service, *session, *key, mechanism, Function::$function)
            }

            fn commit(
                $call: Authorized<'_, Self>,
                $plan: Usable,
                $service: &Service,
            ) -> Result<Answer<$reply>, Error> {
                spend(&$call, $call.request().session, &$plan)?;
                $body
            }
        }
    )* };
}

whole! {
    EncryptData Encrypt |call, plan, service| -> Output {
        service.ivs.expect_new(&plan, Message::New)?;
        Ok(Answer::with(Output {}, encrypt(&plan, service, call.payload().plain()?)?))
    }
    DecryptData Decrypt |call, plan, service| -> Output {
        Ok(Answer::with(Output {}, decrypt(&plan, service, call.payload().plain()?)?))
    }
    SignData Sign |call, plan, _service| -> Output {
        Ok(Answer::with(Output {}, sign(&plan, call.payload().plain()?)?))
    }
    VerifyData Verify |call, plan, _service| -> Nothing {
        verify(&plan, call.payload().plain()?, &call.request().signature)?;
        Ok(Answer::new(Nothing {}))
    }
}
