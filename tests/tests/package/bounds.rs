//! How large the binaries and the running daemon may be.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use coffer_tests::daemon::{Daemon, binaries, module};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

/// Bytes of a binary without its symbols.
fn stripped(binary: &Path) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("stripped");
    let status = Command::new("strip").arg("-o").arg(&copy).arg(binary).status();
    assert!(status.expect("strip is installed (binutils)").success());
    std::fs::metadata(copy).unwrap().len()
}

#[test]
fn the_binaries_are_small() {
    if cfg!(debug_assertions) {
        // Only the release profile has bounds.
        return;
    }
    for (binary, limit) in [(binaries().join("cofferd"), 12), (module(), 3)] {
        let size = stripped(&binary);
        assert!(size < limit * MIB, "{}: {size} bytes", binary.display());
    }
}

/// Resident bytes of the daemon.
fn resident(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn a_hundred_keys_fit_in_forty_mebibytes() {
    let begun = Instant::now();
    let daemon = Daemon::start();
    // A figure to look at: two PINs are derived in this time, and other tests run beside.
    println!("coffer dev served after {:?}", begun.elapsed());
    let requests: Vec<String> = (0..100)
        .map(|number| {
            let fields = json!({"Alias": format!("key-{number}")});
            json!({"Action": "CreateKey", "Request": fields}).to_string()
        })
        .collect();
    let output = daemon.coffer_with(&["call", "--batch"], requests.join("\n").as_bytes());
    assert!(output.status.success());
    let uses: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let made: Value = serde_json::from_str(line).unwrap();
            let fields = json!({"KeyId": made["KeyId"], "Plaintext": "aGk="});
            json!({"Action": "Encrypt", "Request": fields}).to_string()
        })
        .collect();
    assert!(daemon.coffer_with(&["call", "--batch"], uses.join("\n").as_bytes()).status.success());
    let resident = resident(&daemon);
    println!("{} KiB resident with 100 open keys", resident / 1024);
    assert!(resident < 40 * MIB, "{resident} bytes");
}
