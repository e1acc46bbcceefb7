//! Slots, tokens, sessions, login and PINs (PKCS#11 sections 5.5 and 5.6).
//!
//! Codes are those that PKCS#11 lists for each function, so that applications know what to do with them; the
//! detail says more. A PIN is never tried by a dry run.

use std::collections::HashSet;
use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::token::{
    AuthenticateUse, CloseAllSessions, CloseSession, GetSessionInfo, InitPin, InitToken,
    ListTokens, Login, Logout, Nothing, OpenSession, OpenedSession, SessionInfo, SetPin, Token,
    Tokens,
};

use super::{Answer, Authorized, Caller, Handle, Service, visible};
use crate::Error;
use crate::application::{SessionState, SessionView};
use crate::object::{ObjectId, Slot, class, cmk};
use crate::partition::Partition;
use crate::pin::{Pin, Role, Subject};
use crate::state::login;

/// Bytes of a token's label (`CK_TOKEN_INFO`).
const LABEL: usize = 32;
/// `CKU_CONTEXT_SPECIFIC`.
const CONTEXT_SPECIFIC: u32 = 2;

type Result<T> = std::result::Result<T, Error>;

impl Handle for ListTokens {
    type Plan = ();

    fn check(_: &Authorized<'_, Self>, _: &Service) -> Result<()> {
        Ok(())
    }

    fn commit(call: Authorized<'_, Self>, (): (), service: &Service) -> Result<Answer<Tokens>> {
        let partitions = service.partitions.all();
        let tokens = partitions.iter().map(|partition| token(partition, call.caller(), service));
        Ok(Answer::new(Tokens { tokens: tokens.collect() }))
    }
}

fn token(partition: &Partition, caller: &Caller, service: &Service) -> Token {
    let slot = partition.slot;
    let state = |role| service.pins.state(Subject { uid: caller.uid, slot, role }) as u8;
    let application = caller.application.as_ref();
    let (sessions, rw_sessions) = application.map_or((0, 0), |its| its.count_sessions(slot));
    Token {
        slot: slot.0,
        name: partition.name.clone(),
        label: partition.label.clone(),
        serial: partition.serial.clone(),
        initialised: partition.initialised,
        user_pin: partition.user_pin,
        user_pin_state: state(Role::User),
        so_pin_state: state(Role::SecurityOfficer),
        sessions,
        rw_sessions,
    }
}

/// The first PIN of a token is set by the owner, here or with `coffer partition init`: whoever sets it decides who
/// uses the keys of the partition, and CMKs may be there already. From then on the security officer's PIN is asked.
impl Handle for InitToken {
    type Plan = Arc<Partition>;

    fn validate(&self, _: usize) -> Result<()> {
        if self.label.len() > LABEL {
            return Err(Error::about(ErrorCode::ArgumentsBad, "label"));
        }
        Ok(())
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Partition>> {
        let partition = partition(Slot(call.request().slot), service)?;
        if service.applications.have_sessions(partition.slot) {
            return Err(ErrorCode::SessionExists.into());
        }
        if partition.initialised {
            service.pins.refuse_locked(officer(call.caller(), partition.slot))?;
        } else if call.caller().uid != service.owner {
            return Err(Error::about(ErrorCode::PinIncorrect, "the owner sets the first PIN"));
        } else if !Pin::whole(call.payload()).fits() {
            return Err(Error::about(ErrorCode::PinIncorrect, "a PIN has 4 to 255 bytes"));
        }
        Ok(partition)
    }

    fn commit(
        call: Authorized<'_, Self>,
        partition: Arc<Partition>,
        service: &Service,
    ) -> Result<Answer<Nothing>> {
        let (slot, pin) = (partition.slot, Pin::whole(call.payload()));
        if partition.initialised {
            service.verify_pin(officer(call.caller(), slot), &pin)?;
        }
        // Nobody opens a session from here on until the token is new.
        let gate = service.applications.gate(slot);
        let _closed = gate.close();
        if service.applications.have_sessions(slot) {
            return Err(ErrorCode::SessionExists.into());
        }
        if service.partitions.get(slot).is_none_or(|now| now.initialised != partition.initialised) {
            return Err(ErrorCode::Conflict.into());
        }
        if !partition.initialised {
            service.pins.set(call.caller().uid, slot, Role::SecurityOfficer, &pin)?;
            service.pins.clear_failures(slot, Role::SecurityOfficer)?;
        }
        // In an order that leaves a token without a user, never a user without a token, where this is cut short.
        service.partitions.update(slot, |partition| partition.user_pin = false)?;
        service.pins.remove(slot, Role::User)?;
        service.pins.clear_failures(slot, Role::User)?;
        destroy_objects(slot, service)?;
        service.partitions.update(slot, |partition| {
            partition.initialised = true;
            partition.label.clone_from(&call.request().label);
        })?;
        service.events.token_changed(slot);
        Ok(Answer::new(Nothing {}))
    }
}

/// Destroys what PKCS#11 applications made. Keys made by CreateKey stay, with their public halves.
fn destroy_objects(slot: Slot, service: &Service) -> Result<()> {
    let objects = service.registry.objects(slot);
    let cmks = objects.iter().filter(|object| object.is_cmk());
    let kept: HashSet<_> = cmks.flat_map(|key| [key.id, cmk::public_half_id(key.id)]).collect();
    for object in objects {
        if !kept.contains(&object.id) {
            service.destroy_object(&object)?;
        }
    }
    Ok(())
}

impl Handle for OpenSession {
    type Plan = Slot;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Slot> {
        let partition = partition(Slot(call.request().slot), service)?;
        if !partition.initialised {
            return Err(ErrorCode::TokenNotRecognized.into());
        }
        let (slot, read_write) = (partition.slot, call.request().read_write);
        call.application()?.may_open_session(slot, read_write, service.limits().sessions)?;
        Ok(slot)
    }

    fn commit(
        call: Authorized<'_, Self>,
        slot: Slot,
        service: &Service,
    ) -> Result<Answer<OpenedSession>> {
        let gate = service.applications.gate(slot);
        let _open = gate.pass();
        let (read_write, limit) = (call.request().read_write, service.limits().sessions);
        let session = call.application()?.open_session(slot, read_write, limit)?;
        Ok(Answer::new(OpenedSession { session }))
    }
}

impl Handle for CloseSession {
    type Plan = ();

    fn check(call: &Authorized<'_, Self>, _: &Service) -> Result<()> {
        call.session(call.request().session).map(drop)
    }

    fn commit(call: Authorized<'_, Self>, (): (), _: &Service) -> Result<Answer<Nothing>> {
        call.application()?.close_session(call.request().session)?;
        Ok(Answer::new(Nothing {}))
    }
}

impl Handle for CloseAllSessions {
    type Plan = Slot;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Slot> {
        Ok(partition(Slot(call.request().slot), service)?.slot)
    }

    fn commit(call: Authorized<'_, Self>, slot: Slot, _: &Service) -> Result<Answer<Nothing>> {
        call.application()?.close_all_sessions(slot);
        Ok(Answer::new(Nothing {}))
    }
}

impl Handle for GetSessionInfo {
    type Plan = SessionView;

    fn check(call: &Authorized<'_, Self>, _: &Service) -> Result<SessionView> {
        call.session(call.request().session)
    }

    fn commit(
        _: Authorized<'_, Self>,
        session: SessionView,
        _: &Service,
    ) -> Result<Answer<SessionInfo>> {
        let SessionView { slot, read_write, login, .. } = session;
        let state = SessionState::of(read_write, login) as u8;
        Ok(Answer::new(SessionInfo { slot: slot.0, state, read_write }))
    }
}

/// Checks stand in the order of PKCS#11: session, user type, who is in, read-only sessions, then the PIN.
impl Handle for Login {
    type Plan = (SessionView, login::Login, Role);

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan> {
        let session = call.session(call.request().session)?;
        if call.request().user == CONTEXT_SPECIFIC {
            // The PIN for one use of a key comes with AuthenticateUse, which names it.
            return Err(ErrorCode::OperationNotStarted.into());
        }
        let who = login::Login::from_cku(call.request().user);
        let (who, role) =
            who.and_then(|who| Some((who, Role::of(who)?))).ok_or(ErrorCode::UserTypeInvalid)?;
        call.application()?.may_log_in(session.handle, who)?;
        let partition = partition(session.slot, service)?;
        if role == Role::User && !partition.user_pin {
            return Err(ErrorCode::UserPinNotInitialized.into());
        }
        service.pins.refuse_locked(subject(call.caller(), session.slot, role))?;
        Ok((session, who, role))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (session, who, role): Self::Plan,
        service: &Service,
    ) -> Result<Answer<Nothing>> {
        let subject = subject(call.caller(), session.slot, role);
        service.verify_pin(subject, &Pin::whole(call.payload()))?;
        call.application()?.log_in(session.handle, who)?;
        Ok(Answer::new(Nothing {}))
    }
}

/// A locked PIN ends the login too (PKCS#11 C_Login, `CKU_CONTEXT_SPECIFIC`).
impl Handle for AuthenticateUse {
    type Plan = (SessionView, ObjectId);

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan> {
        let Self { session, key } = call.request();
        let (application, session) = (call.application()?, call.session(*session)?);
        let key = visible::object(service, application, &session, *key, ErrorCode::KeyInvalid)?;
        if key.class() != class::PRIVATE_KEY {
            return Err(ErrorCode::OperationNotStarted.into());
        }
        Ok((session, key.id))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (session, key): Self::Plan,
        service: &Service,
    ) -> Result<Answer<Nothing>> {
        let application = call.application()?;
        let subject = subject(call.caller(), session.slot, Role::User);
        let tried = service.verify_pin(subject, &Pin::whole(call.payload()));
        if tried.as_ref().is_err_and(|error| error.code() == ErrorCode::PinLocked) {
            // Somebody else may have ended it already.
            let _ = application.log_out(session.slot);
        }
        tried?;
        application.authenticate(session.handle, key)?;
        Ok(Answer::new(Nothing {}))
    }
}

impl Handle for Logout {
    type Plan = Slot;

    fn check(call: &Authorized<'_, Self>, _: &Service) -> Result<Slot> {
        let session = call.session(call.request().session)?;
        session.login.log_out()?;
        Ok(session.slot)
    }

    fn commit(call: Authorized<'_, Self>, slot: Slot, _: &Service) -> Result<Answer<Nothing>> {
        call.application()?.log_out(slot)?;
        Ok(Answer::new(Nothing {}))
    }
}

impl Handle for InitPin {
    type Plan = Slot;

    fn check(call: &Authorized<'_, Self>, _: &Service) -> Result<Slot> {
        let session = call.session(call.request().session)?;
        if session.login != login::Login::SecurityOfficer {
            return Err(ErrorCode::UserNotLoggedIn.into());
        }
        if !session.read_write {
            return Err(ErrorCode::SessionReadOnly.into());
        }
        Pin::whole(call.payload()).check_length()?;
        Ok(session.slot)
    }

    fn commit(
        call: Authorized<'_, Self>,
        slot: Slot,
        service: &Service,
    ) -> Result<Answer<Nothing>> {
        let pin = Pin::whole(call.payload());
        service.pins.set(call.caller().uid, slot, Role::User, &pin)?;
        service.pins.clear_failures(slot, Role::User)?;
        service.partitions.update(slot, |partition| partition.user_pin = true)?;
        service.events.token_changed(slot);
        Ok(Answer::new(Nothing {}))
    }
}

/// In a public session it is the user PIN that changes (PKCS#11 C_SetPIN).
impl Handle for SetPin {
    type Plan = Subject;

    fn validate(&self, payload_length: usize) -> Result<()> {
        match usize::try_from(self.old_length) {
            Ok(length) if length <= payload_length => Ok(()),
            Ok(_) | Err(_) => Err(ErrorCode::Malformed.into()),
        }
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Subject> {
        let session = call.session(call.request().session)?;
        if !session.read_write {
            return Err(ErrorCode::SessionReadOnly.into());
        }
        let (_, new) = Pin::two(call.payload(), call.request().old_length)?;
        new.check_length()?;
        let role = Role::of(session.login).unwrap_or(Role::User);
        if role == Role::User && !partition(session.slot, service)?.user_pin {
            return Err(Error::about(ErrorCode::PinIncorrect, "the user PIN is not set"));
        }
        let subject = subject(call.caller(), session.slot, role);
        service.pins.refuse_locked(subject)?;
        Ok(subject)
    }

    fn commit(
        call: Authorized<'_, Self>,
        subject: Subject,
        service: &Service,
    ) -> Result<Answer<Nothing>> {
        let (old, new) = Pin::two(call.payload(), call.request().old_length)?;
        service.verify_pin(subject, &old)?;
        service.pins.set(subject.uid, subject.slot, subject.role, &new)?;
        Ok(Answer::new(Nothing {}))
    }
}

fn partition(slot: Slot, service: &Service) -> Result<Arc<Partition>> {
    service.partitions.get(slot).ok_or(ErrorCode::SlotInvalid.into())
}

fn subject(caller: &Caller, slot: Slot, role: Role) -> Subject {
    Subject { uid: caller.uid, slot, role }
}

fn officer(caller: &Caller, slot: Slot) -> Subject {
    subject(caller, slot, Role::SecurityOfficer)
}

#[cfg(test)]
mod tests;
