//! Lengths that are asked for before there is a result (section 5.2).

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::aes;
use coffer_tests::c::{Mechanism, Session, plain, with};

const IV: [u8; 16] = [3; 16];

/// AES-GCM with a tag of 16 bytes.
fn gcm(nonce: &mut [u8; 12]) -> CK_GCM_PARAMS {
    CK_GCM_PARAMS {
        pIv: nonce.as_mut_ptr(),
        ulIvLen: 12,
        ulIvBits: 96,
        pAAD: std::ptr::null_mut(),
        ulAADLen: 0,
        ulTagBits: 128,
    }
}

/// PyKCS11 makes a place of the length that it was told; of no bytes that is NULL, which would only ask again, so that
/// a part that yields nothing would be lost, and an operation would not end.
#[test]
fn callers_with_null_for_no_bytes_lose_nothing() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let key = aes(session);
        let mut nonce = [9; 12];
        let parameter = gcm(&mut nonce);
        let counter = CK_AES_CTR_PARAMS { ulCounterBits: 32, cb: IV };
        let mechanisms: [(Mechanism<'_>, usize); 5] = [
            (with(CKM_AES_GCM, &parameter), 1),
            (with(CKM_AES_CBC_PAD, &IV), 1),
            (with(CKM_AES_CBC, &IV), 16),
            (plain(CKM_AES_ECB), 16),
            (with(CKM_AES_CTR, &counter), 1),
        ];
        for (mechanism, unit) in mechanisms {
            for length in [0, 1, 3, 4, 16].map(|units| units * unit) {
                let data: Vec<u8> = (1..=255).cycle().take(length).collect();
                session.encrypt_init(Some(&mechanism), key).unwrap();
                let whole = session.asked_encrypt(&data).unwrap();
                session.decrypt_init(Some(&mechanism), key).unwrap();
                assert_eq!(session.asked_decrypt(&whole).as_ref(), Ok(&data));

                session.encrypt_init(Some(&mechanism), key).unwrap();
                let mut made = Vec::new();
                for part in data.chunks(3) {
                    made.extend(session.asked_encrypt_update(part).unwrap());
                }
                made.extend(session.asked_encrypt_final().unwrap());
                assert_eq!(made, whole);

                session.decrypt_init(Some(&mechanism), key).unwrap();
                let mut opened = Vec::new();
                for part in made.chunks(5) {
                    opened.extend(session.asked_decrypt_update(part).unwrap());
                }
                opened.extend(session.asked_decrypt_final().unwrap());
                assert_eq!(opened, data);
            }
        }
    });
}
