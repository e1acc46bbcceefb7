//! Data keys: made here, used by the caller, kept encrypted under a CMK.

use coffer_protocol::operation::kms::{
    DecryptDataKey, EncryptDataKey, GenerateDataKey, GenerateDataKeyWithoutPlaintext,
};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

use super::Recipient;
use super::call::{NONE, calls, public, secret};
use crate::{Context, KeyName};

/// How long a data key is.
#[derive(Clone, Copy, Debug)]
pub enum DataKeyLength {
    /// 16 bytes.
    Aes128,
    /// 32 bytes.
    Aes256,
    /// 1 to 1,024 bytes.
    Bytes(u16),
}

/// A data key.
pub struct DataKey {
    /// The key in clear, for use now.
    pub plaintext: SecretSlice<u8>,
    /// The key encrypted, for keeping; [`super::Kms::decrypt`] opens it.
    pub ciphertext: Vec<u8>,
}

/// A data key of which nobody on the way sees the plaintext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeyFor {
    /// The key encrypted under the recipient's public key.
    pub for_recipient: Vec<u8>,
    /// The key encrypted under the CMK, for keeping.
    pub ciphertext: Vec<u8>,
}

impl DataKeyLength {
    fn fields(self) -> (Option<String>, Option<i64>) {
        match self {
            Self::Aes128 => (Some("AES_128".to_owned()), None),
            Self::Aes256 => (Some("AES_256".to_owned()), None),
            Self::Bytes(length) => (None, Some(i64::from(length))),
        }
    }
}

calls! {
    /// Makes a data key: once in clear for use, once encrypted for keeping.
    ///
    /// Refused as [`super::Kms::encrypt`] is.
    generate_data_key(key: &KeyName, length: DataKeyLength, context: &Context) -> DataKey
        = GenerateDataKey { ..request(key, length, context, None) }, NONE
        => |made, payload| DataKey { plaintext: secret(payload), ciphertext: made.ciphertext.0 };

    /// Makes a data key: once encrypted under a public key for who uses it, once for keeping.
    ///
    /// Refused as [`super::Kms::encrypt`] is.
    generate_data_key_to(
        key: &KeyName, length: DataKeyLength, context: &Context, recipient: Recipient<'_>
    ) -> DataKeyFor
        = GenerateDataKey { ..request(key, length, context, Some(recipient)) }, NONE
        => |made, payload| DataKeyFor { for_recipient: public(payload), ciphertext: made.ciphertext.0 };

    /// Makes a data key for later: encrypted only.
    ///
    /// Refused as [`super::Kms::encrypt`] is.
    generate_data_key_without_plaintext(key: &KeyName, length: DataKeyLength, context: &Context) -> Vec<u8>
        = GenerateDataKeyWithoutPlaintext {
            key_id: key.to_field(),
            key_spec: length.fields().0,
            length: length.fields().1,
            context: context.to_json(),
        }, NONE => |_, payload| public(payload);

    /// Encrypts a data key of 1 to 1,024 bytes that comes with its SHA-256, or its SM3 where the CMK is SM4.
    ///
    /// Refused as [`super::Kms::encrypt`] is, and where the hash is not that of the data key.
    encrypt_data_key(key: &KeyName, data_key: &SecretSlice<u8>, hash: &[u8], context: &Context) -> Vec<u8>
        = EncryptDataKey {
            key_id: key.to_field(), length: length_of(data_key), context: context.to_json()
        }, with_hash(data_key, hash) => |_, payload| public(payload);

    /// Decrypts a data key of that length, 1 to 1,024 bytes; one of another length is refused.
    ///
    /// Refused as [`super::Kms::decrypt_of`] is; without a key, the ciphertext names it alone.
    decrypt_data_key(
        key: Option<&KeyName>, ciphertext: &[u8], length: u16, context: &Context
    ) -> SecretSlice<u8>
        = DecryptDataKey {
            length: i64::from(length),
            context: context.to_json(),
            expected_key: key.map(KeyName::to_field),
        }, ciphertext => |_, payload| secret(payload);
}

fn request(
    key: &KeyName,
    length: DataKeyLength,
    context: &Context,
    recipient: Option<Recipient<'_>>,
) -> GenerateDataKey {
    let (key_spec, length) = length.fields();
    GenerateDataKey {
        key_id: key.to_field(),
        key_spec,
        length,
        context: context.to_json(),
        public_key: recipient.map(|recipient| recipient.public_key.to_owned()),
        algorithm: recipient.map(|recipient| recipient.algorithm.to_owned()),
    }
}

/// One that is longer than any number is refused as too long.
fn length_of(data_key: &SecretSlice<u8>) -> i64 {
    i64::try_from(data_key.expose_secret().len()).unwrap_or(i64::MAX)
}

fn with_hash(data_key: &SecretSlice<u8>, hash: &[u8]) -> Zeroizing<Vec<u8>> {
    let data_key = data_key.expose_secret();
    let mut both = Zeroizing::new(Vec::with_capacity(data_key.len() + hash.len()));
    both.extend_from_slice(data_key);
    both.extend_from_slice(hash);
    both
}
