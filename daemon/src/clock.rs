//! The time, as the daemon sees it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock; in development a file may shift it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shift: Option<PathBuf>,
}

impl Clock {
    /// The clock of the system, shifted by the signed number of seconds in `shift`, read anew each time.
    pub const fn new(shift: Option<PathBuf>) -> Self {
        Self { shift }
    }

    /// UNIX seconds.
    pub fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        seconds.saturating_add(self.shift())
    }

    fn shift(&self) -> i64 {
        let Some(file) = &self.shift else { return 0 };
        std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_shifts_the_clock_each_time_it_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let clock = Clock::new(Some(file.path().to_owned()));
        let before = clock.now();
        std::fs::write(file.path(), "86400\n").unwrap();
        assert!((86_400..86_410).contains(&(clock.now() - before)));
        std::fs::write(file.path(), "-86400").unwrap();
        assert!(clock.now() < before);
    }
}
