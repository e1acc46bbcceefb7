//! GetParametersForImport, ImportKeyMaterial and DeleteImportedKeyMaterial.
//!
//! What was imported first stays the key's material for ever: a keyed hash of it is kept, and what comes later must
//! have the same. Its key is random and kept beside it: one that follows from the root key would be another one where
//! a backup is restored, and the material could never be imported again there.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeyState, Origin};
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::kms::{
    DeleteImportedKeyMaterial, Done, GetParametersForImport, ImportKeyMaterial, ImportParameters,
    ImportedKeyMaterial,
};
use coffer_protocol::operation::{KeyRule, Operation};
use subtle::ConstantTimeEq;

use super::super::{Answer, Authorized, Handle, Service};
use super::permit::{gone, permit, permitted};
use super::token::{self, Token};
use super::{meta, validate_name};
use crate::Error;
use crate::crypto::{Generate, Key};
use crate::object::{Changes, DAY, Ending, KeyMeta, Material, Object, ObjectId, cmk};
use crate::store::{KeyId, RecordId, SealedMaterial, Table};
use crate::vault::{self, Public};

mod material;

use material::{Algorithm, fingerprint, parameters, read, unwrap};

/// Latest expiry in UNIX seconds.
const LATEST: i64 = 2_147_443_200;
/// Most bytes of wrapped material: a modulus, and PKCS #8 of RSA-4096 under AES-KWP.
const MAX_MATERIAL: usize = 4 << 10;
/// Room in the arena for the keys at work.
const ROOM: usize = 64 << 10;

/// Only CMKs that were made for it take material from outside.
fn is_external(key: &KeyMeta) -> Result<(), ErrorCode> {
    let external = key.is_cmk() && key.origin == Origin::External;
    if external { Ok(()) } else { Err(ErrorCode::NotExternalCmk) }
}

/// Imported pairs are permanent.
fn is_erasable(key: &KeyMeta) -> Result<(), ErrorCode> {
    is_external(key)?;
    if key.key_type().is_pair() { Err(ErrorCode::UnsupportedOperation) } else { Ok(()) }
}

impl Handle for GetParametersForImport {
    type Plan = (Arc<Object>, Algorithm, Generate);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        parameters(&self.algorithm, &self.spec).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let Self { key_id, algorithm, spec } = call.request();
        let object = permitted(service, call.caller(), key_id, Self::ROW.rule, is_external)?;
        service.imports.has_room(object.id, service.deadlines.now())?;
        let (algorithm, what) = parameters(algorithm, spec)?;
        Ok((object, algorithm, what))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (object, algorithm, what): Self::Plan,
        service: &Service,
    ) -> Result<Answer<ImportParameters>, Error> {
        let id = ObjectId::random();
        let _permit = what.is_slow().then(|| service.generations.acquire(call.caller().uid));
        let (sealed, public_key) = super::material::generate(service, id, 1, what)?;
        let now = service.deadlines.now();
        let expires = now + DAY;
        let token = Token { key: object.id.0, algorithm: algorithm as u8, expires, tries: 0 };
        service.imports.add(id, token, sealed, now)?;
        Ok(Answer::new(ImportParameters {
            key_id: object.id.to_string(),
            token: Bytes(token::encode(id, object.id)),
            public_key: Bytes(public_key),
            valid_to: expires,
        }))
    }
}

/// A key and the open token that is for it.
pub(crate) struct Plan {
    object: Arc<Object>,
    id: ObjectId,
    algorithm: Algorithm,
}

fn valid_to(request: &ImportKeyMaterial, now: i64) -> Result<i64, Error> {
    match request.valid_to.unwrap_or(0) {
        0 => Ok(0),
        time if time > now && time <= LATEST => Ok(time),
        _ => Err(Error::about(ErrorCode::InvalidValue, "ValidTo")),
    }
}

/// Pairs do not expire, and a key that something uses must not.
fn may_expire(key: &KeyMeta, valid_to: i64) -> Result<(), Error> {
    match (valid_to, key.key_type().is_pair(), key.life.bindings.is_empty()) {
        (0, ..) | (_, false, true) => Ok(()),
        (_, true, _) => Err(Error::about(ErrorCode::InvalidValue, "ValidTo")),
        (_, false, false) => Err(ErrorCode::CmkUsedByCloudProduct.into()),
    }
}

impl Handle for ImportKeyMaterial {
    type Plan = Plan;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        let wrong = |field: &'static str| Error::about(ErrorCode::InvalidValue, field);
        validate_name(&self.key_id)?;
        if !(1..=MAX_MATERIAL).contains(&payload_length) {
            return Err(wrong("EncryptedKeyMaterial"));
        }
        if self.private_key.as_ref().is_some_and(|key| !(16..=MAX_MATERIAL).contains(&key.0.len()))
        {
            return Err(wrong("EncryptedPrivateKey"));
        }
        if !(0..=LATEST).contains(&self.valid_to.unwrap_or(0)) {
            return Err(wrong("ValidTo"));
        }
        token::decode(&self.token.0).map(drop).ok_or_else(|| wrong("ImportToken"))
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let wrong = |field: &'static str| Error::about(ErrorCode::InvalidValue, field);
        let (request, now) = (call.request(), service.deadlines.now());
        valid_to(request, now)?;
        let object =
            permitted(service, call.caller(), &request.key_id, Self::ROW.rule, is_external)?;
        let key = meta(&object)?;
        may_expire(key, valid_to(request, now)?)?;
        if request.private_key.is_some() && !key.key_type().is_pair() {
            return Err(wrong("EncryptedPrivateKey"));
        }
        let (id, of) = token::decode(&request.token.0).ok_or_else(|| wrong("ImportToken"))?;
        if of != object.id {
            return Err(wrong("ImportToken"));
        }
        let token = service.imports.find(id, now)?;
        let algorithm = Algorithm::from_number(token.algorithm);
        let algorithm =
            algorithm.filter(|_| token.key == object.id.0).ok_or_else(|| wrong("ImportToken"))?;
        Ok(Plan { object, id, algorithm })
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Plan,
        service: &Service,
    ) -> Result<Answer<ImportedKeyMaterial>, Error> {
        let valid_to = valid_to(call.request(), service.deadlines.now())?;
        let taken = match take(service, &call, &plan) {
            Ok(taken) => taken,
            Err(error) => {
                let code = error.code();
                if matches!(code, ErrorCode::DecryptMaterialError | ErrorCode::MaterialNotMatch) {
                    service.imports.failed(plan.id)?;
                }
                return Err(error);
            }
        };
        let state = keep(service, &plan, taken, valid_to)?;
        service.imports.used(plan.id);
        Ok(Answer::new(ImportedKeyMaterial { key_state: state.name().to_owned() }))
    }
}

/// Material that was unwrapped and found right.
struct Taken {
    /// Sealed for the store; nothing where the key has it already.
    sealed: Option<SealedMaterial>,
    fingerprint: Vec<u8>,
    public_key: Vec<u8>,
}

/// Unwraps the material, and compares it with what was imported first.
fn take(
    service: &Service,
    call: &Authorized<'_, ImportKeyMaterial>,
    plan: &Plan,
) -> Result<Taken, Error> {
    let (object, payload) = (&plan.object, call.payload().plain()?);
    let key = meta(object)?;
    let private = call.request().private_key.as_ref().map(|key| key.0.as_slice());
    let is_there = matches!(object.material, Material::Stored);
    let ((sealed, Public(fingerprint)), Public(public_key)) =
        vault::load(ROOM, |inside| -> Result<_, ErrorCode> {
            let stored = service.store.open_material(inside, KeyId(plan.id.0), 1)?;
            let unwrapping = Key::parse(plan.algorithm.key(), stored.get(inside))?;
            let unwrapped = unwrap(plan.algorithm, &unwrapping, payload, private);
            let made = unwrapped
                .and_then(|bytes| read(key.spec, &bytes))
                .map_err(|_| ErrorCode::DecryptMaterialError)?;
            let first = &key.life.fingerprint;
            let fingerprint = fingerprint(first, object.id, key, &made.material)?;
            if !first.is_empty() && !bool::from(fingerprint.as_slice().ct_eq(first.as_slice())) {
                return Err(ErrorCode::MaterialNotMatch);
            }
            let seal =
                || service.store.seal_material(inside, KeyId(object.id.0), 1, &made.material);
            let sealed = if is_there { None } else { Some(seal()?) };
            let public = match &made.public {
                Some(public) => public.to_spki()?,
                None => Vec::new(),
            };
            Ok(((sealed, inside.publish(&fingerprint)), inside.publish(&public)))
        })??;
    Ok(Taken { sealed, fingerprint, public_key })
}

/// Writes the material, the key's new state and the end of the token in one step.
fn keep(service: &Service, plan: &Plan, taken: Taken, valid_to: i64) -> Result<KeyState, Error> {
    let Taken { sealed, fingerprint, public_key } = taken;
    let mut reached = KeyState::Enabled;
    let changed = service.registry.change(&[plan.object.id], |now| {
        let [now] = now else { return Err(ErrorCode::Internal.into()) };
        let granted = permit(service, now, KeyRule::Import, is_external)?;
        let key = meta(now)?;
        may_expire(key, valid_to)?;
        let is_first = key.life.fingerprint.is_empty();
        let has_material = matches!(now.material, Material::Stored);
        // Somebody else imported or erased meanwhile.
        if (!is_first && key.life.fingerprint != fingerprint) || has_material != sealed.is_none() {
            return Err(ErrorCode::Conflict.into());
        }
        let mut next = KeyMeta { valid_to, ..key.clone() };
        next.state = state_after(service, key, granted);
        next.life.fingerprint.clone_from(&fingerprint);
        next.life.earlier_state = 0;
        next.warn_again(Ending::Material);
        reached = next.state;
        let mut changes = Changes {
            removed: vec![(Table::Imports, RecordId::from(plan.id.0))],
            erased: vec![plan.id],
            ..Changes::default()
        };
        let mut object = now.snapshot();
        if is_first && key.key_type().is_pair() {
            next.public_key = public_key;
            let mut staged = cmk::stage(now.slot, now.id, next, sealed)?.into_iter();
            let own = staged.next().ok_or(ErrorCode::Internal)?;
            object.attributes = own.object.attributes;
            object.key = own.object.key;
            changes.materials.extend(own.material);
            changes.new.extend(staged);
        } else {
            object.key = Some(next);
            changes.materials.extend(sealed);
        }
        object.material = Material::Stored;
        changes.replaced.push(object);
        Ok(changes)
    });
    for object in changed.map_err(gone)? {
        service.keyring.close(object.id);
        service.events.object_changed(&object);
    }
    Ok(reached)
}

/// The state of a key that has its material back.
fn state_after(service: &Service, key: &KeyMeta, granted: KeyState) -> KeyState {
    let earlier = match key.state {
        KeyState::PendingImport => KeyState::from_number(key.life.earlier_state),
        // It has expired and was not wiped yet.
        state => Some(state),
    };
    match earlier {
        Some(state) if service.config.import.restore_state => state,
        _ => granted,
    }
}

/// A key without the material that it has.
///
/// The state of a key that waits for its destruction stays; every other waits for its import.
pub(super) fn without_material(now: &Object) -> Result<Changes, Error> {
    let mut next = now.snapshot();
    let key = next.key.as_mut().ok_or(ErrorCode::CmkNotFound)?;
    if key.state != KeyState::PendingDelete {
        key.life.earlier_state = key.state as u8;
        key.state = KeyState::PendingImport;
    }
    key.valid_to = 0;
    key.warn_again(Ending::Material);
    next.material = Material::None;
    Ok(Changes { replaced: vec![next], erased: vec![now.id], reserved: true, ..Changes::default() })
}

impl Handle for DeleteImportedKeyMaterial {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        permitted(service, call.caller(), &call.request().key_id, Self::ROW.rule, is_erasable)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let changed = service.registry.change(&[object.id], |now| {
            let [now] = now else { return Err(ErrorCode::Internal.into()) };
            permit(service, now, KeyRule::DeleteMaterial, is_erasable)?;
            without_material(now)
        });
        for object in changed.map_err(gone)? {
            service.keyring.close(object.id);
            service.events.object_changed(&object);
        }
        Ok(Answer::new(Done {}))
    }
}
