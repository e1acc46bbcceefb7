//! Material that is brought in from outside.

use coffer_protocol::key::KeyState;
use coffer_protocol::message::Bytes;
pub use coffer_protocol::operation::kms::ImportParameters;
use coffer_protocol::operation::kms::{
    DeleteImportedKeyMaterial, GetParametersForImport, ImportKeyMaterial,
};

use super::call::{NONE, calls};
use crate::KeyName;

/// Wrapped material for a CMK.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    key: &'a KeyName,
    token: &'a [u8],
    material: &'a [u8],
    valid_to: Option<i64>,
    private_key: Option<&'a [u8]>,
}

impl<'a> Import<'a> {
    /// The material, wrapped under the public key of the parameters that came with `token`; for a pair its PKCS #8
    /// (RFC 5958).
    pub fn new(key: &'a KeyName, token: &'a [u8], material: &'a [u8]) -> Self {
        Self { key, token, material, valid_to: None, private_key: None }
    }

    /// Expiring at that moment in UNIX seconds, up to 2,147,443,200; never otherwise. Not for pairs.
    #[must_use]
    pub fn valid_to(self, moment: i64) -> Self {
        Self { valid_to: Some(moment), ..self }
    }

    /// A pair's PKCS #8, wrapped with AES-KWP (RFC 5649) under an AES key of 16 or 32 bytes, which then is the
    /// material.
    #[must_use]
    pub fn private_key(self, wrapped: &'a [u8]) -> Self {
        Self { private_key: Some(wrapped), ..self }
    }

    fn request(&self) -> ImportKeyMaterial {
        ImportKeyMaterial {
            token: Bytes(self.token.to_vec()),
            key_id: self.key.to_field(),
            valid_to: self.valid_to,
            private_key: self.private_key.map(|wrapped| Bytes(wrapped.to_vec())),
        }
    }
}

calls! {
    /// Makes a key pair for wrapping the material of an EXTERNAL CMK, and a token that names it for 24 hours and one
    /// import.
    ///
    /// `algorithm` is `RSAES_PKCS1_V1_5`, `RSAES_OAEP_SHA_1`, `RSAES_OAEP_SHA_256`, `RSA_AES_KEY_WRAP_SHA_256` or
    /// `SM2`; `spec` is `RSA_2048`, `RSA_3072`, `RSA_4096`, or `SM2` for the last. Refused with `NotExternalCmk`,
    /// `CmkStateNotSupport`, and `ImportTokenLimit` while 8 tokens of the key are open.
    parameters_for_import(key: &KeyName, algorithm: &str, spec: &str) -> ImportParameters
        = GetParametersForImport {
            key_id: key.to_field(), algorithm: algorithm.to_owned(), spec: spec.to_owned()
        }, NONE => |parameters, _| parameters;

    /// Imports the material of an EXTERNAL CMK: the first time any, later the same only. Returns its state:
    /// `Enabled`, or the one that it had when its material went.
    ///
    /// Refused with `NotExternalCmk`, `DecryptMaterialError`, `MaterialNotMatch`, `TokenExpired`, and
    /// `CmkStateNotSupport`. A state that this version does not know is none.
    import_key_material(import: &Import<'_>) -> Option<KeyState>
        = ImportKeyMaterial { ..import.request() }, import.material
        => |imported, _| KeyState::from_name(&imported.key_state);

    /// Erases the imported material of a CMK for good, which is `PendingImport` then; the same can be imported again.
    ///
    /// Refused with `NotExternalCmk`, `CmkStateNotSupport`, and `CmkUsedByCloudProduct` while it is bound to a
    /// resource.
    delete_imported_key_material(key: &KeyName) -> ()
        = DeleteImportedKeyMaterial { key_id: key.to_field() }, NONE => |_, _| ();
}
