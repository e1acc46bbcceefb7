//! `coffer call`: every call is in the audit log, without its secrets.

use coffer_tests::base64::{decode, encode};
use coffer_tests::call::{create, right};
use coffer_tests::daemon::Daemon;
use serde_json::{Value, json};

/// The bytes of all files of the audit log.
fn audit_bytes(daemon: &Daemon) -> Vec<u8> {
    let files = std::fs::read_dir(daemon.directory().join("audit")).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn every_call_is_audited_without_its_secrets() {
    let daemon = Daemon::start();
    let key = create(&daemon, "audited-alias", "ENCRYPT_DECRYPT");
    let secret = "plaintext-that-is-secret-4711";
    let context = r#"{"tenant":"visible-0815"}"#;
    let encrypted = right(
        &daemon,
        "Encrypt",
        &json!({"KeyId": key, "Plaintext": encode(secret.as_bytes()), "EncryptionContext": context}),
        "CiphertextBlob KeyId",
    );
    let (_, data_key) =
        daemon.call("GenerateDataKey", &json!({"KeyId": key, "KeySpec": "AES_256"}));
    let mut calls = vec![("Encrypt", encrypted), ("GenerateDataKey", data_key.clone())];
    for (action, request) in [
        ("DescribeKey", json!({"KeyId": key})),
        ("ListKeys", json!({})),
        ("GetRegions", json!({})),
        ("GetServiceStatus", json!({})),
        ("ListAlgorithms", json!({})),
        ("DisableKey", json!({"KeyId": key})),
        ("Encrypt", json!({"KeyId": key, "Plaintext": "aGk="})),
        ("DescribeKey", json!({"KeyId": "alias/none"})),
    ] {
        calls.push((action, daemon.call(action, &request).1));
    }
    let output = daemon.coffer(&["audit", "list", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (action, reply) in &calls {
        let id = &reply["RequestId"];
        let event =
            events.iter().rfind(|event| event["requestID"] == *id && event["intent"].is_null());
        let event = event.or_else(|| events.iter().find(|event| event["requestID"] == *id));
        let event = event.unwrap_or_else(|| panic!("{action} {id} is not audited"));
        let expected = if *action == "ListKeys" { "ListKey" } else { action };
        assert_eq!(event["eventName"], expected);
        let code = reply["Error"]["Code"].as_str().unwrap_or("");
        let recorded = events.iter().any(|event| {
            event["requestID"] == *id
                && (event["apiErrorCode"] == code || event["errorCode"] == code)
        });
        assert!(recorded, "{action}: {code}");
    }
    let bytes = audit_bytes(&daemon);
    assert!(contains(&bytes, b"audited-alias") && contains(&bytes, b"visible-0815"));
    let data_key = data_key["Plaintext"].as_str().unwrap();
    for part in [
        secret.as_bytes(),
        encode(secret.as_bytes()).as_bytes(),
        data_key.as_bytes(),
        &decode(data_key),
    ] {
        assert!(!contains(&bytes, part));
    }
}

#[test]
fn a_changed_byte_of_the_audit_log_is_found() {
    let daemon = Daemon::start();
    create(&daemon, "audited-alias", "ENCRYPT_DECRYPT");
    let verify = || daemon.coffer(&["audit", "verify"]).status.code();
    assert_eq!(verify(), Some(0));
    let path = daemon.directory().join("audit/00000001.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(13).position(|window| window == b"audited-alias").unwrap();
    bytes[at] ^= 1;
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes[at..=at], at as u64).unwrap();
    assert_eq!(verify(), Some(1));
    let (status, reply) = daemon.call("VerifyAudit", &json!({}));
    assert!(status != 0 || reply["Valid"] == json!(false), "{reply}");
}
