//! The exported functions: one row each, in one table per chapter of the standard.

mod encryption;
mod general;
mod later;
mod object;
mod signature;

pub use encryption::*;
pub use general::*;
pub use later::*;
pub use object::*;
pub use signature::*;

use cryptoki_sys::CK_RV;

use crate::error::Error;
use crate::module::Module;

/// Makes an exported function of each row, and the table `$rows` of names and of calls in which every argument is
/// 0 or null.
macro_rules! exports {
    ($rows:ident: $entry:ident; $( $name:ident($($argument:ident: $type:ty),* $(,)?) = $body:expr; )*) => {
        $(
            #[doc = concat!("`", stringify!($name), "` of PKCS#11.")]
            ///
            /// # Safety
            ///
            /// Pointers are null or as PKCS#11 section 5 asks of the caller.
            #[unsafe(no_mangle)]
            #[allow(non_snake_case, unused_variables, reason = "names are those of PKCS#11; rows may ignore arguments")]
            pub unsafe extern "C" fn $name($($argument: $type),*) -> cryptoki_sys::CK_RV {
                let call = ();
                $(
                    // SAFETY: the caller vouches for its pointers.
                    let $argument = unsafe { $crate::ffi::pointers::Argument::receive($argument, &call) };
                )*
                $crate::ffi::entry::$entry(stringify!($name), $body)
            }
        )*

        /// The rows of this chapter, each called with nothing but zeros.
        pub const $rows: &[super::Row] = &[ $( super::Row {
            name: stringify!($name),
            // SAFETY: null is a pointer that every function takes.
            call_with_zeros: || unsafe { $name($(<$type>::default()),*) },
        } ),* ];
    };
}
use exports;

/// A row, for tests.
#[derive(Clone, Copy)]
pub struct Row {
    /// The function's name.
    pub name: &'static str,
    /// Calls it with every argument 0 or null.
    pub call_with_zeros: fn() -> CK_RV,
}

/// The rows of functions that need C_Initialize.
pub const READY: &[&[Row]] =
    &[INFORMATION, SESSIONS, OBJECTS, KEYS, ENCRYPTION, DIGESTS, SIGNATURES, MESSAGES, LATEST];

/// The row of a function that is not there.
fn unsupported(_: &Module) -> Result<(), Error> {
    Err(Error::FunctionNotSupported)
}

/// The row of the functions that were parallel once (section 5.20).
fn not_parallel(_: &Module) -> Result<(), Error> {
    Err(Error::FunctionNotParallel)
}
