//! What a copy may be that its original is not (PKCS#11 3.1 section 4.1.3): the same whether the original is modifiable or
//! not, because it is `CKA_COPYABLE` that forbids copies (section 4.4).

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{NO, YES, number};
use coffer_tests::c::{Handle, Session};

const PROHIBITED: CK_RV = CKR_ACTION_PROHIBITED;
const READ_ONLY: CK_RV = CKR_ATTRIBUTE_READ_ONLY;
const OPEN: CK_RV = CKR_OK;

/// A secret key that is what the table takes it to be.
fn key(session: Session, modifiable: &[u8], copyable: &[u8]) -> Handle {
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    let template = [
        (CKA_CLASS, &class[..]),
        (CKA_KEY_TYPE, &kind),
        (CKA_VALUE, &[7; 32]),
        (CKA_TOKEN, NO),
        (CKA_PRIVATE, NO),
        (CKA_LABEL, b"label"),
        (CKA_SENSITIVE, NO),
        (CKA_EXTRACTABLE, YES),
        (CKA_ENCRYPT, NO),
        (CKA_MODIFIABLE, modifiable),
        (CKA_COPYABLE, copyable),
    ];
    session.create(&template).unwrap()
}

#[test]
fn a_copy_of_what_is_not_modifiable_may_be_what_any_copy_may_be() {
    let (no_date, aes, generic, length) =
        (b"20300101", number(CKK_AES), number(CKK_GENERIC_SECRET), number(16));
    #[rustfmt::skip]
    let table: &[(&str, CK_ULONG, &[u8], CK_RV)] = &[
        // attribute            to what     in a copy
        ("its name",            CKA_LABEL,             b"copy",     OPEN),
        ("its id",              CKA_ID,                b"copy",     OPEN),
        ("a date",              CKA_START_DATE,        no_date,     OPEN),
        ("to the token",        CKA_TOKEN,             YES,         OPEN),
        ("private",             CKA_PRIVATE,           YES,         OPEN),
        ("modifiable",          CKA_MODIFIABLE,        YES,         OPEN),
        ("not modifiable",      CKA_MODIFIABLE,        NO,          OPEN),
        ("not destroyable",     CKA_DESTROYABLE,       NO,          OPEN),
        ("not copyable",        CKA_COPYABLE,          NO,          OPEN),
        ("a usage more",        CKA_ENCRYPT,           YES,         OPEN),
        ("a usage less",        CKA_DECRYPT,           NO,          OPEN),
        ("sensitive",           CKA_SENSITIVE,         YES,         OPEN),
        ("not extractable",     CKA_EXTRACTABLE,       NO,          OPEN),
        ("only under trusted",  CKA_WRAP_WITH_TRUSTED, YES,         OPEN),
        ("the same type",       CKA_KEY_TYPE,          &aes,        OPEN),
        ("another type",        CKA_KEY_TYPE,          &generic,    READ_ONLY),
        ("another length",      CKA_VALUE_LEN,         &length,     READ_ONLY),
        ("another value",       CKA_VALUE,             &[8; 32],    READ_ONLY),
        ("made here",           CKA_LOCAL,             YES,         READ_ONLY),
        ("always sensitive",    CKA_ALWAYS_SENSITIVE,  YES,         READ_ONLY),
        ("trusted",             CKA_TRUSTED,           YES,         READ_ONLY),
        ("another unique id",   CKA_UNIQUE_ID,         b"copy",     READ_ONLY),
    ];
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (fixed, free, kept) =
            (key(session, NO, YES), key(session, YES, YES), key(session, NO, NO));
        for (name, kind, value, code) in table {
            let template = [(*kind, *value)];
            let now = session.read(fixed, *kind);
            assert_eq!(session.change(fixed, &template), Err(PROHIBITED), "{name}");
            for original in [fixed, free] {
                let copy = session.copy(original, &template);
                assert_eq!(copy.map_or_else(|code| code, |_| CKR_OK), *code, "{name}");
                if let Ok(copy) = copy {
                    assert_eq!(session.read(copy, *kind).unwrap(), *value, "{name}");
                }
            }
            assert_eq!(session.copy(kept, &template), Err(PROHIBITED), "{name}");
            assert_eq!(session.read(fixed, *kind), now, "{name}: the original stays");
        }
        // One way only, in copies of copies too.
        let hidden = [(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO), (CKA_COPYABLE, YES)];
        let copy = session.copy(fixed, &hidden).unwrap();
        assert_eq!(session.change(copy, &[(CKA_LABEL, b"x")]), Err(PROHIBITED));
        for back in [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)] {
            assert_eq!(session.copy(copy, &[back]), Err(READ_ONLY));
        }
        let copy = session.copy(copy, &[(CKA_MODIFIABLE, YES), (CKA_COPYABLE, NO)]).unwrap();
        session.change(copy, &[(CKA_LABEL, b"x")]).unwrap();
        assert_eq!(session.copy(copy, &[(CKA_COPYABLE, YES)]), Err(PROHIBITED));
        assert_eq!(session.change(copy, &[(CKA_COPYABLE, YES)]), Err(READ_ONLY));
    });
}
