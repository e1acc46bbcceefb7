//! The file under redb, with every block allocated when the file grows: a full disk then shows
//! where redb asks for room, never in the middle of a write to room it already has.

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};
use std::fs::File;
use std::io;
use std::ops::Bound;

/// A file whose growth is allocated.
#[derive(Debug)]
pub(super) struct Allocated {
    inner: FileBackend,
    /// The same open file, for what [`FileBackend`] does not offer.
    file: File,
}

impl Allocated {
    pub(super) fn new(file: File) -> Result<Self, DatabaseError> {
        let same = file.try_clone()?;
        Ok(Self { inner: FileBackend::new(file)?, file: same })
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
        let offset = i64::try_from(from).map_err(|_| too_large())?;
        let length = i64::try_from(to - from).map_err(|_| too_large())?;
        match nix::fcntl::posix_fallocate(&self.file, offset, length) {
            Ok(()) => Ok(()),
            Err(nix::Error::EOPNOTSUPP) => self.inner.set_len(to),
            Err(error) => {
                self.inner.set_len(from)?; // what was allocated before the room ran out
                Err(error.into())
            }
        }
    }
}

impl StorageBackend for Allocated {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let present = self.len()?;
        if len > present { self.grow(present, len) } else { self.inner.set_len(len) }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
