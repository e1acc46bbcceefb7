//! Secret keys: AES, ChaCha20, HMAC and HKDF.

use aes::Aes256;
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use chacha20poly1305::ChaCha20Poly1305;
use cmac::{Cmac, Mac};
use coffer_protocol::attribute::{
    Attribute, CLASS, DECRYPT, DERIVE, ENCRYPT, KEY_TYPE, SIGN, UNWRAP, VALUE, WRAP,
};
use coffer_protocol::mechanism::ckm::{
    CKM_AES_CBC_PAD, CKM_AES_CCM, CKM_AES_CMAC, CKM_AES_CTR, CKM_AES_ECB, CKM_AES_GCM,
    CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_CHACHA20_POLY1305, CKM_HKDF_DERIVE,
    CKM_SHA3_256_HMAC, CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA512_HMAC,
};
use coffer_protocol::mechanism::{
    CcmParameter, ChaChaPolyParameter, CtrParameter, GcmParameter, HkdfParameter, IvParameter,
};
use cryptoki_sys::{CKF_HKDF_SALT_DATA, CKO_SECRET_KEY};
use cryptoki_sys::{CKK_AES, CKK_CHACHA20, CKK_GENERIC_SECRET, CKK_HKDF};
use hmac::Hmac;
use sha2::{Sha256, Sha512};

use super::caller::{plain, with};
use super::{Caller, Family, InDaemon, array, random};
use crate::leak_scanner::mac::{Hash, hkdf_sha256, hmac};
use crate::leak_scanner::{Named, aes as aes_patterns, chacha};

/// What HKDF mixes in.
const SALT: &[u8] = b"salt of the leak scan";
const INFO: &[u8] = b"info of the leak scan";
const NONCE: [u8; 12] = [3; 12];

pub(super) fn object(key_type: u64, secret: &[u8], usage: &[u64]) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::number(CLASS, CKO_SECRET_KEY),
        Attribute::number(KEY_TYPE, key_type),
        Attribute::bytes(VALUE, secret),
    ];
    template.extend(usage.iter().map(|usage| Attribute::boolean(*usage, true)));
    template
}

pub(super) const AES: Family = Family {
    name: "AES-256",
    make: random::<32>,
    patterns: |secret| aes_patterns::patterns(&array(secret)),
    daemon: Some(InDaemon {
        object: |secret| object(CKK_AES, secret, &[ENCRYPT, DECRYPT, SIGN, WRAP, UNWRAP]),
        use_once: |caller, key, secret| {
            let (iv, aad) = (NONCE.to_vec(), b"aad".to_vec());
            let gcm = GcmParameter { iv, aad, tag_bits: 128 };
            let (nonce, aad) = (NONCE.to_vec(), b"aad".to_vec());
            let ccm = CcmParameter { data_len: 96, nonce, aad, tag_len: 16 };
            let ctr = CtrParameter { bits: 64, block: [4; 16] };
            // Long data may be the other implementation's.
            caller.encrypt_and_decrypt(key, &with(CKM_AES_GCM, &gcm), &vec![7; 64 << 10]);
            for mechanism in [
                with(CKM_AES_GCM, &gcm),
                with(CKM_AES_CCM, &ccm),
                with(CKM_AES_CTR, &ctr),
                with(CKM_AES_CBC_PAD, &IvParameter { iv: [5; 16] }),
                plain(CKM_AES_ECB),
            ] {
                caller.encrypt_and_decrypt(key, &mechanism, &[7; 96]);
            }
            // What is wrapped here is the application's data, which is ordinary memory on both sides.
            for mechanism in [CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP] {
                caller.encrypt_and_decrypt(key, &plain(mechanism), &[9; 32]);
            }
            caller.sign(key, plain(CKM_AES_CMAC), b"message");
            // A key that is unwrapped is the vault's, and is searched for as well.
            let inner = random::<32>();
            let mut wrapped = [0; 40];
            let wrapping = aes_kw::KwAes256::new((&array::<32>(secret)).into());
            wrapping.wrap_key(&inner, &mut wrapped).expect("whole blocks");
            caller.unwrap_and_wrap(key, &plain(CKM_AES_KEY_WRAP), &wrapped);
            vec![("unwrapped key".to_owned(), inner)]
        },
    }),
    outside: |secret| {
        let key = array::<32>(secret);
        let gcm = Aes256Gcm::new((&key).into());
        let mut data = [7; 96];
        let tag = gcm.encrypt_inout_detached(
            &Nonce::<Aes256Gcm>::from(NONCE),
            b"",
            (&mut data[..]).into(),
        );
        assert!(tag.is_ok());
        let cmac = <Cmac<Aes256> as KeyInit>::new((&key).into());
        let wrapping = aes_kw::KwAes256::new((&key).into());
        let mut wrapped = [0; 40];
        wrapping.wrap_key(&[9; 32], &mut wrapped).expect("whole blocks");
        Box::new((Box::new(gcm), Box::new(cmac), Box::new(wrapping)))
    },
    found_outside: &["AES key", "AES round key 2", "AES round key 14", "POLYVAL key ^ 1"],
};

pub(super) const AES_BY_AWS_LC: Family = Family {
    name: "AES-256 by AWS-LC",
    make: random::<32>,
    patterns: AES.patterns,
    // The daemon's own use is that of AES-256.
    daemon: None,
    outside: |secret| {
        let key = UnboundKey::new(&AES_256_GCM, secret).expect("32 bytes");
        let key = Box::new(LessSafeKey::new(key));
        let mut data = vec![7; 4096];
        let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key(NONCE);
        assert!(key.seal_in_place_append_tag(nonce, Aad::empty(), &mut data).is_ok());
        key
    },
    found_outside: &["AES round key 2", "AES round key 14"],
};

pub(super) const CHACHA20: Family = Family {
    name: "ChaCha20",
    make: random::<32>,
    patterns: |secret| {
        let mut patterns = chacha::patterns(&array(secret));
        patterns.extend(chacha::key_stream(&array(secret), NONCE, 96));
        patterns
    },
    daemon: Some(InDaemon {
        object: |secret| object(CKK_CHACHA20, secret, &[ENCRYPT, DECRYPT]),
        use_once: |caller, key, _| {
            let parameter = ChaChaPolyParameter { nonce: NONCE, aad: b"aad".to_vec() };
            let mechanism = with(CKM_CHACHA20_POLY1305, &parameter);
            caller.encrypt_and_decrypt(key, &mechanism, &[7; 96]);
            Named::new()
        },
    }),
    outside: |secret| {
        let cipher = ChaCha20Poly1305::new((&array::<32>(secret)).into());
        let mut stream = vec![0; 96];
        let nonce = Nonce::<ChaCha20Poly1305>::from(NONCE);
        let tag = cipher.encrypt_inout_detached(&nonce, b"", stream.as_mut_slice().into());
        assert!(tag.is_ok());
        Box::new((Box::new(cipher), stream))
    },
    found_outside: &["ChaCha20 key", "ChaCha20 key stream"],
};

fn sign_with(caller: &Caller, key: u32, mechanism: u64) -> Named {
    caller.sign(key, plain(mechanism), b"message");
    Named::new()
}

fn mac_object(secret: &[u8]) -> Vec<Attribute> {
    object(CKK_GENERIC_SECRET, secret, &[SIGN])
}

pub(super) const HMAC_SHA256: Family = Family {
    name: "HMAC-SHA-256",
    make: random::<32>,
    patterns: |secret| hmac(Hash::Sha256, "HMAC key", secret),
    daemon: Some(InDaemon {
        object: mac_object,
        use_once: |caller, key, _| sign_with(caller, key, CKM_SHA256_HMAC),
    }),
    outside: |secret| {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("any length");
        mac.update(b"message");
        Box::new(mac)
    },
    found_outside: &["HMAC key, inner block, state", "HMAC key, outer block, state"],
};

pub(super) const HMAC_SHA512: Family = Family {
    name: "HMAC-SHA-512",
    make: random::<64>,
    patterns: |secret| hmac(Hash::Sha512, "HMAC key", secret),
    daemon: Some(InDaemon {
        object: mac_object,
        use_once: |caller, key, _| sign_with(caller, key, CKM_SHA512_HMAC),
    }),
    outside: |secret| {
        let mut mac = <Hmac<Sha512> as KeyInit>::new_from_slice(secret).expect("any length");
        mac.update(b"message");
        Box::new(mac)
    },
    found_outside: &["HMAC key, inner block, state", "HMAC key, outer block, state"],
};

pub(super) const HMAC_SHA3: Family = Family {
    name: "HMAC-SHA3-256",
    make: random::<64>,
    patterns: |secret| hmac(Hash::Sha3, "HMAC key", secret),
    daemon: Some(InDaemon {
        object: mac_object,
        use_once: |caller, key, _| sign_with(caller, key, CKM_SHA3_256_HMAC),
    }),
    outside: |secret| {
        let pad = |pad: u8| {
            let mut block = vec![pad; 136];
            for (byte, key) in block.iter_mut().zip(secret) {
                *byte ^= key;
            }
            block
        };
        Box::new((secret.to_vec(), pad(0x36), pad(0x5c)))
    },
    found_outside: &["HMAC key", "HMAC key, inner block", "HMAC key, outer block"],
};

pub(super) const HKDF: Family = Family {
    name: "HKDF",
    make: random::<32>,
    patterns: |secret| hkdf_sha256("HKDF", secret, SALT, INFO),
    daemon: Some(InDaemon {
        object: |secret| object(CKK_HKDF, secret, &[DERIVE]),
        use_once: |caller, key, _| {
            let parameter = HkdfParameter {
                extract: true,
                expand: true,
                hash: CKM_SHA256,
                salt_kind: CKF_HKDF_SALT_DATA,
                salt: SALT.to_vec(),
                salt_key: 0,
                info: INFO.to_vec(),
            };
            caller.derive(key, with(CKM_HKDF_DERIVE, &parameter));
            Named::new()
        },
    }),
    outside: |secret| {
        let extracted = {
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SALT).expect("any length");
            mac.update(secret);
            mac.finalize().into_bytes()
        };
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&extracted).expect("any length");
        mac.update(INFO);
        mac.update(&[1]);
        let output = mac.clone().finalize().into_bytes().to_vec();
        Box::new((secret.to_vec(), extracted.to_vec(), mac, output))
    },
    found_outside: &[
        "HKDF, base key",
        "HKDF, pseudorandom key",
        "HKDF, pseudorandom key, inner block, state",
        "HKDF, output",
    ],
};
