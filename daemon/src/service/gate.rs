//! The gate: caller, values, device state, policy and audit, in this order, for every request.

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{self, Flags};
use coffer_protocol::operation::{Access, Audit, Face, Resource, Row, Socket, When};

use super::record::{Describe, Recorder};
use super::{Answer, Authorized, Caller, Handle, Incoming, Outgoing, ReplyPayload, Service};
use crate::Error;
use crate::state::device::State;
use crate::state::login::Login;

/// Most bytes of the metadata of a KMS or administration request, which are small. What is decoded, and shown in
/// the audit log, takes many times the room of its encoding, and that before anybody is asked whether the caller
/// may do this.
const MAX_MESSAGE: usize = 16 << 10;

/// Lets a request through to its handler, or not; either way it is audited as its row says.
///
/// # Errors
///
/// Whatever stopped it.
pub(super) fn pass<O: Handle + Describe>(
    service: &Service,
    caller: &Caller,
    incoming: Incoming<'_>,
) -> Result<Outgoing, Error> {
    let dry_run = incoming.flags.contains(Flags::DRY_RUN);
    let mut recorder = Recorder::new(service, caller, O::ROW, dry_run);
    if O::ROW.face != Face::Pkcs11 && incoming.meta.len() > MAX_MESSAGE {
        return Err(recorder.refused(ErrorCode::TooLarge.into()));
    }
    let request = match frame::decode_meta::<O>(incoming.meta) {
        Ok(request) => request,
        Err(code) => return Err(recorder.refused(code.into())),
    };
    recorder.describe(&request, &incoming.payload);
    match admit(service, caller, &request, incoming.payload.len()) {
        Ok(()) => {}
        Err(error) => return Err(recorder.refused(error)),
    }
    let call = Authorized::new(request, incoming.payload, caller);
    let plan = match O::check(&call, service) {
        Ok(plan) => plan,
        Err(error) => return Err(recorder.refused(error)),
    };
    recorder.raise(O::audit(&plan), call.request(), call.payload());
    if dry_run {
        recorder.done(&[])?;
        return Ok(Outgoing {
            flags: Flags::DRY_RUN,
            meta: Vec::new(),
            payload: ReplyPayload::None,
        });
    }
    if O::ROW.audit == Audit::Change {
        recorder.intent()?;
    }
    match O::commit(call, plan, service) {
        Ok(Answer { meta, payload }) => {
            recorder.done(&O::made(&meta))?;
            Ok(Outgoing { flags: Flags::NONE, meta: frame::encode_meta(&meta)?, payload })
        }
        Err(error) => Err(recorder.refused(error)),
    }
}

/// Everything that is decided before the handler sees the request.
fn admit<O: Handle>(
    service: &Service,
    caller: &Caller,
    request: &O,
    payload_length: usize,
) -> Result<(), Error> {
    let row = O::ROW;
    if row.socket == Socket::Admin && caller.socket != Socket::Admin {
        return Err(ErrorCode::WrongSocket.into());
    }
    request.validate(payload_length)?;
    if row.when == When::Operational && service.device.state() != State::Operational {
        return Err(ErrorCode::Unavailable.into());
    }
    allow(row, caller, service.owner, &request.resource())
}

/// The policy: who may ask. Accounts and their policies will be asked here.
fn allow(row: &Row, caller: &Caller, owner: u32, resource: &Resource<'_>) -> Result<(), Error> {
    let login = || {
        let application = caller.application.as_ref().ok_or(ErrorCode::Unauthorized)?;
        match resource {
            Resource::Session(session)
            | Resource::Object { session, .. }
            | Resource::Objects { session, .. } => {
                Ok::<_, Error>(application.session(*session)?.login)
            }
            Resource::None
            | Resource::Key(_)
            | Resource::Ciphertext
            | Resource::Slot(_)
            | Resource::Partition(_) => Ok(Login::Public),
        }
    };
    let allowed = match row.access {
        Access::Anyone => true,
        Access::Owner => caller.uid == owner,
        Access::Application => caller.application.is_some(),
        Access::User => login()? == Login::User,
        Access::SecurityOfficer => login()? == Login::SecurityOfficer,
        Access::LoggedIn => login()? != Login::Public,
    };
    match (allowed, row.access) {
        (true, _) => Ok(()),
        (false, Access::User | Access::SecurityOfficer | Access::LoggedIn) => {
            Err(ErrorCode::UserNotLoggedIn.into())
        }
        (false, Access::Anyone | Access::Owner | Access::Application) => {
            Err(ErrorCode::Unauthorized.into())
        }
    }
}
