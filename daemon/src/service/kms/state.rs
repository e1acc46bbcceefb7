//! EnableKey, DisableKey, ArchiveKey, CancelKeyArchive, UpdateKeyDescription and UpdateAlias.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::is_alias;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{
    ArchiveKey, CancelKeyArchive, DisableKey, Done, EnableKey, UpdateAlias, UpdateKeyDescription,
};

use super::super::{Answer, Authorized, Handle, Service};
use super::create::validate_description;
use super::permit::{any, change, gone, permit, permitted};
use super::validate_name;
use crate::Error;
use crate::object::{Changes, Object};

macro_rules! transitions {
    ($( $request:ident )*) => { $(
        impl Handle for $request {
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
                change(service, &object, Self::ROW.rule, any, |key, state| {
                    key.state = state;
                    Ok(())
                })?;
                Ok(Answer::new(Done {}))
            }
        }
    )* };
}

transitions! { EnableKey DisableKey ArchiveKey CancelKeyArchive }

impl Handle for UpdateKeyDescription {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        validate_description(&self.description)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        permitted(service, call.caller(), &call.request().key_id, Self::ROW.rule, any)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let description = &call.request().description;
        change(service, &object, Self::ROW.rule, any, |key, _| {
            key.description.clone_from(description);
            Ok(())
        })?;
        Ok(Answer::new(Done {}))
    }
}

/// Refuses an alias that another key has.
fn is_free(service: &Service, object: &Object, alias: &str) -> Result<(), Error> {
    match service.registry.by_alias(object.slot, alias) {
        Some(other) if other.id != object.id => {
            Err(Error::about(ErrorCode::AliasAlreadyExists, alias))
        }
        _ => Ok(()),
    }
}

impl Handle for UpdateAlias {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        if is_alias(&self.alias) { Ok(()) } else { Err(ErrorCode::InvalidAlias.into()) }
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let object =
            permitted(service, call.caller(), &call.request().key_id, Self::ROW.rule, any)?;
        is_free(service, &object, &call.request().alias)?;
        Ok(object)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let alias = &call.request().alias;
        let renamed = service.registry.change(&[object.id], |now| {
            let [now] = now else { return Err(ErrorCode::Internal.into()) };
            permit(service, now, Self::ROW.rule, any)?;
            let mut next = now.snapshot();
            if let Some(key) = &mut next.key {
                key.alias = Some(alias.clone());
            }
            Ok(Changes { replaced: vec![next], ..Changes::default() })
        });
        for object in renamed.map_err(gone)? {
            service.events.object_changed(&object);
        }
        Ok(Answer::new(Done {}))
    }
}
