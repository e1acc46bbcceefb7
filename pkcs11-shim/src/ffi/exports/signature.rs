//! Signatures and their verification (sections 5.13 and 5.15).

use coffer_protocol::mechanism::Function::{Sign, Verify};
use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

use super::{exports, unsupported};
use crate::ffi::mechanism;
use crate::ffi::pointers::Buffer;
use crate::signature;

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
    C_SignRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) = unsupported;
    C_SignRecover(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) = unsupported;

    C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) =
        |module| signature::init(module, session, Verify, mechanism::call(mechanism)?, key);
    C_Verify(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG) =
        |module| signature::verify(module, session, data.slice(data_length)?, signature.slice(signature_length)?);
    C_VerifyUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG) =
        |module| signature::update(module, session, Verify, part.slice(part_length)?);
    C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG) =
        |module| signature::verify_final(module, session, signature.slice(signature_length)?);
    C_VerifyRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) = unsupported;
    C_VerifyRecover(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG, data: *mut CK_BYTE, data_length: *mut CK_ULONG) = unsupported;
}
