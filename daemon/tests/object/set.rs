use coffer_daemon::state::login::Login;
use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::mechanism::ckm;

use super::support::*;

#[test]
fn a_change_is_made_whole_or_not_at_all() {
    let device = Device::new();
    let user = device.user();
    for token in [true, false] {
        let key = user.aes(&[flag(a::TOKEN, token)]);
        let half = [bytes(a::LABEL, b"new"), flag(a::SENSITIVE, false)];
        assert_eq!(user.set(key.object, &half), Err(E::AttributeReadOnly));
        assert_eq!(user.one(key.object, a::LABEL), Ok(vec![]));
        let good = [bytes(a::LABEL, b"new"), bytes(a::ID, b"1"), flag(a::ENCRYPT, false)];
        user.set(key.object, &good).unwrap();
        assert_eq!(user.one(key.object, a::LABEL), Ok(b"new".to_vec()));
        assert_eq!(user.encrypt(key.object, gcm(), b"x").unwrap_err(), E::KeyNotPermitted);
        for (wrong, outcome) in [
            (bytes(a::VALUE, [1; 32]), E::AttributeReadOnly),
            (number(a::CLASS, DATA), E::AttributeReadOnly),
            (bytes(a::MODULUS, b"1"), E::AttributeType),
            (number(0x8000_0000, 1), E::AttributeType),
            (flag(a::TRUSTED, true), E::AttributeReadOnly),
        ] {
            assert_eq!(
                user.set(key.object, std::slice::from_ref(&wrong)),
                Err(outcome),
                "{wrong:?}"
            );
        }
    }
}

#[test]
fn a_checksum_is_destroyed_and_not_replaced() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[]).object;
    let checksum = user.one(key, a::CHECK_VALUE).unwrap();
    let other = [bytes(a::CHECK_VALUE, [1, 2, 3])];
    assert_eq!(user.set(key, &other), Err(E::AttributeReadOnly));
    user.set(key, &[bytes(a::CHECK_VALUE, &checksum)]).unwrap();
    user.set(key, &[bytes(a::CHECK_VALUE, [])]).unwrap();
    assert_eq!(user.one(key, a::CHECK_VALUE), Ok(vec![]));
    assert_eq!(
        user.set(key, &[bytes(a::CHECK_VALUE, checksum)]),
        Err(E::AttributeReadOnly),
        "it does not come back"
    );
}

#[test]
fn what_is_said_of_the_public_half_is_true() {
    let device = Device::new();
    let user = device.user();
    let curve = bytes(a::EC_PARAMS, P256);
    let pair = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &[curve], &[]).unwrap();
    let private = pair.private.object;
    let info = user.one(private, a::PUBLIC_KEY_INFO).unwrap();
    user.set(private, &[bytes(a::PUBLIC_KEY_INFO, &info)]).unwrap();
    let wrong = [bytes(a::PUBLIC_KEY_INFO, &info[1..])];
    assert_eq!(user.set(private, &wrong), Err(E::AttributeValue));
    assert_eq!(user.copy(private, &wrong).map(drop), Err(E::AttributeValue));
    assert_eq!(user.one(private, a::PUBLIC_KEY_INFO), Ok(info));
}

#[test]
fn an_object_that_is_not_modifiable_stays_as_it_is() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[flag(a::MODIFIABLE, false)]);
    assert_eq!(user.set(key.object, &[bytes(a::LABEL, b"x")]), Err(E::ActionProhibited));
    let kept = user.aes(&[flag(a::DESTROYABLE, false)]);
    assert_eq!(user.destroy(kept.object), Err(E::ActionProhibited));
}

#[test]
fn a_read_only_session_changes_session_objects_only() {
    let device = Device::new();
    let user = device.user();
    user.aes(&[bytes(a::LABEL, b"kept")]);
    let reader = device.session(false, Login::User);
    let found = reader.find(&[bytes(a::LABEL, b"kept")]);
    assert_eq!(reader.set(found[0], &[bytes(a::LABEL, b"x")]), Err(E::SessionReadOnly));
    assert_eq!(reader.destroy(found[0]), Err(E::SessionReadOnly));
    let own = reader.copy(found[0], &[flag(a::TOKEN, false)]).unwrap();
    assert_eq!(reader.set(own.object, &[bytes(a::LABEL, b"x")]), Ok(()));
    assert_eq!(reader.destroy(own.object), Ok(()));
}

#[test]
fn a_changed_label_is_found_at_once_and_the_old_one_is_not() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[bytes(a::LABEL, b"old")]);
    user.set(key.object, &[bytes(a::LABEL, b"new")]).unwrap();
    assert_eq!(user.find(&[bytes(a::LABEL, b"new")]), [key.object]);
    assert!(user.find(&[bytes(a::LABEL, b"old")]).is_empty());
}
