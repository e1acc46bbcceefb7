//! `coffer call`: batches, dry runs, lists and help.

use std::collections::BTreeSet;

use coffer_tests::call::{batch, create, names};
use coffer_tests::daemon::Daemon;
use serde_json::{Value, json};

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
