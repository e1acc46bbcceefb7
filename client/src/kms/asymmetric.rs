//! Public keys, decryption with pairs, shared secrets.

use coffer_protocol::message::Bytes;
pub use coffer_protocol::operation::kms::PublicKey;
use coffer_protocol::operation::kms::{
    AsymmetricRsaDecrypt, AsymmetricSm2Decrypt, DeriveSharedSecret, GetPublicKey,
};
use secrecy::SecretSlice;

use super::call::{NONE, calls, secret};
use crate::KeyName;

calls! {
    /// Tells the public key of an enabled asymmetric CMK.
    ///
    /// Refused with `InvalidKeyUsage`, and in any other state with `CmkStateNotSupport` or `KeyPendingDelete`.
    public_key(key: &KeyName) -> PublicKey
        = GetPublicKey { key_id: key.to_field() }, NONE => |public, _| public;

    /// Decrypts with an RSA key; the ciphertext is as long as the modulus. `algorithm` is `RSAES_PKCS1_V1_5`,
    /// `RSAES_OAEP_SHA_1` or `RSAES_OAEP_SHA_256`.
    ///
    /// Refused with `DecryptError`, `InvalidKeyUsage`, `CmkDisabled`, `KeyPendingDelete`. A wrong padding of PKCS #1
    /// v1.5 is no error, but gives a plaintext of random bytes.
    rsa_decrypt(key: &KeyName, algorithm: &str, ciphertext: &[u8]) -> SecretSlice<u8>
        = AsymmetricRsaDecrypt { key_id: key.to_field(), algorithm: algorithm.to_owned() }, ciphertext
        => |_, payload| secret(payload);

    /// Decrypts with an SM2 key; the ciphertext is C1C3C2 in ASN.1 (GM/T 0009) of up to 256 bytes.
    ///
    /// Refused with `DecryptError`, `InvalidKeyUsage`, `CmkDisabled`, `KeyPendingDelete`.
    sm2_decrypt(key: &KeyName, ciphertext: &[u8]) -> SecretSlice<u8>
        = AsymmetricSm2Decrypt { key_id: key.to_field() }, ciphertext => |_, payload| secret(payload);

    /// Derives a secret shared with the holder of another key, by ECDH (SP 800-56A): the x coordinate, 32 or 48
    /// bytes, to be put through a key derivation function. `public_key` is the other's SubjectPublicKeyInfo in DER, on
    /// the curve of the key.
    ///
    /// Refused with `InvalidKeyUsage`, `InvalidValue`, `CmkDisabled`, `KeyPendingDelete`.
    derive_shared_secret(key: &KeyName, public_key: &[u8]) -> SecretSlice<u8>
        = DeriveSharedSecret {
            key_id: key.to_field(), algorithm: "ECDH".to_owned(), public_key: Bytes(public_key.to_vec())
        }, NONE => |_, payload| secret(payload);
}
