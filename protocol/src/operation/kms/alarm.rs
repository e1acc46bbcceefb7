//! Alarms.

use crate::message::messages;

messages! {
    /// Lists alarms, newest first.
    ListAlarms {
        field kind: Option<String>   = "AlarmType"  Clear "Alarms of this type only.";
        field key_id: Option<String> = "KeyId"      Clear "Alarms about this key only; its id or alias/<name>.";
        field from: Option<i64>      = "StartTime"  Clear "From this time on, in UNIX seconds.";
        field to: Option<i64>        = "EndTime"    Clear "Up to this time.";
        field after: Option<u64>     = "After"      Clear "Alarms with greater numbers only, oldest first: to follow them.";
        field offset: Option<i64>    = "Offset"     Clear "First result; 0 when absent.";
        field limit: Option<i64>     = "Limit"      Clear "Results, 1 to 200; 10 when absent.";
    }
    /// Alarms.
    ListedAlarms {
        field total: i64         = "TotalCount" Clear "How many match, without paging.";
        field alarms: Vec<Alarm> = "Alarms"     Clear "One entry per alarm.";
    }
    /// An alarm, with what applies.
    Alarm {
        field number: u64                = "Number"       Clear "Its number; they grow.";
        field kind: String               = "AlarmType"    Clear "What it is about.";
        field severity: String           = "Severity"     Clear "notice, warning or critical.";
        field time: i64                  = "Time"         Clear "UNIX seconds.";
        field partition: Option<String>  = "Partition"    Clear "The partition of the key or token.";
        field key_id: Option<String>     = "KeyId"        Clear "The key.";
        field operation: Option<String>  = "Operation"    Clear "What was attempted.";
        field deletion_date: Option<i64> = "DeletionDate" Clear "When the key will be destroyed, in UNIX seconds.";
        field uid: Option<u32>           = "Uid"          Clear "Who attempted it.";
        field pid: Option<i64>           = "Pid"          Clear "The process.";
        field detail: Option<String>     = "Detail"       Clear "More, for people.";
    }
}
