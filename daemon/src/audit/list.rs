//! Reading the log page by page.

use super::Error;
use super::record::{Frame, Frames, Kind};
use super::segment::{self, HEADER, Segment};
use serde_json::Value;
use std::path::Path;

/// Most records of one page.
pub const LARGEST_PAGE: usize = 1000;

/// Bytes beside each event in a reply: its length.
const EVENT_OVERHEAD: usize = 5;

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest record first.
    #[default]
    NewestFirst,
    /// The oldest record first.
    OldestFirst,
}

/// A field of the event that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// `eventName`
    EventName,
    /// `eventID`
    EventId,
    /// `eventSource`
    EventSource,
    /// `requestID`
    RequestId,
    /// `resourceType`
    ResourceType,
    /// `resourceName`
    ResourceName,
    /// `userIdentity.userName`
    Username,
    /// `userIdentity.secretId`
    AccessKeyId,
    /// `actionType` is `Read`: `true` or `false`.
    ReadOnly,
}

impl Attribute {
    fn matches(self, event: &Value, wanted: &str) -> bool {
        let field = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let pointer = match self {
            Self::EventName => "/eventName",
            Self::EventId => "/eventID",
            Self::EventSource => "/eventSource",
            Self::RequestId => "/requestID",
            Self::ResourceType => "/resourceType",
            Self::ResourceName => "/resourceName",
            Self::Username => "/userIdentity/userName",
            Self::AccessKeyId => "/userIdentity/secretId",
            Self::ReadOnly => {
                return wanted == (field("/actionType") == Some("Read")).to_string();
            }
        };
        field(pointer) == Some(wanted)
    }
}

/// What to list; the default is the newest page of everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Not before this time, in microseconds since 1970.
    pub from: Option<u64>,
    /// Before this time.
    pub to: Option<u64>,
    /// Which way to read.
    pub order: Order,
    /// Where the last page ended: its [`Page::next`].
    pub after: Option<u64>,
    /// Records of a page; 0 means 50, more than [`LARGEST_PAGE`] is not given.
    pub limit: usize,
    /// Most bytes of the page's events, each with [`EVENT_OVERHEAD`]; 0: any number. One record is given however long.
    pub bytes: usize,
    /// Fields that must have these values.
    pub attributes: Vec<(Attribute, String)>,
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub seq: u64,
    /// The boot in which it was written.
    pub boot: [u8; 16],
    /// What it is.
    pub kind: Kind,
    /// Microseconds since 1970.
    pub time: u64,
    /// The event as JSON.
    pub event: String,
}

/// A page of records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The records.
    pub lines: Vec<Line>,
    /// Where to go on, if there may be more.
    pub next: Option<u64>,
}

/// Reads one page; segments after `until` (number, offset) are not read.
pub(super) fn list(dir: &Path, filter: &Filter, until: Option<(u64, u64)>) -> Result<Page, Error> {
    let limit = if filter.limit == 0 { 50 } else { filter.limit.min(LARGEST_PAGE) };
    let mut numbers = segment::numbers(dir)?;
    if filter.order == Order::NewestFirst {
        numbers.reverse();
    }
    let most = if filter.bytes == 0 { usize::MAX } else { filter.bytes };
    let (mut page, mut bytes) = (Page::default(), 0);
    for number in numbers {
        let Some(mut segment) = Segment::read(dir, number)? else { continue };
        match until {
            Some((open, _)) if number > open => continue,
            Some((open, position)) if number == open => {
                segment.bytes.truncate(usize::try_from(position).unwrap_or(usize::MAX));
            }
            _ => {}
        }
        let mut frames: Vec<_> = Frames::new(&segment.bytes, HEADER).collect();
        if filter.order == Order::NewestFirst {
            frames.reverse();
        }
        for line in frames.iter().filter_map(|frame| filter.take(frame)) {
            bytes += line.event.len() + EVENT_OVERHEAD;
            if page.lines.len() == limit || (bytes > most && !page.lines.is_empty()) {
                page.next = page.lines.last().map(|line| line.seq);
                return Ok(page);
            }
            page.lines.push(line);
        }
    }
    Ok(page)
}

impl Filter {
    fn take(&self, frame: &Frame<'_>) -> Option<Line> {
        let record = &frame.record;
        let beyond = |after| match self.order {
            Order::NewestFirst => record.seq < after,
            Order::OldestFirst => record.seq > after,
        };
        let wanted = record.kind != Kind::Close
            && self.after.is_none_or(beyond)
            && self.from.is_none_or(|from| record.time >= from)
            && self.to.is_none_or(|to| record.time < to);
        if !wanted {
            return None;
        }
        if !self.attributes.is_empty() {
            let event: Value = serde_json::from_slice(record.body).ok()?;
            if !self.attributes.iter().all(|(attribute, value)| attribute.matches(&event, value)) {
                return None;
            }
        }
        Some(Line {
            seq: record.seq,
            boot: record.boot,
            kind: record.kind,
            time: record.time,
            event: String::from_utf8_lossy(record.body).into_owned(),
        })
    }
}
