//! Public keys of private ones.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{NO, Session, number, plain};
use coffer_tests::curve::CURVES;
use cryptoki_sys as sys;

use super::keys::{ec_private, key_type, rsa2048, rsa2048_pair};
use super::{Answers, lines, row};

const FILE: &str = include_str!("vectors/pairs.txt");

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_PUB_KEY_FROM_PRIV_KEY, 31, "NIST CAVP, RFC 8032, OpenSSL", pairs),
    row(ckm::CKM_PUB_KEY_FROM_PRIV_KEY, 1,  "OpenSSL",                      rsa),
];

fn pairs(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for curve in CURVES {
        for fields in lines::of(FILE, curve.name) {
            let [scalar, point] = [0, 1].map(|at| lines::bytes(fields[at]));
            let private = ec_private(session, curve, &scalar).unwrap();
            let (class, kind) = (number(sys::CKO_PUBLIC_KEY), number(key_type(curve)));
            let template = [
                (sys::CKA_CLASS, &class[..]),
                (sys::CKA_KEY_TYPE, &kind[..]),
                (sys::CKA_TOKEN, NO),
            ];
            let public = session.derive(&plain(ckm), private, &template).unwrap();
            let read = session.read(public, sys::CKA_EC_POINT).unwrap();
            assert!(read.ends_with(&point) && read.len() <= point.len() + 3);
            assert_eq!(session.read(public, sys::CKA_EC_PARAMS).unwrap(), curve.parameters());
            session.destroy(private).unwrap();
            session.destroy(public).unwrap();
            count += 1;
        }
    }
    count
}

fn rsa(session: Session, ckm: u64) -> usize {
    let numbers = rsa2048();
    let (private, _) = rsa2048_pair(session);
    let class = number(sys::CKO_PUBLIC_KEY);
    let template = [(sys::CKA_CLASS, &class[..]), (sys::CKA_TOKEN, NO)];
    let public = session.derive(&plain(ckm), private, &template).unwrap();
    assert_eq!(session.read(public, sys::CKA_MODULUS).unwrap(), numbers[0]);
    assert_eq!(session.read(public, sys::CKA_PUBLIC_EXPONENT).unwrap(), numbers[1]);
    1
}
