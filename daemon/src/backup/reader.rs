//! Reading a backup's chunks: nothing is given out that was not authenticated, and the end is only an end where the
//! file says so.

use std::io::Read;

use super::key::{BackupKey, Place};
use super::line::{self, FRONT, LONGEST, Line, Manifest, Tally};
use super::{CHUNK, TAG, damaged};
use crate::Error;
use crate::store::{Entry, Table};

/// Reads the records of a file of known length, the header left out.
pub(super) struct Reader<'k, R> {
    from: R,
    left: u64,
    key: &'k BackupKey,
    chunk: u32,
    plain: Vec<u8>,
    at: usize,
    tally: Tally,
}

impl<'k, R: Read> Reader<'k, R> {
    pub(super) fn new(from: R, length: u64, key: &'k BackupKey) -> Self {
        let (plain, tally) = (Vec::new(), Tally::default());
        Self { from, left: length, key, chunk: 0, plain, at: 0, tally }
    }

    /// The next record; none once the manifest was found to be right and last.
    pub(super) fn next(&mut self) -> Result<Option<(Table, Entry)>, Error> {
        let front: [u8; FRONT] =
            self.take(FRONT)?.try_into().map_err(|_| damaged("it ends too early"))?;
        let [kind, length @ ..] = front;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(damaged("a record is too long"));
        }
        let content = self.take(length)?;
        match kind {
            line::RECORD => {
                let line: Line = decode(&content)?;
                let (table, entry) = line.into_entry()?;
                self.tally.add(table, &[&front[..], &content].concat());
                Ok(Some((table, entry)))
            }
            line::MANIFEST => {
                let manifest: Manifest = decode(&content)?;
                if manifest != self.tally.manifest() {
                    return Err(damaged("its manifest counts other records"));
                }
                if self.left != 0 || self.at != self.plain.len() {
                    return Err(damaged("something stands behind its manifest"));
                }
                Ok(None)
            }
            _ => Err(damaged("it has a part of an unknown kind")),
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        while self.plain.len() - self.at < length {
            self.open_next()?;
        }
        let bytes = self.plain[self.at..self.at + length].to_vec();
        self.at += length;
        Ok(bytes)
    }

    fn open_next(&mut self) -> Result<(), Error> {
        let whole = (CHUNK + TAG) as u64;
        let size = self.left.min(whole);
        if size == 0 {
            return Err(damaged("it ends too early"));
        }
        let place = if self.left <= whole { Place::Last } else { Place::Middle };
        let mut chunk = vec![0; usize::try_from(size).unwrap_or(CHUNK + TAG)];
        self.from
            .read_exact(&mut chunk)
            .map_err(|error| damaged(format!("it cannot be read: {error}")))?;
        if !self.key.open_chunk(self.chunk, place, &mut chunk)? {
            let number = self.chunk;
            return Err(damaged(format!(
                "chunk {number} was changed, or the file is cut off there"
            )));
        }
        self.left -= size;
        self.chunk = self.chunk.checked_add(1).ok_or_else(|| damaged("it is too long"))?;
        self.plain.drain(..self.at);
        self.at = 0;
        self.plain.extend(chunk);
        Ok(())
    }
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(damaged("a record cannot be decoded")),
    }
}
