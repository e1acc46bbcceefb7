//! Messages of the PKCS#11 face: objects and their attributes.
//!
//! Templates travel as payload, because they may hold key values: the postcard form of
//! `Vec<`[`Attribute`](crate::attribute::Attribute)`>`.

use serde::{Deserialize, Serialize};

pub use super::cipher::Output;
pub use super::token::Nothing;

use crate::mechanism::MechanismCall;

/// Makes an object (`C_CreateObject`). Payload: the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateObject {
    /// The session.
    pub session: u32,
}

/// An object as a client needs to know it to answer without asking again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectDescription {
    /// Its handle in the application, never 0.
    pub object: u32,
    /// Its unique id, as change events name it.
    pub id: [u8; 16],
    /// `CKO_` number.
    pub class: u64,
    /// `CKK_` number; `u64::MAX` where the object is no key.
    pub key_type: u64,
    /// Size: modulus bits, field bits of a curve, bits of a secret key.
    pub key_bits: u32,
    /// What its usage attributes allow: a set of [`Usage`] bits.
    pub usage: u32,
    /// Whether each use needs a login of its own (`CKA_ALWAYS_AUTHENTICATE`).
    pub always_authenticate: bool,
    /// Number of the error that every use gives now, because of the key's state; 0: none.
    pub refusal: u16,
    /// The mechanisms that the key is limited to; empty: not limited.
    pub allowed_mechanisms: Vec<u64>,
    /// Number of what a session key consists of, which its copies in sessions share, rising while the daemon runs; 0:
    /// the object is no session key, or a copy of a token key.
    pub material: u64,
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Usage {
    /// `CKA_ENCRYPT`.
    Encrypt = 1,
    /// `CKA_DECRYPT`.
    Decrypt = 2,
    /// `CKA_SIGN`.
    Sign = 4,
    /// `CKA_VERIFY`.
    Verify = 8,
    /// `CKA_WRAP`.
    Wrap = 16,
    /// `CKA_UNWRAP`.
    Unwrap = 32,
    /// `CKA_DERIVE`.
    Derive = 64,
    /// `CKA_SIGN_RECOVER`.
    SignRecover = 128,
    /// `CKA_VERIFY_RECOVER`.
    VerifyRecover = 256,
    /// `CKA_ENCAPSULATE`.
    Encapsulate = 512,
    /// `CKA_DECAPSULATE`.
    Decapsulate = 1024,
}

/// Copies an object (`C_CopyObject`). Payload: the template of what differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyObject {
    /// The session.
    pub session: u32,
    /// The object.
    pub object: u32,
}

/// Destroys an object (`C_DestroyObject`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DestroyObject {
    /// The session.
    pub session: u32,
    /// The object.
    pub object: u32,
}

/// Describes an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DescribeObject {
    /// The session.
    pub session: u32,
    /// The object.
    pub object: u32,
}

/// Reads attributes (`C_GetAttributeValue`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GetAttributes {
    /// The session.
    pub session: u32,
    /// The object.
    pub object: u32,
    /// `CKA_` numbers, at most 256.
    pub kinds: Vec<u64>,
}

/// Attributes in the order asked. Payload: their values, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    /// One entry per attribute asked for.
    pub entries: Vec<AttributeEntry>,
}

/// Whether an attribute has a value, and how long it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeEntry {
    /// 0, or the number of the error: the attribute is sensitive or the object has none.
    pub error: u16,
    /// Bytes of the value in the payload.
    pub length: u32,
}

/// Changes attributes (`C_SetAttributeValue`). Payload: the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAttributes {
    /// The session.
    pub session: u32,
    /// The object.
    pub object: u32,
}

/// Tells the bytes that an object takes (`C_GetObjectSize`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GetObjectSize {
    /// The session.
    pub session: u32,
    /// The object.
    pub object: u32,
}

/// A size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectSize {
    /// Bytes.
    pub bytes: u64,
}

/// Finds objects (`C_FindObjectsInit`). Payload: the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindObjects {
    /// The session.
    pub session: u32,
    /// Continues after this handle; 0 at first.
    pub after: u32,
}

/// Most handles in one [`FoundObjects`].
pub const MAX_FOUND: usize = 200_000;
/// Most descriptions in one [`FoundObjects`].
pub const MAX_DESCRIBED: usize = 16;

/// Objects. Payload: all their handles, 4 bytes little-endian each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundObjects {
    /// Whether there are more; ask again after the last handle.
    pub more: bool,
    /// The first ones, described: as many as fit.
    pub descriptions: Vec<ObjectDescription>,
}

/// Generates a secret key (`C_GenerateKey`). Payload: the template, then the password where the mechanism takes
/// one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateKey {
    /// The session.
    pub session: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// Bytes of the password in the payload; 0 where there is none.
    pub password_length: u32,
}

/// Longest password in bytes.
pub const MAX_PASSWORD: usize = 1024;

/// Generates a key pair (`C_GenerateKeyPair`). Payload: the public template, then the private one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateKeyPair {
    /// The session.
    pub session: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// Bytes of the public key's template in the payload.
    pub public_length: u32,
}

/// Derives keys (`C_DeriveKey`). Payload: the template of the first, then those of the additional ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeriveKey {
    /// The session.
    pub session: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// The base key.
    pub key: u32,
    /// Bytes of the template of each additional key in the payload, at most [`MAX_ADDITIONAL`]; of SP 800-108 only.
    pub additional: Vec<u32>,
}

/// Most additional keys that one derivation gives.
pub const MAX_ADDITIONAL: usize = 16;

/// Keys that were derived. Payload: what the mechanism gives beside them and is no secret: the version of TLS in two
/// bytes, zeros where the secret begins with none, or both initialisation vectors of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DerivedKeys {
    /// The keys in the order of the mechanism: the first and the additional ones; or those of a connection, for
    /// codes and then for encryption, the client's before the server's.
    pub keys: Vec<ObjectDescription>,
}

/// Wraps a key (`C_WrapKey`). Payload of the reply: the wrapped key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrapKey {
    /// The session.
    pub session: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// The key that is wrapped.
    pub key: u32,
    /// The key that it is wrapped under.
    pub wrapping: u32,
}

/// Longest wrapped key in bytes: more than an RSA-4096 key takes in any way.
pub const MAX_WRAPPED: usize = 16 << 10;

/// Makes a key from what was wrapped (`C_UnwrapKey`). Payload: the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnwrapKey {
    /// The session.
    pub session: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// The key that it is wrapped under.
    pub key: u32,
    /// The wrapped key, at most [`MAX_WRAPPED`] bytes.
    pub wrapped: Vec<u8>,
}

/// A key pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratedKeyPair {
    /// The public key.
    pub public: ObjectDescription,
    /// The private key.
    pub private: ObjectDescription,
}

/// Makes a secret that the holder of a private key gets too (`C_EncapsulateKey`). Payload: the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncapsulateKey {
    /// The session.
    pub session: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// The public key.
    pub key: u32,
}

/// Makes a key from what another side encapsulated (`C_DecapsulateKey`). Payload: the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecapsulateKey {
    /// The session.
    pub session: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// The private key.
    pub key: u32,
    /// What leads to the secret, at most [`MAX_WRAPPED`] bytes.
    pub ciphertext: Vec<u8>,
}

/// A secret, and what leads another side to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncapsulatedKey {
    /// The secret.
    pub key: ObjectDescription,
    /// What the holder of the private key needs.
    pub ciphertext: Vec<u8>,
}
