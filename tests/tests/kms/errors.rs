//! `coffer call`: wrong values and their codes, and the exit statuses.

use std::process::Command;

use coffer_tests::base64::{decode, encode};
use coffer_tests::call::{create, encrypt, names, right, wrong};
use coffer_tests::daemon::{Daemon, binaries};
use serde_json::{Value, json};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn wrong_values_get_their_codes() {
    let daemon = Daemon::start();
    let key = create(&daemon, "app", "ENCRYPT_DECRYPT");
    let sign = create(&daemon, "sign", "ASYMMETRIC_SIGN_VERIFY_ECC");
    let blob = encrypt(&daemon, &key, b"text", "");
    let absent = "00000000-0000-4000-8000-000000000000";
    let new = |alias: &str| json!({"Alias": alias});
    let with = |field: &str, value: Value| {
        let mut request = json!({"KeyId": key, "Plaintext": "aGk="});
        request[field] = value;
        request
    };
    let data_key = |field: &str, value: Value| json!({"KeyId": key, field: value});
    let signing = |algorithm: &str, kind: &str, message: &[u8]| json!({"KeyId": sign, "Algorithm": algorithm, "MessageType": kind, "Message": encode(message)});
    let long = "a".repeat(61);
    let pairs = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    let rows = [
        ("CreateKey", new(""), "InvalidParameterValue.InvalidAlias"),
        ("CreateKey", new(&long), "InvalidParameterValue.InvalidAlias"),
        ("CreateKey", new("-a"), "InvalidParameterValue.InvalidAlias"),
        ("CreateKey", new("a b"), "InvalidParameterValue.InvalidAlias"),
        ("CreateKey", new("KMS-a"), "InvalidParameterValue.InvalidAlias"),
        ("CreateKey", new("app"), "InvalidParameterValue.AliasAlreadyExists"),
        ("CreateKey", json!({}), "MissingParameter"),
        ("CreateKey", json!({"Alias": 1}), "InvalidParameter"),
        ("CreateKey", json!({"Alias": "b", "alias": "b"}), "InvalidParameter"),
        (
            "CreateKey",
            json!({"Alias": "b", "Description": "x".repeat(1025)}),
            "InvalidParameterValue",
        ),
        (
            "CreateKey",
            json!({"Alias": "b", "KeyUsage": "SIGN"}),
            "InvalidParameterValue.InvalidKeyUsage",
        ),
        (
            "CreateKey",
            json!({"Alias": "b", "KeyUsage": "PKCS11"}),
            "InvalidParameterValue.InvalidKeyUsage",
        ),
        ("CreateKey", json!({"Alias": "b", "Type": 3}), "InvalidParameterValue.InvalidType"),
        ("CreateKey", json!({"Alias": "b", "KeySpec": "DES"}), "InvalidParameterValue"),
        (
            "CreateKey",
            json!({"Alias": "b", "HsmClusterId": "c"}),
            "InvalidParameterValue.InvalidHsmClusterId",
        ),
        (
            "CreateKey",
            json!({"Alias": "b", "Tags": [{"TagKey": "k", "TagValue": "1"}, {"TagKey": "k", "TagValue": "2"}]}),
            "InvalidParameterValue.TagKeysDuplicated",
        ),
        ("DescribeKey", json!({"KeyId": "app"}), "InvalidParameterValue.InvalidKeyId"),
        ("DescribeKey", json!({"KeyId": "alias/-"}), "InvalidParameterValue.InvalidKeyId"),
        ("DescribeKey", json!({"KeyId": absent}), "ResourceUnavailable.CmkNotFound"),
        ("EnableKey", json!({"KeyId": "alias/none"}), "ResourceUnavailable.CmkNotFound"),
        ("DisableKey", json!({"KeyId": absent}), "ResourceUnavailable.CmkNotFound"),
        ("ListKeys", json!({"Limit": 0}), "InvalidParameterValue"),
        ("ListKeys", json!({"Limit": 201}), "InvalidParameterValue"),
        ("ListKeys", json!({"Offset": -1}), "InvalidParameterValue"),
        ("ListKeys", json!({"Role": 2}), "InvalidParameterValue"),
        ("ListKeyDetail", json!({"OrderType": 2}), "InvalidParameterValue"),
        ("ListKeyDetail", json!({"KeyState": 6}), "InvalidParameterValue"),
        ("ListKeyDetail", json!({"Origin": "external"}), "InvalidParameterValue"),
        ("ListKeyDetail", json!({"KeyUsage": "NONE"}), "InvalidParameterValue.InvalidKeyUsage"),
        ("Encrypt", with("Plaintext", json!("")), "InvalidParameterValue.InvalidPlaintext"),
        (
            "Encrypt",
            with("Plaintext", json!(encode(&[0; 4097]))),
            "InvalidParameterValue.InvalidPlaintext",
        ),
        ("Encrypt", with("Plaintext", json!("aGk")), "InvalidParameter"),
        ("Encrypt", with("Plaintext", json!(1)), "InvalidParameter"),
        ("Encrypt", with("Unknown", json!(1)), "InvalidParameter"),
        ("Encrypt", json!({"KeyId": key}), "MissingParameter"),
        ("Encrypt", with("KeyId", json!(sign)), "InvalidParameterValue.InvalidKeyUsage"),
        ("Encrypt", with("EncryptionContext", json!("[]")), "InvalidParameterValue"),
        ("Encrypt", with("EncryptionContext", json!("{\"a\":1}")), "InvalidParameterValue"),
        (
            "Encrypt",
            with("EncryptionContext", json!("{\"a\":\"1\",\"a\":\"1\"}")),
            "InvalidParameterValue",
        ),
        ("Encrypt", with("EncryptionContext", json!(pairs(1025))), "InvalidParameterValue"),
        ("Encrypt", with("EncryptionContext", json!({"a": "1"})), "InvalidParameter"),
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "ExpectedKeyId": sign}),
            "InvalidParameterValue.InvalidKeyId",
        ),
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "ExpectedKeyId": "x"}),
            "InvalidParameterValue.InvalidKeyId",
        ),
        ("Decrypt", json!({}), "MissingParameter"),
        ("GenerateDataKey", json!({"KeyId": key}), "MissingParameter"),
        ("GenerateDataKey", data_key("KeySpec", json!("AES_192")), "InvalidParameterValue"),
        ("GenerateDataKey", data_key("NumberOfBytes", json!(0)), "InvalidParameterValue"),
        ("GenerateDataKey", data_key("NumberOfBytes", json!(1025)), "InvalidParameterValue"),
        ("GenerateRandom", json!({}), "MissingParameter"),
        ("GenerateRandom", json!({"NumberOfBytes": 0}), "InvalidParameterValue"),
        ("GenerateRandom", json!({"NumberOfBytes": 1025}), "InvalidParameterValue"),
        ("GenerateRandom", json!({"NumberOfBytes": "9"}), "InvalidParameter"),
        ("GenerateRandom", json!({"NumberOfBytes": 1.5}), "InvalidParameter"),
        ("GetPublicKey", json!({"KeyId": key}), "InvalidParameterValue.InvalidKeyUsage"),
        (
            "SignByAsymmetricKey",
            signing("ECC_P256_R1", "DIGEST", &[1; 31]),
            "InvalidParameterValue",
        ),
        ("SignByAsymmetricKey", signing("ECC_P256_R1", "RAW", &[1; 4097]), "InvalidParameterValue"),
        ("SignByAsymmetricKey", signing("ECC_P256_R1", "HASH", &[1; 32]), "InvalidParameterValue"),
        ("SignByAsymmetricKey", signing("MD5", "RAW", b"m"), "InvalidParameterValue"),
        (
            "SignByAsymmetricKey",
            signing("RSA_PSS_SHA_256", "RAW", b"m"),
            "InvalidParameterValue.InvalidKeyUsage",
        ),
        ("GetRegions", json!({"X": 1}), "InvalidParameter"),
    ];
    for (action, request, code) in rows {
        assert_eq!(wrong(&daemon, action, &request), (code.to_owned(), 1), "{action} {request}");
    }
    // The largest values that are right.
    let request = json!({"Alias": "a".repeat(60), "Description": "x".repeat(1024)});
    assert_eq!(daemon.call("CreateKey", &request).0, 0);
    for length in [1, 4096] {
        let blob = encrypt(&daemon, &key, &vec![7; length], &pairs(1024));
        let request = json!({"CiphertextBlob": blob, "EncryptionContext": pairs(1024), "ExpectedKeyId": "alias/app"});
        let opened = right(&daemon, "Decrypt", &request, "KeyId Plaintext");
        assert_eq!(decode(opened["Plaintext"].as_str().unwrap()), vec![7; length]);
    }
    for length in [1, 1024] {
        let request = json!({"NumberOfBytes": length});
        right(&daemon, "GenerateRandom", &request, "Plaintext");
    }
}

#[test]
fn the_command_keeps_its_exit_statuses() {
    let daemon = Daemon::start();
    let status = |arguments: &[&str]| daemon.coffer(arguments).status.code().unwrap();
    assert_eq!(status(&["call", "GetRegions"]), 0);
    assert_eq!(status(&["call", "NoSuchAction"]), 2);
    assert_eq!(status(&["call"]), 2);
    assert_eq!(wrong(&daemon, "GenerateRandom", &json!([])).1, 1);
    let output = daemon.coffer(&["call", "Encrypt", "{not json"]);
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &reply["Error"]["Code"]),
        (Some(1), &json!("InvalidParameter"))
    );
    let missing = Command::new(binaries().join("coffer"))
        .args(["call", "GetRegions"])
        .env("COFFER_SOCKET", daemon.directory().join("nobody.sock"))
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(3));
    let reply: Value = serde_json::from_slice(&missing.stdout).unwrap();
    assert_eq!(names(&reply), ["Error", "RequestId"].into());
    assert_eq!(status(&["call", "--partition", "none", "GetRegions"]), 1);
}
