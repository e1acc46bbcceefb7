//! Parameters of derivations: on the wire, and typed after parsing.

use serde::{Deserialize, Serialize};

use super::super::{Hash, ckm, find};
use super::{CallError, Scheme};

/// Most bytes of what goes into a derivation beside the key.
const MAX_DATA: usize = 512 << 10;
/// Most bytes that the input of a pseudorandom function has; it is asked for each block anew.
const MAX_INPUT: usize = 64 << 10;
/// Most parts that the input of a key derivation in counter, feedback or double-pipeline mode is made of.
const MAX_SEGMENTS: usize = 64;
/// Most iterations of PBKDF2, those of all blocks together: some seconds.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// `CK_OBJECT_HANDLE`: the second key of `CKM_CONCATENATE_BASE_AND_KEY`, PKCS#11 3.1 section 6.43.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyParameter {
    /// Its handle.
    pub key: u64,
}

/// `CK_KEY_DERIVATION_STRING_DATA`, PKCS#11 3.1 section 6.43.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataParameter {
    /// What goes into the key beside the base key, at most 512 KiB.
    pub data: Vec<u8>,
}

/// `CK_EXTRACT_PARAMS`, PKCS#11 3.1 section 6.43.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BitParameter {
    /// The bit of the base key with which the derived one begins; 0 is the highest bit of the first byte.
    pub bit: u64,
}

/// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`, PKCS#11 3.1 section 6.15.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CbcDataParameter {
    /// The initialisation vector.
    pub iv: [u8; 16],
    /// What is encrypted: whole blocks.
    pub data: Vec<u8>,
}

/// `CK_SP800_108_KDF_PARAMS` and `CK_SP800_108_FEEDBACK_KDF_PARAMS`, PKCS#11 3.1 section 6.42, without the
/// additional keys, which stand in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KdfParameter {
    /// The pseudorandom function: the `CKM_` number of an HMAC, or `CKM_AES_CMAC`.
    pub prf: u64,
    /// What its input is made of, in this order.
    pub segments: Vec<KdfSegmentParameter>,
    /// What feedback begins with; empty in the other modes.
    pub iv: Vec<u8>,
}

/// `CK_PRF_DATA_PARAM` with the structure behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KdfSegmentParameter {
    /// A `CK_SP800_108_` number: 1 the iteration variable, 2 a counter, 3 the length of the result, 4 bytes, 5 a key.
    pub kind: u64,
    /// Whether a number is little-endian.
    pub little_endian: bool,
    /// The width of a number in bits; 0 where there is none.
    pub bits: u32,
    /// What the length is: 1 the sum of the keys, 2 that of the outputs of the pseudorandom function.
    pub method: u64,
    /// The bytes, where they are.
    pub bytes: Vec<u8>,
    /// The handle of the key, where it is one.
    pub key: u64,
}

/// `CK_PKCS5_PBKD2_PARAMS2`, PKCS#11 3.1 section 6.39, without the password, which stands in the payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pbkdf2Parameter {
    /// The salt.
    pub salt: Vec<u8>,
    /// How often the pseudorandom function is iterated: 1 to 10,000,000, for all blocks of the key together.
    pub iterations: u64,
    /// The pseudorandom function, a `CKP_PKCS5_PBKD2_HMAC_` number.
    pub prf: u64,
}

/// A pseudorandom function of SP 800-108.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prf {
    /// HMAC with this hash.
    Hmac(Hash),
    /// AES-CMAC.
    AesCmac,
}

/// A number in the input of a pseudorandom function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    /// Whether its lowest byte comes first.
    pub little_endian: bool,
    /// How many bytes it has, 1 to 8.
    pub bytes: usize,
}

/// A part of the input of a pseudorandom function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KdfSegment {
    /// What comes from the iteration before.
    Feedback,
    /// The number of the iteration, from 1 on.
    Counter(NumberFormat),
    /// How many bits the keys have together.
    KeysLength(NumberFormat),
    /// How many bits the outputs of the pseudorandom function have together.
    OutputsLength(NumberFormat),
    /// These bytes.
    Bytes(Vec<u8>),
    /// The value of the key with this handle.
    Key(u32),
}

/// The choices of SP 800-108.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kdf {
    /// The pseudorandom function.
    pub prf: Prf,
    /// Its input.
    pub segments: Vec<KdfSegment>,
    /// What feedback begins with.
    pub iv: Vec<u8>,
}

impl Kdf {
    /// The keys in its input, in their order.
    pub fn keys(&self) -> impl Iterator<Item = u32> {
        self.segments.iter().filter_map(|segment| match segment {
            KdfSegment::Key(handle) => Some(*handle),
            _ => None,
        })
    }
}

/// The choices of PBKDF2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pbkdf2 {
    /// The hash of HMAC.
    pub hash: Hash,
    /// The salt.
    pub salt: Vec<u8>,
    /// How often HMAC is iterated.
    pub iterations: u32,
}

/// The modes of SP 800-108.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KdfMode {
    /// A counter; section 4.1.
    Counter,
    /// What the iteration before gave; section 4.2.
    Feedback,
    /// What a second pipeline gives; section 4.3.
    DoublePipeline,
}

/// The hashes of PBKDF2 by their `CKP_PKCS5_PBKD2_HMAC_` numbers.
const PBKDF2_HASHES: &[(u64, Hash)] = &[
    (1, Hash::Sha1),
    (3, Hash::Sha224),
    (4, Hash::Sha256),
    (5, Hash::Sha384),
    (6, Hash::Sha512),
    (7, Hash::Sha512_224),
    (8, Hash::Sha512_256),
];

impl DataParameter {
    pub(super) fn check(self) -> Result<Vec<u8>, CallError> {
        if self.data.len() > MAX_DATA { Err(CallError::Parameter) } else { Ok(self.data) }
    }
}

impl KdfParameter {
    /// Section 6.42 has the rules: how often each kind of part may come, and what numbers look like.
    pub(super) fn check(self, mode: KdfMode) -> Result<Kdf, CallError> {
        let wrong = CallError::Parameter;
        let prf = match find(self.prf).map(|row| row.scheme) {
            _ if self.prf == ckm::CKM_AES_CMAC => Prf::AesCmac,
            Some(Scheme::Hmac(hash)) if Some(self.prf) == hash.hmac() => Prf::Hmac(hash),
            _ => return Err(wrong),
        };
        let bytes: usize = self.segments.iter().map(|segment| segment.bytes.len()).sum();
        let has_iv = mode == KdfMode::Feedback || self.iv.is_empty();
        if self.segments.len() > MAX_SEGMENTS || bytes + self.iv.len() > MAX_INPUT || !has_iv {
            return Err(wrong);
        }
        let segments = self.segments.into_iter().map(|segment| segment.check(mode));
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        let count = |is: fn(&KdfSegment) -> bool| segments.iter().filter(|part| is(part)).count();
        let feedbacks = count(|part| matches!(part, KdfSegment::Feedback));
        let counters = count(|part| matches!(part, KdfSegment::Counter(_)));
        let lengths =
            count(|part| matches!(part, KdfSegment::KeysLength(_) | KdfSegment::OutputsLength(_)));
        let is_right = match mode {
            KdfMode::Counter => counters == 1,
            KdfMode::Feedback | KdfMode::DoublePipeline => feedbacks == 1 && counters <= 1,
        };
        if is_right && lengths <= 1 { Ok(Kdf { prf, segments, iv: self.iv }) } else { Err(wrong) }
    }
}

impl KdfSegmentParameter {
    fn check(self, mode: KdfMode) -> Result<KdfSegment, CallError> {
        let wrong = CallError::Parameter;
        let format = |most| {
            let is_possible = self.bits.is_multiple_of(8) && (8..=most).contains(&self.bits);
            let format =
                NumberFormat { little_endian: self.little_endian, bytes: (self.bits / 8) as usize };
            is_possible.then_some(format).ok_or(wrong)
        };
        Ok(match (self.kind, mode) {
            // In counter mode the counter is the iteration variable.
            (1, KdfMode::Counter) | (2, KdfMode::Feedback | KdfMode::DoublePipeline) => {
                KdfSegment::Counter(format(32)?)
            }
            // A format is of no use there, but the examples of the standard give one.
            (1, KdfMode::Feedback | KdfMode::DoublePipeline)
                if self.bits == 0 || format(32).is_ok() =>
            {
                KdfSegment::Feedback
            }
            (3, _) if self.method == 1 => KdfSegment::KeysLength(format(64)?),
            (3, _) if self.method == 2 => KdfSegment::OutputsLength(format(64)?),
            (4, _) => KdfSegment::Bytes(self.bytes),
            (5, _) => KdfSegment::Key(u32::try_from(self.key).map_err(|_| wrong)?),
            _ => return Err(wrong),
        })
    }
}

impl Pbkdf2Parameter {
    pub(super) fn check(self) -> Result<Pbkdf2, CallError> {
        let hash = PBKDF2_HASHES.iter().find(|(number, _)| *number == self.prf);
        let iterations = u32::try_from(self.iterations).ok();
        let iterations = iterations.filter(|count| (1..=MAX_ITERATIONS).contains(count));
        match (hash, iterations) {
            (Some((_, hash)), Some(iterations)) if self.salt.len() <= MAX_DATA => {
                Ok(Pbkdf2 { hash: *hash, salt: self.salt, iterations })
            }
            _ => Err(CallError::Parameter),
        }
    }
}
