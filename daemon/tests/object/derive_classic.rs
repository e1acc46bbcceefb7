//! Keys made of other keys and data: what comes out, and how secret it is.

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{
    BitParameter, CbcDataParameter, DataParameter, KeyParameter, MechanismCall, Pbkdf2Parameter,
    ckm,
};

use super::support::*;

fn secret(user: &Session, kind: u64, value: &[u8], more: &[Attribute]) -> u32 {
    let template = [number(a::CLASS, SECRET), number(a::KEY_TYPE, kind), bytes(a::VALUE, value)];
    let derives = [flag(a::DERIVE, true)];
    user.create(&[&template[..], &derives, more].concat()).unwrap().object
}

/// What may be read, and does not keep what is made of it from being read.
const OPEN: [(u64, bool); 2] = [(a::SENSITIVE, false), (a::EXTRACTABLE, true)];

fn open() -> Vec<Attribute> {
    OPEN.map(|(kind, value)| flag(kind, value)).to_vec()
}

fn data(mechanism: u64, data: &[u8]) -> MechanismCall {
    MechanismCall::with(mechanism, &DataParameter { data: data.to_vec() }).unwrap()
}

fn bit(bit: u64) -> MechanismCall {
    MechanismCall::with(ckm::CKM_EXTRACT_KEY_FROM_KEY, &BitParameter { bit }).unwrap()
}

fn with_key(key: u32) -> MechanismCall {
    let parameter = KeyParameter { key: key.into() };
    MechanismCall::with(ckm::CKM_CONCATENATE_BASE_AND_KEY, &parameter).unwrap()
}

/// Derives a readable key and reads it.
fn value(user: &Session, base: u32, call: MechanismCall, more: &[Attribute]) -> Coded<Vec<u8>> {
    let key = user.derive(base, call, &[open(), more.to_vec()].concat())?;
    user.one(key.object, a::VALUE)
}

#[test]
fn keys_and_data_are_put_together_as_the_mechanism_says() {
    let device = Device::new();
    let user = device.user();
    for kind in [GENERIC, AES] {
        let base = secret(&user, kind, b"0123456789abcdef", &open());
        let other = secret(&user, GENERIC, b"other", &open());
        let length = |bytes| [number(a::VALUE_LEN, bytes)];
        assert_eq!(value(&user, base, with_key(other), &[]).unwrap(), b"0123456789abcdefother");
        assert_eq!(
            value(&user, base, with_key(other), &length(18)).unwrap(),
            b"0123456789abcdefot"
        );
        assert_eq!(value(&user, base, with_key(other), &length(22)), Err(E::KeySize));
        let behind = data(ckm::CKM_CONCATENATE_BASE_AND_DATA, b"data");
        assert_eq!(value(&user, base, behind, &[]).unwrap(), b"0123456789abcdefdata");
        let before = data(ckm::CKM_CONCATENATE_DATA_AND_BASE, b"data");
        assert_eq!(value(&user, base, before.clone(), &[]).unwrap(), b"data0123456789abcdef");
        assert_eq!(value(&user, base, before, &length(3)).unwrap(), b"dat");
        let xor = data(ckm::CKM_XOR_BASE_AND_DATA, &[1; 4]);
        assert_eq!(value(&user, base, xor.clone(), &[]).unwrap(), b"1032");
        assert_eq!(value(&user, base, xor, &length(5)), Err(E::KeySize));
        let long = data(ckm::CKM_XOR_BASE_AND_DATA, &[0; 40]);
        assert_eq!(value(&user, base, long, &[]).unwrap(), b"0123456789abcdef");
        assert_eq!(value(&user, base, bit(8), &length(3)).unwrap(), b"123");
        assert_eq!(value(&user, base, bit(120), &length(3)).unwrap(), b"f01");
        assert_eq!(value(&user, base, bit(128), &length(3)), Err(E::MechanismParameter));
        assert_eq!(value(&user, base, bit(0), &[]), Err(E::TemplateIncomplete));
        let aes = [number(a::KEY_TYPE, AES), number(a::VALUE_LEN, 16)];
        let key = user.derive(base, with_key(other), &aes).unwrap();
        assert_eq!((key.key_type, key.key_bits), (AES, 128));
        let nothing = data(ckm::CKM_XOR_BASE_AND_DATA, &[]);
        assert!(value(&user, base, nothing, &[]).is_err());
    }
    let base = secret(&user, GENERIC, &[7; 1000], &open());
    let longer = data(ckm::CKM_CONCATENATE_BASE_AND_DATA, &[0; 25]);
    assert_eq!(value(&user, base, longer, &[]), Err(E::KeySize));
}

#[test]
fn the_digest_of_a_key_is_a_key_with_every_hash() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, GENERIC, b"abc", &open());
    // FIPS 180-4 and FIPS 202, of "abc".
    for (mechanism, first, length) in [
        (ckm::CKM_SHA1_KEY_DERIVATION, "a9993e36", 20),
        (ckm::CKM_SHA224_KEY_DERIVATION, "23097d22", 28),
        (ckm::CKM_SHA256_KEY_DERIVATION, "ba7816bf", 32),
        (ckm::CKM_SHA384_KEY_DERIVATION, "cb00753f", 48),
        (ckm::CKM_SHA512_KEY_DERIVATION, "ddaf35a1", 64),
        (ckm::CKM_SHA512_224_KEY_DERIVATION, "4634270f", 28),
        (ckm::CKM_SHA512_256_KEY_DERIVATION, "53048e26", 32),
        (ckm::CKM_SHA3_224_KEY_DERIVATION, "e642824c", 28),
        (ckm::CKM_SHA3_256_KEY_DERIVATION, "3a985da7", 32),
        (ckm::CKM_SHA3_384_KEY_DERIVATION, "ec014982", 48),
        (ckm::CKM_SHA3_512_KEY_DERIVATION, "b751850b", 64),
    ] {
        let whole = value(&user, base, plain(mechanism), &[]).unwrap();
        assert_eq!((hex::encode(&whole[..4]), whole.len()), (first.to_owned(), length));
        let short = value(&user, base, plain(mechanism), &[number(a::VALUE_LEN, 10)]).unwrap();
        assert_eq!(short, whole[..10]);
        let long = [number(a::VALUE_LEN, length as u64 + 1)];
        assert_eq!(value(&user, base, plain(mechanism), &long), Err(E::KeySize));
    }
}

#[test]
fn encrypted_data_is_a_key() {
    let device = Device::new();
    let user = device.user();
    // SP 800-38A sections F.1.1 and F.2.1, two blocks.
    let key = hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap();
    let blocks =
        hex::decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51").unwrap();
    let base = secret(&user, AES, &key, &[]);
    let ecb = |blocks: &[u8]| data(ckm::CKM_AES_ECB_ENCRYPT_DATA, blocks);
    let iv = core::array::from_fn(|index| u8::try_from(index).unwrap());
    let cbc = |data: &[u8]| {
        let parameter = CbcDataParameter { iv, data: data.to_vec() };
        MechanismCall::with(ckm::CKM_AES_CBC_ENCRYPT_DATA, &parameter).unwrap()
    };
    let expected = "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf";
    assert_eq!(hex::encode(value(&user, base, ecb(&blocks), &[]).unwrap()), expected);
    let expected = "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2";
    assert_eq!(hex::encode(value(&user, base, cbc(&blocks), &[]).unwrap()), expected);
    let short = value(&user, base, cbc(&blocks), &[number(a::VALUE_LEN, 20)]).unwrap();
    assert_eq!(hex::encode(short), expected[..40]);
    let long = [number(a::VALUE_LEN, 33)];
    for call in [ecb(&blocks), cbc(&blocks)] {
        assert_eq!(value(&user, base, call, &long), Err(E::MechanismParameter));
    }
    for call in [ecb(&blocks[1..]), cbc(&blocks[1..])] {
        assert_eq!(value(&user, base, call, &[]), Err(E::MechanismParameter));
    }
    let generic = secret(&user, GENERIC, &key, &[]);
    assert_eq!(value(&user, generic, ecb(&blocks), &[]), Err(E::KeyTypeInconsistent));
}

#[test]
fn what_gives_a_key_away_is_as_secret_as_that_key() {
    let device = Device::new();
    let user = device.user();
    let other = secret(&user, GENERIC, b"other", &open());
    let sensitive = secret(&user, GENERIC, b"0123456789abcdef", &[flag(a::EXTRACTABLE, true)]);
    let kept = secret(&user, GENERIC, b"0123456789abcdef", &[flag(a::SENSITIVE, false)]);
    let calls = || {
        [
            with_key(other),
            data(ckm::CKM_CONCATENATE_BASE_AND_DATA, b"data"),
            data(ckm::CKM_CONCATENATE_DATA_AND_BASE, b"data"),
            data(ckm::CKM_XOR_BASE_AND_DATA, &[1; 16]),
        ]
    };
    for call in calls() {
        let derive = |base, more: &[Attribute]| user.derive(base, call.clone(), more);
        let read = derive(sensitive, &[flag(a::SENSITIVE, false)]);
        assert_eq!(read.unwrap_err(), E::TemplateInconsistent);
        let out = derive(kept, &[flag(a::EXTRACTABLE, true)]);
        assert_eq!(out.unwrap_err(), E::TemplateInconsistent);
        let key = derive(sensitive, &[flag(a::EXTRACTABLE, true)]).unwrap().object;
        assert!(user.is(key, a::SENSITIVE) && user.is(key, a::EXTRACTABLE));
        let key = derive(kept, &[flag(a::SENSITIVE, false)]).unwrap().object;
        assert!(!user.is(key, a::SENSITIVE) && !user.is(key, a::EXTRACTABLE));
        let free = derive(other, &open());
        assert!(free.is_ok());
    }
    // The second key counts as well.
    let read = user.derive(other, with_key(sensitive), &open());
    assert_eq!(read.unwrap_err(), E::TemplateInconsistent);
    let key = user.derive(other, with_key(kept), &[]).unwrap().object;
    assert!(!user.is(key, a::EXTRACTABLE));
    // What only a one-way function makes of it may be read.
    let digest = user.derive(sensitive, plain(ckm::CKM_SHA256_KEY_DERIVATION), &open());
    assert!(user.one(digest.unwrap().object, a::VALUE).is_ok());
    // Both must always have been secret for the result to have been.
    let derives = [number(a::VALUE_LEN, 16), flag(a::DERIVE, true)];
    let here = user.generate(ckm::CKM_GENERIC_SECRET_KEY_GEN, &derives).unwrap().object;
    for (second, always) in [(here, true), (sensitive, false)] {
        let key = user.derive(here, with_key(second), &[]).unwrap().object;
        assert_eq!(user.is(key, a::ALWAYS_SENSITIVE), always);
        assert_eq!(user.is(key, a::NEVER_EXTRACTABLE), always);
    }
    let idle = user.aes(&[]).object;
    assert_eq!(user.derive(other, with_key(idle), &[]).unwrap_err(), E::KeyNotPermitted);
    assert_eq!(user.derive(other, with_key(999), &[]).unwrap_err(), E::KeyInvalid);
}

/// A piece of a key is found by trying: its checksum tells whether a guess is right.
#[test]
fn a_key_that_stays_gives_no_piece_of_itself() {
    let device = Device::new();
    let user = device.user();
    let value = b"0123456789abcdef";
    let other = secret(&user, GENERIC, b"other", &open());
    let length = |bytes| [number(a::VALUE_LEN, bytes)];
    for (sensitive, extractable) in [(true, true), (false, false), (true, false)] {
        let more = [flag(a::SENSITIVE, sensitive), flag(a::EXTRACTABLE, extractable)];
        for kind in [GENERIC, AES] {
            let base = secret(&user, kind, value, &more);
            for at in [0, 8, 120] {
                for bytes in [1, 14, 16] {
                    let piece = user.derive(base, bit(at), &length(bytes));
                    assert_eq!(piece.unwrap_err(), E::KeyNotPermitted, "{at} {bytes}");
                }
            }
            for (call, own) in [
                (with_key(other), 0),
                (data(ckm::CKM_CONCATENATE_BASE_AND_DATA, b"data"), 0),
                (data(ckm::CKM_CONCATENATE_DATA_AND_BASE, b"data"), 4),
                (data(ckm::CKM_XOR_BASE_AND_DATA, &[0; 16]), 0),
            ] {
                for bytes in [1, 15] {
                    let piece = user.derive(base, call.clone(), &length(own + bytes));
                    assert_eq!(piece.unwrap_err(), E::KeySize, "{call:?} {bytes}");
                }
                let whole = user.derive(base, call, &length(own + 16)).unwrap();
                assert_eq!(u64::from(whole.key_bits), 8 * (own + 16));
            }
            let xor = data(ckm::CKM_XOR_BASE_AND_DATA, &[0]);
            assert_eq!(user.derive(base, xor, &[]).unwrap_err(), E::KeySize);
            // Nor does it as the second key; nothing of it or all of it may go in.
            for (bytes, outcome) in
                [(5, Ok(40)), (6, Err(E::KeySize)), (20, Err(E::KeySize)), (21, Ok(168))]
            {
                let made = user.derive(other, with_key(base), &length(bytes));
                assert_eq!(made.map(|key| key.key_bits), outcome, "{bytes}");
            }
        }
    }
}

#[test]
fn a_key_is_cut_up_that_was_made_for_it() {
    let device = Device::new();
    let user = device.user();
    let allowed = |numbers: &[u64]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes(a::ALLOWED_MECHANISMS, numbers)
    };
    let length = |bytes| number(a::VALUE_LEN, bytes);
    let value = b"0123456789abcdef";
    let cuts = [ckm::CKM_EXTRACT_KEY_FROM_KEY, ckm::CKM_XOR_BASE_AND_DATA];
    let stream = secret(&user, GENERIC, value, &[allowed(&cuts)]);
    assert_eq!(user.derive(stream, bit(8), &[length(4)]).unwrap().key_bits, 32);
    let xor = |bytes: &[u8]| data(ckm::CKM_XOR_BASE_AND_DATA, bytes);
    assert_eq!(user.derive(stream, xor(&[1; 4]), &[]).unwrap().key_bits, 32);
    let copy = user.derive(stream, xor(&[0; 16]), &[allowed(&cuts)]);
    assert!(copy.is_ok());
    // A key that was not does not become one by being copied.
    let key = secret(&user, GENERIC, value, &[]);
    for cut in [cuts[0], ckm::CKM_CONCATENATE_BASE_AND_KEY] {
        let copy = user.derive(key, xor(&[0; 16]), &[allowed(&[cut])]);
        assert_eq!(copy.unwrap_err(), E::TemplateInconsistent);
        let copy = user.derive(stream, with_key(key), &[allowed(&[cut])]);
        assert_eq!(copy.unwrap_err(), E::MechanismInvalid);
        let other = secret(&user, GENERIC, b"other", &open());
        let copy = user.derive(other, with_key(key), &[allowed(&[cut])]);
        assert_eq!(copy.unwrap_err(), E::TemplateInconsistent);
    }
    let digest = user.derive(key, xor(&[0; 16]), &[allowed(&[ckm::CKM_SHA256_KEY_DERIVATION])]);
    assert!(digest.is_ok());
    // What a one-way function made may be cut up.
    let template = [allowed(&cuts), flag(a::DERIVE, true)];
    let stream = user.derive(key, plain(ckm::CKM_SHA256_KEY_DERIVATION), &template).unwrap();
    assert!(user.derive(stream.object, bit(0), &[length(16)]).is_ok());
}

#[test]
fn a_password_makes_the_keys_of_the_standard() {
    let device = Device::new();
    let user = device.user();
    let call = |prf, salt: &[u8], iterations| {
        let parameter = Pbkdf2Parameter { salt: salt.to_vec(), iterations, prf };
        MechanismCall::with(ckm::CKM_PKCS5_PBKD2, &parameter).unwrap()
    };
    let long_salt = b"saltSALTsaltSALTsaltSALTsaltSALTsalt";
    // RFC 6070; RFC 7914 section 11; the last as OpenSSL computes it.
    for (prf, password, salt, iterations, key) in [
        (1, &b"password"[..], &b"salt"[..], 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            1,
            b"passwordPASSWORDpassword",
            long_salt,
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        ),
        (
            4,
            b"passwd",
            b"salt",
            1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
        ),
    ] {
        let length = number(a::VALUE_LEN, key.len() as u64 / 2);
        let template = [open(), vec![length]].concat();
        let made = user.generate_from(call(prf, salt, iterations), &template, password).unwrap();
        assert_eq!(made.key_type, GENERIC);
        assert_eq!(user.one(made.object, a::VALUE), Ok(hex::decode(key).unwrap()));
        assert!(user.is(made.object, a::LOCAL));
    }
    let aes = [number(a::KEY_TYPE, AES), number(a::VALUE_LEN, 32), flag(a::TOKEN, true)];
    let made = user.generate_from(call(6, b"salt", 10), &aes, b"").unwrap();
    assert_eq!((made.key_type, made.key_bits), (AES, 256));
    assert_eq!(user.decrypt(made.object, gcm(), &[0; 16]), Err(E::EncryptedDataInvalid));
    let refused = |call, template: &[Attribute], password: &[u8]| {
        user.generate_from(call, template, password).unwrap_err()
    };
    assert_eq!(refused(call(4, b"salt", 1), &aes[..1], b"x"), E::TemplateIncomplete);
    let odd = [number(a::KEY_TYPE, AES), number(a::VALUE_LEN, 17)];
    assert_eq!(refused(call(4, b"salt", 1), &odd, b"x"), E::AttributeValue);
    let pair = [number(a::KEY_TYPE, RSA), number(a::VALUE_LEN, 17)];
    assert!(user.generate_from(call(4, b"salt", 1), &pair, b"x").is_err());
    for wrong in
        [call(2, b"salt", 1), call(9, b"salt", 1), call(4, b"", 0), call(4, b"", 10_000_001)]
    {
        assert_eq!(refused(wrong, &aes, b"x"), E::MechanismParameter);
    }
    // Two blocks of five million iterations are as many as may be.
    let long = [number(a::VALUE_LEN, 33)];
    assert_eq!(refused(call(4, b"", 5_000_001), &long, b"x"), E::MechanismParameter);
    assert_eq!(refused(call(4, b"salt", 1), &aes, &[0; 1025]), E::MechanismParameter);
    assert_eq!(refused(plain(ckm::CKM_AES_KEY_GEN), &aes, b"x"), E::Malformed);
}

#[test]
fn a_private_key_gives_its_public_half() {
    let device = Device::new();
    let user = device.user();
    let call = || plain(ckm::CKM_PUB_KEY_FROM_PRIV_KEY);
    let p256 = || bytes(a::EC_PARAMS, P256);
    let ed25519 = || bytes(a::EC_PARAMS, hex::decode("06032b6570").unwrap());
    for (mechanism, public, sign) in [
        (ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, number(a::MODULUS_BITS, 2048), ckm::CKM_SHA256_RSA_PKCS),
        (ckm::CKM_EC_KEY_PAIR_GEN, p256(), ckm::CKM_ECDSA_SHA256),
        (ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN, ed25519(), ckm::CKM_EDDSA),
    ] {
        let private = [flag(a::DERIVE, true), bytes(a::ID, b"pair")];
        let pair = user.generate_pair(mechanism, &[public], &private).unwrap();
        let (old, key) = (pair.public.object, pair.private.object);
        let more = [bytes(a::LABEL, b"again"), flag(a::TOKEN, true)];
        let new = user.derive(key, call(), &more).unwrap();
        assert_eq!((new.class, new.key_type), (PUBLIC, pair.public.key_type));
        for kind in [a::PUBLIC_KEY_INFO, a::ID, a::KEY_TYPE] {
            assert_eq!(user.one(new.object, kind), user.one(old, kind), "{kind:#x}");
        }
        let signature = user.sign(key, plain(sign), b"message").unwrap();
        assert_eq!(user.verify(new.object, plain(sign), b"message", &signature), Ok(()));
        assert!(!user.is(new.object, a::LOCAL));
        for wrong in [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES)] {
            let refused = user.derive(key, call(), &[wrong]);
            assert_eq!(refused.unwrap_err(), E::TemplateInconsistent);
        }
        assert_eq!(user.derive(old, call(), &[]).unwrap_err(), E::KeyTypeInconsistent);
    }
    let idle = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &[p256()], &[]).unwrap();
    let refused = user.derive(idle.private.object, call(), &[]);
    assert_eq!(refused.unwrap_err(), E::KeyNotPermitted);
}
