//! Two operations on the same data (section 5.17), and digests of keys.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;
use sha2::{Digest as _, Sha256};

use super::{aes, hmac, rsa};
use coffer_tests::c::{Session, plain, with};

const IV: [u8; 16] = [3; 16];

fn start(directory: &std::path::Path) -> (Daemon, Session) {
    (Daemon::start_in(directory), Session::begin().unwrap())
}

#[test]
fn data_is_digested_before_it_is_encrypted_and_after_it_is_decrypted() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = aes(session);
        let (cbc, sha) = (with(CKM_AES_CBC_PAD, &IV), plain(CKM_SHA256));
        let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
        session.encrypt_init(Some(&cbc), key).unwrap();
        session.digest_init(Some(&sha)).unwrap();
        let mut ciphertext = Vec::new();
        for part in data.chunks(77) {
            ciphertext.extend(session.digest_encrypt_update(part).unwrap());
        }
        ciphertext.extend(session.encrypt_final().unwrap());
        let digest = session.digest_final().unwrap();
        assert_eq!(digest, Sha256::digest(&data).to_vec());

        session.decrypt_init(Some(&cbc), key).unwrap();
        session.digest_init(Some(&sha)).unwrap();
        let mut plaintext = Vec::new();
        for part in ciphertext.chunks(77) {
            plaintext.extend(session.decrypt_digest_update(part).unwrap());
        }
        // What C_DecryptFinal gives is digested by itself (section 5.17.2).
        let rest = session.decrypt_final().unwrap();
        session.digest_update(&rest).unwrap();
        plaintext.extend(rest);
        assert_eq!(plaintext, data);
        assert_eq!(session.digest_final().unwrap(), digest);
    });
}

#[test]
fn data_is_signed_before_it_is_encrypted_and_verified_after_it_is_decrypted() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (key, mac_key) = (aes(session), hmac(session));
        let (public, private) = rsa(session, &[]);
        let data = vec![5; 3200];
        for (mechanism, signing, verifying) in
            [(CKM_SHA256_HMAC, mac_key, mac_key), (CKM_SHA256_RSA_PKCS, private, public)]
        {
            let (cbc, mechanism) = (with(CKM_AES_CBC, &IV), plain(mechanism));
            session.encrypt_init(Some(&cbc), key).unwrap();
            session.sign_init(Some(&mechanism), signing).unwrap();
            let mut ciphertext = Vec::new();
            for part in data.chunks(160) {
                ciphertext.extend(session.sign_encrypt_update(part).unwrap());
            }
            assert_eq!(session.encrypt_final(), Ok(vec![]));
            let signature = session.sign_final().unwrap();

            for change in [0, 1] {
                ciphertext[3000] ^= change;
                session.decrypt_init(Some(&cbc), key).unwrap();
                session.verify_init(Some(&mechanism), verifying).unwrap();
                for part in ciphertext.chunks(160) {
                    session.decrypt_verify_update(part).unwrap();
                }
                assert_eq!(session.decrypt_final(), Ok(vec![]));
                let expected = if change == 0 { Ok(()) } else { Err(CKR_SIGNATURE_INVALID) };
                assert_eq!(session.verify_final(&signature), expected);
            }
        }
    });
}

#[test]
fn both_operations_must_be_there_and_end_together() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = aes(session);
        let missing = Err(CKR_OPERATION_NOT_INITIALIZED);
        let (cbc, sha) = (with(CKM_AES_CBC, &IV), plain(CKM_SHA256));
        session.encrypt_init(Some(&cbc), key).unwrap();
        assert_eq!(session.digest_encrypt_update(&[0; 16]), missing);
        assert_eq!(session.sign_encrypt_update(&[0; 16]), missing);
        // The one that was there goes on.
        session.digest_init(Some(&sha)).unwrap();
        assert_eq!(session.digest_encrypt_update(&[0; 16]).unwrap().len(), 16);
        assert_eq!(session.decrypt_digest_update(&[0; 16]), missing);
        // C_Encrypt does not follow parts, and its failure is not the digest's.
        assert_eq!(session.encrypt(&[0; 16]), Err(CKR_OPERATION_ACTIVE));
        assert_eq!(session.digest_encrypt_update(&[0; 16]), missing);
        assert_eq!(session.digest_final().unwrap(), Sha256::digest([0; 16]).to_vec());

        // RSA takes no parts: the failure of one ends both.
        let (public, _) = rsa(session, &[]);
        session.encrypt_init(Some(&plain(CKM_RSA_PKCS)), public).unwrap();
        session.digest_init(Some(&sha)).unwrap();
        let refused = session.digest_encrypt_update(b"data");
        assert_eq!(refused, Err(CKR_FUNCTION_NOT_SUPPORTED));
        assert_eq!(session.digest_final(), missing.clone());
        assert_eq!(session.encrypt(b"data"), missing);
    });
}

#[test]
fn a_key_that_may_be_read_is_digested() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let sha = plain(CKM_SHA256);
        let key = session.create_secret(CKK_GENERIC_SECRET, b"the secret", &[]).unwrap();
        assert_eq!(session.digest_key(key), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.digest_init(Some(&sha)).unwrap();
        session.digest_update(b"before ").unwrap();
        session.digest_key(key).unwrap();
        session.digest_update(b" after").unwrap();
        let expected = Sha256::digest(b"before the secret after").to_vec();
        assert_eq!(session.digest_final().unwrap(), expected);

        let kept = session.create_secret(CKK_GENERIC_SECRET, b"the secret", &[]).unwrap();
        let length = super::number(32);
        let template = [(CKA_VALUE_LEN, &length[..]), (CKA_TOKEN, super::NO)];
        let hidden = session.generate(&plain(CKM_GENERIC_SECRET_KEY_GEN), &template).unwrap();
        let (public, _) = rsa(session, &[]);
        session.destroy(kept).unwrap();
        for (key, code) in [
            (hidden, CKR_KEY_INDIGESTIBLE),
            (public, CKR_KEY_INDIGESTIBLE),
            (kept, CKR_KEY_HANDLE_INVALID),
            (0, CKR_KEY_HANDLE_INVALID),
        ] {
            session.digest_init(Some(&sha)).unwrap();
            assert_eq!(session.digest_key(key), Err(code));
            // The digest would not be what the application believes.
            assert_eq!(session.digest_final(), Err(CKR_OPERATION_NOT_INITIALIZED));
        }
    });
}
