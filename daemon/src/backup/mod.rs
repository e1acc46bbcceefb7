//! Backups: one file that holds the store of one moment under a passphrase, and the way back into an empty store.
//!
//! The file is a header in clear, then chunks of 64 KiB, each sealed with AES-256-GCM under a key that follows from
//! the passphrase (Argon2id) and the header. A chunk's nonce has its number and whether it is the last (the STREAM
//! construction of Hoang, Reyhanitabar, Rogaway and Vizár), so that nothing can be changed, moved, left out or cut
//! off. Inside are records, and at the end a manifest that counts them. Key material is sealed once more by itself:
//! it is opened and sealed inside the vault only. Epoch keys are in no backup.

mod check;
mod export;
mod header;
mod key;
mod line;
mod reader;
mod references;
mod restore;
#[cfg(test)]
mod tests;
mod transfer;

pub use check::Check;
pub use export::Export;
pub use header::Header;
pub use restore::{Plan, Restore};
pub use transfer::Transfer;

use coffer_protocol::ErrorCode;
use std::time::Duration;

use crate::Error;

/// Bytes of the file that are sealed together.
const CHUNK: usize = 64 << 10;
/// Bytes that sealing adds to a chunk.
const TAG: usize = 16;
/// Bytes of a passphrase for a new backup.
pub const PASSPHRASE: std::ops::RangeInclusive<usize> = 12..=1024;

/// What is under way, one of each kind.
pub struct Transfers {
    /// A backup.
    pub backup: Transfer<Export>,
    /// A restore: people take their time to look at its plan.
    pub restore: Transfer<Restore>,
    /// A check.
    pub check: Transfer<Check>,
}

impl Default for Transfers {
    fn default() -> Self {
        let (short, long) = (Duration::from_mins(2), Duration::from_mins(30));
        Self {
            backup: Transfer::new("backup", short, long),
            restore: Transfer::new("restore", Duration::from_mins(15), long),
            check: Transfer::new("store check", short, long),
        }
    }
}

impl Transfers {
    /// Ends what a connection began.
    pub fn end(&self, connection: u32) {
        self.backup.end(connection);
        self.restore.end(connection);
        self.check.end(connection);
    }
}

/// What is wrong with a backup.
fn damaged(what: impl Into<String>) -> Error {
    Error::about(ErrorCode::BackupDamaged, what)
}
