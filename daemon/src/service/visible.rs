//! What a PKCS#11 session sees: token objects of its slot and session objects of its application, private ones
//! only while the user is logged in.

use std::sync::Arc;

use coffer_protocol::ErrorCode;

use super::Service;
use crate::Error;
use crate::application::{Application, SessionView};
use crate::object::{Object, ObjectId, builtin};

/// Whether the session sees the object. Keys that PKCS#11 has no numbers for, SM2 and SM4, are hidden from it
/// until their vendor dialects exist.
pub(super) fn sees(view: &SessionView, object: &Object) -> bool {
    object.slot == view.slot
        && (!object.is_private() || view.sees_private())
        && object.kind().is_some()
}

/// The object of an id, if the session sees it.
fn of_id(
    service: &Service,
    application: &Application,
    view: &SessionView,
    id: ObjectId,
) -> Option<Arc<Object>> {
    let object = service.registry.get(id);
    let object = object.or_else(|| application.session_object(id)).or_else(|| builtin::find(id))?;
    sees(view, &object).then_some(object)
}

/// The object behind a handle.
///
/// # Errors
///
/// `unknown` where there is none that the session sees.
pub(super) fn object(
    service: &Service,
    application: &Application,
    view: &SessionView,
    handle: u32,
    unknown: ErrorCode,
) -> Result<Arc<Object>, Error> {
    let id = application.id_of(handle).ok_or(unknown)?;
    of_id(service, application, view, id).ok_or(unknown.into())
}
