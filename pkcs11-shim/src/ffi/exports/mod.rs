//! The exported functions: one row each, in one table per chapter of the standard.

mod asynchronous;
mod encryption;
mod general;
mod message;
mod object;
mod signature;

pub use asynchronous::*;
pub use encryption::*;
pub use general::*;
pub use message::*;
pub use object::*;
pub use signature::*;

use cryptoki_sys::CK_RV;

use crate::error::Error;
use crate::module::Module;

/// Makes an exported function of each row, and the table `$rows` of names and of calls in which every argument is
/// 0 or null.
///
/// A session that is the first argument is looked for before anything else is: that it is not there comes before
/// whatever is wrong with other arguments (section 5.1).
macro_rules! exports {
    ($rows:ident: $entry:ident; $( $name:ident $arguments:tt = $body:expr; )*) => {
        $( $crate::ffi::exports::exports!(@function $entry $name $arguments $arguments $body); )*

        /// The rows of this chapter, each called with nothing but zeros.
        pub const $rows: &[super::Row] = &[ $( super::Row {
            name: stringify!($name),
            body: stringify!($body),
            call_with_zeros: $crate::ffi::exports::exports!(@zeros $name $arguments),
        } ),* ];
    };
    (@function $entry:ident $name:ident ($($argument:ident: $type:ty),* $(,)?) $arguments:tt $body:expr) => {
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
            let session: Option<cryptoki_sys::CK_SESSION_HANDLE> = $crate::ffi::exports::session_of! $arguments;
            $crate::ffi::entry::$entry(stringify!($name), session, $body)
        }
    };
    (@zeros $name:ident ($($argument:ident: $type:ty),* $(,)?)) => {
        // SAFETY: null is a pointer that every function takes.
        || unsafe { $name($(<$type>::default()),*) }
    };
}
use exports;

/// The session, where it is the first argument.
macro_rules! session_of {
    ($session:ident: CK_SESSION_HANDLE $($rest:tt)*) => {
        Some($session)
    };
    ($($rest:tt)*) => {
        None
    };
}
use session_of;

/// A row, for tests.
#[derive(Clone, Copy)]
pub struct Row {
    /// The function's name.
    pub name: &'static str,
    /// What stands in its row: `unsupported` and `not_parallel` are what is not offered.
    pub body: &'static str,
    /// Calls it with every argument 0 or null.
    pub call_with_zeros: fn() -> CK_RV,
}

/// The rows of functions that need C_Initialize.
pub const READY: &[&[Row]] = &[
    INFORMATION,
    SESSIONS,
    OBJECTS,
    KEYS,
    ENCRYPTION,
    DIGESTS,
    SIGNATURES,
    MESSAGES,
    ASYNCHRONOUS,
];

/// The row of a function that is not there.
fn unsupported(_: &Module) -> Result<(), Error> {
    Err(Error::FunctionNotSupported)
}

/// The row of the functions that were parallel once (section 5.20).
fn not_parallel(_: &Module) -> Result<(), Error> {
    Err(Error::FunctionNotParallel)
}
