//! Keys that are open for use: prepared material in secret memory, opened from the store, or from a session key's form
//! at rest, when first used.
//!
//! The keyring is bounded; the keys used longest ago leave it first. They are wiped when their last user is done.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute;
use coffer_protocol::mechanism::Hash;
use zeroize::Zeroizing;

use super::{Material, Object, ObjectId, SessionKey};
use crate::Error;
use crate::crypto::{Key, KeySpec, Uses, kdf};
use crate::store::{KeyId, Store};
use crate::vault::{self, Buffer, Inside, Sealed};

/// A prepared key in secret memory.
pub struct OpenKey(Sealed<Prepared>);

struct Prepared {
    key: Key,
    kms: Option<Zeroizing<[u8; 32]>>,
}

impl OpenKey {
    /// Prepares a key from its form at rest, for both faces.
    ///
    /// A symmetric key never encrypts for the KMS itself: a key derived from it does, so that nothing which
    /// PKCS#11 lets an application compute with the key tells anything of the KMS's ciphertexts.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OutOfMemory`] where there is no room, or what is wrong with the material.
    pub fn prepare(
        inside: &Inside<'_>,
        spec: KeySpec,
        material: &[u8],
        uses: Uses,
    ) -> Result<Self, ErrorCode> {
        let key = Key::prepare(spec, material, uses)?;
        let mut kms = None;
        if matches!(spec, KeySpec::Aes | KeySpec::Sm4) {
            let derived = kms.insert(Zeroizing::new([0; 32]));
            kdf::hkdf(Hash::Sha256, material, &[], b"coffer kms key 1", &mut derived[..])?;
        }
        Ok(Self(Sealed::new(inside, Prepared { key, kms })?))
    }

    /// The key, for code inside the vault.
    pub fn get<'a>(&'a self, inside: &'a Inside<'_>) -> &'a Key {
        &self.0.get(inside).key
    }

    /// What the KMS derives message keys from; only symmetric keys have it.
    pub fn kms<'a>(&'a self, inside: &'a Inside<'_>) -> Option<&'a [u8]> {
        self.0.get(inside).kms.as_ref().map(|kms| &kms[..])
    }
}

impl std::fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenKey(..)")
    }
}

impl vault::Release for OpenKey {}

/// The open keys of the store and of sessions.
pub struct Keyring {
    store: Arc<Store>,
    keys: Mutex<HashMap<Place, Slot>>,
    /// How often keys were closed.
    closed: AtomicU64,
    clock: AtomicU64,
    limit: usize,
}

/// Whose a prepared key is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    /// A version of a key in the store.
    Stored(ObjectId, u32),
    /// A session key, by its number.
    Session(u64),
}

enum Slot {
    Stored {
        key: Arc<OpenKey>,
        used: u64,
    },
    /// It has the prepared form itself, so that this goes with it.
    Session(Weak<SessionKey>),
}

impl Slot {
    /// When it was used last; `None` where it is gone.
    fn used(&self) -> Option<u64> {
        match self {
            Self::Stored { used, .. } => Some(*used),
            Self::Session(session) => session.upgrade().map(|session| session.used()),
        }
    }

    fn close(&self) {
        if let Self::Session(session) = self
            && let Some(session) = session.upgrade()
        {
            session.close();
        }
    }
}

impl Keyring {
    /// A keyring for at most `limit` keys.
    pub fn new(store: Arc<Store>, limit: usize) -> Self {
        let (closed, clock) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { store, keys: Mutex::default(), closed, clock, limit: limit.max(1) }
    }

    /// The newest version of an object's key.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::CmkStateNotSupport`] where the object has no material, or whatever opening it reports.
    pub fn newest(&self, object: &Object) -> Result<Arc<OpenKey>, Error> {
        self.version(object, object.key.as_ref().map_or(1, |key| key.version))
    }

    /// One version of an object's key.
    ///
    /// # Errors
    ///
    /// As [`Keyring::newest`].
    pub fn version(&self, object: &Object, version: u32) -> Result<Arc<OpenKey>, Error> {
        match &object.material {
            Material::Session(session) | Material::Reference { kept: Some(session), .. } => {
                return self.session(object, session);
            }
            Material::None | Material::Reference { kept: None, .. } => {
                return Err(ErrorCode::CmkStateNotSupport.into());
            }
            Material::Stored => {}
        }
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let place = Place::Stored(object.id, version);
        if let Some(Slot::Stored { key, used }) = self.lock().get_mut(&place) {
            *used = now;
            return Ok(key.clone());
        }
        let closed = self.closed.load(Ordering::SeqCst);
        let key = Arc::new(self.open(object, version)?);
        let mut keys = self.lock();
        if self.closed.load(Ordering::SeqCst) != closed {
            // It may be this key that was closed meanwhile: it serves the request that was under way, no more.
            return Ok(key);
        }
        self.make_place(&mut keys);
        keys.insert(place, Slot::Stored { key: key.clone(), used: now });
        Ok(key)
    }

    /// A session key; `object` is one that has it.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OutOfMemory`], or what is wrong with the material.
    pub fn session(
        &self,
        object: &Object,
        session: &Arc<SessionKey>,
    ) -> Result<Arc<OpenKey>, Error> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(key) = session.opened(now) {
            return Ok(key);
        }
        let spec = object.spec().ok_or(ErrorCode::KeyTypeInconsistent)?;
        let key = self.making_room(|| {
            let prepare = |inside: &Inside<'_>| {
                OpenKey::prepare(inside, spec, session.material.get(inside), Uses::ALL)
            };
            Ok(vault::load_at(object.depth(), object.room(), prepare)??)
        })?;
        let key = Arc::new(key);
        let mut keys = self.lock();
        self.make_place(&mut keys);
        session.keep(key.clone());
        keys.insert(Place::Session(session.number), Slot::Session(Arc::downgrade(session)));
        Ok(key)
    }

    /// Closes what was used longest ago, as long as there are too many or secret memory is low.
    fn make_place(&self, keys: &mut HashMap<Place, Slot>) {
        if keys.len() >= self.limit {
            keys.retain(|_, slot| slot.used().is_some());
        }
        while keys.len() >= self.limit || (vault::is_low() && !keys.is_empty()) {
            Self::evict(keys);
        }
    }

    /// Closes every version of a key: it was disabled, changed or destroyed.
    pub fn close(&self, id: ObjectId) {
        let mut keys = self.lock();
        self.closed.fetch_add(1, Ordering::SeqCst);
        keys.retain(|place, _| !matches!(place, Place::Stored(open, _) if *open == id));
    }

    /// Closes all keys: the device was sealed.
    pub fn close_all(&self) {
        let mut keys = self.lock();
        self.closed.fetch_add(1, Ordering::SeqCst);
        keys.drain().for_each(|(_, slot)| slot.close());
    }

    fn open(&self, object: &Object, version: u32) -> Result<OpenKey, Error> {
        let spec = object.spec().ok_or(ErrorCode::KeyTypeInconsistent)?;
        let flag = |attribute| object.attributes.flag(attribute);
        let uses = Uses {
            sign: flag(attribute::SIGN) || flag(attribute::SIGN_RECOVER),
            decrypt: flag(attribute::DECRYPT) || flag(attribute::UNWRAP),
        };
        self.making_room(|| self.try_open(object, spec, version, uses))
    }

    /// A buffer in secret memory.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OutOfMemory`].
    pub fn buffer(&self, capacity: usize) -> Result<Buffer, Error> {
        self.making_room(|| Ok(Buffer::new(capacity)?))
    }

    /// Does what needs room in secret memory; where there is none, idle keys make it, and it is tried once more.
    ///
    /// # Errors
    ///
    /// Whatever `take` returns.
    pub fn making_room<T>(&self, take: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        match take() {
            Err(error) if error.code() == ErrorCode::OutOfMemory => {
                let mut keys = self.lock();
                for _ in 0..keys.len().div_ceil(2) {
                    Self::evict(&mut keys);
                }
                drop(keys);
                take()
            }
            result => result,
        }
    }

    /// On a small stack where that will do: the few large ones may be busy for seconds with making RSA keys.
    fn try_open(
        &self,
        object: &Object,
        spec: KeySpec,
        version: u32,
        uses: Uses,
    ) -> Result<OpenKey, Error> {
        let (depth, room) = (object.depth(), object.room());
        vault::load_at(depth, room, |inside| -> Result<OpenKey, ErrorCode> {
            let material = self.store.open_material(inside, KeyId(object.id.0), version)?;
            OpenKey::prepare(inside, spec, material.get(inside), uses)
        })?
        .map_err(Error::from)
    }

    fn evict(keys: &mut HashMap<Place, Slot>) {
        let oldest = keys.iter().min_by_key(|(_, slot)| slot.used()).map(|(place, _)| *place);
        if let Some(slot) = oldest.and_then(|place| keys.remove(&place)) {
            slot.close();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Slot>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
