//! DestroyObject.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute as a;
use coffer_protocol::key::KeyState;
use coffer_protocol::operation::object::{DestroyObject, Nothing};

use super::{Context, rules};
use crate::Error;
use crate::object::{Object, Tombstone};
use crate::service::{Answer, Authorized, Handle, Service};

impl Handle for DestroyObject {
    type Plan = Arc<Object>;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let request = call.request();
        let context = Context::of(call, request.session)?;
        let object = context.object(request.object, service)?;
        rules::may_write(&context.session, &object.attributes)?;
        // A CMK goes through the window of its deletion only.
        if object.is_cmk() || !object.attributes.flag(a::DESTROYABLE) {
            return Err(ErrorCode::ActionProhibited.into());
        }
        Ok(object)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Nothing>, Error> {
        let application = call.application()?;
        if object.is_token() {
            service.destroy_object(&object)?;
            application.forget(object.id);
        } else if !application.remove_session_object(object.id) {
            return Err(ErrorCode::ObjectInvalid.into());
        }
        Ok(Answer::new(Nothing {}))
    }
}

impl Service {
    /// Destroys a token object and, for good, its material, and tells of it.
    ///
    /// Copies of the key in sessions go on, as PKCS#11 has it; but not those of a key whose state forbids its use,
    /// which nobody escapes by destroying it.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ObjectInvalid`] where it is gone already, or what the store reports.
    pub fn destroy_object(&self, object: &Object) -> Result<(), Error> {
        let tombstone = Tombstone::of(object, self.clock.now());
        let destroyed = self.registry.destroy(object.id, tombstone.to_bytes())?;
        self.keyring.close(destroyed.id);
        self.uses.forget(destroyed.id);
        self.ivs.forget(destroyed.id);
        if destroyed.key.as_ref().is_some_and(|key| key.state != KeyState::Enabled) {
            for application in self.applications.all() {
                application.drop_references(destroyed.id);
            }
        }
        self.events.object_changed(&destroyed);
        Ok(())
    }
}
