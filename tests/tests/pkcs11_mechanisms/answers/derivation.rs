//! Keys of keys and data.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Mechanism, Session, length, number, with};
use cryptoki_sys as sys;

use super::keys::{open, taken, with_secret};
use super::{Answers, lines, parameter, row};

const CIPHERS: &str = include_str!("vectors/cipher.txt");

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_CONCATENATE_BASE_AND_KEY,  2,  "PKCS#11 3.2 section 6.43", keys),
    row(ckm::CKM_CONCATENATE_BASE_AND_DATA, 2,  "PKCS#11 3.2 section 6.43", data),
    row(ckm::CKM_CONCATENATE_DATA_AND_BASE, 2,  "PKCS#11 3.2 section 6.43", data),
    row(ckm::CKM_XOR_BASE_AND_DATA,         3,  "PKCS#11 3.2 section 6.43", data),
    row(ckm::CKM_EXTRACT_KEY_FROM_KEY,      4,  "PKCS#11 3.2 section 6.43", bits),
    row(ckm::CKM_AES_ECB_ENCRYPT_DATA,      15, "NIST CAVP",                encrypted),
    row(ckm::CKM_AES_CBC_ENCRYPT_DATA,      15, "NIST CAVP",                encrypted),
];

const DERIVE: &[u64] = &[sys::CKA_DERIVE];

/// What a derivation makes of a secret; as long as said, or as long as it comes.
fn derived(session: Session, mechanism: &Mechanism<'_>, base: &str, bytes: Option<u64>) -> String {
    with_secret(session, sys::CKK_GENERIC_SECRET, &lines::bytes(base), DERIVE, |base| {
        let value_len = bytes.map(number);
        let more: Vec<(u64, &[u8])> =
            value_len.iter().map(|bytes| (sys::CKA_VALUE_LEN, &bytes[..])).collect();
        let key = session.derive(mechanism, base, &open(&more)).unwrap();
        hex::encode(taken(session, key))
    })
}

fn keys(session: Session, ckm: u64) -> usize {
    let cases = [
        ("0123", "456789", None, "0123456789"),
        ("00112233445566778899aabbccddeeff", "ff", Some(16), "00112233445566778899aabbccddeeff"),
    ];
    for (base, other, bytes, expected) in cases {
        let other = lines::bytes(other);
        with_secret(session, sys::CKK_GENERIC_SECRET, &other, DERIVE, |other| {
            assert_eq!(derived(session, &with(ckm, &other), base, bytes), expected);
        });
    }
    cases.len()
}

fn data(session: Session, ckm: u64) -> usize {
    // The examples of the standard, and cut ones.
    #[rustfmt::skip]
    let cases: &[(u64, &str, &str, Option<u64>, &str)] = &[
        (ckm::CKM_CONCATENATE_BASE_AND_DATA, "01234567", "89abcdef", None,    "0123456789abcdef"),
        (ckm::CKM_CONCATENATE_BASE_AND_DATA, "01234567", "89abcdef", Some(5), "0123456789"),
        (ckm::CKM_CONCATENATE_DATA_AND_BASE, "01234567", "89abcdef", None,    "89abcdef01234567"),
        (ckm::CKM_CONCATENATE_DATA_AND_BASE, "01234567", "89abcdef", Some(5), "89abcdef01"),
        (ckm::CKM_XOR_BASE_AND_DATA,         "01234567", "89abcdef", None,    "88888888"),
        (ckm::CKM_XOR_BASE_AND_DATA,         "0123456789", "89abcdef", None,  "88888888"),
        (ckm::CKM_XOR_BASE_AND_DATA,         "01234567", "89abcdef00", Some(3), "888888"),
    ];
    let mut count = 0;
    for (_, base, data, bytes, expected) in cases.iter().filter(|(of, ..)| *of == ckm) {
        let data = lines::bytes(data);
        let parameter = sys::CK_KEY_DERIVATION_STRING_DATA {
            pData: parameter::at(&data),
            ulLen: length(&data),
        };
        assert_eq!(derived(session, &with(ckm, &parameter), base, *bytes), *expected);
        count += 1;
    }
    count
}

fn bits(session: Session, ckm: u64) -> usize {
    // The first is the standard's example.
    let cases: [(&str, u64, u64, &str); 4] = [
        ("329f84a9", 21, 2, "9526"),
        ("329f84a9", 0, 2, "329f"),
        ("329f84a9", 8, 3, "9f84a9"),
        ("8000000000000001", 63, 2, "c000"),
    ];
    for (base, bit, bytes, expected) in cases {
        assert_eq!(derived(session, &with(ckm, &bit), base, Some(bytes)), expected, "{bit}");
    }
    cases.len()
}

fn encrypted(session: Session, ckm: u64) -> usize {
    let is_cbc = ckm == ckm::CKM_AES_CBC_ENCRYPT_DATA;
    let cipher = if is_cbc { ckm::CKM_AES_CBC } else { ckm::CKM_AES_ECB };
    let mut count = 0;
    for fields in lines::of(CIPHERS, lines::name(cipher)) {
        let [value, iv, data, expected] = [0, 1, 2, 3].map(|at| lines::bytes(fields[at]));
        with_secret(session, sys::CKK_AES, &value, DERIVE, |base| {
            let key = if is_cbc {
                let parameter = sys::CK_AES_CBC_ENCRYPT_DATA_PARAMS {
                    iv: iv[..].try_into().unwrap(),
                    pData: parameter::at(&data),
                    length: length(&data),
                };
                session.derive(&with(ckm, &parameter), base, &open(&[]))
            } else {
                let parameter = sys::CK_KEY_DERIVATION_STRING_DATA {
                    pData: parameter::at(&data),
                    ulLen: length(&data),
                };
                session.derive(&with(ckm, &parameter), base, &open(&[]))
            };
            assert_eq!(taken(session, key.unwrap()), expected);
        });
        count += 1;
    }
    count
}
