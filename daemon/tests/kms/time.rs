//! What comes with time: expiry, deletion, warnings; and clocks that are set.

use std::sync::atomic::Ordering;

use coffer_protocol::operation::{kms, system};
use serde_json::json;

use crate::support::{DAY, Hsm, START};

const SN: &str = "ResourceUnavailable.CmkStateNotSupport";
const GONE: &str = "ResourceUnavailable.CmkNotFound";

fn scheduled(hsm: &Hsm) -> (String, serde_json::Value) {
    let key = hsm.create(json!({ "Alias": "doomed", "KeyUsage": "ASYMMETRIC_SIGN_VERIFY_ECC" }));
    hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
    let fields = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    let scheduled = hsm.call::<kms::ScheduleKeyDeletion>(fields);
    assert_eq!(scheduled["DeletionDate"], json!(START + 7 * DAY));
    let public = json!({ "KeyId": key });
    (key, public)
}

fn imported(hsm: &Hsm, valid_to: i64) -> String {
    let key = hsm.create(json!({ "Alias": "imported", "Type": 2 }));
    hsm.import(&key, &[7; 32], valid_to).unwrap();
    key
}

#[test]
fn a_key_is_destroyed_at_its_date_and_counted_down_to() {
    let mut hsm = Hsm::new();
    let (key, _) = scheduled(&hsm);
    let objects = hsm.service().registry.count().0;
    let countdown = "KeyPendingDelete.Countdown";
    for (wait, warnings) in [(4 * DAY - 1, 0), (1, 1), (DAY, 2), (DAY, 3), (DAY - 1, 3)] {
        hsm.pass(wait);
        hsm.service().tick();
        assert_eq!(hsm.alarms(&key), vec![countdown; warnings]);
        hsm.restart();
        assert_eq!(hsm.alarms(&key), vec![countdown; warnings], "none twice");
        assert_eq!(hsm.state(&key), "PendingDelete");
    }
    hsm.hands.pass(1);
    // Gone from the second on, also before the time keeper looks.
    let described = hsm.ask::<kms::DescribeKey>(json!({ "KeyId": key }));
    assert_eq!(described, Err(GONE.to_owned()));
    let cancelled = hsm.ask::<kms::CancelKeyDeletion>(json!({ "KeyId": key }));
    assert_eq!(cancelled, Err(GONE.to_owned()));
    let listed = hsm.call::<kms::ListKeyDetail>(json!({ "KeyUsage": "ALL" }));
    assert_eq!(listed["TotalCount"], json!(0));
    hsm.service().tick();
    // Both halves.
    assert_eq!(hsm.service().registry.count().0, objects - 2);
    assert_eq!(hsm.alarms(&key).last().unwrap(), "KeyPendingDelete.Destroyed");
    hsm.restart();
    assert_eq!(hsm.ask::<kms::DescribeKey>(json!({ "KeyId": key })), Err(GONE.to_owned()));
    // Its name is free again.
    hsm.create(json!({ "Alias": "doomed" }));
}

#[test]
fn warnings_that_were_missed_come_at_the_start_and_a_late_destruction_too() {
    let mut hsm = Hsm::new();
    let (key, _) = scheduled(&hsm);
    hsm.service().close();
    hsm.service = None;
    hsm.hands.pass(6 * DAY + 10);
    hsm.restart_closed();
    assert_eq!(hsm.alarms(&key), vec!["KeyPendingDelete.Countdown"; 3]);
    hsm.service().close();
    hsm.service = None;
    hsm.hands.pass(DAY);
    hsm.restart_closed();
    assert_eq!(hsm.alarms(&key).last().unwrap(), "KeyPendingDelete.Destroyed");
    assert_eq!(hsm.ask::<kms::DescribeKey>(json!({ "KeyId": key })), Err(GONE.to_owned()));
}

#[test]
fn imported_material_is_refused_from_the_second_it_expires_and_wiped() {
    let mut hsm = Hsm::new();
    let key = imported(&hsm, START + 100);
    let blob = hsm.encrypt(&key).unwrap();
    hsm.hands.pass(99);
    assert!(hsm.encrypt(&key).is_ok());
    hsm.hands.pass(1);
    assert_eq!(hsm.encrypt(&key), Err(SN.to_owned()));
    assert_eq!(hsm.decrypt(&blob), Err(SN.to_owned()));
    assert_eq!(hsm.state(&key), "PendingImport");
    hsm.restart();
    assert_eq!(hsm.state(&key), "PendingImport");
    assert_eq!(hsm.alarms(&key).last().unwrap(), "KeyMaterial.Expired");
    let count = hsm.alarms(&key).len();
    hsm.service().tick();
    assert_eq!(hsm.alarms(&key).len(), count);
    // The same material brings everything back.
    hsm.import(&key, &[7; 32], 0).unwrap();
    assert_eq!(hsm.decrypt(&blob).unwrap(), json!("c2VjcmV0"));
}

#[test]
fn a_clock_that_is_set_back_revives_nothing() {
    let mut hsm = Hsm::new();
    let key = imported(&hsm, START + 1000);
    hsm.pass(1000);
    hsm.hands.wall.store(START, Ordering::SeqCst);
    hsm.service().tick();
    assert_eq!(hsm.encrypt(&key), Err(SN.to_owned()));
    hsm.restart();
    assert_eq!(hsm.encrypt(&key), Err(SN.to_owned()));
    let alarms = hsm.call::<kms::ListAlarms>(json!({ "AlarmType": "Clock.WentBack" }));
    assert!(alarms["TotalCount"].as_i64().unwrap() >= 1);
    // What is imported now expires by the latest time that was seen.
    let token = hsm.import(&key, &[7; 32], START + 500);
    assert_eq!(token, Err("InvalidParameterValue".to_owned()));
}

#[test]
fn a_clock_that_jumps_forward_refuses_but_destroys_nothing_until_it_is_confirmed() {
    let mut hsm = Hsm::new();
    let (doomed, _) = scheduled(&hsm);
    let key = imported(&hsm, START + 30 * DAY);
    let blob = hsm.encrypt(&key).unwrap();
    hsm.hands.wall.fetch_add(60 * DAY, Ordering::SeqCst);
    for _ in 0..2 {
        hsm.service().tick();
        assert_eq!(hsm.encrypt(&key), Err(SN.to_owned()));
        assert_eq!(hsm.state(&doomed), "PendingDelete");
        assert!(hsm.alarms(&key).is_empty());
        hsm.restart();
    }
    let alarms = hsm.call::<kms::ListAlarms>(json!({ "AlarmType": "Clock.JumpedForward" }));
    assert!(alarms["TotalCount"].as_i64().unwrap() >= 1);
    // Put right, it is as if nothing had been.
    hsm.hands.wall.fetch_sub(60 * DAY, Ordering::SeqCst);
    hsm.service().tick();
    assert_eq!(hsm.decrypt(&blob).unwrap(), json!("c2VjcmV0"));
    // Confirmed, it counts.
    hsm.hands.wall.fetch_add(60 * DAY, Ordering::SeqCst);
    hsm.service().tick();
    hsm.call::<system::ConfirmTime>(json!({}));
    hsm.service().tick();
    assert_eq!(hsm.ask::<kms::DescribeKey>(json!({ "KeyId": doomed })), Err(GONE.to_owned()));
    assert_eq!(hsm.alarms(&key).last().unwrap(), "KeyMaterial.Expired");
}

#[test]
fn steps_of_less_than_a_day_add_up_to_a_jump() {
    let hsm = Hsm::new();
    let (doomed, _) = scheduled(&hsm);
    for _ in 0..10 {
        hsm.hands.wall.fetch_add(DAY - 3600, Ordering::SeqCst);
        hsm.service().tick();
    }
    assert_eq!(hsm.state(&doomed), "PendingDelete");
}

#[test]
fn what_expires_is_warned_of_and_a_key_that_waits_for_its_deletion_loses_its_material_too() {
    let hsm = Hsm::new();
    let key = imported(&hsm, START + 8 * DAY);
    for (wait, warnings) in [(DAY, 1), (6 * DAY, 2), (DAY - 3600, 3)] {
        hsm.pass(wait);
        assert_eq!(hsm.alarms(&key), vec!["KeyMaterial.Expiring"; warnings]);
    }
    hsm.call::<kms::DisableKey>(json!({ "KeyId": key }));
    hsm.call::<kms::ScheduleKeyDeletion>(json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    hsm.pass(3600);
    assert_eq!(hsm.state(&key), "PendingDelete");
    hsm.call::<kms::CancelKeyDeletion>(json!({ "KeyId": key }));
    assert_eq!(hsm.state(&key), "PendingImport");
}

#[test]
fn a_key_whose_material_has_expired_is_listed_as_it_is() {
    let hsm = Hsm::new();
    let key = imported(&hsm, START + 100);
    hsm.call::<kms::ArchiveKey>(json!({ "KeyId": key }));
    let listed = |hsm: &Hsm| hsm.call::<kms::ListKeys>(json!({}))["TotalCount"].clone();
    assert_eq!(listed(&hsm), json!(0), "what is archived is not listed");
    hsm.hands.pass(100);
    for _ in 0..2 {
        assert_eq!(listed(&hsm), json!(1));
        let waiting = hsm.call::<kms::ListKeyDetail>(json!({ "KeyState": 4 }));
        assert_eq!(waiting["KeyMetadatas"][0]["KeyId"], json!(key));
        hsm.service().tick();
    }
}
