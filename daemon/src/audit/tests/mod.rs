//! A log in a temporary directory with a clock that the test turns.

mod chain;
mod events;
mod reading;
mod room;
mod start;

use super::*;
use record::{Frames, OVERHEAD};
use segment::{HEADER, Segment};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The first of January 2026 in microseconds.
pub(super) const NEW_YEAR: u64 = 1_767_225_600_000_000;
pub(super) const DAY: u64 = 86_400_000_000;

pub(super) struct Place {
    dir: tempfile::TempDir,
    pub(super) time: Arc<AtomicU64>,
    pub(super) segment_bytes: u64,
}

impl Place {
    pub(super) fn new() -> Self {
        Self::with_segments(64 << 10)
    }

    pub(super) fn with_segments(segment_bytes: u64) -> Self {
        let time = Arc::new(AtomicU64::new(NEW_YEAR));
        Self { dir: tempfile::tempdir().unwrap(), time, segment_bytes }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn config(&self) -> Config {
        let time = Arc::clone(&self.time);
        Config {
            segment_bytes: self.segment_bytes,
            // The thread acts when it is called or the log is closed, not at chance moments.
            flush_interval: Duration::from_hours(1),
            boot: [0xB0; 16],
            clock: Arc::new(move || time.load(Relaxed)),
            ..Config::default()
        }
    }

    pub(super) fn try_open(&self) -> Result<(Audit, Opened), Error> {
        Audit::open(self.path(), self.config())
    }

    pub(super) fn open(&self) -> Audit {
        self.try_open().unwrap().0
    }

    /// A closed log with this many uses.
    pub(super) fn filled(&self, count: usize) {
        let audit = self.open();
        for i in 0..count {
            audit.append(event(i), Priority::Normal).unwrap();
        }
    }

    pub(super) fn segment(&self, number: u64) -> PathBuf {
        segment::path(self.path(), number)
    }

    /// Changes the bytes of a segment behind the log's back.
    pub(super) fn tamper(&self, number: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(self.segment(number)).unwrap();
        change(&mut bytes);
        std::fs::write(self.segment(number), bytes).unwrap();
    }

    /// Where each record of a segment ends.
    pub(super) fn ends(&self, number: u64) -> Vec<usize> {
        let segment = Segment::read(self.path(), number).unwrap().unwrap();
        Frames::new(&segment.bytes, HEADER).map(|frame| frame.end).collect()
    }
}

pub(super) fn event(i: usize) -> Event {
    Event::new(format!("Sign{i}"), Action::Read)
}

pub(super) fn names(page: &Page) -> Vec<String> {
    let name = |line: &Line| {
        let event: serde_json::Value = serde_json::from_str(&line.event).unwrap();
        event["eventName"].as_str().unwrap().to_owned()
    };
    page.lines.iter().map(name).collect()
}
