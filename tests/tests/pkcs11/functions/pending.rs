//! Keys that wait for their destruction: every function refuses them, and every attempt raises an alarm.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;
use serde_json::json;

use super::{NO, number};
use coffer_tests::c::{Handle, Session, plain, with};

/// A CMK, and its object of this class.
fn cmk(
    daemon: &Daemon,
    session: Session,
    alias: &str,
    usage: &str,
    class: u64,
) -> (String, Handle) {
    let (status, made) = daemon.call("CreateKey", &json!({ "Alias": alias, "KeyUsage": usage }));
    assert_eq!(status, 0, "{made}");
    let id = made["Response"]["KeyId"].as_str().or(made["KeyId"].as_str()).unwrap().to_owned();
    let class = number(class);
    let template = [(CKA_CLASS, &class[..]), (CKA_LABEL, alias.as_bytes())];
    (id, session.find(&template).unwrap())
}

fn schedule(daemon: &Daemon, id: &str) {
    let (status, answer) = daemon.call("DisableKey", &json!({ "KeyId": id }));
    assert_eq!(status, 0, "{answer}");
    let pending = json!({ "KeyId": id, "PendingWindowInDays": 7 });
    let (status, answer) = daemon.call("ScheduleKeyDeletion", &pending);
    assert_eq!(status, 0, "{answer}");
}

fn alarms(daemon: &Daemon) -> i64 {
    let (status, answer) = daemon.call("ListAlarms", &json!({}));
    assert_eq!(status, 0, "{answer}");
    let count = answer["Response"]["TotalCount"].as_i64().or(answer["TotalCount"].as_i64());
    count.unwrap()
}

#[test]
fn every_attempt_is_refused_and_raises_an_alarm() {
    isolated(|directory| {
        let daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let make = |alias, usage, class| cmk(&daemon, session, alias, usage, class);
        let (aes_id, aes) = make("aes", "ENCRYPT_DECRYPT", CKO_SECRET_KEY);
        let sign = "ASYMMETRIC_SIGN_VERIFY_ECC";
        let (ec_id, ec) = make("ec", sign, CKO_PRIVATE_KEY);
        let (agreement_id, agreement) = make("agreement", "KEY_AGREEMENT", CKO_PRIVATE_KEY);
        let target = session.create_secret(CKK_GENERIC_SECRET, &[1; 32], &[]).unwrap();
        for id in [aes_id, ec_id, agreement_id] {
            schedule(&daemon, &id);
        }
        let mut nonce = [1_u8; 12];
        let parameter = CK_GCM_PARAMS {
            pIv: nonce.as_mut_ptr(),
            ulIvLen: 12,
            ulTagBits: 128,
            ..Default::default()
        };
        let gcm = with(CKM_AES_GCM, &parameter);
        let mut point = [4_u8; 65];
        let parameter = CK_ECDH1_DERIVE_PARAMS {
            kdf: CKD_NULL,
            ulPublicDataLen: 65,
            pPublicData: point.as_mut_ptr(),
            ..Default::default()
        };
        let ecdh = with(CKM_ECDH1_DERIVE, &parameter);
        let class = number(CKO_SECRET_KEY);
        let wanted = [(CKA_CLASS, &class[..]), (CKA_TOKEN, NO)];
        let ecdsa = plain(CKM_ECDSA_SHA256);
        let attempts: [&dyn Fn() -> Result<(), CK_RV>; 6] = [
            &|| session.encrypt_init(Some(&gcm), aes),
            &|| session.message_encrypt_init(Some(&plain(CKM_AES_GCM)), aes),
            &|| session.wrap_authenticated(&gcm, aes, target, b"").map(drop),
            &|| session.sign_init(Some(&ecdsa), ec),
            &|| session.message_sign_init(Some(&ecdsa), ec),
            &|| session.derive(&ecdh, agreement, &wanted).map(drop),
        ];
        for (number, attempt) in attempts.iter().enumerate() {
            let before = alarms(&daemon);
            assert_eq!(attempt(), Err(CKR_KEY_FUNCTION_NOT_PERMITTED), "{number}");
            assert_eq!(alarms(&daemon), before + 1, "{number}");
        }
    });
}
