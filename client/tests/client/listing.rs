//! Lists of keys, partitions and audit records, and PINs that come through a pipe.
#![cfg(feature = "cli")]

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Daemon, Peer};
use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::message::Message;
use coffer_protocol::message::json::Value;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{KeyMetadata, ListKeyDetail, ListedKeyDetail};
use coffer_protocol::operation::system::{
    AuditEvents, CreatedPartition, InitPartition, ListAuditEvents, ListPartitions, Partition,
    Partitions,
};
use serde_json::json;

/// How many keys and audit records there are: more than one page of each.
const MANY: usize = 700;

fn coffer(daemon: &Daemon, arguments: &str, input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_coffer"))
        .args(arguments.split(' '))
        .env("COFFER_SOCKET", daemon.socket())
        .env("COFFER_ADMIN_SOCKET", daemon.socket())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may be gone before all of it is written.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn serve(mut peer: Peer) {
    while let Some(request) = peer.receive() {
        let number = request.header.operation;
        if number == ListKeyDetail::ROW.number {
            peer.reply(&request, &keys(&request.decode()), &[]);
        } else if number == ListAuditEvents::ROW.number {
            peer.reply(&request, &events(&request.decode()), &[]);
        } else if number == ListPartitions::ROW.number {
            peer.reply(&request, &Partitions { partitions: vec![partition("dev")] }, &[]);
        } else if number == InitPartition::ROW.number && request.payload == b"12345678user" {
            let partition = partition(&request.decode::<InitPartition>().name);
            peer.reply(&request, &CreatedPartition { partition }, &[]);
        } else {
            peer.fail(&request, &Failure::new(ErrorCode::PinIncorrect));
        }
    }
}

fn keys(request: &ListKeyDetail) -> ListedKeyDetail {
    let first = usize::try_from(request.offset.unwrap()).unwrap();
    let limit = usize::try_from(request.limit.unwrap()).unwrap();
    let keys = (first..MANY.min(first + limit)).map(key).collect();
    ListedKeyDetail { total: i64::try_from(MANY).unwrap(), keys }
}

/// A key whose alias is its number, and whose other fields are empty.
fn key(number: usize) -> KeyMetadata {
    let mut object = coffer_protocol::message::json::Object::new();
    for field in KeyMetadata::FIELDS {
        let empty = match field.kind {
            "integer" => json!(0),
            "boolean" => json!(false),
            _ => json!(""),
        };
        object.insert(field.name.to_owned(), empty);
    }
    object.insert("Alias".to_owned(), json!(format!("key-{number}")));
    KeyMetadata::from_json(object).unwrap().0
}

/// Records have the numbers from `MANY` down to 1.
fn events(request: &ListAuditEvents) -> AuditEvents {
    let newest = request.before.map_or(MANY, |before| usize::try_from(before).unwrap() - 1);
    let limit = usize::try_from(request.limit.unwrap()).unwrap();
    assert!(limit <= 500);
    let oldest = newest.saturating_sub(limit) + 1;
    let event = |number| json!({"eventName": format!("e{number}"), "errorCode": 0}).to_string();
    AuditEvents {
        events: (oldest..=newest).rev().map(event).collect(),
        next: (oldest > 1).then(|| u64::try_from(oldest).unwrap()),
    }
}

fn partition(name: &str) -> Partition {
    Partition {
        name: name.to_owned(),
        slot: 3,
        label: "label".to_owned(),
        serial: "0001".to_owned(),
        initialised: true,
        user_pin: false,
        create_time: 1_700_000_000,
        keys: 2,
    }
}

#[test]
fn keys_of_all_pages_are_listed_once() {
    let daemon = Daemon::start(serve);
    let (status, text, _) = coffer(&daemon, "key list --json", b"");
    let aliases: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["Alias"].clone())
        .collect();
    assert_eq!((status, aliases.len()), (0, MANY));
    assert_eq!((&aliases[0], &aliases[MANY - 1]), (&json!("key-0"), &json!("key-699")));
    let (_, table, _) = coffer(&daemon, "key list", b"");
    assert!(table.contains("ALIAS") && table.contains("key-699"), "{table}");
}

#[test]
fn audit_records_of_all_pages_are_listed_for_machines_and_the_newest_for_people() {
    let daemon = Daemon::start(serve);
    let (_, text, _) = coffer(&daemon, "audit list --json", b"");
    assert_eq!(text.lines().count(), MANY);
    assert!(text.lines().last().unwrap().contains("\"e1\""));
    let (_, text, _) = coffer(&daemon, "audit list --json --limit 501", b"");
    assert_eq!(text.lines().count(), 501);
    let (_, table, _) = coffer(&daemon, "audit list", b"");
    assert_eq!(table.lines().count(), 51);
    assert!(table.contains("e700") && table.contains("e651") && !table.contains("e650"));
}

#[test]
fn partitions_are_a_table_or_json_lines() {
    let daemon = Daemon::start(serve);
    let (_, table, _) = coffer(&daemon, "partition list", b"");
    assert!(table.contains("security officer") && table.contains("2023-11-14"), "{table}");
    let (_, text, _) = coffer(&daemon, "partition list --json", b"");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["Slot"], 3);
}

#[test]
fn pins_come_from_standard_input_or_from_files() {
    let daemon = Daemon::start(serve);
    let (status, text, error) = coffer(&daemon, "partition init dev", b"12345678\nuser\n");
    assert_eq!((status, text.contains("slot 3")), (0, true), "{error}");
    let file = daemon.directory().join("pin");
    std::fs::write(&file, "12345678\n").unwrap();
    let arguments = format!("partition init dev --so-pin-file {}", file.display());
    assert_eq!(coffer(&daemon, &arguments, b"user").0, 0);
    let (status, _, error) = coffer(&daemon, "partition init dev", b"87654321\nuser\n");
    assert_eq!((status, error.contains("87654321")), (4, false), "{error}");
    assert_eq!(coffer(&daemon, "partition init dev", b"12345678\n").0, 1);
}
