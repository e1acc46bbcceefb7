//! Objects: making, copying, destroying, reading, changing, finding them (section 5.7), generating keys (5.18).

use std::sync::Arc;

use coffer_protocol::attribute::MAX_ATTRIBUTES;
use coffer_protocol::mechanism::{Function, MechanismCall};
use coffer_protocol::operation::object::{
    CopyObject, CreateObject, DeriveKey, DestroyObject, FindObjects, GenerateKey, GenerateKeyPair,
    GetAttributes, GetObjectSize, ObjectDescription, SetAttributes,
};
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};
use zeroize::Zeroizing;

use crate::attribute::{self, Answer, Template, Wanted};
use crate::error::Error;
use crate::key::Before;
use crate::key_use::{KeyUse, parse};
use crate::module::Module;
use crate::operation::flag;
use crate::session::Session;
use crate::stream::append;

/// Bytes of a handle in the reply of a search.
const HANDLE: usize = 4;
/// Most objects that a search finds.
const MAX_FOUND: usize = 1_000_000;

/// An active search: what it found and how much of that was handed out.
pub(crate) struct Search {
    found: Vec<u32>,
    handed_out: usize,
}

/// `C_CreateObject`.
pub(crate) fn create(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    template: &Template,
) -> Result<CK_OBJECT_HANDLE, Error> {
    let session = module.sessions.find(handle)?;
    let before = session.application().keys.before();
    let request = CreateObject { session: session.number() };
    let reply = session.call(&request, &template.encode()?)?;
    Ok(keep_made(&session, reply.meta, before))
}

/// `C_CopyObject`.
pub(crate) fn copy(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: &Template,
) -> Result<CK_OBJECT_HANDLE, Error> {
    let session = module.sessions.find(handle)?;
    let before = session.application().keys.before();
    let request = CopyObject { session: session.number(), object: session.object(object) };
    let reply = session.call(&request, &template.encode()?).map_err(Error::about_object)?;
    Ok(keep_made(&session, reply.meta, before))
}

/// `C_DestroyObject`.
pub(crate) fn destroy(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let object = session.object(object);
    let request = DestroyObject { session: session.number(), object };
    let outcome = session.call(&request, &[]).map_err(Error::about_object);
    session.application().keys.forget(session.slot(), object);
    outcome?;
    session.operations().made.remove(&object);
    Ok(())
}

/// `C_GetObjectSize`.
pub(crate) fn size(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
) -> Result<CK_ULONG, Error> {
    let session = module.sessions.find(handle)?;
    let request = GetObjectSize { session: session.number(), object: session.object(object) };
    let reply = session.call(&request, &[]).map_err(Error::about_object)?;
    CK_ULONG::try_from(reply.meta.bytes).map_err(|_| Error::DeviceError)
}

/// `C_GetAttributeValue`: an answer for each entry, and whether all of them are values or lengths.
pub(crate) fn read(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    wanted: &[Wanted],
) -> Result<(Vec<Answer>, Result<(), Error>), Error> {
    let session = module.sessions.find(handle)?;
    let object = session.object(object);
    let mut all = (Vec::with_capacity(wanted.len()), Ok(()));
    let mut rest = wanted;
    loop {
        let some;
        (some, rest) = rest.split_at(rest.len().min(MAX_ATTRIBUTES));
        let kinds = some.iter().map(|wanted| wanted.kind).collect();
        let request = GetAttributes { session: session.number(), object, kinds };
        let reply = session.call(&request, &[]).map_err(Error::about_object)?;
        let (answers, outcome) = attribute::answers(some, &reply.meta.entries, &reply.payload)?;
        all.0.extend(answers);
        all.1 = all.1.and(outcome);
        if rest.is_empty() {
            return Ok(all);
        }
    }
}

/// `C_SetAttributeValue`.
pub(crate) fn change(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: &Template,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let object = session.object(object);
    let request = SetAttributes { session: session.number(), object };
    let outcome = session.call(&request, &template.encode()?).map_err(Error::about_object);
    session.application().keys.forget(session.slot(), object);
    outcome.map(|_| ())
}

/// `C_FindObjectsInit`: what is there now is found, whatever happens afterwards.
pub(crate) fn find_init(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    template: &Template,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    if operations.search.is_some() {
        return Err(Error::OperationActive);
    }
    let template = template.encode()?;
    session.application().drain_events();
    let before = session.application().keys.before();
    let mut found: Vec<u32> = Vec::new();
    loop {
        let after = found.last().copied().unwrap_or(0);
        let request = FindObjects { session: session.number(), after };
        let reply = session.call(&request, &template)?;
        let (handles, rest) = reply.payload.as_chunks::<HANDLE>();
        if !rest.is_empty() || (handles.is_empty() && reply.meta.more) {
            return Err(Error::DeviceError);
        }
        found.extend(handles.iter().map(|handle| u32::from_le_bytes(*handle)));
        for description in reply.meta.descriptions {
            session.application().keys.keep(session.slot(), &Arc::new(description), before);
        }
        if !reply.meta.more || found.len() >= MAX_FOUND {
            break;
        }
    }
    operations.search = Some(Search { found, handed_out: 0 });
    Ok(())
}

/// `C_FindObjects`: the next of what was found, at most `most`.
pub(crate) fn find(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    most: CK_ULONG,
) -> Result<Vec<CK_OBJECT_HANDLE>, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let search = operations.search.as_mut().ok_or(Error::OperationNotInitialized)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let next = search.found[search.handed_out..].iter().take(most);
    let handles: Vec<_> = next.map(|object| session.object_handle(*object)).collect();
    search.handed_out += handles.len();
    Ok(handles)
}

/// `C_FindObjectsFinal`.
pub(crate) fn find_final(module: &Module, handle: CK_SESSION_HANDLE) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let ended = session.operations().search.take();
    ended.map(|_| ()).ok_or(Error::OperationNotInitialized)
}

/// `C_GenerateKey`.
pub(crate) fn generate(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
    template: &Template,
    password: &[u8],
) -> Result<CK_OBJECT_HANDLE, Error> {
    let session = module.sessions.find(handle)?;
    let mechanism = mechanism.ok_or(Error::ArgumentsBad)?;
    parse(&mechanism, Function::Generate)?;
    let before = session.application().keys.before();
    let password_length = u32::try_from(password.len()).map_err(|_| Error::ArgumentsBad)?;
    let request = GenerateKey { session: session.number(), mechanism, password_length };
    let mut payload = template.encode()?;
    append(&mut payload, password);
    let _making = session.making.note(flag(Function::Generate));
    let reply = session.call(&request, &payload)?;
    Ok(keep_made(&session, reply.meta, before))
}

/// `C_GenerateKeyPair`: the handles of the public and of the private key.
pub(crate) fn generate_pair(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
    public: &Template,
    private: &Template,
) -> Result<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE), Error> {
    let session = module.sessions.find(handle)?;
    let mechanism = mechanism.ok_or(Error::ArgumentsBad)?;
    parse(&mechanism, Function::GenerateKeyPair)?;
    let before = session.application().keys.before();
    let mut payload = public.encode()?;
    let public_length = u32::try_from(payload.len()).map_err(|_| Error::ArgumentsBad)?;
    append(&mut payload, &private.encode()?);
    let request = GenerateKeyPair { session: session.number(), mechanism, public_length };
    let _making = session.making.note(flag(Function::GenerateKeyPair));
    let reply = session.call(&request, &payload)?;
    let public = keep_made(&session, reply.meta.public, before);
    let private = keep_made(&session, reply.meta.private, before);
    Ok((public, private))
}

/// Keys that were derived, and what else the mechanism gives.
pub(crate) struct Derived {
    /// Their handles, in the order of the mechanism.
    pub(crate) keys: Vec<CK_OBJECT_HANDLE>,
    /// What is no key.
    pub(crate) output: Zeroizing<Vec<u8>>,
}

/// `C_DeriveKey`.
pub(crate) fn derive(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    call: &MechanismCall,
    base: CK_OBJECT_HANDLE,
    template: &Template,
    additional: &[Template],
) -> Result<Derived, Error> {
    let session = module.sessions.find(handle)?;
    let call = call
        .with_keys(|named| u64::from(session.object(named)))
        .map_err(|_| Error::MechanismParamInvalid)?;
    let KeyUse { key, call: mechanism, .. } = KeyUse::new(&session, Function::Derive, call, base)?;
    let before = session.application().keys.before();
    let mut payload = template.encode()?;
    let mut lengths = Vec::with_capacity(additional.len());
    for template in additional {
        let encoded = template.encode()?;
        lengths.push(u32::try_from(encoded.len()).map_err(|_| Error::ArgumentsBad)?);
        append(&mut payload, &encoded);
    }
    let request =
        DeriveKey { session: session.number(), mechanism, key: key.object, additional: lengths };
    let _making = session.making.note(flag(Function::Derive));
    let reply = session.call(&request, &payload).map_err(Error::about_key)?;
    if reply.meta.keys.is_empty() {
        return Err(Error::DeviceError);
    }
    let keys = reply.meta.keys.into_iter().map(|made| keep_made(&session, made, before));
    Ok(Derived { keys: keys.collect(), output: reply.payload })
}

/// Remembers an object that was made, and gives its handle.
pub(crate) fn keep_made(
    session: &Session,
    made: ObjectDescription,
    before: Before,
) -> CK_OBJECT_HANDLE {
    let made = Arc::new(made);
    session.application().keys.keep(session.slot(), &made, before);
    session.operations().made.insert(made.object);
    session.object_handle(made.object)
}
