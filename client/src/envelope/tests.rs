use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use secrecy::SecretSlice;

use super::segment::{Place, TAG};
use super::*;

const SMALL: u32 = MIN_SEGMENT;
const HEADER: usize = 23 + 8;

fn key(byte: u8) -> SecretSlice<u8> {
    vec![byte; 32].into()
}

fn header() -> Header {
    Header::new(SMALL, b"data key".to_vec()).unwrap()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 7) & 0xFF).unwrap()).collect()
}

fn seal(plaintext: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(&header(), &key(1), Vec::new()).unwrap();
    writer.write_all(plaintext).unwrap();
    writer.finish().unwrap()
}

/// What is given out before the end or an error.
fn open_with(envelope: &[u8], key: &SecretSlice<u8>) -> (Vec<u8>, Result<(), Error>) {
    let mut input = envelope;
    let mut plaintext = Vec::new();
    let mut read = || {
        let header = Header::read(&mut input)?;
        let mut reader = Reader::new(&header, key, &mut input)?;
        while let Some(segment) = reader.next_segment()? {
            plaintext.extend_from_slice(segment);
        }
        assert!(reader.is_whole());
        Ok(())
    };
    let result = read();
    (plaintext, result)
}

fn open(envelope: &[u8]) -> (Vec<u8>, Result<(), Error>) {
    open_with(envelope, &key(1))
}

/// The segments of an envelope, each with its tag.
fn segments(envelope: &[u8]) -> Vec<&[u8]> {
    envelope[HEADER..].chunks(SMALL as usize + TAG).collect()
}

fn assemble(envelope: &[u8], order: &[&[u8]]) -> Vec<u8> {
    [&envelope[..HEADER], &order.concat()].concat()
}

/// An attack never shows more than a true beginning.
fn assert_refused(envelope: &[u8], truth: &[u8]) -> Error {
    let (plaintext, result) = open(envelope);
    assert!(truth.starts_with(&plaintext));
    assert_eq!(plaintext.len() % SMALL as usize, 0);
    result.unwrap_err()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

/// Computed with the package `cryptography` of Python from docs/envelope.md: the header, and the last segments of two
/// envelopes.
const KNOWN: [&str; 3] = [
    "894346450d0a1a0a010100000400a0a1a2a3a4a5a6000864617461206b6579",
    "1f042572d735fa63c25bd1a31f9481c656566378f8",
    "e901cefc1c5fd6e14cd528abf3a9952f5639781064",
];

#[test]
fn the_format_is_the_documented_one() {
    let known = KNOWN.map(unhex);
    let header = Header::read(&mut &known[0][..]).unwrap();
    let key: SecretSlice<u8> = (0..32).collect::<Vec<u8>>().into();
    for (plaintext, end) in [(&b"hello"[..], &known[1]), (&pattern(1029), &known[2])] {
        let mut writer = Writer::new(&header, &key, Vec::new()).unwrap();
        writer.write_all(plaintext).unwrap();
        let envelope = writer.finish().unwrap();
        assert_eq!(envelope[..HEADER], known[0]);
        assert_eq!(envelope[envelope.len() - 21..], end[..]);
        assert_eq!(open_with(&envelope, &key).0, plaintext);
    }
}

#[test]
fn every_length_around_a_segment_comes_back() {
    let size = SMALL as usize;
    for length in [0, 1, size - 1, size, size + 1, 2 * size - 1, 2 * size, 3 * size + 7] {
        let plaintext = pattern(length);
        let envelope = seal(&plaintext);
        let count = length.div_ceil(size).max(1);
        assert_eq!(envelope.len(), HEADER + length + count * TAG, "{length}");
        let (opened, result) = open(&envelope);
        result.unwrap();
        assert_eq!(opened, plaintext, "{length}");
    }
}

#[test]
fn every_cut_is_noticed_and_one_between_segments_is_named() {
    let plaintext = pattern(3 * SMALL as usize);
    let envelope = seal(&plaintext);
    for length in 0..envelope.len() {
        let error = assert_refused(&envelope[..length], &plaintext);
        let between = length > HEADER && (length - HEADER).is_multiple_of(SMALL as usize + TAG);
        if between || (MAGIC.len()..=HEADER).contains(&length) {
            assert!(matches!(error, Error::Truncated { .. }), "{length}: {error}");
        } else if length < MAGIC.len() {
            assert!(matches!(error, Error::NotAnEnvelope), "{length}: {error}");
        }
    }
}

#[test]
fn every_changed_byte_is_noticed_except_in_the_wrapped_data_key() {
    let plaintext = pattern(2 * SMALL as usize + 9);
    let envelope = seal(&plaintext);
    for at in (0..HEADER + 40).chain(HEADER + 1000..envelope.len()) {
        let mut changed = envelope.clone();
        changed[at] ^= 1;
        // The KMS authenticates the data key; a changed one gives another key, which the next test has.
        if (23..HEADER).contains(&at) {
            continue;
        }
        assert_refused(&changed, &plaintext);
    }
}

#[test]
fn another_data_key_opens_nothing() {
    let (plaintext, result) = open_with(&seal(&pattern(5000)), &key(2));
    assert!(plaintext.is_empty());
    assert!(matches!(result.unwrap_err(), Error::Damaged { segment: 0 }));
}

#[test]
fn segments_that_are_moved_repeated_or_left_out_are_noticed() {
    let plaintext = pattern(3 * SMALL as usize + 5);
    let envelope = seal(&plaintext);
    let s = segments(&envelope);
    assert_eq!(open(&assemble(&envelope, &[s[0], s[1], s[2], s[3]])).0, plaintext);
    for order in [
        vec![s[1], s[0], s[2], s[3]],
        vec![s[0], s[0], s[1], s[2], s[3]],
        vec![s[0], s[2], s[3]],
        vec![s[0], s[1], s[3]],
        vec![s[1], s[2], s[3]],
        vec![s[3]],
        vec![s[0], s[1], s[2], s[3], s[3]],
        vec![s[0], s[1], s[2], s[2]],
    ] {
        assert_refused(&assemble(&envelope, &order), &plaintext);
    }
}

#[test]
fn what_follows_the_end_is_noticed() {
    for length in [0, 10, 2 * SMALL as usize] {
        let plaintext = pattern(length);
        let envelope = seal(&plaintext);
        for tail in [&[0][..], &[0; 16], &[0; 17], &seal(b"second"), &vec![0; 5000]] {
            let error = assert_refused(&[&envelope[..], tail].concat(), &plaintext);
            if length == 2 * SMALL as usize {
                assert!(matches!(error, Error::Trailing), "{error}");
            }
        }
    }
}

#[test]
fn segments_of_another_envelope_under_the_same_data_key_do_not_fit() {
    let (one, other) = (seal(&pattern(3000)), seal(&pattern(3000)));
    let (a, b) = (segments(&one), segments(&other));
    assert_refused(&assemble(&one, &[a[0], b[1], a[2]]), &pattern(3000));
    assert_refused(&assemble(&one, &[a[0], a[1], b[2]]), &pattern(3000));
    assert_refused(&assemble(&other, &a), &pattern(3000));
}

#[test]
fn an_empty_segment_at_the_end_is_refused() {
    let (header, key) = (header(), key(1));
    let cipher = super::segment::Cipher::new(&header, &key).unwrap();
    let mut first = pattern(SMALL as usize);
    let mut envelope = Vec::new();
    header.write(&mut envelope).unwrap();
    let tag = cipher.seal(0, Place::Inside, &mut first).unwrap();
    let end = cipher.seal(1, Place::Last, &mut []).unwrap();
    let envelope = [&envelope[..], &first, &tag, &end].concat();
    assert!(matches!(open(&envelope).1, Err(Error::Header(_))));
}

#[test]
fn headers_that_are_none_say_why() {
    let envelope = seal(b"x");
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = envelope.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        open(&changed).1.unwrap_err()
    };
    assert!(matches!(with(0, b"\x88"), Error::NotAnEnvelope));
    assert!(matches!(with(8, &[2]), Error::Version(2)));
    assert!(matches!(with(9, &[9]), Error::Algorithm(9)));
    for size in [0, 1, MIN_SEGMENT - 1, MAX_SEGMENT + 1, u32::MAX] {
        assert!(matches!(with(10, &size.to_be_bytes()), Error::Header(_)), "{size}");
    }
    assert!(matches!(with(21, &[0, 0]), Error::Header(_)));
    assert!(matches!(with(21, &[0x10, 1]), Error::Header(_)));
    assert!(matches!(with(21, &[0x10, 0]), Error::Truncated { .. }));
    assert!(matches!(
        Writer::new(&header(), &vec![0; 16].into(), Vec::new()).err(),
        Some(Error::DataKey)
    ));
}

#[test]
fn a_data_key_encrypted_anew_leaves_the_segments_as_they_are() {
    let envelope = seal(&pattern(2000));
    let mut input = &envelope[..];
    let header = Header::read(&mut input).unwrap();
    let mut moved = Vec::new();
    header.with_data_key(vec![5; 300]).unwrap().write(&mut moved).unwrap();
    assert_eq!(moved.len(), HEADER - 8 + 300);
    moved.extend_from_slice(input);
    let (plaintext, result) = open(&moved);
    result.unwrap();
    assert_eq!(plaintext, pattern(2000));
    assert!(header.with_data_key(Vec::new()).is_err());
    assert!(header.with_data_key(vec![0; 4097]).is_err());
}

#[test]
fn nothing_comes_after_an_error() {
    let mut envelope = seal(&pattern(3 * SMALL as usize));
    envelope[HEADER + SMALL as usize + TAG] ^= 1;
    let mut input = Cursor::new(envelope);
    let header = Header::read(&mut input).unwrap();
    let mut reader = Reader::new(&header, &key(1), input).unwrap();
    let mut bytes = vec![0; SMALL as usize];
    reader.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, pattern(SMALL as usize));
    for _ in 0..3 {
        assert!(reader.read(&mut bytes).is_err());
        assert!(!reader.is_whole());
    }
}

#[test]
fn an_output_that_fails_makes_no_second_segment_with_the_same_nonce() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.0.min(bytes.len());
            self.0 -= room;
            if room == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(room) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(&header(), &key(1), Full(HEADER + 100)).unwrap();
    let error = writer.write_all(&pattern(3000)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(matches!(writer.finish().err(), Some(Error::GivenUp)));
}

/// Gives out what it has in the pieces that a test says.
struct Pieces<'a>(&'a [u8], Vec<usize>);

impl Read for Pieces<'_> {
    fn read(&mut self, output: &mut [u8]) -> std::io::Result<usize> {
        let next = self.1.pop().unwrap_or(4096);
        if next == 0 {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let length = next.min(output.len()).min(self.0.len());
        output[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_pieces_are_the_plaintext_comes_back(
        plaintext in proptest::collection::vec(any::<u8>(), 0..6000),
        writes in proptest::collection::vec(1usize..3000, 1..20),
        reads in proptest::collection::vec(0usize..3000, 0..20),
    ) {
        let mut writer = Writer::new(&header(), &key(1), Vec::new()).unwrap();
        let mut rest = &plaintext[..];
        for length in writes.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*length));
            writer.write_all(now).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let envelope = writer.finish().unwrap();
        let mut input = Pieces(&envelope, reads);
        let header = Header::read(&mut input).unwrap();
        let mut reader = Reader::new(&header, &key(1), input).unwrap();
        let mut opened = Vec::new();
        reader.read_to_end(&mut opened).unwrap();
        prop_assert!(reader.is_whole());
        prop_assert_eq!(opened, plaintext);
    }

    #[test]
    fn whatever_is_damaged_gives_a_true_beginning_and_an_error(
        length in 0usize..5000,
        at in any::<proptest::sample::Index>(),
        with in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let plaintext = pattern(length);
        let envelope = seal(&plaintext);
        let at = at.index(envelope.len());
        let mut damaged = envelope.clone();
        if cut {
            damaged.truncate(at);
        } else {
            damaged[at] = with;
        }
        prop_assume!(damaged != envelope && (cut || !(23..HEADER).contains(&at)));
        let (opened, result) = open(&damaged);
        prop_assert!(result.is_err());
        prop_assert!(plaintext.starts_with(&opened));
    }

    #[test]
    fn bytes_of_anybody_are_an_error_and_no_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(open(&bytes).1.is_err());
        let mut resembling = seal(b"");
        resembling.truncate(10);
        resembling.extend_from_slice(&bytes);
        prop_assert!(open(&resembling).1.is_err());
    }
}
