//! Templates in attributes: what a key imposes on the keys that it wraps, unwraps, derives and agrees on.

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute, encode_nested};
use coffer_protocol::mechanism::{EcdhParameter, KeyParameter, MechanismCall, ckm};
use coffer_protocol::operation::object::{DecapsulateKey, EncapsulateKey};

use super::support::*;

/// An attribute that is a template.
fn imposing(kind: u64, list: &[Attribute]) -> Attribute {
    let mut list = list.to_vec();
    list.sort_by_key(|attribute| attribute.kind);
    bytes(kind, encode_nested(&list).unwrap())
}

fn kwp() -> MechanismCall {
    plain(ckm::CKM_AES_KEY_WRAP_KWP)
}

#[test]
fn a_wrapping_key_takes_only_keys_that_match() {
    let device = Device::new();
    let user = device.user();
    let wanted = [number(a::KEY_TYPE, AES), flag(a::SENSITIVE, true), bytes(a::LABEL, b"mine")];
    let wrapping = user.aes(&[imposing(a::WRAP_TEMPLATE, &wanted)]).object;
    let extractable = flag(a::EXTRACTABLE, true);
    let matching = user.aes(&[extractable.clone(), bytes(a::LABEL, b"mine")]).object;
    assert!(user.wrap(wrapping, kwp(), matching).is_ok());
    for more in [
        vec![extractable.clone()],
        vec![extractable.clone(), bytes(a::LABEL, b"mine"), flag(a::SENSITIVE, false)],
    ] {
        let other = user.aes(&more).object;
        assert_eq!(user.wrap(wrapping, kwp(), other), Err(E::KeyInvalid), "{more:?}");
    }
    // It is asked anew each time.
    user.set(matching, &[bytes(a::LABEL, b"yours")]).unwrap();
    assert_eq!(user.wrap(wrapping, kwp(), matching), Err(E::KeyInvalid));
    let any = user.aes(&[imposing(a::WRAP_TEMPLATE, &[])]).object;
    assert!(user.wrap(any, kwp(), matching).is_ok());
}

#[test]
fn an_unwrapping_key_imposes_its_template() {
    let device = Device::new();
    let user = device.user();
    let imposed = [flag(a::EXTRACTABLE, false), flag(a::DECRYPT, false), bytes(a::LABEL, b"in")];
    let key = user.aes(&[imposing(a::UNWRAP_TEMPLATE, &imposed)]).object;
    let inner = user.aes(&[flag(a::EXTRACTABLE, true)]).object;
    let wrapped = user.wrap(key, kwp(), inner).unwrap();
    let aes = [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES)];
    let unwrap = |more: &[Attribute]| user.unwrap(key, kwp(), &wrapped, &[&aes, more].concat());
    for more in [&[][..], &[flag(a::DECRYPT, false)], &[flag(a::ENCRYPT, false)]] {
        let made = unwrap(more).unwrap().object;
        assert!(!user.is(made, a::EXTRACTABLE) && !user.is(made, a::DECRYPT));
        assert_eq!(user.one(made, a::LABEL), Ok(b"in".to_vec()));
    }
    for more in [flag(a::EXTRACTABLE, true), flag(a::DECRYPT, true), bytes(a::LABEL, b"out")] {
        assert_eq!(unwrap(&[more]).unwrap_err(), E::TemplateInconsistent);
    }
    // It may say what the caller then need not.
    let whole = user.aes(&[imposing(a::UNWRAP_TEMPLATE, &aes)]).object;
    let wrapped = user.wrap(whole, kwp(), inner).unwrap();
    assert_eq!(user.unwrap(whole, kwp(), &wrapped, &[]).unwrap().key_type, AES);
}

#[test]
fn a_base_key_imposes_its_template() {
    let device = Device::new();
    let user = device.user();
    let imposed = [flag(a::TOKEN, false), flag(a::SENSITIVE, true), number(a::VALUE_LEN, 16)];
    let base = user
        .create(&[
            number(a::CLASS, SECRET),
            number(a::KEY_TYPE, GENERIC),
            bytes(a::VALUE, b"base"),
            flag(a::DERIVE, true),
            imposing(a::DERIVE_TEMPLATE, &imposed),
        ])
        .unwrap()
        .object;
    let digest = || plain(ckm::CKM_SHA256_KEY_DERIVATION);
    let key = user.derive(base, digest(), &[]).unwrap();
    assert_eq!(key.key_bits, 128);
    for more in [flag(a::TOKEN, true), flag(a::SENSITIVE, false), number(a::VALUE_LEN, 32)] {
        assert_eq!(user.derive(base, digest(), &[more]).unwrap_err(), E::TemplateInconsistent);
    }
    assert!(user.derive(base, digest(), &imposed).is_ok());
}

#[test]
fn a_second_key_imposes_its_template_too() {
    let device = Device::new();
    let user = device.user();
    let secret = |more: &[Attribute]| {
        let own = [
            number(a::CLASS, SECRET),
            number(a::KEY_TYPE, GENERIC),
            bytes(a::VALUE, b"a key"),
            flag(a::DERIVE, true),
        ];
        user.create(&[&own[..], more].concat()).unwrap().object
    };
    let base = secret(&[]);
    let other = secret(&[imposing(a::DERIVE_TEMPLATE, &[flag(a::SIGN, false)])]);
    let parameter = KeyParameter { key: other.into() };
    let call = || MechanismCall::with(ckm::CKM_CONCATENATE_BASE_AND_KEY, &parameter).unwrap();
    assert!(!user.is(user.derive(base, call(), &[]).unwrap().object, a::SIGN));
    let refused = user.derive(base, call(), &[flag(a::SIGN, true)]);
    assert_eq!(refused.unwrap_err(), E::TemplateInconsistent);
}

#[test]
fn keys_of_encapsulation_have_what_their_pair_imposes() {
    let device = Device::new();
    let user = device.user();
    let imposed = [flag(a::EXTRACTABLE, false)];
    let p256 = bytes(a::EC_PARAMS, P256);
    let pair = user
        .generate_pair(
            ckm::CKM_EC_KEY_PAIR_GEN,
            &[p256, flag(a::ENCAPSULATE, true), imposing(a::ENCAPSULATE_TEMPLATE, &imposed)],
            &[flag(a::DECAPSULATE, true), imposing(a::DECAPSULATE_TEMPLATE, &imposed)],
        )
        .unwrap();
    let ecdh = EcdhParameter { kdf: 1, shared_data: Vec::new(), public_data: Vec::new() };
    let mechanism = || MechanismCall::with(ckm::CKM_ECDH1_DERIVE, &ecdh).unwrap();
    let (session, template) = (user.handle, |more: &[Attribute]| wire(more));
    let encapsulate = EncapsulateKey { session, mechanism: mechanism(), key: pair.public.object };
    let made = user.peer.call(&encapsulate, &template(&[])).unwrap();
    assert!(!user.is(made.key.object, a::EXTRACTABLE));
    // The two functions say it each in its own way (PKCS#11 3.2 sections 5.18.8 and 5.18.9).
    let refused = user.peer.call(&encapsulate, &template(&[flag(a::EXTRACTABLE, true)]));
    assert_eq!(code(refused).unwrap_err(), E::KeyInvalid);
    let (key, ciphertext) = (pair.private.object, made.ciphertext);
    let decapsulate = DecapsulateKey { session, mechanism: mechanism(), key, ciphertext };
    let other = user.peer.call(&decapsulate, &template(&[])).unwrap();
    assert!(!user.is(other.object, a::EXTRACTABLE));
    let refused = user.peer.call(&decapsulate, &template(&[flag(a::EXTRACTABLE, true)]));
    assert_eq!(code(refused).unwrap_err(), E::TemplateInconsistent);
    // A pair that imposes nothing makes extractable keys, as the standard has it.
    let p256 = bytes(a::EC_PARAMS, P256);
    let public = [p256, flag(a::ENCAPSULATE, true)];
    let private = [flag(a::DECAPSULATE, true)];
    let pair = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &public, &private).unwrap();
    let encapsulate = EncapsulateKey { session, mechanism: mechanism(), key: pair.public.object };
    let made = user.peer.call(&encapsulate, &template(&[])).unwrap();
    let (key, ciphertext) = (pair.private.object, made.ciphertext);
    let decapsulate = DecapsulateKey { session, mechanism: mechanism(), key, ciphertext };
    let other = user.peer.call(&decapsulate, &template(&[])).unwrap();
    for key in [made.key.object, other.object] {
        assert!(user.is(key, a::EXTRACTABLE) && user.is(key, a::SENSITIVE));
        assert!(!user.is(key, a::NEVER_EXTRACTABLE) && !user.is(key, a::ALWAYS_SENSITIVE));
    }
}

#[test]
fn templates_are_kept_found_and_never_changed() {
    let device = Device::new();
    let user = device.user();
    let template =
        imposing(a::WRAP_TEMPLATE, &[flag(a::SENSITIVE, true), number(a::CLASS, SECRET)]);
    let key = user.aes(&[template.clone(), bytes(a::LABEL, b"outer")]).object;
    assert_eq!(user.one(key, a::WRAP_TEMPLATE), Ok(template.value.clone()));
    assert_eq!(user.find(std::slice::from_ref(&template)), [key]);
    let changed = user.set(key, &[imposing(a::WRAP_TEMPLATE, &[])]);
    assert_eq!(changed, Err(E::AttributeReadOnly));
    let copy = user.copy(key, &[]).unwrap().object;
    assert_eq!(user.one(copy, a::WRAP_TEMPLATE), Ok(template.value.clone()));
    let plain = user.aes(&[]).object;
    assert_eq!(user.one(plain, a::WRAP_TEMPLATE), Err(E::AttributeType));
    drop(user);
    let device = device.restart();
    let user = device.user();
    let key = user.find(&[bytes(a::LABEL, b"outer"), template.clone()])[0];
    assert_eq!(user.one(key, a::WRAP_TEMPLATE), Ok(template.value));
}

#[test]
fn templates_that_cannot_be_are_refused() {
    let device = Device::new();
    let user = device.user();
    let make =
        |attribute| user.generate(ckm::CKM_AES_KEY_GEN, &[number(a::VALUE_LEN, 16), attribute]);
    let unordered = encode_nested(&[flag(a::SIGN, true), number(a::CLASS, SECRET)]).unwrap();
    let deep = imposing(a::WRAP_TEMPLATE, &[flag(a::SIGN, true)]);
    for wrong in [
        bytes(a::WRAP_TEMPLATE, b""),
        bytes(a::WRAP_TEMPLATE, b"\xff\xff"),
        bytes(a::WRAP_TEMPLATE, unordered),
        imposing(a::WRAP_TEMPLATE, &[bytes(a::VALUE, b"a key")]),
        imposing(a::WRAP_TEMPLATE, &[bytes(a::SIGN, b"")]),
        imposing(a::WRAP_TEMPLATE, &[number(0x8000_0001, 1)]),
        imposing(a::WRAP_TEMPLATE, &[deep]),
    ] {
        assert_eq!(make(wrong.clone()).unwrap_err(), E::AttributeValue, "{wrong:?}");
    }
    let foreign = imposing(a::ENCAPSULATE_TEMPLATE, &[]);
    assert_eq!(make(foreign).unwrap_err(), E::TemplateInconsistent);
}
