//! The key-state table: what each operation comes to in each state of a key.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeyState;
use coffer_protocol::operation::KeyRule;

/// What an operation comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is allowed, and the state stays.
    Stay,
    /// It is allowed, and the key is in this state afterwards.
    Become(KeyState),
    /// It is refused.
    Refuse(ErrorCode),
}

/// What else stands between a key and an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    Free,
    /// Keys of services are not for users to change this way.
    UserKeys,
    /// The same, and a resource that is bound to the key must not lose it.
    UnboundUserKeys,
}

use ErrorCode::{
    CmkArchived, CmkDisabled, CmkNotPendingDelete, CmkShouldBeDisabled, CmkStateNotSupport,
    KeyPendingDelete,
};
use Guard::{Free, UnboundUserKeys, UserKeys};
use KeyState::{Archived, Disabled, Enabled, PendingDelete, PendingImport};
use Outcome::{Become, Refuse, Stay};

const DI: Outcome = Refuse(CmkDisabled);
const PD: Outcome = Refuse(KeyPendingDelete);
const AR: Outcome = Refuse(CmkArchived);
const NO: Outcome = Refuse(CmkStateNotSupport);
const ND: Outcome = Refuse(CmkNotPendingDelete);
const SB: Outcome = Refuse(CmkShouldBeDisabled);

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The kind of operation.
    pub rule: KeyRule,
    /// What else is asked.
    pub guard: Guard,
    /// What it comes to, in the order of [`KeyState::ALL`].
    pub outcomes: [Outcome; 5],
}

const fn row(rule: KeyRule, guard: Guard, outcomes: [Outcome; 5]) -> Row {
    Row { rule, guard, outcomes }
}

/// One row per kind of operation. A key that leaves PendingDelete or gets its material back takes the state that
/// [`Become`] names, unless it has no material, or its earlier state is restored.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //                                               Enabled                Disabled               PendingDelete     PendingImport          Archived
    row(KeyRule::Any,            Free,             [Stay,                  Stay,                  Stay,             Stay,                  Stay]),
    row(KeyRule::Encrypt,        Free,             [Stay,                  DI,                    PD,               NO,                    AR]),
    row(KeyRule::Decrypt,        Free,             [Stay,                  DI,                    PD,               NO,                    Stay]),
    row(KeyRule::Derive,         Free,             [Stay,                  DI,                    PD,               NO,                    AR]),
    row(KeyRule::Sign,           Free,             [Stay,                  DI,                    PD,               NO,                    AR]),
    row(KeyRule::Verify,         Free,             [Stay,                  DI,                    PD,               NO,                    Stay]),
    row(KeyRule::PublicKey,      Free,             [Stay,                  NO,                    PD,               NO,                    NO]),
    row(KeyRule::Describe,       Free,             [Stay,                  Stay,                  Stay,             Stay,                  Stay]),
    row(KeyRule::Edit,           UserKeys,         [Stay,                  Stay,                  NO,               Stay,                  Stay]),
    row(KeyRule::Enable,         UserKeys,         [Stay,                  Become(Enabled),       NO,               NO,                    NO]),
    row(KeyRule::Disable,        UnboundUserKeys,  [Become(Disabled),      Stay,                  NO,               NO,                    NO]),
    row(KeyRule::Schedule,       UnboundUserKeys,  [SB,                    Become(PendingDelete), NO,               Become(PendingDelete), SB]),
    row(KeyRule::CancelDeletion, UserKeys,         [ND,                    ND,                    Become(Disabled), ND,                    ND]),
    row(KeyRule::Archive,        UnboundUserKeys,  [Become(Archived),      NO,                    NO,               NO,                    Stay]),
    row(KeyRule::CancelArchive,  UserKeys,         [NO,                    NO,                    NO,               NO,                    Become(Enabled)]),
    row(KeyRule::Rotate,         Free,             [Stay,                  NO,                    NO,               NO,                    NO]),
    row(KeyRule::StopRotation,   Free,             [Stay,                  Stay,                  Stay,             Stay,                  Stay]),
    row(KeyRule::PrepareImport,  UserKeys,         [Stay,                  Stay,                  NO,               Stay,                  Stay]),
    row(KeyRule::Import,         UserKeys,         [Stay,                  NO,                    NO,               Become(Enabled),       NO]),
    row(KeyRule::DeleteMaterial, UnboundUserKeys,  [Become(PendingImport), Become(PendingImport), NO,               NO,                    NO]),
    row(KeyRule::Bind,           Free,             [Stay,                  NO,                    NO,               NO,                    NO]),
    row(KeyRule::Unbind,         Free,             [Stay,                  Stay,                  Stay,             Stay,                  Stay]),
    row(KeyRule::Tag,            UserKeys,         [Stay,                  Stay,                  NO,               Stay,                  Stay]),
    row(KeyRule::Untag,          UserKeys,         [Stay,                  Stay,                  Stay,             Stay,                  Stay]),
];

/// The row of a rule; `None` for [`KeyRule::ByFunction`], which names another.
pub fn row_of(rule: KeyRule) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.rule == rule)
}

/// What an operation of that rule comes to with a key in that state.
pub fn outcome(rule: KeyRule, state: KeyState) -> Outcome {
    row_of(rule).map_or(NO, |row| row.outcomes[state as usize - 1])
}

/// Whether the operation is allowed.
///
/// # Errors
///
/// The code of the cell.
pub fn check(rule: KeyRule, state: KeyState) -> Result<(), ErrorCode> {
    match outcome(rule, state) {
        Stay | Become(_) => Ok(()),
        Refuse(code) => Err(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_operation_table_has_one_row() {
        for operation in coffer_protocol::operation::ALL {
            if operation.rule != KeyRule::ByFunction {
                let rows = TABLE.iter().filter(|row| row.rule == operation.rule).count();
                assert_eq!(rows, 1, "{}", operation.name);
            }
        }
    }

    #[test]
    fn columns_follow_the_states() {
        for (index, state) in KeyState::ALL.iter().enumerate() {
            assert_eq!(*state as usize, index + 1);
        }
    }

    #[test]
    fn only_an_enabled_key_does_everything() {
        for rule in
            [KeyRule::Encrypt, KeyRule::Decrypt, KeyRule::Derive, KeyRule::Sign, KeyRule::Verify]
        {
            assert_eq!(outcome(rule, KeyState::Enabled), Stay);
            assert_eq!(outcome(rule, KeyState::Disabled), Refuse(CmkDisabled));
            assert_eq!(outcome(rule, KeyState::PendingDelete), Refuse(KeyPendingDelete));
            assert_eq!(outcome(rule, KeyState::PendingImport), Refuse(CmkStateNotSupport));
        }
        assert_eq!(outcome(KeyRule::Decrypt, KeyState::Archived), Stay);
        assert_eq!(outcome(KeyRule::Encrypt, KeyState::Archived), Refuse(CmkArchived));
        assert_eq!(outcome(KeyRule::Derive, KeyState::Archived), Refuse(CmkArchived));
    }
}
