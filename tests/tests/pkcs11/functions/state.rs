//! C_GetOperationState and C_SetOperationState.

use coffer_tests::daemon::{Daemon, PIN};
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;
use sha2::{Digest as _, Sha256};

use super::{aes, hmac, rsa};
use coffer_tests::c::{self, Session, plain, with};

#[test]
fn a_digest_goes_on_elsewhere_and_where_it_was() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let other = Session::open(c::slots().unwrap()[0]).unwrap();
        for mechanism in [
            CKM_SHA_1,
            CKM_SHA224,
            CKM_SHA256,
            CKM_SHA384,
            CKM_SHA512,
            CKM_SHA512_224,
            CKM_SHA512_256,
            CKM_SHA3_224,
            CKM_SHA3_256,
            CKM_SHA3_384,
            CKM_SHA3_512,
            CKM_SHA512_T,
        ] {
            let bits: CK_ULONG = 312;
            let mechanism = match mechanism {
                CKM_SHA512_T => with(mechanism, &bits),
                _ => plain(mechanism),
            };
            for length in [0, 1, 63, 64, 150] {
                let data = vec![4; length];
                session.digest_init(Some(&mechanism)).unwrap();
                session.digest_update(&data).unwrap();
                let saved = session.save_state().unwrap();
                session.digest_update(b"one").unwrap();
                other.restore_state(&saved, [0, 0]).unwrap();
                other.digest_update(b"two").unwrap();
                let digests = [session.digest_final().unwrap(), other.digest_final().unwrap()];
                for (end, digest) in [&b"one"[..], b"two"].into_iter().zip(digests) {
                    session.digest_init(Some(&mechanism)).unwrap();
                    assert_eq!(session.digest(&[&data, end].concat()).unwrap(), digest);
                }
            }
        }
    });
}

#[test]
fn signatures_and_verifications_go_on_with_their_key() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = hmac(session);
        let mac = plain(CKM_SHA256_HMAC);
        session.sign_init(Some(&mac), key).unwrap();
        let code = session.sign(b"first second").unwrap();

        session.sign_init(Some(&mac), key).unwrap();
        session.sign_update(b"first ").unwrap();
        let saved = session.save_state().unwrap();
        // What is active gives way.
        session.sign_update(b"something else").unwrap();
        session.restore_state(&saved, [0, key]).unwrap();
        session.sign_update(b"second").unwrap();
        assert_eq!(session.sign_final().unwrap(), code);

        session.verify_init(Some(&mac), key).unwrap();
        session.verify_update(b"first ").unwrap();
        let saved = session.save_state().unwrap();
        session.cancel(CKF_VERIFY).unwrap();
        session.restore_state(&saved, [0, key]).unwrap();
        session.verify_update(b"second").unwrap();
        session.verify_final(&code).unwrap();

        // One that has only begun, and one with a pair.
        let (public, private) = rsa(session, &[]);
        let sha = plain(CKM_SHA256_RSA_PKCS);
        session.sign_init(Some(&sha), private).unwrap();
        let saved = session.save_state().unwrap();
        session.cancel(CKF_SIGN).unwrap();
        session.restore_state(&saved, [0, private]).unwrap();
        let signature = session.sign(b"data").unwrap();
        session.verify_init(Some(&sha), public).unwrap();
        session.verify(b"data", &signature).unwrap();
    });
}

#[test]
fn the_keys_are_those_that_were_saved() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = hmac(session);
        let other = session.create_secret(CKK_GENERIC_SECRET, &[1; 32], &[]).unwrap();
        session.sign_init(Some(&plain(CKM_SHA256_HMAC)), key).unwrap();
        session.sign_update(b"data").unwrap();
        let saved = session.save_state().unwrap();
        for (keys, code) in [
            ([0, 0], CKR_KEY_NEEDED),
            ([key, key], CKR_KEY_NOT_NEEDED),
            ([key, 0], CKR_KEY_NOT_NEEDED),
            ([0, other], CKR_KEY_CHANGED),
            ([0, aes(session)], CKR_KEY_CHANGED),
            ([0, 0x7777], CKR_KEY_CHANGED),
        ] {
            assert_eq!(session.restore_state(&saved, keys), Err(code), "{keys:?}");
        }
        // Nothing of that touched what is active.
        assert_eq!(session.sign_final().unwrap().len(), 32);
        session.digest_init(Some(&plain(CKM_SHA256))).unwrap();
        let saved = session.save_state().unwrap();
        assert_eq!(session.restore_state(&saved, [0, key]), Err(CKR_KEY_NOT_NEEDED));
        assert_eq!(session.restore_state(&saved, [key, 0]), Err(CKR_KEY_NOT_NEEDED));
    });
}

#[test]
fn what_was_changed_or_saved_elsewhere_is_refused() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        session.digest_init(Some(&plain(CKM_SHA256))).unwrap();
        session.digest_update(b"data").unwrap();
        let saved = session.save_state().unwrap();
        let invalid = Err(CKR_SAVED_STATE_INVALID);
        for at in 0..saved.len() {
            let mut changed = saved.clone();
            changed[at] ^= 0x10;
            assert_eq!(session.restore_state(&changed, [0, 0]), invalid, "{at}");
            assert_eq!(session.restore_state(&saved[..at], [0, 0]), invalid, "{at}");
        }
        assert_eq!(session.restore_state(&[&saved[..], &[0]].concat(), [0, 0]), invalid);
        assert_eq!(session.restore_state(&vec![0; 4 << 20], [0, 0]), invalid);
        assert_eq!(session.restore_state(b"", [0, 0]), invalid);
        assert_eq!(session.digest_final().unwrap(), Sha256::digest(b"data").to_vec());

        c::finalize().unwrap();
        c::initialize().unwrap();
        let session = Session::open(c::slots().unwrap()[0]).unwrap();
        assert_eq!(session.restore_state(&saved, [0, 0]), invalid);
        session.digest_init(Some(&plain(CKM_SHA256))).unwrap();
        let saved = session.save_state().unwrap();
        // And another run of the daemon.
        daemon.kill();
        daemon.start_again(&[]);
        let slot = c::slots().unwrap()[0];
        let session = Session::open(slot).unwrap();
        assert_eq!(session.restore_state(&saved, [0, 0]), invalid);
        session.login(CKU_USER, PIN).unwrap();
    });
}

#[test]
fn what_the_daemon_holds_is_not_saved() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        assert_eq!(session.save_state(), Err(CKR_OPERATION_NOT_INITIALIZED));
        let (key, mac_key) = (aes(session), hmac(session));
        let iv = [3_u8; 16];
        session.encrypt_init(Some(&with(CKM_AES_CBC, &iv)), key).unwrap();
        assert_eq!(session.save_state(), Err(CKR_STATE_UNSAVEABLE));
        session.cancel(CKF_ENCRYPT).unwrap();

        let mac = plain(CKM_SHA256_HMAC);
        session.sign_init(Some(&mac), mac_key).unwrap();
        session.sign_update(&vec![1; 200 << 10]).unwrap();
        assert!(session.save_state().is_ok());
        session.sign_update(&vec![1; 200 << 10]).unwrap();
        assert_eq!(session.save_state(), Err(CKR_STATE_UNSAVEABLE));
        // To ask changes nothing.
        assert_eq!(session.sign_final().unwrap().len(), 32);

        session.digest_init(Some(&plain(CKM_SHA256))).unwrap();
        session.sign_init(Some(&mac), mac_key).unwrap();
        assert_eq!(session.save_state(), Err(CKR_STATE_UNSAVEABLE));
    });
}
