use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::mechanism::{IvParameter, MechanismCall, ckm};
use coffer_protocol::operation::kms::{CreateKey, DisableKey};

use super::support::*;

fn create(device: &Device, alias: &str, usage: &str, spec: Option<&str>) -> String {
    let request = CreateKey {
        alias: alias.to_owned(),
        description: None,
        key_usage: Some(usage.to_owned()),
        key_spec: spec.map(str::to_owned),
        key_type: None,
        tags: None,
        hsm_cluster: None,
        client_token: None,
        rotate_days: None,
    };
    device.owner().call(&request, b"").unwrap().key_id
}

fn by_label(user: &Session, label: &str, class: u64) -> u32 {
    let found = user.find(&[bytes(a::LABEL, label), number(a::CLASS, class)]);
    assert_eq!(found.len(), 1, "{label}");
    found[0]
}

#[test]
fn a_symmetric_cmk_is_a_secret_key_for_authenticated_mechanisms_only() {
    let device = Device::new();
    let id = create(&device, "app", "ENCRYPT_DECRYPT", None);
    let user = device.user();
    let key = by_label(&user, "app", SECRET);
    assert_eq!(user.one(key, a::UNIQUE_ID), Ok(id.clone().into_bytes()));
    let raw = coffer_daemon::object::ObjectId::parse(&id).unwrap().0;
    assert_eq!(user.one(key, a::ID), Ok(raw.to_vec()));
    assert_eq!(user.one(key, a::VALUE), Err(E::AttributeSensitive));
    for (kind, value) in [
        (a::SENSITIVE, true),
        (a::NEVER_EXTRACTABLE, true),
        (a::LOCAL, true),
        (a::EXTRACTABLE, false),
        (a::DESTROYABLE, false),
        (a::WRAP, true),
        (a::UNWRAP, true),
        (a::SIGN, false),
        (a::DERIVE, false),
    ] {
        assert_eq!(user.is(key, kind), value, "{kind:#x}");
    }
    let ciphertext = user.encrypt(key, gcm(), b"plaintext").unwrap();
    assert_eq!(user.decrypt(key, gcm(), &ciphertext), Ok(b"plaintext".to_vec()));
    let cbc = MechanismCall::with(ckm::CKM_AES_CBC, &IvParameter { iv: [0; 16] }).unwrap();
    assert_eq!(user.encrypt(key, cbc, &[0; 16]).unwrap_err(), E::MechanismInvalid);
}

#[test]
fn a_cmk_is_neither_destroyed_nor_copied_to_the_token_nor_changed_but_in_name() {
    let device = Device::new();
    create(&device, "app", "ENCRYPT_DECRYPT", None);
    let user = device.user();
    let key = by_label(&user, "app", SECRET);
    assert_eq!(user.destroy(key), Err(E::ActionProhibited));
    assert_eq!(user.copy(key, &[]).unwrap_err(), E::ActionProhibited);
    assert_eq!(user.set(key, &[flag(a::SIGN, true)]), Err(E::AttributeReadOnly));
    user.set(key, &[bytes(a::LABEL, b"other"), bytes(a::ID, b"7")]).unwrap();
    assert_eq!(by_label(&user, "other", SECRET), key);

    let copy = user.copy(key, &[flag(a::TOKEN, false)]).unwrap().object;
    let ciphertext = user.encrypt(copy, gcm(), b"plaintext").unwrap();
    assert_eq!(user.decrypt(key, gcm(), &ciphertext), Ok(b"plaintext".to_vec()));
    assert_eq!(user.set(copy, &[flag(a::SIGN, true)]), Err(E::AttributeReadOnly));
    let stronger = user.copy(key, &[flag(a::TOKEN, false), flag(a::SIGN, true)]);
    assert_eq!(stronger.unwrap_err(), E::AttributeReadOnly);
    assert_eq!(user.copy(copy, &[flag(a::TOKEN, true)]).unwrap_err(), E::ActionProhibited);
    assert_eq!(user.destroy(copy), Ok(()));
    assert!(user.describe(key).is_ok());
}

#[test]
fn disabling_a_cmk_stops_open_sessions_and_their_copies() {
    let device = Device::new();
    create(&device, "app", "ENCRYPT_DECRYPT", None);
    let user = device.user();
    let key = by_label(&user, "app", SECRET);
    let copy = user.copy(key, &[flag(a::TOKEN, false)]).unwrap().object;
    let ciphertext = user.encrypt(key, gcm(), b"x").unwrap();
    device.owner().call(&DisableKey { key_id: "alias/app".to_owned() }, b"").unwrap();
    for object in [key, copy] {
        assert_eq!(user.encrypt(object, gcm(), b"x").unwrap_err(), E::CmkDisabled);
        assert_eq!(user.decrypt(object, gcm(), &ciphertext).unwrap_err(), E::CmkDisabled);
        assert_eq!(user.describe(object).unwrap().refusal, E::CmkDisabled as u16);
        assert!(user.is(object, a::ENCRYPT));
    }
    assert_eq!(E::CmkDisabled.ckr(), E::KeyNotPermitted.ckr());
}

#[test]
fn an_asymmetric_cmk_is_a_pair_that_does_one_thing() {
    let device = Device::new();
    create(&device, "sign", "ASYMMETRIC_SIGN_VERIFY_ECC", None);
    let user = device.user();
    let (private, public) = (by_label(&user, "sign", PRIVATE), by_label(&user, "sign", PUBLIC));
    assert_eq!(user.one(private, a::ID), user.one(public, a::ID));
    let mechanism = plain(ckm::CKM_ECDSA_SHA256);
    let signature = user.sign(private, mechanism.clone(), b"message").unwrap();
    user.verify(public, mechanism, b"message", &signature).unwrap();
    assert!(!user.is(private, a::DECRYPT) && !user.is(public, a::ENCRYPT));
    assert_eq!(user.destroy(public), Err(E::ActionProhibited));
    assert_eq!(user.describe(private).unwrap().key_bits, 256);
}

#[test]
fn an_rsa_cmk_for_decryption_signs_nothing() {
    let device = Device::new();
    create(&device, "rsa", "ASYMMETRIC_DECRYPT_RSA_2048", None);
    let user = device.user();
    let (private, public) = (by_label(&user, "rsa", PRIVATE), by_label(&user, "rsa", PUBLIC));
    let mechanism = || plain(ckm::CKM_RSA_PKCS);
    let ciphertext = user.encrypt(public, mechanism(), b"plaintext").unwrap();
    assert_eq!(user.decrypt(private, mechanism(), &ciphertext), Ok(b"plaintext".to_vec()));
    assert_eq!(user.sign(private, mechanism(), b"x").unwrap_err(), E::KeyNotPermitted);
    assert_eq!(user.one(public, a::MODULUS_BITS), Ok(2048_u64.to_le_bytes().to_vec()));
}

#[test]
fn keys_without_pkcs11_numbers_are_hidden() {
    let device = Device::new();
    create(&device, "sm4", "ENCRYPT_DECRYPT", Some("SM4"));
    create(&device, "sm2", "ASYMMETRIC_SIGN_VERIFY_SM2", None);
    assert!(device.user().find(&[]).is_empty());
}

#[test]
fn the_public_half_of_a_cmk_is_not_changed_but_in_name() {
    let device = Device::new();
    create(&device, "signer", "ASYMMETRIC_SIGN_VERIFY_ECC", None);
    let user = device.user();
    let half = by_label(&user, "signer", PUBLIC);
    assert_eq!(user.set(half, &[flag(a::VERIFY, false)]), Err(E::AttributeReadOnly));
    assert!(user.set(half, &[flag(a::ENCRYPT, true)]).is_err());
    user.set(half, &[bytes(a::LABEL, b"renamed")]).unwrap();
    assert!(user.is(half, a::VERIFY));
}
