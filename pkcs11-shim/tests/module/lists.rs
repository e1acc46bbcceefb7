//! Function lists and interfaces.
#![expect(unsafe_code, reason = "the functions are C's")]

use std::collections::HashSet;
use std::ffi::CStr;
use std::mem::offset_of;
use std::ptr::null_mut;

use coffer_pkcs11::ffi::exports as c;
use coffer_pkcs11::ffi::list::{LIST_2_40, LIST_3_0, LIST_3_2};
use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0, CK_FUNCTION_LIST_3_2, CK_INFO, CK_INTERFACE,
    CK_VERSION, CKF_INTERFACE_FORK_SAFE, CKR_ARGUMENTS_BAD, CKR_BUFFER_TOO_SMALL,
    CKR_CRYPTOKI_NOT_INITIALIZED, CKR_OK,
};

use crate::api;

/// The words of a list after its version: function pointers, none of which may be null.
fn entries<T>(list: &T, first: usize) -> Vec<usize> {
    let start = (&raw const *list).cast::<usize>();
    let words = first / size_of::<usize>()..size_of::<T>() / size_of::<usize>();
    let word = |at| {
        // SAFETY: the word is inside the list.
        let place = unsafe { start.add(at) };
        // SAFETY: it is aligned, and a function pointer or null.
        unsafe { place.read() }
    };
    words.map(word).collect()
}

#[test]
fn no_list_has_a_hole() {
    for (entries, count) in [
        (entries(&LIST_2_40, offset_of!(CK_FUNCTION_LIST, C_Initialize)), 68),
        (entries(&LIST_3_0, offset_of!(CK_FUNCTION_LIST_3_0, C_Initialize)), 92),
        (entries(&LIST_3_2, offset_of!(CK_FUNCTION_LIST_3_2, C_Initialize)), 104),
    ] {
        assert_eq!(entries.len(), count);
        assert!(!entries.contains(&0));
        assert_eq!(entries.iter().collect::<HashSet<_>>().len(), count, "a function twice");
    }
}

#[test]
fn every_function_of_the_standard_is_a_row() {
    let rows = c::READY.iter().flat_map(|rows| rows.iter()).chain(c::BEFORE_INITIALIZE);
    assert_eq!(rows.map(|row| row.name).collect::<HashSet<_>>().len(), 104);
}

#[test]
fn every_function_needs_initialize_except_four() {
    let _alone = api::alone();
    for row in c::READY.iter().flat_map(|rows| rows.iter()) {
        assert_eq!((row.call_with_zeros)(), CKR_CRYPTOKI_NOT_INITIALIZED, "{}", row.name);
    }
}

#[test]
fn the_function_list_is_the_one_of_2_40() {
    let mut list = null_mut();
    // SAFETY: the place is a local.
    assert_eq!(unsafe { c::C_GetFunctionList(&raw mut list) }, CKR_OK);
    // SAFETY: the function gave a pointer to a static list.
    let version = unsafe { (*list).version };
    assert_eq!((version.major, version.minor), (2, 40));
    // SAFETY: null is allowed.
    assert_eq!(unsafe { c::C_GetFunctionList(null_mut()) }, CKR_ARGUMENTS_BAD);
}

fn interface(name: Option<&CStr>, version: Option<(u8, u8)>, flags: u64) -> Result<(u8, u8), u64> {
    let mut found: *mut CK_INTERFACE = null_mut();
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(null_mut(), |version| &raw mut *version);
    let name = name.map_or(null_mut(), |name| name.as_ptr().cast_mut().cast());
    // SAFETY: the pointers are null or to locals and constants.
    match unsafe { c::C_GetInterface(name, version, &raw mut found, flags) } {
        CKR_OK => {
            // SAFETY: the function gave a pointer to a static interface, whose list begins with a version.
            let list = unsafe { (*found).pFunctionList };
            // SAFETY: as above.
            let version = unsafe { list.cast::<CK_VERSION>().read() };
            Ok((version.major, version.minor))
        }
        code => Err(code),
    }
}

#[test]
fn an_interface_is_found_by_name_version_and_flags() {
    let name = Some(c"PKCS 11");
    assert_eq!(interface(None, None, 0), Ok((3, 2)));
    assert_eq!(interface(name, None, 0), Ok((3, 2)));
    for version in [(2, 40), (3, 0), (3, 2)] {
        assert_eq!(interface(name, Some(version), 0), Ok(version));
    }
    assert_eq!(interface(name, Some((3, 1)), 0), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(interface(Some(c"PKCS 12"), None, 0), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(interface(Some(c"Vendor NSS Module Interface"), None, 0), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(interface(name, None, CKF_INTERFACE_FORK_SAFE), Err(CKR_ARGUMENTS_BAD));
}

#[test]
fn the_list_of_interfaces_follows_the_output_convention() {
    let mut count = 0;
    // SAFETY: null asks for the length; the place is a local.
    assert_eq!(unsafe { c::C_GetInterfaceList(null_mut(), &raw mut count) }, CKR_OK);
    assert_eq!(count, 3);
    let mut list =
        [CK_INTERFACE { pInterfaceName: null_mut(), pFunctionList: null_mut(), flags: 0 }; 3];
    count = 2;
    // SAFETY: the list has room for two.
    let short = unsafe { c::C_GetInterfaceList(list.as_mut_ptr(), &raw mut count) };
    assert_eq!((short, count), (CKR_BUFFER_TOO_SMALL, 3));
    // SAFETY: the list has room for three.
    assert_eq!(unsafe { c::C_GetInterfaceList(list.as_mut_ptr(), &raw mut count) }, CKR_OK);
    for interface in list {
        // SAFETY: names are static and zero-terminated.
        assert_eq!(unsafe { CStr::from_ptr(interface.pInterfaceName.cast()) }, c"PKCS 11");
    }
}

#[test]
fn each_list_has_the_info_of_its_version() {
    let _alone = api::alone();
    api::use_socket("/nonexistent/coffer.sock".as_ref());
    api::initialize().unwrap();
    for (info, expected) in
        [(LIST_2_40.C_GetInfo, (2, 40)), (LIST_3_0.C_GetInfo, (3, 0)), (LIST_3_2.C_GetInfo, (3, 2))]
    {
        let mut place = CK_INFO::default();
        // SAFETY: the place is a local.
        assert_eq!(unsafe { info.unwrap()(&raw mut place) }, CKR_OK);
        assert_eq!((place.cryptokiVersion.major, place.cryptokiVersion.minor), expected);
        assert_eq!(&place.manufacturerID, b"Coffer                          ");
    }
    api::finalize().unwrap();
}
