//! What the KMS knows of a key, and where its material is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coffer_protocol::key::{KeySpec, KeyState, KeyUsage, Origin};
use coffer_protocol::key_type::KeyType;

use super::{Life, ObjectId, OpenKey};
use crate::Error;
use crate::share::{Claim, Share, Thing};
use crate::vault::SecretBytes;

/// The KMS record of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMeta {
    /// Its unique name in the partition; keys of PKCS#11 applications have none.
    pub alias: Option<String>,
    /// Its description.
    pub description: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// What it is for.
    pub usage: KeyUsage,
    /// Which cipher a symmetric CMK is.
    pub spec: KeySpec,
    /// Where its material comes from.
    pub origin: Origin,
    /// Uid of whoever made it.
    pub creator: u32,
    /// UNIX seconds.
    pub create_time: i64,
    /// Number of its newest version; the first is 1.
    pub version: u32,
    /// When it will be destroyed, in UNIX seconds; 0 unless PendingDelete.
    pub deletion_date: i64,
    /// When its imported material expires; 0: never.
    pub valid_to: i64,
    /// Labels.
    pub tags: Vec<(String, String)>,
    /// Its public key as SubjectPublicKeyInfo in DER; empty for a secret key.
    pub public_key: Vec<u8>,
    /// What happened to it, and what will.
    pub life: Life,
}

impl KeyMeta {
    /// Whether it was made by CreateKey.
    pub fn is_cmk(&self) -> bool {
        self.usage != KeyUsage::Application
    }

    /// The type of a CMK's material.
    pub const fn key_type(&self) -> KeyType {
        self.spec.key_type()
    }

    /// Its state at a time: imported material that has expired is as good as gone, whether it was wiped already or
    /// not.
    pub fn state_at(&self, now: i64) -> KeyState {
        match self.state {
            KeyState::Enabled | KeyState::Disabled | KeyState::Archived
                if self.valid_to != 0 && self.valid_to <= now =>
            {
                KeyState::PendingImport
            }
            state => state,
        }
    }

    /// Whether its destruction is due at a time.
    pub fn is_due(&self, now: i64) -> bool {
        self.state == KeyState::PendingDelete && self.deletion_date <= now
    }
}

/// Where the material of an object is.
#[derive(Clone)]
pub enum Material {
    /// It has none: public keys, certificates, data, and keys that wait for theirs.
    None,
    /// In the store, under the object's id, in as many versions as the KMS record says.
    Stored,
    /// In secret memory only: a session key.
    Session(Arc<SessionKey>),
    /// That of a token key: a session copy, which shares the state of what it was copied from.
    Reference {
        /// The token key.
        of: ObjectId,
        /// What the copy lives on with when its application destroys the original; a copy of a CMK has nothing.
        kept: Option<Arc<SessionKey>>,
    },
}

/// A session key: its material at rest and, while the keyring has room for it, prepared.
#[derive(Debug)]
pub struct SessionKey {
    /// The form at rest.
    pub material: SecretBytes,
    /// What tells it from others of this run, from 1 on; it rises.
    pub number: u64,
    /// The secret memory that the form at rest takes.
    _memory: Claim,
    open: Mutex<Option<Arc<OpenKey>>>,
    /// When it was used last, by the keyring's clock.
    used: AtomicU64,
}

impl SessionKey {
    /// A key with a number of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ShareExceeded`](coffer_protocol::ErrorCode::ShareExceeded) where the uid holds too much.
    pub fn new(material: SecretBytes, share: &Arc<Share>) -> Result<Self, Error> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let claim = Claim::new(share, Thing::Secret, material.len().next_multiple_of(16))?;
        let (open, used) = (Mutex::default(), AtomicU64::new(0));
        Ok(Self { material, number, _memory: claim, open, used })
    }

    /// The key in its prepared form, if it is, for a use at a time.
    pub(super) fn opened(&self, now: u64) -> Option<Arc<OpenKey>> {
        self.used.store(now, Ordering::Relaxed);
        self.lock().clone()
    }

    /// Keeps the prepared form.
    pub(super) fn keep(&self, key: Arc<OpenKey>) {
        *self.lock() = Some(key);
    }

    /// Gives the prepared form up; it is wiped when its last user is done.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<OpenKey>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Stored => "Stored",
            Self::Session(_) => "Session",
            Self::Reference { .. } => "Reference",
        })
    }
}
