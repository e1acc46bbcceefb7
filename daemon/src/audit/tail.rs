//! The end of the log, where records are added: one write each, into room that was allocated before.

use super::record::{Hash, Kind, OVERHEAD, Record};
use super::segment::{self, HEADER, Header};
use super::{Config, Error, Priority};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Longest body of a record in bytes, if segments are large enough.
pub const LONGEST_BODY: u64 = 64 << 10;
/// How much room is kept written with zeros: the records of the changes of a second.
const AHEAD: u64 = 256 << 10;
/// The closing record, for which room is always kept.
const CLOSE: u64 = OVERHEAD as u64;

pub(super) struct Tail {
    pub(super) dir: PathBuf,
    pub(super) config: Config,
    pub(super) file: Arc<File>,
    pub(super) header: Header,
    /// Allocated length of the segment.
    pub(super) size: u64,
    /// Offset of the next record, its number, and the hash it continues from.
    pub(super) position: u64,
    pub(super) seq: u64,
    pub(super) hash: Hash,
    /// Hash of the last record; differs from `hash` where a segment was just begun.
    pub(super) last: Hash,
    /// Up to here the room was written with zeros: what was only allocated takes the file system's journal too when
    /// it is synced for the first time.
    pub(super) zeroed: u64,
    /// Bytes that were written since the last fsync.
    pub(super) unsynced: u64,
    /// Intents without outcome.
    pub(super) open: BTreeSet<u64>,
    /// Whether the next segment is allocated.
    pub(super) reserve: bool,
    /// Where records are put together.
    pub(super) scratch: Vec<u8>,
    /// Why nothing more can be written.
    pub(super) failed: Option<String>,
}

impl Tail {
    /// Adds a record and returns its number.
    pub(super) fn append(
        &mut self,
        kind: Kind,
        priority: Priority,
        time: u64,
        body: &[u8],
    ) -> Result<u64, Error> {
        if let Some(reason) = &self.failed {
            return Err(Error::Failed(reason.clone()));
        }
        let length = body.len() as u64;
        if length > LONGEST_BODY.min(self.config.segment_bytes / 4) {
            return Err(Error::TooLong);
        }
        self.make_room(OVERHEAD as u64 + length, priority)?;
        self.write(kind, time, body)
    }

    /// Allocates the next segment if it is not; a full disk is no error yet.
    pub(super) fn refill(&mut self) {
        if !self.reserve {
            self.reserve = segment::reserve(&self.dir, self.config.segment_bytes).is_ok();
        }
    }

    /// Writes zeros ahead of the next records. It does not have to succeed.
    pub(super) fn prepare(&mut self) {
        let start = self.zeroed.max(self.position);
        let end = (self.position + AHEAD).min(self.size);
        let length = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        if self.failed.is_none() && self.file.write_all_at(&vec![0; length], start).is_ok() {
            self.zeroed = end;
        }
    }

    /// Closes the segment and begins the next in the reserve.
    pub(super) fn rotate(&mut self) -> Result<(), Error> {
        let time = (self.config.clock)();
        self.write(Kind::Close, time, b"")?;
        let closed = self.file.set_len(self.position).and_then(|()| self.file.sync_all());
        closed.map_err(|e| self.fail("close", &e))?;
        self.begin(time)
    }

    /// Begins the segment after the present one.
    pub(super) fn begin(&mut self, time: u64) -> Result<(), Error> {
        let header = Header {
            number: self.header.number + 1,
            first: self.seq,
            open_intent: self.open.first().copied().unwrap_or(self.seq),
            log: self.header.log,
            previous: self.last,
            time,
        };
        let begun = segment::begin(&self.dir, &header);
        self.file = Arc::new(begun.map_err(|e| self.fail("begin", &e))?);
        self.header = header;
        self.size = self.config.segment_bytes;
        self.position = HEADER as u64;
        self.hash = header.hash();
        self.reserve = false;
        self.zeroed = 0;
        self.prepare();
        Ok(())
    }

    /// Remembers a failure after which the state of the file is unknown.
    pub(super) fn fail(&mut self, what: &'static str, error: &std::io::Error) -> Error {
        let path = segment::path(&self.dir, self.header.number);
        let error = Error::Io { what, path, reason: error.to_string() };
        tracing::error!(%error, "the audit log takes no more records");
        self.failed = Some(error.to_string());
        Error::Failed(error.to_string())
    }

    /// While the next segment is not allocated, a quarter of this one is kept for what must always
    /// be recorded.
    fn make_room(&mut self, needed: u64, priority: Priority) -> Result<(), Error> {
        let free = self.size.saturating_sub(self.position + CLOSE);
        let kept = match priority {
            Priority::Reserved => 0,
            Priority::Normal => self.config.segment_bytes / 4,
        };
        if needed + kept <= free {
            return Ok(());
        }
        self.refill();
        match (needed <= free, self.reserve) {
            (true, true) => Ok(()),
            (true, false) if priority == Priority::Reserved => Ok(()),
            (_, false) => Err(Error::Full),
            (false, true) => self.rotate(),
        }
    }

    fn write(&mut self, kind: Kind, time: u64, body: &[u8]) -> Result<u64, Error> {
        let seq = self.seq;
        let record = Record { seq, boot: self.config.boot, kind, time, body };
        self.scratch.clear();
        let hash = record.encode_into(&self.hash, &mut self.scratch);
        let length = self.scratch.len();
        if let Err(error) = self.file.write_all_at(&self.scratch, self.position) {
            // A part of it may stand there; the next record must not be followed by its remains.
            let undone = self.file.write_all_at(&vec![0; length], self.position);
            undone.map_err(|e| self.fail("take back a record in", &e))?;
            let path = segment::path(&self.dir, self.header.number);
            return Err(Error::io("write", &path, &error));
        }
        self.position += length as u64;
        self.unsynced += length as u64;
        self.seq += 1;
        self.hash = hash;
        self.last = hash;
        Ok(seq)
    }
}
