//! The C functions as safe Rust, linked in: it says what the `cryptoki` crate has no words for.
//!
//! Methods of [`Session`] are the functions, by their names in Rust's spelling. Each result that has a length is asked
//! for as PKCS#11 section 5.2 has it: the length, a place that is too short, the result.
#![expect(unsafe_code, reason = "the functions are C's")]

pub mod address;
mod key;
mod mechanism;
mod message;
mod module;
mod object;
mod operation;
mod session;
mod wrap;

use std::ptr::null_mut;

use coffer_pkcs11::ffi::exports;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_OBJECT_HANDLE, CK_RV, CK_ULONG, CKR_BUFFER_TOO_SMALL,
};

pub use mechanism::{Mechanism, plain, with, with_bytes};
pub use message::{Message, Position, Shape};
pub use module::{
    close_all_sessions, finalize, info, init_token, initialize, mechanism_flags, mechanisms,
    slot_info, slots, token_info, wait_for_slot_event,
};
pub use session::Session;

/// The result of a function, or its code.
pub type Answer<T> = Result<T, CK_RV>;
/// A template of plain values.
pub type Template<'a> = &'a [(CK_ATTRIBUTE_TYPE, &'a [u8])];
/// An object.
pub type Handle = CK_OBJECT_HANDLE;

/// `CK_TRUE`.
pub const YES: &[u8] = &[1];
/// `CK_FALSE`.
pub const NO: &[u8] = &[0];

/// Calls a C function; arguments live for the call.
macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: every pointer here is null or comes from something that outlives the call.
        match unsafe { $crate::c::exports::$name($($argument),*) } {
            cryptoki_sys::CKR_OK => Ok(()),
            code => Err(code),
        }
    }};
}
use call;

/// A number as attributes and parameters have it.
#[must_use]
pub const fn number(number: CK_ULONG) -> [u8; size_of::<CK_ULONG>()] {
    number.to_ne_bytes()
}

/// A number of bytes.
#[must_use]
pub const fn length(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

/// A template's attributes, which point to its values.
#[must_use]
pub fn list(template: Template<'_>) -> Vec<CK_ATTRIBUTE> {
    let attribute = |(kind, value): &(CK_ATTRIBUTE_TYPE, &[u8])| CK_ATTRIBUTE {
        type_: *kind,
        pValue: input(value).cast(),
        ulValueLen: length(value),
    };
    template.iter().map(attribute).collect()
}

/// What a function reads and does not write.
const fn input(bytes: &[u8]) -> *mut u8 {
    bytes.as_ptr().cast_mut()
}

fn size(length: CK_ULONG) -> usize {
    usize::try_from(length).expect("nothing here is that long")
}

/// Asks for the length, tries a buffer that is too short, and takes the result.
fn fill(mut call: impl FnMut(*mut u8, *mut CK_ULONG) -> Answer<()>) -> Answer<Vec<u8>> {
    let mut needed = 0;
    call(null_mut(), &raw mut needed)?;
    if needed > 0 {
        let mut short = vec![0; size(needed)];
        let mut told = 0;
        match call(short.as_mut_ptr(), &raw mut told) {
            Err(CKR_BUFFER_TOO_SMALL) => assert!(0 < told && told <= needed),
            // Nothing is as long as that.
            Ok(()) => return Ok(Vec::new()),
            Err(code) => return Err(code),
        }
        assert!(short.iter().all(|byte| *byte == 0), "nothing is written where there is no room");
    }
    let mut buffer = vec![0; size(needed.max(1))];
    let mut told = needed;
    let outcome = call(buffer.as_mut_ptr(), &raw mut told);
    if outcome.is_err() {
        assert!(buffer.iter().all(|byte| *byte == 0), "what fails writes nothing");
    }
    outcome?;
    buffer.truncate(size(told));
    Ok(buffer)
}
