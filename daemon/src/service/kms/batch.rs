//! DescribeKeys, EnableKeys and DisableKeys: several keys, all or none.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::kms::{DescribeKeys, DescribedKeys, DisableKeys, Done, EnableKeys};
use coffer_protocol::operation::{KeyRule, Operation};

use super::super::{Answer, Authorized, Handle, Service};
use super::describe::metadata;
use super::permit::{any, gone, permit};
use super::{find_all, validate_names};
use crate::Error;
use crate::object::{Changes, Object, ObjectId};

/// Names the key that stopped a batch, unless it is named already.
fn naming(error: Error, object: &Object) -> Error {
    match error {
        Error::Refused(code) => Error::about(code, object.id.to_string()),
        error => error,
    }
}

macro_rules! transitions {
    ($( $request:ident )*) => { $(
        impl Handle for $request {
            type Plan = Vec<Arc<Object>>;

            fn validate(&self, _payload_length: usize) -> Result<(), Error> {
                validate_names(&self.key_ids)
            }

            fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
                let objects = find_all(service, call.caller(), &call.request().key_ids)?;
                for object in &objects {
                    permit(service, object, Self::ROW.rule, any)
                        .map_err(|error| naming(error, object))?;
                }
                Ok(objects)
            }

            fn commit(
                _call: Authorized<'_, Self>,
                objects: Self::Plan,
                service: &Service,
            ) -> Result<Answer<Done>, Error> {
                apply(service, &objects, Self::ROW.rule)?;
                Ok(Answer::new(Done {}))
            }
        }
    )* };
}

transitions! { EnableKeys DisableKeys }

fn apply(service: &Service, objects: &[Arc<Object>], rule: KeyRule) -> Result<(), Error> {
    let ids: Vec<ObjectId> = objects.iter().map(|object| object.id).collect();
    let changed = service.registry.change(&ids, |now| {
        let mut changes = Changes { reserved: rule == KeyRule::Disable, ..Changes::default() };
        for object in now {
            let state =
                permit(service, object, rule, any).map_err(|error| naming(error, object))?;
            let mut next = object.snapshot();
            let key = next.key.as_mut().ok_or(ErrorCode::CmkNotFound)?;
            if key.state != state {
                key.state = state;
                changes.replaced.push(next);
            }
        }
        Ok(changes)
    });
    for object in changed.map_err(gone)? {
        service.keyring.close(object.id);
        service.events.object_changed(&object);
    }
    Ok(())
}

impl Handle for DescribeKeys {
    type Plan = Vec<Arc<Object>>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_names(&self.key_ids)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        find_all(service, call.caller(), &call.request().key_ids)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        objects: Self::Plan,
        service: &Service,
    ) -> Result<Answer<DescribedKeys>, Error> {
        let metadatas =
            objects.iter().map(|object| metadata(service, object)).collect::<Result<_, _>>()?;
        Ok(Answer::new(DescribedKeys { metadatas }))
    }
}
