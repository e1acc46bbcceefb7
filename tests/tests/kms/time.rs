//! What comes with time, over the real sockets: rotation, expiry, destruction, their alarms, and clocks that are set.

use coffer_tests::batch::Batch;
use coffer_tests::material;
use coffer_tests::time::{DAY, Timed};
use serde_json::{Value, json};

const COUNTDOWN: &str = "KeyPendingDelete.Countdown";
const STATE: &str = "ResourceUnavailable.CmkStateNotSupport";
const ABSENT: &str = "ResourceUnavailable.CmkNotFound";
const HOUR: i64 = 3600;

fn create(batch: &mut Batch, request: &Value) -> String {
    batch.call("CreateKey", request)["KeyId"].as_str().unwrap().to_owned()
}

fn encrypt(batch: &mut Batch, key: &str) -> Value {
    let request = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
    batch.call("Encrypt", &request)["CiphertextBlob"].clone()
}

fn decrypts(batch: &mut Batch, blob: &Value) {
    let opened = batch.call("Decrypt", &json!({ "CiphertextBlob": blob }));
    assert_eq!(opened["Plaintext"], json!("c2VjcmV0"));
}

fn described(batch: &mut Batch, key: &str) -> Value {
    batch.call("DescribeKey", &json!({ "KeyId": key }))["KeyMetadata"].clone()
}

/// An EXTERNAL key with material.
fn import(batch: &mut Batch, key: &str, valid_to: i64) {
    let parameters = batch.call("GetParametersForImport", &material::parameters(key));
    batch.call("ImportKeyMaterial", &material::import(&parameters, &[7; 32], valid_to));
}

/// A key that will be destroyed in seven days, something encrypted under it, and its date.
fn doomed(batch: &mut Batch) -> (String, Value, i64) {
    let key = create(batch, &json!({ "Alias": "doomed" }));
    let blob = encrypt(batch, &key);
    batch.call("DisableKey", &json!({ "KeyId": key }));
    let request = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    let date = batch.call("ScheduleKeyDeletion", &request)["DeletionDate"].as_i64().unwrap();
    (key, blob, date)
}

/// How many versions of key material the store has.
fn versions(timed: &Timed) -> u64 {
    let output = timed.daemon.coffer(&["store", "check", "--json"]);
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(checked["Valid"], json!(true), "{checked}");
    checked["Versions"].as_u64().unwrap()
}

#[test]
fn a_key_rotates_every_year_and_what_is_old_still_opens() {
    let mut timed = Timed::start();
    let mut batch = timed.batch();
    let key = create(&mut batch, &json!({ "Alias": "app" }));
    batch.call("EnableKeyRotation", &json!({ "KeyId": key }));
    let mut blobs = vec![encrypt(&mut batch, &key)];
    for year in 1..=3 {
        timed.pass(365 * DAY);
        let newest = json!(year + 1);
        timed.wait_until("it rotates", |batch| described(batch, &key)["KeyVersion"] == newest);
        blobs.push(encrypt(&mut batch, &key));
    }
    timed.restart();
    let mut batch = timed.batch();
    for (version, blob) in blobs.iter().enumerate() {
        decrypts(&mut batch, blob);
        // What the newest version encrypted is as new as it can be.
        let moved = batch.call("ReEncrypt", &json!({ "CiphertextBlob": blob }));
        assert_eq!(moved["ReEncrypted"], json!(version != 3), "{version}");
    }
    let status = batch.call("GetKeyRotationStatus", &json!({ "KeyId": key }));
    assert_eq!(json!([status["RotateDays"], status["NumberOfRotations"]]), json!([365, 3]));
    assert!(timed.alarms(&key).is_empty());
}

#[test]
fn a_rotation_that_was_missed_is_made_up_for_at_the_start() {
    let mut timed = Timed::start();
    let key = create(&mut timed.batch(), &json!({ "Alias": "app", "RotateDays": 365 }));
    timed.daemon.stop();
    timed.pass(800 * DAY);
    let earliest = timed.now();
    timed.start_again();
    timed.wait_for_alarms(&key, &["Rotation.Overdue"]);
    let once = |batch: &mut Batch| described(batch, &key)["KeyVersion"] == json!(2);
    timed.wait_until("it rotates once", once);
    let status = timed.batch().call("GetKeyRotationStatus", &json!({ "KeyId": key }));
    let (last, next) = (status["LastRotateTime"].as_i64(), status["NextRotateTime"].as_i64());
    assert_eq!(next, last.map(|last| last + 365 * DAY));
    assert!((earliest..=timed.now()).contains(&last.unwrap()));
}

#[test]
fn imported_material_works_until_the_second_before_it_expires() {
    let mut timed = Timed::start();
    let mut batch = timed.batch();
    let key = create(&mut batch, &json!({ "Alias": "imported", "Type": 2 }));
    let before = versions(&timed);
    let (valid_to, blob) = loop {
        let valid_to = timed.now() + 1000;
        import(&mut batch, &key, valid_to);
        let blob = encrypt(&mut batch, &key);
        if timed.at(valid_to - 1, |_| decrypts(&mut batch, &blob)).is_some() {
            break (valid_to, blob);
        }
    };
    // However late anybody looks, it has expired.
    timed.pass(valid_to - timed.now());
    let asked = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
    assert_eq!(batch.refused("Encrypt", &asked), STATE);
    assert_eq!(batch.refused("Decrypt", &json!({ "CiphertextBlob": blob })), STATE);
    assert_eq!(described(&mut batch, &key)["KeyState"], "PendingImport");
    let expired = |_: &mut Batch| {
        timed.alarms(&key).last().is_some_and(|alarm| alarm == "KeyMaterial.Expired")
    };
    timed.wait_until("the alarm comes", expired);
    assert_eq!(versions(&timed), before, "the material is gone from the store");
    assert_eq!(described(&mut batch, &key)["ValidTo"], json!(0));
    // Only the same brings it back.
    import(&mut batch, &key, 0);
    decrypts(&mut batch, &blob);
}

#[test]
fn a_token_for_an_import_is_good_for_a_day() {
    let mut timed = Timed::start();
    let mut batch = timed.batch();
    let key = create(&mut batch, &json!({ "Alias": "imported", "Type": 2 }));
    loop {
        let ask = |batch: &mut Batch| {
            let parameters = batch.call("GetParametersForImport", &material::parameters(&key));
            let until = parameters["ParametersValidTo"].as_i64().unwrap();
            (material::import(&parameters, &[7; 32], 0), until)
        };
        let earliest = timed.now();
        let ((good, until), (late, _)) = (ask(&mut batch), ask(&mut batch));
        assert!((earliest..=timed.now()).contains(&(until - DAY)));
        let reply = timed.at(until - 1, |_| batch.ask("ImportKeyMaterial", &good));
        timed.pass(DAY);
        assert_eq!(batch.refused("ImportKeyMaterial", &late), "ResourceUnavailable.TokenExpired");
        let Some(reply) = reply else { continue };
        assert_eq!(reply["KeyState"], "Enabled", "{reply}");
        break;
    }
    // The keys of the tokens are gone with them.
    timed.wait_until("the tokens are closed", |_| versions(&timed) == 1);
}

#[test]
fn a_key_is_counted_down_to_its_date_and_gone_then() {
    let mut timed = Timed::start();
    let mut batch = timed.batch();
    let earliest = timed.now();
    let (key, blob, date) = doomed(&mut batch);
    assert!((earliest..=timed.now()).contains(&(date - 7 * DAY)));
    timed.pass(date - timed.now() - 72 * HOUR - 30);
    assert!(timed.alarms(&key).is_empty());
    timed.pass(30);
    timed.wait_for_alarms(&key, &[COUNTDOWN]);
    // Missed, and made up for at the start; a further start says nothing again.
    timed.daemon.stop();
    timed.pass(DAY);
    timed.start_again();
    timed.wait_for_alarms(&key, &[COUNTDOWN; 2]);
    timed.restart();
    timed.pass(DAY);
    timed.wait_for_alarms(&key, &[COUNTDOWN; 3]);
    timed.restart();
    let mut batch = timed.batch();
    timed.pass(DAY - HOUR);
    assert_eq!(described(&mut batch, &key)["KeyState"], "PendingDelete");
    timed.pass(HOUR);
    // From the second on, also before the time keeper has looked.
    assert_eq!(batch.refused("DescribeKey", &json!({ "KeyId": key })), ABSENT);
    let destroyed = [COUNTDOWN, COUNTDOWN, COUNTDOWN, "KeyPendingDelete.Destroyed"];
    timed.wait_for_alarms(&key, &destroyed);
    assert_eq!(versions(&timed), 0);
    assert_eq!(batch.refused("Decrypt", &json!({ "CiphertextBlob": blob })), ABSENT);
    assert_eq!(batch.refused("CancelKeyDeletion", &json!({ "KeyId": key })), ABSENT);
    // Its name is free, and its ciphertext is not that of the new key.
    let new = create(&mut batch, &json!({ "Alias": "doomed" }));
    assert_ne!(new, key);
    timed.restart();
    let mut batch = timed.batch();
    assert_eq!(batch.refused("Decrypt", &json!({ "CiphertextBlob": blob })), ABSENT);
    timed.wait_for_alarms(&key, &destroyed);
}

#[test]
fn all_that_was_missed_comes_at_the_start() {
    let mut timed = Timed::start();
    let (key, _, date) = doomed(&mut timed.batch());
    timed.daemon.stop();
    timed.pass(date - timed.now() + DAY);
    timed.start_again();
    let all = [COUNTDOWN, COUNTDOWN, COUNTDOWN, "KeyPendingDelete.Destroyed"];
    timed.wait_for_alarms(&key, &all);
    assert_eq!(timed.batch().refused("DescribeKey", &json!({ "KeyId": key })), ABSENT);
}

#[test]
fn a_clock_that_is_set_back_revives_nothing() {
    let mut timed = Timed::start();
    let mut batch = timed.batch();
    let key = create(&mut batch, &json!({ "Alias": "imported", "Type": 2 }));
    let valid_to = timed.now() + 10 * DAY;
    import(&mut batch, &key, valid_to);
    let blob = encrypt(&mut batch, &key);
    let decrypt = json!({ "CiphertextBlob": blob });
    timed.pass(10 * DAY);
    assert_eq!(batch.refused("Decrypt", &decrypt), STATE);
    timed.wait_until("it is wiped", |batch| described(batch, &key)["ValidTo"] == json!(0));
    timed.set(-20 * DAY);
    assert_eq!(batch.refused("Decrypt", &decrypt), STATE);
    let alarm = json!({ "AlarmType": "Clock.WentBack" });
    timed.wait_until("the alarm comes", |_| !timed.list(&alarm).is_empty());
    timed.restart();
    let mut batch = timed.batch();
    assert_eq!(batch.refused("Decrypt", &decrypt), STATE);
    // What comes in now expires by the latest time that was seen.
    let parameters = batch.call("GetParametersForImport", &material::parameters(&key));
    let past = material::import(&parameters, &[7; 32], valid_to - DAY);
    assert_eq!(batch.refused("ImportKeyMaterial", &past), "InvalidParameterValue");
    let (doomed, _, date) = doomed(&mut batch);
    assert!(date >= valid_to + 7 * DAY, "{doomed} is destroyed early");
}

#[test]
fn a_clock_that_jumps_forward_refuses_but_destroys_nothing_before_it_is_confirmed() {
    let mut timed = Timed::start();
    let mut batch = timed.batch();
    let (doomed, ..) = doomed(&mut batch);
    let key = create(&mut batch, &json!({ "Alias": "imported", "Type": 2 }));
    import(&mut batch, &key, timed.now() + 30 * DAY);
    let blob = encrypt(&mut batch, &key);
    let decrypt = json!({ "CiphertextBlob": blob });
    let jumped = json!({ "AlarmType": "Clock.JumpedForward" });
    let before = versions(&timed);
    timed.set(60 * DAY);
    assert_eq!(batch.refused("Decrypt", &decrypt), STATE);
    timed.wait_until("the alarm comes", |_| timed.list(&jumped).len() == 1);
    timed.restart();
    let mut batch = timed.batch();
    assert_eq!(batch.refused("Decrypt", &decrypt), STATE);
    assert_eq!(described(&mut batch, &doomed)["KeyState"], "PendingDelete");
    timed.wait_until("the alarm comes", |_| timed.list(&jumped).len() == 2);
    assert_eq!(versions(&timed), before);
    // Put right, it is as if nothing had been.
    timed.set(-60 * DAY);
    decrypts(&mut batch, &blob);
    assert_eq!(described(&mut batch, &key)["KeyState"], "Enabled");
    // Confirmed, it counts.
    timed.set(60 * DAY);
    batch.call("ConfirmTime", &json!({}));
    assert_eq!(batch.refused("DescribeKey", &json!({ "KeyId": doomed })), ABSENT);
    timed.wait_until("both are gone", |_| versions(&timed) == 0);
    assert_eq!(timed.alarms(&doomed).last().unwrap(), "KeyPendingDelete.Destroyed");
    assert_eq!(timed.alarms(&key).last().unwrap(), "KeyMaterial.Expired");
}
