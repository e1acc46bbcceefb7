//! C_Initialize and C_Finalize.
#![expect(unsafe_code, reason = "the functions are C's")]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Barrier;

use coffer_pkcs11::ffi::exports as c;
use cryptoki_sys::{
    CK_C_INITIALIZE_ARGS, CK_FLAGS, CK_RV, CKF_LIBRARY_CANT_CREATE_OS_THREADS, CKF_OS_LOCKING_OK,
    CKR_ARGUMENTS_BAD, CKR_CANT_LOCK, CKR_CRYPTOKI_ALREADY_INITIALIZED,
    CKR_CRYPTOKI_NOT_INITIALIZED, CKR_OK,
};

use crate::api;

unsafe extern "C" fn create(_: *mut *mut c_void) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn other(_: *mut c_void) -> CK_RV {
    CKR_OK
}

#[derive(Clone, Copy)]
enum Callbacks {
    None,
    Some,
    All,
}

fn initialize(callbacks: Callbacks, flags: CK_FLAGS, reserved: *mut c_void) -> CK_RV {
    let all = matches!(callbacks, Callbacks::All);
    let some = all || matches!(callbacks, Callbacks::Some);
    let mut arguments = CK_C_INITIALIZE_ARGS {
        CreateMutex: some.then_some(create),
        DestroyMutex: all.then_some(other),
        LockMutex: some.then_some(other),
        UnlockMutex: some.then_some(other),
        flags,
        pReserved: reserved,
    };
    // SAFETY: the structure is a local.
    unsafe { c::C_Initialize((&raw mut arguments).cast()) }
}

#[test]
fn arguments_are_taken_or_refused_as_section_5_4_says() {
    let _alone = api::alone();
    api::use_socket("/nonexistent/coffer.sock".as_ref());
    let mut byte = 0_u8;
    let reserved = (&raw mut byte).cast();
    for (callbacks, flags, reserved, expected) in [
        (Callbacks::None, 0, null_mut(), CKR_OK),
        (Callbacks::None, CKF_OS_LOCKING_OK, null_mut(), CKR_OK),
        (Callbacks::All, CKF_OS_LOCKING_OK, null_mut(), CKR_OK),
        (Callbacks::None, CKF_LIBRARY_CANT_CREATE_OS_THREADS, null_mut(), CKR_OK),
        (Callbacks::All, 0, null_mut(), CKR_CANT_LOCK),
        (Callbacks::Some, 0, null_mut(), CKR_ARGUMENTS_BAD),
        (Callbacks::Some, CKF_OS_LOCKING_OK, null_mut(), CKR_ARGUMENTS_BAD),
        (Callbacks::None, CKF_OS_LOCKING_OK, reserved, CKR_ARGUMENTS_BAD),
    ] {
        assert_eq!(initialize(callbacks, flags, reserved), expected);
        if expected == CKR_OK {
            api::finalize().unwrap();
        }
        assert_eq!(api::finalize(), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
    }
}

#[test]
fn a_second_initialize_and_a_reserved_argument_of_finalize_are_refused() {
    let _alone = api::alone();
    api::use_socket("/nonexistent/coffer.sock".as_ref());
    api::initialize().unwrap();
    assert_eq!(api::initialize(), Err(CKR_CRYPTOKI_ALREADY_INITIALIZED));
    let mut byte = 0_u8;
    // SAFETY: the pointer is not looked through.
    let refused = unsafe { c::C_Finalize((&raw mut byte).cast()) };
    assert_eq!(refused, CKR_ARGUMENTS_BAD);
    api::finalize().unwrap();
}

#[test]
fn of_threads_that_initialize_at_once_one_succeeds() {
    let _alone = api::alone();
    api::use_socket("/nonexistent/coffer.sock".as_ref());
    for _ in 0..20 {
        let start = Barrier::new(8);
        let results: Vec<_> = std::thread::scope(|scope| {
            let run = || {
                start.wait();
                api::initialize()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        let others = results.iter().filter_map(|result| result.err());
        assert!(others.into_iter().all(|code| code == CKR_CRYPTOKI_ALREADY_INITIALIZED));
        api::finalize().unwrap();
    }
}
