//! CreateKey, and making keys for services.

use std::sync::{Arc, PoisonError};

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage, Origin, is_alias};
use coffer_protocol::operation::kms::{CreateKey, CreatedKey, Tag};
use sha2::{Digest, Sha256};

use super::super::{Answer, Authorized, Caller, Handle, Service};
use super::{material, no_cluster, rotation};
use crate::Error;
use crate::object::{DAY, KeyMeta, Life, MadeBy, Object, ObjectId, Rotation, Slot, cmk};

/// Longest description in bytes.
const MAX_DESCRIPTION: usize = 1024;
/// Most tags of a key.
pub(super) const MAX_TAGS: usize = 10;
/// Longest key and value of a tag in characters.
const LONGEST_TAG: (usize, usize) = (36, 43);
/// Longest client token in bytes.
const MAX_TOKEN: usize = 64;

/// Refuses a description that is too long.
pub(super) fn validate_description(text: &str) -> Result<(), Error> {
    if text.len() > MAX_DESCRIPTION {
        return Err(Error::about(ErrorCode::InvalidValue, "Description"));
    }
    Ok(())
}

/// What kind of key the request's words come to.
pub(crate) struct Kind {
    usage: KeyUsage,
    spec: KeySpec,
    origin: Origin,
    rotate_days: u32,
}

impl Kind {
    fn of(request: &CreateKey) -> Result<Self, Error> {
        let usage = match request.key_usage.as_deref() {
            None | Some("") => KeyUsage::EncryptDecrypt,
            Some(name) => KeyUsage::from_name(name).ok_or(ErrorCode::InvalidKeyUsage)?,
        };
        let first = *usage.specs().first().ok_or(ErrorCode::InvalidKeyUsage)?;
        let spec = match request.key_spec.as_deref() {
            None | Some("") => first,
            Some(name) => KeySpec::from_name(name)
                .filter(|spec| usage.specs().contains(spec))
                .ok_or_else(|| Error::about(ErrorCode::InvalidValue, "KeySpec"))?,
        };
        let origin = match request.key_type {
            None | Some(1) => Origin::Generated,
            Some(2) => Origin::External,
            Some(_) => return Err(ErrorCode::InvalidType.into()),
        };
        let rotate_days = match request.rotate_days {
            None => 0,
            Some(days) => rotation::period(Some(days))?,
        };
        if rotate_days != 0 {
            rotation::can_rotate(usage, origin, ErrorCode::ExternalCmkCanNotRotate)?;
        }
        Ok(Self { usage, spec, origin, rotate_days })
    }
}

/// What stands for a request: two are the same where this is.
fn fingerprint(request: &CreateKey) -> Result<Vec<u8>, Error> {
    let bytes = postcard::to_stdvec(request).map_err(|_| ErrorCode::Internal)?;
    Ok(Sha256::digest(bytes).to_vec())
}

/// The key that the same request made before, within a day.
fn repeated(
    service: &Service,
    caller: &Caller,
    request: &CreateKey,
) -> Result<Option<Arc<Object>>, Error> {
    let Some(token) = &request.client_token else { return Ok(None) };
    let since = service.clock.now() - DAY;
    let mut keys = service.registry.keys(caller.partition).into_iter().rev();
    let made = keys.find(|object| {
        object.key.as_ref().is_some_and(|key| {
            let by = key.life.made_by.as_ref();
            key.create_time > since
                && key.creator == caller.uid
                && by.is_some_and(|by| by.token == *token)
        })
    });
    let Some(object) = made else { return Ok(None) };
    let made_by = object.key.as_ref().and_then(|key| key.life.made_by.clone());
    if made_by.is_some_and(|by| by.request == fingerprint(request).unwrap_or_default()) {
        return Ok(Some(object));
    }
    Err(Error::about(ErrorCode::ClientTokenReused, "ClientToken"))
}

/// Refuses one more key than the quota allows.
fn has_room(service: &Service, slot: Slot) -> Result<(), Error> {
    if service.registry.count_keys(slot).1 < service.limits().keys {
        Ok(())
    } else {
        Err(ErrorCode::CmkLimitExceeded.into())
    }
}

/// A key to be made.
pub(super) struct New {
    pub(super) alias: String,
    pub(super) description: String,
    pub(super) usage: KeyUsage,
    pub(super) spec: KeySpec,
    pub(super) origin: Origin,
    pub(super) creator: u32,
    pub(super) tags: Vec<(String, String)>,
    pub(super) service: Option<String>,
    pub(super) rotate_days: u32,
    pub(super) made_by: Option<MadeBy>,
}

/// Makes a key and tells of it. `admit` is asked while nobody else's key comes in: it may know one that does as well,
/// or refuse.
///
/// # Errors
///
/// What `admit` returns, [`ErrorCode::AliasAlreadyExists`], or whatever store and vault report.
pub(super) fn make(
    service: &Service,
    slot: Slot,
    new: New,
    admit: &dyn Fn() -> Result<Option<Arc<Object>>, Error>,
) -> Result<Arc<Object>, Error> {
    let id = ObjectId::random();
    let (state, sealed, public_key) = match new.origin {
        Origin::External => (KeyState::PendingImport, None, Vec::new()),
        Origin::Generated => {
            let what = cmk::generation_of(new.spec);
            // Only the search for primes is slow; whoever wants another key does not queue behind it.
            let _permit = what.is_slow().then(|| service.generations.acquire(new.creator));
            let (sealed, public_key) = material::generate(service, id, 1, what)?;
            (KeyState::Enabled, Some(sealed), public_key)
        }
    };
    let now = service.clock.now();
    let meta = KeyMeta {
        alias: Some(new.alias),
        description: new.description,
        state,
        usage: new.usage,
        spec: new.spec,
        origin: new.origin,
        creator: new.creator,
        create_time: now,
        version: 1,
        deletion_date: 0,
        valid_to: 0,
        tags: new.tags,
        public_key,
        life: Life {
            service: new.service,
            rotation: Rotation::default().every(new.rotate_days, service.deadlines.now()),
            made_by: new.made_by,
            ..Life::default()
        },
    };
    let staged = cmk::stage(slot, id, meta, sealed)?;
    let one_at_a_time = service.creations.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = admit()? {
        return Ok(made);
    }
    let objects = service.registry.insert(staged)?;
    drop(one_at_a_time);
    for object in &objects {
        service.events.object_changed(object);
    }
    Ok(objects.into_iter().next().ok_or(ErrorCode::Internal)?)
}

impl Handle for CreateKey {
    type Plan = (Kind, Option<Arc<Object>>);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        if !is_alias(&self.alias) {
            return Err(ErrorCode::InvalidAlias.into());
        }
        validate_description(self.description.as_deref().unwrap_or_default())?;
        validate_tags(self.tags.as_deref().unwrap_or_default())?;
        no_cluster(self.hsm_cluster.as_ref())?;
        if self.client_token.as_ref().is_some_and(|token| !(1..=MAX_TOKEN).contains(&token.len())) {
            return Err(Error::about(ErrorCode::InvalidValue, "ClientToken"));
        }
        Kind::of(self).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let (request, slot) = (call.request(), call.caller().partition);
        if service.partitions.get(slot).is_none() {
            return Err(ErrorCode::PartitionNotFound.into());
        }
        let kind = Kind::of(request)?;
        if let Some(made) = repeated(service, call.caller(), request)? {
            return Ok((kind, Some(made)));
        }
        if service.registry.by_alias(slot, &request.alias).is_some() {
            return Err(Error::about(ErrorCode::AliasAlreadyExists, request.alias.clone()));
        }
        has_room(service, slot)?;
        Ok((kind, None))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (kind, made): Self::Plan,
        service: &Service,
    ) -> Result<Answer<CreatedKey>, Error> {
        let (request, caller) = (call.request(), call.caller());
        let made_by = match &request.client_token {
            Some(token) => Some(MadeBy { token: token.clone(), request: fingerprint(request)? }),
            None => None,
        };
        let tags = request.tags.iter().flatten();
        let object = match made {
            Some(object) => object,
            None => make(
                service,
                caller.partition,
                New {
                    alias: request.alias.clone(),
                    description: request.description.clone().unwrap_or_default(),
                    usage: kind.usage,
                    spec: kind.spec,
                    origin: kind.origin,
                    creator: caller.uid,
                    tags: tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
                    service: None,
                    rotate_days: kind.rotate_days,
                    made_by,
                },
                &|| {
                    let made = repeated(service, caller, request)?;
                    if made.is_none() {
                        has_room(service, caller.partition)?;
                    }
                    Ok(made)
                },
            )?,
        };
        let key = super::meta(&object)?;
        Ok(Answer::new(CreatedKey {
            key_id: object.id.to_string(),
            alias: key.alias.clone().unwrap_or_default(),
            create_time: key.create_time,
            description: key.description.clone(),
            key_state: key.state.name().to_owned(),
            key_usage: key.usage.name().to_owned(),
            tag_code: 0,
            tag_message: String::new(),
            hsm_cluster: String::new(),
        }))
    }
}

/// Refuses tags that no key may have.
pub(super) fn validate_tags(tags: &[Tag]) -> Result<(), Error> {
    let (longest_key, longest_value) = LONGEST_TAG;
    let plain = |text: &str| {
        text.chars().all(|c| !c.is_ascii_control() && !matches!(c, '*' | '<' | '>' | '\\' | '='))
    };
    let sound = |tag: &Tag| {
        (1..=longest_key).contains(&tag.key.chars().count())
            && tag.value.chars().count() <= longest_value
            && plain(&tag.key)
            && plain(&tag.value)
    };
    if tags.len() > MAX_TAGS || !tags.iter().all(sound) {
        return Err(Error::about(ErrorCode::InvalidValue, "Tags"));
    }
    for (index, tag) in tags.iter().enumerate() {
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return Err(Error::about(ErrorCode::TagKeysDuplicated, tag.key.clone()));
        }
    }
    Ok(())
}
