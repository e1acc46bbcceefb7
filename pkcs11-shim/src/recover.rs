//! C_SignRecover and C_VerifyRecover (sections 5.13 and 5.15): signatures that give back what was signed.

use coffer_protocol::mechanism::{Function, MechanismCall};
use coffer_protocol::operation::cipher::{RecoverSigned, SignRecoverable};
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::encryption::{hand_out, is_same};
use crate::error::{self, Error};
use crate::key_use::KeyUse;
use crate::module::Module;
use crate::operation::{Active, Operations, conclude, init_with};
use crate::output::{Output, Room};
use crate::session::Session;
use crate::stream::CHUNK;

/// An active signature with recovery, or a recovery.
pub(crate) struct Recovery {
    key_use: KeyUse,
    /// A result that did not fit, with the digest of what it was made of: it waits for the repeated call.
    kept: Option<([u8; 32], Zeroizing<Vec<u8>>)>,
}

/// `C_SignRecoverInit` and `C_VerifyRecoverInit`; no mechanism ends what is active.
pub(crate) fn init(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    mechanism: Option<MechanismCall>,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    init_with(module, handle, function, mechanism, active, |session, call| {
        Ok(Recovery { key_use: KeyUse::new(session, function, call, key)?, kept: None })
    })
}

/// `C_SignRecover` and `C_VerifyRecover`: one frame.
pub(crate) fn whole(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    input: &[u8],
    room: Room,
) -> Result<Output, Error> {
    let family = match function {
        Function::VerifyRecover => &error::VERIFY,
        _ => &error::SIGN_RECOVER,
    };
    conclude(
        module,
        handle,
        |operations| active(operations, function),
        |recovery, session| {
            recovery.whole(session, input, room).map_err(|error| error.late(family))
        },
    )
}

fn active(operations: &mut Operations, function: Function) -> &mut Option<Recovery> {
    match function {
        Function::VerifyRecover => &mut operations.recovery,
        _ => &mut operations.recoverable,
    }
}

impl Recovery {
    fn whole(&mut self, session: &Session, input: &[u8], room: Room) -> Result<Output, Error> {
        if let Some((made_of, result)) = &mut self.kept
            && is_same(made_of, input)
        {
            return Ok(hand_out(result, room));
        }
        let bound = self.key_use.max_output(input.len());
        let answer = match self.key_use.function {
            Function::VerifyRecover => room.answer_bound(bound),
            _ => room.answer_exact(bound),
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
        let result = self.compute(session, input)?;
        Ok(room.offer(result, |result| self.kept = Some((Sha256::digest(input).into(), result))))
    }

    fn compute(&self, session: &Session, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.key_use.expect_authenticated()?;
        let is_recovery = self.key_use.function == Function::VerifyRecover;
        if input.len() > CHUNK {
            let too_long = if is_recovery { Error::SignatureLenRange } else { Error::DataLenRange };
            return Err(too_long);
        }
        let (number, key) = (session.number(), self.key_use.key.object);
        let mechanism = self.key_use.call.clone();
        if is_recovery {
            let request = RecoverSigned { session: number, key, mechanism };
            return Ok(session.call(&request, input)?.payload);
        }
        let request = SignRecoverable { session: number, key, mechanism };
        Ok(session.call(&request, input)?.payload)
    }
}

impl Active for Recovery {
    /// The daemon knows of it only while it computes.
    fn cancel(&mut self, _session: &Session) {}

    fn key_use(&mut self) -> &mut KeyUse {
        &mut self.key_use
    }
}
