//! `coffer alarms`: what the owner should hear of.

mod follow;
mod list;
mod program;
mod remembered;

use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::operation::kms::Alarm;

use super::{Problem, output};

/// Verbs of `coffer alarms`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AlarmsCommand {
    /// List alarms, newest first
    List(list::ListArguments),
    /// Show alarms as they come, and run a program for each
    Follow(follow::FollowArguments),
}

impl AlarmsCommand {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::List(arguments) => arguments.json,
            Self::Follow(arguments) => arguments.json,
        }
    }
}

/// Does what the verb says.
pub(crate) fn run(command: &AlarmsCommand) -> Result<(), Problem> {
    match command {
        AlarmsCommand::List(arguments) => list::run(arguments),
        AlarmsCommand::Follow(arguments) => follow::run(arguments),
    }
}

/// A type of alarms, as it is named or without the letter case.
fn parse_kind(text: &str) -> Result<AlarmKind, String> {
    let found = AlarmKind::ALL.iter().find(|kind| kind.name().eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let names: Vec<_> = AlarmKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

/// The fields that people look for first.
fn row(alarm: &Alarm) -> [String; 6] {
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    let more = [
        alarm.operation.clone(),
        alarm.uid.map(|uid| format!("by uid {uid}")),
        alarm.deletion_date.map(|date| format!("destroyed on {}", output::time(date))),
        alarm.detail.clone(),
    ];
    let more: Vec<_> = more.into_iter().flatten().collect();
    [
        alarm.number.to_string(),
        output::time(alarm.time),
        alarm.severity.clone(),
        alarm.kind.clone(),
        of(&alarm.key_id),
        more.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_their_names() {
        for kind in AlarmKind::ALL {
            assert_eq!(parse_kind(&kind.name().to_lowercase()), Ok(*kind));
        }
        assert!(parse_kind("Fire").unwrap_err().contains("KeyPendingDelete.Used"));
    }
}
