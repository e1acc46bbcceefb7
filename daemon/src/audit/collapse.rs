//! Refusals of one caller beyond a rate are counted and recorded as one.

use super::event::{Collapsed, Event};
use std::collections::BTreeMap;

/// Length of the window in microseconds.
const WINDOW: u64 = 1_000_000;
/// Callers that are followed at once; the kernel names them, so few are real.
const CALLERS: usize = 1024;

/// Windows of the callers that were refused lately.
pub(super) struct Collapse {
    limit: u64,
    windows: BTreeMap<u32, Window>,
}

struct Window {
    start: u64,
    recorded: u64,
    /// The newest refusal that was only counted.
    counted: Option<(Event, Collapsed)>,
}

impl Collapse {
    pub(super) const fn new(limit: u64) -> Self {
        Self { limit, windows: BTreeMap::new() }
    }

    /// Gives the event back if it is to be recorded; otherwise it was counted.
    pub(super) fn admit(&mut self, event: Event, now: u64) -> Option<Event> {
        let Some(caller) = event.refused_caller() else { return Some(event) };
        if !self.windows.contains_key(&caller) && self.windows.len() >= CALLERS {
            return Some(event);
        }
        let window =
            self.windows.entry(caller).or_insert(Window { start: now, recorded: 0, counted: None });
        if window.recorded < self.limit {
            window.recorded += 1;
            return Some(event);
        }
        let (count, from) = window.counted.as_ref().map_or((0, now), |(_, c)| (c.count, c.from));
        window.counted = Some((event, Collapsed { count: count + 1, from, to: now }));
        None
    }

    /// Ends windows that are over and gives what they counted, to be recorded.
    pub(super) fn due(&mut self, now: u64) -> Vec<Event> {
        // A clock that went back ends a window, too.
        let over = |w: &Window| now.checked_sub(w.start).is_none_or(|age| age >= WINDOW);
        self.end(over)
    }

    /// Ends all windows.
    pub(super) fn rest(&mut self) -> Vec<Event> {
        self.end(|_| true)
    }

    fn end(&mut self, over: impl Fn(&Window) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        self.windows.retain(|_, window| {
            if !over(window) {
                return true;
            }
            if let Some((mut event, collapsed)) = window.counted.take() {
                event.collapsed = Some(collapsed);
                events.push(event);
            }
            false
        });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, Host};

    fn refusal(uid: u32) -> Event {
        let host = Host { uid, ..Host::default() };
        Event::new("Sign", Action::Read).host(host).refused("Forbidden", "no")
    }

    #[test]
    fn refusals_above_the_limit_become_one_counted_event_per_caller() {
        let mut collapse = Collapse::new(10);
        let admitted = (0..100).filter(|i| collapse.admit(refusal(7), 1000 + i).is_some()).count();
        assert_eq!(admitted, 10);
        assert!(collapse.admit(refusal(8), 1100).is_some(), "another caller is not affected");
        assert!(collapse.due(1_000_999).is_empty(), "the window is not over");
        let due = collapse.due(1_001_000);
        let expected = Collapsed { count: 90, from: 1010, to: 1099 };
        assert_eq!(due.iter().map(|e| e.collapsed).collect::<Vec<_>>(), [Some(expected)]);
        assert!(collapse.admit(refusal(7), 1_001_001).is_some(), "a new window begins");
    }

    #[test]
    fn what_is_no_refusal_is_never_collapsed() {
        let mut collapse = Collapse::new(1);
        for _ in 0..50 {
            assert!(collapse.admit(Event::new("Sign", Action::Read), 0).is_some());
        }
        assert!(collapse.rest().is_empty());
    }
}
