//! Operations of the KMS.

use coffer_daemon::crypto::{self, PublicKey, sm2};
use coffer_protocol::message::json::{base64, from_base64};
use coffer_protocol::operation::{self, Effect, Face, KeyRule, kms};
use serde_json::{Value, json};

use super::{Row, STATES, bring, compare};
use crate::actions::ask_for;
use crate::support::{Hsm, wrap};

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
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
    ("DeriveSharedSecret",     ["=",             "sD",            "sP",         "sN",            "sA"]),
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
    ("EnableKeyRotation",      ["=",             "sN",            "sN",         "XR",            "sN"]),
    ("RotateKey",              ["=",             "sN",            "sN",         "NR",            "sN"]),
    ("DisableKeyRotation",     ["=",             "=",             "=",          "=",             "="]),
    ("GetParametersForImport", ["=",             "=",             "sN",         "=",             "="]),
    ("ImportKeyMaterial",      ["=",             "sN",            "sN",         "Enabled",       "sN"]),
    ("DeleteImportedKeyMaterial", ["PendingImport", "PendingImport", "sN",      "sN",            "sN"]),
    ("BindCloudResource",      ["=",             "sN",            "sN",         "sN",            "sN"]),
    ("UnbindCloudResource",    ["=",             "BN",            "BN",         "BN",            "BN"]),
];

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

/// What every operation may need beside its key.
struct Others {
    /// A ciphertext of another key.
    blob: Value,
    /// Another's public key on the curve of keys that agree.
    public: Value,
}

/// A key in a state, and the request of the operation.
fn subject(hsm: &Hsm, operation: &str, state: &str, others: &Others) -> (String, Value) {
    let (usage, external) = kind(operation);
    let waits = state == "PendingImport";
    let mut fields = json!({
        "Alias": format!("{operation}-{state}"), "KeyUsage": usage,
        "Type": if external || waits { 2 } else { 1 },
        "Tags": [{ "TagKey": "k", "TagValue": "v" }],
    });
    if operation == "RotateKey" && !waits {
        fields["RotateDays"] = json!(30);
    }
    let key = hsm.create(fields);
    let symmetric = usage == "ENCRYPT_DECRYPT";
    // What waits had some once.
    if symmetric && (external || waits) {
        hsm.import(&key, &[7; 32], 0).unwrap();
    }
    let mut blob = Value::Null;
    if symmetric {
        blob = hsm.encrypt(&key).unwrap();
    } else if operation == "AsymmetricSm2Decrypt" {
        blob = base64(&[1; 100]);
    }
    if operation == "AsymmetricSm2Decrypt" && !waits {
        let public = hsm.call::<kms::GetPublicKey>(json!({ "KeyId": key }))["PublicKey"].clone();
        let public = PublicKey::from_spki(&from_base64(&public).unwrap()).unwrap();
        blob = base64(&crypto::sm2_encrypt(&public, sm2::Form::Asn1, b"hi").unwrap());
    }
    if symmetric && waits {
        hsm.call::<kms::DeleteImportedKeyMaterial>(json!({ "KeyId": key }));
    }
    if operation == "UnbindCloudResource" && state == "Enabled" {
        let bind = json!({ "KeyId": key, "ProductId": "p", "ResourceId": "r" });
        hsm.call::<kms::BindCloudResource>(bind);
    }
    let mut fields = json!({});
    if operation == "ImportKeyMaterial" {
        let parameters =
            json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" });
        let parameters = hsm.call::<kms::GetParametersForImport>(parameters);
        fields["ImportToken"] = parameters["ImportToken"].clone();
        fields["EncryptedKeyMaterial"] = wrap(&parameters, &[7; 32]);
    }
    bring(hsm, &key, state);
    let request = request(operation, &key, &blob, others, &fields);
    (key, request)
}

/// The request of an operation.
fn request(operation: &str, key: &str, blob: &Value, others: &Others, fields: &Value) -> Value {
    let with = |more: Value| {
        let mut request = json!({ "KeyId": key });
        for (name, value) in fields.as_object().into_iter().chain(more.as_object()).flatten() {
            request[name] = value.clone();
        }
        request
    };
    match operation {
        "Encrypt" => with(json!({ "Plaintext": "aGk=" })),
        "GenerateDataKey" => with(json!({ "KeySpec": "AES_256" })),
        "GenerateDataKeyWithoutPlaintext" => with(json!({ "NumberOfBytes": 7 })),
        "GenerateDataKeyPair" | "GenerateDataKeyPairWithoutPlaintext" => {
            with(json!({ "KeyPairSpec": "ECC_NIST_P256" }))
        }
        "EncryptDataKey" => {
            use sha2::{Digest, Sha256};
            let both = [&[5; 16][..], &Sha256::digest([5; 16])].concat();
            with(json!({ "Plaintext": base64(&both), "DataKeyLength": 16 }))
        }
        "ReEncryptTo" => json!({ "CiphertextBlob": others.blob, "DestinationKeyId": key }),
        "ReEncrypt" => json!({ "CiphertextBlob": blob, "DestinationKeyId": "alias/other" }),
        "Decrypt" => json!({ "CiphertextBlob": blob }),
        "DecryptDataKey" => json!({ "CiphertextBlob": blob, "DataKeyLength": 6 }),
        // Implicit rejection: what is no ciphertext gives bytes that mean nothing.
        "AsymmetricRsaDecrypt" => {
            with(json!({ "Ciphertext": base64(&[1; 256]), "Algorithm": "RSAES_PKCS1_V1_5" }))
        }
        "AsymmetricSm2Decrypt" => with(json!({ "Ciphertext": blob })),
        "DeriveSharedSecret" => {
            with(json!({ "KeyAgreementAlgorithm": "ECDH", "PublicKey": others.public }))
        }
        "SignByAsymmetricKey" => with(json!({ "Algorithm": "ECC_P256_R1", "Message": "aGk=" })),
        "VerifyByAsymmetricKey" => {
            with(json!({ "Algorithm": "ECC_P256_R1", "Message": "aGk=", "SignatureValue": "AAAA" }))
        }
        "GenerateMac" => with(json!({ "MacAlgorithm": "HMAC_SHA_256", "Message": "aGk=" })),
        "VerifyMac" => {
            with(json!({ "MacAlgorithm": "HMAC_SHA_256", "Message": "aGk=", "Mac": "AAAA" }))
        }
        "DescribeKeys" | "EnableKeys" | "DisableKeys" => json!({ "KeyIds": [key] }),
        "UpdateAlias" => with(json!({ "Alias": format!("new-{key}") })),
        "UpdateKeyDescription" => with(json!({ "Description": "new" })),
        "TagResource" => with(json!({ "Tags": [{ "TagKey": "n", "TagValue": "v" }] })),
        "UntagResource" => with(json!({ "TagKeys": ["k"] })),
        "ScheduleKeyDeletion" => with(json!({ "PendingWindowInDays": 30 })),
        "GetParametersForImport" => {
            with(json!({ "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" }))
        }
        "BindCloudResource" | "UnbindCloudResource" => {
            with(json!({ "ProductId": "p", "ResourceId": "r" }))
        }
        _ => with(json!({})),
    }
}

/// Compares every cell, and says how many there were.
pub(super) fn walk(hsm: &Hsm) -> usize {
    hsm.create(json!({ "Alias": "other" }));
    let agreement = hsm.create(json!({ "Alias": "agreement", "KeyUsage": "KEY_AGREEMENT" }));
    let public = hsm.call::<kms::GetPublicKey>(json!({ "KeyId": agreement }));
    let blob = hsm.encrypt("alias/other").unwrap();
    let others = Others { blob, public: public["PublicKey"].clone() };
    let mut cells = 0;
    for (operation, row) in TABLE {
        for (state, cell) in STATES.iter().zip(row) {
            let (key, request) = subject(hsm, operation, state, &others);
            let action = if *operation == "ReEncryptTo" { "ReEncrypt" } else { operation };
            let came = ask_for(&hsm.peer(), action, request).map(drop);
            compare(hsm, operation, &key, (state, cell), &came);
            cells += 1;
        }
    }
    cells
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
