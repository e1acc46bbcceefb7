//! `coffer call`: every KMS action by its documented names, right and wrong.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use coffer_tests::base64::{decode, encode};
use coffer_tests::daemon::{Daemon, binaries};
use serde_json::{Value, json};

/// Fields of KeyMetadata.
const METADATA: &str = "KeyId Alias CreateTime Description KeyState KeyUsage Type CreatorUin \
    CreatorUinString KeyRotationEnabled Owner NextRotateTime DeletionDate Origin ValidTo ResourceId \
    HsmClusterId RotateDays LastRotateTime IsSyncReplica SourceRegion SyncStatus SyncMessages \
    SyncStartTime SyncEndTime SourceHsmClusterId AccountAppId AccountUin AccountName KeySpec KeyVersion";

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Calls and expects exactly these fields beside `RequestId`.
fn right(daemon: &Daemon, action: &str, request: &Value, fields: &str) -> Value {
    let (status, reply) = daemon.call(action, request);
    assert_eq!(status, 0, "{action} {request}: {reply}");
    let expected = fields.split_whitespace().chain(["RequestId"]).collect();
    assert_eq!(names(&reply), expected, "{action}");
    assert_eq!(reply["RequestId"].as_str().unwrap().len(), 36);
    reply
}

/// Calls and expects an error of the documented shape; returns its code and the exit status.
fn wrong(daemon: &Daemon, action: &str, request: &Value) -> (String, i32) {
    let (status, reply) = daemon.call(action, request);
    assert_eq!(names(&reply), ["Error", "RequestId"].into(), "{action} {request}: {reply}");
    assert_eq!(names(&reply["Error"]), ["Code", "Message"].into());
    assert!(!reply["Error"]["Message"].as_str().unwrap().is_empty());
    (reply["Error"]["Code"].as_str().unwrap().to_owned(), status)
}

fn create(daemon: &Daemon, alias: &str, usage: &str) -> String {
    let (status, reply) = daemon.call("CreateKey", &json!({"Alias": alias, "KeyUsage": usage}));
    assert_eq!(status, 0, "{reply}");
    reply["KeyId"].as_str().unwrap().to_owned()
}

fn encrypt(daemon: &Daemon, key: &str, plaintext: &[u8], context: &str) -> String {
    let request =
        json!({"KeyId": key, "Plaintext": encode(plaintext), "EncryptionContext": context});
    let reply = right(daemon, "Encrypt", &request, "CiphertextBlob KeyId");
    reply["CiphertextBlob"].as_str().unwrap().to_owned()
}

#[test]
fn every_action_answers_under_its_documented_names() {
    let daemon = Daemon::start();
    let created = right(
        &daemon,
        "CreateKey",
        &json!({"Alias": "app", "Description": "d", "Tags": [{"TagKey": "k", "TagValue": "v"}]}),
        "KeyId Alias CreateTime Description KeyState KeyUsage TagCode TagMsg HsmClusterId",
    );
    assert_eq!(
        (&created["Alias"], &created["KeyState"], &created["KeyUsage"]),
        (&json!("app"), &json!("Enabled"), &json!("ENCRYPT_DECRYPT"))
    );
    let id = created["KeyId"].as_str().unwrap();
    for name in [id, "alias/app"] {
        let described = right(&daemon, "DescribeKey", &json!({"KeyId": name}), "KeyMetadata");
        let metadata = &described["KeyMetadata"];
        assert_eq!(names(metadata), METADATA.split_whitespace().collect());
        assert_eq!((&metadata["KeyId"], &metadata["Description"]), (&json!(id), &json!("d")));
        assert_eq!(
            metadata["ResourceId"],
            json!(format!("creatorUin/{}/{id}", nix::unistd::getuid()))
        );
        let fixed = json!([metadata["Origin"], metadata["Type"], metadata["Owner"]]);
        assert_eq!(fixed, json!(["TENCENT_KMS", 2, "user"]));
    }
    let listed = right(&daemon, "ListKeys", &json!({}), "Keys TotalCount");
    assert_eq!(listed["Keys"], json!([{"KeyId": id}]));
    let detail = right(&daemon, "ListKeyDetail", &json!({}), "KeyMetadatas TotalCount");
    assert_eq!(names(&detail["KeyMetadatas"][0]), METADATA.split_whitespace().collect());
    for action in ["DisableKey", "DisableKey", "EnableKey", "EnableKey"] {
        right(&daemon, action, &json!({"KeyId": id}), "");
    }
    let data_key = right(
        &daemon,
        "GenerateDataKey",
        &json!({"KeyId": id, "KeySpec": "AES_128", "NumberOfBytes": 1024}),
        "KeyId Plaintext CiphertextBlob TagCode TagMsg",
    );
    assert_eq!(decode(data_key["Plaintext"].as_str().unwrap()).len(), 1024);
    let opened = json!({"CiphertextBlob": data_key["CiphertextBlob"]});
    let opened = right(&daemon, "Decrypt", &opened, "KeyId Plaintext");
    assert_eq!((&opened["Plaintext"], &opened["KeyId"]), (&data_key["Plaintext"], &json!(id)));
    let random = right(&daemon, "GenerateRandom", &json!({"NumberOfBytes": 24}), "Plaintext");
    assert_eq!(decode(random["Plaintext"].as_str().unwrap()).len(), 24);
    let status = right(
        &daemon,
        "GetServiceStatus",
        &json!({}),
        "ServiceEnabled InvalidType UserLevel ProExpireTime ProRenewFlag ProResourceId \
         ExclusiveVSMEnabled ExclusiveHSMEnabled SubscriptionInfo CmkUserCount CmkLimit \
         IsAllowedDataKeyHosted DataKeyLimit FreeDataKeyLimit DataKeyUsedCount IsAllowedSync",
    );
    assert_eq!((&status["ServiceEnabled"], &status["CmkUserCount"]), (&json!(true), &json!(1)));
    let algorithms = right(
        &daemon,
        "ListAlgorithms",
        &json!({}),
        "SymmetricAlgorithms AsymmetricAlgorithms AsymmetricSignVerifyAlgorithms MacAlgorithms \
         KeyAgreementAlgorithms",
    );
    for kind in ["SymmetricAlgorithms", "AsymmetricAlgorithms", "AsymmetricSignVerifyAlgorithms"] {
        for algorithm in algorithms[kind].as_array().unwrap() {
            assert_eq!(names(algorithm), ["KeyUsage", "Algorithm"].into());
        }
    }
    let regions = right(&daemon, "GetRegions", &json!({}), "Regions");
    assert_eq!(regions["Regions"], json!(["local", "dev"]));
}

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
fn whatever_is_wrong_with_a_ciphertext_the_answer_is_the_same() {
    let daemon = Daemon::start();
    let key = create(&daemon, "app", "ENCRYPT_DECRYPT");
    let context = r#"{"tenant":"7","app":"x"}"#;
    let blob = decode(&encrypt(&daemon, &key, b"twenty bytes of text", context));
    let decrypt = |blob: &[u8], context: &str| {
        daemon
            .call("Decrypt", &json!({"CiphertextBlob": encode(blob), "EncryptionContext": context}))
    };
    assert_eq!(decrypt(&blob, r#" {"app": "x", "tenant": "7"}"#).0, 0, "order does not matter");
    let code = |reply: &Value| reply["Error"]["Code"].as_str().unwrap_or("none").to_owned();
    let expected = "InvalidParameterValue.InvalidCiphertext";
    for other in ["", "{}", r#"{"tenant":"7"}"#, r#"{"tenant":"7","APP":"x"}"#] {
        assert_eq!(code(&decrypt(&blob, other).1), expected, "{other}");
    }
    for length in [0, 1, blob.len() / 2, blob.len() - 1] {
        assert_eq!(code(&decrypt(&blob[..length], context).1), expected, "{length}");
    }
    assert_eq!(code(&decrypt(&[&blob[..], b"x"].concat(), context).1), expected);
    let requests: Vec<String> = (0..blob.len())
        .map(|at| {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            let fields = json!({"CiphertextBlob": encode(&changed), "EncryptionContext": context});
            json!({"Action": "Decrypt", "Request": fields}).to_string()
        })
        .collect();
    for (at, reply) in batch(&daemon, &requests).1.iter().enumerate() {
        let code = code(reply);
        // A changed id names another key, and that there is none is no secret.
        assert!(code == expected || code == "ResourceUnavailable.CmkNotFound", "{at}: {code}");
    }
}

/// Exit status and one reply per line.
fn batch(daemon: &Daemon, requests: &[String]) -> (i32, Vec<Value>) {
    let output = daemon.coffer_with(&["call", "--batch"], requests.join("\n").as_bytes());
    let lines = String::from_utf8(output.stdout).unwrap();
    let replies: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(replies.len(), requests.len());
    (output.status.code().unwrap(), replies)
}

#[test]
fn the_state_of_a_key_decides_what_it_does() {
    let daemon = Daemon::start();
    let key = create(&daemon, "app", "ENCRYPT_DECRYPT");
    let signing = create(&daemon, "sign", "ASYMMETRIC_SIGN_VERIFY_ECC");
    let blob = encrypt(&daemon, &key, b"text", "");
    let message = json!({"KeyId": signing, "Algorithm": "ECC_P256_R1", "Message": "aGk="});
    let signed = right(&daemon, "SignByAsymmetricKey", &message, "Signature");
    let mut verify = message.clone();
    verify["SignatureValue"] = signed["Signature"].clone();
    let uses = [
        (
            "Encrypt",
            json!({"KeyId": key, "Plaintext": "aGk="}),
            "CmkDisabled",
            "CmkStateNotSupport",
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256"}),
            "CmkDisabled",
            "CmkStateNotSupport",
        ),
        ("Decrypt", json!({"CiphertextBlob": blob}), "CmkDisabled", ""),
        ("SignByAsymmetricKey", message, "CmkDisabled", ""),
        ("VerifyByAsymmetricKey", verify, "CmkDisabled", ""),
        ("GetPublicKey", json!({"KeyId": signing}), "CmkStateNotSupport", ""),
    ];
    for state in ["DisableKey", "EnableKey", "DisableKey"] {
        for id in [&key, &signing] {
            assert_eq!(daemon.call(state, &json!({"KeyId": id})).0, 0);
        }
        for (action, request, disabled, _) in &uses {
            let (status, reply) = daemon.call(action, request);
            if state == "EnableKey" {
                assert_eq!(status, 0, "{action}: {reply}");
            } else {
                let code = format!("ResourceUnavailable.{disabled}");
                assert_eq!((status, &reply["Error"]["Code"]), (1, &json!(code)), "{action}");
            }
        }
        // Describing works in every state.
        assert_eq!(daemon.call("DescribeKey", &json!({"KeyId": key})).0, 0);
    }
    let (_, external) = daemon.call("CreateKey", &json!({"Alias": "ext", "Type": 2}));
    assert_eq!(external["KeyState"], "PendingImport");
    for (action, request, _, pending) in &uses {
        if !pending.is_empty() {
            let mut request = request.clone();
            request["KeyId"] = external["KeyId"].clone();
            let code = format!("ResourceUnavailable.{pending}");
            assert_eq!(wrong(&daemon, action, &request), (code, 1), "{action}");
        }
    }
    for action in ["EnableKey", "DisableKey"] {
        let code = "ResourceUnavailable.CmkStateNotSupport".to_owned();
        assert_eq!(wrong(&daemon, action, &json!({"KeyId": external["KeyId"]})), (code, 1));
    }
}

#[test]
fn lists_are_paged_ordered_and_filtered() {
    let daemon = Daemon::start();
    let requests: Vec<String> = (0..15)
        .map(|number| {
            let tag = json!([{"TagKey": "parity", "TagValue": (number % 2).to_string()}]);
            let fields = json!({"Alias": format!("key-{number:02}"), "Tags": tag});
            json!({"Action": "CreateKey", "Request": fields}).to_string()
        })
        .collect();
    let made: Vec<Value> =
        batch(&daemon, &requests).1.into_iter().map(|reply| reply["KeyId"].clone()).collect();
    create(&daemon, "signing", "ASYMMETRIC_SIGN_VERIFY_ECC");
    assert_eq!(daemon.call("DisableKey", &json!({"KeyId": made[3]})).0, 0);
    daemon.call("CreateKey", &json!({"Alias": "ext", "Type": 2}));

    let ids = |request: Value| {
        let listed = right(&daemon, "ListKeys", &request, "Keys TotalCount");
        assert_eq!(listed["TotalCount"], 17);
        let keys = listed["Keys"].as_array().unwrap();
        keys.iter().map(|key| key["KeyId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(json!({})).len(), 10);
    let all = ids(json!({"Limit": 200}));
    let different: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!((all.len(), different.len()), (17, 17));
    assert_eq!([ids(json!({"Limit": 9})), ids(json!({"Offset": 9, "Limit": 9}))].concat(), all);
    assert!(ids(json!({"Offset": 17})).is_empty());
    let services = right(&daemon, "ListKeys", &json!({"Role": 1}), "Keys TotalCount");
    assert_eq!(services["TotalCount"], 0);

    let count = |request: Value| {
        let listed = right(&daemon, "ListKeyDetail", &request, "KeyMetadatas TotalCount");
        listed["TotalCount"].as_u64().unwrap()
    };
    for (request, expected) in [
        (json!({}), 16),
        (json!({"KeyUsage": "ALL"}), 17),
        (json!({"KeyUsage": "ASYMMETRIC_SIGN_VERIFY_ECC"}), 1),
        (json!({"KeyState": 1}), 14),
        (json!({"KeyState": 2}), 1),
        (json!({"KeyState": 3}), 0),
        (json!({"KeyState": 4}), 1),
        (json!({"Origin": "EXTERNAL"}), 1),
        (json!({"Origin": "TENCENT_KMS"}), 15),
        (json!({"Origin": "ALL"}), 16),
        (json!({"SearchKeyAlias": "key-0"}), 10),
        (json!({"SearchKeyAlias": made[4]}), 1),
        (json!({"SearchKeyAlias": "KEY"}), 0),
        (json!({"TagFilters": [{"TagKey": "parity", "TagValue": ["1"]}]}), 7),
        (json!({"TagFilters": [{"TagKey": "parity", "TagValue": ["1", "0"]}]}), 15),
        (
            json!({"TagFilters": [{"TagKey": "parity", "TagValue": ["1"]}, {"TagKey": "no", "TagValue": ["1"]}]}),
            0,
        ),
    ] {
        assert_eq!(count(request.clone()), expected, "{request}");
    }
    let times = |order: i64| {
        let request = json!({"OrderType": order, "Limit": 200});
        let (_, listed) = daemon.call("ListKeyDetail", &request);
        let keys = listed["KeyMetadatas"].as_array().unwrap();
        keys.iter().map(|key| key["CreateTime"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert!(times(0).is_sorted_by(|a, b| a >= b) && times(1).is_sorted());
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

#[test]
fn the_list_and_the_help_name_every_action_and_field() {
    let daemon = Daemon::start();
    let text = |arguments: &[&str]| {
        let output = daemon.coffer(arguments);
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let list = text(&["call", "--list"]);
    let listed: Vec<&str> =
        list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for action in
        "CreateKey DescribeKey ListKeys ListKeyDetail EnableKey DisableKey Encrypt Decrypt \
        GenerateDataKey GenerateRandom GetPublicKey SignByAsymmetricKey VerifyByAsymmetricKey \
        GetServiceStatus ListAlgorithms GetRegions"
            .split_whitespace()
    {
        assert!(listed.contains(&action), "{action}");
    }
    for action in listed {
        assert!(text(&["call", action, "--help"]).starts_with(&format!("{action}: ")), "{action}");
    }
    let help = text(&["call", "Encrypt", "--help"]);
    for field in ["KeyId", "Plaintext", "EncryptionContext", "CiphertextBlob"] {
        assert!(help.contains(field), "{field}");
    }
}

#[test]
fn a_dry_run_decides_and_changes_nothing() {
    let daemon = Daemon::start();
    let key = create(&daemon, "app", "ENCRYPT_DECRYPT");
    let dry = |action: &str, request: Value| {
        let output = daemon.coffer(&["call", "--dry-run", action, &request.to_string()]);
        let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), reply)
    };
    for (action, request) in [
        ("CreateKey", json!({"Alias": "other"})),
        ("DisableKey", json!({"KeyId": key})),
        ("Encrypt", json!({"KeyId": key, "Plaintext": "aGk="})),
        ("GenerateRandom", json!({"NumberOfBytes": 8})),
    ] {
        let (status, reply) = dry(action, request);
        assert_eq!((status, names(&reply)), (0, ["RequestId"].into()), "{action}");
    }
    let (status, reply) = dry("CreateKey", json!({"Alias": "app"}));
    let code = json!("InvalidParameterValue.AliasAlreadyExists");
    assert_eq!((status, &reply["Error"]["Code"]), (1, &code));
    let (_, listed) = daemon.call("ListKeyDetail", &json!({"KeyUsage": "ALL"}));
    assert_eq!(listed["TotalCount"], 1);
    assert_eq!(listed["KeyMetadatas"][0]["KeyState"], "Enabled");
}

#[test]
fn a_batch_answers_each_line_with_the_object_of_a_single_call() {
    let daemon = Daemon::start();
    create(&daemon, "app", "ENCRYPT_DECRYPT");
    let requests = [
        json!({"Action": "GetRegions"}).to_string(),
        json!({"Action": "DescribeKey", "Request": {"KeyId": "alias/none"}}).to_string(),
        json!({"Action": "Nothing", "Request": {}}).to_string(),
        "{broken".to_owned(),
        json!({"Action": "GetRegions", "Other": 1}).to_string(),
        json!({"Action": "DescribeKey", "Request": {"KeyId": "alias/app"}}).to_string(),
    ];
    let (status, replies) = batch(&daemon, &requests);
    assert_eq!(status, 1);
    let codes: Vec<&str> =
        replies.iter().map(|reply| reply["Error"]["Code"].as_str().unwrap_or("")).collect();
    let wrong = "InvalidParameter";
    assert_eq!(codes, ["", "ResourceUnavailable.CmkNotFound", wrong, wrong, wrong, ""]);
    let (_, single) = daemon.call("DescribeKey", &json!({"KeyId": "alias/app"}));
    assert_eq!(replies[5]["KeyMetadata"], single["KeyMetadata"]);
    let ids: BTreeSet<&str> = replies.iter().map(|r| r["RequestId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), replies.len());
}

/// Verifies with OpenSSL, which knows nothing of Coffer.
fn openssl_verifies(directory: &std::path::Path, signature: &[u8], arguments: &[&str]) -> bool {
    std::fs::write(directory.join("signature"), signature).unwrap();
    let output = Command::new("openssl")
        .current_dir(directory)
        .args(["dgst", "-verify", "public.pem", "-signature", "signature"])
        .args(arguments)
        .arg("message")
        .output()
        .expect("openssl is installed");
    output.status.success()
}

#[test]
fn openssl_verifies_the_signatures() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().unwrap();
    let message = b"signed by Coffer, verified by OpenSSL";
    std::fs::write(directory.path().join("message"), message).unwrap();
    let pss = ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    let sm2 = ["-sm3", "-sigopt", "distid:1234567812345678"];
    for (usage, algorithm, arguments) in [
        ("ASYMMETRIC_SIGN_VERIFY_ECC", "ECC_P256_R1", &["-sha256"][..]),
        ("ASYMMETRIC_SIGN_VERIFY_ECDSA384", "ECC_P384_R1", &["-sha384"]),
        ("ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PKCS1_SHA_256", &["-sha256"]),
        ("ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PSS_SHA_256", &pss),
        ("ASYMMETRIC_SIGN_VERIFY_SM2", "SM2DSA", &sm2),
    ] {
        let key = create(&daemon, &algorithm.to_lowercase().replace('.', "_"), usage);
        let public = json!({"KeyId": key});
        let public = right(&daemon, "GetPublicKey", &public, "KeyId PublicKey PublicKeyPem");
        let pem = public["PublicKeyPem"].as_str().unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        assert_eq!(body, public["PublicKey"].as_str().unwrap());
        std::fs::write(directory.path().join("public.pem"), pem).unwrap();
        let request = json!({"KeyId": key, "Algorithm": algorithm, "Message": encode(message)});
        let signed = right(&daemon, "SignByAsymmetricKey", &request, "Signature");
        let mut signature = decode(signed["Signature"].as_str().unwrap());
        assert!(openssl_verifies(directory.path(), &signature, arguments), "{algorithm}");
        let verify = |signature: &[u8], message: &[u8]| {
            let request = json!({"KeyId": key, "Algorithm": algorithm,
                "SignatureValue": encode(signature), "Message": encode(message)});
            right(&daemon, "VerifyByAsymmetricKey", &request, "SignatureValid")["SignatureValid"]
                .as_bool()
                .unwrap()
        };
        assert!(verify(&signature, message), "{algorithm}");
        assert!(!verify(&signature, b"another"), "{algorithm}");
        *signature.last_mut().unwrap() ^= 1;
        assert!(!verify(&signature, message), "{algorithm}");
        assert!(!verify(b"", message), "{algorithm}");
        assert!(!openssl_verifies(directory.path(), &signature, arguments), "{algorithm}");
    }
}

#[test]
fn a_digest_is_signed_as_it_is() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("message"), b"hashed outside").unwrap();
    for (usage, algorithm, hash, options) in [
        ("ASYMMETRIC_SIGN_VERIFY_ECC", "ECC_P256_R1", "-sha256", &[][..]),
        ("ASYMMETRIC_SIGN_VERIFY_ECDSA384", "ECC_P384_R1", "-sha384", &[]),
        ("ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PKCS1_SHA_256", "-sha256", &[]),
    ] {
        let digest = Command::new("openssl")
            .current_dir(directory.path())
            .args(["dgst", "-binary", hash, "message"])
            .output()
            .unwrap();
        let key = create(&daemon, &algorithm.to_lowercase(), usage);
        let (_, public) = daemon.call("GetPublicKey", &json!({"KeyId": key}));
        let pem = public["PublicKeyPem"].as_str().unwrap();
        std::fs::write(directory.path().join("public.pem"), pem).unwrap();
        let request = json!({"KeyId": key, "Algorithm": algorithm, "MessageType": "DIGEST",
            "Message": encode(&digest.stdout)});
        let signed = right(&daemon, "SignByAsymmetricKey", &request, "Signature");
        let signature = decode(signed["Signature"].as_str().unwrap());
        let arguments = [&[hash], options].concat();
        assert!(openssl_verifies(directory.path(), &signature, &arguments), "{algorithm}");
    }
}

#[test]
fn only_the_owner_uses_the_kms() {
    if !nix::unistd::geteuid().is_root() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED: calls of another user need root\n",
        );
        return;
    }
    let daemon = Daemon::start();
    // The binary may lie where the other user cannot go.
    let copied = tempfile::tempdir().unwrap();
    let coffer = copied.path().join("coffer");
    std::fs::copy(binaries().join("coffer"), &coffer).unwrap();
    for (path, mode) in [
        (copied.path(), 0o755),
        (&coffer, 0o755),
        (daemon.directory(), 0o755),
        (&daemon.socket(), 0o666),
        (&daemon.admin_socket(), 0o666),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let call = |action: &str, request: &str| {
        let output =
            daemon.command(&coffer).args(["call", action, request]).uid(65534).gid(65534).output();
        let output = output.unwrap();
        let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), reply["Error"]["Code"].clone())
    };
    assert_eq!(call("GetStatus", "{}"), (0, Value::Null));
    let refused = (4, json!("UnauthorizedOperation"));
    let absent = r#"{"KeyId":"00000000-0000-4000-8000-000000000000"}"#;
    create(&daemon, "app", "ENCRYPT_DECRYPT");
    for (action, request) in [
        ("CreateKey", r#"{"Alias":"x"}"#),
        ("ListKeys", "{}"),
        ("GenerateRandom", r#"{"NumberOfBytes":8}"#),
        ("Encrypt", r#"{"KeyId":"alias/app","Plaintext":"aGk="}"#),
        // Absent and forbidden cannot be told apart.
        ("DescribeKey", absent),
        ("DescribeKey", r#"{"KeyId":"alias/app"}"#),
        ("ListPartitions", "{}"),
        ("ListAuditEvents", "{}"),
    ] {
        assert_eq!(call(action, request), refused, "{action} {request}");
    }
}

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
