//! New versions of a CMK.

pub use coffer_protocol::operation::kms::KeyRotationStatus;
use coffer_protocol::operation::kms::{
    DisableKeyRotation, EnableKeyRotation, GetKeyRotationStatus, RotateKey,
};

use super::call::{NONE, calls};
use crate::KeyName;

calls! {
    /// Lets a CMK rotate by itself every 7 to 365 days, 365 when absent; the period begins now.
    ///
    /// Refused with `RotateNotSupported` for a pair, `ExternalCmkCanNotRotate` for imported material, and
    /// `CmkStateNotSupport` unless it is enabled.
    enable_key_rotation(key: &KeyName, days: Option<u32>) -> ()
        = EnableKeyRotation { key_id: key.to_field(), days: days.map(i64::from) }, NONE => |_, _| ();

    /// Stops a CMK from rotating by itself.
    disable_key_rotation(key: &KeyName) -> ()
        = DisableKeyRotation { key_id: key.to_field() }, NONE => |_, _| ();

    /// Tells whether a CMK rotates by itself, and when.
    key_rotation_status(key: &KeyName) -> KeyRotationStatus
        = GetKeyRotationStatus { key_id: key.to_field() }, NONE => |status, _| status;

    /// Rotates a CMK now, at most once in 24 hours, and returns the name of the rotation, which is done then.
    ///
    /// Refused with `RotateNotSupported` unless its rotation is enabled, and with `RotateRateLimited`.
    rotate_key(key: &KeyName) -> String
        = RotateKey { key_id: key.to_field() }, NONE => |rotated, _| rotated.task;
}
