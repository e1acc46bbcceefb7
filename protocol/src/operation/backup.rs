//! Messages of backup, restore and the check of the store. A file goes in parts, in order, over the connection
//! that began.

use crate::message::messages;

/// Bytes of a backup's file before its first chunk.
pub const HEADER_LENGTH: usize = 104;

messages! {
    /// Freezes the store for a backup under a passphrase of its own.
    StartBackup {
        payload passphrase = "Passphrase" Tagged "12 to 1,024 bytes; without it nobody opens the backup.";
    }
    /// A backup that has begun.
    BackupStarted {
        field records: u64    = "Records"    Clear "Records that will be in it.";
        field generation: u64 = "Generation" Clear "Changes of the store before its moment.";
        field create_time: i64 = "CreateTime" Clear "Its moment, in UNIX seconds.";
    }
    /// Asks for the next part of the file.
    ReadBackupPart {
    }
    /// A part of the file.
    BackupPart {
        field records: u64 = "Records" Clear "Records written so far.";
        field last: bool   = "Last"    Clear "Whether the file is whole with it.";
        payload part       = "Part"    Clear "Bytes of the file.";
    }
    /// Opens a backup.
    StartRestore {
        field header: crate::message::Bytes = "Header" Clear "The first bytes of the file, up to the first chunk.";
        payload passphrase = "Passphrase" Tagged "The passphrase of the backup.";
    }
    /// A backup that was opened.
    RestoreStarted {
        field generation: u64  = "Generation" Clear "Changes of the store that it is of.";
        field create_time: i64 = "CreateTime" Clear "Its moment, in UNIX seconds.";
    }
    /// Brings the next bytes of the file after its header.
    SendRestorePart {
        field last: bool = "Last" Clear "Whether the file ends with it.";
        payload part     = "Part" Clear "Up to 1 MiB.";
    }
    /// How far a restore is.
    RestoreProgress {
        field received: u64             = "Received" Clear "Bytes so far, the header left out.";
        field plan: Option<RestorePlan> = "Plan"     Clear "What restoring would do, once the whole file was verified.";
    }
    /// What restoring does.
    RestorePlan {
        field possible: bool           = "Possible"     Clear "Whether the store is empty, and no session open.";
        field obstacle: Option<String> = "Obstacle"     Clear "Why not, and what to do.";
        field create_time: i64         = "CreateTime"   Clear "The backup's moment, in UNIX seconds.";
        field generation: u64          = "Generation"   Clear "Changes of the store that it is of.";
        field partitions: Vec<String>  = "Partitions"   Clear "Partitions that come back, each with slot and number of objects.";
        field replaced: Vec<String>    = "Replaced"     Clear "Empty partitions of this store that give way.";
        field objects: u64             = "Objects"      Clear "Objects that come back.";
        field keys: u64                = "Keys"         Clear "Keys among them.";
        field versions: u64            = "Versions"     Clear "Versions of key material.";
        field tombstones: u64          = "Tombstones"   Clear "Destroyed keys that stay destroyed.";
        field skipped: Vec<String>     = "Skipped"      Clear "Ids that do not come back, because this store remembers their destruction; from 1,000 on only how many more.";
    }
    /// Restores what was sent and verified.
    FinishRestore {
    }
    /// What was restored.
    Restored {
        field plan: RestorePlan = "Plan"       Clear "What was done.";
        field generation: u64   = "Generation" Clear "Changes of this store now.";
    }
    /// Ends what the connection began.
    StopTransfers {
    }
    /// It is ended.
    TransfersStopped {
    }
    /// Freezes the store to check every record.
    StartStoreCheck {
    }
    /// A check that has begun.
    StoreCheckStarted {
        field records: u64    = "Records"    Clear "Records to check.";
        field generation: u64 = "Generation" Clear "Changes of the store before its moment.";
    }
    /// Checks the next records.
    ContinueStoreCheck {
    }
    /// How far the check is.
    StoreCheckProgress {
        field records: u64           = "Records"  Clear "Records checked so far.";
        field keys: u64              = "Versions" Clear "Versions of key material opened so far.";
        field findings: Vec<String>  = "Findings" Clear "What is wrong, found since the last time.";
        field finished: bool         = "Finished" Clear "Whether everything was checked.";
    }
}
