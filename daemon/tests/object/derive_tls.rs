//! TLS 1.2: the master secret, the keys of a connection, and what it exports.

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::mechanism::{
    MechanismCall, TlsExtendedMasterParameter, TlsKdfParameter, TlsKeysParameter, TlsMacParameter,
    TlsMasterParameter, ckm,
};

use super::derive_kdf::{readable, secret};
use super::support::*;

pub(crate) fn export() -> TlsKdfParameter {
    TlsKdfParameter {
        hash: ckm::CKM_SHA512,
        label: b"EXPORTER-test".to_vec(),
        client_random: vec![0xc1; 32],
        server_random: vec![0x5e; 32],
        context: b"\0\x03abc".to_vec(),
    }
}

/// The secrets of a connection, computed apart from this code.
const MASTER: &str = "15cdeee113ad922474d21f77ce6f686335a930c052fc106613ff2d390910c16ad30f22101881c9bcd0ed289edb9f7f55";
const EXTENDED: &str = "1d8be4feec6329405bd6944490b6dfae6b6e2c82c0afc116ae2300fd55914507030d2a99a4badaeee06f7f72a9db7e12";
const BLOCK: &str = "14485b5f14b0f7224068825c43a0c56d7c0a7951b51b858c9cfaf4c06a99e91de9834707deae254d5ce50530991c767230f64156bbdda75ff31aae32e3e71b844286c6b5fdca795471730ea0dd28c54bcbfadde23db9e4e2faf69e1206e30d180819b023dd600737";

fn premaster() -> Vec<u8> {
    [3, 3].into_iter().chain(0..46).collect()
}

fn master(mechanism: u64) -> MechanismCall {
    let (client_random, server_random) = (vec![0xc1; 32], vec![0x5e; 32]);
    let parameter = TlsMasterParameter { hash: ckm::CKM_SHA256, client_random, server_random };
    MechanismCall::with(mechanism, &parameter).unwrap()
}

fn connection(mac_bits: u32, key_bits: u32, iv_bits: u32) -> MechanismCall {
    let parameter = TlsKeysParameter {
        hash: ckm::CKM_SHA256,
        client_random: vec![0xc1; 32],
        server_random: vec![0x5e; 32],
        mac_bits,
        key_bits,
        iv_bits,
    };
    MechanismCall::with(ckm::CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter).unwrap()
}

#[test]
fn a_premaster_secret_gives_the_master_secret_and_its_version() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, GENERIC, &premaster());
    let open = [flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true)];
    let session_hash: Vec<u8> = (0..48).collect();
    let extended = |mechanism| {
        let session_hash = session_hash.clone();
        let parameter = TlsExtendedMasterParameter { hash: ckm::CKM_SHA384, session_hash };
        MechanismCall::with(mechanism, &parameter).unwrap()
    };
    for (call, expected, version) in [
        (master(ckm::CKM_TLS12_MASTER_KEY_DERIVE), MASTER, &[3, 3][..]),
        (master(ckm::CKM_TLS12_MASTER_KEY_DERIVE_DH), MASTER, &[]),
        (extended(ckm::CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE), EXTENDED, &[3, 3]),
        (extended(ckm::CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH), EXTENDED, &[]),
    ] {
        let (keys, output) = user.derive_all(base, call.clone(), &[&open]).unwrap();
        assert_eq!(output, version);
        assert_eq!((keys.len(), keys[0].key_bits), (1, 384));
        assert_eq!(hex::encode(user.one(keys[0].object, a::VALUE).unwrap()), expected);
        for wrong in [number(a::VALUE_LEN, 47), number(a::KEY_TYPE, AES)] {
            let refused = user.derive(base, call.clone(), &[wrong]);
            assert_eq!(refused.unwrap_err(), E::TemplateInconsistent);
        }
    }
    let other = secret(&user, GENERIC, &[7; 32]);
    let refused = user.derive(other, master(ckm::CKM_TLS12_MASTER_KEY_DERIVE), &[]);
    assert_eq!(refused.unwrap_err(), E::KeySize);
    assert!(user.derive(other, master(ckm::CKM_TLS12_MASTER_KEY_DERIVE_DH), &[]).is_ok());
    // It is for the keys of its connection only.
    let usages = [flag(a::DERIVE, true), flag(a::SIGN, true)];
    let made = user.derive(base, master(ckm::CKM_TLS12_MASTER_KEY_DERIVE), &usages).unwrap();
    assert!(user.derive(made.object, connection(0, 128, 32), &[number(a::KEY_TYPE, AES)]).is_ok());
    let digest = user.derive(made.object, plain(ckm::CKM_SHA256_KEY_DERIVATION), &[]);
    assert_eq!(digest.unwrap_err(), E::MechanismInvalid);
    let wider = bytes(a::ALLOWED_MECHANISMS, ckm::CKM_SHA256_KEY_DERIVATION.to_le_bytes());
    let refused = user.derive(base, master(ckm::CKM_TLS12_MASTER_KEY_DERIVE), &[wider]);
    assert_eq!(refused.unwrap_err(), E::TemplateInconsistent);
    // What is no version is not told of a key that stays: it is a piece of it.
    let call = || master(ckm::CKM_TLS12_MASTER_KEY_DERIVE);
    for (first, is_version) in
        [([3, 0], true), ([3, 3], true), ([2, 3], false), ([3, 4], false), ([0x5e, 0xc1], false)]
    {
        let value = [&first[..], &[9; 46]].concat();
        for stays in [true, false] {
            let secret = user.create(&[
                number(a::CLASS, SECRET),
                number(a::KEY_TYPE, GENERIC),
                bytes(a::VALUE, &value),
                flag(a::DERIVE, true),
                flag(a::SENSITIVE, stays),
                flag(a::EXTRACTABLE, true),
            ]);
            let (_, told) = user.derive_all(secret.unwrap().object, call(), &[&open]).unwrap();
            assert_eq!(told, if is_version || !stays { first } else { [0, 0] });
        }
    }
}

#[test]
fn a_master_secret_gives_the_keys_of_a_connection() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, GENERIC, &hex::decode(MASTER).unwrap());
    let aes = [number(a::KEY_TYPE, AES)];
    let (keys, vectors) = user.derive_all(base, connection(256, 128, 32), &[&aes]).unwrap();
    let values = keys.iter().map(|key| user.one(key.object, a::VALUE).unwrap());
    assert_eq!(hex::encode([values.collect::<Vec<_>>().concat(), vectors].concat()), BLOCK);
    for (index, key) in keys.iter().enumerate() {
        let is_code = index < 2;
        assert_eq!(key.key_type, if is_code { GENERIC } else { AES });
        for usage in [a::SIGN, a::VERIFY] {
            assert!(!is_code || user.is(key.object, usage));
        }
        for usage in [a::ENCRYPT, a::DECRYPT] {
            assert_eq!(user.is(key.object, usage), !is_code);
        }
        assert!(user.is(key.object, a::DERIVE));
        assert!(!user.is(key.object, a::SENSITIVE) && user.is(key.object, a::EXTRACTABLE));
    }
    // An authenticated cipher has no keys for codes.
    let (keys, vectors) = user.derive_all(base, connection(0, 256, 32), &[&aes]).unwrap();
    assert_eq!((keys.len(), keys[0].key_bits, vectors.len()), (2, 256, 8));
    // And a suite without encryption has no other.
    let (keys, vectors) = user.derive_all(base, connection(160, 0, 0), &[&[]]).unwrap();
    assert_eq!((keys.len(), keys[0].key_bits, vectors.len()), (2, 160, 0));
    for (template, code) in [
        (vec![flag(a::SENSITIVE, true)], E::TemplateInconsistent),
        (vec![flag(a::EXTRACTABLE, false)], E::TemplateInconsistent),
        (vec![number(a::VALUE_LEN, 32)], E::TemplateInconsistent),
    ] {
        let refused = user.derive_all(base, connection(256, 128, 32), &[&template]);
        assert_eq!(refused.unwrap_err(), code, "{template:?}");
    }
    for call in [connection(0, 0, 32), connection(7, 128, 0), connection(0, 4096, 0)] {
        let refused = user.derive_all(base, call, &[&aes]);
        assert_eq!(refused.unwrap_err(), E::MechanismParameter);
    }
    let refused = user.derive_all(base, connection(0, 128, 0), &[&aes, &aes]);
    assert_eq!(refused.unwrap_err(), E::MechanismParameter);
    // A master secret that does not leave makes keys that do not.
    let more = [number(a::CLASS, SECRET), number(a::KEY_TYPE, GENERIC), flag(a::DERIVE, true)];
    let value = [bytes(a::VALUE, hex::decode(MASTER).unwrap())];
    let kept = user.create(&[&more[..], &value].concat()).unwrap().object;
    let (keys, _) = user.derive_all(kept, connection(256, 128, 0), &[&aes]).unwrap();
    for key in keys {
        assert!(user.is(key.object, a::SENSITIVE) && !user.is(key.object, a::EXTRACTABLE));
        assert_eq!(user.one(key.object, a::VALUE), Err(E::AttributeSensitive));
    }
}

#[test]
fn a_master_secret_exports_keys_and_ends_handshakes() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, GENERIC, &hex::decode(MASTER).unwrap());
    for mechanism in [ckm::CKM_TLS12_KDF, ckm::CKM_TLS_KDF] {
        let parameter = export();
        let call = MechanismCall::with(mechanism, &parameter).unwrap();
        let key = user.derive(base, call, &readable(40)).unwrap();
        let expected =
            "c44d5962a21e8e6de4873a3e418857edfd6c227d4c08b68f69aa1b2b7c5ff183d472ddc588a770ae";
        assert_eq!(hex::encode(user.one(key.object, a::VALUE).unwrap()), expected);
        for wrong in [
            TlsKdfParameter { label: Vec::new(), ..parameter.clone() },
            TlsKdfParameter { client_random: vec![0; 31], ..parameter.clone() },
            TlsKdfParameter { hash: ckm::CKM_SHA256_HMAC, ..parameter },
        ] {
            let call = MechanismCall::with(mechanism, &wrong).unwrap();
            assert_eq!(user.derive(base, call, &readable(40)).unwrap_err(), E::MechanismParameter);
        }
    }
    let digest: Vec<u8> = (0..32).collect();
    for mechanism in [ckm::CKM_TLS12_MAC, ckm::CKM_TLS_MAC] {
        for (side, expected) in [(2, "bd7a1efe16865a3f76cce656"), (1, "779b9ae525c0af6274bb9b4c")] {
            let mac = TlsMacParameter { hash: ckm::CKM_SHA256, length: 12, side };
            let call = || MechanismCall::with(mechanism, &mac).unwrap();
            let code = user.sign(base, call(), &digest).unwrap();
            assert_eq!(hex::encode(&code), expected);
            assert_eq!(user.verify(base, call(), &digest, &code), Ok(()));
            assert_eq!(user.verify(base, call(), &digest, &code[1..]), Err(E::SignatureLength));
            assert_eq!(user.verify(base, call(), &digest[1..], &code), Err(E::SignatureInvalid));
        }
        for (side, length) in [(0, 12), (3, 12), (1, 0), (1, 11), (1, 65)] {
            let mac = TlsMacParameter { hash: ckm::CKM_SHA256, length, side };
            let call = MechanismCall::with(mechanism, &mac).unwrap();
            assert_eq!(user.sign(base, call, &digest), Err(E::MechanismParameter));
        }
    }
}
