//! The one object model: a KMS key and a PKCS#11 object are the same thing.
//!
//! An [`Object`] is an immutable snapshot; a change makes a new one. Its attributes never hold material.

mod attributes;
pub mod builtin;
pub mod cmk;
mod key;
mod keyring;
mod life;
mod part;
pub mod public;
mod record;
mod registry;
pub mod schema;
pub mod spec;
mod tombstone;

pub use attributes::Attributes;
pub use key::{KeyMeta, Material, SessionKey};
pub use keyring::{Keyring, OpenKey};
pub use life::{DAY, Due, Ending, Life, MadeBy, Rotation, WARNINGS};
pub use part::KeyPart;
pub use registry::{Change, Changes, Query, Registry, Staged};
pub use tombstone::Tombstone;

use coffer_protocol::attribute;
use coffer_protocol::handshake::uuid_text;
use coffer_protocol::key_type::KeyType;

/// An object's unique id (`CKA_UNIQUE_ID`); for a secret or private key also its KMS `KeyId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub [u8; 16]);

impl ObjectId {
    /// A new random id (UUID version 4).
    pub fn random() -> Self {
        Self(*uuid::Uuid::new_v4().as_bytes())
    }

    /// The id of its 36 characters.
    pub fn parse(text: &str) -> Option<Self> {
        let id = (text.len() == 36).then(|| uuid::Uuid::try_parse(text).ok())??;
        Some(Self(*id.as_bytes()))
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&uuid_text(&self.0))
    }
}

/// A slot: the number of a partition, which is a PKCS#11 token and a KMS region at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// `CKO_` numbers (PKCS#11 section 4).
pub mod class {
    /// `CKO_DATA`.
    pub const DATA: u64 = 0;
    /// `CKO_CERTIFICATE`.
    pub const CERTIFICATE: u64 = 1;
    /// `CKO_PUBLIC_KEY`.
    pub const PUBLIC_KEY: u64 = 2;
    /// `CKO_PRIVATE_KEY`.
    pub const PRIVATE_KEY: u64 = 3;
    /// `CKO_SECRET_KEY`.
    pub const SECRET_KEY: u64 = 4;
    /// `CKO_DOMAIN_PARAMETERS`.
    pub const DOMAIN_PARAMETERS: u64 = 6;
    /// `CKO_MECHANISM`.
    pub const MECHANISM: u64 = 7;
    /// `CKO_PROFILE`.
    pub const PROFILE: u64 = 9;
    /// `CKO_TRUST`.
    pub const TRUST: u64 = 11;
}

/// A snapshot of an object.
#[derive(Debug)]
pub struct Object {
    /// Its unique id.
    pub id: ObjectId,
    /// The partition that it belongs to.
    pub slot: Slot,
    /// Order of creation in the store; session objects have 0.
    pub sequence: u64,
    /// Generation of its record in the store; session objects have 0.
    pub generation: u64,
    /// Its attributes, without material.
    pub attributes: Attributes,
    /// What the KMS knows of it; secret and private token keys have that.
    pub key: Option<KeyMeta>,
    /// Where its key material is, if it is a key with some.
    pub material: Material,
}

impl Object {
    /// `CKA_CLASS`.
    pub fn class(&self) -> u64 {
        self.attributes.number(attribute::CLASS).unwrap_or(u64::MAX)
    }

    /// Whether it lasts longer than its session (`CKA_TOKEN`).
    pub fn is_token(&self) -> bool {
        self.attributes.flag(attribute::TOKEN)
    }

    /// Whether only a logged-in user sees it (`CKA_PRIVATE`).
    pub fn is_private(&self) -> bool {
        self.attributes.flag(attribute::PRIVATE)
    }

    /// Whether it is a key that PKCS#11 has a class for.
    pub fn is_key(&self) -> bool {
        matches!(self.class(), class::PUBLIC_KEY | class::PRIVATE_KEY | class::SECRET_KEY)
    }

    /// Whether the value of a key stays on the token (PKCS#11 3.1 section 5.7.5: sensitive, or not extractable).
    pub fn keeps_value(&self) -> bool {
        self.attributes.flag(attribute::SENSITIVE) || !self.attributes.flag(attribute::EXTRACTABLE)
    }

    /// Whether it was made by CreateKey: such a key is not destroyed or copied through PKCS#11.
    pub fn is_cmk(&self) -> bool {
        self.key.as_ref().is_some_and(KeyMeta::is_cmk)
    }

    /// Whether it is a CMK, or a session's reference to one.
    pub fn shares_cmk(&self) -> bool {
        self.is_cmk() || matches!(self.material, Material::Reference { kept: None, .. })
    }

    /// A copy to change: the next snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self {
            id: self.id,
            slot: self.slot,
            sequence: self.sequence,
            generation: self.generation,
            attributes: self.attributes.clone(),
            key: self.key.clone(),
            material: self.material.clone(),
        }
    }

    /// The type of a key; SM2 and SM4 keys have one, but PKCS#11 shows none of theirs yet.
    pub fn key_type(&self) -> Option<KeyType> {
        match &self.key {
            Some(key) if key.is_cmk() => Some(key.key_type()),
            _ => self.attributes.number(attribute::KEY_TYPE).and_then(KeyType::from_ckk),
        }
    }
}
