//! PINs of tokens: who has one, whether a try is right, and what wrong tries cost.
//!
//! A PIN is an access check; no key is wrapped by it. Its bytes stay in secret memory. A wrong try is counted on
//! disk before it is answered, for each uid by itself: nobody locks anybody else out.

mod failures;
mod recent;
mod verifier;

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, PoisonError, RwLock};

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::token::PinState;

use crate::Error;
use crate::clock::Clock;
use crate::object::Slot;
use crate::permits::Permits;
use crate::seal::{Label, RootKey};
use crate::service::Payload;
use crate::state::login::Login;
use crate::store::{Batch, Entry, Expected, Record, RecordId, Store, Table};
use crate::vault::{self, Inside, Secret};
use failures::Failures;
use recent::Recent;
use verifier::Verifier;

/// Bytes of a PIN.
pub const LENGTHS: RangeInclusive<usize> = 4..=255;

/// Whose PIN it is; the numbers are those of `CKU_`, and part of the stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// The security officer's.
    SecurityOfficer = 0,
    /// The user's.
    User = 1,
}

impl Role {
    /// The role of a login; a public one has none.
    pub const fn of(login: Login) -> Option<Self> {
        match login {
            Login::Public => None,
            Login::User => Some(Self::User),
            Login::SecurityOfficer => Some(Self::SecurityOfficer),
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::SecurityOfficer),
            1 => Some(Self::User),
            _ => None,
        }
    }
}

/// Who tries which PIN: failures are counted for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// The caller.
    pub uid: u32,
    /// The token.
    pub slot: Slot,
    /// Whose PIN.
    pub role: Role,
}

/// A PIN as it came: a part of a request's payload.
#[derive(Debug)]
pub struct Pin<'a> {
    payload: &'a Payload<'a>,
    range: Range<usize>,
}

impl<'a> Pin<'a> {
    /// The whole payload.
    pub fn whole(payload: &'a Payload<'a>) -> Self {
        Self { payload, range: 0..payload.len() }
    }

    /// The two PINs of a payload: the first has `length` bytes, the second the rest.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Malformed`] where the payload is shorter.
    pub fn two(payload: &'a Payload<'a>, length: u32) -> Result<(Self, Self), Error> {
        let end = payload.len();
        let middle = usize::try_from(length).ok().filter(|at| *at <= end);
        let middle = middle.ok_or(ErrorCode::Malformed)?;
        Ok((Self { payload, range: 0..middle }, Self { payload, range: middle..end }))
    }

    /// Whether it has a length that a PIN may have.
    pub fn fits(&self) -> bool {
        LENGTHS.contains(&self.range.len())
    }

    /// Refuses a length that a PIN may not have.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::PinLength`].
    pub fn check_length(&self) -> Result<(), Error> {
        if self.fits() { Ok(()) } else { Err(ErrorCode::PinLength.into()) }
    }

    fn bytes<'b>(&'b self, inside: &'b Inside<'_>) -> &'b [u8] {
        &self.payload.bytes(inside)[self.range.clone()]
    }
}

/// All PINs and their failures.
pub struct Pins {
    store: Arc<Store>,
    verifiers: RwLock<BTreeMap<(Slot, Role), Arc<Verifier>>>,
    failures: Failures,
    recent: Recent,
    pepper: Secret<32>,
    derivations: Permits,
}

impl Pins {
    /// Reads all PINs of the store. At most `derivations` are computed at once.
    ///
    /// # Errors
    ///
    /// Whatever store and vault report, and [`ErrorCode::StoreFailed`] for a record of an unknown format.
    pub fn load(
        store: Arc<Store>,
        root: &RootKey,
        derivations: usize,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let pepper = vault::load(32, |inside| root.derive(inside, Label::PinPepper))??;
        let mut verifiers = BTreeMap::new();
        let mut failures = Vec::new();
        let mut unknown = None;
        store.load(Table::Pins, |entry| match Row::of(&entry) {
            Some(Row::Verifier(place, verifier)) => {
                verifiers.insert(place, Arc::new(verifier));
            }
            Some(Row::Failures(subject, record)) => failures.push((subject, record)),
            None => unknown = Some(hex::encode(entry.id.as_bytes())),
        })?;
        if let Some(id) = unknown {
            let what = format!("PIN record {id} has a format of a newer version");
            return Err(Error::about(ErrorCode::StoreFailed, what));
        }
        Ok(Self {
            failures: Failures::new(store.clone(), failures, clock.now()),
            recent: Recent::new()?,
            store,
            verifiers: RwLock::new(verifiers),
            pepper,
            derivations: Permits::new(derivations),
        })
    }

    /// Whether the PIN is set.
    pub fn is_set(&self, slot: Slot, role: Role) -> bool {
        self.verifier(slot, role).is_some()
    }

    /// What the caller's failures have come to.
    pub fn state(&self, subject: Subject) -> PinState {
        self.failures.state(subject)
    }

    /// Refuses whoever has failed too often, without a try.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::PinLocked`].
    pub fn refuse_locked(&self, subject: Subject) -> Result<(), Error> {
        match self.state(subject) {
            PinState::Locked => Err(ErrorCode::PinLocked.into()),
            PinState::Fresh | PinState::CountLow | PinState::FinalTry => Ok(()),
        }
    }

    /// Tries a PIN. Tries of one subject come one after the other; each waits here until the delay that earlier
    /// failures cost is over, is counted as a failure on disk, and is taken off again when it was right.
    ///
    /// The PIN that was right last time is right at once, unless the subject has failed since.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::PinIncorrect`], [`ErrorCode::PinLocked`], [`ErrorCode::UserPinNotInitialized`] where there is
    /// no PIN, [`ErrorCode::Unavailable`] when the daemon stops meanwhile, or what store and vault report.
    pub fn verify(&self, subject: Subject, pin: &Pin<'_>, clock: &Clock) -> Result<(), Error> {
        let verifier = self.verifier(subject.slot, subject.role);
        let verifier = verifier.ok_or(ErrorCode::UserPinNotInitialized)?;
        let fresh = self.state(subject) == PinState::Fresh;
        if fresh && self.recent.accepts(subject, &verifier, pin)? {
            return Ok(());
        }
        let attempt = self.failures.begin(subject, clock)?;
        self.recent.forget(subject);
        match self.is_right(subject, pin) {
            Ok(true) => attempt.forgive(),
            Ok(false) => Err(ErrorCode::PinIncorrect.into()),
            Err(error) => {
                attempt.withdraw()?;
                Err(error)
            }
        }
    }

    /// The verifier is read again here: the PIN may have been changed while the try waited.
    fn is_right(&self, subject: Subject, pin: &Pin<'_>) -> Result<bool, Error> {
        let Some(verifier) = self.verifier(subject.slot, subject.role).filter(|_| pin.fits())
        else {
            return Ok(false);
        };
        let _permit = self.derivations.acquire(subject.uid);
        let right = verifier.accepts(pin, &self.pepper)?;
        if right {
            self.recent.remember(subject, &verifier, pin)?;
        }
        Ok(right)
    }

    /// Sets a PIN, for the uid that wants it. Failures stay as they are: see [`Pins::clear_failures`].
    ///
    /// # Errors
    ///
    /// [`ErrorCode::PinLength`], or what store and vault report.
    pub fn set(&self, uid: u32, slot: Slot, role: Role, pin: &Pin<'_>) -> Result<(), Error> {
        self.replace(uid, slot, &[(role, pin)])
    }

    /// Sets both PINs of a token at once and forgives everybody's failures with them.
    ///
    /// # Errors
    ///
    /// As [`Pins::set`]; then neither is changed.
    pub fn set_both(
        &self,
        uid: u32,
        slot: Slot,
        so: &Pin<'_>,
        user: &Pin<'_>,
    ) -> Result<(), Error> {
        self.replace(uid, slot, &[(Role::SecurityOfficer, so), (Role::User, user)])?;
        self.clear_failures(slot, Role::SecurityOfficer)?;
        self.clear_failures(slot, Role::User)
    }

    fn replace(&self, uid: u32, slot: Slot, pins: &[(Role, &Pin<'_>)]) -> Result<(), Error> {
        let mut made = Vec::with_capacity(pins.len());
        for (role, pin) in pins {
            pin.check_length()?;
            let _permit = self.derivations.acquire(uid);
            made.push(((slot, *role), Arc::new(Verifier::new(pin, &self.pepper)?)));
        }
        let mut batch = Batch::new();
        for (place, verifier) in &made {
            let body = postcard::to_stdvec(&**verifier).map_err(|_| ErrorCode::Internal)?;
            let record = Record { id: verifier_id(*place)?, version: FORMAT, state: 0, body };
            batch.put(Table::Pins, record, Expected::Any);
        }
        let mut verifiers = self.verifiers.write().unwrap_or_else(PoisonError::into_inner);
        self.store.commit(batch)?;
        for ((slot, role), _) in &made {
            self.recent.forget_all(*slot, *role);
        }
        verifiers.extend(made);
        Ok(())
    }

    /// Runs what removes all PINs and failures from the store while nobody sets one, and forgets them.
    ///
    /// # Errors
    ///
    /// What `fill` returns; then they stay.
    pub fn reset<T>(&self, fill: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let mut verifiers = self.verifiers.write().unwrap_or_else(PoisonError::into_inner);
        let result = fill()?;
        verifiers.clear();
        self.recent.forget_everybody();
        self.failures.forget();
        Ok(result)
    }

    /// Whether an entry of the store is one that this version knows.
    pub fn knows(entry: &Entry) -> bool {
        Row::of(entry).is_some()
    }

    /// Takes a PIN away.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub fn remove(&self, slot: Slot, role: Role) -> Result<(), Error> {
        let mut verifiers = self.verifiers.write().unwrap_or_else(PoisonError::into_inner);
        if verifiers.contains_key(&(slot, role)) {
            let mut batch = Batch::new();
            batch.delete(Table::Pins, verifier_id((slot, role))?, Expected::Any);
            self.store.commit(batch)?;
            verifiers.remove(&(slot, role));
            self.recent.forget_all(slot, role);
        }
        Ok(())
    }

    /// Forgives everybody's failures with a PIN; a locked one is free again.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub fn clear_failures(&self, slot: Slot, role: Role) -> Result<(), Error> {
        self.failures.clear(slot, role)
    }

    /// Ends all waiting for delays, now and from now on: the daemon stops.
    pub fn stop(&self) {
        self.failures.stop();
    }

    fn verifier(&self, slot: Slot, role: Role) -> Option<Arc<Verifier>> {
        let verifiers = self.verifiers.read().unwrap_or_else(PoisonError::into_inner);
        verifiers.get(&(slot, role)).cloned()
    }
}

/// Format of both kinds of records.
const FORMAT: u32 = 1;
const VERIFIER: u8 = 1;
const FAILURES: u8 = 2;

enum Row {
    Verifier((Slot, Role), Verifier),
    Failures(Subject, failures::Stored),
}

impl Row {
    fn of(entry: &Entry) -> Option<Self> {
        if entry.version != FORMAT {
            return None;
        }
        let (&kind, rest) = entry.id.as_bytes().split_first()?;
        let (&role, rest) = rest.split_first()?;
        let (slot, rest) = rest.split_first_chunk()?;
        let (role, slot) = (Role::from_number(role)?, Slot(u32::from_be_bytes(*slot)));
        match kind {
            VERIFIER => Some(Self::Verifier((slot, role), postcard::from_bytes(&entry.body).ok()?)),
            FAILURES => {
                let uid = u32::from_be_bytes(rest.try_into().ok()?);
                let stored = postcard::from_bytes(&entry.body).ok()?;
                Some(Self::Failures(Subject { uid, slot, role }, stored))
            }
            _ => None,
        }
    }
}

fn verifier_id((slot, role): (Slot, Role)) -> Result<RecordId, Error> {
    let id = [&[VERIFIER, role as u8][..], &slot.0.to_be_bytes()].concat();
    Ok(RecordId::try_from(id.as_slice())?)
}

fn failures_id(subject: Subject) -> Result<RecordId, Error> {
    let Subject { uid, slot, role } = subject;
    let (slot, uid) = (slot.0.to_be_bytes(), uid.to_be_bytes());
    Ok(RecordId::try_from([&[FAILURES, role as u8][..], &slot, &uid].concat().as_slice())?)
}

#[cfg(test)]
mod tests;
