//! BindCloudResource and UnbindCloudResource: who uses a key, and for what.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{BindCloudResource, Done, UnbindCloudResource};

use super::super::{Answer, Authorized, Handle, Service};
use super::permit::{any, change, permitted};
use super::{meta, validate_name};
use crate::Error;
use crate::object::{Ending, KeyMeta, Object};

/// Longest name of either side in bytes.
const MAX_NAME: usize = 128;
/// Most bindings of a key.
const MAX_BINDINGS: usize = 1000;

fn validate(product: &str, resource: &str) -> Result<(), Error> {
    for (name, field) in [(product, "ProductId"), (resource, "ResourceId")] {
        if !(1..=MAX_NAME).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(Error::about(ErrorCode::InvalidValue, field));
        }
    }
    Ok(())
}

fn position(key: &KeyMeta, product: &str, resource: &str) -> Option<usize> {
    key.life.bindings.iter().position(|(who, what)| who == product && what == resource)
}

impl Handle for BindCloudResource {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        validate(&self.product, &self.resource)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        permitted(service, call.caller(), &call.request().key_id, Self::ROW.rule, any)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let Self { product, resource, .. } = call.request();
        change(service, &object, Self::ROW.rule, any, |key, _| {
            if position(key, product, resource).is_none() {
                if key.life.bindings.len() >= MAX_BINDINGS {
                    return Err(Error::about(ErrorCode::CmkLimitExceeded, "bindings"));
                }
                key.life.bindings.push((product.clone(), resource.clone()));
            }
            // What is in use must not lapse.
            key.valid_to = 0;
            key.warn_again(Ending::Material);
            Ok(())
        })?;
        Ok(Answer::new(Done {}))
    }
}

impl Handle for UnbindCloudResource {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        validate(&self.product, &self.resource)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let Self { key_id, product, resource } = call.request();
        let object = permitted(service, call.caller(), key_id, Self::ROW.rule, any)?;
        position(meta(&object)?, product, resource).ok_or(ErrorCode::BindingNotFound)?;
        Ok(object)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let Self { product, resource, .. } = call.request();
        change(service, &object, Self::ROW.rule, any, |key, _| {
            let at = position(key, product, resource).ok_or(ErrorCode::BindingNotFound)?;
            key.life.bindings.remove(at);
            Ok(())
        })?;
        Ok(Answer::new(Done {}))
    }
}
