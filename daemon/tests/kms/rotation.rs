//! Versions of keys: made on demand and by themselves, all of which decrypt.

use std::collections::HashSet;
use std::path::Path;

use coffer_protocol::message::json::from_base64;
use coffer_protocol::operation::kms;
use serde_json::{Value, json};

use crate::support::{DAY, Hsm, START};

fn status(hsm: &Hsm, key: &str) -> Value {
    hsm.call::<kms::GetKeyRotationStatus>(json!({ "KeyId": key }))
}

fn version(hsm: &Hsm, key: &str) -> Value {
    hsm.call::<kms::DescribeKey>(json!({ "KeyId": key }))["KeyMetadata"]["KeyVersion"].clone()
}

#[test]
fn every_version_decrypts_and_re_encryption_moves_to_the_newest() {
    let mut hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app", "RotateDays": 7 }));
    let mut blobs = vec![hsm.encrypt(&key).unwrap()];
    for round in 1..=5 {
        hsm.pass(7 * DAY);
        assert_eq!(version(&hsm, &key), json!(round + 1));
        blobs.push(hsm.encrypt(&key).unwrap());
    }
    hsm.restart();
    for blob in &blobs {
        assert_eq!(hsm.decrypt(blob).unwrap(), json!("c2VjcmV0"));
    }
    let newest = blobs.last().unwrap();
    let moved = hsm.call::<kms::ReEncrypt>(json!({ "CiphertextBlob": blobs[0] }));
    assert_eq!((&moved["ReEncrypted"], &moved["SourceKeyId"]), (&json!(true), &moved["KeyId"]));
    let again = hsm.call::<kms::ReEncrypt>(json!({ "CiphertextBlob": moved["CiphertextBlob"] }));
    assert_eq!(again["ReEncrypted"], json!(false));
    assert_eq!(again["CiphertextBlob"], moved["CiphertextBlob"]);
    let kept = hsm.call::<kms::ReEncrypt>(json!({ "CiphertextBlob": newest }));
    assert_eq!(kept["CiphertextBlob"], *newest);
    let context = r#"{"a":"b"}"#;
    let other = json!({ "CiphertextBlob": newest, "DestinationEncryptionContext": context });
    let bound = hsm.call::<kms::ReEncrypt>(other);
    assert_eq!(bound["ReEncrypted"], json!(true));
    assert_eq!(
        hsm.decrypt(&bound["CiphertextBlob"]),
        Err("InvalidParameterValue.InvalidCiphertext".to_owned())
    );
}

/// What may come once only: version, salt and nonce, of which the first two make the key of a message.
fn once(blob: &Value) -> Vec<u8> {
    from_base64(blob).unwrap()[22..54].to_vec()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
fn no_key_and_nonce_come_twice_over_rotations_restarts_and_an_old_state() {
    let mut hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app", "RotateDays": 7 }));
    let mut made = Vec::new();
    let mut encrypt = |hsm: &Hsm| {
        for _ in 0..20 {
            let blob = hsm.encrypt(&key).unwrap();
            made.push(once(&blob));
            let again =
                json!({ "CiphertextBlob": blob, "DestinationEncryptionContext": r#"{"a":"b"}"# });
            made.push(once(&hsm.call::<kms::ReEncrypt>(again)["CiphertextBlob"]));
            let wanted = json!({ "KeyId": key, "KeySpec": "AES_256" });
            let data_key = hsm.call::<kms::GenerateDataKey>(wanted.clone());
            made.push(once(&data_key["CiphertextBlob"]));
            let data_key = hsm.call::<kms::GenerateDataKeyWithoutPlaintext>(wanted);
            made.push(once(&data_key["CiphertextBlob"]));
        }
    };
    let old = tempfile::tempdir().unwrap();
    for round in 0..4 {
        encrypt(&hsm);
        hsm.stop();
        if round == 1 {
            copy(hsm.directory(), old.path());
        }
        hsm.restart_closed();
        encrypt(&hsm);
        hsm.pass(7 * DAY);
    }
    assert_eq!(version(&hsm, &key), json!(5));
    hsm.stop();
    std::fs::remove_dir_all(hsm.directory()).unwrap();
    copy(old.path(), hsm.directory());
    hsm.restart_closed();
    encrypt(&hsm);
    assert_ne!(version(&hsm, &key), json!(5), "an old state");
    let versions: HashSet<&[u8]> = made.iter().map(|once| &once[..4]).collect();
    assert_eq!(versions.len(), 4);
    let distinct: HashSet<&Vec<u8>> = made.iter().collect();
    assert_eq!((made.len(), distinct.len()), (9 * 80, 9 * 80));
}

#[test]
fn rotation_on_demand_is_once_a_day_and_begins_the_period_anew() {
    let hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app" }));
    let of_key = || json!({ "KeyId": key });
    let off = hsm.ask::<kms::RotateKey>(of_key());
    assert_eq!(off, Err("UnsupportedOperation.RotateNotSupported".to_owned()));
    hsm.call::<kms::EnableKeyRotation>(json!({ "KeyId": key, "RotateDays": 30 }));
    hsm.pass(DAY);
    assert_eq!(hsm.call::<kms::RotateKey>(of_key())["TaskId"].as_str().unwrap().len(), 36);
    let expected = json!({
        "KeyRotationEnabled": true, "RotateDays": 30, "LastRotateTime": START + DAY,
        "NextRotateTime": START + 31 * DAY, "NumberOfRotations": 1,
    });
    assert_eq!(status(&hsm, &key), expected);
    hsm.pass(DAY - 1);
    let soon = hsm.ask::<kms::RotateKey>(of_key());
    assert_eq!(soon, Err("RequestLimitExceeded.RotateRateLimited".to_owned()));
    hsm.pass(1);
    hsm.call::<kms::RotateKey>(of_key());
    hsm.call::<kms::DisableKeyRotation>(of_key());
    assert_eq!(status(&hsm, &key)["NextRotateTime"], json!(0));
    hsm.pass(400 * DAY);
    assert_eq!(version(&hsm, &key), json!(3));
}

#[test]
fn a_rotation_that_is_overdue_waits_until_the_key_is_enabled() {
    let hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app", "RotateDays": 7 }));
    hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
    hsm.pass(20 * DAY);
    assert_eq!(version(&hsm, &key), json!(1));
    hsm.call::<kms::EnableKey>(json!({ "KeyId": key }));
    hsm.service().tick();
    assert_eq!(version(&hsm, &key), json!(2));
    assert_eq!(hsm.alarms(&key), ["Rotation.Overdue"]);
    assert_eq!(status(&hsm, &key)["NextRotateTime"], json!(START + 27 * DAY));
}

#[test]
fn only_symmetric_keys_that_were_made_here_rotate() {
    let hsm = Hsm::new();
    let external = hsm.create(json!({ "Alias": "external", "Type": 2 }));
    let pair = hsm.create(json!({ "Alias": "pair", "KeyUsage": "ASYMMETRIC_SIGN_VERIFY_ECC" }));
    let mac = hsm.create(json!({ "Alias": "mac", "KeyUsage": "GENERATE_VERIFY_MAC" }));
    let rows = [
        (&external, "UnsupportedOperation.ExternalCmkCanNotRotate"),
        (&pair, "UnsupportedOperation.RotateNotSupported"),
        (&mac, "UnsupportedOperation.RotateNotSupported"),
    ];
    for (key, code) in rows {
        let asked = hsm.ask::<kms::EnableKeyRotation>(json!({ "KeyId": key }));
        assert_eq!(asked, Err(code.to_owned()));
        let asked = hsm.ask::<kms::RotateKey>(json!({ "KeyId": key }));
        assert_eq!(asked, Err("UnsupportedOperation.RotateNotSupported".to_owned()));
    }
    for days in [6, 366, 0, -1] {
        let fields = json!({ "KeyId": pair, "RotateDays": days });
        let asked = hsm.ask::<kms::EnableKeyRotation>(fields);
        assert_eq!(asked, Err("InvalidParameterValue".to_owned()), "{days}");
    }
}
