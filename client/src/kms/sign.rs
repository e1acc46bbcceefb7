//! Signatures.

use coffer_protocol::message::Bytes;
use coffer_protocol::operation::kms::{SignByAsymmetricKey, VerifyByAsymmetricKey};

use super::call::{calls, public};
use crate::KeyName;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// A message of up to 4,096 bytes, which the daemon hashes.
    Raw(&'a [u8]),
    /// The digest of a message.
    Digest(&'a [u8]),
}

impl<'a> Message<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Raw(bytes) | Self::Digest(bytes) => bytes,
        }
    }

    fn kind(self) -> String {
        match self {
            Self::Raw(_) => "RAW".to_owned(),
            Self::Digest(_) => "DIGEST".to_owned(),
        }
    }
}

calls! {
    /// Signs a message or its digest; the signature is DER for SM2 and ECDSA, raw for RSA. `algorithm` is `SM2DSA`,
    /// `ECC_P256_R1`, `ECC_P384_R1`, `RSA_PSS_SHA_256` or `RSA_PKCS1_SHA_256`, the last two with 384 and 512 too.
    ///
    /// Refused with `InvalidKeyUsage`, `InvalidValue` where algorithm or length do not fit, `CmkDisabled`,
    /// `CmkArchived`, `KeyPendingDelete`.
    sign(key: &KeyName, algorithm: &str, message: Message<'_>) -> Vec<u8>
        = SignByAsymmetricKey {
            algorithm: algorithm.to_owned(), key_id: key.to_field(), message_type: Some(message.kind())
        }, message.bytes() => |_, payload| public(payload);

    /// Tells whether a signature is right; algorithms as for [`super::Kms::sign`].
    ///
    /// Refused as signing is, except that an archived key verifies.
    verify(key: &KeyName, algorithm: &str, message: Message<'_>, signature: &[u8]) -> bool
        = VerifyByAsymmetricKey {
            key_id: key.to_field(),
            signature: Bytes(signature.to_vec()),
            algorithm: algorithm.to_owned(),
            message_type: Some(message.kind()),
        }, message.bytes() => |verified, _| verified.valid;
}
