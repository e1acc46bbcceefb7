//! C_EncapsulateKey and C_DecapsulateKey (PKCS#11 3.2 section 5.18).

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::{Function, MechanismCall, point_len};
use coffer_protocol::operation::object::{DecapsulateKey, EncapsulateKey, MAX_WRAPPED};
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use zeroize::Zeroizing;

use crate::attribute::Template;
use crate::error::Error;
use crate::key_use::KeyUse;
use crate::module::Module;
use crate::object::keep_made;
use crate::operation::flag;
use crate::output::{Output, Room};
use crate::wrap::UNWRAPPING;

/// `C_EncapsulateKey`: what leads the other side to the key, and the key, which is not made for a caller that only
/// learns the length.
pub(crate) fn encapsulate(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
    public: CK_OBJECT_HANDLE,
    template: &Template,
    room: Room,
) -> Result<(Output, Option<CK_OBJECT_HANDLE>), Error> {
    let session = module.sessions.find(handle)?;
    let call = mechanism.ok_or(Error::ArgumentsBad)?;
    let key_use = KeyUse::new(&session, Function::Encapsulate, call, public)?;
    if let Some(answer) = room.answer_exact(point_len(key_use.key.key_bits as usize)) {
        return Ok((answer, None));
    }
    let before = session.application().keys.before();
    let request = EncapsulateKey {
        session: session.number(),
        mechanism: key_use.call,
        key: key_use.key.object,
    };
    let _making = session.making.note(flag(Function::Encapsulate));
    let reply = session.call(&request, &template.encode()?).map_err(Error::about_key)?;
    let key = keep_made(&session, reply.meta.key, before);
    Ok((Output::Bytes(Zeroizing::new(reply.meta.ciphertext)), Some(key)))
}

/// `C_DecapsulateKey`.
pub(crate) fn decapsulate(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
    private: CK_OBJECT_HANDLE,
    ciphertext: &[u8],
    template: &Template,
) -> Result<CK_OBJECT_HANDLE, Error> {
    let session = module.sessions.find(handle)?;
    let call = mechanism.ok_or(Error::ArgumentsBad)?;
    let key_use = KeyUse::new(&session, Function::Decapsulate, call, private)
        .map_err(|error| error.about_outer(&UNWRAPPING))?;
    if ciphertext.len() > MAX_WRAPPED {
        return Err(Error::Refused(ErrorCode::WrappedKeyLength));
    }
    let before = session.application().keys.before();
    let request = DecapsulateKey {
        session: session.number(),
        mechanism: key_use.call,
        key: key_use.key.object,
        ciphertext: ciphertext.to_vec(),
    };
    let _making = session.making.note(flag(Function::Decapsulate));
    let reply = session
        .call(&request, &template.encode()?)
        .map_err(|error| error.about_outer(&UNWRAPPING))?;
    Ok(keep_made(&session, reply.meta, before))
}
