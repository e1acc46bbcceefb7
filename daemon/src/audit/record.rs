//! One record as it stands in a segment: length, number, boot, kind, time, body, and the hash that
//! chains it to all before it. Integers are big-endian.

use sha2::{Digest, Sha256};

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A change is about to be made.
    Intent = 1,
    /// How a change went.
    Outcome = 2,
    /// A use of a key, a reading or a refusal.
    Use = 3,
    /// Something the daemon did by itself: start, alarm, clean-up.
    Notice = 4,
    /// The last record of a full segment.
    Close = 5,
}

impl Kind {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Intent, Self::Outcome, Self::Use, Self::Notice, Self::Close]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// A SHA-256 hash in the chain.
pub(super) type Hash = [u8; 32];

/// A record without its place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) seq: u64,
    pub(super) boot: [u8; 16],
    pub(super) kind: Kind,
    /// Microseconds since 1970.
    pub(super) time: u64,
    pub(super) body: &'a [u8],
}

/// Sequence number, boot, kind, time.
const FIXED: usize = 8 + 16 + 1 + 8;
const LENGTH: usize = 4;
const HASH: usize = 32;
/// Bytes of a record without body.
pub(super) const OVERHEAD: usize = LENGTH + FIXED + HASH;

impl<'a> Record<'a> {
    /// The stored form after `previous`, and the hash that the next record continues from.
    #[cfg(test)]
    pub(super) fn encode(&self, previous: &Hash) -> (Vec<u8>, Hash) {
        let mut bytes = Vec::new();
        let hash = self.encode_into(previous, &mut bytes);
        (bytes, hash)
    }

    /// Appends the stored form after `previous`, and gives the hash that the next record continues from.
    pub(super) fn encode_into(&self, previous: &Hash, bytes: &mut Vec<u8>) -> Hash {
        let length = u32::try_from(FIXED + self.body.len() + HASH).unwrap_or(u32::MAX);
        bytes.reserve(OVERHEAD + self.body.len());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&self.fixed());
        bytes.extend_from_slice(self.body);
        let hash = self.chain(previous);
        bytes.extend_from_slice(&hash);
        hash
    }

    /// SHA-256 of the previous hash, number, boot, kind, time and body.
    pub(super) fn chain(&self, previous: &Hash) -> Hash {
        Sha256::new()
            .chain_update(previous)
            .chain_update(self.fixed())
            .chain_update(self.body)
            .finalize()
            .into()
    }

    fn fixed(&self) -> [u8; FIXED] {
        let mut fixed = [self.kind as u8; FIXED];
        fixed[..8].copy_from_slice(&self.seq.to_be_bytes());
        fixed[8..24].copy_from_slice(&self.boot);
        fixed[25..].copy_from_slice(&self.time.to_be_bytes());
        fixed
    }

    fn parse(bytes: &'a [u8]) -> Option<(Self, Hash)> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>()?;
        let (body, hash) = rest.split_last_chunk::<HASH>()?;
        let record = Self {
            seq: u64::from_be_bytes(*fixed.first_chunk()?),
            boot: fixed[8..24].try_into().ok()?,
            kind: Kind::from_number(fixed[24])?,
            time: u64::from_be_bytes(*fixed.last_chunk()?),
            body,
        };
        Some((record, *hash))
    }
}

/// A record where it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) record: Record<'a>,
    /// The hash that stands in the file.
    pub(super) stated: Hash,
    /// Offset of the byte after it.
    pub(super) end: usize,
}

/// Goes from record to record by their lengths; ends at unused room and at what is no record.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    pub(super) const fn new(bytes: &'a [u8], start: usize) -> Self {
        Self { bytes, at: start }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (length, rest) = self.bytes.get(self.at..)?.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (record, stated) = Record::parse(rest.get(..length)?)?;
        self.at += LENGTH + length;
        Some(Frame { record, stated, end: self.at })
    }
}
