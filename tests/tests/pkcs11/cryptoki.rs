//! Tokens, sessions and objects, driven by the `cryptoki` crate.

use std::path::Path;

use coffer_tests::daemon::{Daemon, PIN};
use coffer_tests::isolated::isolated;
use coffer_tests::token::{
    DEV, aes_key, ec_pair, find, open, pin, refusal, rsa_pair, slot, user_session,
};
use cryptoki::context::Pkcs11;
use cryptoki::error::RvError;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass};
use cryptoki::session::{Session, SessionState, UserType};

/// A daemon, and a session that is logged in as user of `dev`.
fn start(directory: &Path) -> (Daemon, Pkcs11, Session) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, pkcs11, session)
}

#[test]
fn an_uninitialised_token_comes_into_use() {
    isolated(|directory| {
        let daemon = Daemon::start_in(directory);
        assert!(daemon.coffer(&["partition", "create", "fresh"]).status.success());
        let pkcs11 = open();
        let fresh = |slot: &_| !pkcs11.get_token_info(*slot).unwrap().token_initialized();
        let slots = pkcs11.get_slots_with_token().unwrap();
        let slot = slots.into_iter().find(fresh).unwrap();

        pkcs11.init_token(slot, &pin("officer-pin"), "new label").unwrap();
        let token = pkcs11.get_token_info(slot).unwrap();
        assert_eq!(token.label(), "new label");
        assert!(token.token_initialized() && !token.user_pin_initialized());

        let session = pkcs11.open_rw_session(slot).unwrap();
        let user = session.login(UserType::User, Some(&pin("user-pin")));
        assert_eq!(refusal(user), RvError::UserPinNotInitialized);
        session.login(UserType::So, Some(&pin("officer-pin"))).unwrap();
        session.init_pin(&pin("user-pin")).unwrap();
        session.logout().unwrap();
        assert!(pkcs11.get_token_info(slot).unwrap().user_pin_initialized());

        session.login(UserType::User, Some(&pin("user-pin"))).unwrap();
        aes_key(&session, "a").unwrap();
        rsa_pair(&session, "r").unwrap();
        let (public, private) = ec_pair(&session, "e").unwrap();
        let signature = session.sign(&Mechanism::EcdsaSha256, private, b"data").unwrap();
        session.verify(&Mechanism::EcdsaSha256, public, b"data", &signature).unwrap();
        let other = session.verify(&Mechanism::EcdsaSha256, public, b"dada", &signature);
        assert_eq!(refusal(other), RvError::SignatureInvalid);
        assert_eq!(session.find_objects(&[]).unwrap().len(), 5);

        for object in session.find_objects(&[]).unwrap() {
            session.destroy_object(object).unwrap();
        }
        assert!(session.find_objects(&[]).unwrap().is_empty());
        let gone = session.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(gone), RvError::KeyHandleInvalid);
    });
}

#[test]
fn a_token_with_a_session_is_not_initialised() {
    isolated(|directory| {
        let (_daemon, pkcs11, session) = start(directory);
        let slot = slot(&pkcs11, DEV);
        let outcome = pkcs11.init_token(slot, &pin(coffer_tests::daemon::SO_PIN), "other");
        assert_eq!(refusal(outcome), RvError::SessionExists);
        drop(session);
        let outcome = pkcs11.init_token(slot, &pin("wrong-officer-pin"), "other");
        assert_eq!(refusal(outcome), RvError::PinIncorrect);
    });
}

#[test]
fn a_wrong_pin_is_refused_and_the_token_tells_it() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        let session = pkcs11.open_rw_session(slot).unwrap();
        let wrong = session.login(UserType::User, Some(&pin("4321")));
        assert_eq!(refusal(wrong), RvError::PinIncorrect);
        assert!(pkcs11.get_token_info(slot).unwrap().user_pin_count_low());
        assert_eq!(session.get_session_info().unwrap().session_state(), SessionState::RwPublic);
        assert_eq!(refusal(aes_key(&session, "k")), RvError::UserNotLoggedIn);
        session.login(UserType::User, Some(&pin(PIN))).unwrap();
        assert!(!pkcs11.get_token_info(slot).unwrap().user_pin_count_low());
        let again = session.login(UserType::User, Some(&pin(PIN)));
        assert_eq!(refusal(again), RvError::UserAlreadyLoggedIn);
    });
}

#[test]
fn a_user_changes_the_pin() {
    isolated(|directory| {
        let (_daemon, _, session) = start(directory);
        assert_eq!(refusal(session.set_pin(&pin("9999"), &pin("5678"))), RvError::PinIncorrect);
        session.set_pin(&pin(PIN), &pin("5678")).unwrap();
        session.logout().unwrap();
        let old = session.login(UserType::User, Some(&pin(PIN)));
        assert_eq!(refusal(old), RvError::PinIncorrect);
        session.login(UserType::User, Some(&pin("5678"))).unwrap();
    });
}

#[test]
fn a_read_only_session_changes_nothing_on_the_token() {
    isolated(|directory| {
        let (_daemon, pkcs11, writer) = start(directory);
        let key = aes_key(&writer, "k").unwrap();
        let reader = pkcs11.open_ro_session(slot(&pkcs11, DEV)).unwrap();
        assert_eq!(reader.get_session_info().unwrap().session_state(), SessionState::RoUser);
        assert_eq!(refusal(aes_key(&reader, "l")), RvError::SessionReadOnly);
        assert_eq!(refusal(ec_pair(&reader, "l")), RvError::SessionReadOnly);
        assert_eq!(refusal(reader.destroy_object(key)), RvError::SessionReadOnly);
        let label = [Attribute::Label(b"l".to_vec())];
        assert_eq!(refusal(reader.update_attributes(key, &label)), RvError::SessionReadOnly);
        let copied = reader.copy_object(key, &[Attribute::Token(true)]);
        assert_eq!(refusal(copied), RvError::SessionReadOnly);
        assert_eq!(refusal(reader.set_pin(&pin(PIN), &pin("5678"))), RvError::SessionReadOnly);
        reader.encrypt(&Mechanism::AesCbcPad([0; 16]), key, b"data").unwrap();
        let template = [Attribute::Token(false), Attribute::ValueLen(16.into())];
        reader.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
    });
}

#[test]
fn session_objects_vanish_with_their_session() {
    isolated(|directory| {
        let (_daemon, pkcs11, stays) = start(directory);
        let goes = pkcs11.open_rw_session(slot(&pkcs11, DEV)).unwrap();
        let template = [Attribute::Token(false), Attribute::ValueLen(16.into())];
        let key = goes.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        let cbc = Mechanism::AesCbcPad([0; 16]);
        stays.encrypt(&cbc, key, b"data").unwrap();
        assert_eq!(stays.find_objects(&[]).unwrap(), [key]);
        goes.close().unwrap();
        assert!(stays.find_objects(&[]).unwrap().is_empty());
        assert_eq!(refusal(stays.encrypt(&cbc, key, b"data")), RvError::KeyHandleInvalid);
    });
}

#[test]
fn logging_out_hides_private_objects_and_shows_public_ones() {
    isolated(|directory| {
        let (_daemon, _, session) = start(directory);
        let (public, private) = ec_pair(&session, "e").unwrap();
        session.logout().unwrap();
        assert_eq!(session.find_objects(&[]).unwrap(), [public]);
        let signed = session.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(signed), RvError::KeyHandleInvalid);
        session.login(UserType::User, Some(&pin(PIN))).unwrap();
        let signed = session.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(signed), RvError::KeyHandleInvalid, "such handles are dead for ever");
        assert_eq!(session.find_objects(&[]).unwrap().len(), 2);
    });
}

#[test]
fn objects_are_found_by_what_they_are() {
    isolated(|directory| {
        let (_daemon, _, session) = start(directory);
        let aes = aes_key(&session, "one").unwrap();
        let (public, private) = rsa_pair(&session, "two").unwrap();
        let finds = |template: &[Attribute]| {
            let mut found = session.find_objects(template).unwrap();
            found.sort_by_key(cryptoki::object::ObjectHandle::handle);
            found
        };
        let mut pair = [public, private];
        pair.sort_by_key(cryptoki::object::ObjectHandle::handle);
        assert_eq!(finds(&[Attribute::Label(b"one".to_vec())]), [aes]);
        assert_eq!(finds(&[Attribute::Id(b"two".to_vec())]), pair);
        assert_eq!(finds(&[Attribute::KeyType(KeyType::RSA), Attribute::Sign(true)]), [private]);
        assert_eq!(find(&session, ObjectClass::PUBLIC_KEY, "two"), public);
        assert!(finds(&[Attribute::Label(b"on".to_vec())]).is_empty());
        assert!(finds(&[Attribute::Class(ObjectClass::CERTIFICATE)]).is_empty());
        assert_eq!(finds(&[]).len(), 3);
        session.destroy_object(aes).unwrap();
        assert!(finds(&[Attribute::Label(b"one".to_vec())]).is_empty());
        assert_eq!(refusal(session.destroy_object(aes)), RvError::ObjectHandleInvalid);
    });
}

#[test]
fn a_generated_key_tells_its_attributes_and_not_its_value() {
    isolated(|directory| {
        let (_daemon, _, session) = start(directory);
        let key = aes_key(&session, "k").unwrap();
        let expected = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Label(b"k".to_vec()),
            Attribute::Token(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::AlwaysSensitive(true),
            Attribute::NeverExtractable(true),
            Attribute::Local(true),
            Attribute::KeyGenMechanism(MechanismType::AES_KEY_GEN),
        ];
        let types: Vec<_> = expected.iter().map(Attribute::attribute_type).collect();
        assert_eq!(session.get_attributes(key, &types).unwrap(), expected);

        let asked = [AttributeType::Value, AttributeType::Modulus, AttributeType::Label];
        let answers = session.get_attribute_info(key, &asked).unwrap();
        assert!(matches!(answers[0], AttributeInfo::Sensitive), "{answers:?}");
        assert!(matches!(answers[1], AttributeInfo::TypeInvalid), "{answers:?}");
        assert!(matches!(answers[2], AttributeInfo::Available(1)), "{answers:?}");
    });
}

#[test]
fn attributes_change_where_they_may() {
    isolated(|directory| {
        let (_daemon, _, session) = start(directory);
        let key = aes_key(&session, "k").unwrap();
        let new = [Attribute::Label(b"new".to_vec()), Attribute::Encrypt(false)];
        session.update_attributes(key, &new).unwrap();
        let types = [AttributeType::Label, AttributeType::Encrypt];
        assert_eq!(session.get_attributes(key, &types).unwrap(), new);
        let encrypted = session.encrypt(&Mechanism::AesCbcPad([0; 16]), key, b"data");
        assert_eq!(refusal(encrypted), RvError::KeyFunctionNotPermitted);

        for (wrong, code) in [
            (Attribute::Sensitive(false), RvError::AttributeReadOnly),
            (Attribute::Extractable(true), RvError::AttributeReadOnly),
            (Attribute::Local(false), RvError::AttributeReadOnly),
        ] {
            let both = [Attribute::Label(b"never".to_vec()), wrong];
            assert_eq!(refusal(session.update_attributes(key, &both)), code, "{both:?}");
        }
        let label = session.get_attributes(key, &[AttributeType::Label]).unwrap();
        assert_eq!(label, [Attribute::Label(b"new".to_vec())], "all or nothing");
    });
}

#[test]
fn a_copy_is_the_same_key_under_a_name_of_its_own() {
    isolated(|directory| {
        let (_daemon, pkcs11, session) = start(directory);
        let key = aes_key(&session, "k").unwrap();
        let other = pkcs11.open_rw_session(slot(&pkcs11, DEV)).unwrap();
        let template = [Attribute::Token(false), Attribute::Label(b"copy".to_vec())];
        let copy = other.copy_object(key, &template).unwrap();
        let cbc = Mechanism::AesCbcPad([7; 16]);
        let encrypted = session.encrypt(&cbc, key, b"data").unwrap();
        assert_eq!(other.decrypt(&cbc, copy, &encrypted).unwrap(), b"data");
        assert_eq!(find(&session, ObjectClass::SECRET_KEY, "copy"), copy);
        other.close().unwrap();
        assert_eq!(session.find_objects(&[]).unwrap(), [key]);
        let plain = [Attribute::Extractable(true)];
        assert_eq!(refusal(session.copy_object(key, &plain)), RvError::AttributeReadOnly);
    });
}

#[test]
fn an_imported_key_has_its_value_and_can_give_it_out_if_it_may() {
    isolated(|directory| {
        let (_daemon, _, session) = start(directory);
        let value = Attribute::Value((0..32).collect());
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            value.clone(),
        ];
        let key = session.create_object(&template).unwrap();
        let types = [AttributeType::Value, AttributeType::Local, AttributeType::AlwaysSensitive];
        let expected = [value, Attribute::Local(false), Attribute::AlwaysSensitive(false)];
        assert_eq!(session.get_attributes(key, &types).unwrap(), expected);
        let missing = session.create_object(&template[..4]);
        assert_eq!(refusal(missing), RvError::TemplateIncomplete);
    });
}
