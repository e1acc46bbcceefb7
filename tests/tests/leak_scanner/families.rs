//! The leak scanner's controls, family by family: what the crates keep in ordinary memory is found there, and
//! so is each form that is searched for.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use coffer_tests::known::{FAMILIES, family};
use coffer_tests::leak_scanner::{Named, Patterns, scan};
use serde_json::{Value, json};

/// Set for the process that holds the secret: this program, run again.
const HOLDER: &str = "COFFER_TEST_HOLDS_SECRET";
const READY: &str = "the secret is held";

/// A process that holds a secret in ordinary memory.
struct Holder {
    child: Child,
    /// The process ends when this is closed.
    _input: ChildStdin,
}

impl Holder {
    fn of(order: &Value) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "families::holder", "--ignored", "--nocapture", "--test-threads=1"])
            .env(HOLDER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{order}").unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(READY) {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the holder of the secret ended");
        }
        Self { child, _input: input }
    }

    /// The names of the patterns that it has in memory.
    fn holds(&self, patterns: Named) -> BTreeSet<String> {
        let report = scan(self.child.id(), &Patterns::new(patterns)).unwrap();
        report.memory_hits().map(|hit| hit.pattern.clone()).collect()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Holds what the first line of standard input says until standard input ends. It reads in hexadecimal digits,
/// so that no secret comes into memory by being read.
#[test]
#[ignore = "the other tests run it as a process of its own"]
fn holder() {
    if env::var_os(HOLDER).is_none() {
        return;
    }
    let mut lines = std::io::stdin().lock().lines();
    let held: Box<dyn std::any::Any> = {
        let order: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        match order["family"].as_str() {
            Some(name) => (family(name).outside)(&bytes(&order["secret"])),
            None => {
                Box::new(order["forms"].as_array().unwrap().iter().map(bytes).collect::<Vec<_>>())
            }
        }
    };
    println!("{READY}");
    assert!(lines.next().is_none());
    drop(held);
}

#[test]
fn what_the_crates_hold_of_a_key_is_found() {
    for family in FAMILIES {
        let secret = (family.make)();
        let patterns = (family.patterns)(&secret);
        let holder = Holder::of(&json!({"family": family.name, "secret": hex::encode(&secret)}));
        let found = holder.holds(patterns);
        println!("{}: {found:?}", family.name);
        for name in family.found_outside {
            assert!(found.contains(*name), "{}: {name} is not among {found:?}", family.name);
        }
        // Another secret of the family is not found there.
        let others = (family.patterns)(&(family.make)());
        assert_eq!(holder.holds(others), BTreeSet::new(), "{}", family.name);
    }
}

#[test]
fn every_form_that_is_searched_for_is_found() {
    for family in FAMILIES {
        let patterns = (family.patterns)(&(family.make)());
        let forms: Vec<_> = patterns.iter().map(|(_, bytes)| hex::encode(bytes)).collect();
        let holder = Holder::of(&json!({"forms": forms}));
        let expected = patterns.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
        assert_eq!(expected.len(), patterns.len(), "{}: names", family.name);
        assert_eq!(holder.holds(patterns), expected, "{}", family.name);
    }
}
