//! New versions of a key.

use crate::message::messages;

messages! {
    /// Lets a CMK rotate by itself, or changes its period, which begins anew.
    EnableKeyRotation {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
        field days: Option<i64> = "RotateDays" Clear "Period in days, 7 to 365; 365 when absent.";
    }
    /// Stops a CMK from rotating by itself.
    DisableKeyRotation {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// Tells whether a CMK rotates by itself, and when.
    GetKeyRotationStatus {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// How a CMK rotates.
    KeyRotationStatus {
        field enabled: bool    = "KeyRotationEnabled" Clear "Whether it rotates by itself.";
        field days: i64        = "RotateDays"         Clear "Period in days; 0 when it does not.";
        field last: i64        = "LastRotateTime"     Clear "UNIX seconds; 0: never rotated.";
        field next: i64        = "NextRotateTime"     Clear "UNIX seconds; 0 when rotation is off.";
        field count: i64       = "NumberOfRotations"  Clear "How often it was rotated.";
    }
    /// Rotates a CMK now, at most once in 24 hours.
    RotateKey {
        field key_id: String = "KeyId" Clear "Id or alias/<name> of the key.";
    }
    /// A rotation, which is done when this is told.
    Rotated {
        field task: String = "TaskId" Clear "Names the rotation.";
    }
}
