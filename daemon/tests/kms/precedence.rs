//! Which error comes first, and what every field may be.

use coffer_daemon::config::LocalService;
use coffer_daemon::service::testing::Peer;
use coffer_protocol::operation::{Socket, kms};
use serde_json::{Value, json};

use crate::support::{Hsm, OWNER, ask};

const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

#[test]
fn the_first_error_is_the_one_that_the_order_names() {
    let hsm = Hsm::with(|config| {
        config.services.insert("luks".to_owned(), LocalService { uid: 7 });
    });
    let stranger = Peer::new(hsm.service(), OWNER + 1, Socket::App);
    let luks = Peer::new(hsm.service(), 7, Socket::App);
    ask::<kms::Encrypt>(&luks, json!({ "KeyId": "alias/kms-luks", "Plaintext": "aGk=" })).unwrap();
    let external = hsm.create(json!({ "Alias": "external", "Type": 2 }));
    let encrypt = |key: &str, plain: &str| json!({ "KeyId": key, "Plaintext": plain });
    let schedule = |key: &str, days: i64| json!({ "KeyId": key, "PendingWindowInDays": days });
    let code = |result: Result<Value, String>| result.err().unwrap_or_default();
    // Unknown before missing, missing before value, value before who asks, who asks before whether it is there.
    let rows = [
        (code(hsm.ask::<kms::Encrypt>(json!({ "Nonsense": 1 }))), "InvalidParameter"),
        (code(hsm.ask::<kms::Encrypt>(json!({ "KeyId": "x" }))), "MissingParameter"),
        (
            code(ask::<kms::Encrypt>(&stranger, encrypt("x", "aGk="))),
            "InvalidParameterValue.InvalidKeyId",
        ),
        (code(ask::<kms::Encrypt>(&stranger, encrypt(ABSENT, "aGk="))), "UnauthorizedOperation"),
        (code(hsm.ask::<kms::Encrypt>(encrypt(ABSENT, "aGk="))), "ResourceUnavailable.CmkNotFound"),
        (
            code(hsm.ask::<kms::ScheduleKeyDeletion>(schedule(ABSENT, 6))),
            "InvalidParameter.InvalidPendingWindowInDays",
        ),
        // Whose it is before its state; what it is for before its state.
        (
            code(hsm.ask::<kms::ScheduleKeyDeletion>(schedule("alias/kms-luks", 7))),
            "UnsupportedOperation.NotUserCreatedCmk",
        ),
        (
            code(hsm.ask::<kms::RotateKey>(json!({ "KeyId": external }))),
            "UnsupportedOperation.RotateNotSupported",
        ),
        (
            code(hsm.ask::<kms::GenerateMac>(
                json!({ "KeyId": external, "MacAlgorithm": "HMAC_SM3", "Message": "aGk=" }),
            )),
            "InvalidParameterValue.InvalidKeyUsage",
        ),
    ];
    for (index, (came, expected)) in rows.iter().enumerate() {
        assert_eq!(came, expected, "row {index}");
    }
    // The state before what is bound.
    let key = hsm.create(json!({ "Alias": "app" }));
    let binding = json!({ "KeyId": key, "ProductId": "luks", "ResourceId": "disk" });
    hsm.call::<kms::BindCloudResource>(binding.clone());
    hsm.call::<kms::BindCloudResource>(binding.clone());
    let bound = "FailedOperation.CmkUsedByCloudProduct".to_owned();
    assert_eq!(hsm.ask::<kms::DisableKey>(json!({ "KeyId": key })), Err(bound.clone()));
    assert_eq!(hsm.ask::<kms::ArchiveKey>(json!({ "KeyId": key })), Err(bound));
    let early = hsm.ask::<kms::ScheduleKeyDeletion>(schedule(&key, 7));
    assert_eq!(early, Err("ResourceUnavailable.CmkShouldBeDisabled".to_owned()));
    hsm.call::<kms::UnbindCloudResource>(binding.clone());
    let again = hsm.ask::<kms::UnbindCloudResource>(binding);
    assert_eq!(again, Err("ResourceUnavailable.CloudResourceBindingNotFound".to_owned()));
    hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
}

#[test]
fn a_service_uses_its_own_key_and_no_other_and_the_owner_cannot_take_it_away() {
    let hsm = Hsm::with(|config| {
        config.services.insert("luks".to_owned(), LocalService { uid: 7 });
    });
    let luks = Peer::new(hsm.service(), 7, Socket::App);
    let own = "alias/kms-luks";
    let key = hsm.create(json!({ "Alias": "app" }));
    assert_eq!(hsm.call::<kms::ListKeys>(json!({ "Role": 1 }))["TotalCount"], json!(0));
    let plain = json!({ "KeyId": own, "Plaintext": "aGk=" });
    let sealed = ask::<kms::Encrypt>(&luks, plain).unwrap();
    let opened = ask::<kms::Decrypt>(&luks, json!({ "CiphertextBlob": sealed["CiphertextBlob"] }));
    assert_eq!(opened.unwrap()["Plaintext"], json!("aGk="));
    let no = Err("UnauthorizedOperation".to_owned());
    let other = json!({ "KeyId": key, "Plaintext": "aGk=" });
    assert_eq!(ask::<kms::Encrypt>(&luks, other), no);
    let theirs = json!({ "CiphertextBlob": hsm.encrypt(&key).unwrap() });
    assert_eq!(ask::<kms::Decrypt>(&luks, theirs), no);
    let moved = json!({ "CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": key });
    assert_eq!(ask::<kms::ReEncrypt>(&luks, moved), no);
    assert_eq!(ask::<kms::DisableKey>(&luks, json!({ "KeyId": own })), no);
    let described = hsm.call::<kms::DescribeKey>(json!({ "KeyId": own }));
    assert_eq!(described["KeyMetadata"]["Owner"], json!("luks"));
    assert_eq!(hsm.call::<kms::ListKeys>(json!({ "Role": 1 }))["TotalCount"], json!(1));
    assert_eq!(hsm.call::<kms::ListKeyDetail>(json!({}))["TotalCount"], json!(1));
    assert_eq!(hsm.call::<kms::GetServiceStatus>(json!({}))["CmkUserCount"], json!(1));
    hsm.call::<kms::EnableKeyRotation>(json!({ "KeyId": own }));
    hsm.call::<kms::RotateKey>(json!({ "KeyId": own }));
    let refused = Err("UnsupportedOperation.NotUserCreatedCmk".to_owned());
    assert_eq!(hsm.ask::<kms::DisableKey>(json!({ "KeyId": own })), refused);
    assert_eq!(hsm.ask::<kms::UpdateAlias>(json!({ "KeyId": own, "Alias": "x" })), refused);
}

#[test]
fn batches_are_all_or_nothing() {
    let hsm = Hsm::new();
    let keys: Vec<String> =
        (0..5).map(|number| hsm.create(json!({ "Alias": format!("key-{number}") }))).collect();
    hsm.call::<kms::ArchiveKey>(json!({ "KeyId": keys[4] }));
    let disabled = hsm.ask::<kms::DisableKeys>(json!({ "KeyIds": keys }));
    assert_eq!(disabled, Err("ResourceUnavailable.CmkStateNotSupport".to_owned()));
    assert!(keys[..4].iter().all(|key| hsm.state(key) == "Enabled"));
    let absent = json!({ "KeyIds": [keys[0], ABSENT] });
    let missing = Err("ResourceUnavailable.CmkNotFound".to_owned());
    assert_eq!(hsm.ask::<kms::DisableKeys>(absent), missing);
    let twice = Err("InvalidParameterValue.DuplicatedKeyId".to_owned());
    for names in [json!([keys[0], keys[0]]), json!([keys[0], "alias/key-0"])] {
        assert_eq!(hsm.ask::<kms::DisableKeys>(json!({ "KeyIds": names })), twice);
    }
    for count in [0, 101] {
        let names = vec![ABSENT; count];
        let asked = hsm.ask::<kms::DescribeKeys>(json!({ "KeyIds": names }));
        assert_eq!(asked, Err("InvalidParameterValue".to_owned()));
    }
    hsm.call::<kms::DisableKeys>(json!({ "KeyIds": keys[..4] }));
    assert!(keys[..4].iter().all(|key| hsm.state(key) == "Disabled"));
    let order = json!({ "KeyIds": [keys[3], keys[0]] });
    let described = hsm.call::<kms::DescribeKeys>(order);
    assert_eq!(described["KeyMetadatas"][0]["KeyId"], json!(keys[3]));
    assert_eq!(described["KeyMetadatas"][1]["KeyId"], json!(keys[0]));
}

#[test]
fn the_same_request_with_the_same_token_makes_one_key() {
    let hsm = Hsm::new();
    let fields = json!({ "Alias": "app", "ClientToken": "once" });
    let key = hsm.create(fields.clone());
    assert_eq!(hsm.create(fields), key);
    let other = hsm.ask::<kms::CreateKey>(json!({ "Alias": "other", "ClientToken": "once" }));
    assert_eq!(other, Err("InvalidParameterValue".to_owned()));
}

#[test]
fn names_tags_and_windows_have_their_limits() {
    let hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app" }));
    hsm.create(json!({ "Alias": "taken" }));
    let named = |alias: &str| json!({ "KeyId": key, "Alias": alias });
    let taken = hsm.ask::<kms::UpdateAlias>(named("taken"));
    assert_eq!(taken, Err("InvalidParameterValue.AliasAlreadyExists".to_owned()));
    for bad in ["", "kms-x", "a b", "-a"] {
        let asked = hsm.ask::<kms::UpdateAlias>(named(bad));
        assert_eq!(asked, Err("InvalidParameterValue.InvalidAlias".to_owned()), "{bad}");
    }
    hsm.call::<kms::UpdateAlias>(named("app"));
    hsm.call::<kms::UpdateAlias>(named("renamed"));
    hsm.call::<kms::DescribeKey>(json!({ "KeyId": "alias/renamed" }));
    let old = hsm.ask::<kms::DescribeKey>(json!({ "KeyId": "alias/app" }));
    assert_eq!(old, Err("ResourceUnavailable.CmkNotFound".to_owned()));
    for (length, right) in [(0, true), (1024, true), (1025, false)] {
        let fields = json!({ "KeyId": key, "Description": "x".repeat(length) });
        assert_eq!(hsm.ask::<kms::UpdateKeyDescription>(fields).is_ok(), right, "{length}");
    }
    let tags = |count: usize| {
        (0..count)
            .map(|n| json!({ "TagKey": format!("k{n}"), "TagValue": "v" }))
            .collect::<Vec<_>>()
    };
    for (count, right) in [(0, false), (10, true), (11, false)] {
        let asked = hsm.ask::<kms::TagResource>(json!({ "KeyId": key, "Tags": tags(count) }));
        assert_eq!(asked.is_ok(), right, "{count}");
    }
    let more = json!({ "KeyId": key, "Tags": [{ "TagKey": "more", "TagValue": "v" }] });
    assert_eq!(hsm.ask::<kms::TagResource>(more), Err("InvalidParameterValue".to_owned()));
    let absent = hsm.ask::<kms::UntagResource>(json!({ "KeyId": key, "TagKeys": ["k1", "none"] }));
    assert_eq!(absent, Err("InvalidParameterValue.TagsNotExisted".to_owned()));
    hsm.call::<kms::UntagResource>(json!({ "KeyId": key, "TagKeys": ["k1"] }));
    let left = hsm.call::<kms::ListResourceTags>(json!({ "KeyId": key }));
    assert_eq!(left["Tags"].as_array().unwrap().len(), 9);
    hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
    for days in [-1, 0, 6, 31, 1096, 1097] {
        let fields = json!({ "KeyId": key, "PendingWindowInDays": days });
        let asked = hsm.ask::<kms::ScheduleKeyDeletion>(fields);
        let code = "InvalidParameter.InvalidPendingWindowInDays";
        assert_eq!(asked, Err(code.to_owned()), "{days}");
    }
}
