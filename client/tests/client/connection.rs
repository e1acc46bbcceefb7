//! One connection against a daemon that behaves, and against daemons that do not.

use std::time::Duration;

use crate::support::{Daemon, Peer, frame, reply_header, welcome};
use coffer_client::{CallOptions, Error, Event, Wait};
use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::event::{ObjectChanged, TokenChanged};
use coffer_protocol::frame::{Flags, HEADER_LENGTH, Header, Kind, encode_meta};
use coffer_protocol::handshake::{GoAway, Hello};
use coffer_protocol::operation::kms::{Done, EnableKey, GenerateRandom, GeneratedRandom};

const RANDOM: GenerateRandom = GenerateRandom { length: 4 };

/// Bytes that show where they stand.
fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

fn serve_random(mut peer: Peer) {
    while let Some(request) = peer.receive() {
        let length = usize::try_from(request.decode::<GenerateRandom>().length).unwrap();
        let payload = pattern(length);
        peer.reply(&request, &GeneratedRandom {}, &payload);
    }
}

#[test]
fn a_call_returns_the_fields_the_payload_and_the_number_of_its_request() {
    let daemon = Daemon::start(serve_random);
    let mut connection = daemon.connect().unwrap();
    for number in 1..=3 {
        let reply = connection.call(&RANDOM, &[]).unwrap();
        assert_eq!((reply.request_id, &reply.payload[..]), (number, &[0, 1, 2, 3][..]));
    }
    assert_eq!(connection.request_id_text(2), "07070707-0707-8000-8003-000000000002");
}

#[test]
fn large_payloads_come_whole_and_in_memory_of_their_size() {
    let daemon = Daemon::start(serve_random);
    let mut connection = daemon.connect().unwrap();
    for length in [0, 1, 8000, 8167, 8168, 8169, 8192, 100_000, 1 << 20] {
        let reply = connection.call(&GenerateRandom { length }, &[]).unwrap();
        assert_eq!(reply.payload[..], pattern(usize::try_from(length).unwrap()));
        // The largest come in the buffer that is used again, which has room for what encryption adds.
        let most = if length == 1 << 20 { (1 << 20) + (4 << 10) } else { reply.payload.len() };
        assert_eq!(reply.payload.capacity(), most);
    }
}

#[test]
fn a_large_request_arrives_whole() {
    let daemon = Daemon::start(|mut peer| {
        while let Some(request) = peer.receive() {
            let payload = request.payload.clone();
            peer.reply(&request, &GeneratedRandom {}, &payload);
        }
    });
    let mut connection = daemon.connect().unwrap();
    let payload = pattern(1 << 20);
    assert_eq!(connection.call(&RANDOM, &payload).unwrap().payload[..], payload[..]);
}

#[test]
fn a_request_beyond_the_daemons_limits_is_refused_before_it_is_sent() {
    let daemon = Daemon::start(serve_random);
    let mut connection = daemon.connect().unwrap();
    let error = connection.call(&RANDOM, &vec![0; (1 << 20) + 1]).unwrap_err();
    assert_eq!(error.failure().unwrap().code(), ErrorCode::TooLarge);
    assert_eq!(connection.call(&RANDOM, &[]).unwrap().request_id, 1);
}

#[test]
fn a_dry_run_is_marked_in_the_frame() {
    let daemon = Daemon::start(|mut peer| {
        while let Some(request) = peer.receive() {
            let dry = request.header.flags == Flags::DRY_RUN;
            peer.reply(&request, &GeneratedRandom {}, &[u8::from(dry)]);
        }
    });
    let mut connection = daemon.connect().unwrap();
    let reply = connection
        .call_with(&RANDOM, &[], CallOptions { dry_run: true, ..CallOptions::default() })
        .unwrap();
    assert_eq!(reply.payload[..], [1]);
    assert_eq!(connection.call(&RANDOM, &[]).unwrap().payload[..], [0]);
}

#[test]
fn a_refusal_leaves_the_connection_usable() {
    let daemon = Daemon::start(|mut peer| {
        let request = peer.receive().unwrap();
        peer.fail(&request, &Failure::about(ErrorCode::CmkNotFound, "app"));
        serve_random(peer);
    });
    let mut connection = daemon.connect().unwrap();
    let request = EnableKey { key_id: "alias/app".to_owned() };
    match connection.call(&request, &[]).unwrap_err() {
        Error::Refused { failure, request_id: 1 } => {
            assert_eq!(failure, Failure::about(ErrorCode::CmkNotFound, "app"));
        }
        other => panic!("{other}"),
    }
    assert!(connection.call(&RANDOM, &[]).is_ok());
}

#[test]
fn a_reply_in_pieces_is_put_together() {
    let daemon = Daemon::start(|mut peer| {
        let request = peer.receive().unwrap();
        let header = reply_header(&request, Flags::NONE, &[], &[5, 6]);
        for byte in frame(header, &[], &[5, 6]) {
            peer.write(&[byte]);
        }
    });
    assert_eq!(daemon.connect().unwrap().call(&RANDOM, &[]).unwrap().payload[..], [5, 6]);
}

#[test]
fn a_reply_that_stops_halfway_breaks_the_connection() {
    for cut in [1, HEADER_LENGTH, HEADER_LENGTH + 1] {
        let daemon = Daemon::start(move |mut peer| {
            let request = peer.receive().unwrap();
            let header = reply_header(&request, Flags::NONE, &[], &[5, 6]);
            peer.write(&frame(header, &[], &[5, 6])[..cut]);
        });
        let mut connection = daemon.connect().unwrap();
        assert!(matches!(connection.call(&RANDOM, &[]), Err(Error::Lost(_))));
        assert!(!connection.is_ready());
        assert!(matches!(connection.call(&RANDOM, &[]), Err(Error::Lost(_))));
    }
}

#[test]
fn replies_that_break_the_protocol_are_refused() {
    type Spoil = fn(&mut [u8]);
    let spoils: [Spoil; 7] = [
        |bytes| bytes[0] ^= 1,    // magic
        |bytes| bytes[3] = 0,     // a request
        |bytes| bytes[4] ^= 1,    // another operation
        |bytes| bytes[7] = 1,     // a descriptor
        |bytes| bytes[11] = 0xFF, // 4 GiB of metadata
        |bytes| bytes[15] = 0xFF, // 4 GiB of payload
        |bytes| bytes[16] ^= 1,   // another request
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        let daemon = Daemon::start(move |mut peer| {
            let request = peer.receive().unwrap();
            let mut bytes = frame(reply_header(&request, Flags::NONE, &[], &[]), &[], &[]);
            spoil(&mut bytes);
            peer.write(&bytes);
            peer.receive();
        });
        let mut connection = daemon.connect().unwrap();
        let result = connection.call(&RANDOM, &[]);
        assert!(matches!(result, Err(Error::Protocol(_))), "spoil {number}");
        assert!(!connection.is_ready(), "spoil {number}");
    }
}

#[test]
fn metadata_that_is_not_the_replys_is_refused() {
    let daemon = Daemon::start(|mut peer| {
        let request = peer.receive().unwrap();
        peer.reply(&request, &17_u32, &[]);
        peer.receive();
    });
    let mut connection = daemon.connect().unwrap();
    assert!(matches!(connection.call(&RANDOM, &[]), Err(Error::Protocol(_))));
    assert!(!connection.is_ready());
}

#[test]
fn events_before_a_reply_are_kept_in_their_order() {
    let changed = ObjectChanged { slot: 2, object: [4; 16] };
    let daemon = Daemon::start(move |mut peer| {
        let request = peer.receive().unwrap();
        peer.tell(Kind::Event, 1, &changed);
        peer.tell(Kind::Event, 2, &TokenChanged { slot: 3 });
        peer.reply(&request, &Done {}, &[]);
        peer.receive();
    });
    let mut connection = daemon.connect().unwrap();
    connection.call(&EnableKey { key_id: String::new() }, &[]).unwrap();
    let mut next = || connection.next_event(Wait::No).unwrap();
    assert_eq!(next(), Some(Event::ObjectChanged(changed)));
    assert_eq!(next(), Some(Event::TokenChanged(TokenChanged { slot: 3 })));
    assert_eq!(next(), None);
}

#[test]
fn waiting_for_an_event_keeps_half_of_one_and_ends_in_time() {
    let (go, wait_go) = std::sync::mpsc::channel();
    let (written, wait_written) = std::sync::mpsc::channel();
    let wait_go = std::sync::Mutex::new(wait_go);
    let daemon = Daemon::start(move |mut peer| {
        let event = event_frame(TokenChanged { slot: 8 });
        for part in [&event[..10], &event[10..]] {
            wait_go.lock().unwrap().recv().unwrap();
            peer.write(part);
            written.send(()).unwrap();
        }
        peer.receive();
    });
    let mut connection = daemon.connect().unwrap();
    assert_eq!(connection.next_event(Wait::No).unwrap(), None);
    go.send(()).unwrap();
    wait_written.recv().unwrap();
    assert_eq!(connection.next_event(Wait::No).unwrap(), None);
    assert_eq!(connection.next_event(Wait::For(Duration::from_millis(5))).unwrap(), None);
    go.send(()).unwrap();
    let changed = Event::TokenChanged(TokenChanged { slot: 8 });
    assert_eq!(connection.next_event(Wait::Forever).unwrap(), Some(changed));
}

fn event_frame(changed: TokenChanged) -> Vec<u8> {
    let meta = encode_meta(&changed).unwrap();
    let header = Header {
        kind: Kind::Event,
        operation: 2,
        flags: Flags::NONE,
        descriptors: 0,
        meta_length: u32::try_from(meta.len()).unwrap(),
        payload_length: 0,
        request_id: 0,
    };
    frame(header, &meta, &[])
}

#[test]
fn a_goodbye_says_why() {
    let goodbye = GoAway { code: ErrorCode::Busy as u16, reason: "stopping".to_owned() };
    let daemon = Daemon::start(move |mut peer| {
        peer.receive();
        peer.tell(Kind::GoAway, 0, &goodbye);
    });
    match daemon.connect().unwrap().call(&RANDOM, &[]).unwrap_err() {
        Error::GoAway(failure) => {
            assert_eq!(failure, Failure::about(ErrorCode::Busy, "stopping"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_goodbye_that_came_before_the_request_says_why_too() {
    let goodbye = GoAway { code: ErrorCode::Busy as u16, reason: "stopping".to_owned() };
    let (closed, wait_closed) = std::sync::mpsc::channel();
    let daemon = Daemon::start(move |mut peer| {
        peer.tell(Kind::GoAway, 0, &goodbye);
        drop(peer);
        closed.send(()).unwrap();
    });
    let mut connection = daemon.connect().unwrap();
    wait_closed.recv().unwrap();
    assert!(matches!(connection.call(&RANDOM, &[]), Err(Error::GoAway(_))));
}

#[test]
fn a_refused_handshake_says_why() {
    let daemon = Daemon::start_raw(|stream| {
        let goodbye = GoAway { code: ErrorCode::VersionMismatch as u16, reason: String::new() };
        Peer { stream, hello: dummy_hello() }.tell(Kind::GoAway, 0, &goodbye);
    });
    let error = daemon.connect().err().unwrap();
    assert_eq!(error.failure().unwrap().code(), ErrorCode::VersionMismatch);
}

fn dummy_hello() -> Hello {
    Hello {
        min_version: 1,
        max_version: 1,
        role: 0,
        client_name: String::new(),
        attach: None,
        partition: None,
    }
}

#[test]
fn another_version_is_refused() {
    let daemon = Daemon::start_raw(|stream| {
        let mut peer = Peer { stream, hello: dummy_hello() };
        let request = peer.receive().unwrap();
        let mut answer = welcome([7; 16]);
        answer.version = 2;
        peer.reply(&request, &answer, &[]);
    });
    let error = daemon.connect().err().unwrap();
    assert_eq!(error.failure().unwrap().code(), ErrorCode::VersionMismatch);
}

#[test]
fn nobody_listening_is_unreachable() {
    let directory = tempfile::TempDir::new().unwrap();
    let options = coffer_client::ConnectOptions::new(coffer_client::Role::Service, "test");
    let result = coffer_client::Connection::open(&directory.path().join("none"), &options);
    assert!(matches!(result, Err(Error::Unreachable(_))));
}

#[test]
fn hello_carries_the_partition_and_a_name_of_bounded_length() {
    let daemon = Daemon::start(|mut peer| {
        let request = peer.receive().unwrap();
        let text = format!("{:?} {}", peer.hello.partition, peer.hello.client_name.len());
        peer.reply(&request, &GeneratedRandom {}, text.as_bytes());
    });
    let mut options =
        coffer_client::ConnectOptions::new(coffer_client::Role::Service, "ü".repeat(50));
    options.partition = Some("dev".to_owned());
    let mut connection = coffer_client::Connection::open(&daemon.socket(), &options).unwrap();
    let reply = connection.call(&RANDOM, &[]).unwrap();
    assert_eq!(&reply.payload[..], b"Some(\"dev\") 64");
}
