//! A daemon whose clocks a test sets.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::batch::Batch;
use crate::daemon::{DEADLINE, Daemon};

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A daemon, and by how much its clocks are ahead of those of the system.
#[derive(Debug)]
pub struct Timed {
    /// The daemon.
    pub daemon: Daemon,
    folder: tempfile::TempDir,
    wall: i64,
    boot: i64,
}

impl Timed {
    /// A daemon with a new store.
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("clock");
        std::fs::write(&file, "0").expect("the folder is there");
        let daemon = Daemon::start_with(&["--clock-file", file.to_str().expect("a plain path")]);
        Self { daemon, folder, wall: 0, boot: 0 }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// In one step: the daemon may look at any time.
    fn write(&self) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{} {}", self.wall, self.boot)).expect("it can be written");
        std::fs::rename(new, self.file()).expect("it can be renamed");
    }

    /// The daemon's time in UNIX seconds.
    pub fn now(&self) -> i64 {
        seconds() + self.wall
    }

    /// Lets time go by.
    pub fn pass(&mut self, seconds: i64) {
        self.wall += seconds;
        self.boot += seconds;
        self.write();
    }

    /// Sets the wall clock, which no time goes by for.
    pub fn set(&mut self, by: i64) {
        self.wall += by;
        self.write();
    }

    /// Lets time go by until the daemon's clock shows this, and tells what is true in that second. `None` where the
    /// second was over before that was found out; then the clock has gone on.
    pub fn at<T>(&mut self, time: i64, look: impl FnOnce(&Self) -> T) -> Option<T> {
        // At the beginning of a second there is time to look.
        while since().subsec_millis() > 100 {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.pass(time - self.now());
        let seen = look(self);
        (self.now() == time).then_some(seen)
    }

    /// Starts a daemon that was stopped.
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn start_again(&mut self) {
        let file = self.file();
        self.daemon.start_again(&["--clock-file", file.to_str().expect("a plain path")]);
    }

    /// Stops the daemon and starts it again.
    pub fn restart(&mut self) {
        self.daemon.stop();
        self.start_again();
    }

    /// Requests to the daemon.
    pub fn batch(&self) -> Batch {
        Batch::open(&self.daemon)
    }

    /// The types of the alarms about a key, oldest first.
    ///
    /// # Panics
    ///
    /// Where they cannot be listed.
    pub fn alarms(&self, key: &str) -> Vec<String> {
        self.list(&json!({ "KeyId": key, "After": 0, "Limit": 200 }))
    }

    /// The types of the alarms that were asked for.
    ///
    /// # Panics
    ///
    /// Where they cannot be listed.
    pub fn list(&self, request: &Value) -> Vec<String> {
        let listed = self.batch().call("ListAlarms", request);
        let alarms = listed["Alarms"].as_array().expect("a list");
        alarms.iter().map(|alarm| alarm["AlarmType"].as_str().expect("a text").to_owned()).collect()
    }

    /// Waits until there are these alarms about a key.
    ///
    /// # Panics
    ///
    /// Where there are others, or they do not come.
    #[track_caller]
    pub fn wait_for_alarms(&self, key: &str, expected: &[&str]) {
        let begun = Instant::now();
        loop {
            let alarms = self.alarms(key);
            if alarms.len() >= expected.len() || begun.elapsed() > DEADLINE {
                assert_eq!(alarms, expected);
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the time keeper has looked at the clock once more: until an alarm that it raises then is there.
    ///
    /// # Panics
    ///
    /// Where that does not happen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut(&mut Batch) -> bool) {
        let begun = Instant::now();
        let mut batch = self.batch();
        while !holds(&mut batch) {
            assert!(begun.elapsed() < DEADLINE, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn since() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970")
}

fn seconds() -> i64 {
    i64::try_from(since().as_secs()).expect("it is long before the end of time")
}
