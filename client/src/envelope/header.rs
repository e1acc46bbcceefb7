//! The header: magic 8 ‖ version 1 ‖ algorithm 1 ‖ segment size 4 ‖ nonce prefix 7 ‖ length 2 ‖ data key.
//!
//! What stands in front of the length is authenticated with every segment. The data key is not: it is authenticated by
//! the KMS, and may be encrypted anew without touching the segments. Numbers are big-endian.

use std::io::{self, Read, Write};

use super::Error;

/// The first bytes of an envelope. The first is no text, and the line ends show a transfer that changed them.
pub const MAGIC: [u8; 8] = *b"\x89CFE\r\n\x1a\n";
/// Bytes of plaintext in a segment, unless it is the last.
pub const SEGMENT: u32 = 64 << 10;
/// The smallest segment that is read.
pub const MIN_SEGMENT: u32 = 1 << 10;
/// The largest segment that is read: so much memory one costs.
pub const MAX_SEGMENT: u32 = 1 << 20;

const VERSION: u8 = 1;
/// AES-256-GCM (SP 800-38D).
const ALGORITHM: u8 = 1;
/// Random bytes at the beginning of every nonce.
pub(super) const PREFIX: usize = 7;
/// Bytes that the segments are bound to.
pub(super) const BOUND: usize = 8 + 1 + 1 + 4 + PREFIX;
/// More than any encrypted data key has.
const MAX_DATA_KEY: usize = 4096;

/// The header of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    segment: u32,
    prefix: [u8; PREFIX],
    data_key: Vec<u8>,
}

impl Header {
    /// A header for a new envelope, with a data key that the KMS encrypted.
    pub(super) fn new(segment: u32, data_key: Vec<u8>) -> Result<Self, Error> {
        let mut prefix = [0; PREFIX];
        getrandom::fill(&mut prefix).map_err(|_| Error::Random)?;
        Self { segment, prefix, data_key }.checked()
    }

    /// Reads a header, and nothing after it.
    ///
    /// # Errors
    ///
    /// [`Error::NotAnEnvelope`], [`Error::Version`], [`Error::Algorithm`], [`Error::Header`], [`Error::Reading`];
    /// [`Error::Truncated`] where it begins as one and ends inside the header.
    pub fn read(input: &mut impl Read) -> Result<Self, Error> {
        let magic: [u8; MAGIC.len()] = part(input).map_err(|error| match error {
            Error::Truncated { .. } => Error::NotAnEnvelope,
            error => error,
        })?;
        if magic != MAGIC {
            return Err(Error::NotAnEnvelope);
        }
        let [version, algorithm] = part(input)?;
        if version != VERSION {
            return Err(Error::Version(version));
        }
        if algorithm != ALGORITHM {
            return Err(Error::Algorithm(algorithm));
        }
        let segment = u32::from_be_bytes(part(input)?);
        let prefix = part(input)?;
        let length = usize::from(u16::from_be_bytes(part(input)?));
        if length > MAX_DATA_KEY {
            return Err(Error::Header("the data key is too long"));
        }
        let mut data_key = vec![0; length];
        input.read_exact(&mut data_key).map_err(ended)?;
        Self { segment, prefix, data_key }.checked()
    }

    /// Writes the header.
    ///
    /// # Errors
    ///
    /// [`Error::Writing`].
    pub fn write(&self, output: &mut impl Write) -> Result<(), Error> {
        output.write_all(&self.encode()).map_err(Error::Writing)
    }

    /// The data key as the KMS encrypted it.
    pub fn data_key(&self) -> &[u8] {
        &self.data_key
    }

    /// The same header with the same data key, encrypted anew.
    ///
    /// # Errors
    ///
    /// [`Error::Header`] where it is empty or has more than 4,096 bytes.
    pub fn with_data_key(&self, data_key: Vec<u8>) -> Result<Self, Error> {
        Self { data_key, ..*self }.checked()
    }

    /// Bytes of the header.
    pub fn length(&self) -> usize {
        BOUND + 2 + self.data_key.len()
    }

    /// Bytes of plaintext in a segment.
    pub(super) fn segment(&self) -> usize {
        self.segment as usize
    }

    pub(super) fn prefix(&self) -> [u8; PREFIX] {
        self.prefix
    }

    /// What the segments are bound to.
    pub(super) fn bound(&self) -> [u8; BOUND] {
        let mut bytes = [0; BOUND];
        let parts: [&[u8]; 4] =
            [&MAGIC, &[VERSION, ALGORITHM], &self.segment.to_be_bytes(), &self.prefix];
        let mut rest = &mut bytes[..];
        for part in parts {
            let (place, after) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
        bytes
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.bound().to_vec();
        // `checked` has bounded it.
        bytes.extend_from_slice(&u16::try_from(self.data_key.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&self.data_key);
        bytes
    }

    fn checked(self) -> Result<Self, Error> {
        if !(MIN_SEGMENT..=MAX_SEGMENT).contains(&self.segment) {
            return Err(Error::Header("the size of a segment is not between 1 KiB and 1 MiB"));
        }
        match self.data_key.len() {
            0 => Err(Error::Header("there is no data key")),
            1..=MAX_DATA_KEY => Ok(self),
            _ => Err(Error::Header("the data key is too long")),
        }
    }
}

fn part<const N: usize>(input: &mut impl Read) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(ended)?;
    Ok(bytes)
}

fn ended(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated { segments: 0 },
        _ => Error::Reading(error),
    }
}
