//! Peers that break the protocol: they are sent away, or refused.

use std::time::Instant;

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{Header, Kind};
use coffer_protocol::handshake::{HELLO, Role};
use coffer_protocol::operation::kms::{DescribeKey, GetRegions};
use coffer_protocol::operation::system::{GetStatus, ListPartitions};
use coffer_protocol::operation::token::{ListTokens, OpenSession};
use coffer_tests::daemon::{DEADLINE, Daemon};
use coffer_tests::wire::{Wire, frame, frame_of, hello, request};

use crate::{assert_serves, status};

/// Bytes that break the protocol after Hello, and the code of the farewell.
fn breaches() -> Vec<(&'static str, Vec<u8>)> {
    let changed = |at: usize, byte: u8| {
        let mut bytes = status(1);
        bytes[at] = byte;
        bytes
    };
    let of_kind = |kind: Kind| Header { kind, ..request(1, 0, 0, 1) }.encode().to_vec();
    vec![
        ("garbage", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("another magic", changed(0, 0)),
        ("another version", changed(2, 2)),
        ("an unknown kind", changed(3, 9)),
        ("an unknown flag", changed(6, 4)),
        ("descriptors", changed(7, 1)),
        ("metadata beyond the limit", changed(11, 0x80)),
        ("payload beyond the limit", changed(15, 0x80)),
        ("a reply", of_kind(Kind::Reply)),
        ("an event", of_kind(Kind::Event)),
        ("a farewell", of_kind(Kind::GoAway)),
        ("a second Hello", frame(HELLO, &hello(Role::Service, None), &[], 2)),
    ]
}

#[test]
fn whoever_breaks_the_protocol_is_sent_away() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    for (what, bytes) in breaches() {
        let mut wire = Wire::open(&daemon.socket(), Role::Service);
        let answer = wire.ask(&bytes);
        assert_eq!(answer.header.kind, Kind::GoAway, "{what}");
        assert_eq!(answer.code(), Some(ErrorCode::Malformed), "{what}");
        assert!(wire.receive().is_none(), "{what}");
    }
    assert_serves(&daemon, pid);
}

#[test]
fn a_connection_begins_with_hello() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let bad = |change: fn(&mut coffer_protocol::handshake::Hello)| {
        let mut hello = hello(Role::Service, None);
        change(&mut hello);
        frame(HELLO, &hello, &[], 1)
    };
    let trailing = {
        let mut bytes = frame(HELLO, &hello(Role::Service, None), &[], 1);
        bytes[8] += 1;
        bytes.push(0);
        bytes
    };
    for (what, bytes, code) in [
        ("a request", status(1), ErrorCode::HandshakeExpected),
        (
            "a payload",
            frame(HELLO, &hello(Role::Service, None), b"x", 1),
            ErrorCode::HandshakeExpected,
        ),
        ("trailing bytes", trailing, ErrorCode::Malformed),
        ("no role", bad(|hello| hello.role = 3), ErrorCode::Malformed),
        ("a later version", bad(|hello| hello.min_version = 2), ErrorCode::VersionMismatch),
        ("a long name", bad(|hello| hello.client_name = "x".repeat(65)), ErrorCode::Malformed),
        (
            "no such partition",
            bad(|hello| hello.partition = Some("?".into())),
            ErrorCode::PartitionNotFound,
        ),
        ("a token for a service", bad(|hello| hello.attach = Some([1; 16])), ErrorCode::Malformed),
        (
            "a token of nobody",
            bad(|hello| (hello.role, hello.attach) = (Role::Application as u8, Some([1; 16]))),
            ErrorCode::AuthFailure,
        ),
        ("a large Hello", request(HELLO, 64 << 10, 0, 1).encode().to_vec(), ErrorCode::TooLarge),
    ] {
        let mut wire = Wire::connect(&daemon.socket());
        let answer = wire.ask(&bytes);
        assert_eq!((answer.header.kind, answer.code()), (Kind::GoAway, Some(code)), "{what}");
        assert!(wire.receive().is_none(), "{what}");
    }
    assert_serves(&daemon, pid);
}

#[test]
fn a_token_ends_with_its_application() {
    let daemon = Daemon::start();
    let mut first = Wire::connect(&daemon.socket());
    let welcome = first.greet(&hello(Role::Application, None));
    let mut second = Wire::connect(&daemon.socket());
    let joined = second.greet(&hello(Role::Application, Some(welcome.attach_token)));
    assert_eq!(joined.attach_token, welcome.attach_token);
    // With the last connection the application ends, and its token with it.
    drop((first, second));
    let begun = Instant::now();
    loop {
        let mut third = Wire::connect(&daemon.socket());
        let again = hello(Role::Application, Some(welcome.attach_token));
        match third.ask(&frame(HELLO, &again, &[], 1)).code() {
            Some(code) => break assert_eq!(code, ErrorCode::AuthFailure),
            None => assert!(begun.elapsed() < DEADLINE),
        }
    }
}

#[test]
fn refusals_leave_the_connection_as_it_was() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let mut service = Wire::open(&daemon.socket(), Role::Service);
    let mut application = Wire::open(&daemon.socket(), Role::Application);
    let truncated = {
        let mut bytes = frame_of(&DescribeKey { key_id: "x".into() }, &[], 3);
        bytes.pop();
        bytes[8] -= 1;
        bytes
    };
    let trailing = {
        let mut bytes = status(4);
        bytes[8] += 1;
        bytes.push(0);
        bytes
    };
    let session = OpenSession { slot: 0, read_write: true };
    for (what, bytes, code) in [
        ("an unknown operation", frame(0x7777, &(), &[], 1), ErrorCode::UnknownOperation),
        (
            "an unknown operation with a payload",
            frame(0x7777, &(), &[0; 100], 2),
            ErrorCode::UnknownOperation,
        ),
        ("metadata that ends early", truncated, ErrorCode::Malformed),
        ("metadata with more behind it", trailing, ErrorCode::Malformed),
        (
            "an operation of the admin socket",
            frame_of(&ListPartitions {}, &[], 5),
            ErrorCode::WrongSocket,
        ),
        ("PKCS#11 without an application", frame_of(&session, &[], 6), ErrorCode::Unauthorized),
    ] {
        let answer = service.ask(&bytes);
        assert_eq!((answer.header.kind, answer.code()), (Kind::Reply, Some(code)), "{what}");
        assert_eq!(service.ask(&status(9)).code(), None, "{what}");
    }
    // The owner may ask the KMS through any connection.
    assert_eq!(application.ask(&frame_of(&GetRegions {}, &[], 1)).code(), None);
    assert_eq!(application.ask(&frame_of(&ListTokens {}, &[], 2)).code(), None);
    assert_serves(&daemon, pid);
}

#[test]
fn a_payload_that_nobody_asked_for_is_not_taken_for_the_next_frame() {
    let daemon = Daemon::start();
    let mut wire = Wire::open(&daemon.socket(), Role::Service);
    for length in [12, 5000, 300_000] {
        let answer = wire.ask(&frame_of(&GetStatus {}, &vec![0xC0; length], 1));
        assert_eq!((answer.header.kind, answer.header.request_id), (Kind::Reply, 1));
        assert_eq!(wire.ask(&status(2)).code(), None);
    }
}
