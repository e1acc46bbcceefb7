//! Which session does what with which object (PKCS#11 usage guide, session states), and how sessions become what they
//! are: the tables as data, each cell tried through the C functions.

use coffer_tests::c::{self, Answer, NO, Session, YES, number};
use coffer_tests::daemon::{Daemon, PIN, SO_PIN};
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

/// What a session may do with the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// See and change them.
    Write,
    /// See them.
    Read,
    /// Neither.
    Nothing,
}

use May::{Nothing, Read, Write};

/// A session that reads and writes, or only reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    ReadOnly,
    ReadWrite,
}

use Mode::{ReadOnly, ReadWrite};

/// Kinds of objects: the values of `CKA_TOKEN` and `CKA_PRIVATE`.
const KINDS: [[&[u8]; 2]; 4] = [[NO, NO], [NO, YES], [YES, NO], [YES, YES]];

#[rustfmt::skip]
const ACCESS: [(Mode, Option<CK_USER_TYPE>, CK_STATE, [May; 4]); 5] = [
    //                                              session objects     token objects
    // mode     logged in       state               public   private    public   private
    (ReadOnly,  None,           CKS_RO_PUBLIC_SESSION, [Write, Nothing,  Read,    Nothing]),
    (ReadWrite, None,           CKS_RW_PUBLIC_SESSION, [Write, Nothing,  Write,   Nothing]),
    (ReadOnly,  Some(CKU_USER), CKS_RO_USER_FUNCTIONS, [Write, Write,    Read,    Read]),
    (ReadWrite, Some(CKU_USER), CKS_RW_USER_FUNCTIONS, [Write, Write,    Write,   Write]),
    (ReadWrite, Some(CKU_SO),   CKS_RW_SO_FUNCTIONS,   [Write, Nothing,  Write,   Nothing]),
];

fn open(slot: CK_SLOT_ID, mode: Mode) -> Answer<Session> {
    match mode {
        ReadOnly => Session::open_read_only(slot),
        ReadWrite => Session::open(slot),
    }
}

fn login(session: Session, who: CK_USER_TYPE) -> Answer<()> {
    session.login(who, if who == CKU_SO { SO_PIN } else { PIN })
}

/// A data object of a kind, with a label.
fn make(session: Session, [token, private]: [&[u8]; 2], label: &[u8]) -> Answer<c::Handle> {
    let class = number(CKO_DATA);
    session.create(&[
        (CKA_CLASS, &class),
        (CKA_TOKEN, token),
        (CKA_PRIVATE, private),
        (CKA_LABEL, label),
    ])
}

/// Why a session may not make or change an object of a kind.
fn refusal(who: Option<CK_USER_TYPE>, [_, private]: [&[u8]; 2]) -> CK_RV {
    let is_hidden = private == YES && who != Some(CKU_USER);
    if is_hidden { CKR_USER_NOT_LOGGED_IN } else { CKR_SESSION_READ_ONLY }
}

#[test]
fn sessions_see_and_change_what_their_state_allows() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        c::initialize().unwrap();
        let slot = c::slots().unwrap()[0];
        for (mode, who, state, row) in ACCESS {
            // Token objects that the user has made before.
            let user = Session::open(slot).unwrap();
            login(user, CKU_USER).unwrap();
            for kind in KINDS.into_iter().filter(|[token, _]| *token == YES) {
                make(user, kind, b"before").unwrap();
            }
            user.close().unwrap();

            let session = open(slot, mode).unwrap();
            if let Some(who) = who {
                login(session, who).unwrap();
            }
            assert_eq!(session.state(), Ok(state));
            for (kind, may) in KINDS.into_iter().zip(row) {
                let cell = format!("{mode:?} {who:?} {kind:?}");
                let [token, private] = kind;
                let refused = Err(refusal(who, kind));
                let made = make(session, kind, b"own");
                assert_eq!(made.map(drop), if may == Write { Ok(()) } else { refused }, "{cell}");
                let of_kind = [(CKA_TOKEN, token), (CKA_PRIVATE, private)];
                let found = session.find_all(&of_kind).unwrap();
                let there = match (may, token == YES) {
                    (Write, true) => 2,
                    (Write, false) | (Read, true) => 1,
                    (Read, false) | (Nothing, _) => 0,
                };
                assert_eq!(found.len(), there, "{cell}");
                for object in found {
                    session.read(object, CKA_VALUE).unwrap();
                    let expected = if may == Write { Ok(()) } else { refused };
                    assert_eq!(session.change(object, &[(CKA_LABEL, b"new")]), expected, "{cell}");
                    let copied = session.copy(object, &[(CKA_LABEL, b"copy")]);
                    assert_eq!(copied.map(drop), expected, "{cell}");
                    assert_eq!(session.destroy(object), expected, "{cell}");
                }
            }
            session.close().unwrap();

            let user = Session::open(slot).unwrap();
            login(user, CKU_USER).unwrap();
            for object in user.find_all(&[]).unwrap() {
                user.destroy(object).unwrap();
            }
            user.close().unwrap();
        }
    });
}

#[test]
fn a_private_object_stays_hidden_from_who_had_its_handle() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let handles = KINDS.map(|kind| make(session, kind, b"own").unwrap());
        session.logout().unwrap();
        for (handle, [_, private]) in handles.into_iter().zip(KINDS) {
            let outcome = session.read(handle, CKA_LABEL).map(drop);
            let is_dead = private == YES;
            assert_eq!(outcome, if is_dead { Err(CKR_OBJECT_HANDLE_INVALID) } else { Ok(()) });
            assert_eq!(session.destroy(handle).is_err(), is_dead);
        }
        login(session, CKU_USER).unwrap();
        for (handle, _) in handles.into_iter().zip(KINDS) {
            assert_eq!(session.read(handle, CKA_LABEL), Err(CKR_OBJECT_HANDLE_INVALID));
        }
        // Of the private ones only that on the token is left.
        assert_eq!(session.find_all(&[]).unwrap().len(), 1);
    });
}

#[rustfmt::skip]
const LOGINS: [(Option<CK_USER_TYPE>, CK_USER_TYPE, CK_RV); 12] = [
    // logged in      who comes             outcome
    (None,           CKU_USER,             CKR_OK),
    (None,           CKU_SO,               CKR_OK),
    (None,           CKU_CONTEXT_SPECIFIC, CKR_OPERATION_NOT_INITIALIZED),
    (None,           3,                    CKR_USER_TYPE_INVALID),
    (Some(CKU_USER), CKU_USER,             CKR_USER_ALREADY_LOGGED_IN),
    (Some(CKU_USER), CKU_SO,               CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    (Some(CKU_USER), CKU_CONTEXT_SPECIFIC, CKR_OPERATION_NOT_INITIALIZED),
    (Some(CKU_USER), 3,                    CKR_USER_TYPE_INVALID),
    (Some(CKU_SO),   CKU_USER,             CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    (Some(CKU_SO),   CKU_SO,               CKR_USER_ALREADY_LOGGED_IN),
    (Some(CKU_SO),   CKU_CONTEXT_SPECIFIC, CKR_OPERATION_NOT_INITIALIZED),
    (Some(CKU_SO),   3,                    CKR_USER_TYPE_INVALID),
];

#[test]
fn logins_follow_their_table() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        c::initialize().unwrap();
        let slot = c::slots().unwrap()[0];
        for (before, who, outcome) in LOGINS {
            let session = Session::open(slot).unwrap();
            let other = Session::open(slot).unwrap();
            assert_eq!(session.logout(), Err(CKR_USER_NOT_LOGGED_IN));
            if let Some(before) = before {
                // Whoever logs in does it for all sessions.
                login(other, before).unwrap();
                assert_eq!(session.state(), other.state());
            }
            let came = login(session, who).err().unwrap_or(CKR_OK);
            assert_eq!(came, outcome, "{before:?} {who}");
            let is_in = before.is_some() || came == CKR_OK;
            // The last session takes the login with it, and no other does.
            session.close().unwrap();
            assert_eq!(other.state() == Ok(CKS_RW_PUBLIC_SESSION), !is_in);
            c::close_all_sessions(slot).unwrap();
            let session = Session::open(slot).unwrap();
            assert_eq!(session.state(), Ok(CKS_RW_PUBLIC_SESSION));
            session.close().unwrap();
        }
    });
}

#[test]
fn the_security_officer_and_sessions_that_only_read_exclude_each_other() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        c::initialize().unwrap();
        let slot = c::slots().unwrap()[0];
        let (reader, writer) =
            (Session::open_read_only(slot).unwrap(), Session::open(slot).unwrap());
        assert_eq!(login(writer, CKU_SO), Err(CKR_SESSION_READ_ONLY_EXISTS));
        assert_eq!(login(reader, CKU_SO), Err(CKR_SESSION_READ_ONLY_EXISTS));
        reader.close().unwrap();
        login(writer, CKU_SO).unwrap();
        let refused = Session::open_read_only(slot).map(drop);
        assert_eq!(refused, Err(CKR_SESSION_READ_WRITE_SO_EXISTS));
        Session::open(slot).unwrap().close().unwrap();
        writer.logout().unwrap();
        Session::open_read_only(slot).unwrap();
    });
}
