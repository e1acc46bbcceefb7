//! Forked children of a test, and what a test says past the harness's capture.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

use crate::daemon::DEADLINE;

/// Before [`wait_until`] looks again.
const PAUSE: Duration = Duration::from_millis(1);

/// A forked child.
#[derive(Debug)]
pub struct Forked(Pid);

/// Runs a closure in a forked child, which ends with it and runs nothing else of the test.
///
/// # Panics
///
/// Where the system has no more processes.
#[expect(unsafe_code, reason = "fork is what is tested")]
pub fn fork(in_child: impl FnOnce()) -> Forked {
    // SAFETY: only this thread goes on in the child. It allocates, which glibc allows there, takes no lock
    // that another thread of a test holds, and ends below without returning to the harness.
    match unsafe { nix::unistd::fork() }.expect("a process can be made") {
        ForkResult::Parent { child } => Forked(child),
        ForkResult::Child => {
            let status = i32::from(catch_unwind(AssertUnwindSafe(in_child)).is_err());
            // SAFETY: `_exit` has no preconditions; it runs no handlers and no destructors.
            unsafe { libc::_exit(status) }
        }
    }
}

impl Forked {
    /// Kills it, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// Where it has ended by itself.
    pub fn kill(self) {
        nix::sys::signal::kill(self.0, Signal::SIGKILL).expect("the child is ours");
        let status = waitpid(self.0, None).expect("the child is ours");
        assert_eq!(status, WaitStatus::Signaled(self.0, Signal::SIGKILL, false));
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    ///
    /// Where its closure did, or a signal killed it.
    pub fn join(self) {
        let status = waitpid(self.0, None).expect("the child is ours");
        assert_eq!(status, WaitStatus::Exited(self.0, 0), "the child failed, see above");
    }
}

/// Takes every variable out of the environment of a forked child.
#[expect(unsafe_code, reason = "the environment is the process's")]
pub fn clear_environment() {
    for (name, _) in std::env::vars_os() {
        // SAFETY: a forked child has one thread, so nobody reads the environment now.
        unsafe { std::env::remove_var(name) };
    }
}

/// The calling thread, for [`wait_asleep`] and [`wait_for_call`].
pub fn this_thread() -> Pid {
    nix::unistd::gettid()
}

/// Whether a thread of this process sleeps.
pub fn is_asleep(thread: Pid) -> bool {
    thread_state(Pid::this(), thread) == Some('S')
}

/// Whether a thread of this process sleeps, and not at a lock: one in a call waits for the daemon then.
pub fn waits_for_daemon(thread: Pid) -> bool {
    is_asleep(thread) && !is_at_a_lock(thread)
}

/// Whether a thread of this process is in futex(2) (proc_pid_syscall(5)).
fn is_at_a_lock(thread: Pid) -> bool {
    let call = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall"));
    let number = call.ok().and_then(|call| call.split(' ').next()?.parse().ok());
    number == Some(libc::SYS_futex)
}

/// The letter of a thread's state (proc_pid_stat(5)); `None` where the thread is not there.
pub(crate) fn thread_state(process: Pid, thread: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok()?;
    // It follows the name, which may have blanks and brackets.
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Stops a process, and waits until none of its threads runs any more: some may for a while after the signal.
///
/// # Panics
///
/// Where it is not there, or does not stop in time.
pub fn stop(process: Pid) {
    nix::sys::signal::kill(process, Signal::SIGSTOP).expect("it can be stopped");
    let begun = Instant::now();
    let threads = || {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("it is there");
        let names = tasks.map(|task| task.expect("a folder").file_name().into_string());
        names.map(|name| name.ok().and_then(|name| name.parse().ok()).expect("a number"))
    };
    while !threads().all(|thread| thread_state(process, Pid::from_raw(thread)) == Some('T')) {
        assert!(begun.elapsed() < DEADLINE, "it does not stop");
        std::thread::yield_now();
    }
}

/// Waits until a thread sleeps.
///
/// # Panics
///
/// Where it does not in time.
pub fn wait_asleep(thread: Pid) {
    wait_until("the thread sleeps", || is_asleep(thread));
}

/// Waits until a thread that makes a call waits for the daemon.
///
/// # Panics
///
/// Where it does not in time.
pub fn wait_for_call(thread: Pid) {
    wait_until("the call waits for the daemon", || waits_for_daemon(thread));
}

/// Waits until something is so, and looks again a moment later where it is not.
///
/// # Panics
///
/// Where it is not in time.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Copies a program so that it can be run at once. Another process does it: while this one has a file open for
/// writing, so has a child that another test just starts, and then it cannot be run (execve(2), ETXTBSY).
///
/// # Panics
///
/// Where it cannot be copied.
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status().expect("cp is installed");
    assert!(copied.success(), "cp {} {}: {copied}", from.display(), to.display());
}

/// Whether the test runs as root; says past the harness's capture that something is skipped otherwise.
///
/// # Panics
///
/// Where standard error is closed.
pub fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        let mut terminal = std::io::stderr().lock();
        writeln!(terminal, "SKIPPED: only root can become another user")
            .expect("standard error is open");
    }
    is_root
}

/// Whether a program is installed; says past the harness's capture that something is skipped without it.
///
/// # Panics
///
/// Where standard error is closed.
pub fn has_program(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).any(|folder| folder.join(program).exists());
    found_or_skipped(found, program)
}

/// The same of a file that is no program, such as a plug-in of one.
///
/// # Panics
///
/// Where standard error is closed.
pub fn has_file(path: &Path) -> bool {
    found_or_skipped(path.exists(), &path.display().to_string())
}

fn found_or_skipped(found: bool, what: &str) -> bool {
    if !found {
        let mut terminal = std::io::stderr().lock();
        writeln!(terminal, "SKIPPED: {what} is not installed").expect("standard error is open");
    }
    found
}
