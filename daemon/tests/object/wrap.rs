use coffer_daemon::crypto::ecdsa::Curve;
use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{
    EcdhAesParameter, GcmParameter, IvParameter, MechanismCall, OaepParameter, RsaAesParameter, ckm,
};
use coffer_protocol::operation::kms::{CreateKey, DisableKey};
use coffer_protocol::weak::WeakKeys;

use super::support::*;

const EDWARDS: u64 = 0x40;

fn cbc() -> MechanismCall {
    MechanismCall::with(ckm::CKM_AES_CBC_PAD, &IvParameter { iv: [9; 16] }).unwrap()
}

fn kw() -> MechanismCall {
    plain(ckm::CKM_AES_KEY_WRAP)
}

fn kwp() -> MechanismCall {
    plain(ckm::CKM_AES_KEY_WRAP_KWP)
}

fn oaep_parameter() -> OaepParameter {
    OaepParameter { hash: ckm::CKM_SHA256, mgf: 2, label: b"label".to_vec() }
}

fn oaep() -> MechanismCall {
    MechanismCall::with(ckm::CKM_RSA_PKCS_OAEP, &oaep_parameter()).unwrap()
}

fn rsa_aes() -> MechanismCall {
    let parameter = RsaAesParameter { aes_bits: 256, oaep: oaep_parameter() };
    MechanismCall::with(ckm::CKM_RSA_AES_KEY_WRAP, &parameter).unwrap()
}

fn extractable() -> Attribute {
    flag(a::EXTRACTABLE, true)
}

fn readable(class: u64, key_type: u64) -> Vec<Attribute> {
    vec![
        number(a::CLASS, class),
        number(a::KEY_TYPE, key_type),
        flag(a::SENSITIVE, false),
        extractable(),
    ]
}

fn secret(user: &Session, key_type: u64, value: &[u8], more: &[Attribute]) -> u32 {
    let template = [&readable(SECRET, key_type)[..], &[bytes(a::VALUE, value)], more].concat();
    user.create(&template).unwrap().object
}

/// The two halves of an RSA-2048 key; both wrap and unwrap.
fn rsa_pair(user: &Session) -> (u32, u32) {
    rsa_pair_in(user, include_str!("../vectors/rsa2048.txt"))
}

/// The two halves of the RSA key in a file.
fn rsa_pair_in(user: &Session, file: &str) -> (u32, u32) {
    let rsa = |name| number_in(file, name);
    let public = [
        number(a::CLASS, PUBLIC),
        number(a::KEY_TYPE, RSA),
        bytes(a::MODULUS, rsa("modulus ")),
        bytes(a::PUBLIC_EXPONENT, rsa("public_exponent ")),
    ];
    let private = [
        &readable(PRIVATE, RSA)[..],
        &public[2..],
        &[
            bytes(a::PRIVATE_EXPONENT, rsa("private_exponent ")),
            bytes(a::PRIME_1, rsa("prime_1 ")),
            bytes(a::PRIME_2, rsa("prime_2 ")),
        ],
    ];
    (user.create(&public).unwrap().object, user.create(&private.concat()).unwrap().object)
}

fn pair(user: &Session, key_type: u64, curve: &str) -> (u32, u32) {
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
