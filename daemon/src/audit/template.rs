//! The record of a use whose like was recorded before: the text is there, but for what differs.
//!
//! Of the thousand bytes of such a record only four values change from one use of a key to the next. The text is
//! that of [`Event`], cut where they stand.

use std::io::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::event::Event;
use coffer_protocol::handshake::uuid_text;

/// The text of a use, without its time, its ids and the length of its payload.
#[derive(Debug)]
pub struct Template {
    pieces: [Vec<u8>; 5],
}

/// The parameter that differs.
const PAYLOAD: &str = "PayloadLength";

impl Template {
    /// Cuts the text of an event, which has the parameter `PayloadLength`; nothing if it does not.
    ///
    /// The names stand between quotes, and a quote inside of a value is escaped, so that no value is taken for one.
    pub fn of(event: Event) -> Option<Self> {
        let json = event.json(0);
        let text = std::str::from_utf8(&json).ok()?;
        let (first, rest) = cut(text, "\"eventTime\":", digits)?;
        let (second, rest) = cut(rest, "\"eventID\":\"", |rest| rest.find('"'))?;
        let (third, rest) = cut(rest, "\"requestID\":\"", |rest| rest.find('"'))?;
        let (fourth, rest) = cut(rest, &format!("\"{PAYLOAD}\":"), digits)?;
        let pieces = [first, second, third, fourth, rest];
        Some(Self { pieces: pieces.map(|piece| piece.as_bytes().to_vec()) })
    }

    /// The text of one use, at a time in microseconds since 1970.
    pub(super) fn fill(&self, time: u64, request: &str, payload: usize) -> Vec<u8> {
        let length: usize = self.pieces.iter().map(Vec::len).sum();
        let mut text = Vec::with_capacity(length + 128);
        let [first, second, third, fourth, last] = &self.pieces;
        text.extend_from_slice(first);
        // Writing to a vector does not fail.
        let _ = write!(text, "{}", time / 1_000_000);
        text.extend_from_slice(second);
        text.extend_from_slice(event_id().as_bytes());
        text.extend_from_slice(third);
        text.extend_from_slice(request.as_bytes());
        text.extend_from_slice(fourth);
        let _ = write!(text, "{payload}");
        text.extend_from_slice(last);
        text
    }
}

/// The text up to and with a name, and what follows its value.
fn cut<'t>(
    text: &'t str,
    name: &str,
    length: impl FnOnce(&str) -> Option<usize>,
) -> Option<(&'t str, &'t str)> {
    let value = text.find(name)? + name.len();
    let (before, rest) = text.split_at_checked(value)?;
    Some((before, rest.get(length(rest)?..)?))
}

/// How many digits the text begins with.
fn digits(text: &str) -> Option<usize> {
    text.find(|c: char| !c.is_ascii_digit()).filter(|length| *length > 0)
}

/// A new id of an event, a UUID of version 8: nine random bytes of this run of the daemon, and a count. Ids are to
/// differ, not to surprise, and a random one each time would cost a system call.
pub(super) fn event_id() -> String {
    static RUN: LazyLock<[u8; 16]> = LazyLock::new(|| *uuid::Uuid::new_v4().as_bytes());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut id = *RUN;
    let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    id[9..].copy_from_slice(&count[1..]);
    id[6] = id[6] & 0x0f | 0x80;
    uuid_text(&id)
}

#[cfg(test)]
mod tests {
    use super::super::event::{Action, Host};
    use super::*;
    use serde_json::{Map, Value};

    fn parsed(json: &[u8]) -> Map<String, Value> {
        serde_json::from_slice(json).unwrap()
    }

    fn event(agent: &str) -> Event {
        Event::new("EncryptData", Action::Write)
            .through("pkcs11", "2019-01-18")
            .user_agent(agent)
            .host(Host { uid: 7, gid: 8, pid: 9, unit: "a\"b".to_owned() })
            .resource("key", "x")
            .parameter(PAYLOAD, 32)
    }

    #[test]
    fn a_filled_template_is_the_event() {
        for agent in ["app", "", "\"eventID\":\"no\",\"PayloadLength\":9", "\\\"requestID\\\":\\\""]
        {
            let template = Template::of(event(agent)).unwrap();
            let mut filled = parsed(&template.fill(1_700_000_000_999_999, "the request", 4096));
            let mut known = parsed(
                &event(agent)
                    .request("the request")
                    .parameter(PAYLOAD, 4096)
                    .json(1_700_000_000_000_000),
            );
            let (one, other) = (filled.remove("eventID"), known.remove("eventID"));
            assert_ne!(one, other);
            assert_eq!(one.unwrap().as_str().unwrap().len(), 36);
            assert_eq!(filled, known);
        }
    }

    #[test]
    fn an_event_without_a_payload_has_no_template() {
        assert!(Template::of(Event::new("EncryptData", Action::Write)).is_none());
    }

    #[test]
    fn ids_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| event_id()).collect();
        assert_eq!(ids.len(), 1000);
    }
}
