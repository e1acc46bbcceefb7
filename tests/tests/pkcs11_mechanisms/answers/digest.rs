//! Digests, and keys that are digests of keys.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{NO, Session, YES, plain};
use cryptoki_sys as sys;

use super::keys::{open, taken, with_secret};
use super::{Answers, UNEVEN, lines, row};

const FILE: &str = include_str!("vectors/digest.txt");
const SOURCE: &str = "NIST CAVP";

/// Digests with the mechanisms that make keys of them.
#[rustfmt::skip]
const DERIVATIONS: &[(u64, u64)] = &[
    (ckm::CKM_SHA1_KEY_DERIVATION,       ckm::CKM_SHA_1),
    (ckm::CKM_SHA224_KEY_DERIVATION,     ckm::CKM_SHA224),
    (ckm::CKM_SHA256_KEY_DERIVATION,     ckm::CKM_SHA256),
    (ckm::CKM_SHA384_KEY_DERIVATION,     ckm::CKM_SHA384),
    (ckm::CKM_SHA512_KEY_DERIVATION,     ckm::CKM_SHA512),
    (ckm::CKM_SHA512_224_KEY_DERIVATION, ckm::CKM_SHA512_224),
    (ckm::CKM_SHA512_256_KEY_DERIVATION, ckm::CKM_SHA512_256),
    (ckm::CKM_SHA3_224_KEY_DERIVATION,   ckm::CKM_SHA3_224),
    (ckm::CKM_SHA3_256_KEY_DERIVATION,   ckm::CKM_SHA3_256),
    (ckm::CKM_SHA3_384_KEY_DERIVATION,   ckm::CKM_SHA3_384),
    (ckm::CKM_SHA3_512_KEY_DERIVATION,   ckm::CKM_SHA3_512),
];

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_SHA_1,      9, SOURCE, digest),
    row(ckm::CKM_SHA224,     9, SOURCE, digest),
    row(ckm::CKM_SHA256,     9, SOURCE, digest),
    row(ckm::CKM_SHA384,     9, SOURCE, digest),
    row(ckm::CKM_SHA512,     9, SOURCE, digest),
    row(ckm::CKM_SHA512_224, 9, SOURCE, digest),
    row(ckm::CKM_SHA512_256, 9, SOURCE, digest),
    row(ckm::CKM_SHA3_224,   9, SOURCE, digest),
    row(ckm::CKM_SHA3_256,   9, SOURCE, digest),
    row(ckm::CKM_SHA3_384,   9, SOURCE, digest),
    row(ckm::CKM_SHA3_512,   9, SOURCE, digest),
    row(ckm::CKM_SHA1_KEY_DERIVATION,       7, SOURCE, key),
    row(ckm::CKM_SHA224_KEY_DERIVATION,     7, SOURCE, key),
    row(ckm::CKM_SHA256_KEY_DERIVATION,     7, SOURCE, key),
    row(ckm::CKM_SHA384_KEY_DERIVATION,     7, SOURCE, key),
    row(ckm::CKM_SHA512_KEY_DERIVATION,     7, SOURCE, key),
    row(ckm::CKM_SHA512_224_KEY_DERIVATION, 7, SOURCE, key),
    row(ckm::CKM_SHA512_256_KEY_DERIVATION, 7, SOURCE, key),
    row(ckm::CKM_SHA3_224_KEY_DERIVATION,   7, SOURCE, key),
    row(ckm::CKM_SHA3_256_KEY_DERIVATION,   7, SOURCE, key),
    row(ckm::CKM_SHA3_384_KEY_DERIVATION,   7, SOURCE, key),
    row(ckm::CKM_SHA3_512_KEY_DERIVATION,   7, SOURCE, key),
];

fn vectors(ckm: u64) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    lines::of(FILE, lines::name(ckm))
        .map(|fields| (lines::bytes(fields[0]), lines::bytes(fields[1])))
}

fn digest(session: Session, ckm: u64) -> usize {
    let mechanism = plain(ckm);
    let check = |(message, expected): (Vec<u8>, Vec<u8>)| {
        assert_eq!(session.digest_with(&mechanism, &message).unwrap(), expected);
        for part in UNEVEN {
            let parts = session.digest_parts(&mechanism, &message, part);
            assert_eq!(parts.unwrap(), expected);
        }
        // Nor does it matter that a part of it is a key.
        if let [first, rest @ ..] = &message[..] {
            with_secret(session, sys::CKK_GENERIC_SECRET, &[*first], &[], |key| {
                session.digest_init(Some(&mechanism)).unwrap();
                session.digest_key(key).unwrap();
                session.digest_update(rest).unwrap();
                assert_eq!(session.digest_final().unwrap(), expected);
            });
        }
    };
    vectors(ckm).map(check).count()
}

fn key(session: Session, ckm: u64) -> usize {
    let (_, digest) = DERIVATIONS.iter().find(|(derivation, _)| *derivation == ckm).unwrap();
    let check = |(value, expected): (Vec<u8>, Vec<u8>)| {
        with_secret(session, sys::CKK_GENERIC_SECRET, &value, &[sys::CKA_DERIVE], |base| {
            let whole = session.derive(&plain(ckm), base, &open(&[])).unwrap();
            assert_eq!(taken(session, whole), expected);
            let sixteen = coffer_tests::c::number(16);
            let template = open(&[(sys::CKA_VALUE_LEN, &sixteen)]);
            let begin = session.derive(&plain(ckm), base, &template).unwrap();
            assert_eq!(taken(session, begin), expected[..16]);
            let much = coffer_tests::c::number(expected.len() as u64 + 1);
            let template =
                [(sys::CKA_TOKEN, NO), (sys::CKA_EXTRACTABLE, YES), (sys::CKA_VALUE_LEN, &much)];
            let longer = session.derive(&plain(ckm), base, &template);
            assert_eq!(longer, Err(sys::CKR_KEY_SIZE_RANGE));
        });
    };
    let fit = |(value, _): &(Vec<u8>, Vec<u8>)| (1..=1024).contains(&value.len());
    vectors(*digest).filter(fit).map(check).count()
}
