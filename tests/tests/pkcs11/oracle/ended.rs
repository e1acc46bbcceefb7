//! Errors that end what was active.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::{CKR_BUFFER_TOO_SMALL, CKR_OK, CKR_OPERATION_NOT_INITIALIZED};

use super::functions::Function;
use super::memory::Memory;
use super::world::World;
use super::{Oracle, allowed, tried};

/// Functions that go on with what is active and that errors leave as it is: they are about a whole process with messages,
/// begin one of its messages, or only look.
const LEAVING: [&str; 17] = [
    "C_GetOperationState",
    "C_SessionCancel",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_DigestKey",
    "C_EncryptMessage",
    "C_EncryptMessageBegin",
    "C_MessageEncryptFinal",
    "C_DecryptMessage",
    "C_DecryptMessageBegin",
    "C_MessageDecryptFinal",
    "C_SignMessage",
    "C_SignMessageBegin",
    "C_MessageSignFinal",
    "C_VerifyMessage",
    "C_VerifyMessageBegin",
    "C_MessageVerifyFinal",
];

/// Sections 5.8 to 5.17: an error other than `CKR_BUFFER_TOO_SMALL` ends the operation, or the message of a process that
/// goes on.
#[test]
fn a_malformed_argument_ends_the_operation_or_the_message() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let world = World::new();
        let mut oracle = Oracle::new(&world);
        let goes_on =
            |function: &Function| !function.after.is_empty() && !LEAVING.contains(&function.name);
        for function in tried().iter().filter(|function| goes_on(function)) {
            let mut ended = 0;
            for at in 1..function.arguments.len() {
                let mut memory = Memory::default();
                for wrong in world.malformed(function, at, &mut memory) {
                    let session = world.open();
                    assert!(world.prepare(function, session), "{}", function.name);
                    let code = world.call(function, session, &[wrong], &mut memory);
                    let after = world.call(function, session, &[], &mut Memory::default());
                    oracle.cases += 1;
                    let expected = match code {
                        CKR_OK => None,
                        CKR_BUFFER_TOO_SMALL => Some(function.plain),
                        _ => Some(CKR_OPERATION_NOT_INITIALIZED),
                    };
                    if expected.is_some_and(|expected| after != expected) {
                        let why = format!("and then {}", allowed::name(after));
                        oracle.fault(function, "ended", &[wrong], code, &why);
                    }
                    if expected == Some(CKR_OPERATION_NOT_INITIALIZED) {
                        ended += 1;
                        // The last step before it begins the message, or the operation, again.
                        let step = function
                            .after
                            .iter()
                            .rev()
                            .find(|name| name.ends_with("Begin") || name.ends_with("Init"));
                        let step = world.function(step.unwrap());
                        let again = world.call(step, session, &[], &mut Memory::default());
                        if again != CKR_OK {
                            oracle.fault(step, "again", &[], again, "but nothing is active");
                        }
                    }
                    world.raw("C_CloseSession", &[session]);
                }
            }
            // The last has no arguments that could be wrong.
            assert!(ended > 0 || function.arguments.len() == 1, "{}", function.name);
        }
        oracle.finish("ended");
    });
}
