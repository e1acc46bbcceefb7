//! Keys on elliptic curves.

use coffer_protocol::attribute::{Attribute, CLASS, EC_PARAMS, KEY_TYPE, SIGN, VALUE};
use coffer_protocol::mechanism::ckm::{CKM_ECDSA, CKM_ECDSA_SHA256};
use cryptoki_sys::{CKK_EC, CKO_PRIVATE_KEY};
use sha2::{Digest, Sha256};

use super::caller::plain;
use super::{Caller, Family, InDaemon, random};
use crate::leak_scanner::Named;
use crate::leak_scanner::ec::{self, Curve};

fn object(key_type: u64, parameters: &[u8], secret: &[u8]) -> Vec<Attribute> {
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

pub(super) const P256: Family = Family {
    name: "P-256",
    make: || {
        let scalar = random::<32>();
        // All but a few numbers of 32 bytes are below the order.
        p256::SecretKey::from_slice(&scalar).expect("a scalar");
        scalar
    },
    patterns: |secret| ec::P256.patterns(secret),
    daemon: InDaemon {
        object: |secret| object(CKK_EC, ec::P256.parameters, secret),
        use_once: |caller, key, secret| ecdsa(&ec::P256, caller, key, secret),
    },
    outside: |secret| {
        use p256::ecdsa::signature::hazmat::PrehashSigner;
        let key = Box::new(p256::ecdsa::SigningKey::from_slice(secret).expect("a scalar"));
        let made: Result<p256::ecdsa::Signature, _> = key.sign_prehash(&[7; 32]);
        assert!(made.is_ok());
        Box::new(key)
    },
    found_outside: &["P-256 scalar"],
};

pub(super) const P384: Family = Family {
    name: "P-384",
    make: || {
        let scalar = random::<48>();
        p384::SecretKey::from_slice(&scalar).expect("a scalar");
        scalar
    },
    patterns: |secret| ec::P384.patterns(secret),
    daemon: InDaemon {
        object: |secret| object(CKK_EC, ec::P384.parameters, secret),
        use_once: |caller, key, secret| ecdsa(&ec::P384, caller, key, secret),
    },
    outside: |secret| {
        use p384::ecdsa::signature::hazmat::PrehashSigner;
        let key = Box::new(p384::ecdsa::SigningKey::from_slice(secret).expect("a scalar"));
        let made: Result<p384::ecdsa::Signature, _> = key.sign_prehash(&[7; 48]);
        assert!(made.is_ok());
        Box::new(key)
    },
    found_outside: &["P-384 scalar in Montgomery form"],
};
