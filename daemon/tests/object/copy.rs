use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::operation::kms::{DisableKey, EnableKey};

use super::support::*;

#[test]
fn copies_are_keys_of_their_own_wherever_they_go() {
    let device = Device::new();
    let user = device.user();
    for from in [true, false] {
        for to in [true, false] {
            let key = user.aes(&[flag(a::TOKEN, from), bytes(a::LABEL, b"original")]);
            let ciphertext = user.encrypt(key.object, gcm(), b"plaintext").unwrap();
            let change = [flag(a::TOKEN, to), bytes(a::LABEL, b"copy")];
            let copy = user.copy(key.object, &change).unwrap();
            assert_ne!(copy.id, key.id);
            assert_eq!(user.one(copy.object, a::LABEL), Ok(b"copy".to_vec()));
            assert_eq!(user.is(copy.object, a::TOKEN), to);
            assert!(user.is(copy.object, a::LOCAL));
            assert_eq!(user.one(copy.object, a::CHECK_VALUE), user.one(key.object, a::CHECK_VALUE));
            user.destroy(key.object).unwrap();
            assert_eq!(user.describe(key.object), Err(E::ObjectInvalid));
            let plaintext = user.decrypt(copy.object, gcm(), &ciphertext);
            assert_eq!(plaintext, Ok(b"plaintext".to_vec()), "{from} {to}");
        }
    }
}

#[test]
fn an_empty_template_copies_an_object_as_it_is() {
    let device = Device::new();
    let user = device.user();
    let data = [number(a::CLASS, DATA), bytes(a::VALUE, b"note"), flag(a::TOKEN, true)];
    let data = user.create(&data).unwrap();
    let copy = user.copy(data.object, &[]).unwrap();
    assert_eq!(user.one(copy.object, a::VALUE), Ok(b"note".to_vec()));
    assert!(user.is(copy.object, a::TOKEN));
}

#[test]
fn a_copy_is_not_weaker_than_its_original() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[]);
    for (weaker, outcome) in [
        (flag(a::SENSITIVE, false), E::AttributeReadOnly),
        (flag(a::EXTRACTABLE, true), E::AttributeReadOnly),
        (flag(a::PRIVATE, false), E::TemplateInconsistent),
        (number(a::CLASS, DATA), E::AttributeReadOnly),
        (bytes(a::VALUE, [1; 32]), E::AttributeReadOnly),
    ] {
        assert_eq!(user.copy(key.object, &[weaker]).unwrap_err(), outcome);
    }
    let alone = user.aes(&[flag(a::COPYABLE, false)]);
    assert_eq!(user.copy(alone.object, &[]).unwrap_err(), E::ActionProhibited);
}

#[test]
fn disabling_a_key_stops_its_copies_and_destroying_it_then_frees_none() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[]);
    let copy = user.copy(key.object, &[flag(a::TOKEN, false)]).unwrap();
    let key_id = coffer_daemon::object::ObjectId(key.id).to_string();
    device.owner().call(&DisableKey { key_id: key_id.clone() }, b"").unwrap();
    for object in [key.object, copy.object] {
        assert_eq!(user.encrypt(object, gcm(), b"x").unwrap_err(), E::CmkDisabled);
        assert_eq!(user.describe(object).unwrap().refusal, E::CmkDisabled as u16);
    }
    let lasting = user.copy(key.object, &[flag(a::TOKEN, true)]);
    assert_eq!(lasting.unwrap_err(), E::CmkDisabled);
    device.owner().call(&EnableKey { key_id: key_id.clone() }, b"").unwrap();
    assert!(user.encrypt(copy.object, gcm(), b"x").is_ok());
    device.owner().call(&DisableKey { key_id }, b"").unwrap();
    user.destroy(key.object).unwrap();
    assert_eq!(user.encrypt(copy.object, gcm(), b"x").unwrap_err(), E::KeyInvalid);
}

#[test]
fn a_destroyed_session_object_is_gone() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[flag(a::TOKEN, false)]);
    user.destroy(key.object).unwrap();
    assert_eq!(user.destroy(key.object), Err(E::ObjectInvalid));
    assert!(user.find(&[]).is_empty());
}
