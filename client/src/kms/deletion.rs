//! The end of a CMK, with days to take it back.

pub use coffer_protocol::operation::kms::ScheduledDeletion;
use coffer_protocol::operation::kms::{CancelKeyDeletion, ScheduleKeyDeletion};

use super::call::{NONE, calls};
use crate::KeyName;

calls! {
    /// Schedules the destruction of a CMK that is disabled or waits for its material, after 7 to 30 days, or as many
    /// as the configuration allows.
    ///
    /// Refused with `CmkShouldBeDisabled`, `CmkStateNotSupport`, `InvalidPendingWindow`, and
    /// `CmkUsedByCloudProduct` while it is bound to a resource.
    schedule_key_deletion(key: &KeyName, days: u32) -> ScheduledDeletion
        = ScheduleKeyDeletion { key_id: key.to_field(), days: i64::from(days) }, NONE
        => |scheduled, _| scheduled;

    /// Takes the destruction of a CMK back, and returns its id; it is `Disabled` then, or `PendingImport` where it has
    /// no material.
    ///
    /// Refused with `CmkNotPendingDelete`.
    cancel_key_deletion(key: &KeyName) -> String
        = CancelKeyDeletion { key_id: key.to_field() }, NONE => |changed, _| changed.key_id;
}
