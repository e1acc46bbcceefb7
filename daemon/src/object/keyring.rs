//! Keys that are open for use: prepared material in secret memory, opened from the store when first used.
//!
//! The keyring is bounded; the keys used longest ago leave it first. They are wiped when their last user is done.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute;
use coffer_protocol::mechanism::Hash;
use zeroize::Zeroizing;

use super::{Material, Object, ObjectId};
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

/// The open keys of the store.
pub struct Keyring {
    store: Arc<Store>,
    keys: Mutex<HashMap<(ObjectId, u32), Slot>>,
    /// How often keys were closed.
    closed: AtomicU64,
    clock: AtomicU64,
    limit: usize,
}

struct Slot {
    key: Arc<OpenKey>,
    used: u64,
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
            Material::Session(session) => return Ok(session.key.clone()),
            Material::Reference { kept: Some(kept), .. } => return Ok(kept.key.clone()),
            Material::None | Material::Reference { kept: None, .. } => {
                return Err(ErrorCode::CmkStateNotSupport.into());
            }
            Material::Stored => {}
        }
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(slot) = self.lock().get_mut(&(object.id, version)) {
            slot.used = now;
            return Ok(slot.key.clone());
        }
        let closed = self.closed.load(Ordering::SeqCst);
        let key = Arc::new(self.open(object, version)?);
        let mut keys = self.lock();
        if self.closed.load(Ordering::SeqCst) != closed {
            // It may be this key that was closed meanwhile: it serves the request that was under way, no more.
            return Ok(key);
        }
        while keys.len() >= self.limit || (vault::is_low() && !keys.is_empty()) {
            Self::evict(&mut keys);
        }
        keys.insert((object.id, version), Slot { key: key.clone(), used: now });
        Ok(key)
    }

    /// Closes every version of a key: it was disabled, changed or destroyed.
    pub fn close(&self, id: ObjectId) {
        let mut keys = self.lock();
        self.closed.fetch_add(1, Ordering::SeqCst);
        keys.retain(|(open, _), _| *open != id);
    }

    /// Closes all keys: the device was sealed.
    pub fn close_all(&self) {
        let mut keys = self.lock();
        self.closed.fetch_add(1, Ordering::SeqCst);
        keys.clear();
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

    fn evict(keys: &mut HashMap<(ObjectId, u32), Slot>) {
        if let Some(oldest) = keys.iter().min_by_key(|(_, slot)| slot.used).map(|(id, _)| *id) {
            keys.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(ObjectId, u32), Slot>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
