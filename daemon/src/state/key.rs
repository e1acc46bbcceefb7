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

use ErrorCode::{CmkArchived, CmkDisabled, CmkStateNotSupport, KeyPendingDelete};
use Outcome::{Become, Refuse, Stay};

const DI: Outcome = Refuse(CmkDisabled);
const PD: Outcome = Refuse(KeyPendingDelete);
const AR: Outcome = Refuse(CmkArchived);
const NO: Outcome = Refuse(CmkStateNotSupport);

/// One row per kind of operation; columns in the order of [`KeyState::ALL`].
#[rustfmt::skip]
pub const TABLE: &[(KeyRule, [Outcome; 5])] = &[
    //                    Enabled                     Disabled                   PendingDelete PendingImport Archived
    (KeyRule::Any,       [Stay,                       Stay,                      Stay,         Stay,         Stay]),
    (KeyRule::Encrypt,   [Stay,                       DI,                        PD,           NO,           AR]),
    (KeyRule::Decrypt,   [Stay,                       DI,                        PD,           NO,           Stay]),
    (KeyRule::Sign,      [Stay,                       DI,                        PD,           NO,           AR]),
    (KeyRule::Verify,    [Stay,                       DI,                        PD,           NO,           Stay]),
    (KeyRule::PublicKey, [Stay,                       NO,                        PD,           NO,           NO]),
    (KeyRule::Describe,  [Stay,                       Stay,                      Stay,         Stay,         Stay]),
    (KeyRule::Enable,    [Stay,                       Become(KeyState::Enabled), NO,           NO,           NO]),
    (KeyRule::Disable,   [Become(KeyState::Disabled), Stay,                      NO,           NO,           NO]),
];

/// What an operation of that rule comes to with a key in that state.
pub fn outcome(rule: KeyRule, state: KeyState) -> Outcome {
    let column = state as usize - 1;
    let row = TABLE.iter().find(|row| row.0 == rule);
    row.map_or(NO, |row| row.1[column])
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
                let rows = TABLE.iter().filter(|row| row.0 == operation.rule).count();
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
        for rule in [KeyRule::Encrypt, KeyRule::Decrypt, KeyRule::Sign, KeyRule::Verify] {
            assert_eq!(outcome(rule, KeyState::Enabled), Stay);
            assert_eq!(outcome(rule, KeyState::Disabled), Refuse(CmkDisabled));
            assert_eq!(outcome(rule, KeyState::PendingDelete), Refuse(KeyPendingDelete));
            assert_eq!(outcome(rule, KeyState::PendingImport), Refuse(CmkStateNotSupport));
        }
        assert_eq!(outcome(KeyRule::Decrypt, KeyState::Archived), Stay);
        assert_eq!(outcome(KeyRule::Encrypt, KeyState::Archived), Refuse(CmkArchived));
    }
}
