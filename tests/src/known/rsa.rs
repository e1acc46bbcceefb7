//! RSA keys, by both implementations. The daemon uses them through the module, see [`crate::load`].

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use getrandom::SysRng;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::rand_core::UnwrapErr;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};

use super::Family;
use crate::leak_scanner::{Named, rsa as rsa_patterns};

/// A key of 2048 bits in PKCS#8.
fn make() -> Vec<u8> {
    let key = RsaPrivateKey::new(&mut UnwrapErr(SysRng), 2048).expect("an RSA key");
    key.to_pkcs8_der().expect("a key can be encoded").as_bytes().to_vec()
}

fn decoded(secret: &[u8]) -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_der(secret).expect("a key in PKCS#8")
}

fn patterns(secret: &[u8]) -> Named {
    rsa_patterns::patterns(&decoded(secret))
}

pub(super) const BY_AWS_LC: Family = Family {
    name: "RSA by AWS-LC",
    make,
    patterns,
    daemon: None,
    outside: |secret| {
        let pair = RsaKeyPair::from_pkcs8(secret).expect("a key");
        let mut signature = vec![0; pair.public_modulus_len()];
        let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"m", &mut signature);
        assert!(signed.is_ok());
        Box::new(pair)
    },
    found_outside: &["RSA d", "RSA p", "RSA q", "RSA d mod p-1", "RSA R^2 mod p"],
};

pub(super) const BY_THE_CRATE: Family = Family {
    name: "RSA by the crate",
    make,
    patterns,
    daemon: None,
    outside: |secret| {
        let key = Box::new(decoded(secret));
        let signature = key.sign(Pkcs1v15Sign::new_unprefixed(), &[1; 32]);
        assert!(signature.is_ok());
        key
    },
    found_outside: &["RSA d", "RSA p", "RSA q", "RSA d mod p-1", "RSA R mod p", "RSA R^2 mod q"],
};
