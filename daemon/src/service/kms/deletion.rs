//! ScheduleKeyDeletion and CancelKeyDeletion.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeyState;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{
    CancelKeyDeletion, KeyChanged, ScheduleKeyDeletion, ScheduledDeletion,
};

use super::super::{Answer, Authorized, Handle, Service};
use super::permit::{any, change, permitted};
use super::validate_name;
use crate::Error;
use crate::object::{DAY, Ending, KeyMeta, Material, Object};

/// Shortest window in days.
const MIN_DAYS: i64 = 7;
/// Longest window that any configuration allows.
const MAX_DAYS: i64 = 1096;

/// Keys of PKCS#11 applications are destroyed by those.
fn is_cmk(key: &KeyMeta) -> Result<(), ErrorCode> {
    if key.is_cmk() { Ok(()) } else { Err(ErrorCode::UnsupportedOperation) }
}

impl Handle for ScheduleKeyDeletion {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        if (MIN_DAYS..=MAX_DAYS).contains(&self.days) {
            Ok(())
        } else {
            Err(ErrorCode::InvalidPendingWindow.into())
        }
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        if call.request().days > service.config.deletion.max_days {
            return Err(ErrorCode::InvalidPendingWindow.into());
        }
        permitted(service, call.caller(), &call.request().key_id, Self::ROW.rule, is_cmk)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<ScheduledDeletion>, Error> {
        let date = service.deadlines.now() + call.request().days * DAY;
        change(service, &object, Self::ROW.rule, is_cmk, |key, state| {
            key.state = state;
            key.deletion_date = date;
            key.warn_again(Ending::Key);
            Ok(())
        })?;
        let key_id = object.id.to_string();
        Ok(Answer::new(ScheduledDeletion { deletion_date: date, key_id }))
    }
}

impl Handle for CancelKeyDeletion {
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
    ) -> Result<Answer<KeyChanged>, Error> {
        let has_material = |id| {
            let now = service.registry.get(id);
            now.is_some_and(|object| matches!(object.material, Material::Stored))
        };
        let now = service.deadlines.now();
        change(service, &object, Self::ROW.rule, any, |key, state| {
            if key.is_due(now) && service.deadlines.settled().is_some() {
                return Err(ErrorCode::CmkNotFound.into());
            }
            key.state = if has_material(object.id) { state } else { KeyState::PendingImport };
            key.deletion_date = 0;
            Ok(())
        })?;
        Ok(Answer::new(KeyChanged { key_id: object.id.to_string() }))
    }
}
