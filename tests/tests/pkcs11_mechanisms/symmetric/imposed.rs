//! Attributes that are arrays of attributes, in both directions.

use std::ptr::null_mut;

use coffer_tests::isolated::isolated;
use cryptoki_sys as sys;
use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG};

use super::{KEY, NO, YES, number, secret, start};
use coffer_tests::c::{list, plain};

/// The bytes of an array of attributes, for a template that has it as a value.
fn raw(array: &[CK_ATTRIBUTE]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: sys::CKA_WRAP_TEMPLATE,
        pValue: array.as_ptr().cast_mut().cast(),
        ulValueLen: size_of_val(array) as CK_ULONG,
    }
}

#[test]
fn a_template_goes_in_takes_effect_and_comes_out() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let kind = number(sys::CKK_AES);
        // By falling number, which does not matter.
        let wanted = list(&[(sys::CKA_SENSITIVE, YES), (sys::CKA_KEY_TYPE, &kind)]);
        let (class, length) = (number(sys::CKO_SECRET_KEY), number(32));
        let mut template = list(&[(sys::CKA_CLASS, &class), (sys::CKA_VALUE_LEN, &length)]);
        template.push(raw(&wanted));
        let generate = plain(sys::CKM_AES_KEY_GEN);
        let outer = session.generate_with(&generate, &mut template).unwrap();
        let open = secret(session, sys::CKK_AES, &KEY, &[]);
        let kwp = plain(sys::CKM_AES_KEY_WRAP_KWP);
        assert_eq!(session.wrap(&kwp, outer, open), Err(sys::CKR_KEY_HANDLE_INVALID));
        let closed = session
            .generate(&generate, &[(sys::CKA_VALUE_LEN, &length), (sys::CKA_EXTRACTABLE, YES)])
            .unwrap();
        assert!(session.wrap(&kwp, outer, closed).is_ok());

        // The length, then the lengths inside, then the values.
        let mut asked =
            CK_ATTRIBUTE { type_: sys::CKA_WRAP_TEMPLATE, pValue: null_mut(), ulValueLen: 0 };
        session.ask(outer, &mut asked).unwrap();
        assert_eq!(asked.ulValueLen, size_of_val(&wanted[..]) as CK_ULONG);
        let empty = CK_ATTRIBUTE { type_: 0, pValue: null_mut(), ulValueLen: 0 };
        let mut inner = [empty; 2];
        asked.pValue = inner.as_mut_ptr().cast();
        session.ask(outer, &mut asked).unwrap();
        let told = inner.map(|inner| (inner.type_, inner.ulValueLen));
        assert_eq!(told, [(sys::CKA_KEY_TYPE, 8), (sys::CKA_SENSITIVE, 1)]);
        let (mut number_out, mut flag_out) = ([0_u8; 8], [9_u8; 1]);
        inner[0].pValue = number_out.as_mut_ptr().cast();
        inner[1].pValue = flag_out.as_mut_ptr().cast();
        asked.pValue = inner.as_mut_ptr().cast();
        session.ask(outer, &mut asked).unwrap();
        assert_eq!((number_out, flag_out), (kind, [1]));
        inner[0].ulValueLen = 7;
        asked.pValue = inner.as_mut_ptr().cast();
        assert_eq!(session.ask(outer, &mut asked), Err(sys::CKR_BUFFER_TOO_SMALL));
        assert_eq!(inner[0].ulValueLen, sys::CK_UNAVAILABLE_INFORMATION);
        asked.pValue = inner.as_mut_ptr().cast();
        asked.ulValueLen = size_of::<CK_ATTRIBUTE>() as CK_ULONG;
        assert_eq!(session.ask(outer, &mut asked), Err(sys::CKR_BUFFER_TOO_SMALL));
        assert_eq!(asked.ulValueLen, sys::CK_UNAVAILABLE_INFORMATION);
        let mut none = CK_ATTRIBUTE { pValue: null_mut(), ..asked };
        assert_eq!(session.ask(open, &mut none), Err(sys::CKR_ATTRIBUTE_TYPE_INVALID));
    });
}

#[test]
fn arrays_that_cannot_be_are_refused() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let length = number(32);
        let generate = plain(sys::CKM_AES_KEY_GEN);
        let inner = list(&[(sys::CKA_SENSITIVE, YES)]);
        let twice = list(&[(sys::CKA_SENSITIVE, YES), (sys::CKA_SENSITIVE, NO)]);
        let value = list(&[(sys::CKA_VALUE, &KEY)]);
        let null = [CK_ATTRIBUTE { pValue: null_mut(), ..inner[0] }];
        let deep = [raw(&inner)];
        let huge = CK_ATTRIBUTE { ulValueLen: CK_ULONG::MAX - 15, ..raw(&inner) };
        let odd = CK_ATTRIBUTE { ulValueLen: 23, ..raw(&inner) };
        let nowhere = CK_ATTRIBUTE { pValue: null_mut(), ..raw(&inner) };
        for wrong in [raw(&twice), raw(&value), raw(&null), raw(&deep), huge, odd, nowhere] {
            let mut template = list(&[(sys::CKA_VALUE_LEN, &length)]);
            template.push(wrong);
            let made = session.generate_with(&generate, &mut template);
            assert_eq!(made, Err(sys::CKR_ATTRIBUTE_VALUE_INVALID));
        }
    });
}
