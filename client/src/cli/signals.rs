//! Signals as something to wait for, so that what was started is always stopped in order.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals that end a command, and SIGCHLD; from now on they only arrive here.
pub(crate) struct Signals {
    arrivals: SignalFd,
    mask: SigSet,
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
    /// Blocks the signals of this thread, which is the only one.
    pub(crate) fn take() -> io::Result<Self> {
        let mask: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD]
            .into_iter()
            .collect();
        mask.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self { arrivals: SignalFd::with_flags(&mask, flags)?, mask })
    }

    /// Starts a child that gets its signals, which it would inherit blocked.
    ///
    /// For that moment they do to this process what they always do: end it, and the daemon with it.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        self.mask.thread_unblock()?;
        let child = command.spawn();
        self.mask.thread_block()?;
        child
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
        let mut waiting = vec![PollFd::new(self.arrivals.as_fd(), PollFlags::POLLIN)];
        waiting.extend(other.map(|other| PollFd::new(other, PollFlags::POLLIN)));
        loop {
            if let Some(information) = self.arrivals.read_signal()? {
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
