//! Encryption with symmetric CMKs. What decrypts may be Archived; what encrypts must be Enabled.

use coffer_protocol::operation::kms::{Decrypt, Encrypt, ReEncrypt};
use secrecy::SecretSlice;

use super::call::{calls, public, secret};
use crate::{Context, KeyName};

/// A public key under which a reply's plaintext is encrypted, so that who carries it does not see it.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// An RSA-2048 or SM2 public key in PEM.
    pub public_key: &'a str,
    /// `SM2`, `SM2_C1C3C2_ASN1`, `RSAES_PKCS1_V1_5`, `RSAES_OAEP_SHA_1` or `RSAES_OAEP_SHA_256`.
    pub algorithm: &'a str,
}

/// What a ciphertext is encrypted under from now on.
#[derive(Clone, Debug, Default)]
pub struct Destination<'a> {
    /// The key; the same when absent, in its newest version.
    pub key: Option<&'a KeyName>,
    /// The context.
    pub context: Context,
}

/// A ciphertext that was encrypted anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReEncryption {
    /// The ciphertext: the old one, where nothing had to change.
    pub ciphertext: Vec<u8>,
    /// Id of the key that it is under now.
    pub key_id: String,
    /// Id of the key that it was under.
    pub source_key_id: String,
    /// False where key, version and context were right already.
    pub changed: bool,
}

calls! {
    /// Encrypts 1 to 4,096 bytes; the ciphertext is 70 bytes longer, and names its key and version.
    ///
    /// Refused with `InvalidPlaintext`, `InvalidKeyUsage`, `CmkDisabled`, `CmkArchived`, `KeyPendingDelete`.
    encrypt(key: &KeyName, plaintext: &[u8], context: &Context) -> Vec<u8>
        = Encrypt { key_id: key.to_field(), context: context.to_json() }, plaintext
        => |_, payload| public(payload);

    /// Decrypts what [`super::Kms::encrypt`] or [`super::Kms::generate_data_key`] made; the ciphertext names its key.
    ///
    /// Refused with `InvalidCiphertext`, also for another context, and with `CmkDisabled`, `KeyPendingDelete`.
    decrypt(ciphertext: &[u8], context: &Context) -> SecretSlice<u8>
        = Decrypt { ..request(context, None, None) }, ciphertext => |_, payload| secret(payload);

    /// Decrypts, unless the ciphertext was made with another key.
    ///
    /// Refused as [`super::Kms::decrypt`] is, and with `InvalidKeyId`.
    decrypt_of(key: &KeyName, ciphertext: &[u8], context: &Context) -> SecretSlice<u8>
        = Decrypt { ..request(context, Some(key), None) }, ciphertext => |_, payload| secret(payload);

    /// Decrypts, and returns the plaintext encrypted under a public key: at most what that takes, 190 to 245 bytes
    /// for RSA.
    ///
    /// Refused as [`super::Kms::decrypt`] is.
    decrypt_to(ciphertext: &[u8], context: &Context, recipient: Recipient<'_>) -> Vec<u8>
        = Decrypt { ..request(context, None, Some(recipient)) }, ciphertext
        => |_, payload| public(payload);

    /// Encrypts a ciphertext anew, under another key, version or context, without showing its plaintext.
    ///
    /// Refused as decryption with the old key and encryption with the new one are.
    re_encrypt(ciphertext: &[u8], context: &Context, destination: &Destination<'_>) -> ReEncryption
        = ReEncrypt {
            destination: destination.key.map(KeyName::to_field),
            source_context: context.to_json(),
            destination_context: destination.context.to_json(),
        }, ciphertext => |done, payload| ReEncryption {
            ciphertext: public(payload),
            key_id: done.key_id,
            source_key_id: done.source_key_id,
            changed: done.changed,
        };
}

fn request(context: &Context, key: Option<&KeyName>, recipient: Option<Recipient<'_>>) -> Decrypt {
    Decrypt {
        context: context.to_json(),
        expected_key: key.map(KeyName::to_field),
        public_key: recipient.map(|recipient| recipient.public_key.to_owned()),
        algorithm: recipient.map(|recipient| recipient.algorithm.to_owned()),
    }
}
