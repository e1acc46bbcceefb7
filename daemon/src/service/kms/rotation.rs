//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus and RotateKey.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeyUsage, Origin};
use coffer_protocol::operation::kms::{
    DisableKeyRotation, Done, EnableKeyRotation, GetKeyRotationStatus, KeyRotationStatus,
    RotateKey, Rotated,
};
use coffer_protocol::operation::{KeyRule, Operation};

use super::super::{Answer, Authorized, Handle, Service};
use super::permit::{any, change, gone, permit, permitted};
use super::{find, in_range, material, meta, validate_name};
use crate::Error;
use crate::object::{Changes, DAY, KeyMeta, Object, ObjectId, cmk};

/// The period that a request means.
pub(super) fn period(days: Option<i64>) -> Result<u32, Error> {
    let days = days.unwrap_or(365);
    in_range(days, 7..=365, "RotateDays")?;
    u32::try_from(days).map_err(|_| Error::about(ErrorCode::InvalidValue, "RotateDays"))
}

/// Only symmetric CMKs made here rotate: PKCS#11 uses them with authenticated mechanisms only, so that a ciphertext
/// finds its version. `external` is the code for imported ones.
pub(super) fn can_rotate(
    usage: KeyUsage,
    origin: Origin,
    external: ErrorCode,
) -> Result<(), ErrorCode> {
    match (usage, origin) {
        (KeyUsage::EncryptDecrypt, Origin::Generated) => Ok(()),
        (KeyUsage::EncryptDecrypt, Origin::External) => Err(external),
        _ => Err(ErrorCode::RotateNotSupported),
    }
}

fn rotates(key: &KeyMeta) -> Result<(), ErrorCode> {
    can_rotate(key.usage, key.origin, ErrorCode::ExternalCmkCanNotRotate)
}

/// What RotateKey asks beside: that the key's rotation is enabled.
fn rotates_on_demand(key: &KeyMeta) -> Result<(), ErrorCode> {
    can_rotate(key.usage, key.origin, ErrorCode::RotateNotSupported)?;
    if key.life.rotation.days == 0 { Err(ErrorCode::RotateNotSupported) } else { Ok(()) }
}

impl Handle for EnableKeyRotation {
    type Plan = (Arc<Object>, u32);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        period(self.days).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let object =
            permitted(service, call.caller(), &call.request().key_id, Self::ROW.rule, rotates)?;
        Ok((object, period(call.request().days)?))
    }

    fn commit(
        _call: Authorized<'_, Self>,
        (object, days): Self::Plan,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let now = service.deadlines.now();
        change(service, &object, Self::ROW.rule, rotates, |key, _| {
            key.life.rotation = key.life.rotation.every(days, now);
            Ok(())
        })?;
        Ok(Answer::new(Done {}))
    }
}

impl Handle for DisableKeyRotation {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        permitted(service, call.caller(), &call.request().key_id, Self::ROW.rule, any)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        change(service, &object, Self::ROW.rule, any, |key, _| {
            key.life.rotation = key.life.rotation.every(0, 0);
            Ok(())
        })?;
        Ok(Answer::new(Done {}))
    }
}

impl Handle for GetKeyRotationStatus {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        find(service, call.caller(), &call.request().key_id)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        _service: &Service,
    ) -> Result<Answer<KeyRotationStatus>, Error> {
        let rotation = meta(&object)?.life.rotation;
        Ok(Answer::new(KeyRotationStatus {
            enabled: rotation.days != 0,
            days: rotation.days.into(),
            last: rotation.last,
            next: rotation.next,
            count: rotation.count.into(),
        }))
    }
}

/// Refuses a second rotation on demand within a day.
fn not_too_soon(key: &KeyMeta, now: i64) -> Result<(), Error> {
    let last = key.life.rotation.demanded;
    if last != 0 && now < last.saturating_add(DAY) {
        return Err(ErrorCode::RotateRateLimited.into());
    }
    Ok(())
}

impl Handle for RotateKey {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let object = permitted(
            service,
            call.caller(),
            &call.request().key_id,
            Self::ROW.rule,
            rotates_on_demand,
        )?;
        not_too_soon(meta(&object)?, service.deadlines.now())?;
        Ok(object)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Rotated>, Error> {
        let now = service.deadlines.now();
        rotate(service, &object, |now_object| {
            permit(service, now_object, KeyRule::Rotate, rotates_on_demand)?;
            not_too_soon(meta(now_object)?, now)?;
            Ok(true)
        })?;
        Ok(Answer::new(Rotated { task: ObjectId::random().to_string() }))
    }
}

/// Whether a rotation was asked for, or came by itself.
type IsDemanded = bool;

/// Makes a new version of a key, if `allow` still finds that it should. All versions before it decrypt on.
///
/// # Errors
///
/// What `allow` returns, or what vault and store report.
pub(super) fn rotate(
    service: &Service,
    object: &Object,
    allow: impl FnOnce(&Object) -> Result<IsDemanded, Error>,
) -> Result<(), Error> {
    let now = service.deadlines.now();
    let rotated = service.registry.change(&[object.id], |current| {
        let [current] = current else { return Err(ErrorCode::Internal.into()) };
        let demanded = allow(current)?;
        let mut next = current.snapshot();
        let key = next.key.as_mut().ok_or(ErrorCode::CmkNotFound)?;
        let version = key.version.checked_add(1).ok_or(ErrorCode::RotateNotSupported)?;
        let what = cmk::generation_of(key.spec);
        let (sealed, _) = material::generate(service, object.id, version, what)?;
        key.version = version;
        key.life.rotation = key.life.rotation.done(now);
        if demanded {
            key.life.rotation.demanded = now;
        }
        Ok(Changes { replaced: vec![next], materials: vec![sealed], ..Changes::default() })
    });
    for object in rotated.map_err(gone)? {
        service.keyring.close(object.id);
        service.events.object_changed(&object);
    }
    Ok(())
}
