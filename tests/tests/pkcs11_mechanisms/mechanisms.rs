//! Every mechanism that the `cryptoki` crate can express, against `openssl` where it has the same.

use std::path::Path;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::openssl;
use coffer_tests::process::has_program;
use coffer_tests::token::{
    DEV, aes_key, ec_pair, open, public_key_info, refusal, rsa_pair, slot, user_session,
};
use cryptoki::error::RvError;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::CK_AES_CTR_PARAMS;

const KEY: [u8; 32] = *b"a key openssl and this test have";
const IV: [u8; 16] = *b"sixteen bytes iv";

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, session)
}

/// More than fits into a frame, and no multiple of a block.
fn large() -> Vec<u8> {
    (0..(3 << 20) + 5_u32).map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()
}

/// A key that openssl has too.
fn known_key(session: &Session) -> ObjectHandle {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Value(KEY.to_vec()),
    ];
    session.create_object(&template).unwrap()
}

fn pss(hash_alg: MechanismType, mgf: PkcsMgfType, length: u64) -> PkcsPssParams {
    PkcsPssParams { hash_alg, mgf, s_len: length.into() }
}

fn encrypt_in_parts(
    session: &Session,
    mechanism: &Mechanism,
    key: ObjectHandle,
    data: &[u8],
    part: usize,
) -> Vec<u8> {
    session.encrypt_init(mechanism, key).unwrap();
    let mut encrypted = Vec::new();
    for part in data.chunks(part) {
        encrypted.extend(session.encrypt_update(part).unwrap());
    }
    encrypted.extend(session.encrypt_final().unwrap());
    encrypted
}

fn decrypt_in_parts(
    session: &Session,
    mechanism: &Mechanism,
    key: ObjectHandle,
    data: &[u8],
    part: usize,
) -> Vec<u8> {
    session.decrypt_init(mechanism, key).unwrap();
    let mut decrypted = Vec::new();
    for part in data.chunks(part) {
        decrypted.extend(session.decrypt_update(part).unwrap());
    }
    decrypted.extend(session.decrypt_final().unwrap());
    decrypted
}

#[test]
fn rsa_signatures_verify_here_and_with_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (public, private) = rsa_pair(&session, "r").unwrap();
        let has_openssl = has_program("openssl");
        if has_openssl {
            openssl::public_key(directory, &public_key_info(&session, public));
        }
        let (sha1, sha256) = (MechanismType::SHA1, MechanismType::SHA256);
        let (sha384, sha512) = (MechanismType::SHA384, MechanismType::SHA512);
        let (mgf1, mgf256) = (PkcsMgfType::MGF1_SHA1, PkcsMgfType::MGF1_SHA256);
        let (mgf384, mgf512) = (PkcsMgfType::MGF1_SHA384, PkcsMgfType::MGF1_SHA512);
        for (mechanism, hash, padding) in [
            (Mechanism::Sha1RsaPkcs, "-sha1", "pkcs1"),
            (Mechanism::Sha224RsaPkcs, "-sha224", "pkcs1"),
            (Mechanism::Sha256RsaPkcs, "-sha256", "pkcs1"),
            (Mechanism::Sha384RsaPkcs, "-sha384", "pkcs1"),
            (Mechanism::Sha512RsaPkcs, "-sha512", "pkcs1"),
            (Mechanism::Sha1RsaPkcsPss(pss(sha1, mgf1, 20)), "-sha1", "pss"),
            (Mechanism::Sha256RsaPkcsPss(pss(sha256, mgf256, 32)), "-sha256", "pss"),
            (Mechanism::Sha256RsaPkcsPss(pss(sha256, mgf256, 0)), "-sha256", "pss"),
            (Mechanism::Sha384RsaPkcsPss(pss(sha384, mgf384, 48)), "-sha384", "pss"),
            (Mechanism::Sha512RsaPkcsPss(pss(sha512, mgf512, 64)), "-sha512", "pss"),
        ] {
            let signature = session.sign(&mechanism, private, b"signed").unwrap();
            session.verify(&mechanism, public, b"signed", &signature).unwrap();
            let other = session.verify(&mechanism, public, b"another", &signature);
            assert_eq!(refusal(other), RvError::SignatureInvalid, "{mechanism:?}");
            let short = session.verify(&mechanism, public, b"signed", &signature[1..]);
            assert_eq!(refusal(short), RvError::SignatureLenRange, "{mechanism:?}");
            if has_openssl {
                let padding = format!("rsa_padding_mode:{padding}");
                openssl::verify(directory, hash, &[&padding], b"signed", &signature);
            }
        }
    });
}

#[test]
fn rsa_signs_hashes_that_were_made_elsewhere() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (public, private) = rsa_pair(&session, "r").unwrap();
        let hash = session.digest(&Mechanism::Sha256, b"signed").unwrap();
        let info = hex::decode("3031300d060960864801650304020105000420").unwrap();
        let raw = session.sign(&Mechanism::RsaPkcs, private, &[info, hash.clone()].concat());
        session.verify(&Mechanism::Sha256RsaPkcs, public, b"signed", &raw.unwrap()).unwrap();

        let parameters = pss(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32);
        let raw = session.sign(&Mechanism::RsaPkcsPss(parameters), private, &hash).unwrap();
        let whole = Mechanism::Sha256RsaPkcsPss(parameters);
        session.verify(&whole, public, b"signed", &raw).unwrap();

        let block = session.sign(&Mechanism::RsaX509, private, &[1; 256]).unwrap();
        session.verify(&Mechanism::RsaX509, public, &[1; 256], &block).unwrap();
    });
}

#[test]
fn ecdsa_signatures_verify_here_and_with_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (public, private) = ec_pair(&session, "e").unwrap();
        let has_openssl = has_program("openssl");
        if has_openssl {
            openssl::public_key(directory, &public_key_info(&session, public));
        }
        for (mechanism, hash, digest) in [
            (Mechanism::EcdsaSha1, "-sha1", Mechanism::Sha1),
            (Mechanism::EcdsaSha224, "-sha224", Mechanism::Sha224),
            (Mechanism::EcdsaSha256, "-sha256", Mechanism::Sha256),
            (Mechanism::EcdsaSha384, "-sha384", Mechanism::Sha384),
            (Mechanism::EcdsaSha512, "-sha512", Mechanism::Sha512),
        ] {
            let signature = session.sign(&mechanism, private, b"signed").unwrap();
            assert_eq!(signature.len(), 64);
            session.verify(&mechanism, public, b"signed", &signature).unwrap();
            let hashed = session.digest(&digest, b"signed").unwrap();
            session.verify(&Mechanism::Ecdsa, public, &hashed, &signature).unwrap();
            let other = session.verify(&mechanism, public, b"another", &signature);
            assert_eq!(refusal(other), RvError::SignatureInvalid, "{mechanism:?}");
            if has_openssl {
                let signature = openssl::ecdsa_der(&signature);
                openssl::verify(directory, hash, &[], b"signed", &signature);
            }
        }
    });
}

#[test]
fn hmac_of_a_known_key_is_that_of_rfc_4231() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Value(vec![0x0b; 20]),
            Attribute::Sign(true),
            Attribute::Verify(true),
        ];
        let key = session.create_object(&template).unwrap();
        let mac = session.sign(&Mechanism::Sha256Hmac, key, b"Hi There").unwrap();
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(hex::encode(&mac), expected);
        session.verify(&Mechanism::Sha256Hmac, key, b"Hi There", &mac).unwrap();
        let other = session.verify(&Mechanism::Sha256Hmac, key, b"Hi there", &mac);
        assert_eq!(refusal(other), RvError::SignatureInvalid);
    });
}

#[test]
fn cbc_and_ctr_encrypt_as_openssl_does() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = known_key(&session);
        let has_openssl = has_program("openssl");
        let counter = CK_AES_CTR_PARAMS { ulCounterBits: 128, cb: IV };
        let counter = VendorDefinedMechanism::new(MechanismType::AES_CTR, Some(&counter));
        for (mechanism, cipher) in [
            (Mechanism::AesCbcPad(IV), "-aes-256-cbc"),
            (Mechanism::VendorDefined(counter), "-aes-256-ctr"),
        ] {
            for length in [0, 1, 15, 16, 17, 4096] {
                let data = &large()[..length];
                let encrypted = session.encrypt(&mechanism, key, data).unwrap();
                assert_eq!(session.decrypt(&mechanism, key, &encrypted).unwrap(), data);
                if has_openssl {
                    assert_eq!(encrypted, openssl::encrypt(directory, cipher, &KEY, &IV, data));
                }
            }
        }
        let unpadded = session.encrypt(&Mechanism::AesCbc(IV), key, &[1; 15]);
        assert_eq!(refusal(unpadded), RvError::DataLenRange);
    });
}

#[test]
fn gcm_decrypts_what_it_encrypted_and_nothing_else() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = aes_key(&session, "k").unwrap();
        let run = |aad: &[u8], data: &[u8], decrypt| {
            let mut iv = [3; 12];
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, aad, 128.into()).unwrap());
            if decrypt {
                session.decrypt(&mechanism, key, data)
            } else {
                session.encrypt(&mechanism, key, data)
            }
        };
        let mut encrypted = run(b"aad", b"data", false).unwrap();
        assert_eq!(encrypted.len(), 4 + 16);
        assert_eq!(run(b"aad", &encrypted, true).unwrap(), b"data");
        assert_eq!(refusal(run(b"bad", &encrypted, true)), RvError::EncryptedDataInvalid);
        encrypted[0] ^= 1;
        assert_eq!(refusal(run(b"aad", &encrypted, true)), RvError::EncryptedDataInvalid);
    });
}

#[test]
fn rsa_decrypts_what_openssl_encrypted() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (public, private) = rsa_pair(&session, "r").unwrap();
        let has_openssl = has_program("openssl");
        if has_openssl {
            openssl::public_key(directory, &public_key_info(&session, public));
            std::fs::write(directory.join("plain"), b"to decrypt").unwrap();
        }
        let oaep = |hash, mgf, label| Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf, label));
        let (empty, label) = (PkcsOaepSource::empty(), PkcsOaepSource::data_specified(b"label"));
        let (sha1, sha256) = (MechanismType::SHA1, MechanismType::SHA256);
        let (mgf1, mgf256) = (PkcsMgfType::MGF1_SHA1, PkcsMgfType::MGF1_SHA256);
        for (mechanism, options) in [
            (Mechanism::RsaPkcs, &["rsa_padding_mode:pkcs1"][..]),
            (oaep(sha1, mgf1, empty), &["rsa_padding_mode:oaep"]),
            (oaep(sha256, mgf256, empty), &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"]),
            (
                oaep(sha256, mgf256, label),
                &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_oaep_label:6c6162656c"],
            ),
        ] {
            let encrypted = session.encrypt(&mechanism, public, b"to decrypt").unwrap();
            assert_eq!(session.decrypt(&mechanism, private, &encrypted).unwrap(), b"to decrypt");
            if has_openssl {
                let mut arguments =
                    vec!["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain"];
                for option in options {
                    arguments.extend(["-pkeyopt", option]);
                }
                let encrypted = openssl::openssl(directory, &arguments);
                assert_eq!(
                    session.decrypt(&mechanism, private, &encrypted).unwrap(),
                    b"to decrypt"
                );
            }
            let wrong = session.decrypt(&mechanism, private, &[1; 256]);
            if let Mechanism::RsaPkcs = mechanism {
                // Implicit rejection: a plaintext that means nothing, the same each time.
                let again = session.decrypt(&mechanism, private, &[1; 256]).unwrap();
                assert_eq!(wrong.unwrap(), again);
            } else {
                assert_eq!(refusal(wrong), RvError::EncryptedDataInvalid, "{mechanism:?}");
            }
        }
    });
}

#[test]
fn three_mebibytes_in_parts_are_encrypted_as_at_once() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = known_key(&session);
        let data = large();
        let cbc = Mechanism::AesCbcPad(IV);
        let parts = encrypt_in_parts(&session, &cbc, key, &data, 100_003);
        assert!(parts == session.encrypt(&cbc, key, &data).unwrap());
        if has_program("openssl") {
            assert!(parts == openssl::encrypt(directory, "-aes-256-cbc", &KEY, &IV, &data));
        }
        assert!(data == decrypt_in_parts(&session, &cbc, key, &parts, 2 << 20));
        assert!(data == session.decrypt(&cbc, key, &parts).unwrap());

        let (mut iv, mut again) = ([5; 12], [5; 12]);
        let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, b"aad", 128.into()).unwrap());
        let parts = encrypt_in_parts(&session, &gcm, key, &data, 65_537);
        let gcm = Mechanism::AesGcm(GcmParams::new(&mut again, b"aad", 128.into()).unwrap());
        assert!(parts == session.encrypt(&gcm, key, &data).unwrap());
        assert!(data == session.decrypt(&gcm, key, &parts).unwrap());
    });
}

#[test]
fn data_that_fills_a_frame_is_encrypted() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = known_key(&session);
        let data = large();
        for length in [(1 << 20) - 16, (1 << 20) - 1, 1 << 20, (1 << 20) + 1] {
            let data = &data[..length];
            let cbc = Mechanism::AesCbcPad(IV);
            let encrypted = session.encrypt(&cbc, key, data).unwrap();
            assert!(data == session.decrypt(&cbc, key, &encrypted).unwrap());
            let mut iv = [5; 12];
            let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, b"aad", 128.into()).unwrap());
            let encrypted = session.encrypt(&gcm, key, data).unwrap();
            assert!(data == session.decrypt(&gcm, key, &encrypted).unwrap());
        }
    });
}

#[test]
fn three_mebibytes_in_parts_are_signed_as_at_once() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (public, private) = rsa_pair(&session, "r").unwrap();
        let data = large();
        let mechanism = Mechanism::Sha256RsaPkcs;
        session.sign_init(&mechanism, private).unwrap();
        for part in data.chunks(100_003) {
            session.sign_update(part).unwrap();
        }
        let parts = session.sign_final().unwrap();
        assert_eq!(parts, session.sign(&mechanism, private, &data).unwrap());
        session.verify_init(&mechanism, public).unwrap();
        for part in data.chunks(2 << 20) {
            session.verify_update(part).unwrap();
        }
        session.verify_final(&parts).unwrap();
        if has_program("openssl") {
            openssl::public_key(directory, &public_key_info(&session, public));
            openssl::verify(directory, "-sha256", &[], &data, &parts);
        }
    });
}

#[test]
fn digests_are_those_of_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let abc = session.digest(&Mechanism::Sha256, b"abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(abc), expected, "FIPS 180-4");
        let data = large();
        let has_openssl = has_program("openssl");
        for (mechanism, hash) in [
            (Mechanism::Sha1, "-sha1"),
            (Mechanism::Sha224, "-sha224"),
            (Mechanism::Sha256, "-sha256"),
            (Mechanism::Sha384, "-sha384"),
            (Mechanism::Sha512, "-sha512"),
        ] {
            let whole = session.digest(&mechanism, &data).unwrap();
            session.digest_init(&mechanism).unwrap();
            for part in data.chunks(70_001) {
                session.digest_update(part).unwrap();
            }
            assert_eq!(session.digest_final().unwrap(), whole);
            if has_openssl {
                assert_eq!(hex::encode(whole), openssl::digest(directory, hash, &data));
            }
        }
    });
}

#[test]
fn random_numbers_differ() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let one = session.generate_random_vec(32).unwrap();
        assert_ne!(one, session.generate_random_vec(32).unwrap());
        session.seed_random(b"seed").unwrap();
        assert_ne!(one, session.generate_random_vec(32).unwrap());
    });
}
