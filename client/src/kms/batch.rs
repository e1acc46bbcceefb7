//! Several CMKs at once, all or none.

use coffer_protocol::operation::kms::{DescribeKeys, DisableKeys, EnableKeys};

use super::KeyMetadata;
use super::call::{NONE, calls};
use crate::KeyName;

calls! {
    /// Enables 1 to 100 CMKs, or none of them.
    ///
    /// Refused as [`super::Kms::enable_key`] is, and with `DuplicatedKeyId` where a key is named twice.
    enable_keys(keys: &[KeyName]) -> ()
        = EnableKeys { key_ids: fields(keys) }, NONE => |_, _| ();

    /// Disables 1 to 100 CMKs, or none of them.
    ///
    /// Refused as [`super::Kms::disable_key`] is, and with `DuplicatedKeyId` where a key is named twice.
    disable_keys(keys: &[KeyName]) -> ()
        = DisableKeys { key_ids: fields(keys) }, NONE => |_, _| ();

    /// Tells the attributes of 1 to 100 CMKs, in the order of their names here.
    ///
    /// Refused with `CmkNotFound` where one is not there, and `DuplicatedKeyId` where a key is named twice.
    describe_keys(keys: &[KeyName]) -> Vec<KeyMetadata>
        = DescribeKeys { key_ids: fields(keys) }, NONE => |described, _| described.metadatas;
}

fn fields(keys: &[KeyName]) -> Vec<String> {
    keys.iter().map(KeyName::to_field).collect()
}
