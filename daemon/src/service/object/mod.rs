//! PKCS#11 objects: made, copied, read, changed, found, destroyed; and keys, generated.

mod certificate;
mod copy;
mod create;
mod describe;
mod destroy;
mod find;
mod generate;
mod made;
mod place;
mod read;
mod rules;
mod set;
mod stop;
mod template;

pub(in crate::service) use describe::usage;
pub(in crate::service) use stop::Stop;

use std::sync::Arc;

use coffer_protocol::ErrorCode;

use super::{Authorized, Service};
use crate::Error;
use crate::application::{Application, SessionView};
use crate::object::Object;
use coffer_protocol::operation::Operation;

/// Who asks for something to be done with objects: the application and its session.
pub(in crate::service) struct Context<'c> {
    pub(in crate::service) application: &'c Arc<Application>,
    pub(in crate::service) session: SessionView,
}

impl<'c> Context<'c> {
    /// The context of a request.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`].
    pub(in crate::service) fn of<O: Operation>(
        call: &Authorized<'c, O>,
        session: u32,
    ) -> Result<Self, Error> {
        let application = call.application()?;
        Ok(Self { application, session: application.session(session)? })
    }

    /// The object of a handle, if the session sees it.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ObjectInvalid`].
    pub(in crate::service) fn object(
        &self,
        handle: u32,
        service: &Service,
    ) -> Result<Arc<Object>, Error> {
        let id = self.application.id_of(handle).ok_or(ErrorCode::ObjectInvalid)?;
        self.application
            .session_object(id)
            .or_else(|| service.registry.get(id))
            .filter(|object| object.slot == self.session.slot && is_visible(object, &self.session))
            .ok_or(ErrorCode::ObjectInvalid.into())
    }
}

/// Whether a session sees an object. Keys that PKCS#11 has no numbers for, SM2 and SM4, are hidden from it until
/// their vendor dialects exist.
fn is_visible(object: &Object, session: &SessionView) -> bool {
    object.kind().is_some() && (session.sees_private() || !object.is_private())
}
