//! What can go wrong with the audit log. Whoever gets one of these refuses the operation.

use crate::vault;
use std::io;
use std::path::{Path, PathBuf};

/// An error of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another process writes to this log.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// There is no room for ordinary records.
    #[error("no space left for audit records")]
    Full,
    /// The event is longer than a record may be.
    #[error("the audit event is too long")]
    TooLong,
    /// A setting is out of its range.
    #[error("{0}")]
    Config(&'static str),
    /// A file operation failed.
    #[error("cannot {what} {}: {reason}", path.display())]
    Io {
        /// The operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// After a failed fsync or a record that could not be taken back nothing more is written.
    #[error("the audit log takes no more records until a restart, because: {0}")]
    Failed(String),
    /// Secret memory failed.
    #[error("secret memory: {0}")]
    Vault(#[from] vault::Error),
}

impl Error {
    pub(super) fn io(what: &'static str, path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            return Self::Full;
        }
        Self::Io { what, path: path.to_owned(), reason: error.to_string() }
    }
}
