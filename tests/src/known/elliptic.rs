//! Keys on elliptic curves.

use std::any::Any;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use coffer_protocol::attribute::{Attribute, CLASS, DERIVE, EC_PARAMS, KEY_TYPE, SIGN, VALUE};
use coffer_protocol::mechanism::EcdhParameter;
use coffer_protocol::mechanism::ckm::{CKM_ECDH1_DERIVE, CKM_ECDSA, CKM_ECDSA_SHA256, CKM_EDDSA};
use cryptoki_sys::{CKD_NULL, CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKO_PRIVATE_KEY};
use ecdsa::hazmat::sign_prehashed_rfc6979;
use ed448_goldilocks::elliptic_curve::bigint::U448;
use ed448_goldilocks::elliptic_curve::scalar::FromUintUnchecked;
use ed448_goldilocks::{EdwardsScalar, MontgomeryPoint};
use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};

use super::caller::{plain, with};
use super::{Caller, Family, InDaemon, array, random};
use crate::leak_scanner::ec::{self, Curve};
use crate::leak_scanner::{Named, edwards};

pub(super) fn object(key_type: u64, parameters: &[u8], secret: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::number(CLASS, CKO_PRIVATE_KEY),
        Attribute::number(KEY_TYPE, key_type),
        Attribute::bytes(EC_PARAMS, parameters),
        Attribute::bytes(VALUE, secret),
        Attribute::boolean(SIGN, true),
    ]
}

/// Signs a hash of the order's length, as it is and by a message: both ways are fast ones.
fn ecdsa(curve: &Curve, caller: &Caller, key: u32, secret: &[u8]) -> Named {
    let message = random::<32>();
    let hash = Sha256::digest(&message);
    [(CKM_ECDSA, &hash[..]), (CKM_ECDSA_SHA256, &message[..])]
        .into_iter()
        .flat_map(|(mechanism, data)| {
            let signature = caller.sign(key, plain(mechanism), data);
            curve.nonce(secret, &hash, &signature)
        })
        .collect()
}

/// The family of a curve over a prime field: bytes of a scalar and what is kept of the first so that it is below the
/// order, and the forms in which the crates hold it.
macro_rules! prime_curve {
    ($family:ident, $curve:ty, $length:literal, $top:literal, $name:literal, $found:expr) => {
        pub(super) const $family: Family = Family {
            name: $name,
            make: || {
                let mut scalar = random::<$length>();
                scalar[0] &= $top;
                scalar
            },
            patterns: |secret| ec::$family.patterns(secret),
            daemon: Some(InDaemon {
                object: |secret| object(CKK_EC, ec::$family.parameters, secret),
                use_once: |caller, key, secret| ecdsa(&ec::$family, caller, key, secret),
            }),
            outside: |secret| {
                let key = ::ecdsa::elliptic_curve::SecretKey::<$curve>::from_slice(secret);
                let key = Box::new(key.expect("a scalar"));
                let signing = Box::new(::ecdsa::SigningKey::<$curve>::from(&*key));
                let scalar = Box::new(key.to_nonzero_scalar());
                let made = sign_prehashed_rfc6979::<$curve, Sha256>(&scalar, &[7; 48], &[]);
                Box::new((key, signing, scalar, made))
            },
            found_outside: &$found,
        };
    };
}

prime_curve!(
    P224,
    p224::NistP224,
    28,
    0x7f,
    "P-224",
    ["P-224 scalar", "P-224 scalar in Montgomery form"]
);
prime_curve!(P256, p256::NistP256, 32, 0x7f, "P-256", ["P-256 scalar"]);
prime_curve!(P384, p384::NistP384, 48, 0x7f, "P-384", ["P-384 scalar in Montgomery form"]);
prime_curve!(P521, p521::NistP521, 66, 0x00, "P-521", ["P-521 scalar in Montgomery form"]);
prime_curve!(SECP256K1, k256::Secp256k1, 32, 0x7f, "secp256k1", ["secp256k1 scalar"]);
prime_curve!(
    BRAINPOOL_P256R1,
    bp256::BrainpoolP256r1,
    32,
    0x7f,
    "brainpoolP256r1",
    ["brainpoolP256r1 scalar", "brainpoolP256r1 scalar in Montgomery form"]
);
prime_curve!(
    BRAINPOOL_P384R1,
    bp384::BrainpoolP384r1,
    48,
    0x7f,
    "brainpoolP384r1",
    ["brainpoolP384r1 scalar", "brainpoolP384r1 scalar in Montgomery form"]
);

pub(super) const P256_BY_AWS_LC: Family = Family {
    name: "P-256 by AWS-LC",
    make: P256.make,
    patterns: P256.patterns,
    // The daemon's own use is that of P-256.
    daemon: None,
    outside: |secret| {
        let public = p256::SecretKey::from_slice(secret).expect("a scalar").public_key();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let public = public.to_sec1_bytes();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, &public);
        let pair = pair.expect("a key pair");
        assert!(pair.sign(&SystemRandom::new(), b"message").is_ok());
        Box::new(pair) as Box<dyn Any>
    },
    found_outside: &["P-256 scalar"],
};

pub(super) const ED25519: Family = Family {
    name: "Ed25519",
    make: random::<32>,
    patterns: |secret| edwards::ed25519(&array(secret)),
    daemon: Some(InDaemon {
        object: |secret| object(CKK_EC_EDWARDS, &[6, 3, 0x2b, 0x65, 0x70], secret),
        use_once: |caller, key, secret| {
            let message = random::<40>();
            let signature = caller.sign(key, plain(CKM_EDDSA), &message);
            edwards::nonce(&array(secret), &message, &signature)
        },
    }),
    outside: |secret| {
        let key = Box::new(ed25519_dalek::SigningKey::from_bytes(&array(secret)));
        let signature = key.sign(b"message");
        let scalar = Box::new(key.to_scalar_bytes());
        Box::new((key, scalar, signature))
    },
    found_outside: &["Ed25519 seed", "Ed25519 unclamped scalar"],
};

pub(super) const X25519: Family = Family {
    name: "X25519",
    make: random::<32>,
    patterns: |secret| {
        let mut patterns = edwards::x25519(&array(secret));
        let shared = agree(secret).to_bytes().to_vec();
        patterns.push(("X25519 shared secret".to_owned(), shared));
        patterns
    },
    daemon: Some(InDaemon {
        object: |secret| {
            let mut object = object(CKK_EC_MONTGOMERY, &[6, 3, 0x2b, 0x65, 0x6e], secret);
            object.pop_if(|attribute| attribute.kind == SIGN);
            object.push(Attribute::boolean(DERIVE, true));
            object
        },
        use_once: |caller, key, _| {
            let public_data = other().to_bytes().to_vec();
            let parameter = EcdhParameter { kdf: CKD_NULL, shared_data: Vec::new(), public_data };
            caller.derive(key, with(CKM_ECDH1_DERIVE, &parameter));
            Named::new()
        },
    }),
    outside: |secret| {
        let key = Box::new(x25519_dalek::StaticSecret::from(array::<32>(secret)));
        Box::new((key, Box::new(agree(secret))))
    },
    found_outside: &["X25519 secret", "X25519 shared secret"],
};

pub(super) const ED448: Family = Family {
    name: "Ed448",
    make: random::<57>,
    patterns: edwards::ed448,
    daemon: Some(InDaemon {
        object: |secret| object(CKK_EC_EDWARDS, &[6, 3, 0x2b, 0x65, 0x71], secret),
        use_once: |caller, key, secret| {
            let message = random::<40>();
            let signature = caller.sign(key, plain(CKM_EDDSA), &message);
            edwards::nonce_448(secret, &message, &signature)
        },
    }),
    outside: |secret| {
        let key = ed448_goldilocks::SigningKey::try_from(secret).expect("57 bytes");
        let (key, signature) = (Box::new(key.clone()), key.sign_raw(b"message"));
        Box::new((key, signature))
    },
    found_outside: &["Ed448 seed", "Ed448 scalar", "Ed448 nonce prefix"],
};

pub(super) const X448: Family = Family {
    name: "X448",
    make: random::<56>,
    patterns: |secret| {
        let mut patterns = edwards::x448(secret);
        let shared = multiple_448(secret, &multiple_448(&[0x42; 56], &MontgomeryPoint::GENERATOR));
        patterns.push(("X448 shared secret".to_owned(), shared.as_bytes().to_vec()));
        patterns
    },
    daemon: Some(InDaemon {
        object: |secret| {
            let mut object = object(CKK_EC_MONTGOMERY, &[6, 3, 0x2b, 0x65, 0x6f], secret);
            object.pop_if(|attribute| attribute.kind == SIGN);
            object.push(Attribute::boolean(DERIVE, true));
            object
        },
        use_once: |caller, key, _| {
            let other = multiple_448(&[0x42; 56], &MontgomeryPoint::GENERATOR);
            let public_data = other.as_bytes().to_vec();
            let parameter = EcdhParameter { kdf: CKD_NULL, shared_data: Vec::new(), public_data };
            caller.derive(key, with(CKM_ECDH1_DERIVE, &parameter));
            Named::new()
        },
    }),
    outside: |secret| {
        let shared = multiple_448(secret, &multiple_448(&[0x42; 56], &MontgomeryPoint::GENERATOR));
        Box::new((Box::new(scalar_448(secret)), Box::new(shared)))
    },
    found_outside: &["X448 clamped secret", "X448 shared secret"],
};

/// RFC 7748 section 5.
fn scalar_448(secret: &[u8]) -> EdwardsScalar {
    EdwardsScalar::from_uint_unchecked(U448::from_le_slice(&edwards::clamped_448(secret)))
}

fn multiple_448(secret: &[u8], point: &MontgomeryPoint) -> MontgomeryPoint {
    point * &scalar_448(secret)
}

/// With a party whose key is known.
fn agree(secret: &[u8]) -> x25519_dalek::SharedSecret {
    let secret = x25519_dalek::StaticSecret::from(array::<32>(secret));
    secret.diffie_hellman(&other())
}

/// The public key of the other party.
fn other() -> x25519_dalek::PublicKey {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from([0x42; 32]))
}
