use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::mechanism::ckm;
use coffer_protocol::operation::object::{GetObjectSize, Usage};

use super::support::*;

#[test]
fn each_attribute_has_its_own_answer() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[bytes(a::LABEL, b"key")]);
    let values = user.get(
        key.object,
        &[a::LABEL, a::VALUE, 0x8000_0001, a::MODULUS, a::CLASS, a::UNIQUE_ID, a::ENCRYPT],
    );
    let unique = coffer_daemon::object::ObjectId(key.id).to_string().into_bytes();
    assert_eq!(
        values,
        [
            Ok(b"key".to_vec()),
            Err(E::AttributeSensitive),
            Err(E::AttributeType),
            Err(E::AttributeType),
            Ok(SECRET.to_le_bytes().to_vec()),
            Ok(unique),
            Ok(vec![1]),
        ]
    );
    assert!(user.get(key.object, &[]).is_empty());
}

#[test]
fn material_is_read_where_the_template_allowed_it_from_the_token_and_the_session() {
    let device = Device::new();
    let user = device.user();
    for token in [false, true] {
        let open = [flag(a::SENSITIVE, false), flag(a::EXTRACTABLE, true), flag(a::TOKEN, token)];
        let key = [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES), bytes(a::VALUE, [7; 32])];
        let key = user.create(&[&key[..], &open].concat()).unwrap();
        let values = user.get(key.object, &[a::LABEL, a::VALUE, a::PRIME_1, a::VALUE_LEN]);
        assert_eq!(values[1], Ok(vec![7; 32]));
        assert_eq!((&values[0], &values[2]), (&Ok(vec![]), &Err(E::AttributeType)));
        assert_eq!(values[3], Ok(32_u64.to_le_bytes().to_vec()));
        user.set(key.object, &[flag(a::SENSITIVE, true)]).unwrap();
        assert_eq!(user.one(key.object, a::VALUE), Err(E::AttributeSensitive));
    }
}

#[test]
fn the_numbers_of_an_extractable_rsa_key_are_those_that_were_imported() {
    let device = Device::new();
    let user = device.user();
    let secret = [
        (a::PRIVATE_EXPONENT, "private_exponent"),
        (a::PRIME_1, "prime_1"),
        (a::PRIME_2, "prime_2"),
        (a::EXPONENT_1, "exponent_1"),
        (a::EXPONENT_2, "exponent_2"),
        (a::COEFFICIENT, "coefficient"),
    ];
    let mut template = vec![
        number(a::CLASS, PRIVATE),
        number(a::KEY_TYPE, RSA),
        flag(a::SENSITIVE, false),
        flag(a::EXTRACTABLE, true),
        bytes(a::MODULUS, rsa("modulus")),
        bytes(a::PUBLIC_EXPONENT, rsa("public_exponent")),
    ];
    template.extend(secret.iter().map(|(kind, name)| bytes(*kind, rsa(name))));
    let key = user.create(&template).unwrap();
    for (kind, name) in secret {
        assert_eq!(user.one(key.object, kind), Ok(rsa(name)), "{name}");
    }
}

#[test]
fn too_many_attributes_at_once_are_refused() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[]);
    let request = coffer_protocol::operation::object::GetAttributes {
        session: user.handle,
        object: key.object,
        kinds: vec![a::LABEL; 257],
    };
    assert_eq!(code(user.peer.call(&request, b"")).unwrap_err(), E::TooLarge);
}

#[test]
fn a_larger_object_has_a_larger_size() {
    let device = Device::new();
    let user = device.user();
    let size = |object| {
        let request = GetObjectSize { session: user.handle, object };
        user.peer.call(&request, b"").unwrap().bytes
    };
    let short = user.aes(&[]);
    let long = user.aes(&[bytes(a::LABEL, [b'x'; 100])]);
    assert_eq!(size(long.object), size(short.object) + 100);
    assert!(size(short.object) > 32);
}

fn bits(usages: &[Usage]) -> u32 {
    usages.iter().fold(0, |bits, usage| bits | *usage as u32)
}

#[test]
fn a_description_says_what_a_client_needs_to_know() {
    let device = Device::new();
    let user = device.user();
    let public = [number(a::MODULUS_BITS, 2048), flag(a::WRAP, false)];
    let pair = user.generate_pair(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &[]).unwrap();
    let described = user.describe(pair.public.object).unwrap();
    assert_eq!(described, pair.public);
    // What the key can do it may do where the template does not say.
    let public = [Usage::Encrypt, Usage::Verify, Usage::VerifyRecover];
    assert_eq!((described.key_type, described.refusal, described.usage), (RSA, 0, bits(&public)));
    let private = [Usage::Decrypt, Usage::Sign, Usage::Unwrap, Usage::SignRecover];
    assert_eq!(user.describe(pair.private.object).unwrap().usage, bits(&private));
    let data = user.create(&[number(a::CLASS, DATA)]).unwrap();
    assert_eq!((data.key_type, data.key_bits, data.usage), (u64::MAX, 0, 0));
    assert_eq!(user.describe(9999).unwrap_err(), E::ObjectInvalid);
}
