//! The session objects of an application: bounded for its uid in number and in bytes, and gone with their sessions.

use std::sync::Arc;

use coffer_protocol::ErrorCode;

use super::{Application, Inner};
use crate::Error;
use crate::object::{Material, Object, ObjectId, Slot};
use crate::state::login::Login;

impl Application {
    /// Keeps a session object for as long as its session lives.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`] where the session is gone, [`ErrorCode::UserNotLoggedIn`] for a private object
    /// where the user logged out meanwhile, [`ErrorCode::ShareExceeded`] at the limit of the uid.
    pub fn add_session_object(
        &self,
        session: u32,
        object: Arc<Object>,
        limit: usize,
    ) -> Result<(), Error> {
        let mut inner = self.lock();
        if !inner.sessions.contains_key(&session) {
            return Err(ErrorCode::SessionInvalid.into());
        }
        if object.is_private() && inner.login(object.slot) != Login::User {
            return Err(ErrorCode::UserNotLoggedIn.into());
        }
        inner.object_bytes.grow(object.attributes.bytes())?;
        if let Err(error) = inner.object_count.grow_within(1, limit) {
            inner.object_bytes.shrink(object.attributes.bytes());
            return Err(error);
        }
        inner.session_objects.insert(object.id, (session, object));
        Ok(())
    }

    /// Changes a session object: `change` sees the newest snapshot and gives the next one.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ObjectInvalid`] for an unknown id, [`ErrorCode::ShareExceeded`] at the limit of the uid, or
    /// whatever `change` returns.
    pub fn update_session_object(
        &self,
        id: ObjectId,
        change: impl FnOnce(&Object) -> Result<Object, Error>,
    ) -> Result<(), Error> {
        let mut inner = self.lock();
        let (owner, now) = inner.session_objects.get(&id).ok_or(ErrorCode::ObjectInvalid)?;
        let (owner, after) = (*owner, change(now)?);
        let (before, needed) = (now.attributes.bytes(), after.attributes.bytes());
        inner.object_bytes.grow(needed.saturating_sub(before))?;
        inner.object_bytes.shrink(before.saturating_sub(needed));
        inner.session_objects.insert(id, (owner, Arc::new(after)));
        Ok(())
    }

    /// Destroys the copies of a token key in sessions.
    pub fn drop_references(&self, of: ObjectId) {
        self.lock().drop_session_objects(|_, object| {
            matches!(object.material, Material::Reference { of: original, .. } if original == of)
        });
    }

    /// A session object.
    pub fn session_object(&self, id: ObjectId) -> Option<Arc<Object>> {
        self.lock().session_objects.get(&id).map(|(_, object)| object.clone())
    }

    /// All session objects of a slot.
    pub fn session_objects(&self, slot: Slot) -> Vec<Arc<Object>> {
        let inner = self.lock();
        let objects = inner.session_objects.values().map(|(_, object)| object);
        objects.filter(|object| object.slot == slot).cloned().collect()
    }

    /// Destroys a session object.
    pub fn remove_session_object(&self, id: ObjectId) -> bool {
        let mut inner = self.lock();
        inner.handles.forget(id);
        let removed = inner.session_objects.remove(&id);
        if let Some((_, object)) = &removed {
            inner.object_count.shrink(1);
            inner.object_bytes.shrink(object.attributes.bytes());
        }
        removed.is_some()
    }
}

impl Inner {
    /// Takes out the session objects that are gone, with their handles.
    pub(super) fn drop_session_objects(&mut self, gone: impl Fn(u32, &Object) -> bool) {
        let Self { session_objects, object_count, object_bytes, handles, .. } = self;
        session_objects.retain(|id, (owner, object)| {
            let stays = !gone(*owner, object);
            if !stays {
                handles.forget(*id);
                object_count.shrink(1);
                object_bytes.shrink(object.attributes.bytes());
            }
            stays
        });
    }
}
