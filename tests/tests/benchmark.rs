//! The benchmark runs: both modules answer its cheapest cases, and what a module has not is said.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::io::Write;
use std::process::Command;

use coffer_tests::bench::softhsm2;

#[test]
fn the_benchmark_measures_both_modules() {
    if softhsm2().is_none() {
        let mut terminal = std::io::stderr().lock();
        writeln!(terminal, "SKIPPED: SoftHSM2 is not installed").expect("standard error is open");
        return;
    }
    let rows = run(&["empty call", "random", "SHA-256 32 B", "encrypt 32 B", "session"]);
    let of = |module: &str| rows.iter().filter(|row| row["module"] == module).collect::<Vec<_>>();
    let (coffer, softhsm2) = (of("Coffer"), of("SoftHSM2"));
    assert_eq!(coffer.len(), softhsm2.len());
    for (row, other) in coffer.into_iter().zip(softhsm2) {
        assert!(row["p50_us"].as_f64().is_some_and(|p50| p50 > 0.0), "{row}");
        assert!(row["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{row}");
        assert_eq!(row["case"], other["case"]);
        if row["case"] == "empty call" {
            assert_eq!(other["error"], "not offered", "{other}");
        } else {
            assert!(other["p50_us"].as_f64().is_some_and(|p50| p50 > 0.0), "{other}");
        }
    }
}

#[test]
fn a_case_that_does_not_exist_is_an_error() {
    let output = program().args(["--case", "no such case"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no case has a name like that"));
}

/// The rows of the cases, in one thread and in two.
fn run(cases: &[&str]) -> Vec<serde_json::Value> {
    let mut command = program();
    command.args(["--quick", "--json", "--threads", "2"]);
    for case in cases {
        command.args(["--case", case]);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = json["rows"].as_array().unwrap().clone();
    assert!(rows.len() >= cases.len() * 4, "{rows:?}");
    rows
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coffer-bench"));
    if cfg!(debug_assertions) {
        command.arg("--debug-build");
    }
    command
}
