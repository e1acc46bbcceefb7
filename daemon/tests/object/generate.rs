use coffer_daemon::crypto::ecdsa::Curve;
use coffer_daemon::object::ObjectId;
use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{EcdhParameter, MechanismCall, ckm};
use coffer_protocol::operation::kms::DescribeKey;
use coffer_protocol::weak::WeakKeys;

use super::support::*;

#[test]
fn a_generated_secret_key_is_local_sensitive_and_never_extractable() {
    let device = Device::new();
    let user = device.user();
    let key = user.aes(&[]);
    assert_eq!((key.class, key.key_type, key.key_bits), (SECRET, AES, 256));
    for kind in [a::LOCAL, a::ALWAYS_SENSITIVE, a::NEVER_EXTRACTABLE, a::SENSITIVE, a::PRIVATE] {
        assert!(user.is(key.object, kind), "{kind:#x}");
    }
    let mechanism = ckm::CKM_AES_KEY_GEN.to_le_bytes().to_vec();
    assert_eq!(user.one(key.object, a::KEY_GEN_MECHANISM), Ok(mechanism));
    assert_eq!(user.one(key.object, a::CHECK_VALUE).unwrap().len(), 3);
    let ciphertext = user.encrypt(key.object, gcm(), b"plaintext").unwrap();
    assert_eq!(user.decrypt(key.object, gcm(), &ciphertext), Ok(b"plaintext".to_vec()));
}

#[test]
fn lengths_and_mechanisms_that_cannot_be_are_refused() {
    let device = Device::new();
    let user = device.user();
    let length = |bytes| [number(a::VALUE_LEN, bytes)];
    for (mechanism, bytes, outcome) in [
        (ckm::CKM_AES_KEY_GEN, 16, None),
        (ckm::CKM_AES_KEY_GEN, 24, None),
        (ckm::CKM_AES_KEY_GEN, 17, Some(E::AttributeValue)),
        (ckm::CKM_AES_KEY_GEN, u64::MAX, Some(E::AttributeValue)),
        (ckm::CKM_GENERIC_SECRET_KEY_GEN, 64, None),
        (ckm::CKM_GENERIC_SECRET_KEY_GEN, 13, Some(E::AttributeValue)),
        (ckm::CKM_GENERIC_SECRET_KEY_GEN, 1025, Some(E::AttributeValue)),
        (ckm::CKM_SHA256_KEY_GEN, 32, None),
        (ckm::CKM_AES_GCM, 32, Some(E::MechanismParameter)),
        (ckm::CKM_RSA_PKCS, 32, Some(E::MechanismInvalid)),
        (0x8000_0000, 32, Some(E::MechanismInvalid)),
    ] {
        let made = user.generate(mechanism, &length(bytes));
        assert_eq!(made.err(), outcome, "{mechanism:#x} {bytes}");
    }
    assert_eq!(user.generate(ckm::CKM_AES_KEY_GEN, &[]).unwrap_err(), E::TemplateIncomplete);
    let given = [number(a::VALUE_LEN, 16), bytes(a::VALUE, [1; 16])];
    let given = user.generate(ckm::CKM_AES_KEY_GEN, &given);
    assert_eq!(given.unwrap_err(), E::TemplateInconsistent);
    let other = [number(a::VALUE_LEN, 16), number(a::KEY_TYPE, GENERIC)];
    let other = user.generate(ckm::CKM_AES_KEY_GEN, &other);
    assert_eq!(other.unwrap_err(), E::TemplateInconsistent);
}

#[test]
fn a_pair_needs_only_the_size_of_its_modulus() {
    let device = Device::new();
    let user = device.user();
    let size = [number(a::MODULUS_BITS, 2048)];
    let pair = user.generate_pair(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, &size, &[]).unwrap();
    assert_eq!((pair.public.class, pair.private.class), (PUBLIC, PRIVATE));
    assert_eq!((pair.public.key_bits, pair.private.key_bits), (2048, 2048));
    assert_eq!(user.one(pair.public.object, a::PUBLIC_EXPONENT), Ok(vec![1, 0, 1]));
    for kind in [a::ID, a::MODULUS, a::PUBLIC_KEY_INFO] {
        assert_eq!(user.one(pair.public.object, kind), user.one(pair.private.object, kind));
    }
    assert_ne!(pair.public.id, pair.private.id);
    assert!(user.is(pair.private.object, a::PRIVATE) && !user.is(pair.public.object, a::PRIVATE));
    let mechanism = plain(ckm::CKM_SHA384_RSA_PKCS);
    let signature = user.sign(pair.private.object, mechanism.clone(), b"message").unwrap();
    assert!(user.verify(pair.public.object, mechanism.clone(), b"message", &signature).is_ok());
    let other = user.verify(pair.public.object, mechanism, b"massage", &signature);
    assert_eq!(other, Err(E::SignatureInvalid));
    let ciphertext = user.encrypt(pair.public.object, plain(ckm::CKM_RSA_PKCS), b"session key");
    let plaintext =
        user.decrypt(pair.private.object, plain(ckm::CKM_RSA_PKCS), &ciphertext.unwrap());
    assert_eq!(plaintext, Ok(b"session key".to_vec()));
}

#[test]
fn pairs_are_made_on_every_curve_with_each_of_its_names() {
    let device = Device::with(WeakKeys::Make);
    let user = device.user();
    for curve in Curve::all() {
        let (mechanism, scheme) = match curve.key_type() {
            KeyType::Ec => (ckm::CKM_EC_KEY_PAIR_GEN, Some(ckm::CKM_ECDSA)),
            KeyType::EcEdwards => (ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN, Some(ckm::CKM_EDDSA)),
            _ => (ckm::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, None),
        };
        for name in curve.names() {
            let public = [bytes(a::EC_PARAMS, *name), flag(a::TOKEN, true)];
            let private = [flag(a::TOKEN, true), bytes(a::ID, b"pair")];
            let pair = user.generate_pair(mechanism, &public, &private).unwrap();
            assert_eq!(pair.private.key_bits as usize, curve.bits());
            assert_eq!(user.one(pair.public.object, a::ID), Ok(b"pair".to_vec()));
            let written = user.one(pair.private.object, a::EC_PARAMS);
            assert_eq!(written, Ok(curve.ec_params().to_vec()));
            let key_id = ObjectId(pair.private.id).to_string();
            let described = device.owner().call(&DescribeKey { key_id }, b"").unwrap();
            assert_eq!(described.metadata.key_spec, curve.spec_name());
            let Some(scheme) = scheme else { continue };
            let signature = user.sign(pair.private.object, plain(scheme), &[5; 32]).unwrap();
            assert_eq!(signature.len(), 2 * curve.order_len());
            user.verify(pair.public.object, plain(scheme), &[5; 32], &signature).unwrap();
        }
    }
}

#[test]
fn a_weak_curve_is_for_what_the_configuration_says() {
    let p192 = Curve::P192.ec_params();
    let params = [bytes(a::EC_PARAMS, p192), flag(a::TOKEN, true)];
    let flags = [flag(a::TOKEN, true), flag(a::DERIVE, true)];
    let device = Device::with(WeakKeys::Make);
    let user = device.user();
    let pair = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &params, &flags).unwrap();
    let hashed = || plain(ckm::CKM_ECDSA_SHA256);
    let signature = user.sign(pair.private.object, hashed(), b"message").unwrap();
    let point = user.one(pair.public.object, a::EC_POINT).unwrap();
    let ecdh = EcdhParameter { kdf: 1, shared_data: Vec::new(), public_data: point.clone() };
    let ecdh = MechanismCall::with(ckm::CKM_ECDH1_DERIVE, &ecdh).unwrap();
    let public = [
        number(a::CLASS, PUBLIC),
        number(a::KEY_TYPE, EC),
        bytes(a::EC_PARAMS, p192),
        bytes(a::EC_POINT, point),
    ];
    drop(user);
    let mut device = device;
    for (setting, new, old) in [
        (WeakKeys::Refuse, Some(E::KeySize), Some(E::KeySize)),
        (WeakKeys::Use, Some(E::KeySize), None),
        (WeakKeys::Make, None, None),
    ] {
        device = device.restart_with(setting);
        let user = device.user();
        let find = |class| user.find(&[number(a::CLASS, class)])[0];
        let (half, private) = (find(PUBLIC), find(PRIVATE));
        assert_eq!(user.sign(private, hashed(), b"message").err(), new, "{setting}");
        let secret = [number(a::CLASS, SECRET), number(a::KEY_TYPE, GENERIC)];
        assert_eq!(user.derive(private, ecdh.clone(), &secret).err(), new, "{setting}");
        let made = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &params[..1], &[]);
        assert_eq!(made.err(), new.map(|_| E::CurveNotSupported), "{setting}");
        assert_eq!(user.verify(half, hashed(), b"message", &signature).err(), old, "{setting}");
        assert_eq!(user.create(&public).err(), old.map(|_| E::CurveNotSupported), "{setting}");
    }
}

#[test]
fn a_pair_with_one_bad_template_is_not_made_at_all() {
    let device = Device::new();
    let user = device.user();
    let p256 = bytes(a::EC_PARAMS, P256);
    let p384 = bytes(a::EC_PARAMS, hex::decode("06052b81040022").unwrap());
    let token = flag(a::TOKEN, true);
    let public = [p256.clone(), token.clone()];
    for (public, private, outcome) in [
        (&public[..], vec![token.clone(), p384], E::TemplateInconsistent),
        (&public[..], vec![token.clone(), number(a::CLASS, SECRET)], E::TemplateInconsistent),
        (&public[..], vec![token.clone(), flag(a::LOCAL, true)], E::AttributeReadOnly),
        (&public[..], vec![token.clone(), flag(a::VERIFY, true)], E::TemplateInconsistent),
        (&public[1..], vec![token.clone()], E::TemplateIncomplete),
    ] {
        let made = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, public, &private);
        assert_eq!(made.unwrap_err(), outcome, "{private:?}");
    }
    let brainpool = [bytes(a::EC_PARAMS, hex::decode("06092b240303020801010d").unwrap())];
    let made = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &brainpool, &[]);
    assert_eq!(made.unwrap_err(), E::CurveNotSupported);
    for (bits, exponent) in
        [(1024, [1, 0, 1]), (2049, [1, 0, 1]), (8256, [1, 0, 1]), (2048, [0, 0, 2])]
    {
        let public = [number(a::MODULUS_BITS, bits), bytes(a::PUBLIC_EXPONENT, exponent)];
        let made = user.generate_pair(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &[]);
        assert_eq!(made.unwrap_err(), E::AttributeValue, "{bits}");
    }
    assert!(user.find(&[]).is_empty());
}

#[test]
fn a_key_is_used_only_for_what_it_is_and_may() {
    let device = Device::new();
    let user = device.user();
    let p256 = bytes(a::EC_PARAMS, P256);
    let allowed = bytes(a::ALLOWED_MECHANISMS, ckm::CKM_ECDSA.to_le_bytes());
    let pair = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &[p256], &[allowed]).unwrap();
    let (public, private) = (pair.public.object, pair.private.object);
    assert_eq!(pair.private.allowed_mechanisms, [ckm::CKM_ECDSA]);
    let ecdsa = || plain(ckm::CKM_ECDSA);
    assert_eq!(user.sign(public, ecdsa(), &[1; 32]).unwrap_err(), E::KeyTypeInconsistent);
    assert_eq!(user.verify(private, ecdsa(), &[1; 32], &[1; 64]), Err(E::KeyTypeInconsistent));
    assert_eq!(
        user.sign(private, plain(ckm::CKM_RSA_PKCS), b"").unwrap_err(),
        E::KeyTypeInconsistent
    );
    let hashing = user.sign(private, plain(ckm::CKM_ECDSA_SHA256), b"x");
    assert_eq!(hashing.unwrap_err(), E::MechanismInvalid);
    let silent = user.aes(&[flag(a::DECRYPT, false)]);
    let ciphertext = user.encrypt(silent.object, gcm(), b"x").unwrap();
    assert_eq!(user.decrypt(silent.object, gcm(), &ciphertext).unwrap_err(), E::KeyNotPermitted);
    assert_eq!(user.sign(77, ecdsa(), b"x").unwrap_err(), E::KeyInvalid);
}

#[test]
fn an_edwards_pair_is_made_by_each_name_of_its_curve_and_shows_one() {
    let device = Device::new();
    let user = device.user();
    let oid = hex::decode("06032b6570").unwrap();
    for name in ["06032b6570", "130c656477617264733235353139", "06092b06010401da470f01"] {
        let public = [bytes(a::EC_PARAMS, hex::decode(name).unwrap()), flag(a::TOKEN, true)];
        let private = [flag(a::TOKEN, true)];
        let pair = user.generate_pair(ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN, &public, &private).unwrap();
        assert_eq!((pair.private.key_type, pair.private.key_bits), (0x40, 255));
        for key in [pair.public.object, pair.private.object] {
            assert_eq!(user.one(key, a::EC_PARAMS), Ok(oid.clone()));
            assert_eq!(user.one(key, a::EC_POINT).unwrap().len(), 32);
        }
        let mechanism = plain(ckm::CKM_EDDSA);
        let signature = user.sign(pair.private.object, mechanism.clone(), b"message").unwrap();
        assert_eq!(signature.len(), 64);
        user.verify(pair.public.object, mechanism.clone(), b"message", &signature).unwrap();
        let other = user.verify(pair.public.object, mechanism, b"massage", &signature);
        assert_eq!(other, Err(E::SignatureInvalid));
        let wrong = user.sign(pair.private.object, plain(ckm::CKM_ECDSA), &[1; 32]);
        assert_eq!(wrong, Err(E::KeyTypeInconsistent));
    }
    let p256 = [bytes(a::EC_PARAMS, P256)];
    let made = user.generate_pair(ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN, &p256, &[]);
    assert_eq!(made.unwrap_err(), E::CurveNotSupported);
    let made = user.generate_pair(ckm::CKM_EC_KEY_PAIR_GEN, &[bytes(a::EC_PARAMS, oid)], &[]);
    assert_eq!(made.unwrap_err(), E::CurveNotSupported);
}
