//! Parameters as they cross the wire: the structures of PKCS#11 without pointers.

use serde::{Deserialize, Serialize};

/// The initialisation vector of a block mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IvParameter {
    /// One block.
    pub iv: [u8; 16],
}

/// `CK_GCM_PARAMS`, PKCS#11 3.1 section 6.13.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcmParameter {
    /// The initialisation vector, 1 to 256 bytes; 12 is the length to choose.
    pub iv: Vec<u8>,
    /// Data that is authenticated but not encrypted.
    pub aad: Vec<u8>,
    /// The length of the tag in bits, 96 to 128.
    pub tag_bits: u32,
}

impl GcmParameter {
    /// The length of the tag in bytes.
    #[must_use]
    pub const fn tag_len(&self) -> usize {
        (self.tag_bits / 8) as usize
    }
}

/// `CK_AES_CTR_PARAMS`, PKCS#11 3.1 section 6.11.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CtrParameter {
    /// How many low bits of the block count, 1 to 128.
    pub bits: u32,
    /// The first counter block.
    pub block: [u8; 16],
}

/// `CK_RSA_PKCS_PSS_PARAMS`, PKCS#11 3.1 section 6.1.9.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PssParameter {
    /// The hash of the message, a `CKM_` number.
    pub hash: u64,
    /// The mask generation function, a `CKG_` number.
    pub mgf: u64,
    /// The length of the salt in bytes.
    pub salt_len: u64,
}

/// `CK_RSA_PKCS_OAEP_PARAMS`, PKCS#11 3.1 section 6.1.7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OaepParameter {
    /// The hash of the label, a `CKM_` number.
    pub hash: u64,
    /// The mask generation function, a `CKG_` number.
    pub mgf: u64,
    /// The label, `pSourceData`; usually empty.
    pub label: Vec<u8>,
}

/// `CK_RSA_AES_KEY_WRAP_PARAMS`, PKCS#11 3.1 section 6.1.12.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaAesParameter {
    /// The size of the AES key in between, 128, 192 or 256.
    pub aes_bits: u32,
    /// How that key is wrapped.
    pub oaep: OaepParameter,
}

/// `CK_CCM_PARAMS`, PKCS#11 3.1 section 6.13.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CcmParameter {
    /// The length of the plaintext in bytes.
    pub data_len: u64,
    /// The nonce, 7 to 13 bytes.
    pub nonce: Vec<u8>,
    /// Data that is authenticated but not encrypted.
    pub aad: Vec<u8>,
    /// The length of the tag in bytes: 4, 6, … 16.
    pub tag_len: u32,
}

impl CcmParameter {
    pub(super) fn is_possible(&self) -> bool {
        // SP 800-38C section 5.3: the length has the bytes that the nonce leaves.
        let bits = 8 * 15_usize.saturating_sub(self.nonce.len());
        (7..=13).contains(&self.nonce.len())
            && (bits >= 64 || self.data_len >> bits == 0)
            && (4..=16).contains(&self.tag_len)
            && self.tag_len.is_multiple_of(2)
    }
}

/// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`, PKCS#11 3.1 section 6.60.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaChaPolyParameter {
    /// The nonce.
    pub nonce: [u8; 12],
    /// Data that is authenticated but not encrypted.
    pub aad: Vec<u8>,
}

/// `CK_MAC_GENERAL_PARAMS`, PKCS#11 3.1 section 6.10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacLengthParameter {
    /// How many bytes of the code are wanted, at least 1.
    pub length: u32,
}

/// `CK_MAC_GENERAL_PARAMS` where it holds t of SHA-512/t, PKCS#11 3.2 section 6.26.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruncationParameter {
    /// How many bits the hash function gives: 8 to 504, a multiple of 8, and not 384.
    pub bits: u32,
}

/// `CK_HKDF_PARAMS`, PKCS#11 3.1 section 6.63.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HkdfParameter {
    /// Whether to extract a pseudorandom key from the base key.
    pub extract: bool,
    /// Whether to expand.
    pub expand: bool,
    /// The hash, a `CKM_` number.
    pub hash: u64,
    /// Where the salt comes from: a `CKF_HKDF_SALT_` number.
    pub salt_kind: u64,
    /// The salt where it is data, at most 512 KiB.
    pub salt: Vec<u8>,
    /// The handle of the salt where it is a key.
    pub salt_key: u64,
    /// What the key is for.
    pub info: Vec<u8>,
}

/// `CK_EDDSA_PARAMS`, PKCS#11 3.1 section 6.3.16.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdDsaParameter {
    /// Whether the hash of the message is signed (Ed25519ph).
    pub prehash: bool,
    /// The context, at most 255 bytes; Ed25519ctx has at least one, and without prehash none means plain Ed25519.
    pub context: Vec<u8>,
}

/// `CK_ECDH1_DERIVE_PARAMS`, PKCS#11 3.1 section 6.3.17.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcdhParameter {
    /// What is made of the shared secret, a `CKD_` number.
    pub kdf: u64,
    /// What both sides know, for the key derivation function; at most 512 KiB.
    pub shared_data: Vec<u8>,
    /// The public point of the other side, raw or in an OCTET STRING.
    pub public_data: Vec<u8>,
}

/// The parameter of `CKM_COFFER_ENVELOPE`: in C it is this text without an end mark, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeParameter {
    /// The encryption context as the KMS takes it: a JSON object of strings, at most 1024 bytes.
    pub context: String,
}

/// The parameter of AES key wrap: the initial value, or the constant part of it where there is padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapIvParameter {
    /// 8 bytes, or with padding 4.
    pub iv: Vec<u8>,
}

/// `CK_CHACHA20_PARAMS`, PKCS#11 3.1 section 6.59.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaChaParameter {
    /// The number of the first block.
    pub block: u64,
    /// The size of that number in bits: 32 beside a nonce of 12 bytes, 64 beside one of 8.
    pub block_bits: u32,
    /// The nonce.
    pub nonce: Vec<u8>,
}

/// `CK_ECDH_AES_KEY_WRAP_PARAMS`, PKCS#11 3.1 section 6.3.20.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcdhAesParameter {
    /// The size of the AES key in between, 128, 192 or 256.
    pub aes_bits: u32,
    /// What is made of the shared secret, a `CKD_` number.
    pub kdf: u64,
    /// What both sides know, for the key derivation function; at most 512 KiB.
    pub shared_data: Vec<u8>,
}
