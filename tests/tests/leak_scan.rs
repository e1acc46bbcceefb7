//! The daemon's promise about memory: keys, PINs and data keys are nowhere outside secret memory, at
//! rest and in the middle of their use.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::collections::HashSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use coffer_tests::daemon::{Daemon, SO_PIN, module};
use coffer_tests::leak_scanner::{Patterns, Report, scan};
use coffer_tests::load::{Application, KnownKeys, import, use_once};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use serde_json::{Value, json};

/// Set for the process that is the application: this program, run again.
const WORKER: &str = "COFFER_TEST_IS_APPLICATION";
/// Before each answer of that process.
const ANSWER: &str = "answer ";
/// Connections that the application uses at once.
const SESSIONS: usize = 4;
/// Operations of one call of [`use_once`].
const OPERATIONS: usize = 11;

/// An application in a process of its own.
struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Ids of the imported keys.
    ids: [String; 2],
}

impl Worker {
    fn start(daemon: &Daemon, keys: &KnownKeys, pin: &str) -> Self {
        let mut child = daemon
            .command(env::current_exe().unwrap())
            .args(["--exact", "application", "--ignored", "--nocapture", "--test-threads=1"])
            .env(WORKER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut worker = Self { child, input, output, ids: [String::new(), String::new()] };
        let der = keys.rsa.to_pkcs8_der().unwrap();
        let start = json!({
            "aes": hex::encode(keys.aes), "rsa": hex::encode(der.as_bytes()), "pin": pin,
        });
        let ids = worker.ask(&start.to_string());
        worker.ids = serde_json::from_str(&ids).unwrap();
        worker
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the application ended");
            if let Some((_, answer)) = line.split_once(ANSWER) {
                return answer.trim().to_owned();
            }
        }
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.hear()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Imports the keys that come first, then does as many rounds in each session as each line says.
#[test]
#[ignore = "the other test runs it as a process of its own"]
fn application() {
    if env::var_os(WORKER).is_none() {
        return;
    }
    let mut lines = std::io::stdin().lock().lines();
    let start: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let text = |name: &str| start[name].as_str().unwrap();
    let keys = KnownKeys {
        aes: hex::decode(text("aes")).unwrap().try_into().unwrap(),
        rsa: RsaPrivateKey::from_pkcs8_der(&hex::decode(text("rsa")).unwrap()).unwrap(),
    };
    let application = Application::with_new_pin(&module(), SO_PIN, text("pin"));
    let ids = import(&application.session(), &keys);
    println!("{ANSWER}{}", json!(ids));
    for line in lines {
        let rounds: usize = line.unwrap().parse().unwrap();
        thread::scope(|scope| {
            for _ in 0..SESSIONS {
                let session = application.session();
                let keys = &keys;
                scope.spawn(move || (0..rounds).for_each(|_| use_once(&session, keys)));
            }
        });
        println!("{ANSWER}{}", rounds * SESSIONS * OPERATIONS);
    }
}

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
    let keys = KnownKeys::random();
    let mut pin = [0; 12];
    getrandom::fill(&mut pin).unwrap();
    let pin = hex::encode(pin);
    let patterns = || Patterns::all([keys.patterns(), Patterns::bytes("user PIN", pin.as_bytes())]);

    let mut worker = Worker::start(&daemon, &keys, &pin);
    assert_clean("imported", &daemon, &scan_daemon(&daemon, &patterns()));
    let operations: usize = worker.ask("25").parse().unwrap();
    assert!(operations >= 1000);
    assert_clean("used", &daemon, &scan_daemon(&daemon, &patterns()));

    let [aes, rsa] = worker.ids.clone();
    let plaintexts = use_by_kms(&daemon, &aes, 100);
    let of_kms = plaintexts.iter().enumerate();
    let of_kms =
        of_kms.map(|(index, bytes)| Patterns::bytes(&format!("KMS plaintext {index}"), bytes));
    let all = Patterns::all(of_kms.chain([patterns()]));
    assert_clean("used by the KMS", &daemon, &scan_daemon(&daemon, &all));

    while_used(&daemon, &mut worker, &patterns(), &aes);

    for key in [&aes, &rsa] {
        assert_eq!(daemon.call("DisableKey", &json!({"KeyId": key})).0, 0);
    }
    assert_clean("disabled", &daemon, &scan_daemon(&daemon, &all));
}

/// Scans while both faces use the keys. Registers of running threads may hold them.
fn while_used(daemon: &Daemon, worker: &mut Worker, patterns: &Patterns, key: &str) {
    let scanned = AtomicBool::new(false);
    let mut found = HashSet::new();
    worker.say("60");
    thread::scope(|scope| {
        let kms = scope.spawn(|| {
            while !scanned.load(Ordering::Relaxed) {
                use_by_kms(daemon, key, 10);
            }
        });
        for _ in 0..20 {
            let report = scan_daemon(daemon, patterns);
            assert!(report.unexpectedly_unreadable().is_empty(), "{report}");
            found.extend(report.memory_hits().map(ToString::to_string));
        }
        scanned.store(true, Ordering::Relaxed);
        kms.join().unwrap();
    });
    assert!(found.is_empty(), "{found:#?}");
    worker.hear();
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
