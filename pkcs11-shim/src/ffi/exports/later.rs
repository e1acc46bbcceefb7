//! What PKCS#11 3.0 and 3.2 added (messages, encapsulation, asynchronous calls): present, and not supported yet.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_ASYNC_DATA, CK_ATTRIBUTE, CK_BYTE, CK_FLAGS, CK_MECHANISM, CK_OBJECT_HANDLE,
    CK_SESSION_HANDLE, CK_SESSION_VALIDATION_FLAGS_TYPE, CK_ULONG, CK_UTF8CHAR,
};

use super::{exports, unsupported};

exports! { MESSAGES: ready;
    C_MessageEncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) = unsupported;
    C_EncryptMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: *mut CK_ULONG) = unsupported;
    C_EncryptMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG) = unsupported;
    C_EncryptMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: *mut CK_ULONG, flags: CK_FLAGS) = unsupported;
    C_MessageEncryptFinal(session: CK_SESSION_HANDLE) = unsupported;
    C_MessageDecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) = unsupported;
    C_DecryptMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: *mut CK_ULONG) = unsupported;
    C_DecryptMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG) = unsupported;
    C_DecryptMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: CK_ULONG, plaintext: *mut CK_BYTE, plaintext_length: *mut CK_ULONG, flags: CK_FLAGS) = unsupported;
    C_MessageDecryptFinal(session: CK_SESSION_HANDLE) = unsupported;
    C_MessageSignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) = unsupported;
    C_SignMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) = unsupported;
    C_SignMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG) = unsupported;
    C_SignMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: *mut CK_ULONG) = unsupported;
    C_MessageSignFinal(session: CK_SESSION_HANDLE) = unsupported;
    C_MessageVerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) = unsupported;
    C_VerifyMessage(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG) = unsupported;
    C_VerifyMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG) = unsupported;
    C_VerifyMessageNext(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_length: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, signature: *mut CK_BYTE, signature_length: CK_ULONG) = unsupported;
    C_MessageVerifyFinal(session: CK_SESSION_HANDLE) = unsupported;
}

exports! { LATEST: ready;
    C_EncapsulateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public_key: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: *mut CK_ULONG, key: *mut CK_OBJECT_HANDLE) = unsupported;
    C_DecapsulateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, private_key: CK_OBJECT_HANDLE, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_length: CK_ULONG, key: *mut CK_OBJECT_HANDLE) = unsupported;
    C_VerifySignatureInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE, signature: *mut CK_BYTE, signature_length: CK_ULONG) = unsupported;
    C_VerifySignature(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) = unsupported;
    C_VerifySignatureUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_length: CK_ULONG) = unsupported;
    C_VerifySignatureFinal(session: CK_SESSION_HANDLE) = unsupported;
    C_GetSessionValidationFlags(session: CK_SESSION_HANDLE, kind: CK_SESSION_VALIDATION_FLAGS_TYPE, flags: *mut CK_FLAGS) = unsupported;
    C_AsyncComplete(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, result: *mut CK_ASYNC_DATA) = unsupported;
    C_AsyncGetID(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, id: *mut CK_ULONG) = unsupported;
    C_AsyncJoin(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, id: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG) = unsupported;
    C_WrapKeyAuthenticated(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG, wrapped: *mut CK_BYTE, wrapped_length: *mut CK_ULONG) = unsupported;
    C_UnwrapKeyAuthenticated(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE, wrapped_length: CK_ULONG, attributes: *mut CK_ATTRIBUTE, count: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG, key: *mut CK_OBJECT_HANDLE) = unsupported;
}
