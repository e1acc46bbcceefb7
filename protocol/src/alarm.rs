//! The table of alarms: what the owner should hear of.

/// How grave an alarm is; the numbers are those of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Severity {
    /// Something is lost, or somebody tries what should not be tried.
    Critical = 2,
    /// Something will be lost, or does not work.
    Warning = 4,
    /// Worth knowing.
    Notice = 5,
}

impl Severity {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

macro_rules! alarms {
    ($( $number:literal $name:ident $text:literal $severity:ident $help:literal; )*) => {
        /// What an alarm is about. The numbers are part of the stored form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum AlarmKind { $( #[doc = $help] $name = $number ),* }

        impl AlarmKind {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[ $( Self::$name ),* ];

            /// Its name, which is the `AlarmType` of an alarm.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => $text ),* }
            }

            /// How grave it is.
            pub const fn severity(self) -> Severity {
                match self { $( Self::$name => Severity::$severity ),* }
            }

            /// What it means.
            pub const fn help(self) -> &'static str {
                match self { $( Self::$name => $help ),* }
            }

            /// The kind of that number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $( $number => Some(Self::$name), )* _ => None }
            }

            /// The kind of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

alarms! {
//  number name                 AlarmType                     severity text
    1  PendingDeleteUsed        "KeyPendingDelete.Used"       Critical "Somebody tried to use a key that is scheduled for deletion.";
    2  PendingDeleteCountdown   "KeyPendingDelete.Countdown"  Warning  "A key will be destroyed within three days.";
    3  KeyDestroyed             "KeyPendingDelete.Destroyed"  Notice   "A key was destroyed at the date of its deletion.";
    4  MaterialExpiring         "KeyMaterial.Expiring"        Warning  "Imported material will expire.";
    5  MaterialExpired          "KeyMaterial.Expired"         Critical "Imported material has expired and was wiped.";
    6  RotationOverdue          "Rotation.Overdue"            Warning  "A key should have rotated more than a day ago; it does so now.";
    7  RotationFailed           "Rotation.Failed"             Critical "A key could not be rotated.";
    8  ClockWentBack            "Clock.WentBack"              Warning  "The clock was set back; deadlines keep to the latest time that was seen.";
    9  ClockJumpedForward       "Clock.JumpedForward"         Critical "The clock jumped forward by more than a day: nothing is destroyed until ConfirmTime.";
    10 PinLocked                "Pin.Locked"                  Warning  "A PIN was locked after too many failures.";
    11 AuditDamaged             "Audit.ChainBroken"           Critical "The audit log is damaged.";
    12 AuditBlocked             "Audit.Blocked"               Critical "The audit log cannot be written; operations are refused.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back_to_their_kind() {
        for &kind in AlarmKind::ALL {
            assert_eq!(AlarmKind::from_number(kind as u8), Some(kind));
            assert_eq!(AlarmKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(AlarmKind::from_number(0), None);
    }
}
