use super::*;
use crate::object::{Attributes, Material};
use crate::share::Shares;
use coffer_protocol::attribute::{self, Attribute};

const SLOT: Slot = Slot(2);
const LIMIT: usize = 8;

fn application() -> Arc<Application> {
    Applications::default().create(&Shares::default().of(1000), 1, [1; 16])
}

fn code<T>(result: Result<T, Error>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}

fn session_object(private: bool) -> Arc<Object> {
    Arc::new(Object {
        id: ObjectId::random(),
        slot: SLOT,
        sequence: 0,
        generation: 0,
        attributes: Attributes::from_list([Attribute::boolean(attribute::PRIVATE, private)]),
        key: None,
        material: Material::None,
    })
}

#[test]
fn handles_of_sessions_are_never_0_and_differ() {
    let application = application();
    let handles: Vec<_> =
        (0..LIMIT).map(|_| application.open_session(SLOT, true, LIMIT).unwrap()).collect();
    assert!(!handles.contains(&0));
    for (index, handle) in handles.iter().enumerate() {
        assert!(!handles[..index].contains(handle));
    }
    assert_eq!(code(application.open_session(SLOT, true, LIMIT)), Some(ErrorCode::SessionCount));
    application.close_session(handles[0]).unwrap();
    assert_eq!(code(application.session(handles[0])), Some(ErrorCode::SessionInvalid));
    assert!(!handles.contains(&application.open_session(SLOT, true, LIMIT).unwrap()));
}

#[test]
fn the_security_officer_and_read_only_sessions_exclude_each_other() {
    let application = application();
    let writing = application.open_session(SLOT, true, LIMIT).unwrap();
    let reading = application.open_session(SLOT, false, LIMIT).unwrap();
    let refused = application.log_in(writing, Login::SecurityOfficer);
    assert_eq!(code(refused), Some(ErrorCode::SessionReadOnlyExists));
    application.close_session(reading).unwrap();
    application.log_in(writing, Login::SecurityOfficer).unwrap();
    let refused = application.open_session(SLOT, false, LIMIT);
    assert_eq!(code(refused), Some(ErrorCode::SessionReadWriteSoExists));
    application.open_session(Slot(9), false, LIMIT).unwrap();
}

#[test]
fn a_login_is_shared_by_the_sessions_of_a_token_and_ends_with_the_last() {
    let application = application();
    let first = application.open_session(SLOT, true, LIMIT).unwrap();
    let second = application.open_session(SLOT, false, LIMIT).unwrap();
    let elsewhere = application.open_session(Slot(9), true, LIMIT).unwrap();
    application.log_in(first, Login::User).unwrap();
    assert_eq!(application.session(second).unwrap().login, Login::User);
    assert_eq!(application.session(elsewhere).unwrap().login, Login::Public);
    application.close_session(first).unwrap();
    assert_eq!(application.login(SLOT), Login::User);
    application.close_session(second).unwrap();
    assert_eq!(application.login(SLOT), Login::Public);
    assert_eq!(code(application.log_in(second, Login::User)), Some(ErrorCode::SessionInvalid));
}

#[test]
fn logging_out_destroys_private_session_objects_and_their_handles_for_ever() {
    let application = application();
    let session = application.open_session(SLOT, true, LIMIT).unwrap();
    application.log_in(session, Login::User).unwrap();
    let (private, public) = (session_object(true), session_object(false));
    for object in [&private, &public] {
        application.add_session_object(session, object.clone(), LIMIT).unwrap();
    }
    let handle = application.handle_of(&private);
    application.log_out(SLOT).unwrap();
    assert_eq!(code(application.log_out(SLOT)), Some(ErrorCode::UserNotLoggedIn));
    assert_eq!(application.id_of(handle), None);
    assert!(application.session_object(private.id).is_none());
    assert!(application.session_object(public.id).is_some());
    application.close_all_sessions(SLOT);
    assert!(application.session_object(public.id).is_none());
}

#[test]
fn another_process_cannot_join_an_application() {
    let applications = Applications::default();
    let application = applications.create(&Shares::default().of(1000), 7, [5; 16]);
    assert!(applications.attach(&[5; 16], 1000, 7).is_some());
    for (token, uid, pid) in [([5; 16], 1000, 8), ([5; 16], 1001, 7), ([6; 16], 1000, 7)] {
        assert!(applications.attach(&token, uid, pid).is_none());
    }
    assert!(!applications.have_sessions(SLOT));
    application.open_session(SLOT, false, LIMIT).unwrap();
    assert!(applications.have_sessions(SLOT) && !applications.have_sessions(Slot(9)));
    drop(application);
    assert!(applications.attach(&[5; 16], 1000, 7).is_none());
    assert!(!applications.have_sessions(SLOT));
}
