//! PINs that were right before: the same one, tried again by the same caller, is not derived again.
//!
//! Argon2 makes guessing slow for whoever has stolen a verifier. Whoever asks the daemon is slowed down by counted
//! failures and their delays instead, and these stay: a try that is not the remembered PIN goes the long way from
//! its beginning, and nothing is remembered of a caller who has failures. So a process that begins, signs once and
//! ends does not pay for a guesser.
//!
//! What is kept is HMAC-SHA-256 of the PIN under a random key of this run of the daemon, which never leaves the
//! vault: without that key it says nothing, however short the PIN is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use coffer_protocol::ErrorCode;
use subtle::ConstantTimeEq;

use super::verifier::Verifier;
use super::{Pin, Role, Subject};
use crate::Error;
use crate::crypto::random;
use crate::object::Slot;
use crate::seal::aead::mac;
use crate::vault::{self, Depth, Public, Secret};

/// How many are remembered; then all are forgotten.
const MOST: usize = 4096;

type Tag = [u8; 32];

/// The remembered PINs.
pub(super) struct Recent {
    key: Secret<32>,
    tags: Mutex<HashMap<Subject, Tag>>,
}

impl Recent {
    /// None yet, with a new key.
    pub(super) fn new() -> Result<Self, Error> {
        let key = vault::load(32, |inside| {
            let mut filled = Ok(());
            let key = Secret::<32>::fill(inside, |bytes| filled = random::fill(bytes));
            filled.map_err(ErrorCode::from)?;
            key.map_err(ErrorCode::from)
        })??;
        Ok(Self { key, tags: Mutex::default() })
    }

    /// Whether the PIN is the one that was right with this verifier, in constant time.
    pub(super) fn accepts(
        &self,
        subject: Subject,
        verifier: &Verifier,
        pin: &Pin<'_>,
    ) -> Result<bool, Error> {
        let Some(known) = self.lock().get(&subject).copied() else { return Ok(false) };
        Ok(bool::from(self.tag(subject, verifier, pin)?.ct_eq(&known)))
    }

    /// Remembers a PIN that was right.
    pub(super) fn remember(
        &self,
        subject: Subject,
        verifier: &Verifier,
        pin: &Pin<'_>,
    ) -> Result<(), Error> {
        let tag = self.tag(subject, verifier, pin)?;
        let mut tags = self.lock();
        if tags.len() >= MOST {
            tags.clear();
        }
        tags.insert(subject, tag);
        Ok(())
    }

    /// Forgets a caller's PIN.
    pub(super) fn forget(&self, subject: Subject) {
        self.lock().remove(&subject);
    }

    /// Forgets everybody's PIN of a token and a role.
    pub(super) fn forget_all(&self, slot: Slot, role: Role) {
        self.lock().retain(|subject, _| (subject.slot, subject.role) != (slot, role));
    }

    /// Forgets all of them.
    pub(super) fn forget_everybody(&self) {
        self.lock().clear();
    }

    /// The verifier's salt is part of it, so that a PIN that was changed meanwhile is not accepted.
    fn tag(&self, subject: Subject, verifier: &Verifier, pin: &Pin<'_>) -> Result<Tag, Error> {
        let Subject { uid, slot, role } = subject;
        let (uid, slot) = (uid.to_be_bytes(), slot.0.to_be_bytes());
        let Public(tag) = vault::run(Depth::Small, |inside| {
            let parts = [&uid[..], &slot, &[role as u8], verifier.salt(), pin.bytes(inside)];
            Public(mac(self.key.get(inside), &parts))
        })?;
        Ok(tag)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Tag>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
