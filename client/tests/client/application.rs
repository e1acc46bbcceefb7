//! An application with its pool of sockets and its events.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use crate::support::{Daemon, Peer};
use coffer_client::{Application, ConnectOptions, Error, Event, Role};
use coffer_protocol::event::TokenChanged;
use coffer_protocol::frame::Kind;
use coffer_protocol::operation::kms::{GenerateRandom, GeneratedRandom};

const RANDOM: GenerateRandom = GenerateRandom { length: 1 };

fn open(daemon: &Daemon) -> Application {
    Application::open(&daemon.socket(), &ConnectOptions::new(Role::Application, "test")).unwrap()
}

fn answer(mut peer: Peer) {
    while let Some(request) = peer.receive() {
        peer.reply(&request, &GeneratedRandom {}, &[1]);
    }
}

#[test]
fn one_call_is_one_frame_and_calls_in_turn_share_a_socket() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    let daemon = Daemon::start(move |peer| {
        counter.fetch_add(1, Ordering::SeqCst);
        answer(peer);
    });
    let application = open(&daemon);
    assert_eq!(application.frames_sent(), 0);
    for sent in 1..=10 {
        application.call(&RANDOM, &[]).unwrap();
        assert_eq!(application.frames_sent(), sent);
    }
    // The application's and the one for events.
    assert!(opened.load(Ordering::SeqCst) <= 2);
}

#[test]
fn calls_at_once_have_sockets_of_their_own_that_attach_with_the_token() {
    let together = Arc::new(Barrier::new(4));
    let hellos = Arc::new(Mutex::new(Vec::new()));
    let (meeting, seen) = (Arc::clone(&together), Arc::clone(&hellos));
    let daemon = Daemon::start(move |mut peer| {
        seen.lock().unwrap().push((peer.hello.role, peer.hello.attach));
        while let Some(request) = peer.receive() {
            meeting.wait();
            peer.reply(&request, &GeneratedRandom {}, &[1]);
        }
    });
    let application = open(&daemon);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| application.call(&RANDOM, &[]).unwrap());
        }
    });
    let mut hellos = hellos.lock().unwrap().clone();
    hellos.sort_unstable();
    let attached = (Role::Application as u8, Some([9; 16]));
    let expected = [
        (Role::Application as u8, None),
        attached,
        attached,
        attached,
        (Role::Events as u8, Some([9; 16])),
    ];
    assert_eq!(hellos, expected);
}

#[test]
fn more_threads_than_sockets_wait_for_their_turn() {
    let open_now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, high) = (Arc::clone(&open_now), Arc::clone(&most));
    let daemon = Daemon::start(move |peer| {
        high.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        answer(peer);
    });
    let application = open(&daemon);
    let start = Barrier::new(100);
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    application.call(&RANDOM, &[]).unwrap();
                }
            });
        }
    });
    assert_eq!(application.frames_sent(), 2000);
    assert!(most.load(Ordering::SeqCst) <= coffer_client::application::MAX_SOCKETS + 1);
}

#[test]
fn a_broken_socket_is_dropped_and_a_new_one_attaches() {
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let daemon = Daemon::start(move |mut peer| {
        while let Some(request) = peer.receive() {
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                return;
            }
            peer.reply(&request, &GeneratedRandom {}, &[1]);
        }
    });
    let application = open(&daemon);
    assert!(matches!(application.call(&RANDOM, &[]), Err(Error::Lost(_))));
    assert!(application.call(&RANDOM, &[]).is_ok());
}

#[test]
fn a_daemon_started_anew_does_not_count_as_the_same() {
    let connections = Arc::new(AtomicUsize::new(0));
    let daemon = Daemon::start_raw(move |stream: UnixStream| {
        let number = connections.fetch_add(1, Ordering::SeqCst);
        let mut peer = Peer::welcome(stream, [if number < 2 { 1 } else { 2 }; 16]);
        peer.receive();
    });
    let application = open(&daemon);
    for _ in 0..3 {
        assert!(matches!(application.call(&RANDOM, &[]), Err(Error::Lost(_))));
    }
    assert_eq!(application.frames_sent(), 1);
}

#[test]
fn events_are_drained_without_waiting_and_their_loss_is_told() {
    let (commands, receiver) = mpsc::channel::<Option<u32>>();
    let (done, wait_done) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    let daemon = Daemon::start(move |mut peer| {
        if peer.hello.role != Role::Events as u8 {
            return answer(peer);
        }
        while let Ok(Some(slot)) = receiver.lock().unwrap().recv() {
            peer.tell(Kind::Event, 2, &TokenChanged { slot });
            done.send(()).unwrap();
        }
        drop(peer);
        done.send(()).unwrap();
    });
    let application = open(&daemon);
    assert_eq!(application.drain_events(), []);
    for slot in [1, 2] {
        commands.send(Some(slot)).unwrap();
        wait_done.recv().unwrap();
    }
    let changed = |slot| Event::TokenChanged(TokenChanged { slot });
    assert_eq!(application.drain_events(), [changed(1), changed(2)]);
    commands.send(None).unwrap();
    wait_done.recv().unwrap();
    assert_eq!(application.drain_events(), [Event::Missed]);
    assert_eq!(application.drain_events(), [Event::Missed]);
    assert_eq!(application.drain_events(), []);
}

#[test]
fn abandoning_sends_nothing_and_closes_all_sockets() {
    let (left, wait_left) = mpsc::channel();
    let daemon = Daemon::start(move |mut peer| {
        let nothing = peer.receive().is_none();
        left.send((peer.hello.role, nothing)).unwrap();
    });
    open(&daemon).abandon();
    let mut roles = [wait_left.recv().unwrap(), wait_left.recv().unwrap()];
    roles.sort_unstable();
    assert_eq!(roles, [(Role::Application as u8, true), (Role::Events as u8, true)]);
}
