//! One object of every class and key type, made in every way that there is.

use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Hash, ckm};

use super::support::*;

/// How an object came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Import,
    Generation,
    Unwrapping,
    Derivation,
    Nobody,
}

/// An object with what is to be known of it.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) object: u32,
    pub(crate) class: u64,
    pub(crate) key_type: Option<KeyType>,
    pub(crate) by: By,
}

pub(crate) const DOMAIN: u64 = 6;
pub(crate) const MECHANISM: u64 = 7;
pub(crate) const PROFILE: u64 = 9;
pub(crate) const TRUST: u64 = 11;

const HASHES: [Hash; 11] = [
    Hash::Sha1,
    Hash::Sha224,
    Hash::Sha256,
    Hash::Sha384,
    Hash::Sha512,
    Hash::Sha512_224,
    Hash::Sha512_256,
    Hash::Sha3_224,
    Hash::Sha3_256,
    Hash::Sha3_384,
    Hash::Sha3_512,
];

/// Every one of them, with no more in its template than it needs.
pub(crate) fn all(user: &Session) -> Vec<Subject> {
    let mut all = statements(user);
    all.extend(secrets(user));
    all.extend(pairs(user));
    all.extend(builtin(user));
    all
}

fn imported(user: &Session, class: u64, key_type: Option<KeyType>, more: &[Attribute]) -> Subject {
    let named = key_type.and_then(KeyType::ckk).map(|ckk| number(a::KEY_TYPE, ckk));
    let template: Vec<_> =
        [number(a::CLASS, class)].into_iter().chain(named).chain(more.iter().cloned()).collect();
    let object = user.create(&template).unwrap().object;
    let name = format!("class {class}, {key_type:?}, imported");
    Subject { name, object, class, key_type, by: By::Import }
}

fn statements(user: &Session) -> Vec<Subject> {
    let names = [bytes(a::ISSUER, [0x30, 0]), bytes(a::SERIAL_NUMBER, [2, 1, 7])];
    let group = |key_type: u64, more: &[Attribute]| {
        let numbers = [number(a::KEY_TYPE, key_type), bytes(a::PRIME, [0x17]), bytes(a::BASE, [5])];
        imported(user, DOMAIN, None, &[&numbers[..], more].concat())
    };
    vec![
        imported(user, DATA, None, &[]),
        imported(user, CERTIFICATE, None, &[bytes(a::VALUE, certificate())]),
        imported(user, TRUST, None, &names),
        group(1, &[bytes(a::SUBPRIME, [11])]),
        group(2, &[]),
        group(4, &[bytes(a::SUBPRIME, [11])]),
    ]
}

fn secrets(user: &Session) -> Vec<Subject> {
    let mut all = Vec::new();
    let mut kinds = vec![
        (KeyType::GenericSecret, ckm::CKM_GENERIC_SECRET_KEY_GEN, 32),
        (KeyType::Aes, ckm::CKM_AES_KEY_GEN, 16),
        (KeyType::AesXts, ckm::CKM_AES_XTS_KEY_GEN, 64),
        (KeyType::ChaCha20, ckm::CKM_CHACHA20_KEY_GEN, 32),
        (KeyType::Hkdf, ckm::CKM_HKDF_KEY_GEN, 32),
        (KeyType::HmacSha512T, ckm::CKM_SHA512_T_KEY_GEN, 32),
    ];
    let makers = [
        ckm::CKM_SHA_1_KEY_GEN,
        ckm::CKM_SHA224_KEY_GEN,
        ckm::CKM_SHA256_KEY_GEN,
        ckm::CKM_SHA384_KEY_GEN,
        ckm::CKM_SHA512_KEY_GEN,
        ckm::CKM_SHA512_224_KEY_GEN,
        ckm::CKM_SHA512_256_KEY_GEN,
        ckm::CKM_SHA3_224_KEY_GEN,
        ckm::CKM_SHA3_256_KEY_GEN,
        ckm::CKM_SHA3_384_KEY_GEN,
        ckm::CKM_SHA3_512_KEY_GEN,
    ];
    kinds
        .extend(HASHES.into_iter().zip(makers).map(|(hash, made)| (KeyType::Hmac(hash), made, 32)));
    for (key_type, mechanism, length) in kinds {
        let value: Vec<u8> = (0..length).collect();
        all.push(imported(user, SECRET, Some(key_type), &[bytes(a::VALUE, value)]));
        let length = [number(a::VALUE_LEN, length.into())];
        let object = user.generate(mechanism, &length).unwrap().object;
        let (name, class) = (format!("{key_type:?}, generated"), SECRET);
        all.push(Subject { name, object, class, key_type: Some(key_type), by: By::Generation });
    }
    let wrapping = user.aes(&[]).object;
    let inner = user.aes(&[flag(a::EXTRACTABLE, true)]).object;
    let wrapped = user.wrap(wrapping, plain(ckm::CKM_AES_KEY_WRAP_KWP), inner).unwrap();
    let aes = [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES)];
    let object = user.unwrap(wrapping, plain(ckm::CKM_AES_KEY_WRAP_KWP), &wrapped, &aes).unwrap();
    let key_type = Some(KeyType::Aes);
    all.push(Subject {
        name: "AES, unwrapped".to_owned(),
        object: object.object,
        class: SECRET,
        key_type,
        by: By::Unwrapping,
    });
    let base = user.generate(ckm::CKM_HKDF_KEY_GEN, &[number(a::VALUE_LEN, 32)]).unwrap().object;
    let derived = [&aes[..], &[number(a::VALUE_LEN, 32)]].concat();
    let object = user.derive(base, hkdf(), &derived).unwrap().object;
    let name = "AES, derived".to_owned();
    all.push(Subject { name, object, class: SECRET, key_type, by: By::Derivation });
    for one in [wrapping, inner, base] {
        user.destroy(one).unwrap();
    }
    all
}

fn pairs(user: &Session) -> Vec<Subject> {
    let curve = |name: &str| bytes(a::EC_PARAMS, hex::decode(name).unwrap());
    let p256 = bytes(a::EC_PARAMS, P256);
    let mut all = Vec::new();
    for (key_type, mechanism, special) in [
        (KeyType::Rsa, ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, number(a::MODULUS_BITS, 2048)),
        (KeyType::Ec, ckm::CKM_EC_KEY_PAIR_GEN, p256.clone()),
        (KeyType::EcEdwards, ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN, curve("06032b6570")),
        (KeyType::EcMontgomery, ckm::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, curve("06032b656e")),
    ] {
        let pair = user.generate_pair(mechanism, &[special], &[]).unwrap();
        for (class, object) in [(PUBLIC, pair.public.object), (PRIVATE, pair.private.object)] {
            let name = format!("class {class}, {key_type:?}, generated");
            let key_type = Some(key_type);
            all.push(Subject { name, object, class, key_type, by: By::Generation });
        }
    }
    let numbers = [bytes(a::MODULUS, rsa("modulus")), bytes(a::PUBLIC_EXPONENT, [1, 0, 1])];
    all.push(imported(user, PUBLIC, Some(KeyType::Rsa), &numbers));
    let secret = [bytes(a::PRIVATE_EXPONENT, rsa("private_exponent"))];
    all.push(imported(user, PRIVATE, Some(KeyType::Rsa), &[&numbers[..], &secret].concat()));
    // RFC 6979 section A.2.5.
    let x = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
    let x = bytes(a::VALUE, hex::decode(x).unwrap());
    all.push(imported(user, PRIVATE, Some(KeyType::Ec), &[p256.clone(), x]));
    let point = user.one(all.last().unwrap().object, a::EC_POINT).unwrap();
    all.push(imported(user, PUBLIC, Some(KeyType::Ec), &[p256, bytes(a::EC_POINT, point)]));
    all
}

/// What the token has of itself.
fn builtin(user: &Session) -> Vec<Subject> {
    [PROFILE, MECHANISM]
        .map(|class| {
            let object = user.find(&[number(a::CLASS, class)])[0];
            let name = format!("class {class}");
            Subject { name, object, class, key_type: None, by: By::Nobody }
        })
        .into()
}
