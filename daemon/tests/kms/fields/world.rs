//! Keys of every kind, and for every action a request that is right.

use coffer_daemon::crypto::{self, Generate, ecdsa::Curve};
use coffer_protocol::message::json::base64;
use coffer_protocol::operation::kms;
use serde_json::{Value, json};

use super::bytes;
use crate::support::{Hsm, wrap};

/// A key that there is not.
pub(super) const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// A service with keys.
pub(super) struct World {
    pub(super) hsm: Hsm,
    /// Ids of 101 keys.
    pub(super) many: Vec<String>,
    blob: Value,
    data_key: Value,
    other_public: Value,
}

/// A public key in PEM.
pub(super) fn pem(what: Generate) -> Value {
    let public = crypto::generate(what).unwrap().public.unwrap().to_spki().unwrap();
    let body = base64(&public);
    let body: Vec<&str> = body
        .as_str()
        .unwrap()
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    json!(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", body.join("\n")))
}

/// A public key in DER.
pub(super) fn spki(what: Generate) -> Value {
    base64(&crypto::generate(what).unwrap().public.unwrap().to_spki().unwrap())
}

/// A data key of so many bytes with its hash.
pub(super) fn hashed(length: usize) -> Value {
    use sha2::{Digest, Sha256};
    let data_key = vec![5; length];
    base64(&[&data_key[..], &Sha256::digest(&data_key)].concat())
}

impl World {
    pub(super) fn new() -> Self {
        let hsm = Hsm::with(|config| config.limits.keys = 100_000);
        let make = |alias: &str, usage: &str| {
            hsm.create(json!({ "Alias": alias, "KeyUsage": usage }));
        };
        make("enc", "ENCRYPT_DECRYPT");
        make("taken", "ENCRYPT_DECRYPT");
        make("disabled", "ENCRYPT_DECRYPT");
        make("doomed", "ENCRYPT_DECRYPT");
        make("archived", "ENCRYPT_DECRYPT");
        make("bound", "ENCRYPT_DECRYPT");
        make("sign", "ASYMMETRIC_SIGN_VERIFY_ECC");
        make("sign-rsa", "ASYMMETRIC_SIGN_VERIFY_RSA_2048");
        make("rsa", "ASYMMETRIC_DECRYPT_RSA_2048");
        make("sm2", "ASYMMETRIC_DECRYPT_SM2");
        make("mac", "GENERATE_VERIFY_MAC");
        make("agree", "KEY_AGREEMENT");
        hsm.create(json!({ "Alias": "rotating", "RotateDays": 30 }));
        hsm.create(json!({ "Alias": "waiting", "Type": 2 }));
        hsm.create(json!({ "Alias": "imported", "Type": 2 }));
        hsm.import("alias/imported", &[7; 32], 0).unwrap();
        for alias in ["disabled", "doomed"] {
            hsm.call::<kms::DisableKey>(json!({ "KeyId": format!("alias/{alias}") }));
        }
        let schedule = json!({ "KeyId": "alias/doomed", "PendingWindowInDays": 7 });
        hsm.call::<kms::ScheduleKeyDeletion>(schedule);
        hsm.call::<kms::ArchiveKey>(json!({ "KeyId": "alias/archived" }));
        hsm.call::<kms::BindCloudResource>(
            json!({ "KeyId": "alias/bound", "ProductId": "p", "ResourceId": "r" }),
        );
        let tags: Vec<Value> =
            (0..10).map(|n| json!({ "TagKey": format!("k{n}"), "TagValue": "v" })).collect();
        hsm.call::<kms::TagResource>(json!({ "KeyId": "alias/taken", "Tags": tags }));
        let many = (0..101).map(|n| hsm.create(json!({ "Alias": format!("many-{n}") }))).collect();
        let blob = hsm.encrypt("alias/enc").unwrap();
        let data_key = hsm.call::<kms::EncryptDataKey>(
            json!({ "KeyId": "alias/enc", "Plaintext": hashed(16), "DataKeyLength": 16 }),
        )["CiphertextBlob"]
            .clone();
        let other_public = spki(Generate::Ec(Curve::P256));
        Self { hsm, many, blob, data_key, other_public }
    }

    /// A request that is right: an error of it is that of the field that is changed.
    pub(super) fn request(&self, action: &str) -> Value {
        let of = |alias: &str| json!({ "KeyId": format!("alias/{alias}") });
        let with = |alias: &str, fields: Value| {
            let mut request = of(alias);
            for (name, value) in fields.as_object().into_iter().flatten() {
                request[name] = value.clone();
            }
            request
        };
        match action {
            "CreateKey" => json!({ "Alias": "new" }),
            "ListKeys" | "ListKeyDetail" | "ListAlarms" | "GetServiceStatus" | "ListAlgorithms"
            | "GetRegions" => json!({}),
            "DescribeKey"
            | "DisableKey"
            | "ArchiveKey"
            | "EnableKeyRotation"
            | "DisableKeyRotation"
            | "GetKeyRotationStatus"
            | "ListResourceTags"
            | "GetKeyLastUsage" => of("enc"),
            "EnableKey" => of("disabled"),
            "EnableKeys" | "DisableKeys" | "DescribeKeys" => json!({ "KeyIds": ["alias/enc"] }),
            "UpdateKeyDescription" => with("enc", json!({ "Description": "d" })),
            "UpdateAlias" => with("enc", json!({ "Alias": "renamed" })),
            "ScheduleKeyDeletion" => with("disabled", json!({ "PendingWindowInDays": 7 })),
            "CancelKeyDeletion" => of("doomed"),
            "CancelKeyArchive" => of("archived"),
            "RotateKey" => of("rotating"),
            "Encrypt" => with("enc", json!({ "Plaintext": "aGk=" })),
            "Decrypt" | "ReEncrypt" => json!({ "CiphertextBlob": self.blob }),
            "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => {
                with("enc", json!({ "KeySpec": "AES_256" }))
            }
            "GenerateDataKeyPair" | "GenerateDataKeyPairWithoutPlaintext" => {
                with("enc", json!({ "KeyPairSpec": "ECC_NIST_P256" }))
            }
            "EncryptDataKey" => {
                with("enc", json!({ "Plaintext": hashed(16), "DataKeyLength": 16 }))
            }
            "DecryptDataKey" => json!({ "CiphertextBlob": self.data_key, "DataKeyLength": 16 }),
            "GenerateRandom" => json!({ "NumberOfBytes": 8 }),
            "GetPublicKey" => of("sign"),
            "SignByAsymmetricKey" => {
                with("sign", json!({ "Algorithm": "ECC_P256_R1", "Message": "aGk=" }))
            }
            "VerifyByAsymmetricKey" => with(
                "sign",
                json!({ "Algorithm": "ECC_P256_R1", "Message": "aGk=", "SignatureValue": "AAAA" }),
            ),
            "AsymmetricRsaDecrypt" => {
                with("rsa", json!({ "Ciphertext": bytes(256), "Algorithm": "RSAES_PKCS1_V1_5" }))
            }
            "AsymmetricSm2Decrypt" => with("sm2", json!({ "Ciphertext": bytes(100) })),
            "GenerateMac" => {
                with("mac", json!({ "MacAlgorithm": "HMAC_SHA_256", "Message": "aGk=" }))
            }
            "VerifyMac" => with(
                "mac",
                json!({ "MacAlgorithm": "HMAC_SHA_256", "Message": "aGk=", "Mac": "AAAA" }),
            ),
            "DeriveSharedSecret" => with(
                "agree",
                json!({ "KeyAgreementAlgorithm": "ECDH", "PublicKey": self.other_public }),
            ),
            "GetParametersForImport" => {
                with("waiting", json!({ "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" }))
            }
            "ImportKeyMaterial" => self.import(),
            "DeleteImportedKeyMaterial" => of("imported"),
            "BindCloudResource" => with("enc", json!({ "ProductId": "p", "ResourceId": "r" })),
            "UnbindCloudResource" => with("bound", json!({ "ProductId": "p", "ResourceId": "r" })),
            "TagResource" => with("enc", json!({ "Tags": [{ "TagKey": "k", "TagValue": "v" }] })),
            "UntagResource" => with("taken", json!({ "TagKeys": ["k0"] })),
            other => panic!("{other} has no request that is right"),
        }
    }

    /// An import for a key of its own, because a token counts failures.
    fn import(&self) -> Value {
        let alias = format!("import-{}", self.hsm.call::<kms::ListKeys>(json!({}))["TotalCount"]);
        let key = self.hsm.create(json!({ "Alias": alias, "Type": 2 }));
        let parameters = self.hsm.call::<kms::GetParametersForImport>(
            json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" }),
        );
        json!({
            "KeyId": key, "ImportToken": parameters["ImportToken"],
            "EncryptedKeyMaterial": wrap(&parameters, &[7; 32]),
        })
    }
}
