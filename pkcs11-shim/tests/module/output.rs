//! What the module writes: nothing, unless it is told to log.
#![expect(clippy::unwrap_used, reason = "a failure is the test's")]

use std::process::Command;

use crate::api;

/// Runs the calls of [`some_calls`] in a process of its own, and gives what it wrote to standard error.
fn standard_error(log: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "output::some_calls", "--ignored", "--nocapture"])
        .env("COFFER_LOG", log)
        .env("COFFER_SOCKET", "/nonexistent/coffer.sock")
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
#[ignore = "run by the others, in a process of its own"]
fn some_calls() {
    api::initialize().unwrap();
    assert!(api::open_session(5).is_err());
    api::finalize().unwrap();
}

#[test]
fn calls_and_results_are_logged_where_that_is_asked_for() {
    let log = standard_error("debug");
    assert!(log.contains("coffer-pkcs11: C_OpenSession 0x3\n"), "{log}");
    assert!(log.contains("coffer-pkcs11: C_Finalize 0x0\n"), "{log}");
}

#[test]
fn nothing_is_written_otherwise() {
    assert_eq!(standard_error(""), "");
}
