//! Tables, record names and record contents.

use std::fmt;

/// What a record is about. The numbers are part of the stored format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Facts about the whole device.
    Meta = 1,
    /// Partitions: tokens and regions.
    Partitions = 2,
    /// Keys and other objects, without their key material.
    Objects = 3,
    /// PIN verifiers and their failure counts.
    Pins = 4,
    /// What is remembered of destroyed keys.
    Tombstones = 5,
    /// Audit checkpoints.
    Checkpoints = 6,
    /// Alarms.
    Alarms = 7,
    /// Open import tokens.
    Imports = 8,
    /// Last uses of keys.
    Uses = 9,
    /// IVs that callers made for keys that rotate.
    Ivs = 10,
    /// Wrapping keys of key material; the store alone writes here.
    Wrapping = 64,
    /// Key material under its wrapping key; the store alone writes here.
    Material = 65,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::Partitions,
        Self::Objects,
        Self::Pins,
        Self::Tombstones,
        Self::Checkpoints,
        Self::Alarms,
        Self::Imports,
        Self::Uses,
        Self::Ivs,
        Self::Wrapping,
        Self::Material,
    ];

    /// The number in stored keys.
    pub const fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.number() == number)
    }

    /// What a backup does with the table. A new table is decided on here before anything compiles.
    pub const fn in_backup(self) -> InBackup {
        match self {
            Self::Partitions | Self::Objects | Self::Tombstones | Self::Ivs => InBackup::Copied,
            Self::Material => InBackup::Resealed,
            // Facts, alarms, last uses and the audit log are of this device only. PINs are peppered with the root key,
            // which is another one where a backup is restored, and import tokens are sealed with it. Wrapping keys
            // are made anew: epoch keys are in no backup.
            Self::Meta
            | Self::Pins
            | Self::Checkpoints
            | Self::Alarms
            | Self::Imports
            | Self::Uses
            | Self::Wrapping => InBackup::Left,
        }
    }

    /// Whether only the store itself writes here.
    pub(super) const fn is_internal(self) -> bool {
        matches!(self, Self::Wrapping | Self::Material)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Meta => "meta",
            Self::Partitions => "partition",
            Self::Objects => "object",
            Self::Pins => "PIN",
            Self::Tombstones => "tombstone",
            Self::Checkpoints => "audit checkpoint",
            Self::Alarms => "alarm",
            Self::Imports => "import token",
            Self::Uses => "last use",
            Self::Ivs => "used IVs",
            Self::Wrapping => "wrapping key",
            Self::Material => "key material",
        })
    }
}

/// What a backup does with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InBackup {
    /// Its records are in the backup as they are.
    Copied,
    /// Its records are opened, and sealed under the backup's key, inside the vault.
    Resealed,
    /// It belongs to this device, or is made anew.
    Left,
}

/// Longest name of a record.
pub const LONGEST_ID: usize = 32;
/// Longest body of a record.
pub const LONGEST_BODY: usize = 1 << 20;

/// The name of a record within its table: up to 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    bytes: [u8; LONGEST_ID],
    length: u8,
}

impl RecordId {
    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Key material of one version of a key.
    pub(crate) fn of_version(key: KeyId, version: u32) -> Self {
        let mut id = Self::from(key.0);
        id.bytes[16..20].copy_from_slice(&version.to_be_bytes());
        id.length = 20;
        id
    }

    /// A numbered part of what is known of one version of a key.
    pub(crate) fn of_part(key: [u8; 16], version: u32, part: u32) -> Self {
        let mut id = Self::of_version(KeyId(key), version);
        id.bytes[20..24].copy_from_slice(&part.to_be_bytes());
        id.length = 24;
        id
    }

    /// The key and version of key material.
    pub(crate) fn version(&self) -> Option<(KeyId, u32)> {
        let (key, version) = self.as_bytes().split_first_chunk()?;
        Some((KeyId(*key), u32::from_be_bytes(version.try_into().ok()?)))
    }
}

impl TryFrom<&[u8]> for RecordId {
    type Error = super::Error;

    fn try_from(from: &[u8]) -> Result<Self, Self::Error> {
        let mut bytes = [0; LONGEST_ID];
        let room = bytes.get_mut(..from.len()).ok_or(super::Error::TooLong)?;
        room.copy_from_slice(from);
        let length = u8::try_from(from.len()).map_err(|_| super::Error::TooLong)?;
        Ok(Self { bytes, length })
    }
}

impl From<[u8; 16]> for RecordId {
    fn from(from: [u8; 16]) -> Self {
        let mut bytes = [0; LONGEST_ID];
        bytes[..16].copy_from_slice(&from);
        Self { bytes, length: 16 }
    }
}

impl From<KeyId> for RecordId {
    fn from(key: KeyId) -> Self {
        Self::from(key.0)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

/// The 16 bytes of a key's UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// The epoch shard of the key's wrapping keys.
    pub(super) const fn shard(self) -> u8 {
        self.0[0]
    }
}

impl From<uuid::Uuid> for KeyId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.into_bytes())
    }
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub id: RecordId,
    /// A number of the owner's choice, authenticated: the key version, a format version.
    pub version: u32,
    /// A state of the owner's choice, authenticated.
    pub state: u8,
    /// Opaque content.
    pub body: Vec<u8>,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub id: RecordId,
    /// As written.
    pub version: u32,
    /// As written.
    pub state: u8,
    /// The generation of the commit that wrote it.
    pub generation: u64,
    /// As written.
    pub body: Vec<u8>,
}
