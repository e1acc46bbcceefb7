//! Import tokens: each names a key pair for wrapping material, of which the private half is in the store like any
//! other key's material. A token is for one key and one successful import.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coffer_protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::object::ObjectId;
use crate::store::{Batch, Expected, KeyId, Record, SealedMaterial, Store, Table};

/// Most open tokens of a key.
const MAX_OPEN: usize = 8;
/// Failed imports that use a token up.
const MAX_TRIES: u8 = 5;
/// What a token begins with.
const MAGIC: [u8; 5] = *b"CFRI\x01";

/// What is known of a token. The stored form, in the frozen order of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// The key that it is for.
    pub(super) key: [u8; 16],
    /// Number of the wrapping algorithm.
    pub(super) algorithm: u8,
    /// UNIX seconds.
    pub(super) expires: i64,
    /// Failed imports.
    pub(super) tries: u8,
}

/// Open import tokens.
#[derive(Debug)]
pub struct Imports {
    store: Arc<Store>,
    open: Mutex<HashMap<ObjectId, Token>>,
}

/// The bytes of a token.
pub(super) fn encode(id: ObjectId, key: ObjectId) -> Vec<u8> {
    [&MAGIC[..], &id.0, &key.0].concat()
}

/// The token's id and the key that it says it is for.
pub(super) fn decode(bytes: &[u8]) -> Option<(ObjectId, ObjectId)> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (id, key) = rest.split_first_chunk::<16>()?;
    Some((ObjectId(*id), ObjectId(key.try_into().ok()?)))
}

impl Imports {
    /// Reads the tokens of the store.
    ///
    /// # Errors
    ///
    /// Whatever the store reports, and [`ErrorCode::StoreFailed`] for a record of an unknown format.
    pub fn load(store: Arc<Store>) -> Result<Self, Error> {
        let mut open = HashMap::new();
        let mut unknown = false;
        store.load(Table::Imports, |entry| {
            let id = entry.id.as_bytes().try_into().map(ObjectId);
            match (id, postcard::from_bytes::<Token>(&entry.body)) {
                (Ok(id), Ok(token)) => drop(open.insert(id, token)),
                _ => unknown = true,
            }
        })?;
        if unknown {
            let what = "an import token has a format of a newer version";
            return Err(Error::about(ErrorCode::StoreFailed, what));
        }
        Ok(Self { store, open: Mutex::new(open) })
    }

    /// Refuses one more token for a key that has many.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ImportTokenLimit`].
    pub(super) fn has_room(&self, key: ObjectId, now: i64) -> Result<(), Error> {
        Self::room(&self.lock(), key, now)
    }

    fn room(open: &HashMap<ObjectId, Token>, key: ObjectId, now: i64) -> Result<(), Error> {
        let of_key = open.values().filter(|token| token.key == key.0 && token.expires > now);
        if of_key.count() < MAX_OPEN { Ok(()) } else { Err(ErrorCode::ImportTokenLimit.into()) }
    }

    /// Keeps a new token and its private key.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ImportTokenLimit`], or what the store reports.
    pub(super) fn add(
        &self,
        id: ObjectId,
        token: Token,
        material: SealedMaterial,
        now: i64,
    ) -> Result<(), Error> {
        let mut open = self.lock();
        Self::room(&open, ObjectId(token.key), now)?;
        let mut batch = Batch::new();
        batch.put(Table::Imports, record(id, &token)?, Expected::New);
        batch.put_material(material);
        self.store.commit(batch)?;
        open.insert(id, token);
        Ok(())
    }

    /// An open token.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::TokenExpired`] for one that is not open any more.
    pub(super) fn find(&self, id: ObjectId, now: i64) -> Result<Token, Error> {
        let token = self.lock().get(&id).copied();
        Ok(token.filter(|token| token.expires > now).ok_or(ErrorCode::TokenExpired)?)
    }

    /// Counts a failed import, on disk before it is answered.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub(super) fn failed(&self, id: ObjectId) -> Result<(), Error> {
        let mut open = self.lock();
        let Some(token) = open.get_mut(&id) else { return Ok(()) };
        token.tries += 1;
        if token.tries >= MAX_TRIES {
            return self.close_in(&mut open, &[id]);
        }
        let mut batch = Batch::new();
        batch.put(Table::Imports, record(id, token)?, Expected::Any);
        self.store.commit(batch)?;
        Ok(())
    }

    /// Forgets a token whose record went together with its import.
    pub(super) fn used(&self, id: ObjectId) {
        self.lock().remove(&id);
    }

    /// Closes the tokens that have expired, and those of keys that there are no more.
    ///
    /// # Errors
    ///
    /// What the store reports; then it is tried again later.
    pub(super) fn expire(&self, now: i64, exists: impl Fn(ObjectId) -> bool) -> Result<(), Error> {
        let mut open = self.lock();
        let over: Vec<ObjectId> = open
            .iter()
            .filter(|(_, token)| token.expires <= now || !exists(ObjectId(token.key)))
            .map(|(id, _)| *id)
            .collect();
        self.close_in(&mut open, &over)
    }

    fn close_in(&self, open: &mut HashMap<ObjectId, Token>, ids: &[ObjectId]) -> Result<(), Error> {
        let mut batch = Batch::new();
        for id in ids {
            batch.delete(Table::Imports, id.0.into(), Expected::Any);
            batch.erase_material(KeyId(id.0), None);
        }
        if !batch.is_empty() {
            self.store.commit(batch)?;
        }
        for id in ids {
            open.remove(id);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectId, Token>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(id: ObjectId, token: &Token) -> Result<Record, Error> {
    let body = postcard::to_stdvec(token).map_err(|_| ErrorCode::Internal)?;
    Ok(Record { id: id.0.into(), version: 0, state: 0, body })
}
