//! The memory of one call's arguments: right ones, and those that are malformed.

use coffer_tests::token::P256;
use cryptoki_sys::{self as sys, CK_ATTRIBUTE, CK_GCM_MESSAGE_PARAMS, CK_MECHANISM};

use super::functions::{Arg, How, Kind};

/// What a result may not be written behind.
const CANARY: u64 = 0xa5a5_a5a5_a5a5_a5a5;
/// Bytes behind the room that is told.
const BEHIND: usize = 512;
/// Bytes of the places of structures: more than any has.
const PLACE: usize = 1024;

/// Pieces of memory that live until the call is over.
#[derive(Default)]
pub(crate) struct Memory {
    pieces: Vec<Vec<u64>>,
    /// Places of results: the piece, and how many bytes of it were told to be room.
    outs: Vec<(usize, usize)>,
}

impl Memory {
    /// The address of a copy of some words.
    fn words(&mut self, words: Vec<u64>) -> usize {
        self.pieces.push(words);
        self.pieces.last_mut().expect("pushed just now").as_mut_ptr() as usize
    }

    fn bytes(&mut self, bytes: &[u8]) -> usize {
        let mut words = vec![0; bytes.len() / 8 + 1];
        for (word, part) in words.iter_mut().zip(bytes.chunks(8)) {
            let mut padded = [0; 8];
            padded[..part.len()].copy_from_slice(part);
            *word = u64::from_ne_bytes(padded);
        }
        self.words(words)
    }

    /// The address of the same bytes at an odd address.
    fn odd(&mut self, words: &[u64]) -> usize {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.bytes(&[&[0], &bytes[..]].concat()) + 1
    }

    /// A place for `room` bytes.
    fn out(&mut self, room: usize) -> usize {
        let address = self.words(vec![CANARY; (room + BEHIND).div_ceil(8)]);
        self.outs.push((self.pieces.len() - 1, room));
        address
    }

    /// Whether nothing was written behind the room that was told.
    pub(crate) fn is_whole(&self) -> bool {
        self.outs.iter().all(|(piece, room)| {
            let bytes = self.pieces[*piece].iter().flat_map(|word| word.to_ne_bytes());
            bytes.skip(*room).all(|byte| byte == 0xa5)
        })
    }

    fn mechanism_words(&mut self, how: How) -> Vec<u64> {
        let (kind, parameter): (u64, Vec<u64>) = match how {
            How::Plain(kind) => return vec![kind, 0, 0],
            How::Iv(kind) => (kind, vec![7, 8]),
            How::Gcm => {
                let nonce = self.words(vec![1, 2]) as u64;
                (sys::CKM_AES_GCM, vec![nonce, 12, 96, 0, 0, 128])
            }
            // bExtract and bExpand, the hash, CKF_HKDF_SALT_NULL.
            How::Hkdf => (sys::CKM_HKDF_DERIVE, vec![0x0101, sys::CKM_SHA256, 1, 0, 0, 0, 0, 0]),
            How::Ecdh => (sys::CKM_ECDH1_DERIVE, vec![sys::CKD_NULL, 0, 0, 0, 0]),
        };
        let length = 8 * parameter.len() as u64;
        vec![kind, self.words(parameter) as u64, length]
    }

    fn attributes(&mut self, template: Kind) -> Vec<u64> {
        let number = |value: u64| value.to_ne_bytes().to_vec();
        let p256 = P256.to_vec();
        let no = vec![0];
        let yes = vec![1];
        let list: Vec<(u64, Vec<u8>)> = match template {
            Kind::Data => vec![
                (sys::CKA_CLASS, number(sys::CKO_DATA)),
                (sys::CKA_TOKEN, no),
                (sys::CKA_VALUE, b"value".to_vec()),
            ],
            Kind::AesKey => vec![
                (sys::CKA_KEY_TYPE, number(sys::CKK_AES)),
                (sys::CKA_TOKEN, no),
                (sys::CKA_VALUE_LEN, number(16)),
            ],
            Kind::SecretKey => vec![
                (sys::CKA_CLASS, number(sys::CKO_SECRET_KEY)),
                (sys::CKA_KEY_TYPE, number(sys::CKK_GENERIC_SECRET)),
                (sys::CKA_TOKEN, no),
            ],
            Kind::EcPublic => vec![(sys::CKA_EC_PARAMS, p256), (sys::CKA_TOKEN, no)],
            Kind::EcPrivate => vec![(sys::CKA_SIGN, yes), (sys::CKA_TOKEN, no)],
            Kind::Id => vec![(sys::CKA_ID, b"id".to_vec())],
            Kind::Copy => vec![(sys::CKA_TOKEN, no)],
            Kind::Search => vec![(sys::CKA_CLASS, number(sys::CKO_SECRET_KEY))],
            Kind::Wanted => {
                vec![(sys::CKA_CLASS, vec![0; 8]), (sys::CKA_LABEL, vec![0; 64])]
            }
        };
        let mut words = Vec::new();
        for (kind, value) in list {
            let length = value.len() as u64;
            words.extend([kind, self.bytes(&value) as u64, length]);
        }
        words
    }

    fn parameter_words(&mut self) -> Vec<u64> {
        let (iv, tag) = (self.words(vec![1, 2]) as u64, self.words(vec![0, 0]) as u64);
        vec![iv, 12, 0, sys::CKG_GENERATE, tag, 128]
    }

    /// A right argument; handles are the caller's to know.
    pub(crate) fn right(&mut self, argument: Arg, next: Option<Arg>) -> usize {
        match argument {
            Arg::Number(number) | Arg::Length(number) => number as usize,
            Arg::Bytes(bytes) => self.bytes(bytes),
            Arg::Out => {
                let room = match next {
                    // The lists have entries of up to three words.
                    Some(Arg::Room(room)) if room <= 512 => 24 * room as usize,
                    Some(Arg::Room(room)) => room as usize,
                    Some(Arg::Length(entries)) => 8 * entries as usize,
                    _ => PLACE,
                };
                self.out(room)
            }
            Arg::Room(room) => self.words(vec![room]),
            Arg::Mechanism(how) => {
                let words = self.mechanism_words(how);
                self.words(words)
            }
            Arg::Template(template) => {
                let words = self.attributes(template);
                self.words(words)
            }
            Arg::Count(template) => self.attributes(template).len() / 3,
            Arg::Place => self.out(PLACE),
            Arg::Parameter => {
                let words = self.parameter_words();
                self.words(words)
            }
            Arg::ParameterLength => size_of::<CK_GCM_MESSAGE_PARAMS>(),
            Arg::Null | Arg::Session | Arg::Slot | Arg::Object(_) | Arg::Made => 0,
        }
    }

    /// The malformed forms of an argument, each with its name; those of handles are the caller's.
    pub(crate) fn malformed(&mut self, argument: Arg) -> Vec<(&'static str, usize)> {
        const HUGE: usize = usize::MAX;
        const LARGE: usize = isize::MAX as usize + 1;
        match argument {
            Arg::Number(_) => vec![("zero", 0), ("odd bits", 0x5a5a_5a5b), ("all bits", HUGE)],
            Arg::Length(_) => vec![("zero", 0), ("large", LARGE), ("huge", HUGE)],
            Arg::Bytes(_) | Arg::Out => vec![("null", 0)],
            Arg::Room(room) => vec![
                ("null", 0),
                ("no room", self.words(vec![0])),
                ("room for one", self.words(vec![1])),
                ("odd address", self.odd(&[room])),
            ],
            Arg::Mechanism(how) => self.mechanisms(how),
            Arg::Template(template) => self.templates(template),
            Arg::Count(_) => vec![("huge", HUGE), ("large", LARGE), ("many", 1 << 40)],
            Arg::Place => vec![("null", 0), ("odd address", self.out(PLACE) + 1)],
            Arg::Parameter => self.parameters(),
            Arg::ParameterLength => vec![("zero", 0), ("one", 1), ("longer", 49), ("huge", HUGE)],
            Arg::Null => vec![("something", self.words(vec![0; 64]))],
            Arg::Session | Arg::Slot | Arg::Object(_) | Arg::Made => Vec::new(),
        }
    }

    /// A mechanism with a parameter of zeros.
    pub(crate) fn mechanism(&mut self, kind: u64, length: u64) -> usize {
        let parameter = if length == 0 { 0 } else { self.words(vec![0; 16]) as u64 };
        self.words(vec![kind, parameter, length])
    }

    fn mechanisms(&mut self, how: How) -> Vec<(&'static str, usize)> {
        let right = self.mechanism_words(how);
        let (kind, parameter) =
            (right[0], if right[1] == 0 { self.words(vec![0; 8]) as u64 } else { right[1] });
        let others = [
            ("unknown", 0x7777),
            ("vendor's", sys::CKM_VENDOR_DEFINED),
            ("all bits", u64::MAX),
            ("a digest", sys::CKM_SHA256),
            ("a signature", sys::CKM_ECDSA),
            ("RSA", sys::CKM_RSA_PKCS),
            ("GCM without parameter", sys::CKM_AES_GCM),
            ("ECDH without parameter", sys::CKM_ECDH1_DERIVE),
            ("a key", sys::CKM_AES_KEY_GEN),
            ("ML-KEM", sys::CKM_ML_KEM),
            ("a code", sys::CKM_AES_CMAC),
            ("X25519 pair", sys::CKM_EC_MONTGOMERY_KEY_PAIR_GEN),
        ];
        let mut all = vec![("null", 0), ("odd address", self.odd(&right))];
        for (name, other) in others {
            all.push((name, self.words(vec![other, 0, 0])));
        }
        for (name, length) in [
            ("parameter of one byte", 1),
            ("parameter of 17 bytes", 17),
            ("huge parameter", u64::MAX),
        ] {
            all.push((name, self.words(vec![kind, parameter, length])));
            all.push((name, self.words(vec![kind, 0, length])));
        }
        all.push(("parameter without length", self.words(vec![kind, parameter, 0])));
        assert_eq!(size_of::<CK_MECHANISM>(), 24);
        all
    }

    fn templates(&mut self, template: Kind) -> Vec<(&'static str, usize)> {
        assert_eq!(size_of::<CK_ATTRIBUTE>(), 24);
        let right = self.attributes(template);
        let mut all = vec![("null", 0), ("odd address", self.odd(&right))];
        let bytes = self.words(vec![2, 2]) as u64;
        for (name, first) in [
            ("unknown attribute", [0x7777, bytes, 8]),
            ("vendor's attribute", [sys::CKA_VENDOR_DEFINED, bytes, 8]),
            ("unknown array", [sys::CKA_VENDOR_DEFINED | sys::CKF_ARRAY_ATTRIBUTE, bytes, 8]),
            ("wrong boolean", [sys::CKA_TOKEN, bytes, 1]),
            ("short number", [sys::CKA_CLASS, bytes, 3]),
            ("null value", [sys::CKA_LABEL, 0, 5]),
            ("huge value", [sys::CKA_LABEL, bytes, u64::MAX]),
            ("huge null", [sys::CKA_LABEL, 0, u64::MAX]),
            ("template in template", [sys::CKA_WRAP_TEMPLATE, bytes, 8]),
            ("no mechanisms", [sys::CKA_ALLOWED_MECHANISMS, bytes, 0]),
            ("never settable", [sys::CKA_LOCAL, bytes + 3, 1]),
            ("unique id", [sys::CKA_UNIQUE_ID, bytes, 8]),
            ("unknown class", [sys::CKA_CLASS, bytes, 8]),
        ] {
            let mut words = right.clone();
            words[..3].copy_from_slice(&first);
            all.push((name, self.words(words)));
        }
        let mut words = right.clone();
        let last = words.len() - 3;
        words.copy_within(0..3, last);
        all.push(("one twice", self.words(words)));
        all
    }

    fn parameters(&mut self) -> Vec<(&'static str, usize)> {
        let right = self.parameter_words();
        let mut all = vec![("null", 0), ("odd address", self.odd(&right))];
        for (name, at, value) in [
            ("no nonce", 0, 0),
            ("empty nonce", 1, 0),
            ("huge nonce", 1, u64::MAX),
            ("all bits fixed", 2, 96),
            ("more bits fixed", 2, u64::MAX),
            ("unknown generator", 3, 99),
            ("given nonce", 3, sys::CKG_NO_GENERATE),
            ("no tag", 4, 0),
            ("empty tag", 5, 0),
            ("short tag", 5, 8),
            ("half a byte of tag", 5, 100),
            ("long tag", 5, 136),
            ("huge tag", 5, u64::MAX),
        ] {
            let mut words = right.clone();
            words[at] = value;
            all.push((name, self.words(words)));
        }
        all
    }
}
