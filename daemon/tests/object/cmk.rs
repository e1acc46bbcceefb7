use std::collections::HashSet;

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::mechanism::{
    ENVELOPE_MAX, ENVELOPE_OVERHEAD, EnvelopeParameter, GcmParameter, IvParameter, MechanismCall,
    ckm,
};
use coffer_protocol::operation::kms::{
    ArchiveKey, CreateKey, Decrypt, DisableKey, DisableKeyRotation, EnableKeyRotation, Encrypt,
    RotateKey,
};

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

fn envelope(context: &str) -> MechanismCall {
    match context {
        "" => plain(ckm::CKM_COFFER_ENVELOPE),
        _ => MechanismCall::with(
            ckm::CKM_COFFER_ENVELOPE,
            &EnvelopeParameter { context: context.to_owned() },
        )
        .unwrap(),
    }
}

fn kms_encrypt(device: &Device, context: &str, plaintext: &[u8]) -> Vec<u8> {
    let request = Encrypt {
        key_id: "alias/app".to_owned(),
        context: (!context.is_empty()).then(|| context.to_owned()),
    };
    device.owner().exchange(&request, plaintext).unwrap().1
}

fn kms_decrypt(device: &Device, context: &str, blob: &[u8]) -> Coded<Vec<u8>> {
    let request = Decrypt {
        context: (!context.is_empty()).then(|| context.to_owned()),
        expected_key: None,
        public_key: None,
        algorithm: None,
    };
    code(device.owner().exchange(&request, blob)).map(|(_, payload)| payload)
}

#[test]
fn an_envelope_of_one_face_opens_through_the_other_and_survives_rotation() {
    let device = Device::new();
    create(&device, "app", "ENCRYPT_DECRYPT", None);
    let user = device.user();
    let key = by_label(&user, "app", SECRET);
    let copy = user.copy(key, &[flag(a::TOKEN, false)]).unwrap().object;
    let mut made = Vec::new();
    let key_id = || "alias/app".to_owned();
    device.owner().call(&EnableKeyRotation { key_id: key_id(), days: Some(30) }, b"").unwrap();
    for round in 1..=3_u32 {
        for context in ["", r#"{"b":"2","a":"1"}"#] {
            made.push((context, user.encrypt(key, envelope(context), b"secret").unwrap()));
            made.push((context, user.encrypt(copy, envelope(context), b"secret").unwrap()));
            made.push((context, kms_encrypt(&device, context, b"secret")));
        }
        let newest = &made.last().unwrap().1;
        assert_eq!(newest[22..26], round.to_be_bytes(), "the version that it names");
        device.pass_a_day();
        device.owner().call(&RotateKey { key_id: key_id() }, b"").unwrap();
    }
    // Version and salt make the key of a message.
    let once: HashSet<&[u8]> = made.iter().map(|(_, blob)| &blob[22..54]).collect();
    assert_eq!(once.len(), made.len(), "no key and nonce come twice");
    for (context, blob) in &made {
        assert_eq!(blob.len(), 6 + ENVELOPE_OVERHEAD);
        assert_eq!(user.decrypt(key, envelope(context), blob), Ok(b"secret".to_vec()));
        assert_eq!(user.decrypt(copy, envelope(context), blob), Ok(b"secret".to_vec()));
        assert_eq!(kms_decrypt(&device, context, blob), Ok(b"secret".to_vec()));
    }
    // The context is one whatever the order and the spaces of its text.
    let spaced = r#"{ "a" : "1", "b" : "2" }"#;
    let (_, bound) = made.iter().find(|(context, _)| !context.is_empty()).unwrap();
    assert_eq!(user.decrypt(key, envelope(spaced), bound), Ok(b"secret".to_vec()));
    assert_eq!(user.decrypt(key, envelope(""), bound), Err(E::EncryptedDataInvalid));
    device.owner().call(&ArchiveKey { key_id: key_id() }, b"").unwrap();
    assert_eq!(user.decrypt(key, envelope(spaced), bound), Ok(b"secret".to_vec()));
    assert_eq!(user.encrypt(key, envelope(""), b"x"), Err(E::CmkArchived));
}

#[test]
fn what_is_wrong_with_an_envelope_has_its_code() {
    let device = Device::new();
    create(&device, "app", "ENCRYPT_DECRYPT", None);
    create(&device, "other", "ENCRYPT_DECRYPT", None);
    let user = device.user();
    let (key, other) = (by_label(&user, "app", SECRET), by_label(&user, "other", SECRET));
    let blob = user.encrypt(key, envelope(""), b"secret").unwrap();
    assert_eq!(user.decrypt(other, envelope(""), &blob), Err(E::EncryptedDataInvalid));
    for at in 0..blob.len() {
        let mut changed = blob.clone();
        changed[at] ^= 1;
        let opened = user.decrypt(key, envelope(""), &changed);
        assert_eq!(opened, Err(E::EncryptedDataInvalid), "byte {at}");
    }
    for length in [0, 1, ENVELOPE_OVERHEAD] {
        let opened = user.decrypt(key, envelope(""), &blob[..length]);
        assert_eq!(opened, Err(E::EncryptedDataLength));
    }
    let most = vec![7; ENVELOPE_MAX];
    let full = user.encrypt(key, envelope(""), &most).unwrap();
    assert_eq!(user.decrypt(key, envelope(""), &full), Ok(most));
    for length in [0, ENVELOPE_MAX + 1] {
        let refused = user.encrypt(key, envelope(""), &vec![7; length]);
        assert_eq!(refused, Err(E::DataLength));
    }
    for context in [r#"{"a":1}"#, r#"{"a":"b""a"}"#, "[]", r#"{"a":"1","a":"2"}"#] {
        let refused = user.encrypt(key, envelope(context), b"x");
        assert_eq!(refused, Err(E::MechanismParameter), "{context}");
    }
    // Keys of applications do the same, those of a session too, each under its own name.
    for more in [flag(a::TOKEN, true), flag(a::TOKEN, false)] {
        let own = user.aes(&[more]).object;
        let blob = user.encrypt(own, envelope(""), b"x").unwrap();
        assert_eq!(user.decrypt(own, envelope(""), &blob), Ok(b"x".to_vec()));
        assert_eq!(user.decrypt(key, envelope(""), &blob), Err(E::EncryptedDataInvalid));
    }
    let rsa = user.generate(ckm::CKM_SHA256_KEY_GEN, &[number(a::VALUE_LEN, 32)]).unwrap();
    assert_eq!(user.encrypt(rsa.object, envelope(""), b"x"), Err(E::KeyTypeInconsistent));
}

#[test]
fn a_salt_that_the_modulus_has_no_room_for_is_a_wrong_parameter() {
    use coffer_protocol::mechanism::PssParameter;
    let device = Device::new();
    create(&device, "sign", "ASYMMETRIC_SIGN_VERIFY_RSA_2048", None);
    let user = device.user();
    let key = by_label(&user, "sign", PRIVATE);
    for (salt_len, expected) in [(222, Ok(256)), (223, Err(E::MechanismParameter))] {
        let pss = PssParameter { hash: ckm::CKM_SHA256, mgf: 2, salt_len };
        let call = MechanismCall::with(ckm::CKM_SHA256_RSA_PKCS_PSS, &pss).unwrap();
        assert_eq!(user.sign(key, call, b"message").map(|made| made.len()), expected);
    }
}

fn gcm_with(iv: u8, aad: &[u8]) -> MechanismCall {
    let parameter = GcmParameter { iv: vec![iv; 12], aad: aad.to_vec(), tag_bits: 128 };
    MechanismCall::with(ckm::CKM_AES_GCM, &parameter).unwrap()
}

#[test]
fn an_iv_of_the_caller_comes_once_under_each_version_of_a_key_that_rotates() {
    let device = Device::new();
    create(&device, "app", "ENCRYPT_DECRYPT", None);
    let user = device.user();
    let key = by_label(&user, "app", SECRET);
    let copy = user.copy(key, &[flag(a::TOKEN, false)]).unwrap().object;
    let other = device.user();
    // Who does not rotate a key looks after its IVs.
    for _ in 0..2 {
        user.encrypt(key, gcm_with(1, b""), b"one").unwrap();
    }
    let key_id = || "alias/app".to_owned();
    device.owner().call(&EnableKeyRotation { key_id: key_id(), days: Some(30) }, b"").unwrap();
    let mut made = Vec::new();
    for round in 0..3 {
        for iv in 1..=3 {
            let sealed = user.encrypt(key, gcm_with(iv, b""), &[round, iv]).unwrap();
            made.push((iv, sealed, vec![round, iv]));
            for (session, key) in
                [(&user, key), (&user, copy), (&other, by_label(&other, "app", SECRET))]
            {
                for aad in [&b""[..], b"other"] {
                    let again = session.encrypt(key, gcm_with(iv, aad), &[round, iv]);
                    assert_eq!(again, Err(E::MechanismParameter), "{round} {iv}");
                }
            }
        }
        device.pass_a_day();
        device.owner().call(&RotateKey { key_id: key_id() }, b"").unwrap();
    }
    // Nor is one forgotten when the daemon is started again.
    user.encrypt(key, gcm_with(9, b""), b"before").unwrap();
    drop((user, other));
    device.service.close();
    let device = device.restart();
    let user = device.user();
    let key = by_label(&user, "app", SECRET);
    assert_eq!(user.encrypt(key, gcm_with(9, b""), b"after"), Err(E::MechanismParameter));
    user.encrypt(key, gcm_with(8, b""), b"after").unwrap();
    // Decryption asks nothing of an IV, and finds the version.
    for (iv, sealed, plaintext) in made {
        assert_eq!(user.decrypt(key, gcm_with(iv, b""), &sealed), Ok(plaintext));
    }
    // A key that has rotated keeps the rule when it rotates no more.
    device.owner().call(&DisableKeyRotation { key_id: key_id() }, b"").unwrap();
    user.encrypt(key, gcm_with(1, b""), b"x").unwrap();
    assert_eq!(user.encrypt(key, gcm_with(1, b""), b"y"), Err(E::MechanismParameter));
}

#[test]
fn what_is_wrapped_under_a_key_that_rotates_may_be_asked_for_again() {
    let device = Device::new();
    create(&device, "app", "ENCRYPT_DECRYPT", None);
    let key_id = "alias/app".to_owned();
    device.owner().call(&EnableKeyRotation { key_id, days: Some(30) }, b"").unwrap();
    let user = device.user();
    let key = by_label(&user, "app", SECRET);
    let [one, two] = [(); 2].map(|()| user.aes(&[flag(a::EXTRACTABLE, true)]).object);
    let wrapped = user.wrap(key, gcm_with(1, b""), one).unwrap();
    assert_eq!(user.wrap(key, gcm_with(1, b""), one), Ok(wrapped));
    assert_eq!(user.wrap(key, gcm_with(1, b""), two), Err(E::MechanismParameter));
    assert_eq!(user.wrap(key, gcm_with(1, b"other"), one), Err(E::MechanismParameter));
    assert_eq!(user.encrypt(key, gcm_with(1, b""), b"x"), Err(E::MechanismParameter));
}
