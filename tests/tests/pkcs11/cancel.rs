//! C_SessionCancel while another thread is in a long call, with the daemon.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use coffer_tests::c::{NO, Session, number, plain, with};
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::process::{this_thread, waits_for_daemon};
use cryptoki_sys::*;

#[test]
fn a_large_encryption_is_cancelled_and_the_session_goes_on() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = session.create_secret(CKK_AES, &[7; 32], &[]).unwrap();
        let (data, iv) = (vec![7; 8 << 20], [3_u8; 16]);
        let is_over = AtomicBool::new(false);
        let (tell, told) = channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                tell.send(this_thread()).unwrap();
                loop {
                    session.encrypt_init(Some(&with(CKM_AES_CBC, &iv)), key).unwrap();
                    match session.encrypt_update(&data).map(drop) {
                        Err(CKR_FUNCTION_CANCELED) => break,
                        // It was cancelled behind its last request, or before its first.
                        Ok(()) | Err(CKR_OPERATION_NOT_INITIALIZED) => {}
                        Err(code) => panic!("{code:#x}"),
                    }
                    session.encrypt_init(None, 0).unwrap();
                }
                is_over.store(true, Ordering::SeqCst);
            });
            let encrypting = told.recv().unwrap();
            while !is_over.load(Ordering::SeqCst) {
                if waits_for_daemon(encrypting) {
                    assert_eq!(session.cancel(CKF_ENCRYPT), Ok(()));
                } else {
                    thread::yield_now();
                }
            }
        });
        session.encrypt_init(Some(&with(CKM_AES_CBC, &iv)), key).unwrap();
        assert_eq!(session.encrypt_update(&data).unwrap().len(), data.len());
        assert!(session.encrypt_final().unwrap().is_empty());
    });
}

#[test]
fn a_key_generation_is_not_cancelled_and_gives_its_keys() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let bits = number(4096);
        let (public, private) =
            ([(CKA_MODULUS_BITS, &bits[..]), (CKA_TOKEN, NO)], [(CKA_TOKEN, NO)]);
        let is_over = AtomicBool::new(false);
        let refused = thread::scope(|scope| {
            scope.spawn(|| {
                session
                    .generate_pair(&plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &public, &private)
                    .unwrap();
                is_over.store(true, Ordering::SeqCst);
            });
            let mut refused = false;
            while !is_over.load(Ordering::SeqCst) {
                match session.cancel(CKF_GENERATE_KEY_PAIR) {
                    Ok(()) => {}
                    Err(code) => {
                        assert_eq!(code, CKR_OPERATION_CANCEL_FAILED);
                        refused = true;
                    }
                }
            }
            refused
        });
        assert!(refused, "it takes longer than a call");
        assert_eq!(session.find_all(&[]).unwrap().len(), 2);
        assert_eq!(session.cancel(CKF_GENERATE_KEY_PAIR), Ok(()));
    });
}
