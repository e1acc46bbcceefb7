//! The encryption context: one form for all ways to write it (RFC 8785), authenticated with the ciphertext.

use coffer_protocol::operation::kms;
use serde_json::{Value, json};

use crate::support::Hsm;

const WRONG: &str = "InvalidParameterValue.InvalidCiphertext";

fn encrypt(hsm: &Hsm, context: Option<&str>) -> Value {
    let mut request = json!({ "KeyId": "alias/app", "Plaintext": "aGk=" });
    if let Some(context) = context {
        request["EncryptionContext"] = json!(context);
    }
    hsm.call::<kms::Encrypt>(request)["CiphertextBlob"].clone()
}

fn decrypts(hsm: &Hsm, blob: &Value, context: Option<&str>) -> bool {
    let mut request = json!({ "CiphertextBlob": blob });
    if let Some(context) = context {
        request["EncryptionContext"] = json!(context);
    }
    match hsm.ask::<kms::Decrypt>(request) {
        Ok(opened) => opened["Plaintext"] == json!("aGk="),
        Err(code) => {
            assert_eq!(code, WRONG);
            false
        }
    }
}

/// Ways to write the same context, each line one.
const SAME: &[&[Option<&str>]] = &[
    &[None, Some(""), Some("{}"), Some(" {\n} ")],
    &[
        Some(r#"{"a":"1","b":"2"}"#),
        Some(r#"{"b":"2","a":"1"}"#),
        Some("{ \"a\" :\t\"1\" ,\r\n\"b\":\"2\"}"),
    ],
    &[Some(r#"{"a":"\u0031"}"#), Some(r#"{"\u0061":"1"}"#), Some(r#"{"a":"1"}"#)],
    &[Some(r#"{"A":"1"}"#)],
    &[Some(r#"{"a":"1 "}"#)],
    &[Some(r#"{"a":""}"#)],
    &[Some(r#"{"":"a"}"#)],
    // What looks alike is not the same: a letter with its accent, and a letter and an accent (no normalisation).
    &[Some("{\"\u{e9}\":\"1\"}"), Some(r#"{"\u00e9":"1"}"#)],
    &[Some("{\"e\u{301}\":\"1\"}")],
    &[
        Some("{\"\u{1f600}\":\"1\",\"\u{fb33}\":\"2\"}"),
        Some(r#"{"\ufb33":"2","\ud83d\ude00":"1"}"#),
    ],
    &[
        Some(r#"{"a":"\/\"\\\b\f\n\r\t"}"#),
        Some(r#"{"a":"/\u0022\u005c\u0008\u000c\u000a\u000d\u0009"}"#),
    ],
    // What a context contains is no part of its form.
    &[Some(r#"{"a":"1\",\"b\":\"2"}"#)],
];

#[test]
fn all_ways_to_write_a_context_open_its_ciphertext_and_no_other_context_does() {
    let hsm = Hsm::new();
    hsm.create(json!({ "Alias": "app" }));
    for (number, ways) in SAME.iter().enumerate() {
        for way in *ways {
            let blob = encrypt(&hsm, *way);
            for (other, others) in SAME.iter().enumerate() {
                for context in *others {
                    let opened = decrypts(&hsm, &blob, *context);
                    assert_eq!(opened, number == other, "{way:?} {context:?}");
                }
            }
        }
    }
}

#[test]
fn a_context_is_bound_to_data_keys_and_moves_with_re_encryption() {
    let hsm = Hsm::new();
    hsm.create(json!({ "Alias": "app" }));
    let (one, two) = (r#"{"tenant":"1"}"#, r#"{"tenant":"2"}"#);
    let request = json!({ "KeyId": "alias/app", "KeySpec": "AES_128", "EncryptionContext": one });
    let made = hsm.call::<kms::GenerateDataKey>(request.clone());
    let without = hsm.call::<kms::GenerateDataKeyWithoutPlaintext>(request);
    for blob in [&made["CiphertextBlob"], &without["CiphertextBlob"]] {
        let ask = |context: &str| {
            hsm.ask::<kms::Decrypt>(json!({ "CiphertextBlob": blob, "EncryptionContext": context }))
        };
        assert!(ask(one).is_ok());
        assert_eq!(ask(two), Err(WRONG.to_owned()));
        assert_eq!(ask(""), Err(WRONG.to_owned()));
        let length =
            json!({ "CiphertextBlob": blob, "DataKeyLength": 16, "EncryptionContext": two });
        assert_eq!(hsm.ask::<kms::DecryptDataKey>(length), Err(WRONG.to_owned()));
    }
    let blob = encrypt(&hsm, Some(one));
    let moved = json!({
        "CiphertextBlob": blob, "SourceEncryptionContext": one, "DestinationEncryptionContext": two,
    });
    let moved = hsm.call::<kms::ReEncrypt>(moved);
    assert_eq!(moved["ReEncrypted"], json!(true));
    assert!(decrypts(&hsm, &moved["CiphertextBlob"], Some(two)));
    assert!(!decrypts(&hsm, &moved["CiphertextBlob"], Some(one)));
    // Written in another way it is the same: nothing has to change.
    let again = json!({
        "CiphertextBlob": blob, "SourceEncryptionContext": one,
        "DestinationEncryptionContext": " { \"tenant\" : \"\\u0031\" } ",
    });
    let again = hsm.call::<kms::ReEncrypt>(again);
    assert_eq!((&again["ReEncrypted"], &again["CiphertextBlob"]), (&json!(false), &blob));
}
