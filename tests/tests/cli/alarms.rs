//! `coffer alarms` against a real daemon: lists, and following across everything that can come between.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::{fs, thread};

use coffer_tests::daemon::{DEADLINE, Daemon, binaries};
use coffer_tests::process::wait_until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A daemon with a key that waits for its deletion: each use of it raises an alarm.
fn daemon() -> Daemon {
    let daemon = Daemon::start();
    for words in ["create gone", "disable gone", "schedule-deletion gone --yes", "create other"] {
        does(&daemon, &format!("key {words}"));
    }
    daemon
}

fn does(daemon: &Daemon, words: &str) -> String {
    let output = daemon.coffer(&words.split(' ').collect::<Vec<_>>());
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn list(daemon: &Daemon, options: &str) -> Vec<Value> {
    let lines = does(daemon, format!("alarms list --json {options}").trim());
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Raises alarms.
fn raise(daemon: &Daemon, count: usize) {
    let line = r#"{"Action":"Encrypt","Request":{"KeyId":"alias/gone","Plaintext":"aGk="}}"#;
    let input = format!("{line}\n").repeat(count);
    let refused = daemon.coffer_with(&["call", "--batch"], input.as_bytes());
    let text = String::from_utf8(refused.stdout).unwrap();
    assert_eq!(text.matches("KeyPendingDelete").count(), count, "{text}");
}

fn numbers(alarms: &[Value]) -> Vec<u64> {
    alarms.iter().map(|alarm| alarm["Number"].as_u64().unwrap()).collect()
}

/// A `coffer alarms follow` that runs.
struct Follow {
    child: Child,
    lines: Receiver<String>,
    told: Receiver<String>,
}

impl Follow {
    fn start(daemon: &Daemon, options: &[&str]) -> Self {
        let mut child = daemon
            .command(binaries().join("coffer"))
            .args(["alarms", "follow"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        let told = read_lines(child.stderr.take().unwrap());
        Self { child, lines, told }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap()
    }

    /// The number of the next alarm.
    fn number(&self) -> u64 {
        let line = self.line();
        serde_json::from_str::<Value>(&line).unwrap()["Number"].as_u64().unwrap()
    }

    /// Waits for a line with these words on standard error.
    fn tells(&self, words: &str) {
        while !self.told.recv_timeout(DEADLINE).unwrap().contains(words) {}
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Its children, those too that have ended and were not waited for.
    fn children(&self) -> String {
        let pid = self.child.id();
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap()
    }

    /// Ends it as systemd does; returns the lines that nobody has asked for.
    fn stop(self) -> Vec<String> {
        self.signal(Signal::SIGTERM);
        self.ended()
    }

    fn ended(mut self) -> Vec<String> {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "a signal is no failure: {status}");
        self.lines.iter().collect()
    }
}

fn read_lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.try_for_each(|line| sender.send(line))
    });
    receiver
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn alarms_are_listed_by_type_key_and_time() {
    let daemon = daemon();
    assert!(list(&daemon, "").is_empty());
    raise(&daemon, 3);
    assert_eq!(numbers(&list(&daemon, "")), [3, 2, 1]);
    let alarm = list(&daemon, "--limit 1").remove(0);
    assert_eq!(
        (&alarm["AlarmType"], &alarm["Operation"]),
        (&"KeyPendingDelete.Used".into(), &"Encrypt".into())
    );
    let time = alarm["Time"].as_i64().unwrap();
    let id = alarm["KeyId"].as_str().unwrap();
    for (options, count) in [
        ("--type KeyPendingDelete.Used".to_owned(), 3),
        ("--type keypendingdelete.used --key gone".to_owned(), 3),
        ("--type Pin.Locked".to_owned(), 0),
        (format!("--key {id}"), 3),
        ("--key alias/other".to_owned(), 0),
        (format!("--from {} --to {}", time - 60, time + 60), 3),
        (format!("--from {}", time + 60), 0),
        ("--to 2020-01-01".to_owned(), 0),
        ("--from 2020-01-01T00:00:00Z --limit 2".to_owned(), 2),
        ("--limit 0".to_owned(), 0),
    ] {
        assert_eq!(list(&daemon, &options).len(), count, "{options}");
    }
    let table = does(&daemon, "alarms list");
    for words in ["SEVERITY", "critical", "Encrypt, by uid", "destroyed on 2"] {
        assert!(table.contains(words), "{words}: {table}");
    }
    for (words, status) in [("--type Fire", 2), ("--from soon", 2), ("--key nobody", 1)] {
        let output = daemon
            .coffer(&[&["alarms", "list"], &words.split(' ').collect::<Vec<_>>()[..]].concat());
        assert_eq!(output.status.code(), Some(status), "{words}");
    }
}

#[test]
fn more_alarms_than_a_page_has_come_once_and_in_order() {
    let daemon = daemon();
    raise(&daemon, 450);
    assert_eq!(numbers(&list(&daemon, "")), (1..=450).rev().collect::<Vec<_>>());
    assert_eq!(numbers(&list(&daemon, "--limit 250")), (201..=450).rev().collect::<Vec<_>>());
    let follow = Follow::start(&daemon, &["--since", "0", "--json"]);
    for number in 1..=450 {
        assert_eq!(follow.number(), number);
    }
    raise(&daemon, 1);
    assert_eq!(follow.number(), 451);
    assert!(follow.stop().is_empty());
}

#[test]
fn without_a_number_it_begins_with_the_next_alarm() {
    let daemon = daemon();
    raise(&daemon, 2);
    let state = daemon.directory().join("last");
    let follow = Follow::start(&daemon, &["--state", &text(&state)]);
    wait_until("it remembers where it begins", || state.exists());
    assert_eq!(fs::read_to_string(&state).unwrap(), "2\n");
    raise(&daemon, 1);
    let line = follow.line();
    for words in ["3  ", "critical", "KeyPendingDelete.Used", "Encrypt"] {
        assert!(line.contains(words), "{words}: {line}");
    }
    assert!(follow.stop().is_empty());
    // What comes meanwhile is not lost, and what was handled is not repeated.
    raise(&daemon, 2);
    let follow = Follow::start(&daemon, &["--state", &text(&state), "--since", "0", "--json"]);
    assert_eq!([follow.number(), follow.number()], [4, 5]);
    let second = daemon.coffer(&["alarms", "follow", "--state", &text(&state)]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another process"));
    assert!(follow.stop().is_empty());
    assert_eq!(fs::read_to_string(&state).unwrap(), "5\n");
}

#[test]
fn nothing_is_lost_or_repeated_when_the_daemon_restarts() {
    let mut daemon = daemon();
    let follow = Follow::start(&daemon, &["--since", "0", "--json"]);
    // It only waits for a daemon that it has met.
    raise(&daemon, 1);
    assert_eq!(follow.number(), 1);
    let mut expected = 1;
    for _ in 0..3 {
        raise(&daemon, 2);
        daemon.kill();
        daemon.start_again(&[]);
        raise(&daemon, 3);
        for _ in 0..5 {
            expected += 1;
            assert_eq!(follow.number(), expected);
        }
        follow.tells("waiting for it to come back");
    }
    assert!(follow.stop().is_empty());
}

#[test]
fn it_ends_at_a_signal_while_the_daemon_is_away() {
    let mut daemon = daemon();
    let follow = Follow::start(&daemon, &["--since", "0"]);
    raise(&daemon, 1);
    follow.line();
    daemon.kill();
    follow.tells("waiting for it to come back");
    assert!(follow.stop().is_empty());
    let output = daemon.coffer(&["alarms", "follow"]);
    assert_eq!(output.status.code(), Some(3), "a daemon that never was there is not waited for");
}

#[test]
fn another_store_is_noticed_and_followed_from_its_beginning() {
    let daemon = daemon();
    raise(&daemon, 1);
    let state = daemon.directory().join("last");
    fs::write(&state, "1000").unwrap();
    let follow = Follow::start(&daemon, &["--state", &text(&state), "--json"]);
    follow.tells("another store");
    assert_eq!(follow.number(), 1);
    assert!(follow.stop().is_empty());
    fs::write(&state, "no number").unwrap();
    let refused = daemon.coffer(&["alarms", "follow", "--state", &text(&state)]);
    assert_eq!(refused.status.code(), Some(1));
}

/// Notes its input and its environment, and fails at every second alarm.
const NOTE: &str = r#"
line=$(cat)
echo "$line" >>"$1"
echo "$COFFER_ALARM_NUMBER $COFFER_ALARM_TYPE $COFFER_ALARM_SEVERITY $COFFER_ALARM_OPERATION \
$COFFER_ALARM_UID $COFFER_ALARM_PARTITION $COFFER_ALARM_KEY_ID" >>"$1.env"
exit $((COFFER_ALARM_NUMBER % 2))
"#;

#[test]
fn a_program_runs_once_for_each_alarm_and_may_fail() {
    let daemon = daemon();
    raise(&daemon, 2);
    let notes = daemon.directory().join("notes");
    let state = daemon.directory().join("last");
    let options =
        ["--since", "0", "--state", &text(&state), "--exec", "sh", "-c", NOTE, "sh", &text(&notes)];
    let follow = Follow::start(&daemon, &options);
    raise(&daemon, 2);
    for number in [1, 3] {
        follow.tells(&format!("sh failed for alarm {number}: exit status: 1"));
    }
    wait_until("the last one is remembered", || {
        fs::read_to_string(&state).is_ok_and(|number| number == "4\n")
    });
    assert_eq!(follow.children(), "", "every program was waited for");
    assert_eq!(follow.stop().len(), 4);
    let lines = fs::read_to_string(&notes).unwrap();
    let alarms: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(numbers(&alarms), [1, 2, 3, 4]);
    assert_eq!(alarms, {
        let mut all = list(&daemon, "");
        all.reverse();
        all
    });
    let environment = fs::read_to_string(notes.with_extension("env")).unwrap();
    let (uid, key) = (nix::unistd::getuid(), alarms[0]["KeyId"].as_str().unwrap());
    for (line, number) in environment.lines().zip(1..) {
        let expected = format!("{number} KeyPendingDelete.Used critical Encrypt {uid} dev {key}");
        assert_eq!(line, expected);
    }
    assert_eq!(environment.lines().count(), 4);
}

#[test]
fn a_program_that_is_not_there_or_reads_nothing_stops_nothing() {
    let daemon = daemon();
    raise(&daemon, 2);
    let follow = Follow::start(&daemon, &["--since", "0", "--exec", "/nonexistent/program"]);
    follow.tells("cannot run /nonexistent/program");
    follow.tells("failed for alarm 2: exit status: 127");
    assert_eq!(follow.stop().len(), 2);
    let follow = Follow::start(&daemon, &["--since", "0", "--exec", "true"]);
    for _ in 0..2 {
        follow.line();
    }
    follow.stop();
}

#[test]
fn a_running_program_is_waited_for_once_and_ended_when_asked_again() {
    let daemon = daemon();
    raise(&daemon, 2);
    let state = daemon.directory().join("last");
    let (begun, go) = (daemon.directory().join("begun"), daemon.directory().join("go"));
    let script = format!("touch {}; until [ -e {} ]; do sleep 0.01; done", text(&begun), text(&go));
    let options = ["--since", "0", "--state", &text(&state), "--exec", "sh", "-c", &script];
    let follow = Follow::start(&daemon, &options);
    wait_until("the program runs", || begun.exists());
    follow.signal(Signal::SIGTERM);
    fs::write(&go, "").unwrap();
    // No second one begins.
    assert_eq!(follow.ended().len(), 1);
    assert_eq!(fs::read_to_string(&state).unwrap(), "1\n");
    fs::remove_file(&go).unwrap();
    fs::remove_file(&begun).unwrap();
    let follow = Follow::start(&daemon, &options);
    wait_until("the program runs", || begun.exists());
    follow.signal(Signal::SIGTERM);
    follow.signal(Signal::SIGINT);
    follow.tells("failed for alarm 2: signal: 9");
    assert_eq!(follow.ended().len(), 1);
}
