//! Alarms.

use coffer_protocol::alarm::AlarmKind;
pub use coffer_protocol::operation::kms::{Alarm, ListAlarms, ListedAlarms};

use super::call::{NONE, calls};
use crate::KeyName;

/// Which alarms to list: all, newest first, unless it says otherwise.
#[derive(Clone, Debug)]
pub struct AlarmFilter(ListAlarms);

impl AlarmFilter {
    /// All alarms.
    pub fn all() -> Self {
        Self(ListAlarms {
            kind: None,
            key_id: None,
            from: None,
            to: None,
            after: None,
            offset: None,
            limit: None,
        })
    }

    /// Of this kind only.
    #[must_use]
    pub fn kind(mut self, kind: AlarmKind) -> Self {
        self.0.kind = Some(kind.name().to_owned());
        self
    }

    /// About this key only.
    #[must_use]
    pub fn key(mut self, key: &KeyName) -> Self {
        self.0.key_id = Some(key.to_field());
        self
    }

    /// From this moment on, in UNIX seconds.
    #[must_use]
    pub fn since(mut self, moment: i64) -> Self {
        self.0.from = Some(moment);
        self
    }

    /// Up to this moment, in UNIX seconds.
    #[must_use]
    pub fn until(mut self, moment: i64) -> Self {
        self.0.to = Some(moment);
        self
    }

    /// With greater numbers only, oldest first: to follow them.
    #[must_use]
    pub fn after(mut self, number: u64) -> Self {
        self.0.after = Some(number);
        self
    }

    /// So many results, 1 to 200, after the first `offset`; the first 10 otherwise.
    #[must_use]
    pub fn page(mut self, offset: u32, limit: u32) -> Self {
        self.0.offset = Some(i64::from(offset));
        self.0.limit = Some(i64::from(limit));
        self
    }

    /// The request.
    pub fn request(&self) -> ListAlarms {
        self.0.clone()
    }
}

calls! {
    /// Lists alarms, by a request as the API has it.
    list_alarms(request: &ListAlarms) -> ListedAlarms
        = ListAlarms { ..request.clone() }, NONE => |listed, _| listed;

    /// Lists alarms, a page at a time.
    find_alarms(filter: &AlarmFilter) -> ListedAlarms
        = ListAlarms { ..filter.request() }, NONE => |listed, _| listed;
}
