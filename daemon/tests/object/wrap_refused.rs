//! What does not leave, not under that key, or does not come back; and whom a key trusts to take it out.

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::ckm;
use coffer_protocol::operation::kms::{CreateKey, DisableKey};

use super::support::*;
use super::wrap::{cbc, extractable, kw, kwp, oaep, readable, rsa_aes, rsa_pair, secret};

#[test]
fn an_unwrapped_key_was_never_sure_to_be_secret() {
    let device = Device::new();
    let user = device.user();
    let wrapping = user.aes(&[]).object;
    let key = user.aes(&[extractable()]).object;
    let wrapped = user.wrap(wrapping, kwp(), key).unwrap();
    for token in [true, false] {
        let template = [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES), flag(a::TOKEN, token)];
        let back = user.unwrap(wrapping, kwp(), &wrapped, &template).unwrap().object;
        for (kind, value) in [
            (a::TOKEN, token),
            (a::SENSITIVE, true),
            (a::EXTRACTABLE, true),
            (a::ALWAYS_SENSITIVE, false),
            (a::NEVER_EXTRACTABLE, false),
            (a::LOCAL, false),
        ] {
            assert_eq!(user.is(back, kind), value, "{kind:#x}");
        }
        assert_eq!(user.one(back, a::CHECK_VALUE), user.one(key, a::CHECK_VALUE));
        assert_eq!(user.one(back, a::KEY_GEN_MECHANISM), Ok(u64::MAX.to_le_bytes().to_vec()));
        let ciphertext = user.encrypt(key, gcm(), b"data").unwrap();
        assert_eq!(user.decrypt(back, gcm(), &ciphertext), Ok(b"data".to_vec()));
    }
}

#[test]
fn keys_that_may_not_leave_or_not_under_that_one_are_refused() {
    let device = Device::new();
    let user = device.user();
    let wrapping = user.aes(&[]).object;
    let key = user.aes(&[extractable()]).object;
    let (public, private) = rsa_pair(&user);
    assert_eq!(user.wrap(wrapping, kwp(), user.aes(&[]).object), Err(E::KeyUnextractable));
    assert_eq!(user.wrap(wrapping, kwp(), public), Err(E::KeyNotWrappable));
    assert_eq!(user.wrap(wrapping, kwp(), 999), Err(E::KeyInvalid));
    assert_eq!(user.wrap(999, kwp(), key), Err(E::WrappingKeyInvalid));
    assert_eq!(user.wrap(private, rsa_aes(), key), Err(E::WrappingKeyType));
    assert_eq!(user.wrap(wrapping, oaep(), key), Err(E::WrappingKeyType));
    assert_eq!(user.wrap(public, kwp(), key), Err(E::WrappingKeyType));
    assert_eq!(user.wrap(wrapping, plain(ckm::CKM_AES_ECB), key), Err(E::MechanismInvalid));
    let idle = user.aes(&[flag(a::WRAP, false), flag(a::UNWRAP, false)]).object;
    assert_eq!(user.wrap(idle, kwp(), key), Err(E::KeyNotPermitted));
    let limited = bytes(a::ALLOWED_MECHANISMS, ckm::CKM_AES_GCM.to_le_bytes());
    let limited = user.aes(&[limited]).object;
    assert_eq!(user.wrap(limited, kwp(), key), Err(E::MechanismInvalid));
    let odd = secret(&user, GENERIC, &[1; 20], &[]);
    assert_eq!(user.wrap(wrapping, kw(), odd), Err(E::KeySize));
    let long = secret(&user, GENERIC, &[1; 250], &[]);
    assert_eq!(user.wrap(public, plain(ckm::CKM_RSA_PKCS), long), Err(E::KeySize));

    let choosy = user.aes(&[extractable(), flag(a::WRAP_WITH_TRUSTED, true)]).object;
    assert_eq!(user.wrap(wrapping, kwp(), choosy), Err(E::KeyNotWrappable));
}

#[test]
fn a_key_that_trusts_few_leaves_under_a_trusted_key() {
    use coffer_daemon::state::login::Login;
    let device = Device::new();
    let user = device.user();
    let choosy = user.aes(&[extractable(), flag(a::WRAP_WITH_TRUSTED, true)]).object;
    let officer = device.session(true, Login::SecurityOfficer);
    let trusted = [
        number(a::CLASS, SECRET),
        number(a::KEY_TYPE, AES),
        flag(a::TOKEN, true),
        flag(a::PRIVATE, false),
        flag(a::TRUSTED, true),
        bytes(a::LABEL, "trusted"),
        bytes(a::VALUE, [3; 32]),
    ];
    officer.create(&trusted).unwrap();
    let found = user.find(&[bytes(a::LABEL, "trusted")]);
    let wrapped = user.wrap(found[0], kwp(), choosy).unwrap();
    assert_eq!(wrapped.len(), 40);
}

/// Who trusts a key to wrap others trusts that it does not decrypt them.
#[test]
fn a_user_changes_nothing_of_what_the_officer_trusts_but_its_names() {
    use coffer_daemon::state::login::Login;
    let device = Device::new();
    let user = device.user();
    let officer = device.session(true, Login::SecurityOfficer);
    let made = [
        flag(a::TOKEN, true),
        flag(a::PRIVATE, false),
        flag(a::DECRYPT, false),
        flag(a::UNWRAP, false),
        bytes(a::LABEL, "wrapping"),
    ];
    let key = user.aes(&made).object;
    let its = officer.find(&[bytes(a::LABEL, "wrapping")])[0];
    officer.set(its, &[flag(a::TRUSTED, true)]).unwrap();
    for usage in [a::DECRYPT, a::UNWRAP, a::DERIVE] {
        assert_eq!(user.set(key, &[flag(usage, true)]), Err(E::AttributeReadOnly));
        let copy = user.copy(key, &[flag(usage, true)]);
        assert_eq!(copy.unwrap_err(), E::AttributeReadOnly);
    }
    user.set(key, &[bytes(a::LABEL, "renamed")]).unwrap();
    let copy = user.copy(key, &[flag(a::TOKEN, false)]).unwrap().object;
    assert!(user.is(copy, a::TRUSTED));
    assert_eq!(user.set(copy, &[flag(a::DECRYPT, true)]), Err(E::AttributeReadOnly));
    officer.set(its, &[flag(a::DECRYPT, true)]).unwrap();
    assert!(user.is(key, a::DECRYPT));
}

#[test]
fn what_cannot_be_unwrapped_is_refused_with_its_code() {
    let device = Device::new();
    let user = device.user();
    let wrapping = user.aes(&[]).object;
    let (public, private) = rsa_pair(&user);
    let key = secret(&user, AES, &[5; 16], &[]);
    let wrapped = user.wrap(wrapping, kwp(), key).unwrap();
    let aes = readable(SECRET, AES);
    let unwrap = |key, mechanism, template: &[Attribute]| {
        user.unwrap(key, mechanism, &wrapped, template).unwrap_err()
    };
    assert_eq!(unwrap(999, kwp(), &aes), E::UnwrappingKeyInvalid);
    assert_eq!(unwrap(private, kwp(), &aes), E::UnwrappingKeyType);
    assert_eq!(unwrap(public, rsa_aes(), &aes), E::UnwrappingKeyType);
    let idle = user.aes(&[flag(a::UNWRAP, false)]).object;
    assert_eq!(unwrap(idle, kwp(), &aes), E::KeyNotPermitted);
    assert_eq!(unwrap(user.aes(&[]).object, kwp(), &aes), E::WrappedKeyInvalid);
    for (template, code) in [
        (vec![], E::TemplateIncomplete),
        (vec![number(a::CLASS, SECRET)], E::TemplateIncomplete),
        (readable(PUBLIC, RSA)[..2].to_vec(), E::TemplateInconsistent),
        (vec![number(a::CLASS, DATA)], E::TemplateInconsistent),
        ([&aes[..], &[bytes(a::VALUE, [5; 16])]].concat(), E::TemplateInconsistent),
        ([&aes[..], &[flag(a::LOCAL, true)]].concat(), E::AttributeReadOnly),
        ([&aes[..], &[bytes(a::CHECK_VALUE, [0; 3])]].concat(), E::AttributeValue),
        (readable(PRIVATE, RSA), E::WrappedKeyInvalid),
    ] {
        assert_eq!(unwrap(wrapping, kwp(), &template), code, "{template:?}");
    }
    let chacha = readable(SECRET, 0x33);
    assert_eq!(unwrap(wrapping, kwp(), &chacha), E::WrappedKeyLength);
    let huge = user.unwrap(wrapping, kwp(), &vec![0; (16 << 10) + 8], &aes);
    assert_eq!(huge.unwrap_err(), E::WrappedKeyLength);

    let pkcs1 = plain(ckm::CKM_RSA_PKCS);
    let wrapped = user.wrap(public, pkcs1.clone(), key).unwrap();
    let unwrap = |wrapped: &[u8], template: &[Attribute]| {
        user.unwrap(private, pkcs1.clone(), wrapped, template).unwrap_err()
    };
    assert_eq!(unwrap(&wrapped, &aes), E::TemplateIncomplete);
    let sized = [&aes[..], &[number(a::VALUE_LEN, 32)]].concat();
    assert_eq!(unwrap(&wrapped, &sized), E::WrappedKeyInvalid);
    assert_eq!(unwrap(&[1; 256], &sized), E::WrappedKeyInvalid);
    assert_eq!(unwrap(&[0xff; 256], &sized), E::WrappedKeyInvalid);
    assert_eq!(unwrap(&[1; 255], &sized), E::WrappedKeyLength);
    assert_eq!(unwrap(&wrapped, &readable(PRIVATE, EC)), E::TemplateInconsistent);
}

#[test]
fn a_cmk_wraps_with_what_it_may_and_not_when_it_is_disabled() {
    let device = Device::new();
    let request = CreateKey {
        alias: "app".to_owned(),
        description: None,
        key_usage: Some("ENCRYPT_DECRYPT".to_owned()),
        key_spec: None,
        key_type: None,
        tags: None,
        hsm_cluster: None,
        client_token: None,
        rotate_days: None,
    };
    let id = device.owner().call(&request, b"").unwrap().key_id;
    let user = device.user();
    let cmk = user.find(&[bytes(a::LABEL, "app"), number(a::CLASS, SECRET)])[0];
    let key = secret(&user, AES, &[5; 16], &[]);
    let mut last = Vec::new();
    for mechanism in [gcm(), kw(), kwp()] {
        last = user.wrap(cmk, mechanism.clone(), key).unwrap();
        let back = user.unwrap(cmk, mechanism, &last, &readable(SECRET, AES)).unwrap().object;
        assert_eq!(user.one(back, a::VALUE), Ok(vec![5; 16]));
    }
    assert_eq!(user.wrap(cmk, cbc(), key), Err(E::MechanismInvalid));
    assert_eq!(user.wrap(user.aes(&[]).object, kwp(), cmk), Err(E::KeyUnextractable));
    device.owner().call(&DisableKey { key_id: id }, b"").unwrap();
    assert_eq!(user.wrap(cmk, kwp(), key), Err(E::CmkDisabled));
    let refused = user.unwrap(cmk, kwp(), &last, &readable(SECRET, AES));
    assert_eq!(refused.unwrap_err(), E::CmkDisabled);
}

#[test]
fn a_disabled_key_does_not_leave() {
    let device = Device::new();
    let user = device.user();
    let wrapping = user.aes(&[]).object;
    let key = user.aes(&[extractable()]).object;
    let copy = user.copy(key, &[flag(a::TOKEN, false)]).unwrap().object;
    let id = user.one(key, a::UNIQUE_ID).unwrap();
    let key_id = String::from_utf8(id).unwrap();
    device.owner().call(&DisableKey { key_id }, b"").unwrap();
    assert_eq!(user.wrap(wrapping, kwp(), key), Err(E::CmkDisabled));
    assert_eq!(user.wrap(wrapping, kwp(), copy), Err(E::CmkDisabled));
}
