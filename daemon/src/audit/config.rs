//! Settings of the audit log.

use super::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_hours(24);
/// Shortest time that records are kept.
const SHORTEST_RETENTION: Duration = DAY.saturating_mul(90);
/// Smallest segment: a quarter of it must hold an event.
const SMALLEST_SEGMENT: u64 = 8 << 10;

/// Gives the time in microseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Settings of the audit log.
#[derive(Clone)]
pub struct Config {
    /// Size that a segment is allocated with; 16 MiB.
    pub segment_bytes: u64,
    /// How long records are kept at least; 400 days, never less than 90.
    pub retention: Duration,
    /// Uses are synced at least this often; 1 s.
    pub flush_interval: Duration,
    /// Uses are synced when so many bytes wait; 1 MiB.
    pub flush_bytes: u64,
    /// Refusals of one caller within a second that are recorded one by one; 10.
    pub refusals: u64,
    /// Identifies this boot in every record.
    pub boot: [u8; 16],
    /// The clock; shifted in development.
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            retention: DAY * 400,
            flush_interval: Duration::from_secs(1),
            flush_bytes: 1 << 20,
            refusals: 10,
            boot: boot_id(),
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
            }),
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.retention < SHORTEST_RETENTION {
            return Err(Error::Config("audit records are kept for at least 90 days"));
        }
        if self.segment_bytes < SMALLEST_SEGMENT {
            return Err(Error::Config("an audit segment has at least 8 KiB"));
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("segment_bytes", &self.segment_bytes)
            .field("retention", &self.retention)
            .field("flush_interval", &self.flush_interval)
            .finish_non_exhaustive()
    }
}

/// The kernel's boot id; a random one where the sandbox hides it.
fn boot_id() -> [u8; 16] {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .and_then(|text| uuid::Uuid::parse_str(text.trim()).ok())
        .unwrap_or_else(uuid::Uuid::new_v4)
        .into_bytes()
}
