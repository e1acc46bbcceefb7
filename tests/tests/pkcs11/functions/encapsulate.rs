//! C_EncapsulateKey and C_DecapsulateKey with elliptic curves.

use coffer_tests::curve::{Curve, Kind};
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{NO, P256, YES, hmac, number};
use coffer_tests::c::{self, Handle, Mechanism, Session, plain, with};

/// The mechanism that makes a pair, its parameter, and the length of a point.
fn curves() -> impl Iterator<Item = (u64, Vec<u8>, usize)> {
    Curve::agreeing().filter(|curve| curve.name != "P-192").map(|curve| {
        let mechanism = match curve.kind {
            Kind::Montgomery => CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
            Kind::Prime | Kind::Edwards => CKM_EC_KEY_PAIR_GEN,
        };
        (mechanism, curve.parameters(), curve.point_length())
    })
}

fn pair(session: Session, mechanism: u64, curve: &[u8]) -> (Handle, Handle) {
    let public = [(CKA_EC_PARAMS, curve), (CKA_TOKEN, NO), (CKA_ENCAPSULATE, YES)];
    let private = [(CKA_TOKEN, NO), (CKA_DECAPSULATE, YES), (CKA_DERIVE, YES)];
    session.generate_pair(&plain(mechanism), &public, &private).unwrap()
}

fn readable<'a>(class: &'a [u8], length: &'a [u8]) -> Vec<(u64, &'a [u8])> {
    vec![
        (CKA_CLASS, class),
        (CKA_VALUE_LEN, length),
        (CKA_TOKEN, NO),
        (CKA_SENSITIVE, NO),
        (CKA_EXTRACTABLE, YES),
    ]
}

fn parameter(kdf: u64) -> CK_ECDH1_DERIVE_PARAMS {
    CK_ECDH1_DERIVE_PARAMS { kdf, ..Default::default() }
}

#[test]
fn both_sides_get_the_same_key() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let class = number(CKO_SECRET_KEY);
        for (mechanism, curve, point) in curves() {
            let (public, private) = pair(session, mechanism, &curve);
            for (kdf, length) in [(CKD_NULL, 28), (CKD_SHA256_KDF, 48)] {
                let parameter = parameter(kdf);
                for kind in [CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE] {
                    let ecdh = with(kind, &parameter);
                    let length = number(length);
                    let template = readable(&class, &length);
                    let (ciphertext, sent) = session.encapsulate(&ecdh, public, &template).unwrap();
                    assert_eq!(ciphertext.len(), point);
                    let got = session.decapsulate(&ecdh, private, &ciphertext, &template).unwrap();
                    let value = |key| session.read(key, CKA_VALUE).unwrap();
                    assert_eq!(value(sent), value(got));
                    assert_eq!(session.read(sent, CKA_LOCAL).unwrap(), NO);
                    let (again, other) = session.encapsulate(&ecdh, public, &template).unwrap();
                    assert!(again != ciphertext && value(other) != value(sent));
                    // It is agreement with the point that was sent.
                    let mut point = ciphertext.clone();
                    let derive = CK_ECDH1_DERIVE_PARAMS {
                        kdf,
                        ulPublicDataLen: point.len() as u64,
                        pPublicData: point.as_mut_ptr(),
                        ..Default::default()
                    };
                    let derived = derive_key(session, &with(kind, &derive), private, &template);
                    assert_eq!(value(derived), value(sent));
                }
            }
        }
    });
}

fn derive_key(
    session: Session,
    mechanism: &Mechanism<'_>,
    base: Handle,
    template: c::Template<'_>,
) -> Handle {
    session.derive(mechanism, base, template).unwrap()
}

#[test]
fn a_ciphertext_that_is_no_point_is_refused() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (class, length) = (number(CKO_SECRET_KEY), number(32));
        let template = readable(&class, &length);
        let parameter = parameter(CKD_NULL);
        let ecdh = with(CKM_ECDH1_DERIVE, &parameter);
        for (mechanism, curve, point) in curves() {
            let (_, private) = pair(session, mechanism, &curve);
            let open =
                |ciphertext: &[u8]| session.decapsulate(&ecdh, private, ciphertext, &template);
            for length in [0, 1, point - 1, point + 1, 20_000] {
                assert_eq!(open(&vec![4; length]), Err(CKR_WRAPPED_KEY_LEN_RANGE));
            }
            // No point; and on X25519 one of small order.
            assert_eq!(open(&vec![0; point]), Err(CKR_WRAPPED_KEY_INVALID));
        }
    });
}

#[test]
fn keys_and_mechanisms_must_be_for_it() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (class, length) = (number(CKO_SECRET_KEY), number(32));
        let template = readable(&class, &length);
        let (public, private) = pair(session, CKM_EC_KEY_PAIR_GEN, &P256);
        let (mute, deaf) = super::ec(session, &[], &[]);
        let none = parameter(CKD_NULL);
        let ecdh = with(CKM_ECDH1_DERIVE, &none);
        let send = |mechanism: &Mechanism<'_>, key| {
            session.encapsulate(mechanism, key, &template).map(|(_, key)| key)
        };
        let open = |mechanism: &Mechanism<'_>, key| {
            session.decapsulate(mechanism, key, &[4; 65], &template)
        };
        assert_eq!(send(&ecdh, mute), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
        assert_eq!(open(&ecdh, deaf), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
        assert_eq!(send(&ecdh, private), Err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(open(&ecdh, public), Err(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT));
        assert_eq!(send(&ecdh, hmac(session)), Err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(send(&ecdh, 0), Err(CKR_KEY_HANDLE_INVALID));
        assert_eq!(open(&ecdh, 0), Err(CKR_UNWRAPPING_KEY_HANDLE_INVALID));
        for mechanism in [CKM_ML_KEM, CKM_RSA_PKCS, CKM_AES_GCM, CKM_SHA256, CKM_ECDSA] {
            let mechanism = plain(mechanism);
            let codes = [send(&mechanism, public), open(&mechanism, private)];
            for code in codes {
                let is_refused =
                    [Err(CKR_MECHANISM_INVALID), Err(CKR_MECHANISM_PARAM_INVALID)].contains(&code);
                assert!(is_refused, "{code:?}");
            }
        }
        // The point of the other side is the ciphertext, not a parameter.
        let mut point = [4_u8; 65];
        let parameter = CK_ECDH1_DERIVE_PARAMS {
            kdf: CKD_NULL,
            ulPublicDataLen: 65,
            pPublicData: point.as_mut_ptr(),
            ..Default::default()
        };
        let mechanism = with(CKM_ECDH1_DERIVE, &parameter);
        assert_eq!(send(&mechanism, public), Err(CKR_MECHANISM_PARAM_INVALID));
        assert_eq!(open(&mechanism, private), Err(CKR_MECHANISM_PARAM_INVALID));
        let slot = c::slots().unwrap()[0];
        let flags = c::mechanism_flags(slot, CKM_ECDH1_DERIVE).unwrap();
        assert_eq!(flags & (CKF_ENCAPSULATE | CKF_DECAPSULATE), CKF_ENCAPSULATE | CKF_DECAPSULATE);
    });
}
