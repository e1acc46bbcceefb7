//! How many requests a call costs: counted on the wire, between module and daemon.

use coffer_tests::daemon::Daemon;
use coffer_tests::forwarder::Forwarder;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{aes, ec, hmac, number, rsa};
use coffer_tests::c::{Message, Position, Session, Shape, plain, with};

#[test]
fn each_call_is_one_request_and_what_begins_is_none() {
    isolated(|directory| {
        let behind = directory.join("behind");
        std::fs::create_dir(&behind).unwrap();
        let daemon = Daemon::start_in(&behind);
        let forwarder = Forwarder::start(&directory.join("coffer.sock"), &daemon.socket());
        let session = Session::begin().unwrap();
        let (key, secret) = (aes(session), hmac(session));
        let (rsa_public, rsa_private) = rsa(session, &[]);
        let (public, _) = ec(session, &[(CKA_ENCAPSULATE, &[1])], &[]);
        let nothing: [&str; 0] = [];
        assert!(forwarder.take().contains(&"GenerateKeyPair".to_owned()));

        let gcm = plain(CKM_AES_GCM);
        let shape = Shape::Gcm { generator: CKG_GENERATE, fixed: 0 };
        let mut message = Message::new(shape, &[0; 12]);
        session.message_encrypt_init(Some(&gcm), key).unwrap();
        session.message_decrypt_init(Some(&gcm), key).unwrap();
        assert_eq!(forwarder.take(), nothing);
        for _ in 0..3 {
            let sealed = session.encrypt_message(&mut message, b"aad", b"data").unwrap();
            assert_eq!(forwarder.take(), ["EncryptData"]);
            session.decrypt_message(&mut message, b"aad", &sealed).unwrap();
            assert_eq!(forwarder.take(), ["DecryptData"]);
            // One part is as good as a whole.
            session.encrypt_message_begin(&mut message, b"aad").unwrap();
            session.encrypt_message_next(&mut message, b"data", Position::End).unwrap();
            assert_eq!(forwarder.take(), ["EncryptData"]);
        }
        session.message_encrypt_final().unwrap();
        session.message_decrypt_final().unwrap();
        assert_eq!(forwarder.take(), nothing);

        let mac = plain(CKM_SHA256_HMAC);
        session.message_sign_init(Some(&mac), secret).unwrap();
        session.message_verify_init(Some(&mac), secret).unwrap();
        let code = session.sign_message(b"data").unwrap();
        session.verify_message(b"data", &code).unwrap();
        assert_eq!(forwarder.take(), ["SignData", "VerifyData"]);
        session.message_sign_final().unwrap();
        session.message_verify_final().unwrap();
        session.verify_signature_init(Some(&mac), secret, &code).unwrap();
        session.verify_signature_update(b"da").unwrap();
        session.verify_signature_update(b"ta").unwrap();
        session.verify_signature_final().unwrap();
        assert_eq!(forwarder.take(), ["VerifyData"]);

        let pkcs = plain(CKM_RSA_PKCS);
        session.sign_recover_init(Some(&pkcs), rsa_private).unwrap();
        let signature = session.sign_recover(b"data").unwrap();
        session.verify_recover_init(Some(&pkcs), rsa_public).unwrap();
        // The call that asks for the length, and the one with too short a buffer, whose result is kept.
        session.verify_recover(&signature).unwrap();
        assert_eq!(forwarder.take(), ["SignRecoverable", "RecoverSigned"]);

        session.digest_init(Some(&plain(CKM_SHA256))).unwrap();
        let saved = session.save_state().unwrap();
        session.restore_state(&saved, [0, 0]).unwrap();
        session.digest_final().unwrap();
        session.cancel(!0).unwrap();
        assert_eq!(forwarder.take(), nothing);

        let (class, length) = (number(CKO_SECRET_KEY), number(32));
        let template = [(CKA_CLASS, &class[..]), (CKA_VALUE_LEN, &length[..]), (CKA_TOKEN, &[0])];
        let parameter = CK_ECDH1_DERIVE_PARAMS { kdf: CKD_NULL, ..Default::default() };
        session.encapsulate(&with(CKM_ECDH1_DERIVE, &parameter), public, &template).unwrap();
        assert_eq!(forwarder.take(), ["EncapsulateKey"]);
    });
}
