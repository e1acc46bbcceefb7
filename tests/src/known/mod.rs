//! Keys that a test knows, a row for each family of algorithms: what a leak of such a key looks like, how the
//! daemon is made to use it, and how the crates use it in ordinary memory, where the scanner must find it.

mod agreement;
mod caller;
mod derivation;
mod elliptic;
mod rsa;
mod secret;
mod xts;

use std::any::Any;

use coffer_protocol::attribute::Attribute;

use crate::leak_scanner::Named;

pub use caller::Caller;

/// A family of keys.
pub struct Family {
    /// Its name, which the object has as its label.
    pub name: &'static str,
    /// A new secret.
    pub make: fn() -> Vec<u8>,
    /// What it looks like in memory, with all that follows it.
    pub patterns: fn(&[u8]) -> Named,
    /// What the daemon does with it, if it is made to here.
    pub daemon: Option<InDaemon>,
    /// The same by the crates, in ordinary memory; what they keep stays while the result lives.
    pub outside: fn(&[u8]) -> Box<dyn Any>,
    /// Patterns that are found there.
    pub found_outside: &'static [&'static str],
}

/// How the daemon is made to use a key.
pub struct InDaemon {
    /// The attributes of its object, beside those that all have.
    pub object: fn(&[u8]) -> Vec<Attribute>,
    /// Every operation of the family once; returns what became known by it, such as nonces.
    pub use_once: fn(&Caller, u32, &[u8]) -> Named,
}

/// Every family.
pub static FAMILIES: &[Family] = &[
    secret::AES,
    secret::CHACHA20,
    secret::HMAC_SHA256,
    secret::HMAC_SHA512,
    secret::HMAC_SHA3,
    secret::HKDF,
    elliptic::P256,
    elliptic::P384,
    elliptic::P521,
    elliptic::P224,
    elliptic::SECP256K1,
    elliptic::BRAINPOOL_P256R1,
    elliptic::BRAINPOOL_P384R1,
    elliptic::ED25519,
    elliptic::X25519,
    elliptic::ED448,
    elliptic::X448,
    secret::AES_BY_AWS_LC,
    elliptic::P256_BY_AWS_LC,
    rsa::BY_AWS_LC,
    rsa::BY_THE_CRATE,
    xts::AES_XTS,
    derivation::SP800_108,
    derivation::TLS,
    derivation::KEYS_AND_DATA,
    derivation::PBKDF2,
    agreement::ECDH_AES_KEY_WRAP,
];

impl Family {
    /// The patterns of a secret, named for the family as well.
    pub fn named(&self, patterns: Named) -> Named {
        patterns
            .into_iter()
            .map(|(name, bytes)| (format!("{}: {name}", self.name), bytes))
            .collect()
    }
}

/// The family with this name.
///
/// # Panics
/// Where there is none.
pub fn family(name: &str) -> &'static Family {
    FAMILIES.iter().find(|family| family.name == name).expect("a family of this name")
}

/// So many random bytes: constants would stand in a program's own read-only data.
fn random<const LENGTH: usize>() -> Vec<u8> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("random numbers");
    bytes.to_vec()
}

/// A copy of a known length.
fn array<const LENGTH: usize>(secret: &[u8]) -> [u8; LENGTH] {
    secret.try_into().expect("the length of the family's secrets")
}
