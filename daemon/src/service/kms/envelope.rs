//! The KMS's ciphertext for PKCS#11 applications: `CKM_COFFER_ENVELOPE`.
//!
//! What the one face encrypts, the other decrypts. A ciphertext names its key and version, so that rotation goes
//! unnoticed. Whether the key may be used so, PKCS#11 has decided.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeySpec;
use coffer_protocol::mechanism::{ENVELOPE_MAX, Parameter};
use zeroize::Zeroizing;

use super::super::Service;
use super::{blob, context};
use crate::object::{Material, Object, ObjectId};
use crate::vault::{self, Depth, Public};
use crate::{Error, crypto};

/// Encrypts under the newest version of a key.
///
/// # Errors
///
/// [`ErrorCode::DataLength`] for nothing and for more than [`ENVELOPE_MAX`] bytes, [`ErrorCode::MechanismParameter`]
/// for a context that is no JSON object of strings.
pub(in crate::service) fn seal(
    service: &Service,
    key: &Arc<Object>,
    parameter: &Parameter,
    plaintext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if !(1..=ENVELOPE_MAX).contains(&plaintext.len()) {
        return Err(ErrorCode::DataLength.into());
    }
    let context = context_of(parameter)?;
    let version = newest(key);
    let named = blob::Named { spec: KeySpec::Aes256, key: id(key), version };
    let open = service.keyring.version(key, version)?;
    let Public(blob) = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
        let kms_key = open.kms(inside).ok_or(ErrorCode::KeyTypeInconsistent)?;
        Ok(inside.publish(&blob::seal(named, kms_key, &context, plaintext)?))
    })??;
    Ok(blob.into())
}

/// Decrypts with the version that the ciphertext names.
///
/// # Errors
///
/// [`ErrorCode::EncryptedDataLength`] for what no ciphertext is as long as, [`ErrorCode::EncryptedDataInvalid`] for
/// everything else that is wrong with it, a key of another name too; [`ErrorCode::MechanismParameter`].
pub(in crate::service) fn open(
    service: &Service,
    key: &Arc<Object>,
    parameter: &Parameter,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let invalid = ErrorCode::EncryptedDataInvalid;
    if !(blob::OVERHEAD + 1..=blob::OVERHEAD + ENVELOPE_MAX).contains(&ciphertext.len()) {
        return Err(ErrorCode::EncryptedDataLength.into());
    }
    let context = context_of(parameter)?;
    let named = blob::named(ciphertext).map_err(|_| invalid)?;
    let is_own = named.spec == KeySpec::Aes256 && named.key == id(key);
    if !is_own || !(1..=newest(key)).contains(&named.version) {
        return Err(invalid.into());
    }
    let version = service.keyring.version(key, named.version)?;
    let Public(plaintext) = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
        let kms_key = version.kms(inside).ok_or(ErrorCode::KeyTypeInconsistent)?;
        match blob::open(named, kms_key, &context, ciphertext) {
            Ok(plaintext) => Ok(inside.publish(&plaintext)),
            Err(crypto::Error::EncryptedDataInvalid) => Err(invalid),
            Err(other) => Err(other.into()),
        }
    })??;
    Ok(plaintext.into())
}

fn context_of(parameter: &Parameter) -> Result<Vec<u8>, Error> {
    match parameter {
        Parameter::Envelope(envelope) => context::canonical(Some(&envelope.context))
            .map_err(|_| ErrorCode::MechanismParameter.into()),
        _ => Ok(Vec::new()),
    }
}

fn newest(key: &Object) -> u32 {
    key.key.as_ref().map_or(1, |record| record.version)
}

/// The id that ciphertexts of an object name: that of the token key of which a session's copy is a reference.
fn id(key: &Object) -> ObjectId {
    match &key.material {
        Material::Reference { of, .. } => *of,
        Material::None | Material::Stored | Material::Session(_) => key.id,
    }
}
