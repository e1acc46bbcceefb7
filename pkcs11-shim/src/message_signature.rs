//! Messages signed or verified one after the other with one key (PKCS#11 3.0 sections 5.14 and 5.16).
//!
//! The mechanisms here have no parameters for single messages.

use coffer_protocol::mechanism::{Function, MechanismCall};
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};

use crate::error::{self, Error};
use crate::key_use::KeyUse;
use crate::module::Module;
use crate::operation::{self, Active, Operations, init_with};
use crate::output::{Output, Room};
use crate::session::Session;
use crate::signature::{Signature, Stage};

/// An active signature or verification of messages.
pub(crate) struct MessageSignature {
    signature: Signature,
    is_begun: bool,
}

/// `C_MessageSignInit` and `C_MessageVerifyInit`; no mechanism ends what is active.
pub(crate) fn init(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    mechanism: Option<MechanismCall>,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    init_with(module, handle, function, mechanism, active, |session, call| {
        let signature = Signature::new(KeyUse::new(session, function, call, key)?, None);
        Ok(MessageSignature { signature, is_begun: false })
    })
}

/// `C_SignMessage`: one frame.
pub(crate) fn sign(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    parameter: Given,
    data: &[u8],
    room: Room,
) -> Result<Output, Error> {
    run(module, handle, Function::Sign, parameter, Expected::Idle, |session, active| {
        let output = active.signature.sign(session, Some(data), room)?;
        if output.is_final() {
            active.end_message(session);
        }
        Ok(output)
    })
}

/// `C_VerifyMessage`: one frame.
pub(crate) fn verify(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    parameter: Given,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    run(module, handle, Function::Verify, parameter, Expected::Idle, |session, active| {
        active.signature.verify(session, Some(data), signature)?;
        active.end_message(session);
        Ok(())
    })
}

/// `C_SignMessageBegin` and `C_VerifyMessageBegin`.
pub(crate) fn begin(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    parameter: Given,
) -> Result<(), Error> {
    run(module, handle, function, parameter, Expected::Idle, |_, active| {
        active.is_begun = true;
        Ok(())
    })
}

/// `C_SignMessageNext` and `C_VerifyMessageNext` with more to come.
pub(crate) fn next(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    parameter: Given,
    part: &[u8],
) -> Result<(), Error> {
    let family = match function {
        Function::Verify => &error::VERIFY_PART,
        _ => &error::SIGN_PART,
    };
    run(module, handle, function, parameter, Expected::Begun, |session, active| {
        active.signature.update(session, part).map_err(|error| error.late(family))
    })
}

/// `C_SignMessageNext` with the last part.
pub(crate) fn sign_last(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    parameter: Given,
    part: &[u8],
    room: Room,
) -> Result<Output, Error> {
    run(module, handle, Function::Sign, parameter, Expected::Begun, |session, active| {
        let signature = &mut active.signature;
        if let Some(answer) = room.answer_exact(signature.key_use.max_output(0)) {
            return Ok(answer);
        }
        signature.update(session, part).map_err(|error| error.late(&error::SIGN_PART))?;
        let output = signature.sign(session, None, room)?;
        active.end_message(session);
        Ok(output)
    })
}

/// `C_VerifyMessageNext` with the last part and the signature.
pub(crate) fn verify_last(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    parameter: Given,
    part: &[u8],
    expected: &[u8],
) -> Result<(), Error> {
    run(module, handle, Function::Verify, parameter, Expected::Begun, |session, active| {
        let signature = &mut active.signature;
        signature.update(session, part).map_err(|error| error.late(&error::VERIFY_PART))?;
        signature.verify(session, None, expected)?;
        active.end_message(session);
        Ok(())
    })
}

/// `C_MessageSignFinal` and `C_MessageVerifyFinal`.
pub(crate) fn finish(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
) -> Result<(), Error> {
    operation::finish(module, handle, function, active)
}

/// Whether a message came with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// It did not.
    Nothing,
    /// It did.
    Something,
}

/// What must be so of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// No message was begun.
    Idle,
    /// One was.
    Begun,
}

fn run<R>(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    parameter: Given,
    expected: Expected,
    run: impl FnOnce(&Session, &mut MessageSignature) -> Result<R, Error>,
) -> Result<R, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = active(&mut operations, function).as_mut();
    let active = active.ok_or(Error::OperationNotInitialized)?;
    match (expected, active.is_begun) {
        (Expected::Idle, true) => return Err(Error::OperationActive),
        (Expected::Begun, false) => return Err(Error::OperationNotInitialized),
        (Expected::Idle, false) | (Expected::Begun, true) => {}
    }
    if parameter == Given::Something {
        return Err(Error::MechanismParamInvalid);
    }
    let outcome = run(&session, active);
    if outcome.is_err() {
        active.end_message(&session);
    }
    outcome
}

fn active(operations: &mut Operations, function: Function) -> &mut Option<MessageSignature> {
    match function {
        Function::Verify => &mut operations.message_verification,
        _ => &mut operations.message_signature,
    }
}

impl Active for MessageSignature {
    fn cancel(&mut self, session: &Session) {
        self.signature.cancel(session);
    }

    fn end_message(&mut self, session: &Session) {
        self.signature.cancel(session);
        self.signature.stage = Stage::Fresh;
        self.signature.key_use.set_authenticated(false);
        self.is_begun = false;
    }

    fn key_use(&mut self) -> &mut KeyUse {
        self.signature.key_use()
    }
}
