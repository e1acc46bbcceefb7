use coffer_daemon::state::login::Login;
use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::ckm;
use coffer_protocol::operation::object::CreateObject;

use super::support::*;

fn aes(value: &[u8], more: &[Attribute]) -> Vec<Attribute> {
    let key = [number(a::CLASS, SECRET), number(a::KEY_TYPE, AES), bytes(a::VALUE, value)];
    [&key[..], more].concat()
}

fn rsa_private(names: &[(u64, &str)]) -> Vec<Attribute> {
    let mut template = vec![number(a::CLASS, PRIVATE), number(a::KEY_TYPE, RSA)];
    template.extend(names.iter().map(|(kind, name)| bytes(*kind, rsa(name))));
    template
}

const SHORT: &[(u64, &str)] = &[
    (a::MODULUS, "modulus"),
    (a::PUBLIC_EXPONENT, "public_exponent"),
    (a::PRIVATE_EXPONENT, "private_exponent"),
];
const FULL: &[(u64, &str)] = &[
    (a::MODULUS, "modulus"),
    (a::PUBLIC_EXPONENT, "public_exponent"),
    (a::PRIVATE_EXPONENT, "private_exponent"),
    (a::PRIME_1, "prime_1"),
    (a::PRIME_2, "prime_2"),
    (a::EXPONENT_1, "exponent_1"),
    (a::EXPONENT_2, "exponent_2"),
    (a::COEFFICIENT, "coefficient"),
];

fn rsa_public() -> Vec<Attribute> {
    let mut template = vec![number(a::CLASS, PUBLIC), number(a::KEY_TYPE, RSA)];
    template.extend(SHORT[..2].iter().map(|(kind, name)| bytes(*kind, rsa(name))));
    template
}

#[test]
fn an_imported_aes_key_is_the_key_that_was_given() {
    let device = Device::new();
    let user = device.user();
    // SP 800-38A section F.2.1.
    let key = hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap();
    let made = user.create(&aes(&key, &[])).unwrap();
    assert_eq!((made.class, made.key_type, made.key_bits), (SECRET, AES, 128));
    let iv = hex::decode("000102030405060708090a0b0c0d0e0f").unwrap().try_into().unwrap();
    let cbc = coffer_protocol::mechanism::IvParameter { iv };
    let cbc = coffer_protocol::mechanism::MechanismCall::with(ckm::CKM_AES_CBC, &cbc).unwrap();
    let block = hex::decode("6bc1bee22e409f96e93d7e117393172a").unwrap();
    let ciphertext = user.encrypt(made.object, cbc, &block).unwrap();
    assert_eq!(hex::encode(ciphertext), "7649abac8119b246cee98e9b12e9197d");
    for (kind, value) in [
        (a::LOCAL, false),
        (a::ALWAYS_SENSITIVE, false),
        (a::NEVER_EXTRACTABLE, false),
        (a::SENSITIVE, true),
        (a::EXTRACTABLE, false),
        (a::PRIVATE, true),
        (a::ENCRYPT, true),
        (a::WRAP, true),
        (a::SIGN, true),
        (a::DERIVE, false),
    ] {
        assert_eq!(user.one(made.object, kind), Ok(vec![u8::from(value)]), "{kind:#x}");
    }
    assert_eq!(user.one(made.object, a::KEY_GEN_MECHANISM), Ok(vec![0xff; 8]));
    assert_eq!(user.one(made.object, a::VALUE), Err(E::AttributeSensitive));
}

#[test]
fn a_checksum_that_is_given_must_be_the_keys() {
    let device = Device::new();
    let user = device.user();
    // The AES-128 key of zeros over a block of zeros.
    let right = user.create(&aes(&[0; 16], &[bytes(a::CHECK_VALUE, [0x66, 0xe9, 0x4b])])).unwrap();
    assert_eq!(user.one(right.object, a::CHECK_VALUE), Ok(vec![0x66, 0xe9, 0x4b]));
    let none = user.create(&aes(&[0; 16], &[bytes(a::CHECK_VALUE, [])])).unwrap();
    assert_eq!(user.one(none.object, a::CHECK_VALUE), Ok(vec![]));
    let wrong = aes(&[0; 16], &[bytes(a::CHECK_VALUE, [1, 2, 3])]);
    assert_eq!(user.create(&wrong).unwrap_err(), E::AttributeValue);
    assert_eq!(
        user.create(&aes(&[0; 16], &[number(a::VALUE_LEN, 32)])).unwrap_err(),
        E::AttributeValue
    );
    assert_eq!(user.create(&aes(&[0; 15], &[])).unwrap_err(), E::AttributeValue);
}

#[test]
fn a_generic_secret_makes_hmacs() {
    let device = Device::new();
    let user = device.user();
    let template =
        [number(a::CLASS, SECRET), number(a::KEY_TYPE, GENERIC), bytes(a::VALUE, b"Jefe")];
    let key = user.create(&template).unwrap();
    // RFC 4231 section 4.3.
    let mac = user.sign(key.object, plain(ckm::CKM_SHA256_HMAC), b"what do ya want for nothing?");
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hex::encode(mac.unwrap()), expected);
    assert!(user.encrypt(key.object, gcm(), b"x").is_err());
}

#[test]
fn an_rsa_key_comes_with_or_without_its_primes() {
    let device = Device::new();
    let user = device.user();
    let public = user.create(&rsa_public()).unwrap();
    for names in [SHORT, FULL] {
        let private = user.create(&rsa_private(names)).unwrap();
        assert_eq!(private.key_bits, 2048);
        let mechanism = plain(ckm::CKM_SHA256_RSA_PKCS);
        let signature = user.sign(private.object, mechanism.clone(), b"message").unwrap();
        user.verify(public.object, mechanism, b"message", &signature).unwrap();
        assert_eq!(user.one(private.object, a::MODULUS), Ok(rsa("modulus")));
        assert_eq!(user.one(private.object, a::PUBLIC_EXPONENT), Ok(vec![1, 0, 1]));
        assert_eq!(
            user.one(private.object, a::PUBLIC_KEY_INFO),
            user.one(public.object, a::PUBLIC_KEY_INFO)
        );
        assert_eq!(user.one(private.object, a::PRIME_1), Err(E::AttributeSensitive));
    }
    assert_eq!(user.one(public.object, a::MODULUS_BITS), Ok(2048_u64.to_le_bytes().to_vec()));
}

#[test]
fn parts_that_are_not_of_one_rsa_key_are_refused() {
    let device = Device::new();
    let user = device.user();
    let mut swapped = rsa_private(FULL);
    let last = swapped.len() - 1;
    swapped[last] = bytes(a::COEFFICIENT, rsa("prime_1"));
    assert_eq!(user.create(&swapped).unwrap_err(), E::AttributeValue);
    let mut small = rsa_public();
    small[2] = bytes(a::MODULUS, vec![0xff; 128]);
    assert!(matches!(user.create(&small).unwrap_err(), E::AttributeValue | E::KeySize));
    let mut bits = rsa_public();
    bits.push(number(a::MODULUS_BITS, 1024));
    assert_eq!(user.create(&bits).unwrap_err(), E::AttributeValue);
    let incomplete = rsa_private(&SHORT[..2]);
    assert_eq!(user.create(&incomplete).unwrap_err(), E::TemplateIncomplete);
}

#[test]
fn an_elliptic_key_finds_its_point_and_a_point_comes_raw_or_in_der() {
    let device = Device::new();
    let user = device.user();
    let p256 = P256;
    // RFC 6979 section A.2.5.
    let x =
        hex::decode("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721").unwrap();
    let point = hex::decode(concat!(
        "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
        "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
    ))
    .unwrap();
    let half =
        |class| vec![number(a::CLASS, class), number(a::KEY_TYPE, EC), bytes(a::EC_PARAMS, p256)];
    let private = user.create(&[half(PRIVATE), vec![bytes(a::VALUE, &x)]].concat()).unwrap();
    let der = [&[4, 65][..], &point].concat();
    assert_eq!(user.one(private.object, a::EC_POINT), Ok(der.clone()));
    let signature = user.sign(private.object, plain(ckm::CKM_ECDSA_SHA256), b"sample").unwrap();
    for given in [&point, &der] {
        let public =
            user.create(&[half(PUBLIC), vec![bytes(a::EC_POINT, given)]].concat()).unwrap();
        assert_eq!(user.one(public.object, a::EC_POINT), Ok(der.clone()));
        user.verify(public.object, plain(ckm::CKM_ECDSA_SHA256), b"sample", &signature).unwrap();
    }
    let mut off = point.clone();
    off[64] ^= 1;
    let off = [half(PUBLIC), vec![bytes(a::EC_POINT, &off)]].concat();
    assert_eq!(user.create(&off).unwrap_err(), E::AttributeValue);
    // secp192k1 is unknown, P-192 weak.
    for params in ["06052b8104001f", "06082a8648ce3d030101"] {
        let mut other = half(PRIVATE);
        other[2] = bytes(a::EC_PARAMS, hex::decode(params).unwrap());
        other.push(bytes(a::VALUE, &x[..24]));
        assert_eq!(user.create(&other).unwrap_err(), E::CurveNotSupported);
    }
}

#[test]
fn a_certificate_says_who_it_is_about_and_everybody_reads_it() {
    let device = Device::new();
    let user = device.user();
    let der = certificate();
    let template = [
        number(a::CLASS, CERTIFICATE),
        bytes(a::VALUE, &der),
        flag(a::TOKEN, true),
        bytes(a::ID, b"1"),
    ];
    user.create(&template).unwrap();
    let anybody = device.session(false, Login::Public);
    let found = anybody.find(&[number(a::CLASS, CERTIFICATE), bytes(a::VALUE, &der)]);
    assert_eq!(found.len(), 1);
    assert_eq!(anybody.one(found[0], a::VALUE), Ok(der));
    assert_eq!(anybody.one(found[0], a::SERIAL_NUMBER), Ok(vec![2, 2, 0x12, 0x34]));
    let subject = anybody.one(found[0], a::SUBJECT).unwrap();
    assert!(subject.ends_with(b"Coffer test"));
    assert_eq!(anybody.one(found[0], a::ISSUER), Ok(subject));
    let broken = [number(a::CLASS, CERTIFICATE), bytes(a::VALUE, b"no certificate")];
    assert_eq!(user.create(&broken).unwrap_err(), E::AttributeValue);
}

#[test]
fn data_is_kept_and_found_again_after_a_restart() {
    let device = Device::new();
    let user = device.user();
    let template = [
        number(a::CLASS, DATA),
        flag(a::TOKEN, true),
        bytes(a::LABEL, b"note"),
        bytes(a::APPLICATION, b"test"),
        bytes(a::VALUE, b"not a key"),
    ];
    user.create(&template).unwrap();
    let key =
        user.create(&aes(&[9; 32], &[flag(a::TOKEN, true), bytes(a::LABEL, b"key")])).unwrap();
    let ciphertext = user.encrypt(key.object, gcm(), b"before").unwrap();
    drop(user);
    let device = device.restart();
    let user = device.user();
    let data = user.find(&[bytes(a::LABEL, b"note")]);
    assert_eq!(user.one(data[0], a::VALUE), Ok(b"not a key".to_vec()));
    let keys = user.find(&[bytes(a::LABEL, b"key")]);
    assert_eq!(user.decrypt(keys[0], gcm(), &ciphertext), Ok(b"before".to_vec()));
}

#[test]
fn what_a_session_may_not_make_is_refused() {
    let device = Device::new();
    let token = |template: Vec<Attribute>| [template, vec![flag(a::TOKEN, true)]].concat();
    let key = aes(&[1; 16], &[]);
    let public = device.session(true, Login::Public);
    assert_eq!(public.create(&key).unwrap_err(), E::UserNotLoggedIn);
    let reader = device.session(false, Login::User);
    assert_eq!(reader.create(&token(key.clone())).unwrap_err(), E::SessionReadOnly);
    assert!(reader.create(&key).is_ok());
    let officer = device.session(true, Login::SecurityOfficer);
    assert_eq!(officer.create(&key).unwrap_err(), E::UserNotLoggedIn);
    assert!(officer.create(&token(rsa_public())).is_ok());
}

#[test]
fn a_template_that_is_none_is_refused_and_a_dry_run_makes_nothing() {
    let device = Device::new();
    let user = device.user();
    let request = CreateObject { session: user.handle };
    let garbage = code(user.peer.call(&request, &[0xff; 40]));
    assert_eq!(garbage.unwrap_err(), E::Malformed);
    let huge = code(user.peer.call(&request, &vec![0; (64 << 10) + 1]));
    assert_eq!(huge.unwrap_err(), E::TooLarge);
    user.peer.dry_run(&request, &wire(&aes(&[1; 16], &[flag(a::TOKEN, true)]))).unwrap();
    let wrong = user.peer.dry_run(&request, &wire(&aes(&[1; 15], &[])));
    assert_eq!(code(wrong), Err(E::AttributeValue));
    assert!(user.find(&[]).is_empty());
}

#[test]
fn a_token_key_has_a_kms_record_and_a_session_key_has_none() {
    let device = Device::new();
    let user = device.user();
    let fleeting = user.create(&aes(&[1; 16], &[])).unwrap();
    let lasting = user.create(&aes(&[2; 16], &[flag(a::TOKEN, true)])).unwrap();
    let registry = &device.service.registry;
    assert!(registry.get(coffer_daemon::object::ObjectId(fleeting.id)).is_none());
    let object = registry.get(coffer_daemon::object::ObjectId(lasting.id)).unwrap();
    let meta = object.key.as_ref().unwrap();
    assert_eq!((meta.origin.name(), meta.creator, meta.version), ("EXTERNAL", 1001, 1));
    assert!(!meta.is_cmk());
    assert_eq!(user.one(lasting.object, a::ID), Ok(lasting.id.to_vec()));
}

#[test]
fn without_a_login_there_is_an_end_to_public_objects() {
    let device = Device::new();
    let data =
        |token, private| [number(a::CLASS, DATA), flag(a::TOKEN, token), flag(a::PRIVATE, private)];
    let (public, stored) = (device.session(true, Login::Public), data(true, false));
    device.service.limits.write().unwrap().public_objects = 2;
    let user = device.user();
    user.create(&data(true, true)).unwrap();
    user.create(&stored).unwrap();
    let last = public.create(&stored).unwrap();
    assert_eq!(public.create(&stored).unwrap_err(), E::PublicObjectCount);
    public.create(&data(false, false)).unwrap();
    user.create(&stored).unwrap();
    public.destroy(last.object).unwrap();
    assert_eq!(public.create(&stored).unwrap_err(), E::PublicObjectCount);
}
