use coffer_daemon::state::login::Login;
use coffer_protocol::attribute as a;

use super::support::*;

#[test]
fn a_search_sees_what_its_session_sees() {
    let device = Device::new();
    let user = device.user();
    user.aes(&[bytes(a::LABEL, b"private")]);
    user.aes(&[bytes(a::LABEL, b"public"), flag(a::PRIVATE, false)]);
    user.aes(&[bytes(a::LABEL, b"fleeting"), flag(a::TOKEN, false)]);
    assert_eq!(user.find(&[]).len(), 3);
    assert_eq!(device.session(false, Login::Public).find(&[]).len(), 1);
    assert_eq!(device.session(true, Login::SecurityOfficer).find(&[]).len(), 1);
    assert_eq!(device.user().find(&[]).len(), 2);
}

#[test]
fn every_attribute_must_be_equal() {
    let device = Device::new();
    let user = device.user();
    let first = user.aes(&[bytes(a::LABEL, b"one"), bytes(a::ID, b"1")]);
    let second = user.aes(&[bytes(a::LABEL, b"one"), bytes(a::ID, b"2")]);
    let label = bytes(a::LABEL, b"one");
    assert_eq!(user.find(std::slice::from_ref(&label)), [first.object, second.object]);
    assert_eq!(user.find(&[label.clone(), bytes(a::ID, b"2")]), [second.object]);
    assert!(user.find(&[label.clone(), bytes(a::ID, b"3")]).is_empty());
    assert!(user.find(&[label, flag(a::TOKEN, false)]).is_empty());
    assert_eq!(user.find(&[number(a::CLASS, SECRET), number(a::KEY_TYPE, AES)]).len(), 2);
    assert_eq!(
        user.find(&[bytes(a::UNIQUE_ID, coffer_daemon::object::ObjectId(first.id).to_string())])
            .len(),
        1
    );
}

#[test]
fn a_search_for_key_material_finds_nothing() {
    let device = Device::new();
    let user = device.user();
    let open = [
        number(a::CLASS, SECRET),
        number(a::KEY_TYPE, AES),
        bytes(a::VALUE, [7; 32]),
        flag(a::SENSITIVE, false),
        flag(a::EXTRACTABLE, true),
    ];
    user.create(&open).unwrap();
    assert!(user.find(&[bytes(a::VALUE, [7; 32])]).is_empty());
    assert!(user.find(&[number(a::CLASS, SECRET), bytes(a::VALUE, [7; 32])]).is_empty());
    assert_eq!(user.find(&[number(a::CLASS, SECRET)]).len(), 1);
}

/// A value finds what is no key, with a class and without; a key never, whether its value may be read or not.
#[test]
fn a_search_for_a_value_finds_data_and_certificates_only() {
    let device = Device::new();
    let user = device.user();
    let value = |value: &[u8]| bytes(a::VALUE, value);
    let data = |token, private, content: &[u8]| {
        let template = [
            number(a::CLASS, DATA),
            flag(a::TOKEN, token),
            flag(a::PRIVATE, private),
            bytes(a::LABEL, b"data"),
            value(content),
        ];
        user.create(&template).unwrap().object
    };
    let both: Vec<u32> = [(true, false), (true, true), (false, false), (false, true)]
        .into_iter()
        .map(|(token, private)| data(token, private, b"sixteen bytes 16"))
        .collect();
    let other = data(true, false, b"something else");
    let empty = data(true, false, b"");
    for (sensitive, leaves) in [(true, false), (false, true), (true, true), (false, false)] {
        let key = [
            number(a::CLASS, SECRET),
            number(a::KEY_TYPE, AES),
            value(b"sixteen bytes 16"),
            bytes(a::LABEL, b"key"),
            flag(a::SENSITIVE, sensitive),
            flag(a::EXTRACTABLE, leaves),
        ];
        user.create(&key).unwrap();
    }
    let class = |class| number(a::CLASS, class);
    let wanted = value(b"sixteen bytes 16");
    let sorted = |mut found: Vec<u32>| {
        found.sort_unstable();
        found
    };
    let all = sorted(both.clone());
    assert_eq!(sorted(user.find(std::slice::from_ref(&wanted))), all);
    assert_eq!(sorted(user.find(&[class(DATA), wanted.clone()])), all);
    assert_eq!(sorted(user.find(&[bytes(a::LABEL, b"data"), wanted.clone()])), all);
    assert_eq!(user.find(&[flag(a::TOKEN, true), wanted.clone()]).len(), 2);
    assert_eq!(user.find(&[value(b"something else")]), [other]);
    assert_eq!(user.find(&[value(b"")]), [empty]);
    assert_eq!(sorted(user.find(&[wanted.clone(), wanted.clone()])), all);
    for nothing in [
        &[wanted.clone(), value(b"something else")][..],
        &[value(b"sixteen bytes 1")],
        &[value(b"sixteen bytes 167")],
        &[class(SECRET), wanted.clone()],
        &[class(CERTIFICATE), wanted.clone()],
        &[number(a::KEY_TYPE, AES), wanted.clone()],
        &[bytes(a::LABEL, b"key"), wanted.clone()],
        &[bytes(a::PRIVATE_EXPONENT, b"sixteen bytes 16")],
        &[wanted.clone(), bytes(a::PRIME_1, b"sixteen bytes 16")],
        &[class(DATA), wanted.clone(), bytes(a::PRIME_1, b"sixteen bytes 16")],
        &[class(0xffff), wanted.clone()],
    ] {
        assert!(user.find(nothing).is_empty(), "{nothing:?}");
    }
    // Who is not logged in sees the public ones.
    let anybody = device.session(true, Login::Public);
    assert_eq!(anybody.find(std::slice::from_ref(&wanted)).len(), 1);
    // The profiles and mechanisms of the token have no value.
    assert!(user.find(&[class(9), value(b"")]).is_empty());
}

#[test]
fn what_no_object_can_have_finds_nothing_and_is_no_error() {
    let device = Device::new();
    let user = device.user();
    user.aes(&[]);
    assert!(user.find(&[number(a::CLASS, 0xce53_4353)]).is_empty());
    assert!(user.find(&[number(0xce53_4351, 1)]).is_empty());
    assert!(user.find(&[bytes(a::TOKEN, [1, 0, 0, 0])]).is_empty());
}

#[test]
fn a_search_goes_on_after_the_last_handle() {
    let device = Device::new();
    let user = device.user();
    for token in [true, true, false, true] {
        user.aes(&[flag(a::TOKEN, token)]);
    }
    let all = user.find(&[]);
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted());
    assert_eq!(user.find_after(all[1], &[]), all[2..]);
    assert!(user.find_after(all[3], &[]).is_empty());
}

#[test]
fn the_first_objects_come_described() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[]);
    let request =
        coffer_protocol::operation::object::FindObjects { session: user.handle, after: 0 };
    let reply = user.peer.call(&request, &wire(&[])).unwrap();
    assert!(!reply.more);
    assert_eq!(reply.descriptions, [key]);
}

#[test]
fn a_handle_is_dead_after_a_logout_for_ever() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[]);
    user.application.log_out(coffer_daemon::object::Slot(0)).unwrap();
    assert!(user.describe(key.object).is_err());
    user.application.log_in(user.handle, Login::User).unwrap();
    assert!(user.describe(key.object).is_err());
    let found = user.find(&[]);
    assert_eq!(found.len(), 1);
    assert_ne!(found[0], key.object);
}
