//! Which calls are made again when a daemon goes away, at each point where it can.

use std::time::Duration;

use crate::support::script::{End, daemon};
use crate::support::{Daemon, Peer};
use coffer_client::kms::{Kms, NewKey};
use coffer_client::{ConnectOptions, Context, Error, KeyName, Retries, Role};
use coffer_protocol::ErrorCode;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{CreateKey, EnableKey, Encrypt, GenerateRandom};

fn open(daemon: &Daemon) -> Kms {
    let mut kms = Kms::open(&daemon.socket(), &ConnectOptions::new(Role::Service, "test")).unwrap();
    let wait = Duration::from_millis(1);
    kms.set_retries(Retries { attempts: 4, first_wait: wait, longest_wait: wait });
    kms
}

/// A call of each kind, its operation, and whether it may be made twice.
type Row = (fn(&mut Kms) -> Result<(), Error>, u16, bool);

const CALLS: [Row; 5] = [
    (|kms| kms.generate_random(4).map(drop), GenerateRandom::ROW.number, true),
    (
        |kms| kms.create_key(&NewKey::new("a").client_token("t")).map(drop),
        CreateKey::ROW.number,
        true,
    ),
    (|kms| kms.create_key(&NewKey::new("a")).map(drop), CreateKey::ROW.number, false),
    (|kms| kms.enable_key(&KeyName::new("app")), EnableKey::ROW.number, false),
    (
        |kms| kms.encrypt(&KeyName::new("app"), b"x", &Context::default()).map(drop),
        Encrypt::ROW.number,
        false,
    ),
];

#[test]
fn what_surely_was_not_carried_out_is_made_again_whatever_it_is() {
    for (call, number, _) in CALLS {
        let (daemon, seen, endings) = daemon(&[End::Welcomed, End::Accepted, End::Accepted]);
        let mut kms = open(&daemon);
        // The connection is gone before the request is written.
        endings.recv().unwrap();
        call(&mut kms).unwrap();
        assert_eq!(*seen.lock().unwrap(), [number]);
    }
}

#[test]
fn a_request_of_which_a_part_went_out_is_made_again() {
    let (daemon, seen, _endings) = daemon(&[]);
    let large = vec![7; 1 << 20];
    // More than a socket holds, and nobody reads it to its end.
    let stopping = Daemon::start_raw(|stream| {
        let mut peer = Peer::welcome(stream, [7; 16]);
        let _ = std::io::Read::read_exact(&mut peer.stream, &mut [0; 100]);
    });
    let path = daemon.socket();
    std::fs::rename(&path, daemon.directory().join("aside")).unwrap();
    std::fs::rename(stopping.socket(), &path).unwrap();
    let mut kms = open(&daemon);
    std::fs::rename(daemon.directory().join("aside"), &path).unwrap();
    let key = KeyName::new("app");
    assert_eq!(kms.encrypt(&key, &large, &Context::default()).unwrap(), b"cipher");
    assert_eq!(*seen.lock().unwrap(), [Encrypt::ROW.number]);
}

#[test]
fn a_lost_reply_is_asked_for_again_only_where_nothing_happens_twice() {
    for (call, number, repeatable) in CALLS {
        for end in [End::RequestRead, End::HalfReply] {
            let (daemon, seen, _endings) = daemon(&[end, end]);
            let mut kms = open(&daemon);
            let result = call(&mut kms);
            let times = if repeatable { 3 } else { 1 };
            assert_eq!(*seen.lock().unwrap(), vec![number; times], "{end:?}");
            match result {
                Ok(()) => assert!(repeatable),
                Err(error) => assert!(!repeatable && matches!(error, Error::Lost(_)), "{error}"),
            }
        }
    }
}

#[test]
fn a_daemon_that_is_busy_or_begins_to_serve_is_asked_again() {
    for (call, number, _) in CALLS {
        for code in [ErrorCode::Busy, ErrorCode::Unavailable] {
            let (daemon, seen, _endings) = daemon(&[End::Refused(code)]);
            let mut kms = open(&daemon);
            call(&mut kms).unwrap();
            assert_eq!(*seen.lock().unwrap(), [number; 2]);
        }
        let (daemon, seen, _endings) = daemon(&[End::Refused(ErrorCode::CmkDisabled)]);
        let error = call(&mut open(&daemon)).unwrap_err();
        assert_eq!(error.failure().unwrap().code(), ErrorCode::CmkDisabled);
        assert_eq!(*seen.lock().unwrap(), [number]);
    }
}

#[test]
fn attempts_are_bounded_and_can_be_turned_off() {
    let (daemon, seen, _endings) = daemon(&[End::RequestRead; 20]);
    let mut kms = open(&daemon);
    assert!(matches!(kms.generate_random(4), Err(Error::Lost(_))));
    assert_eq!(seen.lock().unwrap().len(), 4);
    kms.set_retries(Retries::NONE);
    assert!(matches!(kms.generate_random(4), Err(Error::Lost(_))));
    assert_eq!(seen.lock().unwrap().len(), 5);
}

#[test]
fn a_daemon_that_is_started_meanwhile_is_waited_for() {
    let (daemon, seen, endings) = daemon(&[End::Welcomed]);
    let mut kms = open(&daemon);
    endings.recv().unwrap();
    let (path, aside) = (daemon.socket(), daemon.directory().join("aside"));
    std::fs::rename(&path, &aside).unwrap();
    let wait = Duration::from_millis(1);
    assert!(matches!(kms.enable_key(&KeyName::new("app")), Err(Error::Unreachable(_))));
    kms.set_retries(Retries { attempts: 60_000, first_wait: wait, longest_wait: wait });
    let starting = std::thread::spawn(move || std::fs::rename(&aside, &path).unwrap());
    kms.enable_key(&KeyName::new("app")).unwrap();
    assert_eq!(*seen.lock().unwrap(), [EnableKey::ROW.number]);
    starting.join().unwrap();
}

#[test]
fn a_call_that_runs_out_of_time_ends_its_connection() {
    let (daemon, seen, endings) = daemon(&[End::Silent]);
    let mut kms = open(&daemon);
    kms.set_time_limit(Some(Duration::from_millis(50)));
    let key = KeyName::new("app");
    let error = kms.encrypt(&key, b"x", &Context::default()).unwrap_err();
    let Error::Lost(cause) = error else { panic!("{error}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::TimedOut);
    kms.set_time_limit(None);
    // On a connection of its own: nothing of the old reply is taken for this one.
    assert_eq!(kms.encrypt(&key, b"x", &Context::default()).unwrap(), b"cipher");
    endings.recv().unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[test]
fn a_dry_run_is_marked_and_made_again() {
    let (daemon, seen, _endings) = daemon(&[End::RequestRead]);
    let mut kms = open(&daemon);
    kms.dry_run().schedule_key_deletion(&KeyName::new("app"), 7).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}
