//! What every exported function does first and last: state, panics, result, log.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cryptoki_sys::{CK_RV, CKR_OK};

use super::process;
use crate::error::Error;
use crate::module::Module;

/// Runs a function that needs C_Initialize.
pub(super) fn ready(name: &str, call: impl FnOnce(&Module) -> Result<(), Error>) -> CK_RV {
    let Some(module) = process::module().filter(|module| module.is_initialized()) else {
        return Error::NotInitialized.ckr();
    };
    let result = guarded(|| call(module));
    if module.is_debug() {
        log(name, result);
    }
    result
}

/// Runs a function that may be called before C_Initialize.
pub(super) fn early(_name: &str, call: impl FnOnce() -> Result<(), Error>) -> CK_RV {
    guarded(call)
}

/// No panic leaves the module; every failure becomes a `CK_RV`.
pub fn guarded(call: impl FnOnce() -> Result<(), Error>) -> CK_RV {
    match catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Error::GeneralError)) {
        Ok(()) => CKR_OK,
        Err(error) => error.ckr(),
    }
}

/// The name of the function and its result, never a value.
fn log(name: &str, result: CK_RV) {
    // There is nobody to tell that standard error is closed.
    let _ = writeln!(std::io::stderr(), "coffer-pkcs11: {name} {result:#x}");
}
