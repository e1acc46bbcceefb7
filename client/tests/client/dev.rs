//! `coffer dev` and `coffer init` with a stand-in for `cofferd` beside the command: what it is given, and
//! what becomes of it.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use crate::support::{Daemon, Peer};
use coffer_protocol::operation::system::DaemonStatus;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Takes its arguments apart as the real one does, and records what it was told.
const COFFERD: &str = r#"#!/bin/bash
echo "$@" > "${0%/*}/arguments"
while [ $# -gt 0 ]; do
    case $1 in
        --dir) dir=$2 ;;
        --pins-fd) pins=$2 ;;
        --ready-fd) ready=$2 ;;
    esac
    shift
done
[ -z "$pins" ] || cat <&"$pins" > "$dir/pins"
"#;

/// Serves until it is told to stop.
const SERVE: &str = r#"
sleep 1000 &
trap 'echo stopped > "${0%/*}/stopped"; kill $!; exit 0' TERM
echo READY >&"$ready"
wait
"#;

/// Puts the two programs into the directory. A process of its own writes them: of what this one has open for writing,
/// a child that another test just starts has a copy, and meanwhile the program cannot be started (execve(2), ETXTBSY).
const INSTALL: &str = r#"cp "$1" "$2/coffer" && cat > "$2/cofferd" && chmod 755 "$2/cofferd""#;

struct Bench {
    daemon: Daemon,
}

impl Bench {
    /// A copy of the command beside a `cofferd` that ends with `script`, and a listener in its directory.
    fn new(script: &str) -> Self {
        let daemon = Daemon::start(tell_status);
        let bench = Self { daemon };
        let mut install = Command::new("sh")
            .args(["-c", INSTALL, "-", env!("CARGO_BIN_EXE_coffer")])
            .arg(bench.daemon.directory())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        write!(install.stdin.take().unwrap(), "{COFFERD}{script}").unwrap();
        assert!(install.wait().unwrap().success());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.daemon.directory().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn dev(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("coffer"));
        command.arg("dev").arg("--dir").arg(self.daemon.directory()).args(arguments);
        command
    }
}

fn tell_status(mut peer: Peer) {
    while let Some(request) = peer.receive() {
        let status = DaemonStatus {
            state: "Operational".to_owned(),
            version: "0.1.0".to_owned(),
            mode: "DEV".to_owned(),
            instance: String::new(),
            uptime: 0,
            secret_memory: "locked".to_owned(),
            arena_bytes: 0,
            arena_free: 0,
            hardening: Vec::new(),
            objects: 0,
            keys: 0,
            partitions: 0,
            applications: 0,
            sessions: 0,
            generation: 0,
            seal_slots: Vec::new(),
            store: "/".to_owned(),
            self_tests: 0,
            alarms: 0,
            alarms_lost: 0,
        };
        peer.reply(&request, &status, &[]);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn run(command: Command) -> Output {
    start(command).wait_with_output().unwrap()
}

#[test]
fn the_command_runs_in_the_environment_of_the_hsm_and_gives_its_status() {
    let bench = Bench::new(SERVE);
    let script =
        r#"echo "$COFFER_SOCKET $COFFER_ADMIN_SOCKET $COFFER_PARTITION"; cat "$0"; exit 7"#;
    let env = bench.path("env");
    let output = run(bench.dev(&[
        "--partition",
        "one",
        "--partition",
        "two",
        "--",
        "sh",
        "-c",
        script,
        env.to_str().unwrap(),
    ]));
    let directory = fs::canonicalize(bench.daemon.directory()).unwrap();
    let directory = directory.display();
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        format!(
            "{directory}/coffer.sock {directory}/admin.sock one\n\
             export COFFER_SOCKET={directory}/coffer.sock\n\
             export COFFER_ADMIN_SOCKET={directory}/admin.sock\n\
             export COFFER_PKCS11_MODULE={directory}/libcoffer_pkcs11.so\n\
             export COFFER_PARTITION=one\n"
        )
    );
    let arguments = bench.text("arguments");
    let uid = nix::unistd::geteuid();
    let expected =
        format!("--dev --dir {directory} --partition one --partition two --owner {uid} --pins-fd ");
    assert!(arguments.starts_with(&expected), "{arguments}");
    assert_eq!(bench.text("stopped"), "stopped\n");
    assert!(!env.exists());
}

#[test]
fn pins_pass_through_a_pipe() {
    let bench = Bench::new(SERVE);
    run(bench.dev(&["--pin", "user-pin", "--so-pin", "officer-pin", "--", "true"]));
    assert_eq!(bench.text("pins"), "officer-pin\0user-pin\0");
    assert!(!bench.text("arguments").contains("pin "));
    run(bench.dev(&["--", "true"]));
    assert_eq!(bench.text("pins"), "12345678\x001234\0");
}

#[test]
fn weak_memory_is_warned_of() {
    let bench = Bench::new(SERVE);
    let output = run(bench.dev(&["--", "true"]));
    assert!(text(&output.stderr).contains("secretmem.enable=1"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_daemon_that_dies_before_it_serves_is_quoted() {
    let bench = Bench::new("echo 'the store is in use' >&2; exit 78");
    let output = run(bench.dev(&["--", "touch", "never"]));
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("the store is in use"));
    assert!(!bench.path("env").exists());
}

#[test]
fn a_daemon_that_dies_later_is_told_and_is_the_result() {
    let bench = Bench::new("echo READY >&$ready; echo 'out of luck' >&2; kill -9 $$");
    let output = run(bench.dev(&[]));
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("out of luck"), "{}", text(&output.stderr));
}

#[test]
fn a_command_that_does_not_exist_stops_the_daemon_too() {
    let bench = Bench::new(SERVE);
    let output = run(bench.dev(&["--", "/nonexistent/command"]));
    assert_eq!(output.status.code(), Some(127));
    assert_eq!(bench.text("stopped"), "stopped\n");
}

#[test]
fn the_words_of_the_command_reach_it_as_they_are() {
    let bench = Bench::new(SERVE);
    let output = run(bench.dev(&["--", "sh", "-c", r#"echo "$@""#, "-", "--", "--help", "-x"]));
    assert_eq!(text(&output.stdout), "-- --help -x\n");
}

#[test]
fn sigterm_stops_all_of_it() {
    let bench = Bench::new(SERVE);
    let mut child = start(bench.dev(&[]));
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("serves partition dev"), "{first}");
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(bench.text("stopped"), "stopped\n");
}

#[test]
fn sigterm_reaches_the_command() {
    let bench = Bench::new(SERVE);
    let script = "sleep 1000 & trap 'kill $!; exit 9' TERM; echo started; wait";
    let mut child = start(bench.dev(&["--", "bash", "-c", script]));
    let mut output = child.stdout.take().unwrap();
    let mut first = [0; 8];
    output.read_exact(&mut first).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(bench.text("stopped"), "stopped\n");
}

#[test]
fn init_hands_its_arguments_to_the_daemon_and_says_what_comes_next() {
    let bench = Bench::new("exit 0");
    let mut command = Command::new(bench.path("coffer"));
    command.args([
        "init",
        "--dir",
        "/d",
        "--credential",
        "/c",
        "--partition",
        "main",
        "--owner",
        "5",
    ]);
    let output = run(command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = "init --dir /d --credential /c --partition main --owner 5\n";
    assert_eq!(bench.text("arguments"), expected);
    assert!(text(&output.stdout).contains("systemd-creds encrypt"));
}

#[test]
fn init_fails_with_the_daemon() {
    let bench = Bench::new("echo 'there is a store already' >&2; exit 1");
    let mut command = Command::new(bench.path("coffer"));
    command.args(["init", "--dir", "/d"]);
    let output = run(command);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is a store already"));
    assert!(output.stdout.is_empty());
}
