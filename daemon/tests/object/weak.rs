use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{Hash, MechanismCall, OaepParameter, ckm};
use coffer_protocol::weak::WeakKeys;

use super::support::*;

/// An RSA-1024 pair of the token, made where that is allowed.
fn pair(user: &Session) -> (u32, u32) {
    let template = [number(a::MODULUS_BITS, 1024), flag(a::TOKEN, true), flag(a::WRAP, true)];
    let private = [flag(a::TOKEN, true), flag(a::UNWRAP, true), flag(a::DERIVE, true)];
    let pair = user.generate_pair(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, &template, &private).unwrap();
    assert_eq!((pair.public.key_bits, pair.private.key_bits), (1024, 1024));
    (pair.public.object, pair.private.object)
}

/// The public key of another as a template.
fn public_of(user: &Session, public: u32) -> Vec<Attribute> {
    let value = |kind| bytes(kind, user.one(public, kind).unwrap());
    let numbers = [value(a::MODULUS), value(a::PUBLIC_EXPONENT)];
    [&[number(a::CLASS, PUBLIC), number(a::KEY_TYPE, RSA)][..], &numbers].concat()
}

fn oaep() -> MechanismCall {
    let parameter = OaepParameter {
        hash: Hash::Sha1.ckm().unwrap(),
        mgf: Hash::Sha1.mgf().unwrap(),
        label: Vec::new(),
    };
    MechanismCall::with(ckm::CKM_RSA_PKCS_OAEP, &parameter).unwrap()
}

/// What a pair that was made in a laxer time does under each setting.
#[test]
fn weak_keys_do_what_the_configuration_says_after_a_restart_too() {
    let device = Device::with(WeakKeys::Make);
    let user = device.user();
    let (public, private) = pair(&user);
    let rsa = || plain(ckm::CKM_SHA256_RSA_PKCS);
    let signature = user.sign(private, rsa(), b"message").unwrap();
    let sealed = user.encrypt(public, oaep(), b"old").unwrap();
    let aes = user.aes(&[flag(a::EXTRACTABLE, true)]).object;
    let wrapped = user.wrap(public, oaep(), aes).unwrap();
    let template = public_of(&user, public);
    let secret = [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES)];
    drop(user);
    let mut device = device;
    for (setting, new, old) in [
        (WeakKeys::Refuse, Some(E::KeySize), Some(E::KeySize)),
        (WeakKeys::Use, Some(E::KeySize), None),
        (WeakKeys::Make, None, None),
    ] {
        device = device.restart_with(setting);
        let user = device.user();
        let find = |class| user.find(&[number(a::CLASS, class), number(a::KEY_TYPE, RSA)])[0];
        let (public, private) = (find(PUBLIC), find(PRIVATE));
        let aes = user.find(&[number(a::CLASS, SECRET)])[0];
        assert_eq!(user.number(public, a::MODULUS_BITS), Ok(1024), "{setting}");
        // What is new.
        assert_eq!(user.sign(private, rsa(), b"message").err(), new, "{setting}");
        assert_eq!(user.encrypt(public, oaep(), b"new").err(), new, "{setting}");
        let wrapping = new.map(|_| E::WrappingKeySize);
        assert_eq!(user.wrap(public, oaep(), aes).err(), wrapping, "{setting}");
        let derived = user.derive(private, plain(ckm::CKM_PUB_KEY_FROM_PRIV_KEY), &[]);
        assert_eq!(derived.err(), new, "{setting}");
        let size = [number(a::MODULUS_BITS, 1024)];
        let made = user.generate_pair(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, &size, &[]);
        assert_eq!(made.err(), new.map(|_| E::AttributeValue), "{setting}");
        // What is old.
        assert_eq!(user.verify(public, rsa(), b"message", &signature).err(), old, "{setting}");
        assert_eq!(user.decrypt(private, oaep(), &sealed).err(), old, "{setting}");
        let unwrapping = old.map(|_| E::UnwrappingKeySize);
        assert_eq!(user.unwrap(private, oaep(), &wrapped, &secret).err(), unwrapping, "{setting}");
        let taken = user.create(&template);
        assert_eq!(taken.err(), old.map(|_| E::AttributeValue), "{setting}");
    }
}

#[test]
fn weak_private_keys_come_in_where_they_may() {
    let device = Device::with(WeakKeys::Make);
    let user = device.user();
    let size = [number(a::MODULUS_BITS, 1024)];
    let readable = [flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true)];
    let pair = user.generate_pair(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, &size, &readable).unwrap();
    let kek = bytes(a::VALUE, [9; 32]);
    let kek = [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES), kek];
    let wrap = || plain(ckm::CKM_AES_KEY_WRAP_KWP);
    let wrapping = user.create(&kek).unwrap().object;
    let wrapped = user.wrap(wrapping, wrap(), pair.private.object).unwrap();
    let numbers = [a::MODULUS, a::PUBLIC_EXPONENT, a::PRIVATE_EXPONENT, a::PRIME_1, a::PRIME_2];
    let class = [number(a::CLASS, PRIVATE), number(a::KEY_TYPE, RSA)];
    let mut template = class.to_vec();
    template.extend(numbers.map(|kind| bytes(kind, user.one(pair.private.object, kind).unwrap())));
    for (setting, created, unwrapped) in [
        (WeakKeys::Refuse, Some(E::AttributeValue), Some(E::WrappedKeyInvalid)),
        (WeakKeys::Use, None, None),
        (WeakKeys::Make, None, None),
    ] {
        let device = Device::with(setting);
        let user = device.user();
        assert_eq!(user.create(&template).err(), created, "{setting}");
        let wrapping = user.create(&kek).unwrap().object;
        let made = user.unwrap(wrapping, wrap(), &wrapped, &class);
        assert_eq!(made.err(), unwrapped, "{setting}");
    }
}

#[test]
fn a_modulus_has_at_least_512_bits() {
    let device = Device::with(WeakKeys::Make);
    let user = device.user();
    for (bits, outcome) in [(512, None), (576, None), (448, Some(E::AttributeValue))] {
        let size = [number(a::MODULUS_BITS, bits)];
        let made = user.generate_pair(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, &size, &[]);
        assert_eq!(made.as_ref().err(), outcome.as_ref(), "{bits}");
        let Ok(pair) = made else { continue };
        let rsa = || plain(ckm::CKM_SHA1_RSA_PKCS);
        let signature = user.sign(pair.private.object, rsa(), b"message").unwrap();
        assert_eq!(signature.len() as u64 * 8, bits);
        user.verify(pair.public.object, rsa(), b"message", &signature).unwrap();
        // No room for the digest, and for what surrounds it.
        let long = user.sign(pair.private.object, plain(ckm::CKM_SHA512_RSA_PKCS), b"message");
        assert!(matches!(long.unwrap_err(), E::DataLength | E::KeySize), "{bits}");
    }
}
