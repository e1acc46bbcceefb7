//! Null, zero and huge lengths at each helper that turns a pointer into something else.
#![expect(unsafe_code, reason = "pointers are what is tested")]

use coffer_pkcs11::error::Error;
use coffer_pkcs11::ffi::entry::guarded;
use coffer_pkcs11::ffi::pointers::{Buffer, Pointer};
use coffer_pkcs11::output::{Output, Room};
use cryptoki_sys::{CK_ULONG, CKR_GENERAL_ERROR};

const CALL: () = ();

fn pointer<T>(raw: *mut T) -> Pointer<'static, T> {
    // SAFETY: every test here passes null or the address of a local that outlives its use.
    unsafe { Pointer::new(raw, &CALL) }
}

fn null<T>() -> Pointer<'static, T> {
    pointer(std::ptr::null_mut())
}

#[test]
fn a_slice_is_empty_without_a_pointer_and_refused_where_the_pointer_lacks_or_the_length_is_huge() {
    let mut bytes = [1_u8, 2, 3];
    assert_eq!(pointer(&raw mut bytes[0]).slice(3).unwrap(), [1, 2, 3]);
    assert_eq!(null::<u8>().slice(0).unwrap(), [0_u8; 0]);
    assert_eq!(null::<u8>().slice(1).err(), Some(Error::ArgumentsBad));
    let mut words = [7_u64; 2];
    for huge in [CK_ULONG::MAX, CK_ULONG::MAX / 8 + 1, CK_ULONG::MAX / 2 + 1, 1 << 60] {
        assert_eq!(pointer(&raw mut words[0]).values(huge).err(), Some(Error::ArgumentsBad));
    }
}

#[test]
fn an_optional_slice_is_absent_for_null() {
    let mut byte = 5_u8;
    assert_eq!(null::<u8>().optional_slice(9).unwrap(), None);
    assert_eq!(pointer(&raw mut byte).optional_slice(1).unwrap(), Some(&[5][..]));
    assert!(pointer(&raw mut byte).optional_slice(CK_ULONG::MAX).is_err());
}

#[test]
fn one_value_is_read_and_written_unless_the_pointer_is_null() {
    let mut word = 5_u64;
    let place = pointer(&raw mut word);
    assert_eq!(place.read(), Ok(5));
    assert_eq!(place.write(6), Ok(()));
    assert_eq!(place.read(), Ok(6));
    assert!(place.expect().is_ok());
    assert_eq!(null::<u64>().read(), Err(Error::ArgumentsBad));
    assert_eq!(null::<u64>().write(1), Err(Error::ArgumentsBad));
    assert_eq!(null::<u64>().expect().err(), Some(Error::ArgumentsBad));
}

#[test]
fn values_are_written_only_where_they_fit() {
    let mut place = [0_u8; 3];
    let pointer = pointer(&raw mut place[0]);
    assert_eq!(pointer.write_slice(&[1, 2, 3], 2), Err(Error::BufferTooSmall));
    assert_eq!(pointer.write_slice(&[1, 2, 3], CK_ULONG::MAX), Err(Error::ArgumentsBad));
    assert_eq!(pointer.write_slice(&[1, 2], 3), Ok(()));
    assert_eq!(pointer.slice(3).unwrap(), [1, 2, 0]);
    assert_eq!(null::<u8>().write_slice(&[], 0), Ok(()));
    assert_eq!(null::<u8>().write_slice(&[1], 1), Err(Error::ArgumentsBad));
}

#[test]
fn a_place_has_the_length_asked_for() {
    let mut place = [0_u8; 3];
    for (pointer, length, expected) in [
        (pointer(&raw mut place[0]), 3, Ok(3)),
        (null(), 0, Ok(0)),
        (null(), 1, Err(Error::ArgumentsBad)),
        (pointer(&raw mut place[0]), CK_ULONG::MAX, Err(Error::ArgumentsBad)),
    ] {
        // SAFETY: nothing else refers to the array while the place does.
        let place = unsafe { pointer.place(length) };
        assert_eq!(place.map(|place| place.len()), expected);
    }
}

#[test]
fn text_is_compared_to_its_end_and_not_beyond() {
    let text = |bytes: &mut [u8]| pointer(bytes.as_mut_ptr()).is_text(c"PKCS 11");
    assert!(text(&mut b"PKCS 11\0".to_owned()));
    assert!(!text(&mut b"PKCS 11x".to_owned()));
    assert!(!text(&mut b"\0".to_owned()));
    assert!(!text(&mut b"PKCS\0".to_owned()));
    assert!(!null::<u8>().is_text(c"PKCS 11"));
}

#[test]
fn a_buffer_tells_the_length_and_takes_what_fits() {
    let (mut place, mut length) = ([0_u8; 4], 2);
    let buffer =
        |place: &mut [u8; 4], length| Buffer::new(pointer(place.as_mut_ptr()), pointer(length));

    let query = Buffer::new(null::<u8>(), pointer(&raw mut length)).unwrap();
    assert_eq!(query.room(), Room::Query);
    assert_eq!(query.answer(Output::Length(9)), Ok(()));
    assert_eq!(length, 9);

    length = 2;
    let short = buffer(&mut place, &raw mut length).unwrap();
    assert_eq!(short.room(), Room::Values(2));
    assert_eq!(short.fill(&[1, 2, 3]), Err(Error::BufferTooSmall));
    assert_eq!((length, place), (3, [0; 4]));

    let enough = buffer(&mut place, &raw mut length).unwrap();
    assert_eq!(enough.answer(Output::Bytes(vec![1, 2].into())), Ok(()));
    assert_eq!((length, place), (2, [1, 2, 0, 0]));

    let told = buffer(&mut place, &raw mut length).unwrap();
    assert_eq!(told.answer(Output::TooSmall(7)), Err(Error::BufferTooSmall));
    assert_eq!(length, 7);

    assert_eq!(Buffer::new(null::<u8>(), null()).err(), Some(Error::ArgumentsBad));
}

#[test]
fn a_panic_stays_inside() {
    assert_eq!(guarded(|| panic!("inside")), CKR_GENERAL_ERROR);
}
