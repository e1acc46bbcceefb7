//! The 24-byte frame header and the limits of what may follow it.
//!
//! A frame is the header, then `meta_length` bytes of postcard metadata, then `payload_length` raw bytes.
//! All numbers are little-endian. Every length is checked against [`Limits`] before anything is allocated.

use crate::ErrorCode;

/// First two bytes of every frame.
pub const MAGIC: u16 = 0xC0FF;
/// The one version of the protocol so far.
pub const VERSION: u8 = 1;
/// Bytes of an encoded [`Header`].
pub const HEADER_LENGTH: usize = 24;
/// Most bytes of metadata in a frame.
pub const MAX_META: u32 = 1 << 20;
/// Most bytes of payload in a frame; larger data travels in parts.
pub const MAX_PAYLOAD: u32 = 1 << 20;

/// Bytes that a reply's payload may be longer: encrypted data grows by a tag or by padding.
pub const REPLY_GROWTH: u32 = 16;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A client asks.
    Request = 0,
    /// The daemon answers the request with the same id.
    Reply = 1,
    /// The daemon tells, unasked.
    Event = 2,
    /// A client takes a request back.
    Cancel = 3,
    /// The sender will close the connection.
    GoAway = 4,
}

impl TryFrom<u8> for Kind {
    type Error = ErrorCode;
    fn try_from(kind: u8) -> Result<Self, ErrorCode> {
        Ok(match kind {
            0 => Self::Request,
            1 => Self::Reply,
            2 => Self::Event,
            3 => Self::Cancel,
            4 => Self::GoAway,
            _ => return Err(ErrorCode::Malformed),
        })
    }
}

/// Switches of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// Request: check everything, change nothing.
    pub const DRY_RUN: Self = Self(1);
    /// Reply: the metadata is a [`Failure`](crate::error::Failure).
    pub const FAILED: Self = Self(2);
    const KNOWN: u8 = 3;

    /// Whether every switch of `other` is on.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// Number of the operation, or of the event.
    pub operation: u16,
    /// Switches.
    pub flags: Flags,
    /// File descriptors that travel with the frame.
    pub descriptors: u8,
    /// Bytes of metadata.
    pub meta_length: u32,
    /// Bytes of payload.
    pub payload_length: u32,
    /// Chosen by the client, unique while the request is in flight; 0 in events.
    pub request_id: u64,
}

impl Header {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0..2].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[2] = VERSION;
        bytes[3] = self.kind as u8;
        bytes[4..6].copy_from_slice(&self.operation.to_le_bytes());
        bytes[6] = self.flags.0;
        bytes[7] = self.descriptors;
        bytes[8..12].copy_from_slice(&self.meta_length.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.payload_length.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.request_id.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Malformed`] for another magic, version, kind or flag, and for a length beyond the limits.
    pub fn decode(bytes: &[u8; HEADER_LENGTH]) -> Result<Self, ErrorCode> {
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let header = Self {
            kind: Kind::try_from(bytes[3])?,
            operation: half(4),
            flags: Flags(bytes[6]),
            descriptors: bytes[7],
            meta_length: word(8),
            payload_length: word(12),
            request_id: u64::from(word(16)) | u64::from(word(20)) << 32,
        };
        let max_payload = match header.kind {
            Kind::Reply => MAX_PAYLOAD + REPLY_GROWTH,
            Kind::Request | Kind::Event | Kind::Cancel | Kind::GoAway => MAX_PAYLOAD,
        };
        let sound = half(0) == MAGIC
            && bytes[2] == VERSION
            && header.flags.0 & !Flags::KNOWN == 0
            && header.meta_length <= MAX_META
            && header.payload_length <= max_payload;
        if sound { Ok(header) } else { Err(ErrorCode::Malformed) }
    }

    /// Bytes that follow the header.
    pub fn body_length(&self) -> usize {
        self.meta_length as usize + self.payload_length as usize
    }
}

/// Encodes metadata.
///
/// # Errors
///
/// [`ErrorCode::Internal`] where the encoder fails, which plain data cannot make it do.
pub fn encode_meta<T: serde::Serialize>(meta: &T) -> Result<Vec<u8>, ErrorCode> {
    postcard::to_stdvec(meta).map_err(|_| ErrorCode::Internal)
}

/// Decodes metadata to its last byte, and only in its canonical form.
///
/// postcard reads over-long integers and leaves trailing bytes; both are refused here, so that one
/// message has one encoding.
///
/// # Errors
///
/// [`ErrorCode::Malformed`].
pub fn decode_meta<T: serde::Serialize + serde::de::DeserializeOwned>(
    bytes: &[u8],
) -> Result<T, ErrorCode> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|_| ErrorCode::Malformed)?;
    let canonical = rest.is_empty()
        && postcard::serialize_with_flavor(&value, Matches(bytes)).is_ok_and(<[u8]>::is_empty);
    if canonical { Ok(value) } else { Err(ErrorCode::Malformed) }
}

/// A postcard output that compares instead of storing.
struct Matches<'a>(&'a [u8]);

impl<'a> postcard::ser_flavors::Flavor for Matches<'a> {
    type Output = &'a [u8];
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0 = self.0.strip_prefix(bytes).ok_or(postcard::Error::SerializeBufferFull)?;
        Ok(())
    }
    fn finalize(self) -> postcard::Result<&'a [u8]> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        kind: Kind::Request,
        operation: 0x0210,
        flags: Flags::DRY_RUN,
        descriptors: 0,
        meta_length: 3,
        payload_length: 5,
        request_id: 0x0102_0304_0506_0708,
    };

    #[test]
    fn a_header_is_read_as_it_was_written() {
        assert_eq!(Header::decode(&HEADER.encode()), Ok(HEADER));
    }

    #[test]
    fn anything_unknown_in_a_header_is_refused() {
        for (at, byte) in [(0, 0), (1, 0), (2, 2), (3, 5), (6, 4), (6, 0x80), (11, 1), (15, 1)] {
            let mut bytes = HEADER.encode();
            bytes[at] = byte;
            assert_eq!(Header::decode(&bytes), Err(ErrorCode::Malformed), "byte {at}");
        }
    }

    #[test]
    fn only_a_reply_may_be_longer_by_what_encryption_adds() {
        let of = |kind, payload_length| {
            Header::decode(&Header { kind, payload_length, ..HEADER }.encode()).is_ok()
        };
        assert!(of(Kind::Reply, MAX_PAYLOAD + 16) && !of(Kind::Reply, MAX_PAYLOAD + 17));
        assert!(of(Kind::Request, MAX_PAYLOAD) && !of(Kind::Request, MAX_PAYLOAD + 1));
    }

    #[test]
    fn metadata_has_one_encoding() {
        assert_eq!(decode_meta::<u32>(&[1]), Ok(1));
        assert_eq!(decode_meta::<u32>(&[0x81, 0x00]), Err(ErrorCode::Malformed));
        assert_eq!(decode_meta::<u32>(&[1, 0]), Err(ErrorCode::Malformed));
        assert_eq!(decode_meta::<u32>(&[]), Err(ErrorCode::Malformed));
    }
}
