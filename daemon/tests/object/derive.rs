use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{HkdfParameter, MechanismCall, ckm};

use super::support::*;

/// RFC 5869 appendix A.1.
const OUTPUT: &str =
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";

fn parameter() -> HkdfParameter {
    HkdfParameter {
        extract: true,
        expand: true,
        hash: ckm::CKM_SHA256,
        salt_kind: 2,
        salt: (0..=12).collect(),
        salt_key: 0,
        info: (0xf0..=0xf9).collect(),
    }
}

fn call(mechanism: u64, parameter: &HkdfParameter) -> MechanismCall {
    MechanismCall::with(mechanism, parameter).unwrap()
}

fn hkdf() -> MechanismCall {
    call(ckm::CKM_HKDF_DERIVE, &parameter())
}

/// A secret of these bytes that may be derived from.
fn secret(user: &Session, value: &[u8], more: &[Attribute]) -> u32 {
    let template = [number(a::CLASS, SECRET), number(a::KEY_TYPE, GENERIC), bytes(a::VALUE, value)];
    let derives = [flag(a::DERIVE, true)];
    user.create(&[&template[..], &derives, more].concat()).unwrap().object
}

fn readable(length: u64) -> Vec<Attribute> {
    vec![number(a::VALUE_LEN, length), flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true)]
}

#[test]
fn hkdf_gives_what_the_standard_says_as_a_key_and_as_data() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, &[0x0b; 22], &[]);
    let key = user.derive(base, hkdf(), &readable(42)).unwrap();
    assert_eq!((key.class, key.key_type, key.key_bits), (SECRET, GENERIC, 336));
    assert_eq!(user.one(key.object, a::VALUE), Ok(hex::decode(OUTPUT).unwrap()));

    let length = [number(a::VALUE_LEN, 42)];
    let data = user.derive(base, call(ckm::CKM_HKDF_DATA, &parameter()), &length).unwrap();
    assert_eq!(data.class, 0);
    assert_eq!(user.one(data.object, a::VALUE), Ok(hex::decode(OUTPUT).unwrap()));
}

#[test]
fn extraction_and_expansion_come_apart_and_a_salt_may_be_a_key() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, &[0x0b; 22], &[]);
    let salt = secret(&user, &(0..=12).collect::<Vec<u8>>(), &[]);
    let extract = HkdfParameter {
        expand: false,
        salt_kind: 4,
        salt: Vec::new(),
        salt_key: salt.into(),
        ..parameter()
    };
    let more = [flag(a::DERIVE, true), flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true)];
    let key = user.derive(base, call(ckm::CKM_HKDF_DERIVE, &extract), &more).unwrap();
    let expected = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5";
    assert_eq!(user.one(key.object, a::VALUE), Ok(hex::decode(expected).unwrap()));

    let expand = HkdfParameter { extract: false, salt_kind: 0, salt: Vec::new(), ..parameter() };
    let expanded = user.derive(key.object, call(ckm::CKM_HKDF_DERIVE, &expand), &readable(42));
    assert_eq!(user.one(expanded.unwrap().object, a::VALUE), Ok(hex::decode(OUTPUT).unwrap()));
    let unknown = HkdfParameter { salt_key: 999, ..extract };
    let refused = user.derive(base, call(ckm::CKM_HKDF_DERIVE, &unknown), &more);
    assert_eq!(refused.unwrap_err(), E::KeyInvalid);
}

#[test]
fn a_derived_key_was_always_what_its_base_was() {
    let device = Device::new();
    let user = device.user();
    let derives = [number(a::VALUE_LEN, 32), flag(a::DERIVE, true)];
    let here = user.generate(ckm::CKM_HKDF_KEY_GEN, &derives).unwrap().object;
    let from_outside = secret(&user, &[1; 32], &[]);
    for (base, always) in [(here, true), (from_outside, false)] {
        let aes = [number(a::KEY_TYPE, AES), number(a::VALUE_LEN, 24)];
        let key = user.derive(base, hkdf(), &aes).unwrap();
        assert_eq!((key.key_type, key.key_bits), (AES, 192));
        assert_eq!(user.is(key.object, a::ALWAYS_SENSITIVE), always);
        assert_eq!(user.is(key.object, a::NEVER_EXTRACTABLE), always);
        assert!(!user.is(key.object, a::LOCAL));
        let mechanism = u64::MAX.to_le_bytes().to_vec();
        assert_eq!(user.one(key.object, a::KEY_GEN_MECHANISM), Ok(mechanism));
        let open = user.derive(base, hkdf(), &readable(16)).unwrap().object;
        assert!(!user.is(open, a::ALWAYS_SENSITIVE) && !user.is(open, a::NEVER_EXTRACTABLE));
    }
}

#[test]
fn what_cannot_be_derived_is_refused_with_its_code() {
    let device = Device::new();
    let user = device.user();
    let base = secret(&user, &[0x0b; 22], &[]);
    let aes = number(a::KEY_TYPE, AES);
    for (template, code) in [
        (vec![], E::TemplateIncomplete),
        (vec![number(a::VALUE_LEN, 0)], E::AttributeValue),
        (vec![number(a::VALUE_LEN, 1025)], E::AttributeValue),
        (vec![aes.clone(), number(a::VALUE_LEN, 17)], E::AttributeValue),
        (vec![number(a::CLASS, PRIVATE)], E::TemplateInconsistent),
        (vec![number(a::VALUE_LEN, 16), bytes(a::VALUE, [1; 16])], E::TemplateInconsistent),
    ] {
        let refused = user.derive(base, hkdf(), &template);
        assert_eq!(refused.unwrap_err(), code, "{template:?}");
    }
    let sixteen = [number(a::VALUE_LEN, 16)];
    let idle = user.create(&[
        number(a::CLASS, SECRET),
        number(a::KEY_TYPE, GENERIC),
        bytes(a::VALUE, [1; 32]),
    ]);
    let derive = |key, mechanism| user.derive(key, mechanism, &sixteen).unwrap_err();
    assert_eq!(derive(idle.unwrap().object, hkdf()), E::KeyNotPermitted);
    assert_eq!(derive(user.aes(&[]).object, hkdf()), E::KeyTypeInconsistent);
    assert_eq!(derive(base, plain(ckm::CKM_SHA256_HMAC)), E::MechanismInvalid);
    assert_eq!(derive(base, plain(ckm::CKM_HKDF_DERIVE)), E::MechanismParameter);
    let only = [bytes(a::ALLOWED_MECHANISMS, ckm::CKM_SHA256_HMAC.to_le_bytes())];
    assert_eq!(derive(secret(&user, &[1; 32], &only), hkdf()), E::MechanismInvalid);
    let extract = HkdfParameter { expand: false, ..parameter() };
    let long = user.derive(base, call(ckm::CKM_HKDF_DERIVE, &extract), &[number(a::VALUE_LEN, 33)]);
    assert_eq!(long.unwrap_err(), E::KeySize);
}
