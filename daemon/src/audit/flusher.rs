//! The thread that syncs uses in batches, allocates the next segment, records collapsed refusals
//! and deletes what is older than the retention.

use super::record::Kind;
use super::segment;
use super::{Action, Error, Event, Priority, Shared, lock};
use crate::seal::durable;
use crate::vault;
use std::sync::{Arc, PoisonError};

/// What wakes the thread before its time.
#[derive(Default)]
pub(super) struct Wake {
    pub(super) now: bool,
    pub(super) stop: bool,
}

/// Microseconds between two looks at the retention.
const EXPIRY_INTERVAL: u64 = 3_600_000_000;

pub(super) fn run(shared: &Arc<Shared>) {
    if let Err(error) = vault::block_signals() {
        tracing::warn!(%error, "the audit log's flusher takes signals");
    }
    let mut expired: Option<u64> = None;
    loop {
        let stop = sleep(shared);
        let now = (shared.clock)();
        // A clock that went back makes the interval count as over.
        if expired.is_none_or(|at| now.checked_sub(at).is_none_or(|age| age >= EXPIRY_INTERVAL)) {
            expired = Some(now);
            if let Err(error) = expire(shared, now) {
                tracing::warn!(%error, "old audit segments could not be deleted");
            }
        }
        let due = {
            let mut collapse = lock(&shared.collapse);
            if stop { collapse.rest() } else { collapse.due(now) }
        };
        for event in due {
            if let Err(error) = shared.record(Kind::Use, Priority::Normal, event) {
                tracing::warn!(%error, "a count of refusals could not be recorded");
            }
        }
        let (waiting, seq) = {
            let mut tail = lock(&shared.tail);
            tail.refill();
            if tail.unsynced > 0 {
                tail.prepare();
            }
            (tail.unsynced > 0, tail.seq)
        };
        if waiting && let Err(error) = shared.sync_before(seq) {
            tracing::warn!(%error, "audit records could not be synced");
        }
        if stop {
            return;
        }
    }
}

/// Waits for the interval or a call; says whether to stop.
fn sleep(shared: &Shared) -> bool {
    let wake = lock(&shared.wake);
    let interval = shared.flush_interval;
    let waiting = |wake: &mut Wake| !wake.now && !wake.stop;
    let slept = shared.woken.wait_timeout_while(wake, interval, waiting);
    let (mut wake, _) = slept.unwrap_or_else(PoisonError::into_inner);
    wake.now = false;
    wake.stop
}

/// Deletes the oldest segments as far as all their records are older than the retention, after a
/// durable notice of it.
pub(super) fn expire(shared: &Shared, now: u64) -> Result<u64, Error> {
    let retention = u64::try_from(shared.retention.as_micros()).unwrap_or(u64::MAX);
    let Some(limit) = now.checked_sub(retention) else { return Ok(0) };
    let oldest_intent = lock(&shared.tail).open.first().copied();
    let mut old = Vec::new();
    for pair in segment::numbers(&shared.dir)?.windows(2) {
        // A segment ended when the next began.
        let Some(next) = segment::header(&shared.dir, pair[1])? else { break };
        if next.time >= limit || oldest_intent.is_some_and(|seq| seq < next.first) {
            break;
        }
        old.push((pair[0], next.first));
    }
    let (Some((from, _)), Some((to, first))) = (old.first(), old.last()) else { return Ok(0) };
    let event = Event::new("ExpireAuditRecords", Action::Write)
        .parameter("firstSegment", *from)
        .parameter("lastSegment", *to)
        .parameter("firstRecordKept", *first);
    let seq = shared.record(Kind::Notice, Priority::Normal, event)?;
    shared.sync_before(seq + 1)?;
    for (number, _) in &old {
        let path = segment::path(&shared.dir, *number);
        std::fs::remove_file(&path)
            .and_then(|()| durable::sync_parent(&path))
            .map_err(|e| Error::io("delete", &path, &e))?;
    }
    Ok(old.len() as u64)
}
