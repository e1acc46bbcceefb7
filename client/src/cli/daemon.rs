//! The daemon beside this command: where it is, and its life under `coffer dev`.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use super::Problem;
use super::signals::{self, Arrival, Signals};

/// What the daemon writes to the pipe when it serves.
const READY: &[u8] = b"READY\n";
/// The daemon must have stopped within this time.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Most of the daemon's last words that are repeated.
const LAST_WORDS: usize = 4096;

/// The file of that name in the directory of this command.
pub(crate) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this command's own file")?;
    let path = own.with_file_name(name);
    if !path.is_file() {
        anyhow::bail!(
            "{} is not there; build it with `cargo build --release`, or install it beside coffer",
            path.display()
        );
    }
    Ok(path)
}

/// A running daemon; it is stopped when dropped.
pub(crate) struct Daemon<'a> {
    child: Child,
    log: PathBuf,
    signals: &'a Signals,
}

/// How waiting for the daemon to serve ended.
pub(crate) enum Start {
    /// It serves.
    Ready,
    /// Somebody wants everything to end.
    Interrupted(Signal),
}

impl<'a> Daemon<'a> {
    /// Starts the daemon, hands it the PINs, and returns it with the pipe on which it says that it serves.
    ///
    /// It has a process group of its own, so that Ctrl-C reaches it through this command only.
    pub(crate) fn start(
        directory: &Path,
        arguments: impl IntoIterator<Item = OsString>,
        pins: &Zeroizing<Vec<u8>>,
        signals: &'a Signals,
    ) -> anyhow::Result<(Self, PipeReader)> {
        let program = beside("cofferd")?;
        let log = directory.join("cofferd.log");
        let words = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let (pins_end, mut own_pins_end) = io::pipe()?;
        let (own_ready_end, ready_end) = io::pipe()?;
        own_pins_end.write_all(pins)?;
        let mut command = signals::command(program.as_os_str())?;
        command.args(arguments);
        command.arg("--pins-fd").arg(inherited(&pins_end)?);
        command.arg("--ready-fd").arg(inherited(&ready_end)?);
        command.stdin(Stdio::null()).stdout(words.try_clone()?).stderr(words).process_group(0);
        let child =
            command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok((Self { child, log, signals }, own_ready_end))
    }

    /// Waits until the daemon serves.
    pub(crate) fn wait_ready(&mut self, mut ready: PipeReader) -> Result<Start, Problem> {
        let mut said = Vec::new();
        loop {
            match self.signals.wait_or(Some(ready.as_fd()), None)? {
                // When the daemon ends, so does the pipe.
                Arrival::Signal(Signal::SIGCHLD) | Arrival::Nothing => {}
                Arrival::Signal(signal) => return Ok(Start::Interrupted(signal)),
                Arrival::Readable => {
                    let mut bytes = [0; 64];
                    let length = ready.read(&mut bytes)?;
                    said.extend_from_slice(&bytes[..length]);
                    if said.starts_with(READY) {
                        return Ok(Start::Ready);
                    }
                    if length == 0 || said.len() >= READY.len() {
                        let status = self.child.wait()?;
                        return Err(self.ended(status, "before it served"));
                    }
                }
            }
        }
    }

    /// The problem, if the daemon has ended.
    pub(crate) fn check(&mut self) -> Result<(), Problem> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.ended(status, "by itself")),
        }
    }

    fn ended(&self, status: ExitStatus, when: &str) -> Problem {
        let mut message = format!("the daemon ended {when} ({status})");
        let words = std::fs::read(&self.log).unwrap_or_default();
        let last = &words[words.len().saturating_sub(LAST_WORDS)..];
        let last = String::from_utf8_lossy(last);
        if last.trim().is_empty() {
            message.push_str(" and said nothing");
        } else {
            message.push_str(". It said:\n");
            message.push_str(last.trim_end());
        }
        Problem::DaemonEnded(message)
    }

    fn stop(&mut self) -> io::Result<()> {
        let Ok(pid) = i32::try_from(self.child.id()) else { return self.child.kill() };
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        let deadline = Instant::now() + STOP_LIMIT;
        while self.child.try_wait()?.is_none() {
            if self.signals.wait_or(None, Some(deadline))? == Arrival::Nothing {
                self.child.kill()?;
                self.child.wait()?;
            }
        }
        Ok(())
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("coffer: the daemon could not be stopped: {error}");
        }
    }
}

/// Lets the next child have the descriptor, and returns its number.
fn inherited(descriptor: &(impl AsFd + AsRawFd)) -> io::Result<String> {
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(descriptor.as_raw_fd().to_string())
}
