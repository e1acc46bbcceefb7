//! Plaintexts that come back encrypted under a key of the caller, opened by somebody else than who made them.

use coffer_protocol::message::json::from_base64;
use coffer_protocol::operation::kms;
use serde_json::{Value, json};
use sm2::elliptic_curve::Generate;
use sm2::pkcs8::{EncodePublicKey, LineEnding};
use sm2::pke::DecryptingKey;

use crate::support::Hsm;

/// A key of the caller that the daemon never sees.
struct Caller {
    folder: tempfile::TempDir,
    sm2: sm2::SecretKey,
}

impl Caller {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sm2 = sm2::SecretKey::try_generate_from_rng(&mut getrandom::SysRng).unwrap();
        let caller = Self { folder, sm2 };
        let options = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        caller.openssl(&[&["genpkey", "-out", "private.pem"], &options[..]].concat());
        caller.openssl(&["pkey", "-in", "private.pem", "-pubout", "-out", "public.pem"]);
        caller
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = std::process::Command::new("openssl");
        let output = command.args(arguments).current_dir(self.folder.path()).output();
        let output = output.expect("openssl is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {errors}");
    }

    /// The public key in PEM.
    fn public(&self, algorithm: &str) -> String {
        if algorithm.starts_with("RSA") {
            return std::fs::read_to_string(self.folder.path().join("public.pem")).unwrap();
        }
        self.sm2.public_key().to_public_key_pem(LineEnding::LF).unwrap()
    }

    /// Opens it.
    fn open(&self, algorithm: &str, wrapped: &[u8]) -> Vec<u8> {
        let sm2 = DecryptingKey::new(self.sm2.clone());
        let options: &[&str] = match algorithm {
            "SM2_C1C3C2_ASN1" => return sm2.decrypt_der(wrapped).unwrap(),
            // The point comes without the byte that says it is whole.
            "SM2" => return sm2.decrypt(&[&[4], wrapped].concat()).unwrap(),
            "RSAES_PKCS1_V1_5" => &["rsa_padding_mode:pkcs1"],
            "RSAES_OAEP_SHA_1" => &["rsa_padding_mode:oaep", "rsa_oaep_md:sha1"],
            _ => &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"],
        };
        std::fs::write(self.folder.path().join("wrapped"), wrapped).unwrap();
        let mut arguments =
            vec!["pkeyutl", "-decrypt", "-inkey", "private.pem", "-in", "wrapped", "-out", "plain"];
        arguments.extend(options.iter().flat_map(|option| ["-pkeyopt", option]));
        self.openssl(&arguments);
        std::fs::read(self.folder.path().join("plain")).unwrap()
    }
}

const ALGORITHMS: [&str; 5] =
    ["SM2", "SM2_C1C3C2_ASN1", "RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];

fn bytes(value: &Value) -> Vec<u8> {
    from_base64(value).unwrap()
}

#[test]
fn what_is_wrapped_for_the_caller_opens_with_the_callers_key() {
    let hsm = Hsm::new();
    hsm.create(json!({ "Alias": "app" }));
    let caller = Caller::new();
    for algorithm in ALGORITHMS {
        let public = caller.public(algorithm);
        let with = |mut request: Value| {
            request["EncryptionPublicKey"] = json!(public);
            request["EncryptionAlgorithm"] = json!(algorithm);
            request
        };
        for length in [1, 32, 190] {
            let request = with(json!({ "KeyId": "alias/app", "NumberOfBytes": length }));
            let made = hsm.call::<kms::GenerateDataKey>(request);
            let data_key = caller.open(algorithm, &bytes(&made["Plaintext"]));
            assert_eq!(data_key.len(), length, "{algorithm}");
            let blob = &made["CiphertextBlob"];
            assert_eq!(bytes(&hsm.decrypt(blob).unwrap()), data_key, "{algorithm}");
            let request = with(json!({ "CiphertextBlob": blob }));
            let wrapped = bytes(&hsm.call::<kms::Decrypt>(request)["Plaintext"]);
            assert_eq!(caller.open(algorithm, &wrapped), data_key, "{algorithm}");
            match algorithm {
                "SM2" => assert_eq!(wrapped.len(), 96 + length),
                "SM2_C1C3C2_ASN1" => assert_eq!(wrapped[0], 0x30),
                _ => assert_eq!(wrapped.len(), 256),
            }
        }
    }
    // Without a name it is SM2, as it is: for 32 bytes, the 128 of the product's sample.
    let public = caller.public("SM2");
    let request =
        json!({ "KeyId": "alias/app", "KeySpec": "AES_256", "EncryptionPublicKey": public });
    let wrapped = bytes(&hsm.call::<kms::GenerateDataKey>(request)["Plaintext"]);
    assert_eq!((wrapped.len(), caller.open("SM2", &wrapped).len()), (128, 32));
}

#[test]
fn a_plaintext_that_is_too_long_for_the_algorithm_is_refused_before_the_state_is_looked_at() {
    let hsm = Hsm::new();
    hsm.create(json!({ "Alias": "app" }));
    let caller = Caller::new();
    let made =
        hsm.call::<kms::GenerateDataKey>(json!({ "KeyId": "alias/app", "NumberOfBytes": 191 }));
    let request = |algorithm: &str| {
        json!({
            "CiphertextBlob": made["CiphertextBlob"], "EncryptionAlgorithm": algorithm,
            "EncryptionPublicKey": caller.public(algorithm),
        })
    };
    hsm.call::<kms::Decrypt>(request("RSAES_OAEP_SHA_1"));
    hsm.call::<kms::Decrypt>(request("SM2"));
    let long = request("RSAES_OAEP_SHA_256");
    assert_eq!(hsm.ask::<kms::Decrypt>(long.clone()), Err("InvalidParameterValue".to_owned()));
    hsm.call::<kms::DisableKey>(json!({ "KeyId": "alias/app" }));
    assert_eq!(hsm.ask::<kms::Decrypt>(long), Err("InvalidParameterValue".to_owned()));
}
