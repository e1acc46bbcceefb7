//! KMS actions through `coffer call`, right and wrong.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::base64::encode;
use crate::daemon::Daemon;

/// The names of an object's fields.
///
/// # Panics
///
/// Where it is none.
pub fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Calls and expects exactly these fields beside `RequestId`.
///
/// # Panics
///
/// Where others come, or an error.
#[track_caller]
pub fn right(daemon: &Daemon, action: &str, request: &Value, fields: &str) -> Value {
    let (status, reply) = daemon.call(action, request);
    assert_eq!(status, 0, "{action} {request}: {reply}");
    let expected = fields.split_whitespace().chain(["RequestId"]).collect();
    assert_eq!(names(&reply), expected, "{action}");
    assert_eq!(reply["RequestId"].as_str().map(str::len), Some(36));
    reply
}

/// Calls and expects an error of the documented shape; returns its code and the exit status.
///
/// # Panics
///
/// Where there is none, or one of another shape.
#[track_caller]
pub fn wrong(daemon: &Daemon, action: &str, request: &Value) -> (String, i32) {
    let (status, reply) = daemon.call(action, request);
    assert_eq!(names(&reply), ["Error", "RequestId"].into(), "{action} {request}: {reply}");
    assert_eq!(names(&reply["Error"]), ["Code", "Message"].into());
    assert_ne!(reply["Error"]["Message"], "");
    (reply["Error"]["Code"].as_str().expect("a text").to_owned(), status)
}

/// Makes a key, and returns its id.
///
/// # Panics
///
/// Where it is refused.
pub fn create(daemon: &Daemon, alias: &str, usage: &str) -> String {
    let (status, reply) = daemon.call("CreateKey", &json!({"Alias": alias, "KeyUsage": usage}));
    assert_eq!(status, 0, "{reply}");
    reply["KeyId"].as_str().expect("a text").to_owned()
}

/// Encrypts, and returns the ciphertext in base64.
///
/// # Panics
///
/// Where it is refused.
pub fn encrypt(daemon: &Daemon, key: &str, plaintext: &[u8], context: &str) -> String {
    let request =
        json!({"KeyId": key, "Plaintext": encode(plaintext), "EncryptionContext": context});
    let reply = right(daemon, "Encrypt", &request, "CiphertextBlob KeyId");
    reply["CiphertextBlob"].as_str().expect("a text").to_owned()
}

/// Sends a batch; its exit status, and one reply per line.
///
/// # Panics
///
/// Where there are not as many.
pub fn batch(daemon: &Daemon, requests: &[String]) -> (i32, Vec<Value>) {
    let output = daemon.coffer_with(&["call", "--batch"], requests.join("\n").as_bytes());
    let lines = String::from_utf8(output.stdout).expect("a text");
    let read = |line| serde_json::from_str(line).expect("JSON");
    let replies: Vec<Value> = lines.lines().map(read).collect();
    assert_eq!(replies.len(), requests.len());
    (output.status.code().expect("it was not killed"), replies)
}
