//! Putting new objects where they belong: into the store, or into the session.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute as a;
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage, Origin};

use super::made::Made;
use super::stop::Stop;
use crate::Error;
use crate::application::{Application, SessionView};
use crate::object::{
    Attributes, KeyMeta, Life, Material, Object, ObjectId, SessionKey, Slot, Staged,
};
use crate::service::{Caller, Service};
use crate::state::login::Login;
use crate::store::{KeyId, SealedMaterial};
use crate::vault::{self, Depth, SecretBytes};

/// A new object, complete, with the material that it brings.
pub(super) struct New {
    pub(super) id: ObjectId,
    pub(super) attributes: Attributes,
    pub(super) material: NewMaterial,
}

/// What material a new object has.
pub(super) enum NewMaterial {
    /// None.
    None,
    /// This.
    Own(SecretBytes),
    /// That of an object in memory: a copy in a session.
    Shared(Material),
}

impl From<Option<Made>> for NewMaterial {
    fn from(made: Option<Made>) -> Self {
        made.map_or(Self::None, |made| Self::Own(made.material))
    }
}

/// Puts new objects in, all or none, and tells of them.
///
/// # Errors
///
/// Whatever the store, the vault or the application reports.
pub(super) fn put(
    service: &Service,
    caller: &Caller,
    application: &Application,
    session: &SessionView,
    objects: Vec<New>,
) -> Result<Vec<Arc<Object>>, Error> {
    let mut staged = Vec::new();
    let mut kept = Vec::new();
    let mut order = Vec::new();
    for new in objects {
        let id = new.id;
        if new.attributes.flag(a::TOKEN) {
            order.push((true, staged.len()));
            staged.push(stage(service, caller, session.slot, new)?);
        } else {
            order.push((false, kept.len()));
            kept.push(Arc::new(keep(service, caller, session.slot, id, new)?));
        }
    }
    may_store(service, session, staged.len())?;
    let limit = service.limits().session_objects;
    let put_back = |count: usize| {
        for object in &kept[..count] {
            application.remove_session_object(object.id);
        }
    };
    for (index, object) in kept.iter().enumerate() {
        if let Err(error) = application.add_session_object(session.handle, object.clone(), limit) {
            put_back(index);
            return Err(error);
        }
    }
    let stored = if staged.is_empty() {
        Vec::new()
    } else {
        service.registry.insert(staged).inspect_err(|_| put_back(kept.len()))?
    };
    for object in &stored {
        service.events.object_changed(object);
    }
    Ok(order
        .into_iter()
        .map(|(is_token, at)| if is_token { stored[at].clone() } else { kept[at].clone() })
        .collect())
}

/// Whoever reaches the socket may make public objects on a token, so without a login there is an end to them.
///
/// # Errors
///
/// [`ErrorCode::PublicObjectCount`].
fn may_store(service: &Service, session: &SessionView, count: usize) -> Result<(), Error> {
    let there = service.registry.count_public(session.slot);
    let fits = there.saturating_add(count as u64) <= service.limits().public_objects;
    if count == 0 || session.login != Login::Public || fits {
        Ok(())
    } else {
        Err(ErrorCode::PublicObjectCount.into())
    }
}

/// A token object with its sealed material and, if it has some, its KMS record.
fn stage(service: &Service, caller: &Caller, slot: Slot, new: New) -> Result<Staged, Error> {
    let New { id, attributes, material } = new;
    let sealed = match material {
        NewMaterial::None => None,
        NewMaterial::Own(bytes) => Some(seal(service, id, &bytes)?),
        NewMaterial::Shared(_) => return Err(ErrorCode::Internal.into()),
    };
    let local = attributes.flag(a::LOCAL);
    let key = sealed.as_ref().map(|_| KeyMeta {
        alias: None,
        description: String::new(),
        state: KeyState::Enabled,
        usage: KeyUsage::Application,
        spec: KeySpec::Aes256,
        origin: if local { Origin::Generated } else { Origin::External },
        creator: caller.uid,
        create_time: service.clock.now(),
        version: 1,
        deletion_date: 0,
        valid_to: 0,
        tags: Vec::new(),
        public_key: attributes.get(a::PUBLIC_KEY_INFO).unwrap_or_default().to_vec(),
        life: Life::default(),
    });
    let material = if sealed.is_some() { Material::Stored } else { Material::None };
    let object = Object { id, slot, sequence: 0, generation: 0, attributes, key, material };
    Ok(Staged { object, material: sealed })
}

fn seal(service: &Service, id: ObjectId, bytes: &SecretBytes) -> Result<SealedMaterial, Error> {
    let sealed = vault::run(Depth::Small, |inside| -> Result<SealedMaterial, Stop> {
        Ok(service.store.seal_material(inside, KeyId(id.0), 1, bytes.get(inside))?)
    })?;
    Ok(sealed?)
}

/// A session object.
fn keep(
    service: &Service,
    caller: &Caller,
    slot: Slot,
    id: ObjectId,
    new: New,
) -> Result<Object, Error> {
    let New { attributes, material, .. } = new;
    let mut object = Object {
        id,
        slot,
        sequence: 0,
        generation: 0,
        attributes,
        key: None,
        material: Material::None,
    };
    object.material = match material {
        NewMaterial::None => Material::None,
        NewMaterial::Own(bytes) => Material::Session(session_key(service, caller, &object, bytes)?),
        NewMaterial::Shared(material) => material,
    };
    Ok(object)
}

/// Makes a session key of the material of an object. Its form at rest stays in secret memory, so it counts for the
/// uid; the prepared form leaves when it is idle, as those of stored keys do.
///
/// # Errors
///
/// [`ErrorCode::ShareExceeded`] where the uid holds too much, or whatever is wrong with the material.
pub(super) fn session_key(
    service: &Service,
    caller: &Caller,
    object: &Object,
    material: SecretBytes,
) -> Result<Arc<SessionKey>, Error> {
    let key = Arc::new(SessionKey::new(material, &caller.share)?);
    service.keyring.session(object, &key)?;
    Ok(key)
}
