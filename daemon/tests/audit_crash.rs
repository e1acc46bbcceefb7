//! The audit log under SIGKILL and on a full disk, through its public interface.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use coffer_daemon::audit::{self, Action, Audit, Config, Event, Filter, Order, Priority};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const DIRECTORY: &str = "COFFER_TEST_DIRECTORY";

fn config() -> Config {
    Config { segment_bytes: 32 << 10, ..Config::default() }
}

fn event(n: usize) -> Event {
    Event::new(format!("Sign{n}"), Action::Read).region("default")
}

#[test]
#[ignore = "runs as the child of the next test"]
fn child_that_records_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let (audit, _) = Audit::open(Path::new(&dir), config()).unwrap();
    let mut out = std::io::stdout();
    for n in 0.. {
        if n % 50 == 0 {
            audit.append_durable(event(n), Priority::Normal).unwrap();
        } else {
            audit.append(event(n), Priority::Normal).unwrap();
        }
        writeln!(out, "recorded {n}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_daemon_loses_no_record_and_the_chain_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_records_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            if line.starts_with("recorded ") {
                seen += 1;
                if seen == 5 + round * 60 {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(seen >= 5, "the child did not record");
        let recorded = recorded(dir.path());
        let new = recorded.len() - expected.len();
        assert!(new == seen || new == seen + 1, "{new} records of {seen} reported");
        assert!(recorded.starts_with(&expected));
        expected = recorded;
        let report = audit::verify(dir.path()).unwrap();
        assert_eq!(report.first_bad, None);
    }
}

/// The names of all uses, oldest first.
fn recorded(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut filter = Filter { order: Order::OldestFirst, limit: 1000, ..Filter::default() };
    loop {
        let page = audit::list(dir, &filter).unwrap();
        for line in page.lines {
            let event: serde_json::Value = serde_json::from_str(&line.event).unwrap();
            let name = event["eventName"].as_str().unwrap();
            names.extend(name.starts_with("Sign").then(|| name.to_owned()));
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return names,
        }
    }
}

#[test]
fn with_a_full_disk_disabling_and_sealing_are_still_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(dir.path())
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no right to mount a small file system");
        return;
    }
    let outcome = std::panic::catch_unwind(|| on_full_disk(&dir.path().join("audit")));
    Command::new("umount").arg(dir.path()).status().unwrap();
    outcome.unwrap();
}

fn on_full_disk(dir: &Path) {
    let (audit, _) = Audit::open(dir, config()).unwrap();
    let refused = (0..10_000).find_map(|n| audit.append(event(n), Priority::Normal).err());
    assert_eq!(refused, Some(audit::Error::Full));
    for name in ["DisableKey", "Seal", "Unseal"] {
        let intent = audit.intent(Event::new(name, Action::Write), Priority::Reserved).unwrap();
        audit.outcome(intent, Event::new(name, Action::Write)).unwrap();
    }
    drop(audit);
    let (audit, opened) = Audit::open(dir, config()).unwrap();
    assert_eq!(opened, audit::Opened::default());
    assert_eq!(audit.verify().unwrap().first_bad, None);
    assert_eq!(audit.append(event(0), Priority::Normal), Err(audit::Error::Full));
    audit.append_durable(Event::new("Seal", Action::Write), Priority::Reserved).unwrap();
}
