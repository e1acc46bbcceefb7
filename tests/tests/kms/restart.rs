//! A crash loses nothing that was acknowledged; a store that is not whole, or is in use, is refused.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use coffer_tests::daemon::{DEADLINE, Daemon, binaries};
use serde_json::{Value, json};

/// What is known of a key: the state last acknowledged, and the one that was asked for and not answered.
#[derive(Debug, Clone, Default)]
struct Known {
    acknowledged: &'static str,
    pending: Option<&'static str>,
}

/// Makes keys and switches them until the daemon goes away.
fn load(daemon: &Daemon, worker: usize, known: &Mutex<HashMap<String, Known>>) {
    let mut child = daemon
        .command(binaries().join("coffer"))
        .args(["call", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut replies = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |action: &str, request: Value| -> Option<Value> {
        writeln!(input, "{}", json!({"Action": action, "Request": request})).ok()?;
        let reply: Value = serde_json::from_str(&replies.next()?.ok()?).unwrap();
        reply["Error"].is_null().then_some(reply)
    };
    'keys: for number in 0..40 {
        let alias = format!("key-{worker}-{number}");
        let Some(_) = ask("CreateKey", json!({"Alias": alias})) else { break };
        let of = |acknowledged, pending| Known { acknowledged, pending };
        known.lock().unwrap().insert(alias.clone(), of("Enabled", None));
        let mut now = "Enabled";
        for (action, next) in
            [("DisableKey", "Disabled"), ("EnableKey", "Enabled"), ("DisableKey", "Disabled")]
        {
            known.lock().unwrap().insert(alias.clone(), of(now, Some(next)));
            let request = json!({"KeyId": format!("alias/{alias}")});
            if ask(action, request).is_none() {
                break 'keys;
            }
            known.lock().unwrap().insert(alias.clone(), of(next, None));
            now = next;
        }
    }
    drop(input);
    let _ = child.wait();
}

#[test]
fn after_a_crash_every_acknowledged_change_is_there() {
    let mut daemon = Daemon::start();
    for round in 0..3 {
        let known = Mutex::new(HashMap::new());
        let pid = daemon.pid();
        std::thread::scope(|scope| {
            for worker in 0..3 {
                let (daemon, known) = (&daemon, &known);
                scope.spawn(move || load(daemon, round * 10 + worker, known));
            }
            // In the middle of the load: not before something was acknowledged.
            let begun = Instant::now();
            while known.lock().unwrap().len() < 9 {
                assert!(begun.elapsed() < DEADLINE, "nothing is acknowledged");
                std::thread::sleep(Duration::from_millis(1));
            }
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        });
        daemon.restart();
        let known = known.into_inner().unwrap();
        assert!(known.len() >= 9);
        for (alias, state) in &known {
            let (status, reply) =
                daemon.call("DescribeKey", &json!({"KeyId": format!("alias/{alias}")}));
            assert_eq!(status, 0, "{alias} is lost: {reply}");
            let now = reply["KeyMetadata"]["KeyState"].as_str().unwrap();
            assert!(
                now == state.acknowledged || Some(now) == state.pending,
                "{alias}: {now} {state:?}"
            );
        }
        assert_eq!(daemon.coffer(&["audit", "verify"]).status.code(), Some(0));
    }
}

/// Runs `coffer dev` on a folder until it ends by itself.
fn dev(directory: &Path) -> Output {
    let child = Command::new("timeout")
        .arg("60")
        .arg(binaries().join("coffer"))
        .args(["dev", "--dir"])
        .arg(directory)
        .args(["--", "true"])
        .stdin(Stdio::null())
        .output();
    child.unwrap()
}

#[test]
fn a_store_without_its_epoch_key_is_refused_and_says_so() {
    let mut daemon = Daemon::start();
    assert_eq!(daemon.call("CreateKey", &json!({"Alias": "app"})).0, 0);
    daemon.kill();
    let moved = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(daemon.directory()).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if file.file_type().unwrap().is_file() && !name.starts_with("epoch") {
            std::fs::copy(file.path(), moved.path().join(name)).unwrap();
        }
    }
    let output = dev(moved.path());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{errors}");
    assert!(errors.contains("epoch"), "{errors}");
    // The one that is whole still starts.
    daemon.start_again(&[]);
    assert_eq!(daemon.call("DescribeKey", &json!({"KeyId": "alias/app"})).0, 0);
}

#[test]
fn a_store_that_is_in_use_is_refused() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let output = dev(daemon.directory());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{errors}");
    assert!(errors.contains("use") || errors.contains("runs"), "{errors}");
    assert_eq!(daemon.pid(), pid);
    assert_eq!(daemon.call("GetStatus", &json!({})).0, 0);
}
