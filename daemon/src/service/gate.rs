//! The gate: caller, values, device state, policy and audit, in this order, for every request.

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{self, Flags, MAX_META};
use coffer_protocol::operation::{Access, Audit, Face, Resource, Row, Socket, When};

use super::record::{Describe, Recorder};
use super::{
    Answer, Authorized, Caller, Handle, Incoming, Outgoing, Payload, ReplyPayload, Service, alarm,
};
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
    match admit(service, caller, &request, &incoming.payload) {
        Ok(()) => {}
        Err(error) => {
            if !dry_run {
                let (resource, further) = (request.resource(), request.further_key());
                let named = alarm::Named { resource, further, payload: &incoming.payload };
                alarm::refused(service, caller, O::ROW, &error, Some(&named));
            }
            return Err(recorder.refused(error));
        }
    }
    let call = Authorized::new(request, incoming.payload, caller);
    if dry_run {
        return match O::check(&call, service) {
            Ok(plan) => {
                recorder.raise(O::audit(&plan), call.request(), call.payload());
                recorder.done(&[])?;
                let (meta, payload) = (Vec::new(), ReplyPayload::None);
                Ok(Outgoing { flags: Flags::DRY_RUN, meta, payload })
            }
            Err(error) => Err(recorder.refused(error)),
        };
    }
    let used = O::ROW
        .uses_key()
        .then(|| alarm::key_of(service, caller, &call.request().resource(), call.payload()))
        .flatten()
        .filter(|object| object.key.is_some());
    match execute(service, &mut recorder, call) {
        Ok(Answer { meta, payload }) => {
            recorder.done(&O::made(&meta))?;
            if let Some(key) = used {
                let (connection, request) = (caller.connection, caller.request);
                service.uses.note(key.id, O::ROW, service.clock.now(), connection, request);
            }
            let meta = frame::encode_meta(&meta)?;
            if meta.len() > MAX_META as usize {
                // No handler lets it come to this; the client would take it for the end of the protocol.
                return Err(ErrorCode::TooLarge.into());
            }
            Ok(Outgoing { flags: Flags::NONE, meta, payload })
        }
        Err(error) => {
            alarm::refused(service, caller, O::ROW, &error, None);
            Err(recorder.refused(error))
        }
    }
}

/// Decides, records what is intended, and does it.
fn execute<O: Handle + Describe>(
    service: &Service,
    recorder: &mut Recorder<'_>,
    call: Authorized<'_, O>,
) -> Result<Answer<O::Reply>, Error> {
    if O::ROW.face == Face::Kms {
        super::kms::welcome(service, call.caller(), O::ROW)?;
    }
    let plan = O::check(&call, service)?;
    recorder.raise(O::audit(&plan), call.request(), call.payload());
    if O::ROW.audit == Audit::Change {
        recorder.intent()?;
    }
    O::commit(call, plan, service)
}

/// Everything that is decided before the handler sees the request.
fn admit<O: Handle>(
    service: &Service,
    caller: &Caller,
    request: &O,
    payload: &Payload<'_>,
) -> Result<(), Error> {
    let row = O::ROW;
    if row.socket == Socket::Admin && caller.socket != Socket::Admin {
        return Err(ErrorCode::WrongSocket.into());
    }
    request.validate(payload.len())?;
    if row.when == When::Operational && service.device.state() != State::Operational {
        return Err(ErrorCode::Unavailable.into());
    }
    match allow(row, caller, service.owner, &request.resource()) {
        // A service of this host may use the one key that is its own.
        Err(_) if super::kms::is_own_use(service, caller, row, &request.resource(), payload) => {
            Ok(())
        }
        decided => decided,
    }
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
            | Resource::Keys(_)
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
