//! Nonces that the module makes: none comes twice under a key, wherever it is used.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use coffer_tests::c::{
    self, Answer, Handle, Message, NO, Session, Shape, YES, number, plain, with,
};
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::process::fork;
use cryptoki_sys::*;

/// What all processes fix of a nonce; they make the other 64 bits.
const FIXED: [u8; 4] = *b"same";
const MADE: usize = 8;
const COUNTING: [u64; 3] = [CKG_GENERATE, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER];

/// A message whose nonce has 12 bytes, of which so many bits are fixed.
fn message(generator: u64, fixed: u64) -> Message {
    Message::new(Shape::Gcm { generator, fixed }, b"same12345678")
}

fn init(session: Session, key: Handle) {
    session.message_encrypt_init(Some(&plain(CKM_AES_GCM)), key).unwrap();
}

/// The nonce of one message of a process that has begun.
fn one(session: Session, message: &mut Message) -> Answer<Vec<u8>> {
    session.encrypt_message(message, b"", b"data").map(|_| message.nonce.clone())
}

/// A token key of this name.
fn token_key(session: Session) -> Handle {
    let key = [(CKA_TOKEN, YES), (CKA_LABEL, b"shared"), (CKA_VALUE_LEN, &number(32))];
    session.generate(&plain(CKM_AES_KEY_GEN), &key).unwrap()
}

/// The made bits of nonces from several threads, each with sessions of its own that begin again and again.
fn from_threads(session: Session) -> Vec<u8> {
    let slot = c::slots().unwrap()[0];
    let key = session.find(&[(CKA_LABEL, b"shared")]).unwrap();
    let work = move || {
        let mut made = Vec::new();
        for round in 0..10 {
            let session = Session::open(slot).unwrap();
            for generator in COUNTING {
                init(session, key);
                for _ in 0..5 {
                    let nonce = one(session, &mut message(generator, 32)).unwrap();
                    assert_eq!(nonce[..4], FIXED, "{round}");
                    made.extend_from_slice(&nonce[4..]);
                }
                session.message_encrypt_final().unwrap();
            }
            session.close().unwrap();
        }
        made
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn no_nonce_comes_twice_in_threads_processes_and_later_lives() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        token_key(session);
        let mut made = from_threads(session);
        for _ in 0..2 {
            let (mut here, mut there) = UnixStream::pair().unwrap();
            // A child inherits what its parent has counted.
            let child = fork(|| {
                let session = Session::begin().unwrap();
                there.write_all(&from_threads(session)).unwrap();
            });
            drop(there);
            here.read_to_end(&mut made).unwrap();
            child.join();
        }
        made.extend(from_threads(session));
        c::finalize().unwrap();
        made.extend(from_threads(Session::begin().unwrap()));
        let nonces: HashSet<&[u8]> = made.chunks_exact(MADE).collect();
        assert_eq!((made.len() / MADE, nonces.len()), (5 * 450, 5 * 450));
    });
}

#[test]
fn keys_that_are_wrapped_and_messages_share_one_counter() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = super::aes(session);
        let secret = super::hmac(session);
        let last = |nonce: &[u8]| u64::from_be_bytes(nonce[4..].try_into().unwrap());
        let mut before = None;
        for _ in 0..5 {
            init(session, key);
            let sent = last(&one(session, &mut message(CKG_GENERATE_COUNTER, 32)).unwrap());
            session.message_encrypt_final().unwrap();
            let mut nonce = *b"other2345678";
            let parameter = CK_GCM_WRAP_PARAMS {
                pIv: nonce.as_mut_ptr(),
                ulIvLen: 12,
                ulIvFixedBits: 32,
                ivGenerator: CKG_GENERATE,
                ulTagBits: 128,
                ..Default::default()
            };
            session.wrap_authenticated(&with(CKM_AES_GCM, &parameter), key, secret, b"").unwrap();
            let wrapped = last(&nonce);
            // Its length is asked for, and there is too little room for it once.
            assert_eq!(wrapped.wrapping_sub(sent), 3);
            assert!(before.replace(wrapped).is_none_or(|before| sent == before.wrapping_add(1)));
        }
    });
}

#[test]
fn fewer_bits_than_keep_nonces_apart_are_refused() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = super::aes(session);
        init(session, key);
        for generator in [COUNTING[0], COUNTING[1], COUNTING[2], CKG_GENERATE_COUNTER_XOR] {
            for fixed in [33, 88, 96, 97, u64::MAX] {
                let refused = one(session, &mut message(generator, fixed));
                assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID), "{generator} {fixed}");
            }
            one(session, &mut message(generator, 32)).unwrap();
        }
    });
}

#[test]
fn a_series_from_zero_is_for_keys_that_no_other_process_has() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let first = || message(CKG_GENERATE_COUNTER_XOR, 0);
        let refused = Err(CKR_MECHANISM_PARAM_INVALID);
        let token_key = token_key(session);
        // A copy in a session is the same key.
        for key in [token_key, session.copy(token_key, &[(CKA_TOKEN, NO)]).unwrap()] {
            init(session, key);
            assert_eq!(one(session, &mut first()), refused);
            session.message_encrypt_final().unwrap();
        }
        let key = super::aes(session);
        let copy = session.copy(key, &[]).unwrap();
        let beside = Session::open(c::slots().unwrap()[0]).unwrap();
        let mut seen = HashSet::new();
        for (session, key) in [(session, key), (session, copy), (beside, key), (beside, copy)] {
            for _ in 0..2 {
                init(session, key);
                let mut message = first();
                for _ in 0..3 {
                    assert!(seen.insert(one(session, &mut message).unwrap()));
                }
                session.message_encrypt_final().unwrap();
            }
        }
        let number = |nonce: &Vec<u8>| nonce[11] ^ first().nonce[11];
        assert_eq!(seen.iter().map(number).collect::<HashSet<_>>(), (0..24).collect());
        init(session, key);
        let mut other = first();
        other.nonce[0] ^= 1;
        assert_eq!(one(session, &mut other), refused);
    });
}
