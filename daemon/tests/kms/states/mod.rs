//! Every state of a key and every operation on one, of both faces, by hand from the product's table, against the
//! running service: what comes of it, with which code, the state afterwards, and the alarm.

mod kms;
mod pkcs11;

use coffer_protocol::error::Failure;
use serde_json::json;

use crate::support::Hsm;

const STATES: [&str; 5] = ["Enabled", "Disabled", "PendingDelete", "PendingImport", "Archived"];

/// One operation: what it comes to in each of the states. A code in short, or the state afterwards, `=` for the same.
type Row = (&'static str, [&'static str; 5]);

/// Codes, as the documents write them in short.
fn code(cell: &str) -> &'static str {
    match cell {
        "sD" => "ResourceUnavailable.CmkDisabled",
        "sA" => "ResourceUnavailable.CmkArchived",
        "sP" => "ResourceUnavailable.KeyPendingDelete",
        "sN" => "ResourceUnavailable.CmkStateNotSupport",
        "ND" => "ResourceUnavailable.CmkNotPendingDelete",
        "SB" => "ResourceUnavailable.CmkShouldBeDisabled",
        // Only what is enabled can be bound, and what is bound stays so.
        "BN" => "ResourceUnavailable.CloudResourceBindingNotFound",
        // Imported material does not rotate: that is said before the state is looked at.
        "XR" => "UnsupportedOperation.ExternalCmkCanNotRotate",
        "NR" => "UnsupportedOperation.RotateNotSupported",
        other => panic!("{other}"),
    }
}

fn of(failure: &Failure) -> String {
    failure.code().kms().to_owned()
}

/// Brings an enabled key, or one that waits for its material, into a state by the way that leads there.
fn bring(hsm: &Hsm, key: &str, state: &str) {
    use coffer_protocol::operation::kms as operation;
    let of_key = || json!({ "KeyId": key });
    match state {
        "Disabled" => drop(hsm.call::<operation::DisableKey>(of_key())),
        "PendingDelete" => {
            hsm.call::<operation::DisableKey>(of_key());
            let schedule = json!({ "KeyId": key, "PendingWindowInDays": 7 });
            hsm.call::<operation::ScheduleKeyDeletion>(schedule);
        }
        "Archived" => drop(hsm.call::<operation::ArchiveKey>(of_key())),
        _ => {}
    }
    assert_eq!(hsm.state(key), state);
}

/// Compares one cell with what came of it, and what became of the key. Attempts to use a key that waits for its
/// destruction raise one alarm, and nothing else raises any.
fn compare(
    hsm: &Hsm,
    place: &str,
    key: &str,
    (state, cell): (&str, &str),
    came: &Result<(), String>,
) {
    let (outcome, after) = match cell {
        "=" => (Ok(()), state),
        name if STATES.contains(&name) => (Ok(()), name),
        short => (Err(code(short).to_owned()), state),
    };
    assert_eq!(*came, outcome, "{place} {state}");
    assert_eq!(hsm.state(key), after, "{place} {state}");
    let expected: &[&str] = if cell == "sP" { &["KeyPendingDelete.Used"] } else { &[] };
    assert_eq!(hsm.alarms(key), expected, "{place} {state}");
}

#[test]
fn every_operation_in_every_state_comes_to_what_the_documents_say() {
    let hsm = Hsm::with(|config| config.limits.keys = 10_000);
    let of_kms = kms::walk(&hsm);
    let of_pkcs11 = pkcs11::walk(&hsm);
    println!("state matrix: {} cells", of_kms + of_pkcs11);
    println!("of these {of_kms} of the KMS and {of_pkcs11} of PKCS#11");
    assert_eq!(of_kms, kms::TABLE.len() * STATES.len());
    assert_eq!(of_pkcs11, pkcs11::TABLE.len() * STATES.len());
}
