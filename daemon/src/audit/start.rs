//! Opening the log: finds its end, cuts off a record that a crash tore, finds intents without outcome.

use super::record::{Frame, Frames, Hash, Kind};
use super::segment::{self, HEADER, Header, Segment};
use super::tail::Tail;
use super::{Config, Error};
use crate::seal::durable;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was found when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// There was no log in the directory.
    pub fresh: bool,
    /// What a crash left of a record, cut off and kept in a file of its own.
    pub torn: Option<Torn>,
    /// A segment that was changed; it was left as it is and a new one begun.
    pub damaged: Option<u64>,
    /// Changes that were begun and of which nobody knows how they ended.
    pub open_intents: Vec<OpenIntent>,
}

/// The remains of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where the bytes are kept.
    pub kept: PathBuf,
    /// How many they are.
    pub bytes: usize,
}

/// An intent without outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its record's number.
    pub seq: u64,
    /// Microseconds since 1970.
    pub time: u64,
    /// Its event as JSON.
    pub event: String,
}

pub(super) fn open(dir: &Path, config: Config) -> Result<(Tail, Opened), Error> {
    let mut opened = Opened::default();
    let numbers = segment::numbers(dir)?;
    let end = find_end(dir, &numbers, &mut opened)?;
    let reserve = segment::reserve(dir, config.segment_bytes).is_ok();
    let time = (config.clock)();
    let path = segment::path(dir, end.header.number);
    let file = OpenOptions::new().read(true).write(true).open(&path);
    // A log without segments has none to open yet; `begin` below makes the first.
    let file = match (file, numbers.is_empty()) {
        (Ok(file), _) => file,
        (Err(_), true) => File::open(dir).map_err(|e| Error::io("open", dir, &e))?,
        (Err(e), false) => return Err(Error::io("open", &path, &e)),
    };
    let size = file.metadata().map_err(|e| Error::io("look at", &path, &e))?.len();
    let file = Arc::new(file);
    opened.open_intents = open_intents(dir, &numbers, end.header.open_intent)?;
    let mut tail = Tail {
        dir: dir.to_owned(),
        config,
        file,
        header: end.header,
        size,
        position: end.position as u64,
        seq: end.seq,
        hash: end.hash,
        last: end.last,
        zeroed: 0,
        unsynced: 0,
        open: opened.open_intents.iter().map(|intent| intent.seq).collect(),
        reserve,
        scratch: Vec::new(),
        failed: None,
    };
    if end.usable {
        tail.prepare();
        return Ok((tail, opened));
    }
    if !reserve {
        return Err(Error::Full);
    }
    tail.begin(time)?;
    tail.refill();
    Ok((tail, opened))
}

/// Where the next record goes.
struct End {
    header: Header,
    position: usize,
    seq: u64,
    hash: Hash,
    /// Hash of the last record, here or in the segment before.
    last: Hash,
    /// Whether the segment takes more records.
    usable: bool,
}

fn find_end(dir: &Path, numbers: &[u64], opened: &mut Opened) -> Result<End, Error> {
    for (age, number) in numbers.iter().rev().enumerate() {
        let Some(segment) = Segment::read(dir, *number)? else {
            opened.damaged.get_or_insert(*number);
            continue;
        };
        let found = examine(&segment);
        if found.changed {
            opened.damaged.get_or_insert(*number);
        }
        let is_last = age == 0;
        if is_last && !found.changed && !found.closed {
            opened.torn = cut(dir, &segment, found.position)?;
        }
        // Numbering goes on after the last segment, readable or not.
        let header = Header { number: numbers[numbers.len() - 1], ..segment.header };
        let usable = is_last && !found.changed && !found.closed;
        let Examined { position, seq, hash, .. } = found;
        let last = if seq == segment.header.first { segment.header.previous } else { hash };
        return Ok(End { header, position, seq, hash, last, usable });
    }
    opened.fresh = numbers.is_empty();
    let (number, log) = (numbers.last().copied().unwrap_or(0), *uuid::Uuid::new_v4().as_bytes());
    let header = Header { number, first: 1, open_intent: 1, log, previous: [0; 32], time: 0 };
    Ok(End { header, position: 0, seq: 1, hash: [0; 32], last: [0; 32], usable: false })
}

/// What a walk through a segment shows.
pub(super) struct Examined {
    /// After the last record that follows from the one before it.
    pub(super) position: usize,
    pub(super) seq: u64,
    pub(super) hash: Hash,
    /// The last record closes the segment.
    pub(super) closed: bool,
    /// A record does not follow from the one before, but later ones do: not a torn write.
    pub(super) changed: bool,
}

pub(super) fn examine(segment: &Segment) -> Examined {
    let header = &segment.header;
    let (position, seq, hash) = (HEADER, header.first, header.hash());
    let mut end = Examined { position, seq, hash, closed: false, changed: false };
    let (mut previous, mut expected, mut bad) = (end.hash, end.seq, false);
    for Frame { record, stated, end: after, .. } in Frames::new(&segment.bytes, HEADER) {
        if record.seq == expected && record.chain(&previous) == stated {
            (end.position, end.seq, end.hash) = (after, record.seq + 1, stated);
            end.closed = record.kind == Kind::Close;
            end.changed = bad;
        } else {
            bad = true;
        }
        (previous, expected) = (stated, record.seq.saturating_add(1));
    }
    end
}

/// Moves what stands after the end into a file of its own.
fn cut(dir: &Path, segment: &Segment, position: usize) -> Result<Option<Torn>, Error> {
    let rest = segment.bytes.get(position..).unwrap_or_default();
    let Some(last) = rest.iter().rposition(|b| *b != 0) else { return Ok(None) };
    let rest = &rest[..=last];
    let kept = dir.join(format!("torn-{:08}-{position}", segment.header.number));
    durable::replace(&kept, rest).map_err(|e| Error::io("write", &kept, &e))?;
    let path = segment::path(dir, segment.header.number);
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| {
            file.write_all_at(&vec![0; rest.len()], position as u64)?;
            file.sync_all()
        })
        .map_err(|e| Error::io("cut", &path, &e))?;
    Ok(Some(Torn { kept, bytes: rest.len() }))
}

/// Intents from record `from` on that no outcome or notice names.
fn open_intents(dir: &Path, numbers: &[u64], from: u64) -> Result<Vec<OpenIntent>, Error> {
    let (mut open, mut ended) = (BTreeMap::new(), BTreeSet::new());
    for number in numbers.iter().rev() {
        let Some(segment) = Segment::read(dir, *number)? else { continue };
        for Frame { record, .. } in Frames::new(&segment.bytes, HEADER) {
            let event = String::from_utf8_lossy(record.body);
            match record.kind {
                Kind::Intent => {
                    let (seq, time) = (record.seq, record.time);
                    open.insert(seq, OpenIntent { seq, time, event: event.into_owned() });
                }
                Kind::Outcome | Kind::Notice => ended.extend(intent_of(&event)),
                Kind::Use | Kind::Close => {}
            }
        }
        if segment.header.first <= from {
            break;
        }
    }
    Ok(open.into_values().filter(|intent| !ended.contains(&intent.seq)).collect())
}

fn intent_of(event: &str) -> Option<u64> {
    serde_json::from_str::<Value>(event).ok()?.get("intent")?.as_u64()
}
