//! EnableKey and DisableKey.

use std::sync::Arc;

use coffer_protocol::operation::kms::{DisableKey, Done, EnableKey};
use coffer_protocol::operation::{KeyRule, Operation};

use super::super::{Answer, Authorized, Handle, Service};
use super::{find, meta, validate_name};
use crate::Error;
use crate::object::{Change, Object};
use crate::state::key::{self, Outcome};

/// Applies the key-state table to a key, keeps the result and tells of it.
fn apply(service: &Service, object: &Object, rule: KeyRule) -> Result<(), Error> {
    let changed =
        service.registry.update(object.id, |now| match key::outcome(rule, meta(now)?.state) {
            Outcome::Stay => Ok(Change::Unchanged),
            Outcome::Refuse(code) => Err(code.into()),
            Outcome::Become(state) => {
                let mut next = now.snapshot();
                if let Some(key) = &mut next.key {
                    key.state = state;
                }
                Ok(Change::Replaced(Box::new(next)))
            }
        })?;
    service.keyring.close(changed.id);
    service.events.object_changed(&changed);
    Ok(())
}

macro_rules! transitions {
    ($( $request:ident )*) => { $(
        impl Handle for $request {
            type Plan = Arc<Object>;

            fn validate(&self, _payload_length: usize) -> Result<(), Error> {
                validate_name(&self.key_id)
            }

            fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
                let object = find(service, call.caller(), &call.request().key_id)?;
                key::check(Self::ROW.rule, meta(&object)?.state)?;
                Ok(object)
            }

            fn commit(
                _call: Authorized<'_, Self>,
                object: Arc<Object>,
                service: &Service,
            ) -> Result<Answer<Done>, Error> {
                apply(service, &object, Self::ROW.rule)?;
                Ok(Answer::new(Done {}))
            }
        }
    )* };
}

transitions! { EnableKey DisableKey }
