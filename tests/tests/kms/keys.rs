//! `coffer call`: keys made, described, listed, and switched, by the documented names.

use std::collections::BTreeSet;

use coffer_tests::base64::decode;
use coffer_tests::call::{batch, create, encrypt, names, right, wrong};
use coffer_tests::daemon::Daemon;
use serde_json::{Value, json};

/// Fields of KeyMetadata.
const METADATA: &str = "KeyId Alias CreateTime Description KeyState KeyUsage Type CreatorUin \
    CreatorUinString KeyRotationEnabled Owner NextRotateTime DeletionDate Origin ValidTo ResourceId \
    HsmClusterId RotateDays LastRotateTime IsSyncReplica SourceRegion SyncStatus SyncMessages \
    SyncStartTime SyncEndTime SourceHsmClusterId AccountAppId AccountUin AccountName KeySpec KeyVersion";

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
