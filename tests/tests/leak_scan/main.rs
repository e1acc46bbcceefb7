//! The daemon's promise about memory: keys, PINs and data keys are nowhere outside secret memory, at
//! rest and in the middle of their use.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod secrets;
mod worker;

use std::collections::HashSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use coffer_tests::daemon::Daemon;
use coffer_tests::leak_scanner::{Patterns, Report, Snapshot, scan};
use nix::sys::signal::Signal;
use secrets::Secrets;
use serde_json::{Value, json};
use worker::Worker;

/// Scans under load.
const SAMPLES: usize = 40;

/// Encrypts, decrypts and makes data keys with a key; returns all plaintexts.
fn use_by_kms(daemon: &Daemon, key: &str, times: usize) -> Vec<Vec<u8>> {
    let mut plaintexts = Vec::new();
    let mut requests = Vec::new();
    for _ in 0..times {
        let mut plaintext = [0; 32];
        getrandom::fill(&mut plaintext).unwrap();
        let fields = json!({"KeyId": key, "Plaintext": base64(&plaintext)});
        requests.push(json!({"Action": "Encrypt", "Request": fields}).to_string());
        let fields = json!({"KeyId": key, "KeySpec": "AES_256"});
        requests.push(json!({"Action": "GenerateDataKey", "Request": fields}).to_string());
        plaintexts.push(plaintext.to_vec());
    }
    let replies = batch(daemon, &requests.join("\n"));
    let blobs: Vec<&str> = replies.iter().map(|r| r["CiphertextBlob"].as_str().unwrap()).collect();
    let decrypt = |blob: &&str| {
        let fields = json!({"CiphertextBlob": blob});
        json!({"Action": "Decrypt", "Request": fields}).to_string()
    };
    let opened = batch(daemon, &blobs.iter().map(decrypt).collect::<Vec<_>>().join("\n"));
    for (index, pair) in opened.chunks(2).enumerate() {
        assert_eq!(unbase64(&pair[0]["Plaintext"]), plaintexts[index]);
        assert_eq!(pair[1]["Plaintext"], replies[2 * index + 1]["Plaintext"]);
        plaintexts.push(unbase64(&pair[1]["Plaintext"]));
    }
    plaintexts
}

fn batch(daemon: &Daemon, requests: &str) -> Vec<Value> {
    let output = daemon.coffer_with(&["call", "--batch"], requests.as_bytes());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn base64(bytes: &[u8]) -> String {
    coffer_tests::base64::encode(bytes)
}

fn unbase64(value: &Value) -> Vec<u8> {
    coffer_tests::base64::decode(value.as_str().unwrap())
}

fn scan_daemon(daemon: &Daemon, patterns: &Patterns) -> Report {
    scan(u32::try_from(daemon.pid().as_raw()).unwrap(), patterns).unwrap()
}

/// Nothing is found, and all that could not be read is the secret memory that the daemon says it has.
fn assert_clean(what: &str, daemon: &Daemon, report: &Report) {
    println!("{what}: {report}");
    report.assert_clean();
    let (_, status) = daemon.call("GetStatus", &json!({}));
    assert_eq!(status["SecretMemory"], "memfd_secret");
    assert!(report.secret_memory() >= status["ArenaBytes"].as_u64().unwrap());
}

#[test]
fn nothing_secret_is_outside_secret_memory() {
    if !nix::unistd::geteuid().is_root() {
        // Not by println!, which the harness keeps to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: the leak scan of the daemon needs root");
        return;
    }
    let daemon = Daemon::start();
    let (_, status) = daemon.call("GetStatus", &json!({}));
    if status["SecretMemory"] != "memfd_secret" {
        let _ = writeln!(std::io::stderr(), "SKIPPED: the leak scan needs memfd_secret");
        return;
    }
    let secrets = Secrets::random();
    let mut worker = Worker::start(&daemon, &secrets);
    let patterns = secrets.patterns(&daemon);
    assert_clean("imported", &daemon, &scan_daemon(&daemon, &patterns));
    worker.ask("25");
    assert_clean("used", &daemon, &scan_daemon(&daemon, &patterns));
    let nonces = worker.known_since(0).unwrap();
    assert_clean("used, by nonces", &daemon, &scan_daemon(&daemon, &nonces));

    let [aes, rsa] = worker.ids.clone();
    let plaintexts = use_by_kms(&daemon, &aes, 100);
    let of_kms = plaintexts.into_iter().enumerate();
    let of_kms = of_kms.map(|(index, bytes)| (format!("KMS plaintext {index}"), bytes));
    let of_kms = Patterns::new(of_kms.collect());
    for patterns in [&patterns, &of_kms] {
        assert_clean("used by the KMS", &daemon, &scan_daemon(&daemon, patterns));
    }

    while_used(&daemon, &mut worker, &patterns, &aes);

    for key in [&aes, &rsa] {
        assert_eq!(daemon.call("DisableKey", &json!({"KeyId": key})).0, 0);
    }
    let latest = worker.known_since(usize::MAX).unwrap();
    for patterns in [&patterns, &nonces, &of_kms, &latest] {
        assert_clean("disabled", &daemon, &scan_daemon(&daemon, patterns));
    }
    worker.ask("destroy");
    for patterns in [&patterns, &latest] {
        assert_clean("destroyed", &daemon, &scan_daemon(&daemon, patterns));
    }
}

/// Scans while both faces use the keys. Registers of running threads may hold them.
fn while_used(daemon: &Daemon, worker: &mut Worker, patterns: &Patterns, key: &str) {
    let scanned = AtomicBool::new(false);
    let mut found = HashSet::new();
    worker.say("start");
    thread::scope(|scope| {
        let kms = scope.spawn(|| {
            while !scanned.load(Ordering::Relaxed) {
                use_by_kms(daemon, key, 10);
            }
        });
        for _ in 0..SAMPLES {
            let known = worker.wait(|said| Some(said.known.len()));
            let snapshot = Snapshot::of(u32::try_from(daemon.pid().as_raw()).unwrap()).unwrap();
            // What a thread that makes nonces was in the middle of becomes known by its next round but one: the next may have
            // been finished and not been read.
            let rounds = worker.wait(|said| Some(said.rounds.clone()));
            worker.wait(|said| {
                let mut both = said.rounds.iter().zip(&rounds);
                both.all(|(now, then)| *then == 0 || *now >= then + 2).then_some(())
            });
            let known = worker.known_since(known).unwrap();
            // So that the search has the processor to itself.
            worker.signal(Signal::SIGSTOP);
            for patterns in [patterns, &known] {
                let report = snapshot.search(patterns);
                assert!(report.unexpectedly_unreadable().is_empty(), "{report}");
                assert!(report.secret_memory() > 0, "{report}");
                found.extend(report.memory_hits().map(ToString::to_string));
            }
            worker.signal(Signal::SIGCONT);
        }
        scanned.store(true, Ordering::Relaxed);
        kms.join().unwrap();
    });
    worker.ask("stop");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_scanner_sees_a_daemon_that_is_not_dumpable() {
    if !nix::unistd::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: the leak scan of the daemon needs root");
        return;
    }
    let daemon = Daemon::start();
    // What the daemon does hold in ordinary memory is found: the path of its folder.
    let path = daemon.directory().to_str().unwrap().as_bytes();
    let report = scan_daemon(&daemon, &Patterns::bytes("path", path));
    assert!(report.memory_hits().count() > 0, "{report}");
    assert!(report.threads >= 1 && report.register_bytes > 0);
}
