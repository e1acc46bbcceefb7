//! C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{NO, YES, ec, number};
use coffer_tests::c::{Handle, Mechanism, Session, plain, with};

const VALUE: &[u8] = b"the value of the key that leaves";

struct Keys {
    aes: Handle,
    chacha: Handle,
    secret: Handle,
}

fn keys(session: Session) -> Keys {
    let wraps = [CKA_WRAP, CKA_UNWRAP];
    let chacha = [wraps[0], wraps[1], CKA_DECRYPT];
    Keys {
        aes: session.create_secret(CKK_AES, &[7; 32], &wraps).unwrap(),
        chacha: session.create_secret(CKK_CHACHA20, &[8; 32], &chacha).unwrap(),
        secret: session.create_secret(CKK_GENERIC_SECRET, VALUE, &[]).unwrap(),
    }
}

fn template(class: [u8; 8], key_type: [u8; 8]) -> Vec<(u64, Vec<u8>)> {
    vec![
        (CKA_CLASS, class.to_vec()),
        (CKA_KEY_TYPE, key_type.to_vec()),
        (CKA_TOKEN, NO.to_vec()),
        (CKA_SENSITIVE, NO.to_vec()),
        (CKA_EXTRACTABLE, YES.to_vec()),
    ]
}

fn unwrap(
    session: Session,
    mechanism: &Mechanism<'_>,
    key: Handle,
    wrapped: &[u8],
    data: &[u8],
) -> Result<Handle, CK_RV> {
    let template = template(number(CKO_SECRET_KEY), number(CKK_GENERIC_SECRET));
    let template: Vec<_> = template.iter().map(|(kind, value)| (*kind, &value[..])).collect();
    session.unwrap_authenticated(mechanism, key, wrapped, &template, data)
}

fn gcm(nonce: &mut [u8], generator: u64) -> CK_GCM_WRAP_PARAMS {
    CK_GCM_WRAP_PARAMS {
        pIv: nonce.as_mut_ptr(),
        ulIvLen: nonce.len() as u64,
        ivGenerator: generator,
        ulTagBits: 128,
        ..Default::default()
    }
}

#[test]
fn a_key_comes_back_with_its_data_only() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let keys = keys(session);
        let mut nonce = [5_u8; 12];
        let gcm = gcm(&mut nonce, CKG_NO_GENERATE);
        let plain_gcm = CK_GCM_PARAMS {
            pIv: nonce.as_mut_ptr(),
            ulIvLen: 12,
            ulTagBits: 128,
            ..Default::default()
        };
        let ccm = CK_CCM_WRAP_PARAMS {
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 12,
            ulMACLen: 16,
            ..Default::default()
        };
        let exact_ccm = CK_CCM_PARAMS {
            ulDataLen: 32,
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 12,
            ulMACLen: 8,
            ..Default::default()
        };
        let chacha = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 12,
            ..Default::default()
        };
        for (mechanism, key, tag) in [
            (with(CKM_AES_GCM, &gcm), keys.aes, 16),
            (with(CKM_AES_GCM, &plain_gcm), keys.aes, 16),
            (with(CKM_AES_CCM, &ccm), keys.aes, 16),
            (with(CKM_AES_CCM, &exact_ccm), keys.aes, 8),
            (with(CKM_CHACHA20_POLY1305, &chacha), keys.chacha, 16),
        ] {
            for data in [&b""[..], b"associated"] {
                let mut wrapped =
                    session.wrap_authenticated(&mechanism, key, keys.secret, data).unwrap();
                assert_eq!(wrapped.len(), VALUE.len() + tag);
                let opened = unwrap(session, &mechanism, key, &wrapped, data).unwrap();
                assert_eq!(session.read(opened, CKA_VALUE).unwrap(), VALUE);
                assert_eq!(session.read(opened, CKA_ALWAYS_SENSITIVE).unwrap(), NO);
                let wrong = Err(CKR_WRAPPED_KEY_INVALID);
                assert_eq!(unwrap(session, &mechanism, key, &wrapped, b"other"), wrong);
                wrapped[0] ^= 1;
                assert_eq!(unwrap(session, &mechanism, key, &wrapped, data), wrong);
            }
        }
    });
}

#[test]
fn a_nonce_that_is_made_is_written_back() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let keys = keys(session);
        let mut seen = std::collections::HashSet::new();
        for generator in [CKG_GENERATE, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER] {
            for _ in 0..4 {
                let mut nonce = [0x5a_u8; 12];
                let mut parameter = gcm(&mut nonce, generator);
                parameter.ulIvFixedBits = 32;
                let mechanism = with(CKM_AES_GCM, &parameter);
                let wrapped =
                    session.wrap_authenticated(&mechanism, keys.aes, keys.secret, b"d").unwrap();
                assert_eq!(nonce[..4], [0x5a; 4]);
                assert!(seen.insert(nonce));
                // The generator means nothing to who opens it.
                let opened = unwrap(session, &mechanism, keys.aes, &wrapped, b"d").unwrap();
                assert_eq!(session.read(opened, CKA_VALUE).unwrap(), VALUE);
            }
        }
        for (generator, fixed) in [(CKG_GENERATE_COUNTER_XOR, 0), (CKG_GENERATE, 40), (9, 0)] {
            let mut nonce = [0_u8; 12];
            let mut parameter = gcm(&mut nonce, generator);
            parameter.ulIvFixedBits = fixed;
            let mechanism = with(CKM_AES_GCM, &parameter);
            let refused = session.wrap_authenticated(&mechanism, keys.aes, keys.secret, b"");
            assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID), "{generator} {fixed}");
        }
    });
}

#[test]
fn the_structure_may_bring_the_data_but_not_other_data() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let keys = keys(session);
        let (mut nonce, mut data) = ([5_u8; 12], *b"associated");
        let mut parameter = gcm(&mut nonce, CKG_NO_GENERATE);
        parameter.pAAD = data.as_mut_ptr();
        parameter.ulAADLen = 10;
        let mechanism = with(CKM_AES_GCM, &parameter);
        let wrapped = session.wrap_authenticated(&mechanism, keys.aes, keys.secret, b"").unwrap();
        for given in [&b""[..], b"associated"] {
            assert!(unwrap(session, &mechanism, keys.aes, &wrapped, given).is_ok());
        }
        let other = unwrap(session, &mechanism, keys.aes, &wrapped, b"other");
        assert_eq!(other, Err(CKR_MECHANISM_PARAM_INVALID));
    });
}

#[test]
fn private_keys_travel_as_well() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let keys = keys(session);
        let (public, private) = ec(session, &[], &[(CKA_EXTRACTABLE, YES)]);
        let mut nonce = [5_u8; 12];
        let parameter = gcm(&mut nonce, CKG_NO_GENERATE);
        let mechanism = with(CKM_AES_GCM, &parameter);
        let wrapped = session.wrap_authenticated(&mechanism, keys.aes, private, b"d").unwrap();
        let (class, key_type) = (number(CKO_PRIVATE_KEY), number(CKK_EC));
        let template = [(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &key_type[..]), (CKA_TOKEN, NO)];
        let opened =
            session.unwrap_authenticated(&mechanism, keys.aes, &wrapped, &template, b"d").unwrap();
        let ecdsa = plain(CKM_ECDSA_SHA256);
        session.sign_init(Some(&ecdsa), opened).unwrap();
        let signature = session.sign(b"data").unwrap();
        session.verify_init(Some(&ecdsa), public).unwrap();
        session.verify(b"data", &signature).unwrap();
    });
}

#[test]
fn mechanisms_and_keys_must_be_for_it() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let keys = keys(session);
        let refused =
            session.wrap_authenticated(&plain(CKM_AES_KEY_WRAP_KWP), keys.aes, keys.secret, b"");
        assert_eq!(refused, Err(CKR_MECHANISM_INVALID));
        let mut nonce = [5_u8; 12];
        let parameter = gcm(&mut nonce, CKG_NO_GENERATE);
        let mechanism = with(CKM_AES_GCM, &parameter);
        let wrap = |wrapping, key| session.wrap_authenticated(&mechanism, wrapping, key, b"");
        assert_eq!(wrap(keys.chacha, keys.secret), Err(CKR_WRAPPING_KEY_TYPE_INCONSISTENT));
        assert_eq!(wrap(0, keys.secret), Err(CKR_WRAPPING_KEY_HANDLE_INVALID));
        assert_eq!(wrap(keys.aes, 0), Err(CKR_KEY_HANDLE_INVALID));
        let length = number(32);
        let template = [(CKA_VALUE_LEN, &length[..]), (CKA_TOKEN, NO)];
        let kept = session.generate(&plain(CKM_GENERIC_SECRET_KEY_GEN), &template).unwrap();
        assert_eq!(wrap(keys.aes, kept), Err(CKR_KEY_UNEXTRACTABLE));
    });
}
