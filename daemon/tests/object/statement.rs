//! Objects that state something: trust, domain parameters; and those that every token has of itself.

use coffer_daemon::state::login::Login;
use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism;

use super::support::*;

const DOMAIN: u64 = 6;
const MECHANISM: u64 = 7;
const PROFILE: u64 = 9;
const VALIDATION: u64 = 10;
const TRUST: u64 = 11;

fn trust(more: &[Attribute]) -> Vec<Attribute> {
    let names =
        [number(a::CLASS, TRUST), bytes(a::ISSUER, [0x30, 0]), bytes(a::SERIAL_NUMBER, [2, 1, 7])];
    [&names[..], more].concat()
}

fn group(key_type: u64, more: &[Attribute]) -> Vec<Attribute> {
    let names = [
        number(a::CLASS, DOMAIN),
        number(a::KEY_TYPE, key_type),
        bytes(a::PRIME, [0, 0x17]),
        bytes(a::BASE, [5]),
    ];
    [&names[..], more].concat()
}

#[test]
fn a_trust_object_keeps_what_it_states() {
    let device = Device::new();
    let user = device.user();
    let hash = bytes(a::HASH_OF_CERTIFICATE, [7; 20]);
    let stated = [number(a::TRUST_SERVER_AUTH, 2), flag(a::TOKEN, true), hash.clone()];
    let made = user.create(&trust(&stated)).unwrap().object;
    assert_eq!(user.number(made, a::TRUST_SERVER_AUTH), Ok(2));
    assert_eq!(user.number(made, a::TRUST_OCSP_SIGNING), Ok(0));
    user.set(made, &[number(a::TRUST_SERVER_AUTH, 3)]).unwrap();
    assert_eq!(user.number(made, a::TRUST_SERVER_AUTH), Ok(3));
    assert_eq!(user.find(&[number(a::CLASS, TRUST)]), [made]);
    for wrong in [a::TRUST_SERVER_AUTH, a::TRUST_OCSP_SIGNING] {
        let refused = user.create(&trust(&[number(wrong, 5), hash.clone()]));
        assert_eq!(refused.map(drop), Err(E::AttributeValue));
        assert_eq!(user.set(made, &[number(wrong, 5)]), Err(E::AttributeValue));
    }
    let incomplete = user.create(&[number(a::CLASS, TRUST), bytes(a::ISSUER, [0x30, 0])]);
    assert_eq!(incomplete.map(drop), Err(E::TemplateIncomplete));
}

#[test]
fn a_certificate_that_is_trusted_is_named_by_its_hash() {
    let device = Device::new();
    let user = device.user();
    let made = |more: &[Attribute]| user.create(&trust(more)).map(|made| made.object);
    let all = 0..5_u64;
    for stated in all {
        let outcome = made(&[number(a::TRUST_CODE_SIGNING, stated)]).map(drop);
        let is_bare = matches!(stated, 0 | 3);
        let expected = if is_bare { Ok(()) } else { Err(E::TemplateIncomplete) };
        assert_eq!(outcome, expected, "{stated}");
    }
    let with = |algorithm: Option<u64>, length: usize| {
        let algorithm = algorithm.map(|number_| number(a::NAME_HASH_ALGORITHM, number_));
        let hash = bytes(a::HASH_OF_CERTIFICATE, vec![7; length]);
        let stated = [number(a::TRUST_CODE_SIGNING, 1), hash];
        made(&algorithm.into_iter().chain(stated).collect::<Vec<_>>()).map(drop)
    };
    assert_eq!(with(None, 20), Ok(()));
    assert_eq!(with(Some(mechanism::ckm::CKM_SHA256), 32), Ok(()));
    for (algorithm, length) in [
        (None, 32),
        (None, 19),
        (Some(mechanism::ckm::CKM_SHA256), 20),
        (Some(mechanism::ckm::CKM_AES_GCM), 20),
        (Some(u64::MAX), 20),
    ] {
        assert_eq!(with(algorithm, length), Err(E::AttributeValue), "{algorithm:?} {length}");
    }
    // What was only mistrusted becomes trusted with a hash only, which is not given later.
    let object = made(&[number(a::TRUST_IPSEC_IKE, 3)]).unwrap();
    assert_eq!(user.set(object, &[number(a::TRUST_IPSEC_IKE, 1)]), Err(E::TemplateIncomplete));
    assert_eq!(user.number(object, a::TRUST_IPSEC_IKE), Ok(3));
}

#[test]
fn domain_parameters_know_their_length() {
    let device = Device::new();
    let user = device.user();
    let made = user.create(&group(2, &[])).unwrap().object;
    assert_eq!(user.number(made, a::PRIME_BITS), Ok(5));
    assert_eq!(user.number(made, a::KEY_TYPE), Ok(2));
    let dsa = user.create(&group(1, &[bytes(a::SUBPRIME, [11])])).unwrap().object;
    assert_eq!(user.number(dsa, a::SUBPRIME_BITS), Ok(4));
    for (template, code) in [
        (group(0, &[]), E::AttributeValue),
        (group(3, &[]), E::AttributeValue),
        (group(1, &[]), E::TemplateIncomplete),
        (group(4, &[]), E::TemplateIncomplete),
        (group(1, &[bytes(a::SUBPRIME, [0])]), E::AttributeValue),
        (group(1, &[bytes(a::SUBPRIME, vec![1; 4097])]), E::AttributeValue),
        (group(2, &[number(a::PRIME_BITS, 5)]), E::TemplateInconsistent),
    ] {
        assert_eq!(user.create(&template).map(drop), Err(code), "{template:?}");
    }
}

#[test]
fn every_token_has_its_profiles_and_a_mechanism_object_for_each_mechanism() {
    let device = Device::new();
    let public = device.session(false, Login::Public);
    let profiles = public.find(&[number(a::CLASS, PROFILE)]);
    let ids: Vec<_> =
        profiles.iter().map(|object| public.number(*object, a::PROFILE_ID).unwrap()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 6]);
    let one = [number(a::CLASS, PROFILE), number(a::PROFILE_ID, 3)];
    assert_eq!(public.find(&one), [profiles[2]]);
    let mechanisms = public.find(&[number(a::CLASS, MECHANISM)]);
    assert_eq!(mechanisms.len(), mechanism::ALL.len());
    for (object, row) in mechanisms.iter().zip(mechanism::ALL) {
        assert_eq!(public.number(*object, a::MECHANISM_TYPE), Ok(row.ckm));
    }
    assert_eq!(public.find(&[number(a::CLASS, VALIDATION)]), [0; 0]);
    // What lists everything sees what was made.
    assert_eq!(public.find(&[]), [0; 0]);
}

#[test]
fn what_a_token_has_of_itself_is_not_made_changed_or_destroyed() {
    let device = Device::new();
    let user = device.user();
    for class in [PROFILE, MECHANISM, VALIDATION] {
        assert_eq!(user.create(&[number(a::CLASS, class)]).map(drop), Err(E::AttributeValue));
        for object in user.find(&[number(a::CLASS, class)]) {
            let label = [bytes(a::LABEL, *b"mine")];
            assert_eq!(user.set(object, &label).map(drop), Err(E::ActionProhibited));
            assert_eq!(user.copy(object, &[]).map(drop), Err(E::ActionProhibited));
            assert_eq!(user.destroy(object).map(drop), Err(E::ActionProhibited));
        }
    }
}
