//! Objects and keys (sections 5.7 and 5.18).

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG,
};
use zeroize::Zeroizing;

use super::exports;
use crate::error::Error;
use crate::ffi::authenticated::{self, Nonce};
use crate::ffi::pointers::{Buffer, length};
use crate::ffi::{derivation, derived, mechanism, template};
use crate::{encapsulate, object, wrap};

exports! { OBJECTS: ready;
    C_CreateObject(session: CK_SESSION_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE) =
        |module| object.expect()?.write(object::create(module, session, &template::given(attributes, count)?)?);
    C_CopyObject(session: CK_SESSION_HANDLE, original: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE) =
        |module| object.expect()?.write(object::copy(module, session, original, &template::given(attributes, count)?)?);
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) =
        |module| object::destroy(module, session, object);
    C_GetObjectSize(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG) =
        |module| size.expect()?.write(object::size(module, session, object)?);
    C_GetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG) =
        |module| {
            let (answers, outcome) =
                object::read(module, session, object, &template::wanted(attributes, count)?)?;
            template::answer(attributes, count, &answers)?;
            outcome
        };
    C_SetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG) =
        |module| object::change(module, session, object, &template::given(attributes, count)?);
    C_FindObjectsInit(session: CK_SESSION_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG) =
        |module| object::find_init(module, session, &template::given(attributes, count)?);
    C_FindObjects(session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, most: CK_ULONG, count: *mut CK_ULONG) =
        |module| {
            count.expect()?;
            // Checks the place before handles are handed out.
            objects.write_slice(&[], most)?;
            let found = object::find(module, session, most)?;
            objects.write_slice(&found, most)?;
            count.write(length(found.len())?)
        };
    C_FindObjectsFinal(session: CK_SESSION_HANDLE) = |module| object::find_final(module, session);
}

exports! { KEYS: ready;
    C_GenerateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE) =
        |module| {
            let call = mechanism::call(mechanism)?;
            let password = if mechanism.is_null() { Zeroizing::default() } else { derivation::password(mechanism)? };
            let template = template::given(attributes, count)?;
            key.expect()?.write(object::generate(module, session, call, &template, &password)?)
        };
    C_GenerateKeyPair(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE, public_count: CK_ULONG, private: *mut CK_ATTRIBUTE, private_count: CK_ULONG, public_key: *mut CK_OBJECT_HANDLE, private_key: *mut CK_OBJECT_HANDLE) =
        |module| {
            public_key.expect()?;
            private_key.expect()?;
            let call = mechanism::call(mechanism)?;
            let public = template::given(public, public_count)?;
            let private = template::given(private, private_count)?;
            let made = object::generate_pair(module, session, call, &public, &private)?;
            public_key.write(made.0)?;
            private_key.write(made.1)
        };
    C_WrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE, wrapped_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(wrapped, wrapped_length)?;
            let call = mechanism::call(mechanism)?;
            buffer.answer(wrap::wrap(module, session, call, wrapping, key, buffer.room())?)
        };
    C_UnwrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE, wrapped_length: CK_ULONG, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE) =
        |module| {
            key.expect()?;
            let call = mechanism::call(mechanism)?;
            let template = template::given(attributes, count)?;
            let wrapped = wrapped.slice(wrapped_length)?;
            key.write(wrap::unwrap(module, session, call, unwrapping, wrapped, &template)?)
        };
    C_DeriveKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE) =
        |module| {
            let call = mechanism::call(mechanism)?.ok_or(Error::ArgumentsBad)?;
            let (additional, back) = derived::back(mechanism)?;
            if back.has_key() {
                key.expect()?;
            }
            let template = template::given(attributes, count).inspect_err(|_| back.mark_first(key))?;
            let derived = object::derive(module, session, &call, base, &template, &additional)
                .inspect_err(|error| back.mark_refused(key, *error))?;
            back.give(&derived)?;
            match derived.keys[..] {
                [first, ..] if back.has_key() => key.write(first),
                _ => Ok(()),
            }
        };

    C_EncapsulateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public_key: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: *mut CK_ULONG, key: *mut CK_OBJECT_HANDLE) =
        |module| {
            let buffer = Buffer::new(ciphertext, ciphertext_length)?;
            key.expect()?;
            let call = mechanism::call(mechanism)?;
            let template = template::given(attributes, count)?;
            let room = buffer.room();
            let (output, made) = encapsulate::encapsulate(module, session, call, public_key, &template, room)?;
            if let Some(made) = made {
                key.write(made)?;
            }
            // The key exists before its ciphertext is handed out, which fits.
            buffer.answer(output)
        };
    C_DecapsulateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, private_key: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: CK_ULONG, key: *mut CK_OBJECT_HANDLE) =
        |module| {
            key.expect()?;
            let call = mechanism::call(mechanism)?;
            let template = template::given(attributes, count)?;
            let ciphertext = ciphertext.slice(ciphertext_length)?;
            key.write(encapsulate::decapsulate(module, session, call, private_key, ciphertext, &template)?)
        };
    C_WrapKeyAuthenticated(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, wrapped: *mut CK_BYTE, wrapped_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(wrapped, wrapped_length)?;
            let associated = data.slice(data_length)?;
            let authenticated = authenticated::read(module, mechanism, associated, Nonce::MayBeMade)?;
            let output = wrap::wrap(module, session, Some(authenticated.call), wrapping, key, buffer.room())?;
            if output.is_final() {
                authenticated.nonce.write()?;
            }
            buffer.answer(output)
        };
    C_UnwrapKeyAuthenticated(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE, wrapped_length: CK_ULONG, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, key: *mut CK_OBJECT_HANDLE) =
        |module| {
            key.expect()?;
            let authenticated = authenticated::read(module, mechanism, data.slice(data_length)?, Nonce::IsGiven)?;
            let template = template::given(attributes, count)?;
            let wrapped = wrapped.slice(wrapped_length)?;
            key.write(wrap::unwrap(module, session, Some(authenticated.call), unwrapping, wrapped, &template)?)
        };
}
