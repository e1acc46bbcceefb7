//! Alarms: on disk before the reply of what raised them, and told to whoever should hear of them.

use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use coffer_tests::batch::Batch;
use coffer_tests::daemon::{DEADLINE, Daemon};
use coffer_tests::isolated::isolated;
use coffer_tests::token::{DEV, find, open, refusal, slot, user_session};
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectClass;
use serde_json::{Value, json};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(50);
const USED: &str = "KeyPendingDelete.Used";

/// A service that tells a socket of alarms, which is in the folder.
fn service(folder: &Path) -> (Daemon, PathBuf) {
    let socket = folder.join("alarms.sock");
    let daemon = Daemon::serve(&format!("[alarms]\nsocket = '{}'\n", socket.display()));
    (daemon, socket)
}

/// A key that will be destroyed.
fn doomed(batch: &mut Batch, alias: &str, usage: &str) -> String {
    let made = batch.call("CreateKey", &json!({ "Alias": alias, "KeyUsage": usage }));
    let key = made["KeyId"].as_str().unwrap().to_owned();
    batch.call("DisableKey", &json!({ "KeyId": key }));
    batch.call("ScheduleKeyDeletion", &json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    key
}

/// Attempts to use it.
fn attempt(batch: &mut Batch, key: &str) {
    let code = batch.refused("Encrypt", &json!({ "KeyId": key, "Plaintext": "aGk=" }));
    assert_eq!(code, "ResourceUnavailable.KeyPendingDelete");
}

/// How many alarms of attempts there are.
fn recorded(batch: &mut Batch) -> Value {
    batch.call("ListAlarms", &json!({ "AlarmType": USED }))["TotalCount"].clone()
}

/// The next line that a datagram socket is told.
fn next(socket: &UnixDatagram) -> Value {
    let mut line = [0; 4096];
    let length = socket.recv(&mut line).expect("an alarm is told");
    serde_json::from_slice(&line[..length]).unwrap()
}

fn datagrams(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

#[test]
fn a_datagram_socket_is_told_who_attempted_what() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, path) = service(folder.path());
    let socket = datagrams(&path);
    let mut batch = Batch::open(&daemon);
    let key = doomed(&mut batch, "doomed", "ENCRYPT_DECRYPT");
    attempt(&mut batch, &key);
    let told = next(&socket);
    let expected = json!([USED, "critical", 1, key, "Encrypt", nix::unistd::getuid().as_raw()]);
    let fields = ["AlarmType", "Severity", "Number", "KeyId", "Operation", "Uid"];
    assert_eq!(json!(fields.map(|field| told[field].clone())), expected);
    let listed = batch.call("ListAlarms", &json!({ "KeyId": key }));
    for field in ["Time", "DeletionDate", "Pid"] {
        assert_eq!(told[field], listed["Alarms"][0][field], "{field}");
        assert!(told[field].as_i64().unwrap() > 0, "{field}");
    }
}

#[test]
fn a_stream_socket_is_told_line_by_line_also_after_its_reader_came_back() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, path) = service(folder.path());
    let mut batch = Batch::open(&daemon);
    for round in 0..2 {
        let listener = UnixListener::bind(&path).unwrap();
        let mut told = Vec::new();
        let keys: Vec<String> = (0..3)
            .map(|number| {
                doomed(&mut batch, &format!("doomed-{round}-{number}"), "ENCRYPT_DECRYPT")
            })
            .collect();
        for key in &keys {
            attempt(&mut batch, key);
        }
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut lines = BufReader::new(stream).lines();
        while told.len() < keys.len() {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            told.push(line["KeyId"].as_str().unwrap().to_owned());
        }
        assert_eq!(told, keys);
        drop((lines, listener));
        std::fs::remove_file(&path).unwrap();
    }
    // Nobody is there: that is no obstacle.
    let key = doomed(&mut batch, "unheard", "ENCRYPT_DECRYPT");
    attempt(&mut batch, &key);
    assert_eq!(recorded(&mut batch), json!(7));
}

/// Fills the queue of a socket that nobody reads.
fn fill(path: &Path) {
    let other = UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    loop {
        match other.send_to(b"in the way", path) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return;
            }
        }
    }
}

/// Attempts to use so many keys, each of which is told of by itself.
fn attempts(daemon: &Daemon, name: &str, count: u64) {
    let mut batch = Batch::open(daemon);
    let before = recorded(&mut batch).as_u64().unwrap();
    for number in 0..count {
        let key = doomed(&mut batch, &format!("{name}-{number}"), "ENCRYPT_DECRYPT");
        attempt(&mut batch, &key);
    }
    assert_eq!(recorded(&mut batch), json!(before + count));
}

#[test]
fn whoever_does_not_read_holds_nobody_up_and_hears_later_what_was_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut daemon, path) = service(folder.path());
    let socket = datagrams(&path);
    socket.set_nonblocking(true).unwrap();
    fill(&path);
    attempts(&daemon, "unheard", 20);
    let begun = Instant::now();
    while !daemon.log().contains("was not told to the socket") {
        assert!(begun.elapsed() < DEADLINE);
        thread::sleep(PAUSE);
    }
    while socket.recv(&mut [0; 4096]).is_ok() {}
    // It is left alone for a while, and then told again.
    let mut batch = Batch::open(&daemon);
    let key = doomed(&mut batch, "heard", "ENCRYPT_DECRYPT");
    let begun = Instant::now();
    let mut line = [0; 4096];
    let length = loop {
        attempt(&mut batch, &key);
        match socket.recv(&mut line) {
            Ok(length) => break length,
            Err(_) => assert!(begun.elapsed() < DEADLINE, "it is not told any more"),
        }
        thread::sleep(PAUSE);
    };
    let told: Value = serde_json::from_slice(&line[..length]).unwrap();
    assert!(told["Missed"].as_u64().is_some_and(|missed| missed > 0), "{told}");
    // Nor is the end of the daemon held up: a second for each of these would be too long.
    fill(&path);
    attempts(&daemon, "late", 100);
    daemon.stop();
}

#[test]
fn whoever_does_not_accept_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let (mut daemon, path) = service(folder.path());
    let listener = UnixListener::bind(&path).unwrap();
    // Its queue of connections is full.
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let _waits = std::os::unix::net::UnixStream::connect(&path).unwrap();
    attempts(&daemon, "unheard", 20);
    daemon.stop();
}

#[test]
fn a_flood_is_told_in_short_and_recorded_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let (daemon, path) = service(folder.path());
    let socket = datagrams(&path);
    let mut batch = Batch::open(&daemon);
    let (one, two) = (
        doomed(&mut batch, "one", "ENCRYPT_DECRYPT"),
        doomed(&mut batch, "two", "ENCRYPT_DECRYPT"),
    );
    let hear = || {
        let (mut counted, mut lines, mut others) = (0, 0, 0);
        while counted < 200 || others == 0 {
            let told = next(&socket);
            if told["KeyId"] == json!(two) {
                others += 1;
                continue;
            }
            counted += told["Count"].as_u64().unwrap_or(1);
            lines += 1;
        }
        (counted, lines, others)
    };
    let (counted, lines, others) = thread::scope(|scope| {
        // Meanwhile, as a socket keeps few datagrams for who does not read them.
        let hearing = scope.spawn(hear);
        for _ in 0..200 {
            attempt(&mut batch, &one);
        }
        // One about another key comes through at once.
        attempt(&mut batch, &two);
        hearing.join().unwrap()
    });
    assert_eq!((counted, others), (200, 1));
    assert!(lines < 100, "{lines} lines for 200 alarms");
    assert_eq!(recorded(&mut batch), json!(201));
    // The audit log keeps each one.
    let output = daemon.coffer(&["audit", "list", "--json", "--limit", "1000"]);
    let events = String::from_utf8(output.stdout).unwrap();
    let raised = events.lines().filter(|line| line.contains("\"RaiseAlarm\"")).count();
    assert_eq!(raised, 201);
}

#[test]
fn the_journal_gets_the_priority_of_each_line() {
    let daemon = Daemon::serve("");
    let mut batch = Batch::open(&daemon);
    let key = doomed(&mut batch, "doomed", "ENCRYPT_DECRYPT");
    attempt(&mut batch, &key);
    let begun = Instant::now();
    let log = loop {
        let log = daemon.log();
        if log.contains(USED) {
            break log;
        }
        assert!(begun.elapsed() < DEADLINE, "{log}");
    };
    let of = |text: &str| log.lines().find(|line| line.contains(text)).unwrap().get(..3).unwrap();
    assert_eq!((of(USED), of("serving")), ("<2>", "<6>"));
    let line = log.lines().find(|line| line.contains(USED)).unwrap();
    assert!(line.contains(&key) && line.contains("Encrypt"), "{line}");
    assert!(log.lines().all(|line| line.starts_with('<')), "{log}");
}

#[test]
fn an_alarm_is_on_disk_before_the_reply_of_what_raised_it() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let mut batch = Batch::open(&daemon);
        let key = doomed(&mut batch, "doomed", "ENCRYPT_DECRYPT");
        let pair = doomed(&mut batch, "pair", "ASYMMETRIC_SIGN_VERIFY_ECC");
        for round in 1..=3 {
            let mut batch = Batch::open(&daemon);
            attempt(&mut batch, &key);
            daemon.kill();
            daemon.start_again(&[]);
            let pkcs11 = open();
            let session = user_session(&pkcs11, slot(&pkcs11, DEV));
            let private = find(&session, ObjectClass::PRIVATE_KEY, "pair");
            let signed = session.sign(&Mechanism::EcdsaSha256, private, b"data");
            assert_eq!(refusal(signed), RvError::KeyFunctionNotPermitted);
            daemon.kill();
            drop(session);
            pkcs11.finalize().unwrap();
            daemon.start_again(&[]);
            let mut batch = Batch::open(&daemon);
            for id in [&key, &pair] {
                let listed = batch.call("ListAlarms", &json!({ "KeyId": id, "AlarmType": USED }));
                assert_eq!(listed["TotalCount"], json!(round), "{listed}");
            }
        }
    });
}
