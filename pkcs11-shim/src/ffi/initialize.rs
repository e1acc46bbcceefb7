//! C_Initialize and C_Finalize (section 5.4).

use std::ffi::c_void;

use cryptoki_sys::{CK_C_INITIALIZE_ARGS, CKF_OS_LOCKING_OK};

use super::pointers::Pointer;
use super::process;
use crate::config::Config;
use crate::error::Error;

/// `C_Initialize`: the arguments are looked at now and not kept.
pub(super) fn initialize(arguments: Pointer<'_, c_void>) -> Result<(), Error> {
    if !arguments.is_null() {
        // SAFETY: section 5.4 says that what the argument points to is such a structure.
        check(&unsafe { arguments.cast::<CK_C_INITIALIZE_ARGS>() }.read()?)?;
    }
    process::module_or_new().initialize(Config::read(process::environment()))
}

/// The module locks with the system's means and creates no threads.
fn check(arguments: &CK_C_INITIALIZE_ARGS) -> Result<(), Error> {
    if !arguments.pReserved.is_null() {
        return Err(Error::ArgumentsBad);
    }
    let callbacks = [
        arguments.CreateMutex.is_some(),
        arguments.DestroyMutex.is_some(),
        arguments.LockMutex.is_some(),
        arguments.UnlockMutex.is_some(),
    ];
    let (all, any) = (callbacks.iter().all(|set| *set), callbacks.iter().any(|set| *set));
    let may_use_system = arguments.flags & CKF_OS_LOCKING_OK != 0;
    match (any, all) {
        (true, false) => Err(Error::ArgumentsBad),
        (true, true) if !may_use_system => Err(Error::CantLock),
        _ => Ok(()),
    }
}

/// `C_Finalize`.
pub(super) fn finalize(reserved: Pointer<'_, c_void>) -> Result<(), Error> {
    let module = process::module().ok_or(Error::NotInitialized)?;
    if !module.is_initialized() {
        return Err(Error::NotInitialized);
    }
    if !reserved.is_null() {
        return Err(Error::ArgumentsBad);
    }
    module.finalize()
}
