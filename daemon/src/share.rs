//! What each user holds of what costs memory, and how much that may be.
//!
//! Session objects are bounded for each uid. What is scarcer is a pool for all, and for pools there is one
//! rule: a uid takes only as long as it then holds no more than was free before. So one uid gets half of a pool, the
//! next a quarter, and there is always room for who holds nothing. Connections and turns at slow work follow the same
//! rule.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use coffer_protocol::ErrorCode;

use crate::{Error, vault};

/// Whether the rule of pools lets a uid that holds `own` take `more` of a pool of `size`, of which `taken` are gone.
pub const fn is_fair(own: usize, more: usize, taken: usize, size: usize) -> bool {
    match own.checked_add(more) {
        Some(own) => own <= size.saturating_sub(taken),
        None => false,
    }
}

/// What is counted for each uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Sessions.
    Sessions,
    /// Session objects.
    SessionObjects,
    /// Bytes of the attributes of session objects.
    SessionBytes,
    /// Object handles.
    Handles,
    /// Bytes on the ordinary heap that operations keep: data until all is there, and results until they are fetched.
    Held,
    /// Bytes of secret memory: session keys, operations under way, and replies until they are read.
    Secret,
}

/// How many rows [`Thing`] has.
const THINGS: usize = 6;

/// How much there may be of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// So much for each uid.
    Each(usize),
    /// So much for all together, by the rule of pools.
    Pool(usize),
}

impl Thing {
    /// Its bound, and the error beyond it. `None`: the bound is configured, and given with each claim.
    fn bound(self) -> (Option<Bound>, ErrorCode) {
        match self {
            Self::Sessions => (Some(Bound::Pool(64 << 10)), ErrorCode::SessionCount),
            Self::SessionObjects => (None, ErrorCode::ShareExceeded),
            Self::SessionBytes => (Some(Bound::Each(16 << 20)), ErrorCode::ShareExceeded),
            Self::Handles => (Some(Bound::Pool(2 << 20)), ErrorCode::ShareExceeded),
            Self::Held => (Some(Bound::Pool(128 << 20)), ErrorCode::ShareExceeded),
            // The other half is for stored keys, connections, frames and what running operations need.
            Self::Secret => (Some(Bound::Pool(vault::arena() / 2)), ErrorCode::ShareExceeded),
        }
    }
}

/// Amounts of all things.
type Amounts = [AtomicUsize; THINGS];

/// What all uids hold.
#[derive(Debug, Default)]
pub struct Shares {
    all: Arc<Amounts>,
    uids: Mutex<HashMap<u32, Weak<Share>>>,
}

/// What one uid holds.
#[derive(Debug)]
pub struct Share {
    uid: u32,
    own: Amounts,
    all: Arc<Amounts>,
}

impl Shares {
    /// The share of a uid, the same for all its connections.
    pub fn of(&self, uid: u32) -> Arc<Share> {
        let mut uids = self.uids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = uids.get(&uid).and_then(Weak::upgrade) {
            return share;
        }
        uids.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Share { uid, own: Amounts::default(), all: Arc::clone(&self.all) });
        uids.insert(uid, Arc::downgrade(&share));
        share
    }
}

impl Share {
    /// Whose it is.
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    fn add(&self, thing: Thing, more: usize, bound: Bound) -> bool {
        let (own, all) = (&self.own[thing as usize], &self.all[thing as usize]);
        match bound {
            Bound::Each(limit) => {
                let within = |own: usize| own.checked_add(more).filter(|own| *own <= limit);
                if own.fetch_update(SeqCst, SeqCst, within).is_err() {
                    return false;
                }
                all.fetch_add(more, SeqCst);
                true
            }
            Bound::Pool(size) => {
                // The uid's own number goes up first: of two claims at once the second sees the first, and others
                // see only what was let in.
                own.fetch_add(more, SeqCst);
                let fair = |taken: usize| {
                    let before = own.load(SeqCst).saturating_sub(more);
                    is_fair(before, more, taken, size).then(|| taken.saturating_add(more))
                };
                let is_in = all.fetch_update(SeqCst, SeqCst, fair).is_ok();
                if !is_in {
                    own.fetch_sub(more, SeqCst);
                }
                is_in
            }
        }
    }

    fn take_off(&self, thing: Thing, less: usize) {
        self.all[thing as usize].fetch_sub(less, SeqCst);
        self.own[thing as usize].fetch_sub(less, SeqCst);
    }
}

/// An amount of a thing that a uid holds; given back when dropped.
#[derive(Debug)]
pub struct Claim {
    share: Arc<Share>,
    thing: Thing,
    amount: usize,
}

impl Claim {
    /// Nothing yet.
    pub fn none(share: &Arc<Share>, thing: Thing) -> Self {
        Self { share: Arc::clone(share), thing, amount: 0 }
    }

    /// An amount.
    ///
    /// # Errors
    ///
    /// As [`Claim::grow`].
    pub fn new(share: &Arc<Share>, thing: Thing, amount: usize) -> Result<Self, Error> {
        let mut claim = Self::none(share, thing);
        claim.grow(amount)?;
        Ok(claim)
    }

    /// Takes more of a thing that has a bound of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ShareExceeded`], and [`ErrorCode::Internal`] for a thing whose bound is configured.
    pub fn grow(&mut self, more: usize) -> Result<(), Error> {
        let (bound, code) = self.thing.bound();
        self.add(more, bound.ok_or(ErrorCode::Internal)?, code)
    }

    /// Takes more, up to a configured limit of the uid.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ShareExceeded`].
    pub fn grow_within(&mut self, more: usize, limit: usize) -> Result<(), Error> {
        let (_, code) = self.thing.bound();
        self.add(more, Bound::Each(limit), code)
    }

    /// Whether more of a pool can be taken now.
    ///
    /// # Errors
    ///
    /// As [`Claim::grow`].
    pub fn may_grow(&self, more: usize) -> Result<(), Error> {
        let (bound, code) = self.thing.bound();
        let held = |amounts: &Amounts| amounts[self.thing as usize].load(SeqCst);
        let fits = match bound.ok_or(ErrorCode::Internal)? {
            Bound::Each(limit) => {
                held(&self.share.own).checked_add(more).is_some_and(|own| own <= limit)
            }
            Bound::Pool(size) => is_fair(held(&self.share.own), more, held(&self.share.all), size),
        };
        if fits { Ok(()) } else { Err(code.into()) }
    }

    /// Gives some back.
    pub fn shrink(&mut self, less: usize) {
        let less = less.min(self.amount);
        self.amount -= less;
        self.share.take_off(self.thing, less);
    }

    /// Takes more of what cannot be refused any more, whatever the bound says: a little, beside what was asked for.
    pub fn force(&mut self, more: usize) {
        self.share.own[self.thing as usize].fetch_add(more, SeqCst);
        self.share.all[self.thing as usize].fetch_add(more, SeqCst);
        self.amount += more;
    }

    fn add(&mut self, more: usize, bound: Bound, code: ErrorCode) -> Result<(), Error> {
        if !self.share.add(self.thing, more, bound) {
            return Err(code.into());
        }
        self.amount += more;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.share.take_off(self.thing, self.amount);
    }
}

#[cfg(test)]
mod tests;
