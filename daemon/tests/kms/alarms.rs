//! Alarms: one for each attempt, whoever makes it, kept over restarts.

use coffer_daemon::service::testing::Peer;
use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::attribute::{self, Attribute};
use coffer_protocol::frame;
use coffer_protocol::mechanism::{MechanismCall, ckm};
use coffer_protocol::operation::cipher::{Function, SignData, StartOperation};
use coffer_protocol::operation::object::FindObjects;
use coffer_protocol::operation::token::{Login, OpenSession};
use coffer_protocol::operation::{Socket, kms, system};
use serde_json::json;

use crate::support::{DAY, Hsm, OWNER, START, ask};

const USED: &str = "KeyPendingDelete.Used";

fn pending(hsm: &Hsm, usage: &str) -> String {
    let key = hsm.create(json!({ "Alias": "doomed", "KeyUsage": usage }));
    hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
    hsm.call::<kms::ScheduleKeyDeletion>(json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    key
}

#[test]
fn each_attempt_raises_one_alarm_which_says_who_and_what() {
    let mut hsm = Hsm::new();
    let key = pending(&hsm, "ENCRYPT_DECRYPT");
    assert!(hsm.encrypt(&key).is_err());
    // Refused before anybody looked at the state: an attempt all the same.
    let stranger = Peer::new(hsm.service(), OWNER + 1, Socket::App);
    let encrypt = json!({ "KeyId": key, "Plaintext": "aGk=" });
    assert!(ask::<kms::Encrypt>(&stranger, encrypt).is_err());
    // A dry run and a look are none.
    let request = kms::Encrypt { key_id: key.clone(), context: None };
    assert!(hsm.peer().dry_run(&request, b"hi").is_err());
    hsm.call::<kms::DescribeKey>(json!({ "KeyId": key }));
    drop(stranger);
    hsm.restart();
    let listed = hsm.call::<kms::ListAlarms>(json!({ "KeyId": key }));
    assert_eq!(listed["TotalCount"], json!(2));
    let alarm = &listed["Alarms"][0];
    let expected = json!([USED, "Encrypt", key, OWNER + 1, START + 7 * DAY, "critical", "dev"]);
    let came = json!([
        alarm["AlarmType"],
        alarm["Operation"],
        alarm["KeyId"],
        alarm["Uid"],
        alarm["DeletionDate"],
        alarm["Severity"],
        alarm["Partition"],
    ]);
    assert_eq!(came, expected);
}

#[test]
fn attempts_through_pkcs11_raise_alarms_too() {
    let hsm = Hsm::new();
    let init = system::InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
    hsm.peer().call(&init, b"officeruser").unwrap();
    let key = pending(&hsm, "ASYMMETRIC_SIGN_VERIFY_ECC");
    let application = Peer::application(hsm.service(), OWNER + 1);
    let session =
        application.call(&OpenSession { slot: 0, read_write: true }, b"").unwrap().session;
    application.call(&Login { session, user: 1 }, b"user").unwrap();
    let template = frame::encode_meta(&vec![Attribute::number(attribute::CLASS, 3)]).unwrap();
    let found = application.call(&FindObjects { session, after: 0 }, &template).unwrap();
    let object = found.descriptions[0].object;
    let mechanism = || MechanismCall { mechanism: ckm::CKM_ECDSA_SHA256, parameter: Vec::new() };
    let sign = SignData { session, key: object, mechanism: mechanism() };
    assert!(application.call(&sign, b"data").is_err());
    let function = Function::Sign as u8;
    let start = StartOperation { session, function, key: object, mechanism: mechanism() };
    assert!(application.call(&start, b"").is_err());
    assert_eq!(hsm.alarms(&key), [USED, USED]);
}

#[test]
fn alarms_are_listed_by_type_time_and_number() {
    let hsm = Hsm::new();
    let key = pending(&hsm, "ENCRYPT_DECRYPT");
    for _ in 0..15 {
        assert!(hsm.encrypt(&key).is_err());
        hsm.hands.pass(1);
    }
    let total = |fields| hsm.call::<kms::ListAlarms>(fields)["TotalCount"].clone();
    assert_eq!(total(json!({ "AlarmType": USED })), json!(15));
    assert_eq!(total(json!({ "AlarmType": "Pin.Locked" })), json!(0));
    assert_eq!(total(json!({ "StartTime": START + 10 })), json!(5));
    assert_eq!(total(json!({ "EndTime": START + 9 })), json!(10));
    assert_eq!(total(json!({ "After": 12 })), json!(3));
    let page = hsm.call::<kms::ListAlarms>(json!({ "Offset": 10, "Limit": 3 }));
    let numbers: Vec<_> =
        page["Alarms"].as_array().unwrap().iter().map(|alarm| alarm["Number"].clone()).collect();
    assert_eq!(numbers, [json!(5), json!(4), json!(3)]);
    for kind in AlarmKind::ALL {
        total(json!({ "AlarmType": kind.name() }));
    }
    for bad in [json!({ "AlarmType": "None" }), json!({ "Limit": 0 }), json!({ "Limit": 201 })] {
        assert_eq!(hsm.ask::<kms::ListAlarms>(bad), Err("InvalidParameterValue".to_owned()));
    }
}

#[test]
fn the_last_use_of_a_key_is_known_after_a_restart() {
    let mut hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app" }));
    let none = hsm.call::<kms::GetKeyLastUsage>(json!({ "KeyId": key }));
    assert_eq!(none, json!({ "KeyId": key, "TrackingStartDate": START }));
    let blob = hsm.encrypt(&key).unwrap();
    hsm.hands.pass(5);
    hsm.decrypt(&blob).unwrap();
    hsm.restart();
    let last = hsm.call::<kms::GetKeyLastUsage>(json!({ "KeyId": key }));
    assert_eq!((&last["Operation"], &last["Time"]), (&json!("Decrypt"), &json!(START + 5)));
    assert_eq!(last["EventId"].as_str().unwrap().len(), 36);
}

#[test]
fn a_stranger_who_would_encrypt_anew_under_the_key_raises_the_alarm_too() {
    let hsm = Hsm::new();
    let key = pending(&hsm, "ENCRYPT_DECRYPT");
    let other = hsm.create(json!({ "Alias": "other" }));
    let blob = hsm.encrypt(&other).unwrap();
    let stranger = Peer::new(hsm.service(), OWNER + 1, Socket::App);
    let request = json!({ "CiphertextBlob": blob, "DestinationKeyId": key });
    for peer in [&stranger, &hsm.peer()] {
        assert!(ask::<kms::ReEncrypt>(peer, request.clone()).is_err());
    }
    assert_eq!(hsm.alarms(&key), [USED, USED]);
    assert!(hsm.alarms(&other).is_empty());
}

#[test]
fn a_pin_that_is_locked_raises_one_alarm_which_says_whose() {
    let mut hsm = Hsm::new();
    let init = system::InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
    hsm.peer().call(&init, b"officeruser").unwrap();
    let mut refused = Vec::new();
    for _ in 0..12 {
        let application = Peer::application(hsm.service(), OWNER + 1);
        let open = OpenSession { slot: 0, read_write: true };
        let session = application.call(&open, b"").unwrap().session;
        let failure = application.call(&Login { session, user: 1 }, b"wrong").unwrap_err();
        refused.push(failure.code().name());
        drop(application);
        // The delay after a failure is over when the daemon is started late enough.
        hsm.hands.pass(120);
        hsm.restart();
    }
    assert_eq!(refused[..10], ["PinIncorrect"; 10]);
    assert_eq!(refused[10..], ["PinLocked"; 2]);
    let listed = hsm.call::<kms::ListAlarms>(json!({ "AlarmType": "Pin.Locked" }));
    let alarm = &listed["Alarms"][0];
    let came = json!([listed["TotalCount"], alarm["Uid"], alarm["Partition"], alarm["Severity"]]);
    assert_eq!(came, json!([1, OWNER + 1, "dev", "warning"]));
}

/// A directory in the place of the next segment: as if the disk were full.
fn block_audit(hsm: &Hsm) -> std::path::PathBuf {
    let next = hsm.directory().join("audit/reserve");
    std::fs::remove_file(&next).unwrap();
    std::fs::create_dir_all(next.join("in the way")).unwrap();
    next
}

#[test]
fn an_audit_log_that_takes_no_more_raises_one_alarm_and_refuses_operations() {
    let mut hsm = Hsm::new();
    let key = hsm.create(json!({ "Alias": "app" }));
    let next = block_audit(&hsm);
    let refusal = (0..10_000).find_map(|_| hsm.encrypt(&key).err());
    assert_eq!(refusal.as_deref(), Some("UnsupportedOperation.ServiceTemporaryUnavailable"));
    for _ in 0..5 {
        assert!(hsm.encrypt(&key).is_err());
    }
    let blocked = |hsm: &Hsm| {
        let all = hsm.service().alarms.all();
        all.iter().filter(|alarm| alarm.kind == AlarmKind::AuditBlocked).count()
    };
    assert_eq!(blocked(&hsm), 1);
    // Still so an hour later, it is said again.
    hsm.hands.pass(3601);
    assert!(hsm.encrypt(&key).is_err());
    assert_eq!(blocked(&hsm), 2);
    std::fs::remove_dir_all(next).unwrap();
    hsm.restart();
    assert!(hsm.encrypt(&key).is_ok());
    assert_eq!(blocked(&hsm), 2);
}

#[test]
fn an_audit_log_that_was_changed_raises_an_alarm_at_the_start() {
    let mut hsm = Hsm::new();
    hsm.create(json!({ "Alias": "audited-alias" }));
    let segment = hsm.directory().join("audit/00000001.seg");
    hsm.stop();
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(13).position(|window| window == b"audited-alias").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    hsm.restart_closed();
    let listed = hsm.call::<kms::ListAlarms>(json!({ "AlarmType": "Audit.ChainBroken" }));
    let alarm = &listed["Alarms"][0];
    assert_eq!(json!([listed["TotalCount"], alarm["Severity"]]), json!([1, "critical"]));
}
