//! Additional keys of a derivation of which one cannot be: which one is told, and none is made (PKCS#11 3.1 section
//! 6.42.8).

use std::cell::Cell;
use std::ptr::null_mut;

use coffer_tests::isolated::isolated;
use cryptoki_sys as sys;
use cryptoki_sys::{CK_ATTRIBUTE, CK_OBJECT_HANDLE, CK_RV, CK_ULONG};

use super::{NO, YES, number, secret, start};
use coffer_tests::c::{Session, list, with};

/// What is in the places of handles before.
const BEFORE: CK_OBJECT_HANDLE = 0x5a5a;
/// The first key and the additional ones.
const KEYS: usize = 4;

type Row = (&'static str, Vec<CK_ATTRIBUTE>, CK_RV);

/// Derives with these templates, of which the first is that of C_DeriveKey itself.
fn derive(
    session: Session,
    kdf: CK_ULONG,
    base: CK_OBJECT_HANDLE,
    templates: &mut [Vec<CK_ATTRIBUTE>; KEYS],
    handles: &[Cell<CK_OBJECT_HANDLE>; KEYS],
) -> Result<(), CK_RV> {
    let mut counter = sys::CK_SP800_108_COUNTER_FORMAT { bLittleEndian: 0, ulWidthInBits: 32 };
    let is_counter = kdf == sys::CKM_SP800_108_COUNTER_KDF;
    let mut parts = [sys::CK_PRF_DATA_PARAM {
        type_: sys::CK_SP800_108_ITERATION_VARIABLE,
        pValue: if is_counter { (&raw mut counter).cast() } else { null_mut() },
        ulValueLen: if is_counter { size_of_val(&counter) as CK_ULONG } else { 0 },
    }];
    let [first, rest @ ..] = templates;
    let places = handles[1..].iter();
    let mut additional: Vec<_> = rest
        .iter_mut()
        .zip(places)
        .map(|(template, place)| sys::CK_DERIVED_KEY {
            pTemplate: template.as_mut_ptr(),
            ulAttributeCount: template.len() as CK_ULONG,
            phKey: place.as_ptr(),
        })
        .collect();
    let count = additional.len() as CK_ULONG;
    if kdf == sys::CKM_SP800_108_FEEDBACK_KDF {
        let parameter = sys::CK_SP800_108_FEEDBACK_KDF_PARAMS {
            prfType: sys::CKM_SHA256_HMAC,
            ulNumberOfDataParams: 1,
            pDataParams: parts.as_mut_ptr(),
            ulIVLen: 0,
            pIV: null_mut(),
            ulAdditionalDerivedKeys: count,
            pAdditionalDerivedKeys: additional.as_mut_ptr(),
        };
        return session.derive_at(&with(kdf, &parameter), base, first, &handles[0]);
    }
    let parameter = sys::CK_SP800_108_KDF_PARAMS {
        prfType: sys::CKM_SHA256_HMAC,
        ulNumberOfDataParams: 1,
        pDataParams: parts.as_mut_ptr(),
        ulAdditionalDerivedKeys: count,
        pAdditionalDerivedKeys: additional.as_mut_ptr(),
    };
    session.derive_at(&with(kdf, &parameter), base, first, &handles[0])
}

#[test]
fn a_template_at_fault_is_told_by_its_handle_and_no_key_is_made() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let base = secret(session, sys::CKK_GENERIC_SECRET, &[7; 32], &[sys::CKA_DERIVE]);
        let (aes, sixteen, seventeen) = (number(sys::CKK_AES), number(16), number(17));
        let certificate = number(sys::CKO_CERTIFICATE);
        let token = [(sys::CKA_TOKEN, YES), (sys::CKA_VALUE_LEN, &sixteen[..])];
        let kept = [(sys::CKA_TOKEN, NO), (sys::CKA_VALUE_LEN, &sixteen[..])];
        let row = |name, more: &[(CK_ULONG, &[u8])], code| (name, list(more), code);
        let key_type = (sys::CKA_KEY_TYPE, &aes[..]);
        let length = kept[1];
        let mut nowhere = list(&[(sys::CKA_LABEL, b"label")]);
        nowhere[0].pValue = null_mut();
        let rows: Vec<Row> = vec![
            row(
                "no such length",
                &[key_type, (sys::CKA_VALUE_LEN, &seventeen)],
                sys::CKR_ATTRIBUTE_VALUE_INVALID,
            ),
            row("no length", &[key_type], sys::CKR_TEMPLATE_INCOMPLETE),
            row(
                "no such attribute",
                &[length, (0x7777, b"value")],
                sys::CKR_ATTRIBUTE_TYPE_INVALID,
            ),
            row(
                "not a boolean",
                &[length, (sys::CKA_SENSITIVE, b"no")],
                sys::CKR_ATTRIBUTE_VALUE_INVALID,
            ),
            row("nobody sets it", &[length, (sys::CKA_LOCAL, YES)], sys::CKR_ATTRIBUTE_READ_ONLY),
            row(
                "another class",
                &[length, (sys::CKA_CLASS, &certificate)],
                sys::CKR_TEMPLATE_INCONSISTENT,
            ),
            row(
                "two labels",
                &[length, (sys::CKA_LABEL, b"a"), (sys::CKA_LABEL, b"b")],
                sys::CKR_TEMPLATE_INCONSISTENT,
            ),
            ("no value", nowhere, sys::CKR_ATTRIBUTE_VALUE_INVALID),
        ];
        let count = |session: Session| session.find_all(&[]).unwrap().len();
        let before = count(session);
        for kdf in [
            sys::CKM_SP800_108_COUNTER_KDF,
            sys::CKM_SP800_108_FEEDBACK_KDF,
            sys::CKM_SP800_108_DOUBLE_PIPELINE_KDF,
        ] {
            for (name, template, code) in &rows {
                for at in 0..KEYS {
                    // Keys of the token and of the session, so that neither kind stays behind.
                    let good = [list(&token), list(&kept), list(&token), list(&kept)];
                    let mut templates = good;
                    templates[at].clone_from(template);
                    let handles = [const { Cell::new(BEFORE) }; KEYS];
                    let outcome = derive(session, kdf, base, &mut templates, &handles);
                    assert_eq!(outcome, Err(*code), "{kdf:#x} {name} {at}");
                    for (place, handle) in handles.iter().enumerate() {
                        let expected = if place == at { sys::CK_INVALID_HANDLE } else { BEFORE };
                        assert_eq!(handle.get(), expected, "{kdf:#x} {name} {at}: {place}");
                    }
                    assert_eq!(count(session), before, "{kdf:#x} {name} {at}");
                }
            }
            // What no template is to blame for marks none.
            let handles = [const { Cell::new(BEFORE) }; KEYS];
            let mut templates = [list(&kept), list(&kept), list(&kept), list(&kept)];
            let outcome = derive(session, kdf, BEFORE, &mut templates, &handles);
            assert_eq!(outcome, Err(sys::CKR_KEY_HANDLE_INVALID));
            assert!(handles.iter().all(|handle| handle.get() == BEFORE));
            derive(session, kdf, base, &mut templates, &handles).unwrap();
            for handle in &handles {
                session.destroy(handle.get()).unwrap();
            }
        }
        assert_eq!(count(session), before);
    });
}
