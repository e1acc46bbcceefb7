//! `coffer call`: what is wrong with a ciphertext is not told.

use coffer_tests::base64::{decode, encode};
use coffer_tests::call::{batch, create, encrypt};
use coffer_tests::daemon::Daemon;
use serde_json::{Value, json};

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
