//! A process whose threads all stand still while this value lives.

use std::collections::BTreeMap;
use std::{fs, io};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::process::thread_state;

/// The seized threads. Dropping it lets them go on.
pub(super) struct Stopped {
    /// Each thread, with the signal that it was about to get and gets when it goes on.
    threads: BTreeMap<Pid, Option<Signal>>,
}

impl Stopped {
    /// Stops every thread of a process, also those that are born meanwhile.
    pub(super) fn all_threads_of(process: Pid) -> io::Result<Self> {
        let mut stopped = Self { threads: BTreeMap::new() };
        loop {
            let mut found_new = false;
            for thread in threads_of(process)? {
                if !stopped.threads.contains_key(&thread) {
                    found_new |= stopped.stop(process, thread)?;
                }
            }
            // A thread that stands still bears no others.
            if !found_new {
                break;
            }
        }
        if stopped.threads.is_empty() { Err(Errno::ESRCH.into()) } else { Ok(stopped) }
    }

    /// Returns the threads.
    pub(super) fn threads(&self) -> impl Iterator<Item = Pid> + '_ {
        self.threads.keys().copied()
    }

    /// Stops one thread; false when it ended before it could be stopped.
    fn stop(&mut self, process: Pid, thread: Pid) -> io::Result<bool> {
        match ptrace::seize(thread, Options::empty()) {
            Err(Errno::ESRCH) => return Ok(false),
            // The kernel says so of one that is about to be gone, too.
            Err(Errno::EPERM) if is_ending(process, thread) => return Ok(false),
            other => other?,
        }
        // From here on it is let go when `self` is dropped.
        self.threads.insert(thread, None);
        match ptrace::interrupt(thread) {
            // It has ended, which is waited for below.
            Err(Errno::ESRCH) => {}
            other => other?,
        }
        match waitpid(thread, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                self.threads.remove(&thread);
                Ok(false)
            }
            WaitStatus::Stopped(_, signal) => {
                self.threads.insert(thread, Some(signal));
                Ok(true)
            }
            _ => Ok(true),
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for (&thread, &signal) in &self.threads {
            // Fails only for a thread that has been killed meanwhile.
            let _ = ptrace::detach(thread, signal);
        }
    }
}

/// Whether a thread has ended, or is not there any more.
fn is_ending(process: Pid, thread: Pid) -> bool {
    matches!(thread_state(process, thread), None | Some('Z' | 'X'))
}

fn threads_of(process: Pid) -> io::Result<Vec<Pid>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok());
        threads.push(Pid::from_raw(id.ok_or_else(|| io::Error::other("a thread without id"))?));
    }
    Ok(threads)
}
