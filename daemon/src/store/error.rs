//! What can go wrong with the store.

use super::Table;
use crate::{seal::aead, vault};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// An error of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no store; it is never made silently.
    #[error("{} is missing; `coffer init` makes a new store", .0.display())]
    Missing(PathBuf),
    /// `create` found a store.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Another process has the store open.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The store is not what this daemon wrote last; there is no service from it.
    #[error("the store is damaged: {0}")]
    Damaged(Damage),
    /// A newer program wrote the store.
    #[error("the store has schema {found}, this program knows up to {known}")]
    NewerSchema {
        /// Schema of the store.
        found: u32,
        /// Newest schema that this program knows.
        known: u32,
    },
    /// An old schema without a migration.
    #[error("the store has schema {0}, which cannot be migrated")]
    NoMigration(u32),
    /// A record is not in the generation that the batch expected.
    #[error("{table} record changed meanwhile")]
    Conflict {
        /// Its table.
        table: Table,
        /// The generation it has, if it exists.
        found: Option<u64>,
    },
    /// One batch names a record twice.
    #[error("a batch names the same {0} record twice")]
    Twice(Table),
    /// Only the store writes to this table.
    #[error("{0} records are written by the store only")]
    Internal(Table),
    /// A name, body or key material over the limit.
    #[error("a record is too long")]
    TooLong,
    /// There is no such key material.
    #[error("no such key material")]
    NoMaterial,
    /// The key was destroyed.
    #[error("the key was destroyed")]
    Destroyed,
    /// The disk is full; nothing was changed.
    #[error("no space left for the store")]
    Full,
    /// A file operation failed; nothing was changed.
    #[error("cannot {what}: {reason}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The system's reason.
        reason: String,
    },
    /// After a failure whose outcome is unknown the store takes no more writes.
    #[error("the store takes no more writes until a restart, because: {0}")]
    Failed(String),
    /// Only an empty store is filled.
    #[error("the store holds keys or other objects already")]
    NotEmpty,
    /// What was to fill the store cannot be used; nothing was changed.
    #[error("{0}")]
    Source(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Secret memory failed.
    #[error("secret memory: {0}")]
    Vault(vault::Error),
    /// The kernel gave no random numbers.
    #[error("no random numbers from the kernel")]
    Random,
}

/// What is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The database file itself.
    #[error("the database cannot be read ({0})")]
    Database(String),
    /// The head does not open.
    #[error("its head does not open: it was changed, or belongs to another root key")]
    Head,
    /// The epoch file that the head names is missing.
    #[error("epoch file {0} is missing")]
    EpochMissing(u64),
    /// The epoch file does not open.
    #[error("epoch file {0} does not open: it was changed, or belongs to another store")]
    Epoch(u64),
    /// Fewer records than the head counts.
    #[error("{missing} {table} record(s) missing")]
    Missing {
        /// Their table.
        table: Table,
        /// How many.
        missing: u64,
    },
    /// More records than the head counts.
    #[error("{surplus} {table} record(s) too many")]
    Surplus {
        /// Their table.
        table: Table,
        /// How many.
        surplus: u64,
    },
    /// The right number of records, but not those.
    #[error("a {0} record was changed or rolled back")]
    Changed(Table),
    /// A record that does not open.
    #[error("a {0} record does not open")]
    Record(Table),
    /// A record of a table that this schema does not have.
    #[error("a record of unknown table {0}")]
    UnknownTable(u8),
}

impl Error {
    pub(super) fn io(what: &'static str, error: &std::io::Error) -> Self {
        if is_full(error) { Self::Full } else { Self::Io { what, reason: error.to_string() } }
    }

    /// Whether the database reported it, as opposed to a batch that cannot be taken.
    pub(super) const fn is_storage(&self) -> bool {
        matches!(self, Self::Full | Self::Io { .. } | Self::Damaged(_) | Self::Failed(_))
    }

    pub(super) fn opening(path: &Path, error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::InUse(path.to_owned()),
            redb::DatabaseError::Storage(e) => e.into(),
            e => Self::Damaged(Damage::Database(e.to_string())),
        }
    }
}

/// Whether the error says that no space is left: disk, quota or file size limit.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

impl From<redb::StorageError> for Error {
    fn from(error: redb::StorageError) -> Self {
        match error {
            redb::StorageError::Io(e)
                if matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
            {
                Self::Damaged(Damage::Database(e.to_string()))
            }
            redb::StorageError::Io(e) => Self::io("access the database", &e),
            redb::StorageError::Corrupted(text) => Self::Damaged(Damage::Database(text)),
            e => Self::Io { what: "access the database", reason: e.to_string() },
        }
    }
}

impl From<redb::TableError> for Error {
    fn from(error: redb::TableError) -> Self {
        match error {
            redb::TableError::Storage(e) => e.into(),
            e => Self::Damaged(Damage::Database(e.to_string())),
        }
    }
}

impl From<redb::TransactionError> for Error {
    fn from(error: redb::TransactionError) -> Self {
        match error {
            redb::TransactionError::Storage(e) => e.into(),
            e => Self::Io { what: "begin a transaction", reason: e.to_string() },
        }
    }
}

impl From<redb::CommitError> for Error {
    fn from(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::Storage(e) => e.into(),
            e => Self::Io { what: "commit", reason: e.to_string() },
        }
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Self::Vault(error)
    }
}

/// What can go wrong with key material inside the vault. Without fields, because what leaves the
/// vault must have no unused bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MaterialError {
    /// There is no such key material.
    #[error("no such key material")]
    Missing,
    /// It is too long.
    #[error("the key material is too long")]
    TooLong,
    /// It was changed, or sealed elsewhere.
    #[error("the key material does not open")]
    DoesNotOpen,
    /// The wrapping key was changed, or its epoch is over.
    #[error("the wrapping key of the key material does not open")]
    WrappingDoesNotOpen,
    /// The store could not be read; the log has the reason.
    #[error("the key material cannot be read")]
    Unreadable,
    /// No room in secret memory.
    #[error("no room in secret memory")]
    NoRoom,
    /// The kernel gave no random numbers.
    #[error("no random numbers from the kernel")]
    Random,
}

impl vault::Release for MaterialError {}

impl From<vault::Error> for MaterialError {
    fn from(_: vault::Error) -> Self {
        Self::NoRoom
    }
}

impl From<MaterialError> for Error {
    fn from(error: MaterialError) -> Self {
        match error {
            MaterialError::Missing => Self::NoMaterial,
            MaterialError::TooLong => Self::TooLong,
            MaterialError::DoesNotOpen => Self::Damaged(Damage::Record(Table::Material)),
            MaterialError::WrappingDoesNotOpen => Self::Damaged(Damage::Record(Table::Wrapping)),
            MaterialError::Unreadable => {
                Self::Io { what: "read key material", reason: error.to_string() }
            }
            MaterialError::NoRoom => Self::Vault(vault::Error::Full),
            MaterialError::Random => Self::Random,
        }
    }
}

impl Error {
    /// The error for a sealed value that does not open, or could not be sealed.
    pub(super) fn sealing(error: aead::Error, damage: Damage) -> Self {
        match error {
            aead::Error::DoesNotOpen => Self::Damaged(damage),
            aead::Error::Random => Self::Random,
        }
    }
}
