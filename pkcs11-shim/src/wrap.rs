//! C_WrapKey and C_UnwrapKey (section 5.18).

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::{Function, MechanismCall};
use coffer_protocol::operation::object::{MAX_WRAPPED, UnwrapKey, WrapKey};
use cryptoki_sys::{self as sys, CK_OBJECT_HANDLE, CK_SESSION_HANDLE};

use crate::attribute::Template;
use crate::error::Error;
use crate::key_use::KeyUse;
use crate::module::Module;
use crate::object::keep_made;
use crate::operation::flag;
use crate::output::{Output, Room};

/// `C_WrapKey`. How long the result is depends on the key that is wrapped, so that it is made to learn it.
pub(crate) fn wrap(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
    wrapping: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    room: Room,
) -> Result<Output, Error> {
    let session = module.sessions.find(handle)?;
    let call = mechanism.ok_or(Error::ArgumentsBad)?;
    let wrapping = KeyUse::new(&session, Function::Wrap, call, wrapping)
        .map_err(|error| error.about_outer(&WRAPPING))?;
    let request = WrapKey {
        session: session.number(),
        mechanism: wrapping.call,
        key: session.object(key),
        wrapping: wrapping.key.object,
    };
    let _making = session.making.note(flag(Function::Wrap));
    let wrapped = session.call(&request, &[]).map_err(Error::about_key)?.payload;
    Ok(match room {
        Room::Query => Output::Length(wrapped.len()),
        Room::Values(room) if room < wrapped.len() => Output::TooSmall(wrapped.len()),
        Room::Values(_) => Output::Bytes(wrapped),
    })
}

/// `C_UnwrapKey`.
pub(crate) fn unwrap(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
    unwrapping: CK_OBJECT_HANDLE,
    wrapped: &[u8],
    template: &Template,
) -> Result<CK_OBJECT_HANDLE, Error> {
    let session = module.sessions.find(handle)?;
    let call = mechanism.ok_or(Error::ArgumentsBad)?;
    let unwrapping = KeyUse::new(&session, Function::Unwrap, call, unwrapping)
        .map_err(|error| error.about_outer(&UNWRAPPING))?;
    if wrapped.len() > MAX_WRAPPED {
        return Err(Error::Refused(ErrorCode::WrappedKeyLength));
    }
    let before = session.application().keys.before();
    let request = UnwrapKey {
        session: session.number(),
        mechanism: unwrapping.call,
        key: unwrapping.key.object,
        wrapped: wrapped.to_vec(),
    };
    let _making = session.making.note(flag(Function::Unwrap));
    let reply = session
        .call(&request, &template.encode()?)
        .map_err(|error| error.about_outer(&UNWRAPPING))?;
    Ok(keep_made(&session, reply.meta, before))
}

/// What is said of a key that another is wrapped under: of its handle, its size and its type.
pub(crate) struct Outer([ErrorCode; 3]);

const WRAPPING: Outer =
    Outer([ErrorCode::WrappingKeyInvalid, ErrorCode::WrappingKeySize, ErrorCode::WrappingKeyType]);
/// Of C_UnwrapKey and its like.
pub(crate) const UNWRAPPING: Outer = Outer([
    ErrorCode::UnwrappingKeyInvalid,
    ErrorCode::UnwrappingKeySize,
    ErrorCode::UnwrappingKeyType,
]);

impl Error {
    /// As a function that is given a key to wrap or unwrap with says it.
    pub(crate) fn about_outer(self, Outer([handle, size, kind]): &Outer) -> Self {
        match self.ckr() {
            sys::CKR_KEY_HANDLE_INVALID | sys::CKR_OBJECT_HANDLE_INVALID => Self::Refused(*handle),
            sys::CKR_KEY_SIZE_RANGE => Self::Refused(*size),
            sys::CKR_KEY_TYPE_INCONSISTENT => Self::Refused(*kind),
            _ => self,
        }
    }
}
