//! SHA-512/t, HMAC with it, and keys that are digests by it: the parameter says how many bits.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Session, number, plain, with};
use cryptoki_sys as sys;

use super::keys::{open, taken, with_secret};
use super::{Answers, UNEVEN, lines, row};

const FILE: &str = include_str!("vectors/sha512_t.txt");
const SOURCE: &str = "a program of its own; OpenSSL for 224 and 256 bits";

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_SHA512_T,                104, SOURCE, digest),
    row(ckm::CKM_SHA512_T_HMAC,           91,  SOURCE, code),
    row(ckm::CKM_SHA512_T_KEY_DERIVATION, 91,  SOURCE, key),
];

/// What is no t: whole bytes, less than 512 bits and not 384.
const IMPOSSIBLE: [u64; 11] = [0, 1, 7, 12, 225, 384, 511, 512, 520, (1 << 32) + 224, u64::MAX];

/// The bits, and the other fields.
fn vectors(ckm: u64) -> impl Iterator<Item = (u64, Vec<Vec<u8>>)> {
    lines::of(FILE, lines::name(ckm)).map(|fields| {
        let rest = fields[1..].iter().map(|field| lines::bytes(field)).collect();
        (fields[0].parse().unwrap(), rest)
    })
}

fn digest(session: Session, ckm: u64) -> usize {
    for bits in IMPOSSIBLE {
        let refused = session.digest_init(Some(&with(ckm, &bits)));
        assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID), "{bits}");
    }
    let refused = session.digest_init(Some(&plain(ckm)));
    assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
    let check = |(bits, fields): (u64, Vec<Vec<u8>>)| {
        let [message, expected] = &fields[..] else { panic!("{fields:?}") };
        let mechanism = with(ckm, &bits);
        assert_eq!(session.digest_with(&mechanism, message).unwrap(), *expected, "{bits}");
        for part in UNEVEN {
            let parts = session.digest_parts(&mechanism, message, part);
            assert_eq!(parts.unwrap(), *expected, "{bits}");
        }
        let approved = match bits {
            224 => sys::CKM_SHA512_224,
            256 => sys::CKM_SHA512_256,
            _ => return,
        };
        assert_eq!(session.digest_with(&plain(approved), message).unwrap(), *expected);
    };
    vectors(ckm).map(check).count()
}

fn code(session: Session, ckm: u64) -> usize {
    with_secret(session, sys::CKK_GENERIC_SECRET, &[1; 32], &[sys::CKA_SIGN], |key| {
        for bits in IMPOSSIBLE {
            let refused = session.sign_init(Some(&with(ckm, &bits)), key);
            assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID), "{bits}");
        }
    });
    let check = |(bits, fields): (u64, Vec<Vec<u8>>)| {
        let [key, message, expected] = &fields[..] else { panic!("{fields:?}") };
        let mechanism = with(ckm, &bits);
        for key_type in [sys::CKK_GENERIC_SECRET, sys::CKK_SHA512_T_HMAC] {
            with_secret(session, key_type, key, &[sys::CKA_SIGN, sys::CKA_VERIFY], |key| {
                assert_eq!(session.sign_with(&mechanism, key, message).unwrap(), *expected);
                session.verify_with(&mechanism, key, message, expected).unwrap();
                let mut wrong = expected.clone();
                wrong[0] ^= 1;
                let verified = session.verify_with(&mechanism, key, message, &wrong);
                assert_eq!(verified, Err(sys::CKR_SIGNATURE_INVALID));
                wrong.push(0);
                let verified = session.verify_with(&mechanism, key, message, &wrong);
                assert_eq!(verified, Err(sys::CKR_SIGNATURE_LEN_RANGE));
                for part in UNEVEN {
                    let code = session.sign_parts(&mechanism, key, message, part);
                    assert_eq!(code.unwrap(), *expected);
                    session.verify_parts(&mechanism, key, message, expected, part).unwrap();
                }
            });
        }
    };
    vectors(ckm).map(check).count()
}

fn key(session: Session, ckm: u64) -> usize {
    let check = |(bits, fields): (u64, Vec<Vec<u8>>)| {
        let [value, expected] = &fields[..] else { panic!("{fields:?}") };
        let mechanism = with(ckm, &bits);
        with_secret(session, sys::CKK_GENERIC_SECRET, value, &[sys::CKA_DERIVE], |base| {
            let whole = session.derive(&mechanism, base, &open(&[])).unwrap();
            assert_eq!(taken(session, whole), *expected);
            let one = number(1);
            let begin = session.derive(&mechanism, base, &open(&[(sys::CKA_VALUE_LEN, &one)]));
            assert_eq!(taken(session, begin.unwrap()), expected[..1]);
            let much = number(expected.len() as u64 + 1);
            let longer = session.derive(&mechanism, base, &open(&[(sys::CKA_VALUE_LEN, &much)]));
            assert_eq!(longer, Err(sys::CKR_KEY_SIZE_RANGE));
            for bits in IMPOSSIBLE {
                let refused = session.derive(&with(ckm, &bits), base, &open(&[]));
                assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID), "{bits}");
            }
        });
    };
    let has_value = |(_, fields): &(u64, Vec<Vec<u8>>)| !fields[0].is_empty();
    vectors(ckm::CKM_SHA512_T).filter(has_value).map(check).count()
}
