//! The calls that do not block: the same as those that do, and safe to give up at any moment.
#![cfg(feature = "async")]

use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::script::{End, daemon};
use crate::support::{Daemon, Peer, reply_header};
use coffer_client::kms::{AsyncKms, DataKeyLength, Import, NewKey};
use coffer_client::{ConnectOptions, Context, Error, KeyName, Retries, Role};
use coffer_protocol::ErrorCode;
use coffer_protocol::frame::Flags;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{
    CreateKey, EnableKey, Encrypt, Encrypted, GenerateRandom, GeneratedRandom,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

const SOON: Duration = Duration::from_millis(50);

async fn open(daemon: &Daemon) -> AsyncKms {
    let options = ConnectOptions::new(Role::Service, "test");
    let mut kms = AsyncKms::open(&daemon.socket(), &options).await.unwrap();
    let wait = Duration::from_millis(1);
    kms.set_retries(Retries { attempts: 4, first_wait: wait, longest_wait: wait });
    kms
}

type Called<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// A call of each kind, its operation, and whether it may be made twice. That they compile shows that the futures can
/// be sent to other threads.
type Row = (for<'a> fn(&'a mut AsyncKms) -> Called<'a>, u16, bool);

const CALLS: [Row; 5] = [
    (
        |kms| Box::pin(async { kms.generate_random(4).await.map(drop) }),
        GenerateRandom::ROW.number,
        true,
    ),
    (
        |kms| {
            Box::pin(async { kms.create_key(&NewKey::new("a").client_token("t")).await.map(drop) })
        },
        CreateKey::ROW.number,
        true,
    ),
    (
        |kms| Box::pin(async { kms.create_key(&NewKey::new("a")).await.map(drop) }),
        CreateKey::ROW.number,
        false,
    ),
    (
        |kms| Box::pin(async { kms.enable_key(&KeyName::new("app")).await }),
        EnableKey::ROW.number,
        false,
    ),
    (
        |kms| {
            Box::pin(async {
                let key = KeyName::new("app");
                kms.encrypt(&key, b"x", &Context::default()).await.map(drop)
            })
        },
        Encrypt::ROW.number,
        false,
    ),
];

#[tokio::test]
async fn what_surely_was_not_carried_out_is_made_again_whatever_it_is() {
    for (call, number, _) in CALLS {
        let (daemon, seen, endings) = daemon(&[End::Welcomed, End::Accepted, End::Accepted]);
        let mut kms = open(&daemon).await;
        // The connection is gone before the request is written.
        endings.recv().unwrap();
        call(&mut kms).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [number]);
    }
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again_only_where_nothing_happens_twice() {
    for (call, number, repeatable) in CALLS {
        for end in [End::RequestRead, End::HalfReply] {
            let (daemon, seen, _endings) = daemon(&[end, end]);
            let mut kms = open(&daemon).await;
            let result = call(&mut kms).await;
            let times = if repeatable { 3 } else { 1 };
            assert_eq!(*seen.lock().unwrap(), vec![number; times], "{end:?}");
            match result {
                Ok(()) => assert!(repeatable),
                Err(error) => assert!(!repeatable && matches!(error, Error::Lost(_)), "{error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_daemon_that_is_busy_is_asked_again_and_a_refusal_is_final() {
    for (call, number, _) in CALLS {
        let (daemon, seen, _endings) = daemon(&[End::Refused(ErrorCode::Busy)]);
        call(&mut open(&daemon).await).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [number; 2]);
    }
    let (daemon, seen, _endings) = daemon(&[End::Refused(ErrorCode::CmkDisabled)]);
    let error = open(&daemon).await.generate_random(4).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code(), ErrorCode::CmkDisabled);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_call_that_runs_out_of_time_ends_its_connection() {
    let (daemon, seen, endings) = daemon(&[End::Silent]);
    let mut kms = open(&daemon).await;
    kms.set_time_limit(Some(SOON));
    let key = KeyName::new("app");
    let error = kms.encrypt(&key, b"x", &Context::default()).await.unwrap_err();
    let Error::Lost(cause) = error else { panic!("{error}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::TimedOut);
    endings.recv().unwrap();
    kms.set_time_limit(None);
    assert_eq!(kms.encrypt(&key, b"x", &Context::default()).await.unwrap(), b"cipher");
    assert_eq!(seen.lock().unwrap().len(), 2);
}

/// Replies with what it was asked for, so that a reply to another request is seen.
fn echo(mut peer: Peer) {
    while let Some(request) = peer.receive() {
        if request.header.operation == GenerateRandom::ROW.number {
            let length = request.decode::<GenerateRandom>().length;
            let payload = vec![u8::try_from(length).unwrap(); usize::try_from(length).unwrap()];
            peer.reply(&request, &GeneratedRandom {}, &payload);
        } else {
            let payload = request.payload.clone();
            peer.reply(&request, &Encrypted { key_id: "id".to_owned() }, &payload);
        }
    }
}

async fn assert_in_step(kms: &mut AsyncKms) {
    for length in [3, 5, 200] {
        let random = kms.generate_random(length).await.unwrap();
        assert_eq!(random.expose_secret(), vec![u8::try_from(length).unwrap(); length.into()]);
    }
}

#[tokio::test]
async fn a_call_that_was_given_up_before_its_reply_leaves_nothing_for_the_next_one() {
    // The first connection replies late, to a request that nobody waits for any more.
    let (late, gate) = channel::<()>();
    let (replied, done) = channel();
    let (first, replied) = (Mutex::new(Some(gate)), Mutex::new(replied));
    let daemon = Daemon::start(move |mut peer| {
        let Some(gate) = first.lock().unwrap().take() else { return echo(peer) };
        let request = peer.receive().unwrap();
        gate.recv().unwrap();
        peer.reply(&request, &GeneratedRandom {}, &[9; 3]);
        replied.lock().unwrap().send(peer.receive().is_none()).unwrap();
    });
    let mut kms = open(&daemon).await;
    assert!(timeout(SOON, kms.generate_random(3)).await.is_err());
    late.send(()).unwrap();
    // The daemon's end is closed, too.
    assert!(done.recv().unwrap());
    assert_in_step(&mut kms).await;
}

#[tokio::test]
async fn a_call_that_was_given_up_inside_a_request_or_a_reply_leaves_nothing_for_the_next_one() {
    for reads_request in [false, true] {
        let (_end, held) = channel::<()>();
        let first = Mutex::new(Some(held));
        let daemon = Daemon::start(move |mut peer| {
            let Some(held) = first.lock().unwrap().take() else { return echo(peer) };
            if reads_request {
                let request = peer.receive().unwrap();
                let header = reply_header(&request, Flags::NONE, &[], &request.payload).encode();
                peer.write(&[&header[..], &request.payload[..1000]].concat());
            } else {
                peer.stream.read_exact(&mut [0; 5000]).unwrap();
            }
            // Until the test ends; nothing more is read.
            let _ = held.recv();
        });
        let mut kms = open(&daemon).await;
        let large = vec![7; 1 << 20];
        let (key, context) = (KeyName::new("app"), Context::default());
        assert!(timeout(SOON, kms.encrypt(&key, &large, &context)).await.is_err());
        assert_in_step(&mut kms).await;
        assert_eq!(kms.encrypt(&key, &large, &context).await.unwrap(), large);
    }
}

#[tokio::test]
async fn a_future_that_was_never_polled_costs_nothing() {
    let (daemon, seen, _endings) = daemon(&[]);
    let mut kms = open(&daemon).await;
    drop(kms.generate_random(3));
    kms.generate_random(3).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_handshake_that_is_given_up_is_over() {
    let daemon = Daemon::start_raw(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let options = ConnectOptions::new(Role::Service, "test");
    assert!(timeout(SOON, AsyncKms::open(&daemon.socket(), &options)).await.is_err());
    let missing = daemon.directory().join("missing");
    let error = AsyncKms::open(&missing, &options).await.err().unwrap();
    assert!(matches!(error, Error::Unreachable(_)));
}

#[tokio::test]
async fn one_call_that_waits_does_not_hold_up_another() {
    let (silent, _seen, _endings) = daemon(&[End::Silent]);
    let echoing = Daemon::start(echo);
    let (mut waiting, mut other) = (open(&silent).await, open(&echoing).await);
    tokio::select! {
        _ = waiting.generate_random(4) => panic!("nobody replied"),
        () = assert_in_step(&mut other) => {}
    }
}

#[tokio::test]
async fn requests_beyond_the_limits_are_refused_here_and_break_nothing() {
    let daemon = Daemon::start(echo);
    let mut kms = open(&daemon).await;
    let (key, large) = (KeyName::new("app"), vec![0; (1 << 20) + 1]);
    let error = kms.encrypt(&key, &large, &Context::default()).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code(), ErrorCode::TooLarge);
    assert_in_step(&mut kms).await;
    let raw = kms.call(GenerateRandom { length: 9 }, &[]).await.unwrap();
    assert_eq!((raw.payload.len(), raw.request_id), (9, 4));
}

#[tokio::test]
async fn a_reply_that_keeps_not_to_the_protocol_ends_the_connection() {
    let first = Mutex::new(true);
    let daemon = Daemon::start(move |mut peer| {
        if !std::mem::take(&mut *first.lock().unwrap()) {
            return echo(peer);
        }
        let request = peer.receive().unwrap();
        peer.reply(&request, &7_u8, &[]);
        peer.receive();
    });
    let mut kms = open(&daemon).await;
    let error = kms.encrypt(&KeyName::new("a"), b"x", &Context::default()).await.unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    assert_in_step(&mut kms).await;
}

#[tokio::test]
async fn futures_of_calls_with_secrets_and_builders_can_be_sent_to_other_threads() {
    fn sent<T: Send>(future: T) -> T {
        future
    }
    let daemon = Daemon::start(|mut peer| {
        while let Some(request) = peer.receive() {
            peer.fail(&request, &ErrorCode::CmkNotFound.into());
        }
    });
    let mut kms = open(&daemon).await;
    let (key, context, data_key) = (KeyName::new("a"), Context::default(), vec![1; 32].into());
    let length = DataKeyLength::Aes256;
    assert!(sent(kms.generate_data_key(&key, length, &context)).await.is_err());
    assert!(sent(kms.encrypt_data_key(&key, &data_key, &[0; 32], &context)).await.is_err());
    let import = Import::new(&key, b"token", b"material").valid_to(5);
    assert!(sent(kms.import_key_material(&import)).await.is_err());
    let error = sent(kms.dry_run().rotate_key(&key)).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code(), ErrorCode::CmkNotFound);
}
