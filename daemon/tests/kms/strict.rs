//! With `compat.tencent_strict`: the codes that Tencent's KMS documents, and the alarms all the same.

use coffer_protocol::message::json::base64;
use coffer_protocol::operation::kms;
use serde_json::json;

use crate::support::Hsm;

const DISABLED: &str = "ResourceUnavailable.CmkDisabled";
const PENDING: &str = "ResourceUnavailable.KeyPendingDelete";

#[test]
fn a_key_that_waits_for_its_deletion_is_like_a_disabled_one_to_those_who_encrypt_and_decrypt() {
    for (strict, crypt) in [(true, DISABLED), (false, PENDING)] {
        let hsm = if strict {
            Hsm::with(|config| config.compat.tencent_strict = true)
        } else {
            Hsm::new()
        };
        let key = hsm.create(json!({ "Alias": "app" }));
        let pair = hsm.create(json!({ "Alias": "pair", "KeyUsage": "ASYMMETRIC_SIGN_VERIFY_ECC" }));
        let blob = hsm.encrypt(&key).unwrap();
        for key in [&key, &pair] {
            hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
            let schedule = json!({ "KeyId": key, "PendingWindowInDays": 7 });
            hsm.call::<kms::ScheduleKeyDeletion>(schedule);
        }
        assert_eq!(hsm.encrypt(&key), Err(crypt.to_owned()));
        assert_eq!(hsm.decrypt(&blob), Err(crypt.to_owned()));
        let sign = json!({ "KeyId": pair, "Algorithm": "ECC_P256_R1", "Message": "aGk=" });
        assert_eq!(hsm.ask::<kms::SignByAsymmetricKey>(sign), Err(PENDING.to_owned()));
        assert_eq!(hsm.alarms(&key), ["KeyPendingDelete.Used"; 2]);
        assert_eq!(hsm.alarms(&pair), ["KeyPendingDelete.Used"]);
    }
}

#[test]
fn an_archived_pair_does_not_decrypt() {
    let hsm = Hsm::with(|config| config.compat.tencent_strict = true);
    hsm.create(json!({ "Alias": "rsa", "KeyUsage": "ASYMMETRIC_DECRYPT_RSA_2048" }));
    let request = json!({
        "KeyId": "alias/rsa", "Ciphertext": base64(&[1; 256]), "Algorithm": "RSAES_PKCS1_V1_5",
    });
    hsm.call::<kms::AsymmetricRsaDecrypt>(request.clone());
    hsm.call::<kms::ArchiveKey>(json!({ "KeyId": "alias/rsa" }));
    let refused = Err("ResourceUnavailable.CmkStateNotSupport".to_owned());
    assert_eq!(hsm.ask::<kms::AsymmetricRsaDecrypt>(request), refused);
}
