//! Every typed call of the client library against a real daemon, which knows by its audit log whether all were made.

use std::collections::BTreeSet;

use coffer_client::kms::{
    AlarmFilter, DataKeyLength, Destination, Import, KeyFilter, Kms, ListAlarms, ListKeyDetail,
    ListKeys, Message, NewKey, Recipient, Tag,
};
use coffer_client::{ConnectOptions, Context, Error, KeyName, Role};
use coffer_protocol::ErrorCode;
use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage, Origin};
use coffer_protocol::operation::{ALL, Face};
use coffer_tests::base64::encode;
use coffer_tests::daemon::Daemon;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};

fn open(daemon: &Daemon) -> Kms {
    Kms::open(&daemon.socket(), &ConnectOptions::new(Role::Service, "test")).unwrap()
}

fn code(error: &Error) -> ErrorCode {
    error.failure().unwrap().code()
}

/// PEM (RFC 7468) has lines of 64 characters.
fn pem(der: &[u8]) -> String {
    let body = encode(der);
    let lines: Vec<_> =
        (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn state(kms: &mut Kms, key: &KeyName) -> String {
    kms.describe_key(key).unwrap().key_state
}

#[test]
fn every_typed_call_means_what_it_says() {
    let daemon = Daemon::start();
    let mut kms = open(&daemon);
    lives(&mut kms);
    lists(&mut kms);
    encrypts(&mut kms);
    makes_data_keys(&mut kms);
    signs(&mut kms);
    imports(&mut kms);
    informs(&mut kms);
    alarms(&mut kms);

    let output = daemon.coffer(&["audit", "list", "--json", "--limit", "1000"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let made: BTreeSet<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|event| event["eventName"].as_str().unwrap().to_owned())
        .collect();
    for row in ALL.iter().filter(|row| row.face == Face::Kms) {
        assert!(made.contains(row.event_name()), "{} was not called", row.name);
    }
}

fn lives(kms: &mut Kms) {
    let key = KeyName::new("life");
    let new = NewKey::new("life")
        .description("one")
        .tag("team", "billing")
        .client_token("token")
        .rotate_every(30);
    let created = kms.create_key(&new).unwrap();
    assert_eq!(kms.create_key(&new).unwrap().key_id, created.key_id);
    let error = kms.create_key(&new.clone().description("two")).unwrap_err();
    assert_eq!(code(&error), ErrorCode::ClientTokenReused);
    let known = kms.describe_key(&key).unwrap();
    assert_eq!((known.key_id, known.rotate_days), (created.key_id.clone(), 30));
    assert_eq!((known.description.as_str(), known.key_spec.as_str()), ("one", "AES_256"));

    kms.update_key_description(&key, "two").unwrap();
    kms.update_alias(&key, "renamed").unwrap();
    let key = KeyName::new("renamed");
    assert_eq!(kms.describe_key(&key).unwrap().description, "two");
    kms.disable_key(&key).unwrap();
    assert_eq!(state(kms, &key), "Disabled");
    let dry = kms.dry_run().schedule_key_deletion(&key, 7);
    assert!(dry.is_ok() && state(kms, &key) == "Disabled");
    let scheduled = kms.schedule_key_deletion(&key, 7).unwrap();
    assert_eq!(scheduled.key_id, created.key_id);
    assert_eq!(kms.describe_key(&key).unwrap().deletion_date, scheduled.deletion_date);
    let error = kms.encrypt(&key, b"x", &Context::default()).unwrap_err();
    assert_eq!(code(&error), ErrorCode::KeyPendingDelete);
    assert_eq!(kms.cancel_key_deletion(&key).unwrap(), created.key_id);
    kms.enable_key(&key).unwrap();
    kms.archive_key(&key).unwrap();
    assert_eq!(state(kms, &key), "Archived");
    kms.cancel_key_archive(&key).unwrap();

    kms.disable_key_rotation(&key).unwrap();
    assert!(!kms.key_rotation_status(&key).unwrap().enabled);
    kms.enable_key_rotation(&key, Some(90)).unwrap();
    assert_eq!(kms.key_rotation_status(&key).unwrap().days, 90);
    assert!(!kms.rotate_key(&key).unwrap().is_empty());
    assert_eq!(code(&kms.rotate_key(&key).unwrap_err()), ErrorCode::RotateRateLimited);
    assert_eq!(kms.describe_key(&key).unwrap().key_version, 2);

    kms.bind_cloud_resource(&key, "luks", "/dev/sda").unwrap();
    assert_eq!(code(&kms.disable_key(&key).unwrap_err()), ErrorCode::CmkUsedByCloudProduct);
    let error = kms.unbind_cloud_resource(&key, "/dev/sda", "luks").unwrap_err();
    assert_eq!(code(&error), ErrorCode::BindingNotFound);
    kms.unbind_cloud_resource(&key, "luks", "/dev/sda").unwrap();

    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    kms.tag_resource(&key, &[tag("stage", "test"), tag("team", "core")]).unwrap();
    kms.untag_resource(&key, &["stage"]).unwrap();
    assert_eq!(kms.resource_tags(&key).unwrap(), [tag("team", "core")]);
}

fn lists(kms: &mut Kms) {
    let keys: Vec<_> = ["a", "b", "c"].into_iter().map(KeyName::new).collect();
    for (name, usage) in
        [("a", KeyUsage::EncryptDecrypt), ("b", KeyUsage::Mac), ("c", KeyUsage::SignEcc)]
    {
        kms.create_key(&NewKey::new(name).usage(usage)).unwrap();
    }
    kms.disable_keys(&keys).unwrap();
    let known = kms.describe_keys(&keys).unwrap();
    assert!(known.iter().map(|key| key.alias.as_str()).eq(["a", "b", "c"]));
    assert!(known.iter().all(|key| key.key_state == "Disabled"));
    let mut found = |filter: KeyFilter| {
        let found = kms.find_keys(&filter.oldest_first()).unwrap();
        assert_eq!(found.total, i64::try_from(found.keys.len()).unwrap());
        found.keys.into_iter().map(|key| key.alias).collect::<Vec<_>>()
    };
    assert_eq!(found(KeyFilter::all().state(KeyState::Disabled)), ["a", "b", "c"]);
    assert_eq!(found(KeyFilter::all()), ["renamed", "a", "b", "c"]);
    assert_eq!(found(KeyFilter::all().usage(KeyUsage::Mac)), ["b"]);
    assert_eq!(found(KeyFilter::all().search("ename")), ["renamed"]);
    assert_eq!(found(KeyFilter::all().tag("team", ["other", "core"])), ["renamed"]);
    assert!(found(KeyFilter::all().origin(Origin::External)).is_empty());
    assert!(found(KeyFilter::all().of_services()).is_empty());
    let page = kms.find_keys(&KeyFilter::all().page(3, 2)).unwrap();
    assert_eq!((page.total, page.keys.len()), (4, 1));
    let request = ListKeyDetail { key_usage: None, ..KeyFilter::all().request() };
    assert_eq!(kms.list_key_detail(&request).unwrap().total, 2);
    let request = ListKeys { offset: None, limit: None, role: None, hsm_cluster: None };
    assert_eq!(kms.list_keys(&request).unwrap().keys.len(), 4);
    kms.enable_keys(&keys).unwrap();
    assert_eq!(state(kms, &keys[2]), "Enabled");
}

fn encrypts(kms: &mut Kms) {
    let (key, other) = (KeyName::new("a"), KeyName::new("renamed"));
    let (context, none) = (Context::from([("tenant", "7")]), Context::default());
    let ciphertext = kms.encrypt(&key, b"kept", &context).unwrap();
    assert_eq!(ciphertext.len(), 4 + 70);
    assert_eq!(kms.decrypt(&ciphertext, &context).unwrap().expose_secret(), b"kept");
    assert_eq!(kms.decrypt_of(&key, &ciphertext, &context).unwrap().expose_secret(), b"kept");
    let error = kms.decrypt_of(&other, &ciphertext, &context).unwrap_err();
    assert_eq!(code(&error), ErrorCode::InvalidKeyId);
    assert_eq!(code(&kms.decrypt(&ciphertext, &none).unwrap_err()), ErrorCode::InvalidCiphertext);

    let same = Destination { key: None, context: context.clone() };
    let done = kms.re_encrypt(&ciphertext, &context, &same).unwrap();
    assert!(!done.changed && done.ciphertext == ciphertext);
    let moved = Destination { key: Some(&other), context: none.clone() };
    let done = kms.re_encrypt(&ciphertext, &context, &moved).unwrap();
    let ids = [&key, &other].map(|key| kms.describe_key(key).unwrap().key_id);
    assert_eq!((done.changed, [done.source_key_id, done.key_id]), (true, ids));
    assert_eq!(kms.decrypt(&done.ciphertext, &none).unwrap().expose_secret(), b"kept");
    let usage = kms.key_last_usage(&other).unwrap();
    assert_eq!(usage.operation.as_deref(), Some("Decrypt"));
}

fn makes_data_keys(kms: &mut Kms) {
    let (key, context) = (KeyName::new("a"), Context::from([("a", "b")]));
    for (length, bytes) in
        [(DataKeyLength::Aes128, 16), (DataKeyLength::Aes256, 32), (DataKeyLength::Bytes(7), 7)]
    {
        let made = kms.generate_data_key(&key, length, &context).unwrap();
        let opened = kms.decrypt(&made.ciphertext, &context).unwrap();
        assert_eq!(made.plaintext.expose_secret(), opened.expose_secret());
        assert_eq!(opened.expose_secret().len(), bytes);
        let kept = kms.generate_data_key_without_plaintext(&key, length, &context).unwrap();
        assert_eq!(kms.decrypt(&kept, &context).unwrap().expose_secret().len(), bytes);
    }
    let data_key: SecretSlice<u8> = vec![5; 24].into();
    let hash = Sha256::digest(data_key.expose_secret());
    let sealed = kms.encrypt_data_key(&key, &data_key, &hash, &context).unwrap();
    assert!(kms.encrypt_data_key(&key, &data_key, &[0; 32], &context).is_err());
    let opened = kms.decrypt_data_key(Some(&key), &sealed, 24, &context).unwrap();
    assert_eq!(opened.expose_secret(), data_key.expose_secret());
    assert!(kms.decrypt_data_key(None, &sealed, 23, &context).is_err());

    let pair = kms.generate_data_key_pair(&key, "ECC_NIST_P256", &context).unwrap();
    let opened = kms.decrypt(&pair.ciphertext, &context).unwrap();
    assert_eq!(pair.private_key.expose_secret(), opened.expose_secret());
    let kept = kms.generate_data_key_pair_without_plaintext(&key, "SM2", &context).unwrap();
    let opened = kms.decrypt(&kept.ciphertext, &context).unwrap();
    assert!(!opened.expose_secret().is_empty() && kept.public_key != pair.public_key);

    kms.create_key(&NewKey::new("rsa").usage(KeyUsage::DecryptRsa2048)).unwrap();
    kms.create_key(&NewKey::new("sm2").usage(KeyUsage::DecryptSm2)).unwrap();
    let length = DataKeyLength::Aes256;
    let public = kms.public_key(&KeyName::new("rsa")).unwrap();
    assert_eq!(public.pem, pem(&public.public_key.0));
    let recipient = Recipient { public_key: &public.pem, algorithm: "RSAES_OAEP_SHA_256" };
    let made = kms.generate_data_key_to(&key, length, &context, recipient).unwrap();
    let algorithm = recipient.algorithm;
    let opened = kms.rsa_decrypt(&KeyName::new("rsa"), algorithm, &made.for_recipient).unwrap();
    let kept = kms.decrypt(&made.ciphertext, &context).unwrap();
    assert_eq!(opened.expose_secret(), kept.expose_secret());
    let public = kms.public_key(&KeyName::new("sm2")).unwrap();
    let recipient = Recipient { public_key: &public.pem, algorithm: "SM2_C1C3C2_ASN1" };
    let passed = kms.decrypt_to(&made.ciphertext, &context, recipient).unwrap();
    let opened = kms.sm2_decrypt(&KeyName::new("sm2"), &passed).unwrap();
    assert_eq!(opened.expose_secret(), kept.expose_secret());
}

fn signs(kms: &mut Kms) {
    let key = KeyName::new("c");
    let digest = Sha256::digest(b"message");
    let (raw, hashed) = (Message::Raw(b"message"), Message::Digest(&digest));
    for (signed, checked) in [(raw, hashed), (hashed, raw)] {
        let signature = kms.sign(&key, "ECC_P256_R1", signed).unwrap();
        assert!(kms.verify(&key, "ECC_P256_R1", checked, &signature).unwrap());
        let other = Message::Raw(b"massage");
        assert!(!kms.verify(&key, "ECC_P256_R1", other, &signature).unwrap());
    }
    let key = KeyName::new("b");
    let mac = kms.generate_mac(&key, "HMAC_SHA_256", b"message").unwrap();
    assert_eq!(mac.len(), 32);
    assert!(kms.verify_mac(&key, "HMAC_SHA_256", b"message", &mac).unwrap());
    assert!(!kms.verify_mac(&key, "HMAC_SHA_256", b"massage", &mac).unwrap());

    let both = ["one", "two"].map(|name| {
        let key = NewKey::new(name).usage(KeyUsage::KeyAgreement).spec(KeySpec::EcP384);
        kms.create_key(&key).unwrap();
        (KeyName::new(name), kms.public_key(&KeyName::new(name)).unwrap().public_key.0)
    });
    let one = kms.derive_shared_secret(&both[0].0, &both[1].1).unwrap();
    let two = kms.derive_shared_secret(&both[1].0, &both[0].1).unwrap();
    assert_eq!((one.expose_secret().len(), one.expose_secret()), (48, two.expose_secret()));
}

fn imports(kms: &mut Kms) {
    let (key, none) = (KeyName::new("external"), Context::default());
    let created = kms.create_key(&NewKey::new("external").external()).unwrap();
    assert_eq!(created.key_state, "PendingImport");
    let algorithm = "RSAES_OAEP_SHA_256";
    // The daemon itself wraps the material: as the plaintext of a ciphertext for the public key.
    let material = kms.encrypt(&KeyName::new("a"), &[9; 32], &none).unwrap();
    let mut import = |valid_to: Option<i64>| {
        let parameters = kms.parameters_for_import(&key, algorithm, "RSA_2048").unwrap();
        let public_key = pem(&parameters.public_key.0);
        let recipient = Recipient { public_key: &public_key, algorithm };
        let wrapped = kms.decrypt_to(&material, &none, recipient).unwrap();
        let import = Import::new(&key, &parameters.token.0, &wrapped);
        let import = valid_to.map_or(import.clone(), |moment| import.valid_to(moment));
        let imported = kms.import_key_material(&import).unwrap();
        let used = kms.import_key_material(&import).unwrap_err();
        assert_eq!(code(&used), ErrorCode::TokenExpired);
        let known = kms.describe_key(&key).unwrap();
        assert_eq!(known.origin, "EXTERNAL");
        (imported, known.valid_to)
    };
    assert_eq!(import(None), (Some(KeyState::Enabled), 0));
    assert_eq!(import(Some(2_147_443_200)), (Some(KeyState::Enabled), 2_147_443_200));
    kms.delete_imported_key_material(&key).unwrap();
    assert_eq!(state(kms, &key), "PendingImport");

    // Of a pair only that both fields arrive, which the refusal of the second shows.
    let pair = KeyName::new("external-pair");
    kms.create_key(&NewKey::new("external-pair").usage(KeyUsage::SignEcc).external()).unwrap();
    let parameters = kms.parameters_for_import(&pair, algorithm, "RSA_2048").unwrap();
    let public_key = pem(&parameters.public_key.0);
    let recipient = Recipient { public_key: &public_key, algorithm };
    let wrapped = kms.decrypt_to(&material, &none, recipient).unwrap();
    let import = Import::new(&pair, &parameters.token.0, &wrapped).private_key(&[7; 40]);
    let error = kms.import_key_material(&import).unwrap_err();
    assert_eq!(code(&error), ErrorCode::DecryptMaterialError);
}

fn informs(kms: &mut Kms) {
    assert_eq!(kms.generate_random(9).unwrap().expose_secret().len(), 9);
    assert!(kms.service_status().unwrap().enabled);
    let algorithms = kms.algorithms().unwrap();
    assert!(algorithms.symmetric.iter().any(|each| each.algorithm == "SM4"));
    assert_eq!(kms.regions().unwrap()[0], "local");
    assert!(!kms.daemon_status().unwrap().state.is_empty());
}

fn alarms(kms: &mut Kms) {
    let key = KeyName::new("renamed");
    let filter = AlarmFilter::all().kind(AlarmKind::PendingDeleteUsed).key(&key);
    let found = kms.find_alarms(&filter).unwrap();
    assert_eq!((found.total, found.alarms[0].operation.as_deref()), (1, Some("Encrypt")));
    let number = found.alarms[0].number;
    assert_eq!(kms.find_alarms(&filter.clone().after(number)).unwrap().total, 0);
    let moment = found.alarms[0].time;
    let around = filter.clone().since(moment).until(moment).page(0, 1);
    assert_eq!(kms.find_alarms(&around).unwrap().alarms, found.alarms);
    assert!(kms.find_alarms(&filter.since(moment + 1000)).unwrap().alarms.is_empty());
    let request = ListAlarms { ..AlarmFilter::all().request() };
    assert!(kms.list_alarms(&request).unwrap().total >= 1);
}

#[test]
fn a_connection_is_made_anew_after_the_daemon_was_started_again() {
    let mut daemon = Daemon::start();
    let mut kms = open(&daemon);
    kms.create_key(&NewKey::new("app")).unwrap();
    daemon.kill();
    daemon.start_again(&[]);
    // A change too: the old connection is closed, so it surely was not carried out before.
    kms.disable_key(&KeyName::new("app")).unwrap();
    assert_eq!(state(&mut kms, &KeyName::new("app")), "Disabled");
}
