//! Modes of AES that make streams, steal ciphertext or encrypt data units; ChaCha20 alone; and key wrap with an
//! initial value.

use coffer_tests::isolated::isolated;
use coffer_tests::openssl::openssl;
use coffer_tests::process::has_program;
use cryptoki_sys as sys;
use cryptoki_sys::CK_ULONG;

use super::{KEY, NO, YES, bytes, number, secret, start};
use coffer_tests::c::{plain, with};

#[test]
fn streams_and_stealing_are_those_of_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = secret(session, sys::CKK_AES, &KEY, &[]);
        let iv = [7_u8; 16];
        let data: Vec<u8> = (0..=255).cycle().take(1003).collect();
        for (mode, name) in [
            (sys::CKM_AES_CFB8, "-aes-256-cfb8"),
            (sys::CKM_AES_CFB128, "-aes-256-cfb"),
            (sys::CKM_AES_OFB, "-aes-256-ofb"),
            (sys::CKM_AES_CTS, "-aes-256-cbc-cts"),
        ] {
            let mode = with(mode, &iv);
            let encrypted = session.encrypt_with(&mode, key, &data).unwrap();
            assert_eq!(encrypted.len(), data.len(), "{name}");
            assert_eq!(session.decrypt_with(&mode, key, &encrypted).unwrap(), data, "{name}");
            assert_eq!(session.encrypt_parts(&mode, key, &data, 100).unwrap(), encrypted, "{name}");
            assert_eq!(session.decrypt_parts(&mode, key, &encrypted, 77).unwrap(), data, "{name}");
            if has_program("openssl") {
                std::fs::write(directory.join("data"), &data).unwrap();
                let (key, iv) = (hex::encode(KEY), hex::encode(iv));
                let arguments = ["enc", name, "-K", &key, "-iv", &iv, "-in", "data"];
                assert_eq!(openssl(directory, &arguments), encrypted, "{name}");
            }
        }
        let cts = with(sys::CKM_AES_CTS, &iv);
        assert_eq!(session.encrypt_with(&cts, key, &data[..15]), Err(sys::CKR_DATA_LEN_RANGE));
        let short = session.decrypt_with(&cts, key, &data[..15]);
        assert_eq!(short, Err(sys::CKR_ENCRYPTED_DATA_LEN_RANGE));
        let none = session.encrypt_with(&plain(sys::CKM_AES_OFB), key, &data);
        assert_eq!(none, Err(sys::CKR_MECHANISM_PARAM_INVALID));
    });
}

#[test]
fn data_units_are_encrypted_with_keys_made_and_given() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        // IEEE 1619 appendix B, vector 15.
        let value = bytes("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0");
        let key = secret(session, sys::CKK_AES_XTS, &value, &[]);
        let unit = 0x12_3456_789a_u128.to_le_bytes();
        let xts = with(sys::CKM_AES_XTS, &unit);
        let plaintext: Vec<u8> = (0..17).collect();
        let encrypted = session.encrypt_with(&xts, key, &plaintext).unwrap();
        assert_eq!(hex::encode(&encrypted), "6c1625db4671522d3d7599601de7ca09ed");
        assert_eq!(session.decrypt_with(&xts, key, &encrypted).unwrap(), plaintext);
        assert_eq!(session.encrypt_parts(&xts, key, &plaintext, 5).unwrap(), encrypted);
        assert_eq!(session.decrypt_parts(&xts, key, &encrypted, 5).unwrap(), plaintext);
        assert_eq!(session.encrypt_with(&xts, key, &[0; 15]), Err(sys::CKR_DATA_LEN_RANGE));
        for length in [32, 64] {
            let bytes = number(length);
            let made = session
                .generate(&plain(sys::CKM_AES_XTS_KEY_GEN), &[(sys::CKA_VALUE_LEN, &bytes)])
                .unwrap();
            let large = vec![3; 100_001];
            let encrypted = session.encrypt_with(&xts, made, &large).unwrap();
            assert_eq!(session.decrypt_with(&xts, made, &encrypted).unwrap(), large);
            let cbc = session.encrypt_with(&with(sys::CKM_AES_CBC, &unit), made, &large[..16]);
            assert_eq!(cbc, Err(sys::CKR_KEY_TYPE_INCONSISTENT));
        }
        for length in [16, 31, 48, 65] {
            let bytes = number(length);
            let made =
                session.generate(&plain(sys::CKM_AES_XTS_KEY_GEN), &[(sys::CKA_VALUE_LEN, &bytes)]);
            assert_eq!(made, Err(sys::CKR_ATTRIBUTE_VALUE_INVALID));
        }
        let (class, kind) = (number(sys::CKO_SECRET_KEY), number(sys::CKK_AES_XTS));
        for wrong in [&[7; 32][..], &[1, 2, 3], &value[..31]] {
            let template =
                [(sys::CKA_CLASS, &class[..]), (sys::CKA_KEY_TYPE, &kind), (sys::CKA_VALUE, wrong)];
            assert_eq!(session.create(&template), Err(sys::CKR_ATTRIBUTE_VALUE_INVALID));
        }
    });
}

#[test]
fn chacha20_alone_takes_both_of_its_counters() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let key = secret(session, sys::CKK_CHACHA20, &[0; 32], &[]);
        // RFC 8439 appendix A.1, the second block.
        let expected = "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed";
        let (mut counter, mut nonce) = ([1, 0, 0, 0, 0, 0, 0, 0], [0; 12]);
        let mut stream = |counter_bits, nonce_bits: CK_ULONG| {
            let parameter = sys::CK_CHACHA20_PARAMS {
                pBlockCounter: counter.as_mut_ptr(),
                blockCounterBits: counter_bits,
                pNonce: nonce.as_mut_ptr(),
                ulNonceBits: nonce_bits,
            };
            let chacha = with(sys::CKM_CHACHA20, &parameter);
            let encrypted = session.encrypt_with(&chacha, key, &[0; 32])?;
            assert_eq!(session.decrypt_with(&chacha, key, &encrypted).unwrap(), [0; 32]);
            assert_eq!(session.encrypt_parts(&chacha, key, &[0; 32], 5).unwrap(), encrypted);
            Ok(hex::encode(encrypted))
        };
        assert_eq!(stream(32, 96).as_deref(), Ok(expected));
        assert_eq!(stream(64, 64).as_deref(), Ok(expected));
        for (counter, nonce) in [(32, 64), (64, 96), (16, 96), (32, 95), (64, 192)] {
            assert_eq!(stream(counter, nonce), Err(sys::CKR_MECHANISM_PARAM_INVALID));
        }
    });
}

#[test]
fn key_wrap_takes_an_initial_value() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let all: Vec<u8> = (0..32).collect();
        let outer = secret(session, sys::CKK_AES, &all, &[]);
        let (long, short) = ([1_u8, 2, 3, 4, 5, 6, 7, 8], [1_u8, 2, 3, 4]);
        // As `openssl enc -id-aes256-wrap -iv …` and its relative with padding compute them.
        for (mechanism, other, value, wrapped) in [
            (
                with(sys::CKM_AES_KEY_WRAP, &long),
                sys::CKM_AES_KEY_WRAP,
                &all[..24],
                "a50f8d079240dded4c50f26c6428edd76566a5cd482903f4dc88aaadde39f8f1",
            ),
            (
                with(sys::CKM_AES_KEY_WRAP_KWP, &short),
                sys::CKM_AES_KEY_WRAP_KWP,
                &all[..9],
                "8e0bb7fb6f5b1097f16ddd1f490b7d17571c624989755406",
            ),
        ] {
            let key = secret(session, sys::CKK_GENERIC_SECRET, value, &[]);
            assert_eq!(hex::encode(session.wrap(&mechanism, outer, key).unwrap()), wrapped);
            let (class, kind) = (number(sys::CKO_SECRET_KEY), number(sys::CKK_GENERIC_SECRET));
            let template = [
                (sys::CKA_CLASS, &class[..]),
                (sys::CKA_KEY_TYPE, &kind[..]),
                (sys::CKA_SENSITIVE, NO),
                (sys::CKA_EXTRACTABLE, YES),
            ];
            let back = session.unwrap(&mechanism, outer, &bytes(wrapped), &template).unwrap();
            assert_eq!(session.read(back, sys::CKA_VALUE).unwrap(), value);
            let refused = session.unwrap(&plain(other), outer, &bytes(wrapped), &template);
            assert_eq!(refused, Err(sys::CKR_WRAPPED_KEY_INVALID));
            let wrong = session.wrap(&with(other, &[0_u8; 5]), outer, key);
            assert_eq!(wrong, Err(sys::CKR_MECHANISM_PARAM_INVALID));
        }
    });
}
