//! The daemon is killed at random moments while both faces change keys: what was acknowledged is there, and nothing
//! is there by half.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coffer_tests::batch::Batch;
use coffer_tests::daemon::{DEADLINE, Daemon};
use coffer_tests::isolated::{isolated, isolated_for};
use coffer_tests::lives::{Life, Objects};
use coffer_tests::random::Random;
use coffer_tests::token::{open, user_session, wait_for_slot};
use cryptoki::context::Pkcs11;
use nix::sys::signal::{Signal, kill};
use serde_json::json;

/// Rounds on one store: its quota of keys is not to be reached.
const ROUNDS: usize = 10;
/// Callers of the KMS at once.
const CALLERS: usize = 3;
/// More changes than one caller comes to before the daemon is killed.
const ENDLESS: usize = 100_000;

/// Everybody who changes something.
struct World {
    lives: Vec<Life>,
    objects: Objects,
}

impl World {
    /// Lets all work until the daemon is killed, in the middle of whatever they do.
    fn work_and_kill(&mut self, daemon: &Daemon, pkcs11: &Pkcs11, random: &mut Random) {
        let pid = daemon.pid();
        let session = user_session(pkcs11, wait_for_slot(pkcs11));
        let acknowledged = AtomicUsize::new(0);
        let after = random.below(60);
        let wait = Duration::from_micros(random.number() % 4000);
        thread::scope(|scope| {
            let acknowledged = &acknowledged;
            let new = self.lives.len() - CALLERS;
            for life in &mut self.lives[new..] {
                let mut random = random.fork();
                let mut batch = Batch::open(daemon);
                scope.spawn(move || life.run(&mut batch, &mut random, acknowledged, ENDLESS));
            }
            let (objects, mut random) = (&mut self.objects, random.fork());
            scope.spawn(move || objects.run(&session, &mut random, acknowledged, ENDLESS));
            let begun = Instant::now();
            while acknowledged.load(Ordering::SeqCst) < after && begun.elapsed() < DEADLINE {
                thread::sleep(Duration::from_micros(100));
            }
            thread::sleep(wait);
            kill(pid, Signal::SIGKILL).unwrap();
        });
    }

    /// Compares everything with what is known of it.
    fn settle(&mut self, daemon: &Daemon, pkcs11: &Pkcs11) {
        let mut batch = Batch::open(daemon);
        for life in &mut self.lives {
            life.settle(&mut batch);
        }
        self.objects.settle(&user_session(pkcs11, wait_for_slot(pkcs11)));
        let (own_keys, own_objects) = self.objects.count();
        let (mut keys, mut objects) = (own_keys, own_objects);
        let mut cmks = 0;
        for (of_life, as_objects) in self.lives.iter().map(Life::count) {
            cmks += of_life;
            keys += of_life;
            objects += as_objects;
        }
        let listed = batch.call("ListKeyDetail", &json!({ "KeyUsage": "ALL" }));
        assert_eq!(listed["TotalCount"], json!(cmks + own_keys), "keys that nobody knows");
        let status = batch.call("GetStatus", &json!({}));
        assert_eq!(json!([status["Keys"], status["Objects"]]), json!([keys, objects]));
        for command in [&["store", "check"][..], &["audit", "verify"]] {
            let output = daemon.coffer(command);
            let said = [&output.stdout[..], &output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success(), "{command:?}: {said}");
        }
    }
}

/// Kills the daemon a number of times on one store, once in a while when it has just begun to start.
fn rounds(directory: &Path, pkcs11: &Pkcs11, random: &mut Random) {
    let mut daemon = Daemon::start_in(directory);
    let mut world = World { lives: Vec::new(), objects: Objects::new("object") };
    for round in 0..ROUNDS {
        // New callers begin without keys, so that keys are made in every round; those of the old ones stay.
        let names = (0..CALLERS).map(|caller| format!("key-{round}-{caller}"));
        world.lives.extend(names.map(|name| Life::new(&name)));
        world.work_and_kill(&daemon, pkcs11, random);
        daemon.wait_killed();
        if random.below(4) == 0 {
            daemon.start_and_kill(Duration::from_micros(random.number() % 400_000));
        }
        daemon.start_again(&[]);
        world.settle(&daemon, pkcs11);
    }
}

/// Does that on so many stores, one after the other.
fn stores(directory: &Path, count: usize) {
    let mut random = Random::new("kms_kill");
    let pkcs11 = open();
    for _ in 0..count {
        rounds(directory, &pkcs11, &mut random);
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn twenty_crashes_lose_nothing_and_leave_no_half_of_a_change() {
    isolated(|directory| stores(directory, 2));
}

#[test]
#[ignore = "a minute or two"]
fn two_hundred_crashes_lose_nothing_and_leave_no_half_of_a_change() {
    isolated_for(Duration::from_mins(20), |directory| stores(directory, 20));
}
