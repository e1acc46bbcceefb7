//! Peers that waste what is shared, or are slow: they stop nobody.

use std::io::Read;
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{HEADER_LENGTH, Kind, MAX_META, MAX_PAYLOAD};
use coffer_protocol::handshake::{HELLO, Role};
use coffer_protocol::operation::cipher::EncryptData;
use coffer_protocol::operation::kms::{CreateKey, Encrypt, GenerateRandom};
use coffer_tests::daemon::{DEADLINE, Daemon};
use coffer_tests::wire::{Wire, frame, frame_of, hello, request};

use crate::{assert_serves, status};

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
