//! Checking the chain: every record follows from the one before it, every segment from the last.

use super::Error;
use super::record::{Frame, Frames, Hash, Kind};
use super::segment::{self, HEADER, Segment};
use std::fmt;
use std::path::Path;

/// A place in the log; kept elsewhere it later shows whether the log was cut or rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Number of the last record.
    pub seq: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Segments that were read.
    pub segments: u64,
    /// Records that follow from each other, up to the first bad one.
    pub records: u64,
    /// Number of the oldest record that is kept.
    pub first: Option<u64>,
    /// The last good record.
    pub last: Option<Position>,
    /// The first thing that is wrong.
    pub first_bad: Option<Bad>,
    /// Bytes after the last record of the last segment: a torn write, if the daemon crashed.
    pub torn: usize,
}

/// Something wrong with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// The segment.
    pub segment: u64,
    /// The record that was expected there.
    pub record: u64,
    /// What is wrong.
    pub flaw: Flaw,
}

/// Kinds of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The segment has no valid header or does not continue the one before.
    Header,
    /// A segment is missing.
    Missing,
    /// The record was changed, or others were removed or put before it.
    Record,
    /// The segment ends without its closing record.
    Unclosed,
    /// Something stands after the closing record.
    Surplus,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.flaw {
            Flaw::Header => "does not continue the log",
            Flaw::Missing => "is missing",
            Flaw::Record => "was changed",
            Flaw::Unclosed => "was cut off",
            Flaw::Surplus => "was added to",
        };
        write!(f, "segment {} {what} at record {}", self.segment, self.record)
    }
}

/// Checks the log in a directory. `until` bounds the last segment of a log that is being written.
pub(super) fn verify(dir: &Path, until: Option<(u64, u64)>) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut numbers = segment::numbers(dir)?;
    // What was opened since is no part of what is checked, and the one before it was not closed then.
    numbers.retain(|number| until.is_none_or(|(open, _)| *number <= open));
    let mut chain: Option<(u64, [u8; 16], Position)> = None;
    for (i, number) in numbers.iter().enumerate() {
        let expected = chain.map_or(0, |(_, _, last)| last.seq + 1);
        let bad = |flaw| Some(Bad { segment: *number, record: expected, flaw });
        if chain.is_some_and(|(before, ..)| before + 1 != *number) {
            report.first_bad = bad(Flaw::Missing);
            return Ok(report);
        }
        let Some(mut segment) = Segment::read(dir, *number)? else {
            report.first_bad = bad(Flaw::Header);
            return Ok(report);
        };
        let header = segment.header;
        let continues = chain.is_none_or(|(_, log, last)| {
            header.log == log && header.first == last.seq + 1 && header.previous == last.hash
        });
        if !continues {
            report.first_bad = bad(Flaw::Header);
            return Ok(report);
        }
        if let Some((_, position)) = until.filter(|(open, _)| open == number) {
            segment.bytes.truncate(usize::try_from(position).unwrap_or(usize::MAX));
        }
        report.first.get_or_insert(header.first);
        report.segments += 1;
        let is_last = i + 1 == numbers.len();
        let Ok(hash) = check(&segment, is_last, &mut report) else { return Ok(report) };
        let seq = report.last.map_or(header.first - 1, |last| last.seq);
        chain = Some((*number, header.log, Position { seq, hash }));
    }
    Ok(report)
}

/// Checks the records of one segment and gives the hash that the next continues from.
fn check(segment: &Segment, is_last: bool, report: &mut Report) -> Result<Hash, ()> {
    let (mut previous, mut expected) = (segment.header.hash(), segment.header.first);
    let (mut closed, mut position) = (false, HEADER);
    let number = segment.header.number;
    let bad = |record, flaw, report: &mut Report| {
        report.first_bad = Some(Bad { segment: number, record, flaw });
        Err(())
    };
    for Frame { record, stated, end, .. } in Frames::new(&segment.bytes, HEADER) {
        if closed {
            return bad(expected, Flaw::Surplus, report);
        }
        if record.seq != expected || record.chain(&previous) != stated {
            return bad(expected, Flaw::Record, report);
        }
        (previous, position, closed) = (stated, end, record.kind == Kind::Close);
        report.records += 1;
        report.last = Some(Position { seq: record.seq, hash: stated });
        expected += 1;
    }
    let rest = segment.bytes.get(position..).unwrap_or_default();
    let rest = rest.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    match (closed, is_last) {
        (true, _) if rest > 0 => bad(expected, Flaw::Surplus, report),
        (false, false) => bad(expected, Flaw::Unclosed, report),
        _ => {
            report.torn = rest;
            Ok(previous)
        }
    }
}

/// Whether a position that was kept elsewhere is still part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The record is there.
    Present,
    /// It was deleted with its segment when it was older than the retention.
    Expired,
    /// It is not there: the log was cut off, replaced or rewritten.
    Absent,
}

pub(super) fn presence(dir: &Path, position: Position) -> Result<Presence, Error> {
    if position.seq == 0 {
        return Ok(Presence::Present);
    }
    for number in segment::numbers(dir)?.into_iter().rev() {
        let Some(segment) = Segment::read(dir, number)? else { continue };
        if segment.header.first <= position.seq {
            let is_it = |f: Frame<'_>| f.record.seq == position.seq && f.stated == position.hash;
            let found = Frames::new(&segment.bytes, HEADER).any(is_it);
            return Ok(if found { Presence::Present } else { Presence::Absent });
        }
    }
    Ok(Presence::Expired)
}
