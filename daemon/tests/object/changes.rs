//! Every change of every attribute of every kind of object, by C_SetAttributeValue and in copies (PKCS#11 3.2 sections
//! 4.1.2 and 4.1.3).

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute, Type, encode_nested};

use super::subject::{self, DOMAIN, Subject, TRUST};
use super::support::*;

/// When an attribute may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changes {
    Always,
    /// From false to true, and never back.
    Up,
    /// From true to false, and never back.
    Down,
    /// In a copy only.
    InCopy,
    Never,
}

use Changes::{Always, Down, InCopy, Never, Up};

/// What has footnote 8, 11 or 12 in the tables of section 4, and what copies may say.
const CHANGES: &[(u64, Changes)] = &[
    (a::LABEL, Always),
    (a::TOKEN, InCopy),
    (a::PRIVATE, InCopy),
    (a::MODIFIABLE, InCopy),
    (a::DESTROYABLE, InCopy),
    (a::COPYABLE, Down),
    (a::SENSITIVE, Up),
    (a::EXTRACTABLE, Down),
    (a::WRAP_WITH_TRUSTED, Up),
    (a::ID, Always),
    (a::ENCRYPT, Always),
    (a::DECRYPT, Always),
    (a::SIGN, Always),
    (a::SIGN_RECOVER, Always),
    (a::VERIFY, Always),
    (a::VERIFY_RECOVER, Always),
    (a::WRAP, Always),
    (a::UNWRAP, Always),
    (a::DERIVE, Always),
    (a::ENCAPSULATE, Always),
    (a::DECAPSULATE, Always),
];

/// What may change in objects of one class only.
const OF_CLASS: &[(u64, u64)] = &[
    (DATA, a::APPLICATION),
    (DATA, a::OBJECT_ID),
    (CERTIFICATE, a::ISSUER),
    (CERTIFICATE, a::SERIAL_NUMBER),
    (TRUST, a::ISSUER),
    (TRUST, a::SERIAL_NUMBER),
    (PUBLIC, a::SUBJECT),
    (PRIVATE, a::SUBJECT),
    (PUBLIC, a::START_DATE),
    (PRIVATE, a::START_DATE),
    (SECRET, a::START_DATE),
    (PUBLIC, a::END_DATE),
    (PRIVATE, a::END_DATE),
    (SECRET, a::END_DATE),
];

fn changes(class: u64, attribute: u64) -> Changes {
    // Trusting is tried with a hash elsewhere; here it is withdrawn.
    let is_trust =
        class == TRUST && (a::TRUST_SERVER_AUTH..=a::TRUST_OCSP_SIGNING).contains(&attribute);
    if is_trust || OF_CLASS.contains(&(class, attribute)) {
        return Always;
    }
    CHANGES.iter().find(|(kind, _)| *kind == attribute).map_or(Never, |(_, changes)| *changes)
}

/// Another value than it has.
fn other(row: &a::Row, now: &Coded<Vec<u8>>) -> Attribute {
    let now = now.clone().unwrap_or_default();
    match row.value {
        Type::Boolean => flag(row.kind, now != [1]),
        // `CKT_NOT_TRUSTED`, for which no hash is needed.
        Type::Number if now != 3_u64.to_le_bytes() => number(row.kind, 3),
        Type::Number => number(row.kind, 4),
        Type::Bytes => bytes(row.kind, b"other"),
        Type::Date => bytes(row.kind, b"20300101"),
        Type::Mechanisms => bytes(row.kind, [0; 8]),
        Type::Template => bytes(row.kind, encode_nested(&[]).unwrap()),
    }
}

/// What comes of a change.
fn outcome(subject: &Subject, row: &a::Row, now: &Coded<Vec<u8>>, copies: bool) -> Coded<()> {
    let is_there = *now != Err(E::AttributeType);
    let is_public_half = row.kind == a::PUBLIC_KEY_INFO && subject.class == PRIVATE;
    match changes(subject.class, row.kind) {
        // Whatever the object is, nobody looks at its material.
        _ if row.secret => Err(E::AttributeReadOnly),
        // Templates and lists are only there if they were given.
        Never if !is_there && is_optional(subject, row.kind) => Err(E::AttributeReadOnly),
        _ if !is_there => Err(E::AttributeType),
        _ if is_public_half => Err(E::AttributeValue),
        Always => Ok(()),
        InCopy if copies => Ok(()),
        Up if now.as_deref() == Ok(&[0]) => Ok(()),
        Down if now.as_deref() == Ok(&[1]) => Ok(()),
        InCopy | Up | Down | Never => Err(E::AttributeReadOnly),
    }
}

/// Whether objects of this class can have what this one does not have.
fn is_optional(subject: &Subject, attribute: u64) -> bool {
    match attribute {
        a::ALLOWED_MECHANISMS => matches!(subject.class, PUBLIC | PRIVATE | SECRET),
        a::WRAP_TEMPLATE => matches!(subject.class, PUBLIC | SECRET),
        a::UNWRAP_TEMPLATE | a::DERIVE_TEMPLATE => matches!(subject.class, PRIVATE | SECRET),
        a::ENCAPSULATE_TEMPLATE => subject.class == PUBLIC,
        a::DECAPSULATE_TEMPLATE => subject.class == PRIVATE,
        a::NAME_HASH_ALGORITHM => matches!(subject.class, CERTIFICATE | TRUST),
        a::SUBPRIME | a::SUBPRIME_BITS => subject.class == DOMAIN,
        // What is derived as data has a length.
        a::VALUE_LEN => subject.class == DATA,
        _ => false,
    }
}

#[test]
fn what_may_change_changes_and_nothing_else() {
    let device = Device::new();
    let user = device.user();
    let mut wrong = Vec::new();
    for subject in subject::all(&user).iter().filter(|subject| subject.by != subject::By::Nobody) {
        for row in a::ALL {
            let now = user.one(subject.object, row.kind);
            let change = [other(row, &now)];
            let expected = outcome(subject, row, &now, false);
            let came = user.set(subject.object, &change);
            if came != expected {
                wrong.push(format!("{}: {} {came:?}, not {expected:?}", subject.name, row.name));
            }
            let after = user.one(subject.object, row.kind);
            if came.is_ok() {
                assert_eq!(after.as_deref(), Ok(&change[0].value[..]), "{}", row.name);
                // One way only, where there is one; and back, where there are both.
                let back = user.set(subject.object, &[bytes(row.kind, now.unwrap())]);
                let is_one_way = matches!(changes(subject.class, row.kind), Up | Down);
                let expected = if is_one_way { Err(E::AttributeReadOnly) } else { Ok(()) };
                assert_eq!(back, expected, "{}: {}", subject.name, row.name);
            } else {
                assert_eq!(after, now, "{}", row.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn copies_say_the_same_and_four_things_more() {
    let device = Device::new();
    let user = device.user();
    let mut wrong = Vec::new();
    for subject in subject::all(&user).iter().filter(|subject| subject.by != subject::By::Nobody) {
        for row in a::ALL {
            let now = user.one(subject.object, row.kind);
            let change = [other(row, &now)];
            let mut expected = outcome(subject, row, &now, true);
            // A key that needs a login does not lose that in a copy.
            if row.kind == a::PRIVATE && matches!(subject.class, PRIVATE | SECRET) {
                expected = Err(E::TemplateInconsistent);
            }
            let came = user.copy(subject.object, &change);
            if came.as_ref().map(drop).map_err(|code| *code) != expected {
                let came = came.as_ref().map(drop);
                wrong.push(format!("{}: {} {came:?}, not {expected:?}", subject.name, row.name));
            }
            let Ok(copy) = came else { continue };
            for other in a::ALL.iter().filter(|other| other.kind != a::UNIQUE_ID) {
                let (here, there) =
                    (user.one(subject.object, other.kind), user.one(copy.object, other.kind));
                if other.kind == row.kind {
                    assert_eq!(there.as_deref(), Ok(&change[0].value[..]), "{}", row.name);
                } else {
                    assert_eq!(there, here, "{}: {}", subject.name, other.name);
                }
            }
            assert_ne!(user.one(subject.object, a::UNIQUE_ID), user.one(copy.object, a::UNIQUE_ID));
            // One that is not destroyable stays; the others make room.
            let _ = user.destroy(copy.object);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_key_that_became_sensitive_was_not_always_and_one_that_was_extractable_not_never() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true)]).object;
    let value = user.one(key, a::VALUE).unwrap();
    assert_eq!(value.len(), 32);
    let steps = [(a::SENSITIVE, true), (a::EXTRACTABLE, false), (a::WRAP_WITH_TRUSTED, true)];
    for (kind, to) in steps {
        user.set(key, &[flag(kind, to)]).unwrap();
        assert_eq!(user.is(key, kind), to);
        assert_eq!(user.set(key, &[flag(kind, !to)]), Err(E::AttributeReadOnly));
        assert_eq!(user.copy(key, &[flag(kind, !to)]).map(drop), Err(E::AttributeReadOnly));
        assert_eq!(user.one(key, a::VALUE), Err(E::AttributeSensitive));
        assert!(!user.is(key, a::ALWAYS_SENSITIVE) && !user.is(key, a::NEVER_EXTRACTABLE));
        let copy = user.copy(key, &[]).unwrap().object;
        assert!(!user.is(copy, a::ALWAYS_SENSITIVE) && !user.is(copy, a::NEVER_EXTRACTABLE));
        assert!(user.is(copy, a::LOCAL));
    }
}
