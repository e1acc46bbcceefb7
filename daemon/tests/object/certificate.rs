//! Certificates: here, at a URL, trusted.

use coffer_daemon::state::login::Login;
use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::ckm;

use super::support::*;

/// `CKC_X_509_ATTR_CERT` and `CKC_WTLS`.
const ATTRIBUTES: u64 = 1;
const WTLS: u64 = 2;

fn x509(more: &[Attribute]) -> Vec<Attribute> {
    [&[number(a::CLASS, CERTIFICATE), number(a::CERTIFICATE_TYPE, 0)][..], more].concat()
}

/// A certificate that is elsewhere, without some of what names it.
fn elsewhere(without: &[u64]) -> Vec<Attribute> {
    let all = [
        bytes(a::VALUE, b""),
        bytes(a::URL, b"https://example.org/c"),
        bytes(a::SUBJECT, [0x30, 0]),
        bytes(a::HASH_OF_SUBJECT_PUBLIC_KEY, [1; 20]),
        bytes(a::HASH_OF_ISSUER_PUBLIC_KEY, [2; 20]),
    ];
    x509(&all.into_iter().filter(|one| !without.contains(&one.kind)).collect::<Vec<_>>())
}

#[test]
fn a_certificate_may_be_elsewhere_if_its_hashes_are_here() {
    let device = Device::new();
    let user = device.user();
    let made = user.create(&elsewhere(&[])).unwrap().object;
    for (kind, value) in [
        (a::VALUE, &b""[..]),
        (a::URL, b"https://example.org/c"),
        (a::ISSUER, b""),
        (a::SERIAL_NUMBER, b""),
        (a::CHECK_VALUE, b""),
        (a::PUBLIC_KEY_INFO, b""),
        (a::HASH_OF_ISSUER_PUBLIC_KEY, &[2; 20]),
    ] {
        assert_eq!(user.one(made, kind), Ok(value.to_vec()), "{kind:#x}");
    }
    for missing in
        [a::VALUE, a::URL, a::SUBJECT, a::HASH_OF_SUBJECT_PUBLIC_KEY, a::HASH_OF_ISSUER_PUBLIC_KEY]
    {
        let outcome = user.create(&elsewhere(&[missing]));
        assert_eq!(outcome.map(drop), Err(E::TemplateIncomplete), "{missing:#x}");
    }
    // Where it is here as well, the certificate itself says whose it is.
    let both = [elsewhere(&[a::VALUE, a::SUBJECT]), vec![bytes(a::VALUE, certificate())]].concat();
    let made = user.create(&both).unwrap().object;
    assert!(user.one(made, a::SUBJECT).unwrap().ends_with(b"Coffer test"));
}

#[test]
fn values_of_a_certificate_mean_something() {
    let device = Device::new();
    let user = device.user();
    for wrong in [
        number(a::CERTIFICATE_CATEGORY, 4),
        number(a::JAVA_MIDP_SECURITY_DOMAIN, 4),
        number(a::NAME_HASH_ALGORITHM, ckm::CKM_AES_GCM),
        number(a::NAME_HASH_ALGORITHM, ckm::CKM_SHA256),
        bytes(a::CHECK_VALUE, [1, 2, 3]),
        bytes(a::HASH_OF_SUBJECT_PUBLIC_KEY, [1; 19]),
    ] {
        let rest = elsewhere(&[wrong.kind]);
        let outcome = user.create(&[rest, vec![wrong.clone()]].concat());
        assert_eq!(outcome.map(drop), Err(E::AttributeValue), "{wrong:?}");
    }
    for right in [
        number(a::CERTIFICATE_CATEGORY, 3),
        number(a::JAVA_MIDP_SECURITY_DOMAIN, 3),
        number(a::NAME_HASH_ALGORITHM, ckm::CKM_SHA_1),
        bytes(a::CHECK_VALUE, []),
        bytes(a::START_DATE, b"20260101"),
    ] {
        let made = user.create(&[elsewhere(&[]), vec![right.clone()]].concat()).unwrap().object;
        assert_eq!(user.one(made, right.kind), Ok(right.value));
    }
    for kind in [3, 0x8000_0000] {
        let other = [number(a::CLASS, CERTIFICATE), number(a::CERTIFICATE_TYPE, kind)];
        assert_eq!(user.create(&other).map(drop), Err(E::AttributeValue));
    }
}

#[test]
fn certificates_of_other_kinds_are_kept_as_they_come() {
    let device = Device::new();
    let user = device.user();
    let of = |kind: u64, more: &[Attribute]| {
        let names = [number(a::CLASS, CERTIFICATE), number(a::CERTIFICATE_TYPE, kind)];
        user.create(&[&names[..], more].concat()).map(|made| made.object)
    };
    let (value, owner, subject) =
        (bytes(a::VALUE, b"abc"), bytes(a::OWNER, [0x30, 0]), bytes(a::SUBJECT, b"wtls"));
    let attributes = of(ATTRIBUTES, &[value.clone(), owner.clone()]).unwrap();
    let wtls = of(WTLS, &[value.clone(), subject.clone()]).unwrap();
    for made in [attributes, wtls] {
        // FIPS 180-4: SHA-1 of "abc".
        assert_eq!(user.one(made, a::CHECK_VALUE), Ok(vec![0xa9, 0x99, 0x3e]));
        assert_eq!(user.one(made, a::PUBLIC_KEY_INFO), Ok(vec![]));
        assert_eq!(user.one(made, a::JAVA_MIDP_SECURITY_DOMAIN), Err(E::AttributeType));
    }
    user.set(attributes, &[bytes(a::ATTR_TYPES, b"new"), bytes(a::AC_ISSUER, b"new")]).unwrap();
    user.set(wtls, &[bytes(a::ISSUER, b"new")]).unwrap();
    assert_eq!(user.set(attributes, &[bytes(a::OWNER, b"new")]), Err(E::AttributeReadOnly));
    assert_eq!(user.set(wtls, &[bytes(a::SUBJECT, b"new")]), Err(E::AttributeReadOnly));
    assert_eq!(user.find(&[number(a::CERTIFICATE_TYPE, WTLS)]), [wtls]);
    let (wrong, none) = (bytes(a::CHECK_VALUE, [1, 2, 3]), bytes(a::VALUE, []));
    for (kind, template, code) in [
        (ATTRIBUTES, vec![value.clone()], E::TemplateIncomplete),
        (ATTRIBUTES, vec![owner.clone()], E::TemplateIncomplete),
        (ATTRIBUTES, vec![owner.clone(), none.clone()], E::TemplateIncomplete),
        (ATTRIBUTES, vec![owner.clone(), value.clone(), wrong.clone()], E::AttributeValue),
        (ATTRIBUTES, vec![owner, value.clone(), subject.clone()], E::TemplateInconsistent),
        (WTLS, vec![value.clone()], E::TemplateIncomplete),
        (WTLS, vec![value, bytes(a::SUBJECT, [])], E::TemplateIncomplete),
        (WTLS, vec![none, subject], E::TemplateIncomplete),
    ] {
        assert_eq!(of(kind, &template), Err(code), "{template:?}");
    }
    // At a URL, one without a name has its hashes.
    let mut nameless = elsewhere(&[a::SUBJECT]);
    nameless[1] = number(a::CERTIFICATE_TYPE, WTLS);
    nameless.push(bytes(a::SUBJECT, []));
    assert!(user.create(&nameless).is_ok());
}

#[test]
fn of_a_certificate_only_its_names_change() {
    let device = Device::new();
    let user = device.user();
    let made = user.create(&x509(&[bytes(a::VALUE, certificate())])).unwrap().object;
    for kind in [a::LABEL, a::ID, a::ISSUER, a::SERIAL_NUMBER] {
        user.set(made, &[bytes(kind, b"new")]).unwrap();
        assert_eq!(user.one(made, kind), Ok(b"new".to_vec()));
    }
    for fixed in [
        bytes(a::SUBJECT, b"new"),
        bytes(a::START_DATE, b"20260101"),
        bytes(a::END_DATE, b"20260101"),
        bytes(a::URL, b"new"),
        bytes(a::VALUE, b"new"),
        bytes(a::CHECK_VALUE, []),
        bytes(a::PUBLIC_KEY_INFO, b"new"),
        number(a::CERTIFICATE_CATEGORY, 1),
    ] {
        let outcome = user.set(made, std::slice::from_ref(&fixed));
        assert_eq!(outcome, Err(E::AttributeReadOnly), "{fixed:?}");
    }
}

#[test]
fn a_trusted_certificate_is_changed_by_the_security_officer_only() {
    let device = Device::new();
    let officer = device.session(true, Login::SecurityOfficer);
    let lasting = [bytes(a::VALUE, certificate()), flag(a::TOKEN, true), bytes(a::ID, b"c")];
    let made = officer.create(&x509(&lasting)).unwrap().object;
    let user = device.user();
    let found = user.find(&[bytes(a::ID, b"c")])[0];
    let label = [bytes(a::LABEL, b"mine")];
    user.set(found, &label).unwrap();
    assert_eq!(user.set(found, &[flag(a::TRUSTED, true)]), Err(E::AttributeReadOnly));
    officer.set(made, &[flag(a::TRUSTED, true)]).unwrap();
    assert!(user.is(found, a::TRUSTED));
    assert_eq!(user.set(found, &label), Err(E::ActionProhibited));
    assert_eq!(user.set(found, &[flag(a::TRUSTED, false)]), Err(E::ActionProhibited));
    officer.set(made, &[flag(a::TRUSTED, false)]).unwrap();
    user.set(found, &label).unwrap();
}
