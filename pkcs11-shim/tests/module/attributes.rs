//! Objects: finding, reading and making them.

use coffer_protocol::attribute::{ALLOWED_MECHANISMS, CLASS, LABEL, TOKEN, VALUE};
use cryptoki_sys::{
    CK_UNAVAILABLE_INFORMATION, CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID,
    CKR_ATTRIBUTE_VALUE_INVALID, CKR_BUFFER_TOO_SMALL, CKR_OK, CKR_OPERATION_ACTIVE,
    CKR_OPERATION_NOT_INITIALIZED,
};

use crate::api;
use crate::fake::{AES, Fake};

const KEY: u64 = AES as u64;

#[test]
fn each_attribute_is_answered_by_itself() {
    let fake = Fake::start();
    let session = fake.session();
    let wanted = [
        (LABEL, Some(9)),
        (CLASS, Some(8)),
        (VALUE, Some(9)),
        (0x7777, None),
        (LABEL, None),
        (LABEL, Some(4)),
    ];
    let (rv, answers) = api::attributes(session, KEY, &wanted);
    assert_eq!(rv, CKR_ATTRIBUTE_SENSITIVE);
    assert_eq!((answers[0].0, &answers[0].1[..5]), (5, &b"label"[..]));
    assert_eq!((answers[1].0, answers[1].1.clone()), (8, 4_u64.to_ne_bytes().to_vec()));
    let lengths: Vec<_> = answers[2..].iter().map(|(length, _)| *length).collect();
    let unavailable = CK_UNAVAILABLE_INFORMATION;
    assert_eq!(lengths, [unavailable, unavailable, 5, unavailable]);
    assert!(answers[5].1.iter().all(|byte| *byte == 0), "nothing is written where it does not fit");
    assert_eq!(fake.take_frames(), ["GetAttributes"]);
}

#[test]
fn the_result_is_the_fault_of_an_entry() {
    let fake = Fake::start();
    let session = fake.session();
    let read = |wanted| api::attributes(session, KEY, wanted).0;
    assert_eq!(read(&[(LABEL, Some(5)), (CLASS, None)]), CKR_OK);
    assert_eq!(read(&[(LABEL, Some(5)), (0x7777, None)]), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_eq!(read(&[(LABEL, Some(4))]), CKR_BUFFER_TOO_SMALL);
    assert_eq!(fake.take_frames().len(), 3);
}

#[test]
fn many_attributes_take_more_than_one_request() {
    let fake = Fake::start();
    let session = fake.session();
    let wanted = [(LABEL, Some(5)); 300];
    let (rv, answers) = api::attributes(session, KEY, &wanted);
    assert_eq!(rv, CKR_OK);
    assert!(answers.iter().all(|(length, bytes)| *length == 5 && bytes == b"label"));
    assert_eq!(fake.take_frames(), ["GetAttributes"; 2]);
}

#[test]
fn a_search_is_asked_once_and_handed_out_in_portions() {
    let fake = Fake::start();
    let session = fake.session();
    assert_eq!(api::find(session, 1), Err(CKR_OPERATION_NOT_INITIALIZED));
    assert_eq!(api::find_final(session), Err(CKR_OPERATION_NOT_INITIALIZED));
    api::find_init(session, &[(LABEL, b"x")]).unwrap();
    assert_eq!(api::find_init(session, &[]), Err(CKR_OPERATION_ACTIVE));
    assert_eq!(api::find(session, 0), Ok(vec![]));
    assert_eq!(api::find(session, 3), Ok(vec![1, 2, 3]));
    assert_eq!(api::find(session, 3), Ok(vec![4]));
    assert_eq!(api::find(session, 3), Ok(vec![]));
    api::find_final(session).unwrap();
    assert_eq!(fake.take_frames(), ["FindObjects"]);
}

#[test]
fn a_search_goes_on_while_there_is_more() {
    let fake = Fake::start();
    let session = fake.session();
    fake.state().more_handles = vec![5, 6];
    api::find_init(session, &[]).unwrap();
    assert_eq!(api::find(session, 9), Ok(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(fake.take_frames(), ["FindObjects"; 2]);
}

#[test]
fn templates_are_checked_before_they_are_sent() {
    let fake = Fake::start();
    let session = fake.session();
    for (kind, value, expected) in [
        (TOKEN, &[2][..], CKR_ATTRIBUTE_VALUE_INVALID),
        (CLASS, &[4], CKR_ATTRIBUTE_VALUE_INVALID),
        (ALLOWED_MECHANISMS, &[], CKR_ATTRIBUTE_VALUE_INVALID),
        // An array with a class of no bytes, one that is none, and one that nobody knows.
        (cryptoki_sys::CKA_WRAP_TEMPLATE, &[0; 24], CKR_ATTRIBUTE_VALUE_INVALID),
        (cryptoki_sys::CKA_WRAP_TEMPLATE, &[0; 23], CKR_ATTRIBUTE_VALUE_INVALID),
        (0x4000_0299, &[0; 24], CKR_ATTRIBUTE_TYPE_INVALID),
    ] {
        assert_eq!(api::create(session, &[(kind, value)]), Err(expected));
        assert_eq!(api::find_init(session, &[(kind, value)]), Err(expected));
    }
    assert!(fake.take_frames().is_empty());
    assert_eq!(api::create(session, &[(TOKEN, &[1])]), Ok(KEY));
}
