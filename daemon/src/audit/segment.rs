//! Segment files: `NNNNNNNN.seg`, a header, records, zeros up to the allocated size. A segment is
//! never written again once its closing record stands. The next one is allocated in advance under
//! the name `reserve`.

use super::Error;
use super::record::Hash;
use crate::seal::durable;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"cofferAU";
const VERSION: u32 = 1;
/// Bytes of the header.
pub(super) const HEADER: usize = 92;
/// Name of the segment that is allocated in advance.
pub(super) const RESERVE: &str = "reserve";

/// What a segment starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    /// Number of its first record.
    pub(super) first: u64,
    /// The oldest intent that had no outcome when the segment was begun; `first` if there is none.
    pub(super) open_intent: u64,
    /// Random name of the log, the same in all its segments.
    pub(super) log: [u8; 16],
    /// Hash of the last record before.
    pub(super) previous: Hash,
    /// Microseconds since 1970.
    pub(super) time: u64,
}

impl Header {
    pub(super) fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&MAGIC);
        put(&VERSION.to_be_bytes());
        put(&self.number.to_be_bytes());
        put(&self.first.to_be_bytes());
        put(&self.open_intent.to_be_bytes());
        put(&self.log);
        put(&self.previous);
        put(&self.time.to_be_bytes());
        bytes
    }

    /// Reads a header; none if these bytes are not exactly what a header is written as.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER] = bytes.first_chunk()?;
        let number = |at: usize| bytes[at..].first_chunk().map(|b| u64::from_be_bytes(*b));
        let header = Self {
            number: number(12)?,
            first: number(20)?,
            open_intent: number(28)?,
            log: bytes[36..52].try_into().ok()?,
            previous: bytes[52..84].try_into().ok()?,
            time: number(84)?,
        };
        (header.bytes() == *bytes).then_some(header)
    }

    /// The hash that the first record continues from: it covers the header.
    pub(super) fn hash(&self) -> Hash {
        Sha256::digest(self.bytes()).into()
    }
}

/// The file of a segment.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.seg"))
}

/// The numbers of the segments that exist, ascending.
pub(super) fn numbers(dir: &Path) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| Error::io("list", dir, &e))? {
        let name = entry.map_err(|e| Error::io("list", dir, &e))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A segment in memory.
pub(super) struct Segment {
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
}

impl Segment {
    /// Reads a segment; none if it has no valid header or another number.
    pub(super) fn read(dir: &Path, number: u64) -> Result<Option<Self>, Error> {
        let path = path(dir, number);
        let bytes = std::fs::read(&path).map_err(|e| Error::io("read", &path, &e))?;
        let header = Header::parse(&bytes).filter(|header| header.number == number);
        Ok(header.map(|header| Self { header, bytes }))
    }
}

/// Allocates the reserve unless it exists.
pub(super) fn reserve(dir: &Path, size: u64) -> io::Result<()> {
    let path = dir.join(RESERVE);
    if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == size) {
        return Ok(());
    }
    durable::replace_with(&path, |file| {
        let length = i64::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
        nix::fcntl::posix_fallocate(&*file, 0, length).map_err(io::Error::from)
    })
}

/// Turns the reserve into the segment of a header.
pub(super) fn begin(dir: &Path, header: &Header) -> io::Result<File> {
    let reserve = dir.join(RESERVE);
    let file = OpenOptions::new().read(true).write(true).open(&reserve)?;
    file.write_all_at(&header.bytes(), 0)?;
    file.sync_all()?;
    let path = path(dir, header.number);
    std::fs::rename(&reserve, &path)?;
    durable::sync_parent(&path)?;
    Ok(file)
}

/// Reads the header of a segment alone.
pub(super) fn header(dir: &Path, number: u64) -> Result<Option<Header>, Error> {
    let path = path(dir, number);
    let mut bytes = [0; HEADER];
    let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, 0));
    match read {
        Ok(()) => Ok(Header::parse(&bytes).filter(|header| header.number == number)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(Error::io("read", &path, &e)),
    }
}
