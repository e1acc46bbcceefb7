//! Asynchronous calls (PKCS#11 3.2 section 5.21): C_OpenSession refuses the sessions that have them, so that in
//! those that there are the functions are not supported.

use cryptoki_sys::{CK_ASYNC_DATA, CK_BYTE, CK_SESSION_HANDLE, CK_ULONG, CK_UTF8CHAR};

use super::{exports, unsupported};

exports! { ASYNCHRONOUS: ready;
    C_AsyncComplete(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, result: *mut CK_ASYNC_DATA) = unsupported;
    C_AsyncGetID(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, id: *mut CK_ULONG) = unsupported;
    C_AsyncJoin(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, id: CK_ULONG, data: *mut CK_BYTE, data_length: CK_ULONG) = unsupported;
}
