//! How far something is, on a terminal only.

use std::io::{self, IsTerminal, Write};

/// One line on standard error that is written over and over.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    shown: Option<u64>,
}

impl Progress {
    /// Of so many; without a terminal nothing is shown.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let shown = io::stderr().is_terminal().then_some(u64::MAX);
        Self { what, total, shown }
    }

    /// Shows the percentage, if it is another than before.
    pub(crate) fn at(&mut self, done: u64) {
        let Some(shown) = self.shown else { return };
        let percent = done.saturating_mul(100).checked_div(self.total).unwrap_or(100).min(100);
        if percent != shown {
            // A terminal that cannot be written to shows nothing.
            let _ = write!(io::stderr(), "\r{}: {percent:3} %", self.what);
            self.shown = Some(percent);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some_and(|shown| shown != u64::MAX) {
            let _ = write!(io::stderr(), "\r{:width$}\r", "", width = self.what.len() + 8);
        }
    }
}
