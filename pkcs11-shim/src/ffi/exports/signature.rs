//! Signatures and their verification (sections 5.13 and 5.15).

use coffer_protocol::mechanism::Function::{Sign, SignRecover, Verify, VerifyRecover};
use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use super::exports;
use crate::ffi::mechanism;
use crate::ffi::pointers::Buffer;
use crate::{recover, signature};

exports! { SIGNATURES: ready;
    C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| signature::init(module, session, Sign, mechanism::call(mechanism)?, key);
    C_Sign(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(signature, signature_length)?;
            buffer.answer(signature::sign(module, session, data.slice(data_length)?, buffer.room())?)
        };
    C_SignUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG) =
        |module| signature::update(module, session, Sign, part.slice(part_length)?);
    C_SignFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(signature, signature_length)?;
            buffer.answer(signature::sign_final(module, session, buffer.room())?)
        };
    C_SignRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| recover::init(module, session, SignRecover, mechanism::call(mechanism)?, key);
    C_SignRecover(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(signature, signature_length)?;
            buffer.answer(recover::whole(module, session, SignRecover, data.slice(data_length)?, buffer.room())?)
        };

    C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| signature::init(module, session, Verify, mechanism::call(mechanism)?, key);
    C_Verify(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG) =
        |module| signature::verify(module, session, data.slice(data_length)?, signature.slice(signature_length)?);
    C_VerifyUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG) =
        |module| signature::update(module, session, Verify, part.slice(part_length)?);
    C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG) =
        |module| signature::verify_final(module, session, signature.slice(signature_length)?);
    C_VerifyRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| recover::init(module, session, VerifyRecover, mechanism::call(mechanism)?, key);
    C_VerifyRecover(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG, data: *mut CK_BYTE, data_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(data, data_length)?;
            buffer.answer(recover::whole(module, session, VerifyRecover, signature.slice(signature_length)?, buffer.room())?)
        };

    C_VerifySignatureInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG) =
        |module| {
            let call = mechanism::call(mechanism)?;
            signature::init_with_signature(module, session, call, key, signature.slice(signature_length)?)
        };
    C_VerifySignature(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) =
        |module| signature::verify_kept(module, session, Some(data.slice(data_length)?));
    C_VerifySignatureUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG) =
        |module| signature::update_kept(module, session, part.slice(part_length)?);
    C_VerifySignatureFinal(session: CK_SESSION_HANDLE) = |module| signature::verify_kept(module, session, None);
}
