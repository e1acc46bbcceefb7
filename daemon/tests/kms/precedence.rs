//! Which error comes first, and what every field may be.

use coffer_daemon::config::LocalService;
use coffer_daemon::service::testing::Peer;
use coffer_protocol::operation::{Socket, kms};
use serde_json::{Value, json};

use crate::actions::ask_for;
use crate::support::{Hsm, OWNER, START, ask};

const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// Somebody who asks.
#[derive(Clone, Copy)]
enum Who {
    Owner,
    Stranger,
}
use Who::{Owner, Stranger};

#[test]
fn the_first_error_is_the_one_that_the_order_names() {
    let hsm = Hsm::with(|config| {
        config.services.insert("luks".to_owned(), LocalService { uid: 7 });
    });
    let luks = Peer::new(hsm.service(), 7, Socket::App);
    ask::<kms::Encrypt>(&luks, json!({ "KeyId": "alias/kms-luks", "Plaintext": "aGk=" })).unwrap();
    let owner = hsm.peer();
    let stranger = Peer::new(hsm.service(), OWNER + 1, Socket::App);
    prepare(&hsm);
    for (step, who, action, request, expected) in steps(&hsm) {
        let peer = match who {
            Owner => &owner,
            Stranger => &stranger,
        };
        let came = ask_for(peer, action, request.clone()).err();
        assert_eq!(came.as_deref(), Some(expected), "step {step}: {action} {request}");
    }
}

/// Keys with more than one thing wrong.
fn prepare(hsm: &Hsm) {
    let disable = |alias: &str| {
        hsm.call::<kms::DisableKey>(json!({ "KeyId": format!("alias/{alias}") }));
    };
    hsm.create(json!({ "Alias": "sign", "KeyUsage": "ASYMMETRIC_SIGN_VERIFY_ECC" }));
    hsm.create(json!({ "Alias": "app" }));
    hsm.create(json!({ "Alias": "bound" }));
    hsm.create(json!({ "Alias": "external", "Type": 2 }));
    hsm.create(json!({ "Alias": "used", "Type": 2 }));
    let bind = |alias: &str| {
        let key = format!("alias/{alias}");
        let binding = json!({ "KeyId": key, "ProductId": "luks", "ResourceId": "disk" });
        hsm.call::<kms::BindCloudResource>(binding);
    };
    bind("bound");
    hsm.import("alias/used", &[7; 32], 0).unwrap();
    bind("used");
    disable("sign");
}

/// The step, who asks, the action, its fields, and the code that comes.
type Step = (u8, Who, &'static str, Value, &'static str);

/// Requests with an error of their step and, as far as that is possible, of all later ones. There is nothing yet for
/// the third step, credentials, and the sixth, rates.
#[rustfmt::skip]
fn steps(hsm: &Hsm) -> Vec<Step> {
    let blob = hsm.encrypt("alias/app").unwrap();
    let blob = blob.as_str().unwrap();
    // The end of a ciphertext is its tag.
    let changed = format!("{}AAAA", &blob[..blob.len() - 4]);
    hsm.call::<kms::DisableKey>(json!({ "KeyId": "alias/app" }));
    let of_used =
        json!({ "KeyId": "alias/used", "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" });
    let token = hsm.call::<kms::GetParametersForImport>(of_used)["ImportToken"].clone();
    let import = |key: &str, valid_to: i64| json!({ "KeyId": key, "ImportToken": token, "EncryptedKeyMaterial": "AAAA", "ValidTo": valid_to });
    let schedule = |key: &str, days: i64| json!({ "KeyId": key, "PendingWindowInDays": days });
    let luks = "alias/kms-luks";
    let (found, value) = ("ResourceUnavailable.CmkNotFound", "InvalidParameterValue");
    let (disabled, usage) =
        ("ResourceUnavailable.CmkDisabled", "InvalidParameterValue.InvalidKeyUsage");
    let (key_id, forbidden) = ("InvalidParameterValue.InvalidKeyId", "UnauthorizedOperation");
    let window = "InvalidParameter.InvalidPendingWindowInDays";
    let bound = "FailedOperation.CmkUsedByCloudProduct";
    let not_external = "UnsupportedOperation.NotExternalCmk";
    let rotate = "UnsupportedOperation.RotateNotSupported";
    let service = "UnsupportedOperation.NotUserCreatedCmk";
    let mut steps = vec![
        (1,  Stranger, "ScheduleKeyDeletion",       json!({ "Nonsense": 1 }), "InvalidParameter"),
        (1,  Stranger, "Encrypt",                   json!({ "KeyId": "x", "Nonsense": 1 }), "InvalidParameter"),
        (2,  Stranger, "ScheduleKeyDeletion",       json!({ "KeyId": "x" }), "MissingParameter"),
        (4,  Stranger, "ScheduleKeyDeletion",       schedule("x", 7), key_id),
        (4,  Stranger, "ScheduleKeyDeletion",       schedule(ABSENT, 6), window),
        (4,  Stranger, "DisableKeys",               json!({ "KeyIds": [ABSENT, ABSENT] }), "InvalidParameterValue.DuplicatedKeyId"),
        (4,  Stranger, "Encrypt",                   json!({ "KeyId": ABSENT, "Plaintext": "" }), "InvalidParameterValue.InvalidPlaintext"),
        (4,  Stranger, "CreateKey",                 json!({ "Alias": "-" }), "InvalidParameterValue.InvalidAlias"),
        (4,  Owner,    "ImportKeyMaterial",         import(ABSENT, START), value),
        (5,  Stranger, "ScheduleKeyDeletion",       schedule(ABSENT, 7), forbidden),
        (5,  Stranger, "ScheduleKeyDeletion",       schedule(luks, 7), forbidden),
        (5,  Stranger, "Decrypt",                   json!({ "CiphertextBlob": changed }), forbidden),
        (5,  Stranger, "DescribeKey",               json!({ "KeyId": "alias/none" }), forbidden),
        (5,  Stranger, "CreateKey",                 json!({ "Alias": "app" }), forbidden),
        (7,  Owner,    "ScheduleKeyDeletion",       schedule(ABSENT, 7), found),
        (7,  Owner,    "DisableKeys",               json!({ "KeyIds": [luks, ABSENT] }), found),
        (8,  Owner,    "ScheduleKeyDeletion",       schedule(luks, 7), service),
        (8,  Owner,    "DeleteImportedKeyMaterial", json!({ "KeyId": luks }), service),
        (9,  Owner,    "RotateKey",                 json!({ "KeyId": "alias/sign" }), rotate),
        (9,  Owner,    "RotateKey",                 json!({ "KeyId": "alias/external" }), rotate),
        (9,  Owner,    "EnableKeyRotation",         json!({ "KeyId": "alias/external" }), "UnsupportedOperation.ExternalCmkCanNotRotate"),
        (9,  Owner,    "DeleteImportedKeyMaterial", json!({ "KeyId": "alias/bound" }), not_external),
        (9,  Owner,    "ImportKeyMaterial",         import("alias/app", 0), not_external),
        (9,  Owner,    "Encrypt",                   json!({ "KeyId": "alias/sign", "Plaintext": "aGk=" }), usage),
        (9,  Owner,    "GenerateMac",               json!({ "KeyId": "alias/external", "MacAlgorithm": "HMAC_SM3", "Message": "aGk=" }), usage),
        (10, Owner,    "ScheduleKeyDeletion",       schedule("alias/bound", 7), "ResourceUnavailable.CmkShouldBeDisabled"),
        (10, Owner,    "Decrypt",                   json!({ "CiphertextBlob": changed }), disabled),
        (10, Owner,    "Encrypt",                   json!({ "KeyId": "alias/external", "Plaintext": "aGk=" }), "ResourceUnavailable.CmkStateNotSupport"),
        (11, Owner,    "DisableKey",                json!({ "KeyId": "alias/bound" }), bound),
        (11, Owner,    "ArchiveKey",                json!({ "KeyId": "alias/bound" }), bound),
        (11, Owner,    "DeleteImportedKeyMaterial", json!({ "KeyId": "alias/used" }), bound),
        (11, Owner,    "ImportKeyMaterial",         import("alias/used", START + 10), bound),
        // The token is another key's.
        (12, Owner,    "ImportKeyMaterial",         import("alias/external", 0), value),
    ];
    // Five failures close the token.
    let unopened = || (13, Owner, "ImportKeyMaterial", import("alias/used", 0), "InvalidParameter.DecryptMaterialError");
    steps.extend(std::iter::repeat_with(unopened).take(5));
    steps.push((12, Owner, "ImportKeyMaterial", import("alias/used", 0), "ResourceUnavailable.TokenExpired"));
    steps
}

#[test]
fn a_binding_is_noted_once_and_taken_back_once() {
    let hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app" }));
    let binding = json!({ "KeyId": key, "ProductId": "luks", "ResourceId": "disk" });
    hsm.call::<kms::BindCloudResource>(binding.clone());
    hsm.call::<kms::BindCloudResource>(binding.clone());
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
