//! Messages of administration: status, partitions, audit.

use crate::message::messages;

messages! {
    /// Tells how the daemon is.
    GetStatus {
    }
    /// How the daemon is.
    DaemonStatus {
        field state: String          = "State"         Clear "Operational, Sealed or Failed.";
        field version: String        = "Version"       Clear "Version of the daemon.";
        field mode: String           = "Mode"          Clear "SERVICE, or DEV under coffer dev.";
        field instance: String       = "Instance"      Clear "Made anew at each start.";
        field uptime: i64            = "Uptime"        Clear "Seconds since the start.";
        field secret_memory: String  = "SecretMemory"  Clear "memfd_secret, or locked where the kernel has none.";
        field arena_bytes: u64       = "ArenaBytes"    Clear "Size of the secret heap.";
        field arena_free: u64        = "ArenaFree"     Clear "What is free of it.";
        field hardening: Vec<String> = "Hardening"     Clear "Protections that hold.";
        field objects: u64           = "Objects"       Clear "Objects in the store.";
        field keys: u64              = "Keys"          Clear "Keys among them.";
        field partitions: u64        = "Partitions"    Clear "Partitions.";
        field applications: u64      = "Applications"  Clear "PKCS#11 applications connected.";
        field sessions: u64          = "Sessions"      Clear "Their sessions.";
        field generation: u64        = "Generation"    Clear "Changes of the store so far.";
        field seal_slots: Vec<String> = "SealSlots"    Clear "Ways to unseal.";
        field store: String          = "Store"         Clear "Where the state is kept.";
        field self_tests: u64        = "SelfTests"     Clear "Known-answer tests passed at the start.";
        field alarms: u64            = "Alarms"        Clear "Alarms raised so far.";
        field alarms_lost: u64       = "AlarmsLost"    Clear "Alarms that could not be recorded, since the start; the log has them.";
    }
    /// Lists the partitions.
    ListPartitions {
    }
    /// Partitions.
    Partitions {
        field partitions: Vec<Partition> = "Partitions" Clear "One entry each, by slot.";
    }
    /// A partition: a PKCS#11 token and a KMS region at once.
    Partition {
        field name: String      = "Name"               Clear "Its unique name.";
        field slot: u32         = "Slot"               Clear "Its PKCS#11 slot; never reused.";
        field label: String     = "Label"              Clear "Its token's label.";
        field serial: String    = "Serial"             Clear "Its token's serial number.";
        field initialised: bool = "Initialised"        Clear "Whether its token has a security officer.";
        field user_pin: bool    = "UserPinInitialised" Clear "Whether its token has a user PIN.";
        field create_time: i64  = "CreateTime"         Clear "UNIX seconds.";
        field keys: u64         = "Keys"               Clear "Keys in it.";
    }
    /// Makes a partition with an uninitialised token.
    CreatePartition {
        field name: String = "Name" Clear "1 to 32 letters, digits, _ or -.";
    }
    /// A partition.
    CreatedPartition {
        field partition: Partition = "Partition" Clear "The partition.";
    }
    /// Sets the PINs of a partition's token, by the owner; a locked PIN is free again.
    InitPartition {
        field name: String           = "Name"         Clear  "The partition.";
        field so_pin_length: u32     = "SoPinLength"  Clear  "Bytes of the security officer's PIN.";
        payload pins                 = "Pins"         Tagged "The security officer's PIN, then the user's.";
    }
    /// Lists audit records.
    ListAuditEvents {
        field from: Option<i64>      = "StartTime"  Clear "UNIX seconds of the earliest.";
        field to: Option<i64>        = "EndTime"    Clear "UNIX seconds of the latest.";
        field limit: Option<i64>     = "MaxResults" Clear "Most results, 1 to 500; 50 when absent. Fewer come where they are long.";
        field before: Option<u64>    = "Before"     Clear "Only records with a lower sequence number: the next page.";
    }
    /// Audit records, newest first, each the JSON text of a CloudAudit event.
    AuditEvents {
        field events: Vec<String>  = "Events" Clear "JSON texts.";
        field next: Option<u64>    = "Next"   Clear "Before of the next page; absent at the end.";
    }
    /// Checks the hash chain of the audit log.
    VerifyAudit {
    }
    /// The result of the check.
    AuditVerified {
        field valid: bool             = "Valid"    Clear "Whether the chain is whole.";
        field records: u64            = "Records"  Clear "Records read.";
        field segments: u64           = "Segments" Clear "Files read.";
        field fault: Option<String>   = "Fault"    Clear "Where the chain breaks.";
    }
    /// Confirms that the clock, which jumped forward, is right: what it made due is done now.
    ConfirmTime {
    }
    /// The time that was confirmed.
    TimeConfirmed {
        field time: i64 = "Time" Clear "UNIX seconds.";
    }
}
