//! Signals as something to wait for, so that what was started is always stopped in order.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::Problem;

/// The signals that end a command, and SIGCHLD; from now on they only arrive here.
pub(crate) struct Signals(SignalFd);

/// Arguments of the hidden `coffer become`.
#[derive(Debug, clap::Args)]
pub(crate) struct BecomeArguments {
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

/// A command that runs `program` with all its signals, which it would inherit blocked.
///
/// To unblock them here, even for a moment, would let one of them end this process with nothing tidied up.
/// So this program starts once more, unblocks its own, and becomes the other one.
pub(crate) fn command(program: &OsStr) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["become", "--"]).arg(program);
    Ok(command)
}

/// Becomes the program; returns only where that cannot be, with the exit status of a shell.
pub(crate) fn r#become(arguments: &BecomeArguments) -> Result<u8, Problem> {
    SigSet::all().thread_unblock().map_err(io::Error::from)?;
    let (program, rest) = arguments
        .words
        .split_first()
        .map_or((OsStr::new(""), &[][..]), |all| (all.0.as_os_str(), all.1));
    let error = Command::new(program).args(rest).exec();
    eprintln!("coffer: cannot run {}: {error}", program.to_string_lossy());
    Ok(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}

/// What came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// One of the signals.
    Signal(Signal),
    /// The descriptor has something to read.
    Readable,
    /// The time is over.
    Nothing,
}

impl Signals {
    /// Blocks the signals of this thread, which is the only one. Children inherit that: see [`command`].
    pub(crate) fn take() -> io::Result<Self> {
        let mask: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD]
            .into_iter()
            .collect();
        mask.thread_block()?;
        Ok(Self(SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    /// Waits for a signal.
    pub(crate) fn wait(&self) -> io::Result<Signal> {
        loop {
            if let Arrival::Signal(signal) = self.wait_or(None, None)? {
                return Ok(signal);
            }
        }
    }

    /// Waits for a signal, for `other` to be readable, or until the deadline.
    pub(crate) fn wait_or(
        &self,
        other: Option<BorrowedFd<'_>>,
        deadline: Option<Instant>,
    ) -> io::Result<Arrival> {
        let mut waiting = vec![PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        waiting.extend(other.map(|other| PollFd::new(other, PollFlags::POLLIN)));
        loop {
            if let Some(information) = self.0.read_signal()? {
                let number = i32::try_from(information.ssi_signo).map_err(io::Error::other)?;
                return Ok(Arrival::Signal(Signal::try_from(number)?));
            }
            match poll(&mut waiting, timeout(deadline)) {
                Ok(0) if deadline.is_some_and(|moment| moment <= Instant::now()) => {
                    return Ok(Arrival::Nothing);
                }
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => {
                    if waiting.get(1).and_then(PollFd::any) == Some(true) {
                        return Ok(Arrival::Readable);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn timeout(deadline: Option<Instant>) -> PollTimeout {
    match deadline {
        None => PollTimeout::NONE,
        Some(moment) => {
            let left = moment.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        }
    }
}
