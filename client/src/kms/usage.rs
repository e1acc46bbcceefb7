//! The last use of a CMK.

use coffer_protocol::operation::kms::GetKeyLastUsage;
pub use coffer_protocol::operation::kms::KeyLastUsage;

use super::call::{NONE, calls};
use crate::KeyName;

calls! {
    /// Tells when and for what a CMK was used last, and since when its uses are known.
    key_last_usage(key: &KeyName) -> KeyLastUsage
        = GetKeyLastUsage { key_id: key.to_field() }, NONE => |usage, _| usage;
}
