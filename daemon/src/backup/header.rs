//! The header: what must be known before the passphrase is tried. It is authenticated, because the keys of the file
//! follow from all its bytes.

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::backup::HEADER_LENGTH;

use super::{CHUNK, damaged};
use crate::Error;
use crate::crypto::password::Costs;

const MAGIC: &[u8; 8] = b"COFFERBK";
const VERSION: u16 = 1;
/// Argon2id, version 1.3 (RFC 9106).
const ARGON2ID: u8 = 1;
/// AES-256-GCM (SP 800-38D).
const AES_256_GCM: u8 = 1;
/// Bytes before the check value.
const BOUND: usize = 72;

const LENGTH: usize = HEADER_LENGTH;
const _: () = assert!(LENGTH == BOUND + 32);
/// Costs of a new backup: the second choice of RFC 9106 section 4. Unit tests are about other things.
pub(super) const COSTS: Costs = if cfg!(test) {
    Costs { memory: 64, passes: 1, lanes: 1 }
} else {
    Costs { memory: 64 << 10, passes: 3, lanes: 4 }
};
/// Most that a header may ask for: 256 MiB, and 16 passes.
const MOST: Costs = Costs { memory: 256 << 10, passes: 16, lanes: 16 };

/// A header, with a check value that tells a wrong passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub(super) costs: Costs,
    pub(super) salt: [u8; 16],
    /// The backup's moment, in UNIX seconds.
    pub created: i64,
    /// Changes of the store that it is of.
    pub generation: u64,
    pub(super) check: [u8; 32],
}

impl Header {
    /// Bytes of the header.
    pub const LENGTH: usize = LENGTH;

    /// What the keys follow from: all but the check value.
    pub(super) fn bound(&self) -> [u8; BOUND] {
        let mut bytes = [0; BOUND];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(MAGIC);
        put(&VERSION.to_be_bytes());
        put(&[ARGON2ID, AES_256_GCM]);
        put(&self.costs.memory.to_be_bytes());
        put(&self.costs.passes.to_be_bytes());
        put(&self.costs.lanes.to_be_bytes());
        put(&u64::try_from(CHUNK).unwrap_or_default().to_be_bytes());
        put(&self.salt);
        put(&self.created.to_be_bytes());
        put(&self.generation.to_be_bytes());
        // Room for what a later version needs, zero in this one.
        put(&[0; 8]);
        bytes
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        [&self.bound()[..], &self.check].concat()
    }

    /// The header of a file.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::BackupDamaged`] for what is no header, or one of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let rest = bytes.strip_prefix(MAGIC).filter(|_| bytes.len() == LENGTH);
        let mut rest = rest.ok_or_else(|| damaged("this is no backup of Coffer"))?;
        let mut take = |length: usize| {
            let (part, after) = rest.split_at_checked(length).unwrap_or_default();
            rest = after;
            part
        };
        let version = number(take(2));
        if version != u64::from(VERSION) {
            return Err(damaged(format!("its format has version {version}, this daemon knows 1")));
        }
        let kinds = (take(1) == [ARGON2ID], take(1) == [AES_256_GCM]);
        let [memory, passes, lanes] = [(); 3].map(|()| u32::try_from(number(take(4))).unwrap_or(0));
        let costs = Costs { memory, passes, lanes };
        let chunk = number(take(8));
        let salt = take(16).try_into().unwrap_or_default();
        let created = i64::from_be_bytes(number(take(8)).to_be_bytes());
        let generation = number(take(8));
        let (zero, check) = (number(take(8)), take(32).try_into().unwrap_or_default());
        let modest = memory <= MOST.memory && passes <= MOST.passes && lanes <= MOST.lanes;
        if kinds != (true, true) || chunk != CHUNK as u64 || zero != 0 || !modest {
            return Err(damaged("its header names what this daemon does not know"));
        }
        costs.params(32).map_err(|_| Error::from(ErrorCode::BackupDamaged))?;
        Ok(Self { costs, salt, created, generation, check })
    }
}

/// Up to eight bytes, the most significant first.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let (created, generation) = (1_700_000_000, 77);
        Header { costs: COSTS, salt: [7; 16], created, generation, check: [9; 32] }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let bytes = header().encode();
        assert_eq!(bytes.len(), LENGTH);
        assert_eq!(Header::decode(&bytes).unwrap(), header());
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let good = header().encode();
        for length in 0..good.len() {
            assert!(Header::decode(&good[..length]).is_err(), "{length}");
        }
        assert!(Header::decode(&[&good[..], &[0]].concat()).is_err());
        // Magic, version, kinds, chunk size and the zeros: no bit of them may differ.
        for at in (0..12).chain(24..32).chain(64..72) {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert!(Header::decode(&bad).is_err(), "{at}");
        }
    }

    #[test]
    fn a_header_cannot_ask_for_all_memory() {
        for (at, value) in [(12, 0x7f), (16, 0x01), (20, 0x01)] {
            let mut bad = header().encode();
            bad[at] = value;
            assert!(Header::decode(&bad).is_err(), "{at}");
        }
    }
}
