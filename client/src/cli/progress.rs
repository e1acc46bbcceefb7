//! How far something is, on a terminal only.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::sink::Sink;

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

/// What takes less shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a bar is drawn anew.
const PERIOD: Duration = Duration::from_millis(100);
/// Marks of a full bar.
const WIDTH: u64 = 24;
/// Columns of the longest line.
const LINE: usize = 79;

/// What a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes.
    Bytes,
    /// Files.
    Files,
}

/// A bar on standard error, drawn when something takes long.
pub(crate) struct Bar {
    what: &'static str,
    unit: Unit,
    total: Option<u64>,
    done: u64,
    begun: Instant,
    next: Option<Instant>,
    drawn: bool,
}

impl Bar {
    /// Of so many, where that is known; without a terminal nothing is drawn.
    pub(crate) fn new(what: &'static str, unit: Unit, total: Option<u64>) -> Self {
        let begun = Instant::now();
        let next = io::stderr().is_terminal().then(|| begun + PATIENCE);
        Self { what, unit, total, done: 0, begun, next, drawn: false }
    }

    /// Over the bytes of a file that goes to a sink; nothing is drawn where the sink writes to a screen.
    pub(crate) fn over(what: &'static str, input: &File, sink: &Sink) -> Self {
        let regular = input.metadata().ok().filter(std::fs::Metadata::is_file);
        let mut bar = Self::new(what, Unit::Bytes, regular.map(|metadata| metadata.len()));
        if sink.is_terminal() {
            bar.hide();
        }
        bar
    }

    /// Draws nothing.
    pub(crate) fn hide(&mut self) {
        self.next = None;
    }

    /// Counts more, and draws now and then.
    pub(crate) fn add(&mut self, more: usize) {
        self.done = self.done.saturating_add(more as u64);
        let Some(next) = self.next else { return };
        let now = Instant::now();
        if now >= next {
            let line = self.line(now - self.begun);
            // A terminal that cannot be written to shows nothing.
            let _ = write!(io::stderr(), "\r{line:LINE$}");
            self.next = Some(now + PERIOD);
            self.drawn = true;
        }
    }

    /// Takes the bar away, so that something else can be written; it comes back with its next mark.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(io::stderr(), "\r{:LINE$}\r", "");
        }
    }

    fn line(&self, time: Duration) -> String {
        let (what, done) = (self.what, self.amount(self.done));
        // A second at least, because a rate over less says little.
        let rate = u128::from(self.done) * 1000 / time.as_millis().max(1000);
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        let speed = self.amount(rate);
        let Some(total) = self.total.filter(|total| *total >= self.done && *total > 0) else {
            return format!("{what}  {done}, {speed}/s");
        };
        let share =
            |of: u64| u64::try_from(u128::from(self.done) * u128::from(of) / u128::from(total));
        let marks = usize::try_from(share(WIDTH).unwrap_or(WIDTH)).unwrap_or(0);
        let width = usize::try_from(WIDTH).unwrap_or(0);
        let bar = format!("{}{}", "#".repeat(marks), ".".repeat(width - marks.min(width)));
        let percent = share(100).unwrap_or(100);
        let left = (total - self.done)
            .checked_div(rate)
            .map_or(String::new(), |s| format!(", {} left", clock(s)));
        format!("{what} [{bar}] {percent:3} %  {done}, {speed}/s{left}")
    }

    fn amount(&self, count: u64) -> String {
        match self.unit {
            Unit::Files => format!("{count} files"),
            Unit::Bytes => size(count),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"");
    while tenths >= 10240 {
        let Some(next) = units.next() else { break };
        (tenths, unit) = (tenths / 1024, next);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn clock(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(unit: Unit, total: Option<u64>, done: u64) -> String {
        let bar = Bar {
            what: "Doing",
            unit,
            total,
            done,
            begun: Instant::now(),
            next: None,
            drawn: false,
        };
        bar.line(Duration::from_secs(2))
    }

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        assert_eq!(
            bar(Unit::Bytes, Some(8 << 20), 4 << 20),
            "Doing [############............]  50 %  4.0 MiB, 2.0 MiB/s, 2 s left"
        );
        assert_eq!(bar(Unit::Bytes, None, 1536), "Doing  1.5 KiB, 768 B/s");
        assert_eq!(
            bar(Unit::Files, Some(3), 0),
            "Doing [........................]   0 %  0 files, 0 files/s"
        );
        assert!(bar(Unit::Bytes, Some(0), 0).len() <= LINE);
        assert!(bar(Unit::Bytes, Some(u64::MAX), u64::MAX).len() <= LINE);
        assert!(bar(Unit::Bytes, Some(u64::MAX), u64::MAX / 2).len() <= LINE);
    }

    #[test]
    fn a_file_that_grows_has_no_percentage() {
        assert_eq!(bar(Unit::Bytes, Some(10), 2000), "Doing  1.9 KiB, 1000 B/s");
    }

    #[test]
    fn sizes_and_times_are_short() {
        let sizes = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (u64::MAX, "16383.9 PiB")];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [(59, "59 s"), (60, "1:00 min"), (3661, "1:01 h")] {
            assert_eq!(clock(seconds), text);
        }
    }
}
