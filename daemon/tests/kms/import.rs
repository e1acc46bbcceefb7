//! Import: every way of wrapping, tokens, and that a key keeps its material for ever.

use coffer_daemon::crypto::{self, Generate, PublicKey, ecdsa::Curve};
use coffer_protocol::mechanism::{Hash, Oaep, Parameter, Scheme};
use coffer_protocol::message::json::{base64, from_base64};
use coffer_protocol::operation::kms;
use serde_json::{Value, json};

use crate::support::{DAY, Hsm, START};

const FAILED: &str = "InvalidParameter.DecryptMaterialError";
const USED: &str = "ResourceUnavailable.TokenExpired";

fn external(hsm: &Hsm, alias: &str) -> String {
    hsm.create(json!({ "Alias": alias, "Type": 2 }))
}

fn parameters(hsm: &Hsm, key: &str, algorithm: &str, spec: &str) -> Value {
    hsm.call::<kms::GetParametersForImport>(
        json!({ "KeyId": key, "WrappingAlgorithm": algorithm, "WrappingKeySpec": spec }),
    )
}

fn oaep(hash: Hash) -> Parameter {
    Parameter::Oaep(Oaep { hash, mgf: hash, label: Vec::new() })
}

fn kwp(key: &[u8; 32], value: &[u8]) -> Vec<u8> {
    use aes_kw::KeyInit;
    let mut wrapped = vec![0; value.len().next_multiple_of(8) + 8];
    aes_kw::KwpAes256::new(key.into()).wrap_key(value, &mut wrapped).unwrap();
    wrapped
}

fn wrap(parameters: &Value, algorithm: &str, material: &[u8]) -> Vec<u8> {
    let key = PublicKey::from_spki(&from_base64(&parameters["PublicKey"]).unwrap()).unwrap();
    match algorithm {
        "RSAES_PKCS1_V1_5" => {
            crypto::encrypt(&key, Scheme::RsaPkcs1(None), &Parameter::None, material).unwrap()
        }
        "RSAES_OAEP_SHA_1" => {
            crypto::encrypt(&key, Scheme::RsaOaep, &oaep(Hash::Sha1), material).unwrap()
        }
        "RSAES_OAEP_SHA_256" => {
            crypto::encrypt(&key, Scheme::RsaOaep, &oaep(Hash::Sha256), material).unwrap()
        }
        "RSA_AES_KEY_WRAP_SHA_256" => {
            let aes = [9; 32];
            let first = crypto::encrypt(&key, Scheme::RsaOaep, &oaep(Hash::Sha256), &aes).unwrap();
            [first, kwp(&aes, material)].concat()
        }
        _ => crypto::sm2_encrypt(&key, crypto::sm2::Form::Raw, material).unwrap(),
    }
}

fn send(hsm: &Hsm, key: &str, parameters: &Value, wrapped: &[u8]) -> Result<Value, String> {
    hsm.ask::<kms::ImportKeyMaterial>(json!({
        "KeyId": key, "EncryptedKeyMaterial": base64(wrapped), "ImportToken": parameters["ImportToken"],
    }))
}

#[test]
fn material_comes_in_by_every_algorithm() {
    let hsm = Hsm::new();
    let rows = [
        ("RSAES_PKCS1_V1_5", "RSA_2048"),
        ("RSAES_OAEP_SHA_1", "RSA_2048"),
        ("RSAES_OAEP_SHA_256", "RSA_3072"),
        ("RSA_AES_KEY_WRAP_SHA_256", "RSA_2048"),
        ("SM2", "SM2"),
    ];
    for (algorithm, spec) in rows {
        let key = external(&hsm, &format!("key-{algorithm}"));
        let parameters = parameters(&hsm, &key, algorithm, spec);
        assert_eq!(parameters["ParametersValidTo"], json!(START + DAY));
        let wrapped = wrap(&parameters, algorithm, &[5; 32]);
        let mut changed = wrapped.clone();
        changed[20] ^= 1;
        assert_eq!(send(&hsm, &key, &parameters, &changed), Err(FAILED.to_owned()), "{algorithm}");
        assert_eq!(send(&hsm, &key, &parameters, &wrapped).unwrap()["KeyState"], "Enabled");
        assert!(hsm.encrypt(&key).is_ok());
        assert_eq!(send(&hsm, &key, &parameters, &wrapped), Err(USED.to_owned()), "{algorithm}");
    }
}

#[test]
fn a_key_keeps_the_material_that_came_first() {
    let mut hsm = Hsm::new();
    let (key, other) = (external(&hsm, "one"), external(&hsm, "two"));
    for key in [&key, &other] {
        hsm.import(key, &[5; 32], 0).unwrap();
    }
    let blob = hsm.encrypt(&key).unwrap();
    let differs = "InvalidParameterValue.MaterialNotMatch";
    assert_eq!(hsm.import(&key, &[6; 32], 0), Err(differs.to_owned()));
    hsm.call::<kms::DeleteImportedKeyMaterial>(json!({ "KeyId": key }));
    hsm.restart();
    assert_eq!(hsm.import(&key, &[6; 32], 0), Err(differs.to_owned()));
    hsm.import(&key, &[5; 32], 0).unwrap();
    assert_eq!(hsm.decrypt(&blob).unwrap(), json!("c2VjcmV0"));
    // The same material in another key is another key: the name in the ciphertext is authenticated.
    let mut renamed = from_base64(&blob).unwrap();
    let id = other.replace('-', "");
    let id: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap()).collect();
    renamed[6..22].copy_from_slice(&id);
    let opened = hsm.decrypt(&base64(&renamed));
    assert_eq!(opened, Err("InvalidParameterValue.InvalidCiphertext".to_owned()));
    // On an enabled key only the expiry changes.
    hsm.import(&key, &[5; 32], START + 50).unwrap();
    let described = hsm.call::<kms::DescribeKey>(json!({ "KeyId": key }));
    assert_eq!(described["KeyMetadata"]["ValidTo"], json!(START + 50));
}

#[test]
fn a_token_is_for_one_key_one_day_five_failures_and_one_import() {
    let mut hsm = Hsm::new();
    let (key, other) = (external(&hsm, "one"), external(&hsm, "two"));
    let bad = "InvalidParameterValue".to_owned();
    let token = parameters(&hsm, &key, "SM2", "SM2");
    assert_eq!(hsm.import_with(&other, &token, &[5; 32], 0), Err(bad.clone()));
    let forged = json!({ "ImportToken": base64(&[1; 37]), "PublicKey": token["PublicKey"] });
    assert_eq!(hsm.import_with(&key, &forged, &[5; 32], 0), Err(bad));
    for length in [1, 16, 31, 33, 64] {
        let tried = hsm.import_with(&key, &token, &vec![5; length], 0);
        assert_eq!(tried, Err(FAILED.to_owned()), "{length}");
        hsm.restart();
    }
    assert_eq!(hsm.import_with(&key, &token, &[5; 32], 0), Err(USED.to_owned()));
    let tokens: Vec<Value> = (0..8).map(|_| parameters(&hsm, &key, "SM2", "SM2")).collect();
    let ninth = hsm.ask::<kms::GetParametersForImport>(
        json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" }),
    );
    assert_eq!(ninth, Err("LimitExceeded".to_owned()));
    hsm.pass(DAY - 1);
    hsm.import_with(&key, &tokens[0], &[5; 32], 0).unwrap();
    hsm.hands.pass(1);
    assert_eq!(hsm.import_with(&key, &tokens[1], &[5; 32], 0), Err(USED.to_owned()));
    hsm.service().tick();
    parameters(&hsm, &key, "SM2", "SM2");
}

#[test]
fn a_key_that_gets_its_material_back_is_in_the_state_that_it_had() {
    for (restore, expected) in [(true, "Disabled"), (false, "Enabled")] {
        let hsm = if restore {
            Hsm::new()
        } else {
            Hsm::with(|config| config.import.restore_state = false)
        };
        let key = external(&hsm, "one");
        hsm.import(&key, &[5; 32], 0).unwrap();
        hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
        hsm.call::<kms::DeleteImportedKeyMaterial>(json!({ "KeyId": key }));
        assert_eq!(hsm.import(&key, &[5; 32], 0).unwrap()["KeyState"], expected);
        assert_eq!(hsm.state(&key), expected);
    }
}

#[test]
fn pairs_come_in_as_pkcs8_and_stay_for_good() {
    let hsm = Hsm::new();
    let usage = "ASYMMETRIC_SIGN_VERIFY_ECC";
    let make = |alias: &str| hsm.create(json!({ "Alias": alias, "KeyUsage": usage, "Type": 2 }));
    let pair = crypto::generate(Generate::Ec(Curve::P256)).unwrap();
    let der = crypto::encode_private(pair.spec, &pair.material).unwrap();
    let (direct, wrapped) = (make("direct"), make("wrapped"));
    hsm.import(&direct, &der, 0).unwrap();
    // As Huawei has it: an AES key, and the private key under it.
    let token = parameters(&hsm, &wrapped, "RSAES_OAEP_SHA_256", "RSA_2048");
    let aes = [9; 32];
    let first = wrap(&token, "RSAES_OAEP_SHA_256", &aes);
    hsm.call::<kms::ImportKeyMaterial>(json!({
        "KeyId": wrapped, "EncryptedKeyMaterial": base64(&first), "ImportToken": token["ImportToken"],
        "EncryptedPrivateKey": base64(&kwp(&aes, &der)),
    }));
    let public = base64(&pair.public.unwrap().to_spki().unwrap());
    for key in [&direct, &wrapped] {
        assert_eq!(hsm.call::<kms::GetPublicKey>(json!({ "KeyId": key }))["PublicKey"], public);
        let sign = json!({ "KeyId": key, "Algorithm": "ECC_P256_R1", "Message": "aGk=" });
        let signed = hsm.call::<kms::SignByAsymmetricKey>(sign.clone());
        let mut verify = sign;
        verify["SignatureValue"] = signed["Signature"].clone();
        let verified = hsm.call::<kms::VerifyByAsymmetricKey>(verify);
        assert_eq!(verified["SignatureValid"], json!(true));
        let erased = hsm.ask::<kms::DeleteImportedKeyMaterial>(json!({ "KeyId": key }));
        assert_eq!(erased, Err("UnsupportedOperation".to_owned()));
    }
    let expiring = hsm.import(&make("expiring"), &der, START + 50);
    assert_eq!(expiring, Err("InvalidParameterValue".to_owned()));
    let wrong = crypto::generate(Generate::Ec(Curve::P384)).unwrap();
    let wrong = crypto::encode_private(wrong.spec, &wrong.material).unwrap();
    assert_eq!(hsm.import(&make("wrong"), &wrong, 0), Err(FAILED.to_owned()));
}
