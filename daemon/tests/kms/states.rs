//! Every state of a key and every operation on one, by hand from the product's table, against the running service.

use coffer_protocol::message::json::base64;
use coffer_protocol::operation::{self, Effect, Face, KeyRule, kms};
use serde_json::{Value, json};

use crate::support::Hsm;

const STATES: [&str; 5] = ["Enabled", "Disabled", "PendingDelete", "PendingImport", "Archived"];

/// Codes, as the documents write them in short.
fn code(cell: &str) -> &'static str {
    match cell {
        "sD" => "ResourceUnavailable.CmkDisabled",
        "sA" => "ResourceUnavailable.CmkArchived",
        "sP" => "ResourceUnavailable.KeyPendingDelete",
        "sN" => "ResourceUnavailable.CmkStateNotSupport",
        "ND" => "ResourceUnavailable.CmkNotPendingDelete",
        "SB" => "ResourceUnavailable.CmkShouldBeDisabled",
        other => panic!("{other}"),
    }
}

/// What an operation comes to: a code in short, or the state afterwards, `=` for the same.
#[rustfmt::skip]
const TABLE: &[(&str, [&str; 5])] = &[
    //                          Enabled          Disabled         PendingDelete PendingImport    Archived
    ("Encrypt",                ["=",             "sD",            "sP",         "sN",            "sA"]),
    ("GenerateDataKey",        ["=",             "sD",            "sP",         "sN",            "sA"]),
    ("GenerateDataKeyWithoutPlaintext", ["=",    "sD",            "sP",         "sN",            "sA"]),
    ("GenerateDataKeyPair",    ["=",             "sD",            "sP",         "sN",            "sA"]),
    ("GenerateDataKeyPairWithoutPlaintext", ["=", "sD",           "sP",         "sN",            "sA"]),
    ("EncryptDataKey",         ["=",             "sD",            "sP",         "sN",            "sA"]),
    ("ReEncryptTo",            ["=",             "sD",            "sP",         "sN",            "sA"]),
    ("Decrypt",                ["=",             "sD",            "sP",         "sN",            "="]),
    ("DecryptDataKey",         ["=",             "sD",            "sP",         "sN",            "="]),
    ("ReEncrypt",              ["=",             "sD",            "sP",         "sN",            "="]),
    ("AsymmetricRsaDecrypt",   ["=",             "sD",            "sP",         "sN",            "="]),
    ("AsymmetricSm2Decrypt",   ["=",             "sD",            "sP",         "sN",            "="]),
    ("DeriveSharedSecret",     ["=",             "sD",            "sP",         "sN",            "="]),
    ("SignByAsymmetricKey",    ["=",             "sD",            "sP",         "sN",            "sA"]),
    ("GenerateMac",            ["=",             "sD",            "sP",         "sN",            "sA"]),
    ("VerifyByAsymmetricKey",  ["=",             "sD",            "sP",         "sN",            "="]),
    ("VerifyMac",              ["=",             "sD",            "sP",         "sN",            "="]),
    ("GetPublicKey",           ["=",             "sN",            "sP",         "sN",            "sN"]),
    ("DescribeKey",            ["=",             "=",             "=",          "=",             "="]),
    ("DescribeKeys",           ["=",             "=",             "=",          "=",             "="]),
    ("GetKeyRotationStatus",   ["=",             "=",             "=",          "=",             "="]),
    ("ListResourceTags",       ["=",             "=",             "=",          "=",             "="]),
    ("GetKeyLastUsage",        ["=",             "=",             "=",          "=",             "="]),
    ("UpdateAlias",            ["=",             "=",             "sN",         "=",             "="]),
    ("UpdateKeyDescription",   ["=",             "=",             "sN",         "=",             "="]),
    ("TagResource",            ["=",             "=",             "sN",         "=",             "="]),
    ("UntagResource",          ["=",             "=",             "=",          "=",             "="]),
    ("EnableKey",              ["=",             "Enabled",       "sN",         "sN",            "sN"]),
    ("EnableKeys",             ["=",             "Enabled",       "sN",         "sN",            "sN"]),
    ("DisableKey",             ["Disabled",      "=",             "sN",         "sN",            "sN"]),
    ("DisableKeys",            ["Disabled",      "=",             "sN",         "sN",            "sN"]),
    ("ScheduleKeyDeletion",    ["SB",            "PendingDelete", "sN",         "PendingDelete", "SB"]),
    ("CancelKeyDeletion",      ["ND",            "ND",            "Disabled",   "ND",            "ND"]),
    ("ArchiveKey",             ["Archived",      "sN",            "sN",         "sN",            "="]),
    ("CancelKeyArchive",       ["sN",            "sN",            "sN",         "sN",            "Enabled"]),
    ("EnableKeyRotation",      ["=",             "sN",            "sN",         "-",             "sN"]),
    ("RotateKey",              ["=",             "sN",            "sN",         "-",             "sN"]),
    ("DisableKeyRotation",     ["=",             "=",             "=",          "=",             "="]),
    ("GetParametersForImport", ["=",             "=",             "sN",         "=",             "="]),
    ("ImportKeyMaterial",      ["=",             "sN",            "sN",         "Enabled",       "sN"]),
    ("DeleteImportedKeyMaterial", ["PendingImport", "PendingImport", "sN",      "sN",            "sN"]),
    ("BindCloudResource",      ["=",             "sN",            "sN",         "sN",            "sN"]),
    ("UnbindCloudResource",    ["=",             "=",             "=",          "=",             "="]),
];

/// What a key is made of for an operation, and what it needs beside its state.
struct Subject {
    key: String,
    blob: Value,
    data_key: Value,
    other_blob: Value,
    token: Value,
}

/// The usage that an operation asks for, and whether its material must come from outside.
fn kind(operation: &str) -> (&'static str, bool) {
    match operation {
        "AsymmetricSm2Decrypt" => ("ASYMMETRIC_DECRYPT_SM2", false),
        "AsymmetricRsaDecrypt" => ("ASYMMETRIC_DECRYPT_RSA_2048", false),
        "DeriveSharedSecret" => ("KEY_AGREEMENT", false),
        "SignByAsymmetricKey" | "VerifyByAsymmetricKey" | "GetPublicKey" => {
            ("ASYMMETRIC_SIGN_VERIFY_ECC", false)
        }
        "GenerateMac" | "VerifyMac" => ("GENERATE_VERIFY_MAC", false),
        "GetParametersForImport" | "ImportKeyMaterial" | "DeleteImportedKeyMaterial" => {
            ("ENCRYPT_DECRYPT", true)
        }
        _ => ("ENCRYPT_DECRYPT", false),
    }
}

/// A key in a state, by the way that leads there.
fn subject(hsm: &Hsm, operation: &str, state: &str, other_blob: &Value) -> Subject {
    let (usage, external) = kind(operation);
    let alias = format!("{operation}-{state}");
    let waits = state == "PendingImport";
    let origin = if external || waits { 2 } else { 1 };
    let mut fields = json!({ "Alias": alias, "KeyUsage": usage, "Type": origin });
    fields["Tags"] = json!([{ "TagKey": "k", "TagValue": "v" }]);
    if operation == "RotateKey" && !waits {
        fields["RotateDays"] = json!(30);
    }
    let key = hsm.create(fields);
    let has_material = !waits && (!external || hsm.import(&key, &[7; 32], 0).is_ok());
    let mut blob = Value::Null;
    let mut data_key = Value::Null;
    if usage == "ENCRYPT_DECRYPT" && has_material {
        blob = hsm.encrypt(&key).unwrap();
        data_key = blob.clone();
    }
    if waits && usage == "ENCRYPT_DECRYPT" {
        // It had some once.
        hsm.import(&key, &[7; 32], 0).unwrap();
        blob = hsm.encrypt(&key).unwrap();
        data_key = blob.clone();
        hsm.call::<kms::DeleteImportedKeyMaterial>(json!({ "KeyId": key }));
    }
    if operation == "UnbindCloudResource" && matches!(state, "Enabled") {
        let bind = json!({ "KeyId": key, "ProductId": "p", "ResourceId": "r" });
        hsm.call::<kms::BindCloudResource>(bind);
    }
    let mut token = Value::Null;
    if operation == "ImportKeyMaterial" {
        let wrapping =
            json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" });
        token = hsm.call::<kms::GetParametersForImport>(wrapping);
    }
    let of_key = || json!({ "KeyId": key });
    match state {
        "Disabled" => drop(hsm.call::<kms::DisableKey>(of_key())),
        "PendingDelete" => {
            hsm.call::<kms::DisableKey>(of_key());
            hsm.call::<kms::ScheduleKeyDeletion>(json!({ "KeyId": key, "PendingWindowInDays": 7 }));
        }
        "Archived" => drop(hsm.call::<kms::ArchiveKey>(of_key())),
        _ => {}
    }
    assert_eq!(hsm.state(&key), state, "{operation}");
    Subject { key, blob, data_key, other_blob: other_blob.clone(), token }
}

/// Asks for the operation.
#[expect(clippy::too_many_lines, reason = "a table")]
fn act(hsm: &Hsm, operation: &str, subject: &Subject) -> Result<Value, String> {
    let Subject { key, blob, data_key, other_blob, token } = subject;
    let mut of_key = json!({ "KeyId": key });
    let mut with = |fields: &[(&str, Value)]| {
        for (name, value) in fields {
            of_key[name] = value.clone();
        }
        of_key.clone()
    };
    let pair = [("KeyPairSpec", json!("ECC_NIST_P256"))];
    let sign = [("Algorithm", json!("ECC_P256_R1")), ("Message", json!("aGk="))];
    let mac = [("MacAlgorithm", json!("HMAC_SHA_256")), ("Message", json!("aGk="))];
    match operation {
        "Encrypt" => hsm.ask::<kms::Encrypt>(with(&[("Plaintext", json!("aGk="))])),
        "GenerateDataKey" => {
            hsm.ask::<kms::GenerateDataKey>(with(&[("KeySpec", json!("AES_256"))]))
        }
        "GenerateDataKeyWithoutPlaintext" => {
            hsm.ask::<kms::GenerateDataKeyWithoutPlaintext>(with(&[("NumberOfBytes", json!(7))]))
        }
        "GenerateDataKeyPair" => hsm.ask::<kms::GenerateDataKeyPair>(with(&pair)),
        "GenerateDataKeyPairWithoutPlaintext" => {
            hsm.ask::<kms::GenerateDataKeyPairWithoutPlaintext>(with(&pair))
        }
        "EncryptDataKey" => {
            use sha2::{Digest, Sha256};
            let both = [&[5; 16][..], &Sha256::digest([5; 16])].concat();
            let fields = [("Plaintext", base64(&both)), ("DataKeyLength", json!(16))];
            hsm.ask::<kms::EncryptDataKey>(with(&fields))
        }
        "ReEncryptTo" => hsm.ask::<kms::ReEncrypt>(
            json!({ "CiphertextBlob": other_blob, "DestinationKeyId": key }),
        ),
        "Decrypt" => hsm.ask::<kms::Decrypt>(json!({ "CiphertextBlob": blob })),
        "DecryptDataKey" => hsm
            .ask::<kms::DecryptDataKey>(json!({ "CiphertextBlob": data_key, "DataKeyLength": 6 })),
        "ReEncrypt" => hsm.ask::<kms::ReEncrypt>(
            json!({ "CiphertextBlob": blob, "DestinationKeyId": "alias/other" }),
        ),
        "AsymmetricRsaDecrypt" => {
            // Implicit rejection: what is no ciphertext gives bytes that mean nothing.
            let fields =
                [("Ciphertext", base64(&[1; 256])), ("Algorithm", json!("RSAES_PKCS1_V1_5"))];
            hsm.ask::<kms::AsymmetricRsaDecrypt>(with(&fields))
        }
        "AsymmetricSm2Decrypt" => {
            let asked =
                hsm.ask::<kms::AsymmetricSm2Decrypt>(with(&[("Ciphertext", json!("AAAA"))]));
            // The state was no obstacle; the ciphertext is.
            asked.or_else(|code| match code.as_str() {
                "FailedOperation.DecryptError" => Ok(Value::Null),
                _ => Err(code),
            })
        }
        "DeriveSharedSecret" => {
            let other = hsm.call::<kms::GetPublicKey>(json!({ "KeyId": "alias/agreement" }));
            let fields = [
                ("KeyAgreementAlgorithm", json!("ECDH")),
                ("PublicKey", other["PublicKey"].clone()),
            ];
            hsm.ask::<kms::DeriveSharedSecret>(with(&fields))
        }
        "SignByAsymmetricKey" => hsm.ask::<kms::SignByAsymmetricKey>(with(&sign)),
        "VerifyByAsymmetricKey" => {
            with(&sign);
            hsm.ask::<kms::VerifyByAsymmetricKey>(with(&[("SignatureValue", json!("AAAA"))]))
        }
        "GenerateMac" => hsm.ask::<kms::GenerateMac>(with(&mac)),
        "VerifyMac" => {
            with(&mac);
            hsm.ask::<kms::VerifyMac>(with(&[("Mac", json!("AAAA"))]))
        }
        "GetPublicKey" => hsm.ask::<kms::GetPublicKey>(with(&[])),
        "DescribeKey" => hsm.ask::<kms::DescribeKey>(with(&[])),
        "DescribeKeys" => hsm.ask::<kms::DescribeKeys>(json!({ "KeyIds": [key] })),
        "GetKeyRotationStatus" => hsm.ask::<kms::GetKeyRotationStatus>(with(&[])),
        "ListResourceTags" => hsm.ask::<kms::ListResourceTags>(with(&[])),
        "GetKeyLastUsage" => hsm.ask::<kms::GetKeyLastUsage>(with(&[])),
        "UpdateAlias" => {
            hsm.ask::<kms::UpdateAlias>(with(&[("Alias", json!(format!("new-{}", &key[..8])))]))
        }
        "UpdateKeyDescription" => {
            hsm.ask::<kms::UpdateKeyDescription>(with(&[("Description", json!("new"))]))
        }
        "TagResource" => {
            let tags = json!([{ "TagKey": "n", "TagValue": "v" }]);
            hsm.ask::<kms::TagResource>(with(&[("Tags", tags)]))
        }
        "UntagResource" => hsm.ask::<kms::UntagResource>(with(&[("TagKeys", json!(["k"]))])),
        "EnableKey" => hsm.ask::<kms::EnableKey>(with(&[])),
        "DisableKey" => hsm.ask::<kms::DisableKey>(with(&[])),
        "EnableKeys" => hsm.ask::<kms::EnableKeys>(json!({ "KeyIds": [key] })),
        "DisableKeys" => hsm.ask::<kms::DisableKeys>(json!({ "KeyIds": [key] })),
        "ScheduleKeyDeletion" => {
            hsm.ask::<kms::ScheduleKeyDeletion>(with(&[("PendingWindowInDays", json!(30))]))
        }
        "CancelKeyDeletion" => hsm.ask::<kms::CancelKeyDeletion>(with(&[])),
        "ArchiveKey" => hsm.ask::<kms::ArchiveKey>(with(&[])),
        "CancelKeyArchive" => hsm.ask::<kms::CancelKeyArchive>(with(&[])),
        "EnableKeyRotation" => hsm.ask::<kms::EnableKeyRotation>(with(&[])),
        "DisableKeyRotation" => hsm.ask::<kms::DisableKeyRotation>(with(&[])),
        "RotateKey" => hsm.ask::<kms::RotateKey>(with(&[])),
        "GetParametersForImport" => {
            let fields = [("WrappingAlgorithm", json!("SM2")), ("WrappingKeySpec", json!("SM2"))];
            hsm.ask::<kms::GetParametersForImport>(with(&fields))
        }
        "ImportKeyMaterial" => hsm.import_with(key, token, &[7; 32], 0),
        "DeleteImportedKeyMaterial" => hsm.ask::<kms::DeleteImportedKeyMaterial>(with(&[])),
        "BindCloudResource" | "UnbindCloudResource" => {
            let fields = [("ProductId", json!("p")), ("ResourceId", json!("r"))];
            if operation == "BindCloudResource" {
                return hsm.ask::<kms::BindCloudResource>(with(&fields));
            }
            let asked = hsm.ask::<kms::UnbindCloudResource>(with(&fields));
            // Only an enabled key can be bound, and a bound one stays so: elsewhere the state is no obstacle.
            asked.or_else(|code| match code.as_str() {
                "ResourceUnavailable.CloudResourceBindingNotFound" => Ok(Value::Null),
                _ => Err(code),
            })
        }
        other => panic!("{other} has no request"),
    }
}

#[test]
fn every_operation_in_every_state_comes_to_what_the_documents_say() {
    let hsm = Hsm::with(|config| config.limits.keys = 10_000);
    hsm.create(json!({ "Alias": "other" }));
    hsm.create(json!({ "Alias": "agreement", "KeyUsage": "KEY_AGREEMENT" }));
    let other_blob = hsm.encrypt("alias/other").unwrap();
    let (mut cells, mut used) = (0, 0);
    for (operation, row) in TABLE {
        for (state, cell) in STATES.iter().zip(row) {
            // Imported material does not rotate: that is said before the state is looked at.
            if *cell == "-" {
                continue;
            }
            let subject = subject(&hsm, operation, state, &other_blob);
            let before = hsm.alarms(&subject.key).len();
            let came = act(&hsm, operation, &subject);
            let place = format!("{operation} {state}");
            let after = match *cell {
                "=" => Ok(*state),
                name if STATES.contains(&name) => Ok(name),
                short => Err(code(short)),
            };
            match after {
                Ok(after) => {
                    assert!(came.is_ok(), "{place}: {came:?}");
                    assert_eq!(hsm.state(&subject.key), after, "{place}");
                }
                Err(code) => {
                    assert_eq!(came, Err(code.to_owned()), "{place}");
                    assert_eq!(hsm.state(&subject.key), *state, "{place}");
                }
            }
            let alarms = hsm.alarms(&subject.key).len() - before;
            assert_eq!(alarms, usize::from(*cell == "sP"), "alarms of {place}");
            used += usize::from(*cell == "sP");
            cells += 1;
        }
    }
    println!("{cells} cells of states and operations, {used} of them attempts that raise an alarm");
    assert_eq!((cells, used), (TABLE.len() * STATES.len() - 2, 18));
}

#[test]
fn every_operation_on_a_key_stands_in_the_table() {
    for row in operation::ALL.iter().filter(|row| row.face == Face::Kms) {
        let on_a_key = row.rule != KeyRule::Any && !row.name.starts_with("List")
            || row.effect == Effect::Use
            || row.name == "ListResourceTags";
        let stands = TABLE.iter().any(|(name, _)| *name == row.name);
        assert_eq!(stands, on_a_key, "{}", row.name);
    }
}
