//! The clocks of the system, as the daemon sees them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// The wall clock and the boot clock; in development a file may shift them.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Shifted(PathBuf),
    Set(Arc<Hands>),
}

/// The hands of a clock that tests set.
#[derive(Debug, Default)]
pub struct Hands {
    /// The wall clock in UNIX seconds.
    pub wall: AtomicI64,
    /// The boot clock in seconds.
    pub boot: AtomicI64,
}

impl Hands {
    /// Lets time go by: both clocks go on.
    pub fn pass(&self, seconds: i64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.boot.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock {
    /// The clocks of the system, shifted by the signed number of seconds in a file, which is read anew each time. A
    /// second number is for the boot clock, which else is shifted as the wall clock is.
    pub fn new(shift: Option<PathBuf>) -> Self {
        Self(shift.map_or(Source::System, Source::Shifted))
    }

    /// A clock that tests set.
    pub const fn set_by(hands: Arc<Hands>) -> Self {
        Self(Source::Set(hands))
    }

    /// UNIX seconds.
    pub fn now(&self) -> i64 {
        if let Source::Set(hands) = &self.0 {
            return hands.wall.load(Ordering::SeqCst);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        seconds.saturating_add(self.shift().0)
    }

    /// Seconds since the system was started, sleep included. One number in the file shifts them as well, so that
    /// development sees what comes with time and not what comes with a clock that was set.
    pub fn boot(&self) -> i64 {
        if let Source::Set(hands) = &self.0 {
            return hands.boot.load(Ordering::SeqCst);
        }
        let since = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |time| time.tv_sec());
        since.saturating_add(self.shift().1)
    }

    /// What names this run of the system; empty where that is not known.
    pub fn boot_id(&self) -> String {
        match &self.0 {
            Source::Set(_) => "set".to_owned(),
            Source::System | Source::Shifted(_) => {
                std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
                    .map(|text| text.trim().to_owned())
                    .unwrap_or_default()
            }
        }
    }

    /// By how much the wall clock and the boot clock are shifted.
    fn shift(&self) -> (i64, i64) {
        let Source::Shifted(file) = &self.0 else { return (0, 0) };
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap_or(0));
        let wall = numbers.next().unwrap_or(0);
        (wall, numbers.next().unwrap_or(wall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_shifts_both_clocks_each_time_it_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let clock = Clock::new(Some(file.path().to_owned()));
        let (before, boot) = (clock.now(), clock.boot());
        std::fs::write(file.path(), "86400\n").unwrap();
        assert!((86_400..86_410).contains(&(clock.now() - before)));
        assert!((86_400..86_410).contains(&(clock.boot() - boot)));
        std::fs::write(file.path(), "-86400").unwrap();
        assert!(clock.now() < before);
    }

    #[test]
    fn a_second_number_shifts_the_boot_clock_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let clock = Clock::new(Some(file.path().to_owned()));
        let (before, boot) = (clock.now(), clock.boot());
        std::fs::write(file.path(), "86400 100\n").unwrap();
        assert!((86_400..86_410).contains(&(clock.now() - before)));
        assert!((100..110).contains(&(clock.boot() - boot)));
    }
}
