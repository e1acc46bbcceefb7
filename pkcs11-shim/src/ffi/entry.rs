//! What every exported function does first and last: state, panics, result, log.

use std::cell::Cell;
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use cryptoki_sys::{CK_RV, CK_SESSION_HANDLE, CKR_OK};

use super::process;
use crate::error::Error;
use crate::module::Module;

/// Runs a function that needs C_Initialize, and its session where it is given one.
pub(super) fn ready(
    name: &str,
    session: Option<CK_SESSION_HANDLE>,
    call: impl FnOnce(&Module) -> Result<(), Error>,
) -> CK_RV {
    let Some(module) = process::module().filter(|module| module.is_initialized()) else {
        return Error::NotInitialized.ckr();
    };
    let result = guarded(|| {
        let session = session.map(|session| module.sessions.find(session)).transpose()?;
        let outcome = call(module);
        if let (Err(error), Some(session)) = (&outcome, session) {
            session.operations().end_step(&session, name, *error);
        }
        outcome
    });
    if module.is_debug() {
        log(name, result);
    }
    result
}

/// Runs a function that may be called before C_Initialize.
pub(super) fn early(
    name: &str,
    _session: Option<CK_SESSION_HANDLE>,
    call: impl FnOnce() -> Result<(), Error>,
) -> CK_RV {
    let result = guarded(call);
    if process::module().is_some_and(Module::is_debug) {
        log(name, result);
    }
    result
}

thread_local! {
    /// Whether the thread is in a call; it has no destructor, for threads outlive the library's last use.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// No panic leaves the module or is written to the application's terminal; every failure becomes a `CK_RV`.
pub fn guarded(call: impl FnOnce() -> Result<(), Error>) -> CK_RV {
    silence_panics();
    INSIDE.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    INSIDE.set(false);
    match outcome.unwrap_or(Err(Error::GeneralError)) {
        Ok(()) => CKR_OK,
        Err(error) => error.ckr(),
    }
}

/// Panics of calls say nothing; those of a Rust program that links the module as a crate do as before.
fn silence_panics() {
    static DONE: AtomicBool = AtomicBool::new(false);
    // Not a `Once`: a child forked while another thread is in it would wait for ever.
    if DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !INSIDE.get() {
            before(panic);
        }
    }));
}

/// The name of the function and its result, never a value.
fn log(name: &str, result: CK_RV) {
    // There is nobody to tell that standard error is closed.
    let _ = writeln!(std::io::stderr(), "coffer-pkcs11: {name} {result:#x}");
}
