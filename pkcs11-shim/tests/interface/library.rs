//! The library as programs load it.
#![expect(unsafe_code, reason = "loads a library")]

use std::ffi::{CStr, CString, c_void};
use std::path::PathBuf;

use coffer_pkcs11::ffi::exports::{BEFORE_INITIALIZE, READY};

/// The library that was built with this test.
fn library() -> CString {
    let test = std::env::current_exe().unwrap();
    let path: PathBuf = test.parent().unwrap().join("libcoffer_pkcs11.so");
    CString::new(path.into_os_string().into_encoded_bytes()).unwrap()
}

fn open(path: &CStr, flags: i32) -> *mut c_void {
    // SAFETY: the path is zero-terminated, and the library does nothing when it is loaded.
    unsafe { libc::dlopen(path.as_ptr(), flags) }
}

#[test]
fn every_function_is_exported_and_the_library_stays_when_it_is_closed() {
    let path = library();
    let library = open(&path, libc::RTLD_NOW);
    assert!(!library.is_null(), "{path:?}");
    for row in READY.iter().flat_map(|rows| rows.iter()).chain(BEFORE_INITIALIZE) {
        let name = CString::new(row.name).unwrap();
        // SAFETY: the handle is that of an open library and the name zero-terminated.
        let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
        assert!(!symbol.is_null(), "{name:?}");
    }
    // SAFETY: the handle is that of an open library; nothing of it is used afterwards.
    assert_eq!(unsafe { libc::dlclose(library) }, 0);
    let still_there = open(&path, libc::RTLD_NOW | libc::RTLD_NOLOAD);
    assert!(!still_there.is_null(), "threads inside would crash");
}
