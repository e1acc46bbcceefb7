//! What to do next, by what went wrong and by the state that the key is in: one table.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeyState;

/// A row: after this failure, with a key in this state, this helps.
struct Row {
    code: ErrorCode,
    /// `None`: whatever the state is, unless another row names it.
    state: Option<KeyState>,
    /// `{key}` stands for the key's name, `{date}` for the date of its deletion.
    text: &'static str,
}

/// What is known of the key that a request was about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// Its name, as it was given.
    pub(crate) key: &'a str,
    /// Its state, where that is known.
    pub(crate) state: Option<KeyState>,
    /// The date of its deletion, where that is known.
    pub(crate) date: Option<&'a str>,
}

impl About<'_> {
    /// Nothing is known of the key.
    pub(crate) const UNKNOWN: About<'static> = About { key: "KEY", state: None, date: None };
}

/// What to do next; `None` where the message says it all.
pub(crate) fn of(code: ErrorCode, about: About<'_>) -> Option<String> {
    let rows = || TABLE.iter().filter(|row| row.code == code);
    let exact = rows().find(|row| row.state.is_some() && row.state == about.state);
    let row = exact.or_else(|| rows().find(|row| row.state.is_none()))?;
    Some(row.text.replace("{key}", about.key).replace("{date}", about.date.unwrap_or("its date")))
}

/// Whether the advice depends on the state of the key.
pub(crate) fn depends_on_state(code: ErrorCode) -> bool {
    TABLE.iter().any(|row| row.code == code && row.state.is_some())
}

const fn row(code: ErrorCode, state: Option<KeyState>, text: &'static str) -> Row {
    Row { code, state, text }
}

use ErrorCode as E;
use KeyState::{Archived, Disabled, Enabled, PendingDelete, PendingImport};

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //  what went wrong           state of the key      what to do next
    row(E::CmkNotFound,           None,                 "`coffer key list` shows the keys of this partition; `--partition NAME` means another one."),
    row(E::CmkDisabled,           None,                 "`coffer key enable {key}` enables it, if it was not disabled for a reason."),
    row(E::CmkArchived,           None,                 "It still decrypts and verifies. `coffer key unarchive {key}` enables it."),
    row(E::KeyPendingDelete,      Some(PendingDelete),  "It will be destroyed on {date}, and this attempt raised an alarm. To keep the key: `coffer key cancel-deletion {key}`, then `coffer key enable {key}`."),
    row(E::KeyPendingDelete,      None,                 "It will be destroyed, and this attempt raised an alarm. To keep the key: `coffer key cancel-deletion {key}`, then `coffer key enable {key}`."),
    row(E::CmkStateNotSupport,    Some(Enabled),        "The key is Enabled: there is nothing to take back."),
    row(E::CmkStateNotSupport,    Some(Disabled),       "The key is Disabled. Enable it first: `coffer key enable {key}`."),
    row(E::CmkStateNotSupport,    Some(PendingDelete),  "The key is PendingDelete and will be destroyed on {date}. To keep it: `coffer key cancel-deletion {key}`."),
    row(E::CmkStateNotSupport,    Some(PendingImport),  "The key is PendingImport: it waits for its material. Import it with `coffer key import {key} FILE`."),
    row(E::CmkStateNotSupport,    Some(Archived),       "The key is Archived: it decrypts and verifies only. `coffer key unarchive {key}` enables it."),
    row(E::CmkStateNotSupport,    None,                 "`coffer key show {key}` tells the state that the key is in."),
    row(E::CmkShouldBeDisabled,   Some(Archived),       "The key is Archived. `coffer key unarchive {key}`, then `coffer key disable {key}`, and see whether anything misses it."),
    row(E::CmkShouldBeDisabled,   None,                 "`coffer key disable {key}`, and see whether anything misses it; `coffer key last-use {key}` tells when it was used last."),
    row(E::CmkNotPendingDelete,   None,                 "There is nothing to take back; `coffer key show {key}` tells the state that the key is in."),
    row(E::InvalidKeyId,          None,                 "`coffer key list` shows ids and aliases."),
    row(E::AliasAlreadyExists,    None,                 "A key that waits for its deletion keeps its alias until then. `coffer key list --search {key}` shows who has it."),
    row(E::InvalidKeyUsage,       None,                 "`coffer key show {key}` tells what the key is for; that never changes."),
    row(E::CmkLimitExceeded,      None,                 "Delete keys that nobody needs with `coffer key schedule-deletion`, or raise limits.keys in the daemon's configuration."),
    row(E::NotUserCreatedCmk,     None,                 "It can be used, shown and rotated, and nothing else."),
    row(E::CmkUsedByCloudProduct, None,                 "Let what uses it go first, then `coffer call UnbindCloudResource`."),
    row(E::NotExternalCmk,        None,                 "Only keys that were made with `coffer key create NAME --import` take material from outside."),
    row(E::ExternalCmkCanNotRotate, None,               "Make another key, import other material into that, and encrypt with it from now on."),
    row(E::RotateNotSupported,    None,                 "`coffer key rotation {key} --enable` lets a symmetric key rotate; after that `coffer key rotate {key}` does it at once."),
    row(E::RotateRateLimited,     None,                 "`coffer key rotation {key}` tells when it rotated last."),
    row(E::MaterialNotMatch,      None,                 "Look for the file that was imported first, or make another key with `coffer key create NAME --import`."),
    row(E::DecryptMaterialError,  None,                 "`coffer key show {key}` tells the kind of key; `coffer key import {key} FILE` wraps the file itself."),
    row(E::TokenExpired,          None,                 "`coffer key import-parameters {key}` gets new ones."),
    row(E::TagsNotExisted,        None,                 "`coffer key tag list {key}` shows its tags."),
    row(E::InvalidCiphertext,     None,                 "The same `--context` must be given as at encryption."),
    row(E::PartitionNotFound,     None,                 "`--partition NAME` or COFFER_PARTITION names it."),
    row(E::AuditBlocked,          None,                 "Make room on the disk of the daemon's state; its log says more."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::CommandFactory;

    fn about(state: KeyState) -> About<'static> {
        About { key: "app", state: Some(state), date: Some("2026-01-31") }
    }

    #[test]
    fn no_two_rows_are_about_the_same() {
        for (index, row) in TABLE.iter().enumerate() {
            let before = &TABLE[..index];
            assert!(!before.iter().any(|o| o.code == row.code && o.state == row.state));
        }
    }

    #[test]
    fn every_state_that_is_refused_has_its_advice() {
        let advice = |state| of(E::CmkStateNotSupport, about(state)).unwrap();
        for &state in KeyState::ALL {
            let others = KeyState::ALL.iter().filter(|other| **other != state);
            assert!(others.into_iter().all(|other| advice(*other) != advice(state)));
            assert!(advice(state).contains(state.name()) || state == Disabled);
        }
    }

    #[test]
    fn names_and_dates_are_filled_in() {
        for row in TABLE {
            let state = row.state.unwrap_or(Enabled);
            let text = of(row.code, about(state)).unwrap();
            assert!(!text.contains('{'), "{text}");
            assert!(!of(row.code, About::UNKNOWN).is_some_and(|text| text.contains('{')));
        }
        let text = of(E::KeyPendingDelete, about(PendingDelete)).unwrap();
        assert!(text.contains("2026-01-31") && text.contains("cancel-deletion app"), "{text}");
    }

    /// What is advised can be typed.
    #[test]
    fn every_command_that_is_named_is_there() {
        for row in TABLE {
            for words in row.text.split('`').skip(1).step_by(2) {
                let mut command = &Arguments::command();
                for word in words.split_whitespace().skip(1) {
                    match command.find_subcommand(word) {
                        Some(next) => command = next,
                        None => break,
                    }
                }
                let is_option = words.starts_with("--");
                assert!(is_option || command.get_name() != "coffer", "{words}");
                assert!(is_option || !command.has_subcommands(), "{words}");
            }
        }
    }
}
