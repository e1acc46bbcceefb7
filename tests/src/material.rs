//! Key material from outside, wrapped for the import by another implementation than the daemon's caller of it.

use getrandom::SysRng;
use serde_json::{Value, json};
use sm2::PublicKey;
use sm2::pkcs8::DecodePublicKey;
use sm2::pke::EncryptingKey;

use crate::base64::{decode, encode};

/// The request of GetParametersForImport that [`import`] goes with.
pub fn parameters(key: &str) -> Value {
    json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" })
}

/// The request of ImportKeyMaterial for the material, by what GetParametersForImport answered.
///
/// # Panics
///
/// Where the answer has no SM2 key.
pub fn import(parameters: &Value, material: &[u8], valid_to: i64) -> Value {
    let text = |field: &str| parameters[field].as_str().expect("it has the field");
    let key = PublicKey::from_public_key_der(&decode(text("PublicKey"))).expect("an SM2 key");
    let wrapped = EncryptingKey::new(key).encrypt_der(&mut SysRng, material);
    json!({
        "KeyId": text("KeyId"),
        "ImportToken": text("ImportToken"),
        "EncryptedKeyMaterial": encode(&wrapped.expect("short")),
        "ValidTo": valid_to,
    })
}
