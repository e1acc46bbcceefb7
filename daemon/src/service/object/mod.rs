//! PKCS#11 objects: made, copied, read, changed, found, destroyed; and keys, generated.

mod amend;
mod certificate;
mod copy;
mod create;
mod derive;
mod describe;
mod destroy;
mod encapsulate;
mod find;
mod generate;
mod made;
mod place;
mod read;
mod rules;
mod set;
mod statement;
mod stop;
mod template;
mod unwrap;
mod wrap;

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::Operation;

use super::{Authorized, Service, visible};
use crate::Error;
use crate::application::{Application, SessionView};
use crate::object::Object;

/// Who asks for something to be done with objects: the application and its session.
struct Context<'c> {
    application: &'c Arc<Application>,
    session: SessionView,
}

impl<'c> Context<'c> {
    /// The context of a request.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`].
    fn of<O: Operation>(call: &Authorized<'c, O>, session: u32) -> Result<Self, Error> {
        let application = call.application()?;
        Ok(Self { application, session: application.session(session)? })
    }

    /// The object of a handle, if the session sees it.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ObjectInvalid`].
    fn object(&self, handle: u32, service: &Service) -> Result<Arc<Object>, Error> {
        let unknown = ErrorCode::ObjectInvalid;
        visible::object(service, self.application, &self.session, handle, unknown)
    }
}
