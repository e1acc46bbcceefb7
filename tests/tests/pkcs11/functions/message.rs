//! Messages encrypted under one key, with a nonce and a tag each.

use std::collections::HashSet;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::aes;
use coffer_tests::c::{self, Handle, Message, Position, Session, Shape, plain};

const GIVEN: Shape = Shape::Gcm { generator: CKG_NO_GENERATE, fixed: 0 };
const NONCE: [u8; 12] = [9; 12];

/// Mechanism, key and the shape of parameters for a length.
type Row = (u64, Handle, fn(usize) -> Shape);

fn rows(session: Session) -> Vec<Row> {
    let chacha =
        session.create_secret(CKK_CHACHA20, &[8; 32], &[CKA_ENCRYPT, CKA_DECRYPT]).unwrap();
    let key = aes(session);
    vec![
        (CKM_AES_GCM, key, |_| GIVEN),
        (CKM_AES_CCM, key, |length| Shape::Ccm { length: length as u64 }),
        (CKM_CHACHA20_POLY1305, chacha, |_| Shape::ChaCha),
    ]
}

#[test]
fn messages_of_any_length_come_back_whole_and_in_parts() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        for (mechanism, key, shape) in rows(session) {
            let mechanism = plain(mechanism);
            session.message_encrypt_init(Some(&mechanism), key).unwrap();
            session.message_decrypt_init(Some(&mechanism), key).unwrap();
            for (number, length) in [0, 1, 16, 1000, 1 << 20, (2 << 20) + 5].into_iter().enumerate()
            {
                let data: Vec<u8> = (0..=250).cycle().take(length).collect();
                let nonce = [u8::try_from(number).unwrap(); 12];
                let aad = format!("message {number}");
                let mut message = Message::new(shape(length), &nonce);
                let sealed = session.encrypt_message(&mut message, aad.as_bytes(), &data).unwrap();
                assert_eq!((sealed.len(), message.nonce.as_slice()), (length, &nonce[..]));
                assert!(length < 16 || sealed != data);
                let opened = session.decrypt_message(&mut message, aad.as_bytes(), &sealed);
                assert!(opened.unwrap() == data);

                let mut again = Message::new(shape(length), &nonce);
                session.encrypt_message_begin(&mut again, aad.as_bytes()).unwrap();
                assert!(
                    parts(length, |range, position| {
                        session.encrypt_message_next(&mut again, &data[range], position).unwrap()
                    }) == sealed
                );
                assert_eq!(again.tag, message.tag);
                session.decrypt_message_begin(&mut again, aad.as_bytes()).unwrap();
                assert!(
                    parts(length, |range, position| {
                        session.decrypt_message_next(&mut again, &sealed[range], position).unwrap()
                    }) == data
                );
            }
            session.message_encrypt_final().unwrap();
            session.message_decrypt_final().unwrap();
            assert_eq!(session.message_encrypt_final(), Err(CKR_OPERATION_NOT_INITIALIZED));
        }
    });
}

/// Three parts of a message.
fn parts(
    length: usize,
    mut next: impl FnMut(std::ops::Range<usize>, Position) -> Vec<u8>,
) -> Vec<u8> {
    let (first, second) = (length / 3, length / 2);
    let mut all = next(0..first, Position::Middle);
    all.extend(next(first..second, Position::Middle));
    all.extend(next(second..length, Position::End));
    all
}

#[test]
fn a_message_is_what_the_library_makes_of_it() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = aes(session);
        session.message_encrypt_init(Some(&plain(CKM_AES_GCM)), key).unwrap();
        let mut message = Message::new(GIVEN, &NONCE);
        let sealed = session.encrypt_message(&mut message, b"aad", b"data").unwrap();
        let library = Aes256Gcm::new_from_slice(&[7; 32]).unwrap();
        let expected =
            library.encrypt(&Nonce::from(NONCE), Payload { msg: b"data", aad: b"aad" }).unwrap();
        assert_eq!([sealed, message.tag].concat(), expected);
    });
}

#[test]
fn what_was_changed_is_not_decrypted_and_the_process_goes_on() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        for (mechanism, key, shape) in rows(session) {
            let mechanism = plain(mechanism);
            session.message_encrypt_init(Some(&mechanism), key).unwrap();
            session.message_decrypt_init(Some(&mechanism), key).unwrap();
            let mut right = Message::new(shape(4), &NONCE);
            let sealed = session.encrypt_message(&mut right, b"aad", b"data").unwrap();
            let failed = Err(CKR_AEAD_DECRYPT_FAILED);
            let with = |change: fn(&mut Message)| {
                let mut message = Message::new(shape(4), &NONCE);
                message.tag.clone_from(&right.tag);
                change(&mut message);
                message
            };
            let mut wrong_tag = with(|message| message.tag[3] ^= 1);
            assert_eq!(session.decrypt_message(&mut wrong_tag, b"aad", &sealed), failed);
            let mut wrong_nonce = with(|message| message.nonce[3] ^= 1);
            assert_eq!(session.decrypt_message(&mut wrong_nonce, b"aad", &sealed), failed);
            let mut right = with(|_| ());
            assert_eq!(session.decrypt_message(&mut right, b"other", &sealed), failed);
            assert_eq!(session.decrypt_message(&mut right, b"aad", b"othe"), failed);
            session.decrypt_message_begin(&mut right, b"aad").unwrap();
            // Nothing of it comes out before the tag is checked.
            let first = session.decrypt_message_next(&mut right, &sealed[..2], Position::Middle);
            assert_eq!(first, Ok(vec![]));
            let end = session.decrypt_message_next(&mut wrong_tag, &sealed[2..], Position::End);
            assert_eq!(end, failed);
            let after = session.decrypt_message_next(&mut right, b"", Position::End);
            assert_eq!(after, Err(CKR_OPERATION_NOT_INITIALIZED));
            assert_eq!(session.decrypt_message(&mut right, b"aad", &sealed).unwrap(), b"data");
            session.message_encrypt_final().unwrap();
            session.message_decrypt_final().unwrap();
        }
    });
}

#[test]
fn nonces_that_are_made_are_written_back_and_differ() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = aes(session);
        let gcm = plain(CKM_AES_GCM);
        session.message_encrypt_init(Some(&gcm), key).unwrap();
        session.message_decrypt_init(Some(&gcm), key).unwrap();
        let mut seen = HashSet::new();
        for generator in [CKG_GENERATE, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER] {
            let mut message = Message::new(Shape::Gcm { generator, fixed: 32 }, &NONCE);
            for _ in 0..20 {
                let sealed = session.encrypt_message(&mut message, b"", b"data").unwrap();
                assert_eq!(message.nonce[..4], NONCE[..4]);
                assert!(seen.insert(message.nonce.clone()), "{generator}");
                let opened = session.decrypt_message(&mut message, b"", &sealed);
                assert_eq!(opened.unwrap(), b"data");
                session.encrypt_message_begin(&mut message, b"").unwrap();
                assert!(seen.insert(message.nonce.clone()), "{generator}");
                session.encrypt_message_next(&mut message, b"", Position::End).unwrap();
            }
        }
        let mut message =
            Message::new(Shape::Gcm { generator: CKG_GENERATE_COUNTER_XOR, fixed: 0 }, &[0x11; 12]);
        for last in [0x11, 0x10, 0x13, 0x12] {
            session.encrypt_message(&mut message, b"", b"data").unwrap();
            assert_eq!((&message.nonce[..11], message.nonce[11]), (&[0x11; 11][..], last));
        }
    });
}

#[test]
fn calls_have_an_order() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = aes(session);
        let gcm = plain(CKM_AES_GCM);
        let mut message = Message::new(GIVEN, &NONCE);
        let missing = Err(CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(session.encrypt_message(&mut message, b"", b"data"), missing);
        session.message_encrypt_init(Some(&gcm), key).unwrap();
        assert_eq!(session.message_encrypt_init(Some(&gcm), key), Err(CKR_OPERATION_ACTIVE));
        assert_eq!(session.encrypt_message_next(&mut message, b"", Position::End), missing);
        session.encrypt_message_begin(&mut message, b"").unwrap();
        let busy = Err(CKR_OPERATION_ACTIVE);
        assert_eq!(session.encrypt_message_begin(&mut message, b""), Err(CKR_OPERATION_ACTIVE));
        assert_eq!(session.encrypt_message(&mut message, b"", b"data"), busy);
        session.encrypt_message_next(&mut message, b"data", Position::Middle).unwrap();
        // Its end is the end of the message that was begun too, in the daemon as well.
        session.message_encrypt_final().unwrap();
        session.message_encrypt_init(Some(&gcm), key).unwrap();
        session.encrypt_message_begin(&mut message, b"").unwrap();
        session.encrypt_message_next(&mut message, b"data", Position::Middle).unwrap();
        session.encrypt_message_next(&mut message, b"", Position::End).unwrap();
        session.logout().unwrap();
        assert_eq!(session.message_encrypt_final(), Err(CKR_OPERATION_NOT_INITIALIZED));
    });
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = aes(session);
        session.message_encrypt_init(Some(&plain(CKM_AES_GCM)), key).unwrap();
        let invalid = Err(CKR_MECHANISM_PARAM_INVALID);
        for (tag, nonce) in [(4, 12), (11, 12), (0, 12), (16, 0)] {
            let mut message = Message::new(GIVEN, &vec![1; nonce]);
            message.tag = vec![0; tag.max(1)];
            message.tag.truncate(tag);
            let refused = session.encrypt_message(&mut message, b"", b"data");
            assert_eq!(refused, invalid, "{tag} {nonce}");
        }
        for (generator, fixed) in [(9, 0), (CKG_GENERATE, 96), (CKG_GENERATE_COUNTER, 33)] {
            let mut message = Message::new(Shape::Gcm { generator, fixed }, &NONCE);
            assert_eq!(session.encrypt_message(&mut message, b"", b"data"), invalid);
        }
        let mut other = Message::new(Shape::ChaCha, &NONCE);
        assert_eq!(session.encrypt_message(&mut other, b"", b"data"), invalid);
        let mut message = Message::new(GIVEN, &NONCE);
        assert_eq!(session.encrypt_message(&mut message, b"", b"data").unwrap().len(), 4);
        session.message_encrypt_final().unwrap();
        // CCM has to know the length, and it is that of the data.
        session.message_encrypt_init(Some(&plain(CKM_AES_CCM)), key).unwrap();
        let mut message = Message::new(Shape::Ccm { length: 5 }, &NONCE);
        assert_eq!(session.encrypt_message(&mut message, b"", b"data"), invalid);
        session.message_encrypt_final().unwrap();
        for mechanism in [CKM_AES_CTR, CKM_AES_CBC_PAD, CKM_RSA_PKCS, CKM_SHA256_HMAC] {
            let init = session.message_encrypt_init(Some(&plain(mechanism)), key);
            assert_eq!(init, Err(CKR_MECHANISM_INVALID));
        }
        let slot = c::slots().unwrap()[0];
        let flags = |mechanism| c::mechanism_flags(slot, mechanism).unwrap();
        let both = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
        assert_eq!(flags(CKM_AES_GCM) & both, both);
        assert_eq!(flags(CKM_AES_CTR) & both, 0);
    });
}
