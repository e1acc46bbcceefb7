//! The application of the leak scan, in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;
use std::{env, thread};

use coffer_tests::daemon::{DEADLINE, Daemon, SO_PIN, module};
use coffer_tests::known::Caller;
use coffer_tests::leak_scanner::{Named, Patterns};
use coffer_tests::load::{Application, import, use_once};
use cryptoki::session::Session;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::secrets::Secrets;

/// Set for the process that is the application: this program, run again.
const WORKER: &str = "COFFER_TEST_IS_APPLICATION";
/// Before each line from that process.
const ANSWER: &str = "answer ";

/// How many of the latest rounds a scan looks back for what became known by them.
const LATEST: usize = 200;

/// What the application has said.
#[derive(Default)]
pub(crate) struct Said {
    /// Rounds that each thread has finished by which something became known.
    pub(crate) rounds: Vec<u64>,
    /// What became known by each round: nonces and what goes with them.
    pub(crate) known: Vec<Named>,
    /// Answers to orders.
    answers: Vec<String>,
    ended: bool,
}

/// An application in a process of its own.
pub(crate) struct Worker {
    child: Child,
    input: ChildStdin,
    said: Arc<(Mutex<Said>, Condvar)>,
    /// Ids of the keys imported through the module.
    pub(crate) ids: [String; 2],
}

impl Worker {
    pub(crate) fn start(daemon: &Daemon, secrets: &Secrets) -> Self {
        let mut child = daemon
            .command(env::current_exe().unwrap())
            .args([
                "--exact",
                "worker::application",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
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

    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// Waits until what was said fulfils a condition, and returns something of it.
    pub(crate) fn wait<T>(&self, mut fulfilled: impl FnMut(&mut Said) -> Option<T>) -> T {
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

    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.wait(|said| said.answers.pop())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// What became known by the latest rounds, from `first` on at least; `None` where that is nothing.
    pub(crate) fn known_since(&self, first: usize) -> Option<Patterns> {
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
