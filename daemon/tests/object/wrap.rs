//! Keys that leave and come back, by every mechanism that wraps.

use coffer_daemon::crypto::ecdsa::Curve;
use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{
    EcdhAesParameter, GcmParameter, IvParameter, MechanismCall, OaepParameter, RsaAesParameter, ckm,
};
use coffer_protocol::weak::WeakKeys;

use super::support::*;

pub(crate) const EDWARDS: u64 = 0x40;

pub(crate) fn cbc() -> MechanismCall {
    MechanismCall::with(ckm::CKM_AES_CBC_PAD, &IvParameter { iv: [9; 16] }).unwrap()
}

pub(crate) fn kw() -> MechanismCall {
    plain(ckm::CKM_AES_KEY_WRAP)
}

pub(crate) fn kwp() -> MechanismCall {
    plain(ckm::CKM_AES_KEY_WRAP_KWP)
}

pub(crate) fn oaep_parameter() -> OaepParameter {
    OaepParameter { hash: ckm::CKM_SHA256, mgf: 2, label: b"label".to_vec() }
}

pub(crate) fn oaep() -> MechanismCall {
    MechanismCall::with(ckm::CKM_RSA_PKCS_OAEP, &oaep_parameter()).unwrap()
}

pub(crate) fn rsa_aes() -> MechanismCall {
    let parameter = RsaAesParameter { aes_bits: 256, oaep: oaep_parameter() };
    MechanismCall::with(ckm::CKM_RSA_AES_KEY_WRAP, &parameter).unwrap()
}

pub(crate) fn extractable() -> Attribute {
    flag(a::EXTRACTABLE, true)
}

pub(crate) fn readable(class: u64, key_type: u64) -> Vec<Attribute> {
    vec![
        number(a::CLASS, class),
        number(a::KEY_TYPE, key_type),
        flag(a::SENSITIVE, false),
        extractable(),
    ]
}

pub(crate) fn secret(user: &Session, key_type: u64, value: &[u8], more: &[Attribute]) -> u32 {
    let template = [&readable(SECRET, key_type)[..], &[bytes(a::VALUE, value)], more].concat();
    user.create(&template).unwrap().object
}

/// The two halves of an RSA-2048 key; both wrap and unwrap.
pub(crate) fn rsa_pair(user: &Session) -> (u32, u32) {
    rsa_pair_in(user, include_str!("../vectors/rsa2048.txt"))
}

/// The two halves of the RSA key in a file.
pub(crate) fn rsa_pair_in(user: &Session, file: &str) -> (u32, u32) {
    let rsa = |name| number_in(file, name);
    let public = [
        number(a::CLASS, PUBLIC),
        number(a::KEY_TYPE, RSA),
        bytes(a::MODULUS, rsa("modulus")),
        bytes(a::PUBLIC_EXPONENT, rsa("public_exponent")),
    ];
    let private = [
        &readable(PRIVATE, RSA)[..],
        &public[2..],
        &[
            bytes(a::PRIVATE_EXPONENT, rsa("private_exponent")),
            bytes(a::PRIME_1, rsa("prime_1")),
            bytes(a::PRIME_2, rsa("prime_2")),
        ],
    ];
    (user.create(&public).unwrap().object, user.create(&private.concat()).unwrap().object)
}

pub(crate) fn pair(user: &Session, key_type: u64, curve: &str) -> (u32, u32) {
    let generate = match key_type {
        EDWARDS => ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN,
        _ => ckm::CKM_EC_KEY_PAIR_GEN,
    };
    let public = [bytes(a::EC_PARAMS, hex::decode(curve).unwrap())];
    let made = user.generate_pair(generate, &public, &[extractable()]).unwrap();
    (made.public.object, made.private.object)
}

#[test]
fn the_largest_rsa_key_wraps_others_and_itself() {
    let device = Device::new();
    let user = device.user();
    let (public, private) = rsa_pair_in(&user, include_str!("../vectors/rsa8192.txt"));
    let value = vec![7; 32];
    let aes = secret(&user, AES, &value, &[]);
    for (mechanism, length) in
        [(plain(ckm::CKM_RSA_PKCS), 1024), (oaep(), 1024), (rsa_aes(), 1024 + 40)]
    {
        let wrapped = user.wrap(public, mechanism.clone(), aes).unwrap();
        assert_eq!(wrapped.len(), length, "{mechanism:?}");
        let template = [&readable(SECRET, AES)[..], &[number(a::VALUE_LEN, 32)]].concat();
        let back = user.unwrap(private, mechanism, &wrapped, &template).unwrap();
        assert_eq!(user.one(back.object, a::VALUE), Ok(value.clone()));
    }
    let wrapped = user.wrap(public, rsa_aes(), private).unwrap();
    let back = user.unwrap(private, rsa_aes(), &wrapped, &readable(PRIVATE, RSA)).unwrap();
    assert_eq!(back.key_bits, 8192);
    for kind in [a::MODULUS, a::PRIVATE_EXPONENT, a::PRIME_1, a::EXPONENT_2, a::COEFFICIENT] {
        assert_eq!(user.one(back.object, kind), user.one(private, kind), "{kind:#x}");
    }
    let copy = user.copy(back.object, &[flag(a::TOKEN, true)]).unwrap();
    let signs = plain(ckm::CKM_SHA3_256_RSA_PKCS);
    let signature = user.sign(copy.object, signs.clone(), b"signed").unwrap();
    user.verify(public, signs, b"signed", &signature).unwrap();
}

#[test]
fn secrets_come_back_from_every_mechanism() {
    let device = Device::new();
    let user = device.user();
    let aes = user.aes(&[]).object;
    let (public, private) = rsa_pair(&user);
    let value: Vec<u8> = (0..32).collect();
    let key = secret(&user, AES, &value, &[]);
    let pkcs1 = plain(ckm::CKM_RSA_PKCS);
    for (mechanism, wrapping, unwrapping, length) in [
        (cbc(), aes, aes, 48),
        (gcm(), aes, aes, 48),
        (kw(), aes, aes, 40),
        (kwp(), aes, aes, 40),
        (plain(ckm::CKM_AES_KEY_WRAP_PAD), aes, aes, 40),
        (pkcs1.clone(), public, private, 256),
        (oaep(), public, private, 256),
        (rsa_aes(), public, private, 296),
    ] {
        let wrapped = user.wrap(wrapping, mechanism.clone(), key).unwrap();
        assert_eq!(wrapped.len(), length, "{mechanism:?}");
        let template = [&readable(SECRET, AES)[..], &[number(a::VALUE_LEN, 32)]].concat();
        let back = user.unwrap(unwrapping, mechanism.clone(), &wrapped, &template).unwrap();
        assert_eq!((back.class, back.key_type, back.key_bits), (SECRET, AES, 256));
        assert_eq!(user.one(back.object, a::VALUE), Ok(value.clone()), "{mechanism:?}");
        let shorter = [&readable(SECRET, AES)[..], &[number(a::VALUE_LEN, 16)]].concat();
        let refused = user.unwrap(unwrapping, mechanism.clone(), &wrapped, &shorter);
        // A value of another length is no other fault than a wrong padding, where only that tells them apart.
        let code = if mechanism == pkcs1 { E::WrappedKeyInvalid } else { E::WrappedKeyLength };
        assert_eq!(refused.unwrap_err(), code, "{mechanism:?}");
        let longer = [&wrapped[..], &[0]].concat();
        let refused = user.unwrap(unwrapping, mechanism.clone(), &longer, &template);
        assert_eq!(refused.unwrap_err(), E::WrappedKeyLength, "{mechanism:?}");
        let refused = user.unwrap(unwrapping, mechanism.clone(), b"", &template);
        assert_eq!(refused.unwrap_err(), E::WrappedKeyLength, "{mechanism:?}");
        for at in [0, length / 2, length - 1] {
            let mut changed = wrapped.clone();
            changed[at] ^= 0x40;
            match user.unwrap(unwrapping, mechanism.clone(), &changed, &template) {
                // AES-CBC tells a changed value only where its padding goes with it.
                Ok(_) => assert!(mechanism == cbc() && at == 0),
                Err(code) => assert_eq!(code, E::WrappedKeyInvalid, "{mechanism:?}"),
            }
        }
    }
}

#[test]
fn private_keys_of_each_kind_sign_after_they_were_away() {
    let device = Device::with(WeakKeys::Make);
    let user = device.user();
    let aes = user.aes(&[]).object;
    let (rsa_public, rsa_private) = rsa_pair(&user);
    let ecdsa = plain(ckm::CKM_ECDSA_SHA256);
    let mut cases = vec![(RSA, plain(ckm::CKM_SHA256_RSA_PKCS), rsa_public, rsa_private)];
    for curve in Curve::all() {
        let key_type = curve.key_type().ckk().unwrap();
        let signs = match curve.key_type() {
            KeyType::Ec => ecdsa.clone(),
            KeyType::EcEdwards => plain(ckm::CKM_EDDSA),
            _ => continue,
        };
        let (public, private) = pair(&user, key_type, &hex::encode(curve.ec_params()));
        cases.push((key_type, signs, public, private));
    }
    for (key_type, signs, public, private) in cases {
        for (mechanism, wrapping, unwrapping) in [
            (cbc(), aes, aes),
            (gcm(), aes, aes),
            (kwp(), aes, aes),
            (rsa_aes(), rsa_public, rsa_private),
        ] {
            let wrapped = user.wrap(wrapping, mechanism.clone(), private).unwrap();
            let template = [number(a::CLASS, PRIVATE), number(a::KEY_TYPE, key_type)];
            let back = user.unwrap(unwrapping, mechanism.clone(), &wrapped, &template).unwrap();
            assert_eq!((back.class, back.key_type), (PRIVATE, key_type));
            assert_eq!(back.key_bits, user.describe(private).unwrap().key_bits);
            let numbers = if key_type == RSA { a::MODULUS } else { a::EC_POINT };
            assert_eq!(user.one(back.object, numbers), user.one(private, numbers));
            let signature = user.sign(back.object, signs.clone(), b"signed").unwrap();
            user.verify(public, signs.clone(), b"signed", &signature).unwrap();

            let other = if key_type == RSA { EC } else { RSA };
            let template = [number(a::CLASS, PRIVATE), number(a::KEY_TYPE, other)];
            let refused = user.unwrap(unwrapping, mechanism.clone(), &wrapped, &template);
            assert_eq!(refused.unwrap_err(), E::WrappedKeyInvalid, "{key_type} {mechanism:?}");
            let template = readable(SECRET, AES);
            let refused = user.unwrap(unwrapping, mechanism, &wrapped, &template);
            assert_eq!(refused.unwrap_err(), E::WrappedKeyLength);
        }
        for (mechanism, wrapping) in [(oaep(), rsa_public), (plain(ckm::CKM_RSA_PKCS), rsa_public)]
        {
            assert_eq!(user.wrap(wrapping, mechanism, private), Err(E::KeyNotWrappable));
        }
    }
}

#[test]
fn a_gcm_that_was_asked_for_otherwise_does_not_open() {
    let device = Device::new();
    let user = device.user();
    let wrapping = user.aes(&[]).object;
    let key = secret(&user, AES, &[5; 16], &[]);
    let wrapped = user.wrap(wrapping, gcm(), key).unwrap();
    let parameter = GcmParameter { iv: vec![7; 12], aad: b"else".to_vec(), tag_bits: 128 };
    let other = MechanismCall::with(ckm::CKM_AES_GCM, &parameter).unwrap();
    let refused = user.unwrap(wrapping, other, &wrapped, &readable(SECRET, AES));
    assert_eq!(refused.unwrap_err(), E::WrappedKeyInvalid);
}

#[test]
fn keys_leave_and_come_back_by_agreement() {
    let device = Device::new();
    let user = device.user();
    let p256 = "06082a8648ce3d030107";
    let (p384, p521, x25519) = ("06052b81040022", "06052b81040023", "06032b656e");
    for (mechanism, curve, point) in [
        (ckm::CKM_EC_KEY_PAIR_GEN, p256, 65),
        (ckm::CKM_EC_KEY_PAIR_GEN, p384, 97),
        (ckm::CKM_EC_KEY_PAIR_GEN, p521, 133),
        (ckm::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, x25519, 32),
    ] {
        let params = bytes(a::EC_PARAMS, hex::decode(curve).unwrap());
        let pair = user.generate_pair(
            mechanism,
            &[params, flag(a::WRAP, true)],
            &[flag(a::UNWRAP, true), flag(a::SIGN, false)],
        );
        let pair = pair.unwrap();
        // 6 is `CKD_SHA256_KDF`.
        let with = |aes_bits, kdf, shared_data: &[u8]| {
            let shared_data = shared_data.to_vec();
            let parameter = EcdhAesParameter { aes_bits, kdf, shared_data };
            MechanismCall::with(ckm::CKM_ECDH_AES_KEY_WRAP, &parameter).unwrap()
        };
        let call = || with(256, 6, b"both");
        let secret = user.aes(&[flag(a::EXTRACTABLE, true), flag(a::SENSITIVE, false)]).object;
        let wrapped = user.wrap(pair.public.object, call(), secret).unwrap();
        assert_eq!(wrapped.len(), point + 40);
        let template = [
            number(a::CLASS, SECRET),
            number(a::KEY_TYPE, AES),
            flag(a::SENSITIVE, false),
            flag(a::EXTRACTABLE, true),
        ];
        let private = pair.private.object;
        let back = user.unwrap(private, call(), &wrapped, &template).unwrap().object;
        assert_eq!(user.one(back, a::VALUE), user.one(secret, a::VALUE));
        for other in [with(128, 6, b"both"), with(256, 8, b"both"), with(256, 6, b"other")] {
            let refused = user.unwrap(private, other, &wrapped, &template);
            assert_eq!(refused.unwrap_err(), E::WrappedKeyInvalid);
        }
        let short = user.unwrap(private, call(), &wrapped[..point], &template);
        assert_eq!(short.unwrap_err(), E::WrappedKeyLength);
        for wrong in [with(200, 6, b""), with(256, 99, b""), with(256, 1, b"shared")] {
            let refused = user.wrap(pair.public.object, wrong, secret);
            assert_eq!(refused.unwrap_err(), E::MechanismParameter);
        }
        let refused = user.wrap(private, call(), secret);
        assert_eq!(refused.unwrap_err(), E::WrappingKeyType);
    }
}
