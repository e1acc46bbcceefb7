//! Peers that break the protocol, waste what is shared, or are slow: they harm themselves only.

use std::io::Read;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{HEADER_LENGTH, Header, Kind, MAX_META, MAX_PAYLOAD};
use coffer_protocol::handshake::{HELLO, Role};
use coffer_protocol::mechanism::MechanismCall;
use coffer_protocol::operation::cipher::EncryptData;
use coffer_protocol::operation::kms::{
    CreateKey, DescribeKey, Encrypt, GenerateRandom, GetRegions, ListKeys,
};
use coffer_protocol::operation::system::{GetStatus, ListPartitions};
use coffer_protocol::operation::token::{ListTokens, OpenSession};
use coffer_tests::daemon::{DEADLINE, Daemon};
use coffer_tests::wire::{Wire, frame, frame_of, hello, request};

/// Nothing that hostile peers did has ended the daemon.
fn assert_serves(daemon: &Daemon, pid: nix::unistd::Pid) {
    assert_eq!(daemon.pid(), pid);
    let mut wire = Wire::open(&daemon.socket(), Role::Service);
    let reply = wire.ask(&frame_of(&GenerateRandom { length: 16 }, &[], 7));
    assert_eq!((reply.code(), reply.payload.len()), (None, 16));
}

fn status(request_id: u64) -> Vec<u8> {
    frame_of(&GetStatus {}, &[], request_id)
}

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

/// The daemon closes the connection so long after something that happened after `begun`.
fn closes_within(wire: &mut Wire, begun: Instant, earliest: Duration, latest: Duration) {
    let mut rest = Vec::new();
    wire.0.set_read_timeout(Some(latest)).unwrap();
    let closed = wire.0.read_to_end(&mut rest);
    assert!(closed.is_ok(), "still open after {:?}", begun.elapsed());
    assert!(begun.elapsed() >= earliest, "closed after {:?}", begun.elapsed());
}

#[test]
fn hello_has_two_seconds_however_it_begins() {
    let daemon = Daemon::start();
    let (earliest, latest) = (Duration::from_millis(1500), Duration::from_secs(8));
    let hello = frame(HELLO, &hello(Role::Service, None), &[], 1);
    std::thread::scope(|scope| {
        for length in [0, 10, HEADER_LENGTH, hello.len() - 1] {
            let (daemon, hello) = (&daemon, &hello);
            scope.spawn(move || {
                let begun = Instant::now();
                let mut wire = Wire::connect(&daemon.socket());
                wire.send(&hello[..length]).unwrap();
                closes_within(&mut wire, begun, earliest, latest);
            });
        }
    });
}

#[test]
#[ignore = "waits for ten seconds"]
fn a_frame_that_has_begun_has_ten_seconds() {
    let daemon = Daemon::start();
    let mut wire = Wire::open(&daemon.socket(), Role::Service);
    let begun = Instant::now();
    wire.send(&status(1)[..10]).unwrap();
    closes_within(&mut wire, begun, Duration::from_secs(9), Duration::from_secs(25));
    let mut idle = Wire::open(&daemon.socket(), Role::Service);
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!(idle.ask(&status(1)).code(), None, "between frames there is no deadline");
}

/// Resident kibibytes of a process.
fn resident(pid: nix::unistd::Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn lengths_that_are_only_claimed_cost_no_memory_and_stop_nobody() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let mut wire = Wire::open(&daemon.socket(), Role::Service);
    assert_eq!(wire.ask(&status(1)).code(), None);
    let before = resident(pid);
    // More than the arena holds, claimed of secret memory and of the heap.
    let secret =
        request(<Encrypt as coffer_protocol::operation::Operation>::ROW.number, 10, 190 << 10, 1);
    let plain = request(
        <EncryptData as coffer_protocol::operation::Operation>::ROW.number,
        MAX_META as usize,
        MAX_PAYLOAD as usize,
        1,
    );
    let mut hoarders = Vec::new();
    for header in [secret, plain] {
        for _ in 0..40 {
            let mut hoarder = Wire::open(&daemon.socket(), Role::Service);
            hoarder.send(&header.encode()).unwrap();
            hoarders.push(hoarder);
        }
    }
    assert_serves(&daemon, pid);
    let grown = resident(pid).saturating_sub(before);
    // 80 threads with their stacks; what was claimed is 87 MiB.
    assert!(grown < 20 << 10, "{grown} KiB");
    drop(hoarders);
    let create = CreateKey {
        alias: "after".into(),
        description: None,
        key_usage: None,
        key_spec: None,
        key_type: None,
        tags: None,
        hsm_cluster: None,
        client_token: None,
        rotate_days: None,
    };
    assert_eq!(wire.ask(&frame_of(&create, &[], 2)).code(), None);
}

#[test]
fn a_secret_frame_beyond_its_limit_is_refused() {
    let daemon = Daemon::start();
    let mut wire = Wire::open(&daemon.socket(), Role::Service);
    let number = <Encrypt as coffer_protocol::operation::Operation>::ROW.number;
    let answer = wire.ask(&request(number, 10, 192 << 10, 1).encode());
    assert_eq!((answer.header.kind, answer.code()), (Kind::GoAway, Some(ErrorCode::TooLarge)));
}

#[test]
fn idle_connections_stop_nobody_and_the_limit_stops_the_next_one() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let idle: Vec<Wire> = (0..64).map(|_| Wire::open(&daemon.socket(), Role::Service)).collect();
    assert_serves(&daemon, pid);
    let mut held = Vec::new();
    let refused = loop {
        assert!(idle.len() + held.len() <= 128, "there is no limit");
        let mut next = Wire::connect(&daemon.socket());
        let _ = next.send(&frame(HELLO, &hello(Role::Service, None), &[], 1));
        match next.receive() {
            Some(welcome) if welcome.code().is_none() => held.push(next),
            other => break other,
        }
    };
    assert!(refused.is_none_or(|answer| answer.header.kind == Kind::GoAway));
    assert!(idle.len() + held.len() >= 120);
    assert_eq!(held[0].ask(&status(2)).code(), None);
    drop((idle, held));
    let begun = Instant::now();
    while !daemon.coffer(&["call", "GetStatus"]).status.success() {
        assert!(begun.elapsed() < DEADLINE, "the connections are not given back");
    }
    assert_serves(&daemon, pid);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let daemon = Daemon::start();
    let mut wire = Wire::open(&daemon.socket(), Role::Service);
    let mut bytes = Vec::new();
    for id in 0..300_u64 {
        let length = i64::try_from(id % 1024 + 1).unwrap();
        bytes.extend(match id % 3 {
            0 => frame_of(&GenerateRandom { length }, &[], id),
            1 => frame(0x7777, &(), &[1; 3000], id),
            _ => status(id),
        });
    }
    let mut writing = Wire(wire.0.try_clone().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || writing.send(&bytes).unwrap());
        for id in 0..300 {
            let answer = wire.receive().unwrap();
            assert_eq!(answer.header.request_id, id);
            let expected = (id % 3 == 1).then_some(ErrorCode::UnknownOperation);
            assert_eq!(answer.code(), expected);
            if id % 3 == 0 {
                assert_eq!(answer.payload.len() as u64, id % 1024 + 1);
            }
        }
    });
}

#[test]
fn a_peer_that_reads_slowly_gets_all_and_one_that_does_not_read_stops_nobody() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let mut deaf = Wire::open(&daemon.socket(), Role::Service);
    deaf.0.set_nonblocking(true).unwrap();
    let request = frame_of(&GenerateRandom { length: 1024 }, &[], 1);
    let mut sent = 0;
    // Until neither side can take more.
    while deaf.send(&request).is_ok() {
        sent += 1;
        assert!(sent < 100_000, "the daemon buffers without limit");
    }
    assert_serves(&daemon, pid);

    let mut slow = Wire::open(&daemon.socket(), Role::Service);
    slow.send(&request).unwrap();
    let mut bytes = vec![0; HEADER_LENGTH + 1024];
    for byte in bytes.chunks_mut(7) {
        slow.0.read_exact(byte).unwrap();
        std::thread::yield_now();
    }
    assert_eq!(slow.ask(&status(2)).header.request_id, 2);
}

/// Numbers that look random and are the same each time (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }
}

/// Changes bytes, cuts, lengthens or repeats.
fn mutate(numbers: &mut Numbers, bytes: &mut Vec<u8>) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.push(numbers.byte()),
            2 => bytes[at] ^= 1 << numbers.below(8),
            3 => bytes.insert(at, numbers.byte()),
            4 => bytes.extend_from_within(at..),
            _ => bytes[at] = [0, 0xFF, 0x80, 0x7F][numbers.below(4)],
        }
    }
}

#[test]
fn ten_thousand_mutated_frames_end_no_daemon() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let gcm = MechanismCall { mechanism: 0x1087, parameter: vec![12, 1, 2, 3] };
    let frames = [
        status(1),
        frame_of(&GenerateRandom { length: 32 }, &[], 2),
        frame_of(&Encrypt { key_id: "alias/a".into(), context: Some("{}".into()) }, b"text", 3),
        frame_of(
            &ListKeys { offset: Some(0), limit: Some(5), role: None, hsm_cluster: None },
            &[],
            4,
        ),
        frame_of(&OpenSession { slot: 0, read_write: true }, &[], 5),
        frame_of(&EncryptData { session: 1, key: 1, mechanism: gcm }, b"data", 6),
        frame(0x0120, &1_u64, &[2, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0x11, 4, 1, 2, 3, 4], 7),
        frame(0x0126, &(1_u64, 1_u64), &[1, 3, 1, 65], 8),
    ];
    let mut numbers = Numbers(0x00C0_FFEE);
    for round in 0..10_000 {
        let role = if round % 2 == 0 { Role::Application } else { Role::Service };
        let mut bytes = frames[numbers.below(frames.len())].clone();
        mutate(&mut numbers, &mut bytes);
        // Tries of PINs are held back by design.
        if bytes.get(4..6).is_some_and(|number| matches!(number, [2 | 7 | 9 | 10, 1])) {
            continue;
        }
        let mut wire = Wire::connect(&daemon.socket());
        let greeting = frame(HELLO, &hello(role, None), &[], 1);
        let _ = wire.send(&[greeting, bytes].concat());
        let _ = wire.0.shutdown(Shutdown::Write);
        let mut answers = 0;
        while wire.receive().is_some() {
            answers += 1;
        }
        assert!(answers >= 1, "round {round}: no welcome");
    }
    assert_serves(&daemon, pid);
    let mut first = Wire::connect(&daemon.socket());
    for round in 0..1000 {
        let mut bytes = frame(HELLO, &hello(Role::Application, Some([7; 16])), &[], 1);
        mutate(&mut numbers, &mut bytes);
        let _ = first.send(&bytes);
        let _ = first.0.shutdown(Shutdown::Write);
        while first.receive().is_some() {}
        assert_eq!(daemon.pid(), pid, "round {round}");
        first = Wire::connect(&daemon.socket());
    }
    assert_serves(&daemon, pid);
}
