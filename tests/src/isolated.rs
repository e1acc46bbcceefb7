//! A test in a process of its own: the PKCS#11 module has one state and one environment per process.
//!
//! A crash of the module is then the failure of one test.

use std::any::type_name;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Names the folder of the test to its process.
const DIRECTORY: &str = "COFFER_TEST_DIRECTORY";
/// Left in the folder by a test that came to its end.
const FINISHED: &str = "finished";
/// How long a test may take.
const DEADLINE: Duration = Duration::from_mins(5);

/// Runs the closure of a test in a new process, with a new folder. The module finds its daemon at
/// `coffer.sock` in the folder; the test starts one there, or does not.
///
/// # Panics
///
/// Where the test fails, does not end, or is not found by the name of its function.
pub fn isolated<F: FnOnce(&Path)>(test: F) {
    isolated_for(DEADLINE, test);
}

/// The same for a test that may take so long.
///
/// # Panics
///
/// As [`isolated`].
pub fn isolated_for<F: FnOnce(&Path)>(deadline: Duration, test: F) {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        let directory = Path::new(&directory);
        test(directory);
        std::fs::write(directory.join(FINISHED), b"").expect("the folder is there");
        return;
    }
    let (_, path) = type_name::<F>().split_once("::").expect("the closure is in a crate");
    let name = path.strip_suffix("::{{closure}}").expect("it is a closure in the test");
    let directory = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(std::env::current_exe().expect("a test has a binary"))
        .args([name, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
        .env(DIRECTORY, directory.path())
        .env("COFFER_SOCKET", directory.path().join("coffer.sock"))
        .env_remove("COFFER_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a test can be run");
    let group = Pid::from_raw(i32::try_from(child.id()).expect("process ids are positive"));
    let (told, ended) = mpsc::channel();
    std::thread::spawn(move || told.send(child.wait()));
    let outcome = ended.recv_timeout(deadline);
    // What a test that crashed has left behind; nobody is there after others.
    let _ = killpg(group, Signal::SIGKILL);
    let status = outcome.expect("the test ends in time").expect("it can be waited for");
    assert!(status.success(), "{name}: {status}, see above");
    assert!(directory.path().join(FINISHED).exists(), "{name} was not run");
}
