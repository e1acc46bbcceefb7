//! Where a CMK is in its life, and what it is called.

use coffer_protocol::operation::kms::{
    ArchiveKey, CancelKeyArchive, DisableKey, EnableKey, UpdateAlias, UpdateKeyDescription,
};

use super::call::{NONE, calls};
use crate::KeyName;

calls! {
    /// Enables a disabled CMK; one that is enabled stays so.
    ///
    /// Refused with `CmkStateNotSupport` in any other state.
    enable_key(key: &KeyName) -> ()
        = EnableKey { key_id: key.to_field() }, NONE => |_, _| ();

    /// Disables a CMK, which then does nothing until it is enabled again.
    ///
    /// Refused with `CmkStateNotSupport`, and with `CmkUsedByCloudProduct` while it is bound to a resource.
    disable_key(key: &KeyName) -> ()
        = DisableKey { key_id: key.to_field() }, NONE => |_, _| ();

    /// Takes an enabled CMK out of use: it still decrypts and verifies, but does not encrypt or sign.
    ///
    /// Refused with `CmkStateNotSupport`, and with `CmkUsedByCloudProduct` while it is bound to a resource.
    archive_key(key: &KeyName) -> ()
        = ArchiveKey { key_id: key.to_field() }, NONE => |_, _| ();

    /// Enables an archived CMK.
    ///
    /// Refused with `CmkStateNotSupport`.
    cancel_key_archive(key: &KeyName) -> ()
        = CancelKeyArchive { key_id: key.to_field() }, NONE => |_, _| ();

    /// Gives a CMK another name: 1 to 60 letters, digits, `_` or `-`.
    ///
    /// Refused with `InvalidAlias`, `AliasAlreadyExists`, and `CmkStateNotSupport` while its deletion is pending.
    update_alias(key: &KeyName, alias: &str) -> ()
        = UpdateAlias { key_id: key.to_field(), alias: alias.to_owned() }, NONE => |_, _| ();

    /// Changes the description of a CMK: up to 1,024 bytes.
    ///
    /// Refused with `CmkStateNotSupport` while its deletion is pending.
    update_key_description(key: &KeyName, description: &str) -> ()
        = UpdateKeyDescription { key_id: key.to_field(), description: description.to_owned() }, NONE
        => |_, _| ();
}
