//! Fields of requests that encrypt, decrypt and make data keys.

use coffer_daemon::crypto::{Generate, ecdsa::Curve};
use coffer_protocol::message::json::from_base64;
use serde_json::{Value, json};

use super::key::bad_names;
use super::world::{ABSENT, World, hashed, pem};
use super::{Field, OK, bytes, field, lengths, numbers};

/// Bytes that a ciphertext is longer than its plaintext.
fn overhead(world: &World) -> usize {
    let blob = world.request("Decrypt")["CiphertextBlob"].clone();
    from_base64(&blob).unwrap().len() - b"secret".len()
}

/// A context of so many bytes.
fn context(length: usize) -> Value {
    json!(format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8)))
}

/// Contexts for a request whatever its ciphertext says of them.
fn contexts(right: &'static str) -> Vec<(Value, &'static str)> {
    let mut values = vec![
        (json!(""), OK),
        (json!("{}"), OK),
        (json!(" { } "), OK),
        (json!(r#"{"a":"1","b":"2"}"#), right),
        (context(1024), right),
        (context(1025), "IPV"),
    ];
    for wrong in [
        "{",
        "[]",
        "1",
        "null",
        "\"a\"",
        r#"{"a":1}"#,
        r#"{"a":null}"#,
        r#"{"a":{}}"#,
        r#"{"a":["1"]}"#,
        r#"{"a":"1","a":"1"}"#,
        r#"{"a":"1","\u0061":"2"}"#,
        r#"{"a":"1"}x"#,
        r#"{"a":"1",}"#,
        r#"{1:"1"}"#,
        r#"{"a":"\ud800"}"#,
    ] {
        values.push((json!(wrong), "IPV"));
    }
    values
}

/// Ciphertexts that are none.
fn blobs(overhead: usize) -> Vec<(Value, &'static str)> {
    [0, 1, overhead, overhead + 1, overhead + 4096, overhead + 4097]
        .map(|length| (bytes(length), "IPV.InvalidCiphertext"))
        .into()
}

pub(super) fn fields(world: &World) -> Vec<Field> {
    let encrypting = "Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateDataKeyPair \
        GenerateDataKeyPairWithoutPlaintext EncryptDataKey";
    let decrypting = "Decrypt DecryptDataKey";
    let other = "IPV.InvalidCiphertext";
    let overhead = overhead(world);
    let blob = world.request("Decrypt")["CiphertextBlob"].clone();
    let data_key = world.request("DecryptDataKey")["CiphertextBlob"].clone();
    let mut all = vec![
        field(encrypting, "EncryptionContext", contexts(OK)),
        field(decrypting, "EncryptionContext", contexts(other)),
        field("ReEncrypt", "SourceEncryptionContext", contexts(other)),
        field("ReEncrypt", "DestinationEncryptionContext", contexts(OK)),
        field("Encrypt", "Plaintext", lengths(bytes, 1, 4096, "IPV.InvalidPlaintext")),
        field("Decrypt ReEncrypt", "CiphertextBlob", blobs(overhead)),
        field("Decrypt ReEncrypt", "CiphertextBlob", [(blob.clone(), OK)]),
        field("DecryptDataKey", "CiphertextBlob", blobs(overhead)),
        field("DecryptDataKey", "CiphertextBlob", [(data_key, OK), (blob, other)]),
        field(decrypting, "ExpectedKeyId", bad_names()),
        field(
            decrypting,
            "ExpectedKeyId",
            [ABSENT, "alias/none", "alias/taken"].map(|name| (json!(name), "IPV.InvalidKeyId")),
        ),
        field(decrypting, "ExpectedKeyId", [(json!("alias/enc"), OK)]),
        field("ReEncrypt", "DestinationKeyId", destinations()),
    ];
    all.extend(data_keys());
    all.extend(wrapping());
    all
}

fn destinations() -> Vec<(Value, &'static str)> {
    let mut values = bad_names();
    // Empty is the same key.
    values.retain(|(name, _)| *name != json!(""));
    values.extend([
        (json!(""), OK),
        (json!("alias/taken"), OK),
        (json!(ABSENT), "RU.CmkNotFound"),
        (json!("alias/disabled"), "RU.CmkDisabled"),
        (json!("alias/archived"), "RU.CmkArchived"),
        (json!("alias/doomed"), "RU.KeyPendingDelete"),
        (json!("alias/waiting"), "RU.CmkStateNotSupport"),
        (json!("alias/sign"), "IPV.InvalidKeyUsage"),
    ]);
    values
}

fn data_keys() -> Vec<Field> {
    let data_key = "GenerateDataKey GenerateDataKeyWithoutPlaintext";
    let pair = "GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext";
    let specs = [
        (json!("AES_128"), OK),
        (json!("AES_256"), OK),
        (json!("AES_192"), "IPV"),
        (json!("aes_256"), "IPV"),
        (json!("SM4"), "IPV"),
        // Neither a spec nor a length.
        (json!(""), "MissingParameter"),
    ];
    let pairs = ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "SM2"]
        .map(|spec| (json!(spec), OK));
    let no_pairs = ["", "RSA_1024", "rsa_2048", "ECC_NIST_P192", "AES_256"];
    let with_length = |length: i64, values: Vec<(Value, &'static str)>| {
        field("EncryptDataKey", "Plaintext", values).with(json!({ "DataKeyLength": length }))
    };
    let wrong = "IPV.InvalidPlaintext";
    vec![
        field(data_key, "KeySpec", specs),
        field(data_key, "KeySpec", [(json!(""), OK)]).with(json!({ "NumberOfBytes": 1 })),
        field(data_key, "NumberOfBytes", numbers(1, 1024, "IPV")),
        field(pair, "KeyPairSpec", pairs),
        field(pair, "KeyPairSpec", no_pairs.map(|spec| (json!(spec), "IPV"))),
        with_length(16, vec![(hashed(16), OK), (hashed(15), wrong), (hashed(17), wrong)]),
        with_length(16, vec![(bytes(0), wrong), (bytes(32), wrong)]),
        // Right in length, wrong in hash.
        with_length(16, vec![(bytes(48), wrong)]),
        with_length(1024, vec![(hashed(1024), OK)]),
        with_length(1, vec![(hashed(1), OK)]),
        field("EncryptDataKey", "DataKeyLength", [(json!(16), OK), (json!(17), wrong)]),
        field(
            "EncryptDataKey DecryptDataKey",
            "DataKeyLength",
            [
                (json!(-1), "IPV"),
                (json!(0), "IPV"),
                (json!(1025), "IPV"),
                (json!(i64::MIN), "IPV"),
                (json!(i64::MAX), "IPV"),
            ],
        ),
        field(
            "DecryptDataKey",
            "DataKeyLength",
            [
                (json!(16), OK),
                (json!(15), "IPV.InvalidCiphertext"),
                (json!(1024), "IPV.InvalidCiphertext"),
            ],
        ),
    ]
}

/// A public key of the caller, and how the plaintext is encrypted under it.
fn wrapping() -> Vec<Field> {
    let actions = "Decrypt GenerateDataKey";
    let rsa = |bits| pem(Generate::Rsa { bits, exponent: 65_537 });
    let (rsa_key, sm2_key) = (rsa(2048), pem(Generate::Sm2));
    let no_keys = [
        json!("x"),
        json!("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
        json!(sm2_key.as_str().unwrap().replace("PUBLIC KEY", "PRIVATE KEY")),
        json!(" ".repeat(1025)),
        pem(Generate::Ec(Curve::P256)),
    ];
    let rsa_algorithms = ["RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
    let sm2_algorithms = ["", "SM2", "SM2_C1C3C2_ASN1"];
    let with = |key: &Value, right: [&str; 3], wrong: [&str; 3]| {
        let right = right.map(|name| (json!(name), OK)).into_iter();
        let values = right.chain(wrong.map(|name| (json!(name), "IPV")));
        field(actions, "EncryptionAlgorithm", values).with(json!({ "EncryptionPublicKey": key }))
    };
    let key = |algorithm: &str, values: Vec<(Value, &'static str)>| {
        field(actions, "EncryptionPublicKey", values)
            .with(json!({ "EncryptionAlgorithm": algorithm }))
    };
    let length = |algorithm: &str, most: i64| {
        let values = [(json!(most), OK), (json!(most + 1), "IPV")];
        field("GenerateDataKey", "NumberOfBytes", values)
            .with(json!({ "EncryptionPublicKey": rsa_key, "EncryptionAlgorithm": algorithm }))
    };
    vec![
        field(actions, "EncryptionPublicKey", no_keys.map(|key| (key, "IPV"))),
        field(actions, "EncryptionPublicKey", [(json!(""), OK), (sm2_key.clone(), OK)]),
        key("SM2", vec![(rsa_key.clone(), "IPV"), (json!(""), "IPV"), (sm2_key.clone(), OK)]),
        key(
            "RSAES_OAEP_SHA_256",
            vec![(rsa_key.clone(), OK), (rsa(3072), "IPV"), (sm2_key.clone(), "IPV")],
        ),
        with(&rsa_key, rsa_algorithms, sm2_algorithms),
        with(&sm2_key, sm2_algorithms, rsa_algorithms),
        field(actions, "EncryptionAlgorithm", ["RSA", "sm2"].map(|name| (json!(name), "IPV"))),
        // Without a key there is nothing to encrypt under.
        field(actions, "EncryptionAlgorithm", [(json!("SM2"), "IPV"), (json!(""), OK)]),
        // RFC 8017 sections 7.1.1 and 7.2.1.
        length("RSAES_PKCS1_V1_5", 245),
        length("RSAES_OAEP_SHA_1", 214),
        length("RSAES_OAEP_SHA_256", 190),
    ]
}
