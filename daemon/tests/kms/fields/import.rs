//! Fields of requests that bring material in.

use coffer_protocol::operation::kms;
use serde_json::json;

use super::world::World;
use super::{Field, OK, bytes, field};
use crate::support::START;

/// The latest expiry that the KMS API knows.
const LATEST: i64 = 2_147_443_200;

pub(super) fn fields(world: &World) -> Vec<Field> {
    let prepare = "GetParametersForImport";
    let all = |values: &[&str], code: &'static str| -> Vec<_> {
        values.iter().map(|value| (json!(value), code)).collect()
    };
    let rsa =
        ["RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_256"];
    let with_rsa = json!({ "WrappingAlgorithm": "RSAES_OAEP_SHA_256" });
    let mut fields = vec![
        field(prepare, "WrappingAlgorithm", all(&["SM2"], OK)),
        field(prepare, "WrappingAlgorithm", all(&["", "sm2", "RSAES_OAEP_SHA_512"], "IPV")),
        field(prepare, "WrappingAlgorithm", all(&rsa, OK))
            .with(json!({ "WrappingKeySpec": "RSA_2048" })),
        // An algorithm with the key of another.
        field(prepare, "WrappingAlgorithm", all(&rsa, "IPV")),
        field(prepare, "WrappingKeySpec", all(&["", "sm2", "RSA_2048", "EC_P256"], "IPV")),
        field(prepare, "WrappingKeySpec", all(&["SM2"], OK)),
        field(prepare, "WrappingKeySpec", all(&["RSA_2048", "RSA_3072", "RSA_4096"], OK))
            .with(with_rsa.clone()),
        field(prepare, "WrappingKeySpec", all(&["SM2", "RSA_1024", ""], "IPV")).with(with_rsa),
        field(prepare, "KeyId", all(&["alias/enc", "alias/sign"], "UO.NotExternalCmk")),
    ];
    fields.extend(material(world));
    fields
}

fn material(world: &World) -> Vec<Field> {
    let action = "ImportKeyMaterial";
    let of_other = world.hsm.call::<kms::GetParametersForImport>(
        json!({ "KeyId": "alias/waiting", "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" }),
    );
    let right = world.request(action);
    let own = |name: &str| (right[name].clone(), OK);
    let with = json!({ "KeyId": right["KeyId"], "ImportToken": right["ImportToken"] });
    let failed = "IP.DecryptMaterialError";
    let wrong_times = [i64::MIN, -1, 1, START - 1, START, LATEST + 1, i64::MAX];
    let times = [0, START + 1, LATEST];
    vec![
        field(action, "EncryptedKeyMaterial", [own("EncryptedKeyMaterial")]).with(with.clone()),
        field(
            action,
            "EncryptedKeyMaterial",
            [(bytes(0), "IPV"), (bytes(1), failed), (bytes(4096), failed), (bytes(4097), "IPV")],
        ),
        field(action, "ImportToken", [own("ImportToken")]).with(with.clone()),
        field(
            action,
            "ImportToken",
            [
                (bytes(0), "IPV"),
                (bytes(36), "IPV"),
                (bytes(37), "IPV"),
                (bytes(38), "IPV"),
                (of_other["ImportToken"].clone(), "IPV"),
            ],
        ),
        field(action, "KeyId", [own("KeyId")]).with(with),
        field(action, "KeyId", [(json!("alias/enc"), "UO.NotExternalCmk")]),
        field(action, "ValidTo", wrong_times.map(|time| (json!(time), "IPV"))),
        field(action, "ValidTo", times.map(|time| (json!(time), OK))),
        // For pairs only.
        field(action, "EncryptedPrivateKey", [0, 15, 16, 4096, 4097].map(|n| (bytes(n), "IPV"))),
        field(action, "EncryptedPrivateKey", [(json!(null), OK)]),
    ]
}
