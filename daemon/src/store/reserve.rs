//! Room on the disk that is kept for batches that must always succeed: a file beside the store,
//! given up only for such a batch. redb doubles its file when it needs one page more, and cuts it
//! down again when it is closed, so the room is somewhat more than the store. While it cannot be
//! held, ordinary batches are refused.

use super::Error;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Name of the file.
const RESERVE: &str = "store.reserve";
/// What the room has beyond the size of the store and a quarter of it.
const MARGIN: u64 = 1 << 20;
/// For a larger store the room is no larger.
const MOST: u64 = 1 << 30;

pub(super) struct Reserve {
    path: PathBuf,
    held: u64,
}

impl Reserve {
    pub(super) fn new(dir: &Path) -> Self {
        Self { path: dir.join(RESERVE), held: 0 }
    }

    /// Holds room for a store of this size.
    pub(super) fn hold(&mut self, store: u64) -> Result<(), Error> {
        let wanted = (store + store / 4 + MARGIN).min(MOST);
        if self.held < wanted {
            self.allocate(wanted).map_err(|e| Error::io("keep room for the store", &e))?;
            self.held = wanted;
        }
        Ok(())
    }

    /// Gives the room back to the disk.
    pub(super) fn release(&mut self) -> Result<(), Error> {
        self.held = 0;
        release(&self.path).map_err(|e| Error::io("give up the room kept for the store", &e))
    }

    fn allocate(&self, wanted: u64) -> io::Result<()> {
        let length = i64::try_from(wanted).map_err(|_| ErrorKind::FileTooLarge)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path)?;
        nix::fcntl::posix_fallocate(&file, 0, length)?;
        Ok(())
    }
}

/// Gives up the room of a store that cannot even be opened without it.
pub(super) fn release_in(dir: &Path) -> Result<(), Error> {
    Reserve::new(dir).release()
}

fn release(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
