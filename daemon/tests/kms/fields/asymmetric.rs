//! Fields of requests about pairs and codes.

use coffer_daemon::crypto::{Generate, ecdsa::Curve};
use serde_json::{Value, json};

use super::world::{World, spki};
use super::{Field, OK, bytes, field, lengths};

/// Algorithms of signatures with RSA, and the bytes of their digests.
const RSA: [(&str, usize); 6] = [
    ("RSA_PSS_SHA_256", 32),
    ("RSA_PSS_SHA_384", 48),
    ("RSA_PSS_SHA_512", 64),
    ("RSA_PKCS1_SHA_256", 32),
    ("RSA_PKCS1_SHA_384", 48),
    ("RSA_PKCS1_SHA_512", 64),
];

fn all(values: &[&str], code: &'static str) -> Vec<(Value, &'static str)> {
    values.iter().map(|value| (json!(value), code)).collect()
}

pub(super) fn fields(_: &World) -> Vec<Field> {
    [signatures(), decryption(), codes(), agreement()].into_iter().flatten().collect()
}

fn signatures() -> Vec<Field> {
    let actions = "SignByAsymmetricKey VerifyByAsymmetricKey";
    let digest = |algorithm: &str, key: &str, length: usize| {
        let with = json!({ "Algorithm": algorithm, "KeyId": key, "MessageType": "DIGEST" });
        field(actions, "Message", lengths(bytes, length, length, "IPV")).with(with)
    };
    let mut fields = vec![
        field(actions, "Message", lengths(bytes, 1, 4096, "IPV")),
        field(actions, "Algorithm", all(&["ECC_P256_R1"], OK)),
        // Of another key.
        field(
            actions,
            "Algorithm",
            all(&["SM2DSA", "ECC_P384_R1", "RSA_PSS_SHA_256"], "IPV.InvalidKeyUsage"),
        ),
        field(actions, "Algorithm", all(&["", "MD5", "ecc_p256_r1", "RSA_PSS_SHA_1"], "IPV")),
        field(actions, "MessageType", all(&["", "RAW"], OK)),
        field(actions, "MessageType", all(&["raw", "HASH"], "IPV")),
        // Two bytes are no digest.
        field(actions, "MessageType", all(&["DIGEST"], "IPV")),
        digest("ECC_P256_R1", "alias/sign", 32),
        field("VerifyByAsymmetricKey", "SignatureValue", [0, 1, 72, 4096].map(|n| (bytes(n), OK))),
    ];
    fields.extend(RSA.map(|(name, length)| digest(name, "alias/sign-rsa", length)));
    fields
}

fn decryption() -> Vec<Field> {
    let (rsa, sm2) = ("AsymmetricRsaDecrypt", "AsymmetricSm2Decrypt");
    let modulus = [
        (bytes(256), OK),
        // The least and the most of other keys.
        (bytes(384), "FO.DecryptError"),
        (bytes(512), "FO.DecryptError"),
    ];
    let no_modulus = [0, 1, 255, 257, 511, 513].map(|length| (bytes(length), "IPV"));
    let no_ciphertexts = [1, 96, 97, 256].map(|length| (bytes(length), "FO.DecryptError"));
    vec![
        field(rsa, "Ciphertext", modulus),
        field(rsa, "Ciphertext", no_modulus),
        field(
            rsa,
            "Algorithm",
            all(&["RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"], OK),
        ),
        field(rsa, "Algorithm", all(&["", "RSA", "RSAES_OAEP_SHA_512", "SM2"], "IPV")),
        field(
            rsa,
            "KeyId",
            all(&["alias/sign-rsa", "alias/sm2", "alias/enc"], "IPV.InvalidKeyUsage"),
        ),
        field(sm2, "Ciphertext", lengths(bytes, 1, 256, "IPV")),
        field(sm2, "Ciphertext", no_ciphertexts),
        field(sm2, "KeyId", all(&["alias/rsa", "alias/enc"], "IPV.InvalidKeyUsage")),
    ]
}

fn codes() -> Vec<Field> {
    let actions = "GenerateMac VerifyMac";
    vec![
        field(actions, "Message", lengths(bytes, 1, 4096, "IPV")),
        field(actions, "MacAlgorithm", all(&["HMAC_SHA_256"], OK)),
        // The key is for another.
        field(
            actions,
            "MacAlgorithm",
            all(&["HMAC_SHA_384", "HMAC_SHA_512", "HMAC_SM3"], "IPV.InvalidKeyUsage"),
        ),
        field(actions, "MacAlgorithm", all(&["", "HMAC_SHA_1", "hmac_sha_256"], "IPV")),
        field("VerifyMac", "Mac", [0, 31, 32, 33, 4096].map(|length| (bytes(length), OK))),
    ]
}

fn agreement() -> Vec<Field> {
    let action = "DeriveSharedSecret";
    let right = spki(Generate::Ec(Curve::P256));
    let wrong = [
        bytes(0),
        bytes(91),
        bytes(257),
        spki(Generate::Ec(Curve::P384)),
        spki(Generate::Sm2),
        spki(Generate::Rsa { bits: 2048, exponent: 65_537 }),
    ];
    vec![
        field(action, "KeyAgreementAlgorithm", all(&["ECDH"], OK)),
        field(action, "KeyAgreementAlgorithm", all(&["", "ecdh", "DH"], "IPV")),
        field(action, "PublicKey", [(right, OK)]),
        field(action, "PublicKey", wrong.map(|key| (key, "IPV"))),
    ]
}
