//! Tests of the vault from inside; those of its public face are in `daemon/tests/vault.rs`.
mod children;
mod heap;
mod registers;
mod stacks;

use std::process::{Command, Output};

const CHILD: &str = "COFFER_TEST_IN_CHILD";

/// Runs `body` in a process of its own, which is this test alone in another run of the test program.
/// There it ends with the process; here it gives what came out.
pub(crate) fn in_child(test: &str, body: impl FnOnce()) -> Output {
    if std::env::var(CHILD).is_ok_and(|name| name == test) {
        body();
        std::process::exit(0);
    }
    let program = std::env::current_exe().expect("a test program has a path");
    Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .output()
        .expect("the test program runs again")
}

/// [`in_child`] for bodies that must succeed.
pub(crate) fn passes_in_child(test: &str, body: impl FnOnce()) {
    let output = in_child(test, body);
    assert!(output.status.success(), "{test}: {}", text(&output));
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

pub(crate) fn text(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}\n{err}", output.status)
}
