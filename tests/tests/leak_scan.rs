//! The daemon's promise about memory: keys, PINs and data keys are nowhere outside secret memory, at
//! rest and in the middle of their use.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::collections::HashSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use coffer_tests::daemon::{DEADLINE, Daemon, SO_PIN, module};
use coffer_tests::known::{Caller, FAMILIES, Family};
use coffer_tests::leak_scanner::{Named, Patterns, Report, Snapshot, root, scan};
use coffer_tests::load::{Application, KnownKeys, import, use_once};
use cryptoki::session::Session;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use serde_json::{Value, json};

/// Set for the process that is the application: this program, run again.
const WORKER: &str = "COFFER_TEST_IS_APPLICATION";
/// Before each line from that process.
const ANSWER: &str = "answer ";
/// Its threads that use RSA and AES through the module; each family that the daemon uses has one more.
const SESSIONS: usize = 2;
/// Scans under load.
const SAMPLES: usize = 40;
/// How many of the latest rounds a scan looks back for what became known by them.
const LATEST: usize = 200;

/// All that is secret and known to the test.
struct Secrets {
    keys: KnownKeys,
    /// Of each family that the daemon uses.
    families: Vec<(&'static Family, Vec<u8>)>,
    /// The user's PIN and the security officer's.
    pins: [String; 2],
}

impl Secrets {
    fn random() -> Self {
        let pin = || {
            let mut pin = [0; 12];
            getrandom::fill(&mut pin).unwrap();
            hex::encode(pin)
        };
        let used = FAMILIES.iter().filter(|family| family.daemon.is_some());
        let families = used.map(|family| (family, (family.make)())).collect();
        Self { keys: KnownKeys::random(), families, pins: [pin(), pin()] }
    }

    fn patterns(&self, daemon: &Daemon) -> Patterns {
        let pins = ["user PIN", "SO PIN"].into_iter().zip(&self.pins);
        let pins = pins.map(|(name, pin)| (name.to_owned(), pin.as_bytes().to_vec()));
        let families = self.families.iter();
        let mut named: Named = families
            .flat_map(|(family, secret)| family.named((family.patterns)(secret)))
            .chain(pins)
            .collect();
        named.extend(root::patterns(daemon.directory()));
        Patterns::all([self.keys.patterns(), Patterns::new(named)])
    }

    fn to_json(&self) -> Value {
        let der = self.keys.rsa.to_pkcs8_der().unwrap();
        let families: Vec<_> = self
            .families
            .iter()
            .map(|(family, secret)| json!([family.name, hex::encode(secret)]))
            .collect();
        json!({
            "aes": hex::encode(self.keys.aes), "rsa": hex::encode(der.as_bytes()),
            "pins": self.pins, "families": families,
        })
    }

    fn from_json(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let keys = KnownKeys {
            aes: bytes(&value["aes"]).try_into().unwrap(),
            rsa: RsaPrivateKey::from_pkcs8_der(&bytes(&value["rsa"])).unwrap(),
        };
        let families = value["families"].as_array().unwrap().iter();
        let families = families
            .map(|pair| (coffer_tests::known::family(pair[0].as_str().unwrap()), bytes(&pair[1])));
        let pins = [text(&value["pins"][0]), text(&value["pins"][1])];
        Self { keys, families: families.collect(), pins }
    }

    fn threads(&self) -> usize {
        SESSIONS + self.families.len()
    }
}

/// What the application has said.
#[derive(Default)]
struct Said {
    /// Rounds that each thread has finished by which something became known.
    rounds: Vec<u64>,
    /// What became known by each round: nonces and what goes with them.
    known: Vec<Named>,
    /// Answers to orders.
    answers: Vec<String>,
    ended: bool,
}

/// An application in a process of its own.
struct Worker {
    child: Child,
    input: ChildStdin,
    said: Arc<(Mutex<Said>, Condvar)>,
    /// Ids of the keys imported through the module.
    ids: [String; 2],
}

impl Worker {
    fn start(daemon: &Daemon, secrets: &Secrets) -> Self {
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
        let said = Said { rounds: vec![0; secrets.threads()], ..Said::default() };
        let said = Arc::new((Mutex::new(said), Condvar::new()));
        thread::spawn({
            let said = Arc::clone(&said);
            move || listen(output, &said)
        });
        let mut worker = Self { child, input, said, ids: [String::new(), String::new()] };
        let ids = worker.ask(&secrets.to_json().to_string());
        worker.ids = serde_json::from_str(&ids).unwrap();
        worker
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// Waits until what was said fulfils a condition, and returns something of it.
    fn wait<T>(&self, mut fulfilled: impl FnMut(&mut Said) -> Option<T>) -> T {
        let (said, changed) = &*self.said;
        let mut said = said.lock().unwrap();
        let begun = Instant::now();
        loop {
            if let Some(result) = fulfilled(&mut said) {
                return result;
            }
            assert!(!said.ended, "the application ended");
            assert!(begun.elapsed() < DEADLINE, "the application does not get there");
            said = changed.wait_timeout(said, DEADLINE).unwrap().0;
        }
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.wait(|said| said.answers.pop())
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// What became known by the latest rounds, from `first` on at least; `None` where that is nothing.
    fn known_since(&self, first: usize) -> Option<Patterns> {
        let named: Named = self.wait(|said| {
            let first = first.min(said.known.len()).saturating_sub(LATEST);
            Some(said.known[first..].concat())
        });
        (!named.is_empty()).then(|| Patterns::new(named))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Notes what the application says until it ends.
fn listen(output: impl BufRead, said: &(Mutex<Said>, Condvar)) {
    let (said, changed) = said;
    for line in output.lines() {
        let line = line.unwrap();
        // The harness writes on the first line before.
        let Some((_, answer)) = line.split_once(ANSWER) else { continue };
        let mut said = said.lock().unwrap();
        match answer.split_once(" by round ") {
            Some((thread, known)) => {
                let known: Vec<(String, String)> = serde_json::from_str(known).unwrap();
                if !known.is_empty() {
                    said.rounds[thread.parse::<usize>().unwrap()] += 1;
                    let known = known.into_iter();
                    let known = known.map(|(name, bytes)| (name, hex::decode(bytes).unwrap()));
                    said.known.push(known.collect());
                }
            }
            None => said.answers.push(answer.to_owned()),
        }
        changed.notify_all();
    }
    said.lock().unwrap().ended = true;
    changed.notify_all();
}

/// Imports the keys that come first. Then each line is an order: a number of rounds for each thread, `start`
/// to go on until the next line, `destroy`.
#[test]
#[ignore = "the other test runs it as a process of its own"]
fn application() {
    if env::var_os(WORKER).is_none() {
        return;
    }
    let mut lines = std::io::stdin().lock().lines();
    let start = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let secrets = Secrets::from_json(&start);
    let [pin, so_pin] = &secrets.pins;
    let application = Application::with_new_pins(&module(), [SO_PIN, so_pin, pin]);
    let ids = import(&application.session(), &secrets.keys);
    let socket = coffer_client::socket::app_path();
    let used: Vec<_> = secrets
        .families
        .iter()
        .map(|(family, secret)| {
            let caller = Caller::open(&socket, pin);
            let key = caller.create(family, secret);
            (*family, secret, caller, key)
        })
        .collect();
    println!("{ANSWER}{}", json!(ids));
    let (used, secrets) = (&used, &secrets);
    let round = |thread: usize, session: Option<&Session>| {
        let Some((family, secret, caller, key)) = used.get(thread) else {
            use_once(session.expect("a session of the module"), &secrets.keys);
            println!("{ANSWER}{thread} by round []");
            return;
        };
        let daemon = family.daemon.as_ref().unwrap();
        let known = family.named((daemon.use_once)(caller, *key, secret));
        let known: Vec<_> = known.iter().map(|(name, bytes)| (name, hex::encode(bytes))).collect();
        println!("{ANSWER}{thread} by round {}", json!(known));
    };
    // A session may go from thread to thread, but serves one at a time.
    let threads = || {
        let session = |thread| (thread >= used.len()).then(|| application.session());
        (0..secrets.threads()).map(move |thread| (thread, session(thread)))
    };
    while let Some(order) = lines.next() {
        match order.unwrap().as_str() {
            "start" => {
                let stop = AtomicBool::new(false);
                thread::scope(|scope| {
                    for (thread, session) in threads() {
                        let (stop, round) = (&stop, &round);
                        scope.spawn(move || {
                            while !stop.load(Ordering::Relaxed) {
                                round(thread, session.as_ref());
                            }
                        });
                    }
                    lines.next().unwrap().unwrap();
                    stop.store(true, Ordering::Relaxed);
                });
            }
            "destroy" => used.iter().for_each(|(_, _, caller, key)| caller.destroy(*key)),
            rounds => {
                let rounds: usize = rounds.parse().unwrap();
                thread::scope(|scope| {
                    for (thread, session) in threads() {
                        let round = &round;
                        scope.spawn(move || {
                            (0..rounds).for_each(|_| round(thread, session.as_ref()));
                        });
                    }
                });
            }
        }
        println!("{ANSWER}done");
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
