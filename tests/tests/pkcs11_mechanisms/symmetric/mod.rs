//! Symmetric mechanisms, wrapping and deriving through the C functions, against vectors and `openssl`.

mod additional;
mod imposed;
mod kdf;
mod modes;

use std::path::Path;

use coffer_tests::c::{NO, Session, YES, number, plain, with};
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::openssl::{self, openssl};
use coffer_tests::process::has_program;
use cryptoki_sys as sys;
use cryptoki_sys::{CK_KEY_TYPE, CK_OBJECT_HANDLE, CK_ULONG};

const KEY: [u8; 32] = *b"a key openssl and this test have";
/// Coffer's own, beside the mechanisms of PKCS#11.
const COFFER_ENVELOPE: sys::CK_MECHANISM_TYPE = 0xc853_0001;

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in(directory);
    (daemon, Session::begin().unwrap())
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// A readable secret key that does everything that its type can.
fn secret(
    session: Session,
    kind: CK_KEY_TYPE,
    value: &[u8],
    usages: &[sys::CK_ULONG],
) -> CK_OBJECT_HANDLE {
    session.create_secret(kind, value, usages).unwrap()
}

#[test]
fn ecb_encrypts_as_openssl_does() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = secret(session, sys::CKK_AES, &KEY, &[]);
        let ecb = plain(sys::CKM_AES_ECB);
        let data: Vec<u8> = (0..=255).cycle().take(4096).collect();
        let encrypted = session.encrypt_with(&ecb, key, &data).unwrap();
        assert_eq!(session.decrypt_with(&ecb, key, &encrypted).unwrap(), data);
        assert_eq!(session.encrypt_parts(&ecb, key, &data, 100).unwrap(), encrypted);
        assert_eq!(session.decrypt_parts(&ecb, key, &encrypted, 77).unwrap(), data);
        assert_eq!(session.encrypt_with(&ecb, key, &data[1..]), Err(sys::CKR_DATA_LEN_RANGE));
        if has_program("openssl") {
            std::fs::write(directory.join("data"), &data).unwrap();
            let key = hex::encode(KEY);
            let arguments = ["enc", "-aes-256-ecb", "-nopad", "-K", &key, "-in", "data"];
            assert_eq!(openssl(directory, &arguments), encrypted);
        }
    });
}

#[test]
fn ccm_is_that_of_sp_800_38c() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        // SP 800-38C appendix C, example 2.
        let key = secret(session, sys::CKK_AES, &bytes("404142434445464748494a4b4c4d4e4f"), &[]);
        let (mut nonce, mut aad) =
            (bytes("1011121314151617"), bytes("000102030405060708090a0b0c0d0e0f"));
        let plaintext = bytes("202122232425262728292a2b2c2d2e2f");
        let ciphertext = bytes("d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd");
        let parameter = sys::CK_CCM_PARAMS {
            ulDataLen: 16,
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 8,
            pAAD: aad.as_mut_ptr(),
            ulAADLen: 16,
            ulMACLen: 6,
        };
        let ccm = with(sys::CKM_AES_CCM, &parameter);
        assert_eq!(session.encrypt_with(&ccm, key, &plaintext).unwrap(), ciphertext);
        assert_eq!(session.decrypt_with(&ccm, key, &ciphertext).unwrap(), plaintext);
        assert_eq!(session.encrypt_parts(&ccm, key, &plaintext, 5).unwrap(), ciphertext);
        assert_eq!(session.decrypt_parts(&ccm, key, &ciphertext, 5).unwrap(), plaintext);
        let mut changed = ciphertext;
        changed[3] ^= 1;
        let refused = session.decrypt_with(&ccm, key, &changed);
        assert_eq!(refused, Err(sys::CKR_ENCRYPTED_DATA_INVALID));
        let longer = session.encrypt_with(&ccm, key, &[0; 17]);
        assert_eq!(longer, Err(sys::CKR_DATA_LEN_RANGE));
    });
}

#[test]
fn chacha20_poly1305_is_that_of_rfc_8439() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        // RFC 8439 section 2.8.2.
        let value: Vec<u8> = (0x80..0xa0).collect();
        let key = secret(session, sys::CKK_CHACHA20, &value, &[]);
        let (mut nonce, mut aad) =
            (bytes("070000004041424344454647"), bytes("50515253c0c1c2c3c4c5c6c7"));
        let plaintext = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let parameter = sys::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 12,
            pAAD: aad.as_mut_ptr(),
            ulAADLen: 12,
        };
        let chacha = with(sys::CKM_CHACHA20_POLY1305, &parameter);
        let encrypted = session.encrypt_with(&chacha, key, plaintext).unwrap();
        assert_eq!(encrypted.len(), plaintext.len() + 16);
        assert_eq!(hex::encode(&encrypted[..16]), "d31a8d34648e60db7b86afbc53ef7ec2");
        assert_eq!(hex::encode(&encrypted[114..]), "1ae10b594f09e26a7e902ecbd0600691");
        assert_eq!(session.decrypt_with(&chacha, key, &encrypted).unwrap(), plaintext);
        assert_eq!(session.encrypt_parts(&chacha, key, plaintext, 7).unwrap(), encrypted);
        assert_eq!(session.decrypt_parts(&chacha, key, &encrypted, 7).unwrap(), plaintext);
        let short = session.decrypt_with(&chacha, key, &encrypted[1..]);
        assert_eq!(short, Err(sys::CKR_ENCRYPTED_DATA_INVALID));
    });
}

#[test]
fn codes_are_whole_or_as_long_as_was_asked() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        // SP 800-38B example 2, and RFC 4231 test case 1.
        let aes = secret(session, sys::CKK_AES, &bytes("2b7e151628aed2a6abf7158809cf4f3c"), &[]);
        let data = bytes("6bc1bee22e409f96e93d7e117393172a");
        let cmac = bytes("070a16b46b4d4144f79bdd9dd04a287c");
        let hmac = secret(session, sys::CKK_GENERIC_SECRET, &[0x0b; 20], &[sys::CKA_SIGN]);
        let mac = bytes("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        for (whole, general, key, data, code) in [
            (sys::CKM_AES_CMAC, sys::CKM_AES_CMAC_GENERAL, aes, &data[..], &cmac[..]),
            (sys::CKM_SHA256_HMAC, sys::CKM_SHA256_HMAC_GENERAL, hmac, b"Hi There", &mac),
        ] {
            assert_eq!(session.sign_with(&plain(whole), key, data).unwrap(), code);
            session.verify_with(&plain(whole), key, data, code).unwrap();
            for length in [1, 8, code.len()] {
                let parameter = length as CK_ULONG;
                let mechanism = with(general, &parameter);
                assert_eq!(session.sign_with(&mechanism, key, data).unwrap(), code[..length]);
                session.verify_with(&mechanism, key, data, &code[..length]).unwrap();
                let mut wrong = code[..length].to_vec();
                wrong[0] ^= 1;
                let refused = session.verify_with(&mechanism, key, data, &wrong);
                assert_eq!(refused, Err(sys::CKR_SIGNATURE_INVALID));
                let refused = session.verify_with(&mechanism, key, data, &[code, &[0]].concat());
                assert_eq!(refused, Err(sys::CKR_SIGNATURE_LEN_RANGE));
            }
            let parameter = code.len() as CK_ULONG + 1;
            let refused = session.sign_with(&with(general, &parameter), key, data);
            assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        }
    });
}

#[test]
fn sha_3_is_that_of_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let abc = session.digest_with(&plain(sys::CKM_SHA3_256), b"abc").unwrap();
        let expected = "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532";
        assert_eq!(hex::encode(abc), expected, "FIPS 202");
        let key = secret(session, sys::CKK_GENERIC_SECRET, &KEY, &[]);
        let data = vec![7; 100_003];
        let is_there = has_program("openssl");
        for (digest, hmac, name) in [
            (sys::CKM_SHA3_224, sys::CKM_SHA3_224_HMAC, "-sha3-224"),
            (sys::CKM_SHA3_256, sys::CKM_SHA3_256_HMAC, "-sha3-256"),
            (sys::CKM_SHA3_384, sys::CKM_SHA3_384_HMAC, "-sha3-384"),
            (sys::CKM_SHA3_512, sys::CKM_SHA3_512_HMAC, "-sha3-512"),
            (sys::CKM_SHA512_256, sys::CKM_SHA512_256_HMAC, "-sha512-256"),
        ] {
            let hash = session.digest_with(&plain(digest), &data).unwrap();
            let code = session.sign_with(&plain(hmac), key, &data).unwrap();
            session.verify_with(&plain(hmac), key, &data, &code).unwrap();
            assert_eq!(code.len(), hash.len());
            if is_there {
                assert_eq!(hex::encode(hash), openssl::digest(directory, name, &data));
                let key = format!("hexkey:{}", hex::encode(KEY));
                let arguments = ["dgst", name, "-mac", "HMAC", "-macopt", &key, "-binary", "data"];
                assert_eq!(openssl(directory, &arguments), code);
            }
        }
    });
}

#[test]
fn hkdf_is_that_of_rfc_5869() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let base = secret(session, sys::CKK_GENERIC_SECRET, &[0x0b; 22], &[sys::CKA_DERIVE]);
        let (mut salt, mut info): (Vec<u8>, Vec<u8>) =
            ((0..=12).collect(), (0xf0..=0xf9).collect());
        let parameter = sys::CK_HKDF_PARAMS {
            bExtract: 1,
            bExpand: 1,
            prfHashMechanism: sys::CKM_SHA256,
            ulSaltType: sys::CKF_HKDF_SALT_DATA,
            pSalt: salt.as_mut_ptr(),
            ulSaltLen: 13,
            hSaltKey: 0,
            pInfo: info.as_mut_ptr(),
            ulInfoLen: 10,
        };
        let length = number(42);
        let template = [
            (sys::CKA_VALUE_LEN, &length[..]),
            (sys::CKA_SENSITIVE, NO),
            (sys::CKA_EXTRACTABLE, YES),
        ];
        let hkdf = with(sys::CKM_HKDF_DERIVE, &parameter);
        let key = session.derive(&hkdf, base, &template).unwrap();
        let expected =
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(hex::encode(session.read(key, sys::CKA_VALUE).unwrap()), expected);
        let none = secret(session, sys::CKK_AES, &KEY, &[]);
        assert_eq!(session.derive(&hkdf, none, &template), Err(sys::CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(session.derive(&hkdf, base, &[]), Err(sys::CKR_TEMPLATE_INCOMPLETE));
    });
}

#[test]
fn key_wrap_is_that_of_rfc_3394_and_rfc_5649() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        // RFC 3394 section 4.6; RFC 5649 section 6.
        let long = bytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        let other = bytes("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
        let class = number(sys::CKO_SECRET_KEY);
        for (mechanism, wrapping, value, wrapped) in [
            (
                sys::CKM_AES_KEY_WRAP,
                &long,
                "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
                "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
            ),
            (
                sys::CKM_AES_KEY_WRAP_KWP,
                &other,
                "c37b7e6492584340bed12207808941155068f738",
                "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
            ),
            (
                sys::CKM_AES_KEY_WRAP_PAD,
                &other,
                "466f7250617369",
                "afbeb0f07dfbf5419200f2ccb50bb24f",
            ),
        ] {
            let mechanism = plain(mechanism);
            let outer = secret(session, sys::CKK_AES, wrapping, &[]);
            let key = secret(session, sys::CKK_GENERIC_SECRET, &bytes(value), &[]);
            assert_eq!(hex::encode(session.wrap(&mechanism, outer, key).unwrap()), wrapped);
            assert_eq!(
                hex::encode(session.encrypt_with(&mechanism, outer, &bytes(value)).unwrap()),
                wrapped
            );
            let kind = number(sys::CKK_GENERIC_SECRET);
            let template = [
                (sys::CKA_CLASS, &class[..]),
                (sys::CKA_KEY_TYPE, &kind[..]),
                (sys::CKA_SENSITIVE, NO),
                (sys::CKA_EXTRACTABLE, YES),
            ];
            let back = session.unwrap(&mechanism, outer, &bytes(wrapped), &template).unwrap();
            assert_eq!(session.read(back, sys::CKA_VALUE).unwrap(), bytes(value));
            let short = &bytes(wrapped)[1..];
            let refused = session.unwrap(&mechanism, outer, short, &template);
            assert_eq!(refused, Err(sys::CKR_WRAPPED_KEY_LEN_RANGE));
            let mut changed = bytes(wrapped);
            changed[9] ^= 1;
            let refused = session.unwrap(&mechanism, outer, &changed, &template);
            assert_eq!(refused, Err(sys::CKR_WRAPPED_KEY_INVALID));
        }
    });
}

#[test]
fn each_fault_of_a_wrapping_has_its_code() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let outer = secret(session, sys::CKK_AES, &KEY, &[]);
        let key = secret(session, sys::CKK_AES, &KEY, &[]);
        let (class, kind, bits) = (number(sys::CKO_SECRET_KEY), number(sys::CKK_AES), number(16));
        let kept = session
            .create(&[
                (sys::CKA_CLASS, &class),
                (sys::CKA_KEY_TYPE, &kind),
                (sys::CKA_VALUE, &KEY),
                (sys::CKA_WRAP, NO),
                (sys::CKA_UNWRAP, NO),
            ])
            .unwrap();
        let hmac = secret(session, sys::CKK_GENERIC_SECRET, &KEY, &[]);
        let kwp = plain(sys::CKM_AES_KEY_WRAP_KWP);
        assert_eq!(session.wrap(&kwp, outer, kept), Err(sys::CKR_KEY_UNEXTRACTABLE));
        assert_eq!(session.wrap(&kwp, outer, 999), Err(sys::CKR_KEY_HANDLE_INVALID));
        assert_eq!(session.wrap(&kwp, 999, key), Err(sys::CKR_WRAPPING_KEY_HANDLE_INVALID));
        assert_eq!(session.wrap(&kwp, hmac, key), Err(sys::CKR_WRAPPING_KEY_TYPE_INCONSISTENT));
        assert_eq!(session.wrap(&kwp, kept, key), Err(sys::CKR_KEY_FUNCTION_NOT_PERMITTED));
        let digest = plain(sys::CKM_SHA256);
        assert_eq!(session.wrap(&digest, outer, key), Err(sys::CKR_MECHANISM_INVALID));
        let wrapped = session.wrap(&kwp, outer, key).unwrap();
        let template = [(sys::CKA_CLASS, &class[..]), (sys::CKA_KEY_TYPE, &kind[..])];
        let sized = [template[0], template[1], (sys::CKA_VALUE_LEN, &bits[..])];
        let unwrap = |key, template| session.unwrap(&kwp, key, &wrapped, template);
        assert!(unwrap(outer, &template[..]).is_ok());
        for (key, template, code) in [
            (999, &template[..], sys::CKR_UNWRAPPING_KEY_HANDLE_INVALID),
            (hmac, &template, sys::CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT),
            (kept, &template, sys::CKR_KEY_FUNCTION_NOT_PERMITTED),
            (outer, &template[..1], sys::CKR_TEMPLATE_INCOMPLETE),
            (outer, &sized, sys::CKR_WRAPPED_KEY_LEN_RANGE),
        ] {
            assert_eq!(unwrap(key, template), Err(code));
        }
        let long = vec![0; 1 << 20];
        let refused = session.unwrap(&kwp, outer, &long, &template);
        assert_eq!(refused, Err(sys::CKR_WRAPPED_KEY_LEN_RANGE));
    });
}

#[test]
fn an_envelope_names_its_key_and_is_bound_to_its_context() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = secret(session, sys::CKK_AES, &KEY, &[]);
        let envelope = plain(COFFER_ENVELOPE);
        let sealed = session.encrypt_with(&envelope, key, b"secret").unwrap();
        assert_eq!((sealed.len(), &sealed[..4]), (76, &b"CFR\x01"[..]));
        assert_eq!(session.decrypt_with(&envelope, key, &sealed).unwrap(), b"secret");
        assert_eq!(session.decrypt_parts(&envelope, key, &sealed, 7).unwrap(), b"secret");
        let long = vec![7; 4096];
        let parts = session.encrypt_parts(&envelope, key, &long, 100).unwrap();
        assert_eq!(session.decrypt_with(&envelope, key, &parts).unwrap(), long);
        let longer = session.encrypt_with(&envelope, key, &[7; 4097]);
        assert_eq!(longer, Err(sys::CKR_DATA_LEN_RANGE));
        let context = *b"{\"a\":\"b\"}";
        let bound = with(COFFER_ENVELOPE, &context);
        let sealed = session.encrypt_with(&bound, key, b"secret").unwrap();
        assert_eq!(session.decrypt_with(&bound, key, &sealed).unwrap(), b"secret");
        let loose = session.decrypt_with(&envelope, key, &sealed);
        assert_eq!(loose, Err(sys::CKR_ENCRYPTED_DATA_INVALID));
        let short = session.decrypt_with(&bound, key, &sealed[..70]);
        assert_eq!(short, Err(sys::CKR_ENCRYPTED_DATA_LEN_RANGE));
        for wrong in [*b"noobject", *b"{\"a\"\xff\xff\xff}"] {
            let refused = session.encrypt_with(&with(COFFER_ENVELOPE, &wrong), key, b"secret");
            assert_eq!(refused, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        }
        let other = secret(session, sys::CKK_AES, &KEY, &[]);
        let refused = session.decrypt_with(&bound, other, &sealed);
        assert_eq!(refused, Err(sys::CKR_ENCRYPTED_DATA_INVALID));
    });
}
