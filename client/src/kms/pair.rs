//! Data key pairs: made here, used by the caller, the private key kept encrypted under a CMK.

use coffer_protocol::operation::kms::{GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext};
use secrecy::SecretSlice;

use super::call::{NONE, calls, public, secret};
use crate::{Context, KeyName};

/// A data key pair.
pub struct DataKeyPair {
    /// SubjectPublicKeyInfo (RFC 5280) in DER.
    pub public_key: Vec<u8>,
    /// The private key in clear, PKCS #8 (RFC 5958) in DER.
    pub private_key: SecretSlice<u8>,
    /// The private key encrypted, for keeping; [`super::Kms::decrypt`] opens it.
    pub ciphertext: Vec<u8>,
}

/// A data key pair for later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDataKeyPair {
    /// SubjectPublicKeyInfo (RFC 5280) in DER.
    pub public_key: Vec<u8>,
    /// The private key encrypted, for keeping; [`super::Kms::decrypt`] opens it.
    pub ciphertext: Vec<u8>,
}

calls! {
    /// Makes a data key pair: the private key once in clear for use, once encrypted for keeping. `spec` is `RSA_2048`,
    /// `RSA_3072`, `RSA_4096`, `ECC_NIST_P256`, `ECC_NIST_P384` or `SM2`.
    ///
    /// Refused as [`super::Kms::encrypt`] is.
    generate_data_key_pair(key: &KeyName, spec: &str, context: &Context) -> DataKeyPair
        = GenerateDataKeyPair {
            key_id: key.to_field(), spec: spec.to_owned(), context: context.to_json()
        }, NONE => |made, payload| DataKeyPair {
            public_key: made.public_key.0,
            private_key: secret(payload),
            ciphertext: made.ciphertext.0,
        };

    /// Makes a data key pair for later: the private key encrypted only. `spec` as for
    /// [`super::Kms::generate_data_key_pair`].
    ///
    /// Refused as [`super::Kms::encrypt`] is.
    generate_data_key_pair_without_plaintext(key: &KeyName, spec: &str, context: &Context) -> KeptDataKeyPair
        = GenerateDataKeyPairWithoutPlaintext {
            key_id: key.to_field(), spec: spec.to_owned(), context: context.to_json()
        }, NONE => |made, payload| KeptDataKeyPair {
            public_key: made.public_key.0,
            ciphertext: public(payload),
        };
}
