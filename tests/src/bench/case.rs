//! The cases: what is measured.

use cryptoki::mechanism::MechanismType as M;

use super::failure::Failure;
use super::measure::Work;
use super::token::Token;
use super::{keyed, keys, place};

/// One thing that is measured.
pub(super) struct Case {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// Mechanisms without which it cannot be done.
    pub(super) needs: &'static [M],
    /// Where it can be done.
    pub(super) on: On,
    /// In how many threads.
    pub(super) at_once: AtOnce,
    /// Makes the work of one thread.
    pub(super) work: for<'t> fn(&'t Token) -> Result<Work<'t>, Failure>,
}

/// Where a case can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// On every module.
    Modules,
    /// On Coffer only: it speaks to the daemon itself, or would take others hours.
    Coffer,
}

/// In how many threads a case is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtOnce {
    /// In one.
    One,
    /// In one, and then in many.
    Many,
}

use AtOnce::{Many, One};
use On::{Coffer, Modules};
use place::By;

macro_rules! cases {
    ($( $name:literal [$($needs:expr)?] $on:ident $at_once:ident $work:expr; )*) => {
        /// All cases, in the order in which they are measured: those that fill the token come last.
        pub(super) const ALL: &[Case] = &[ $( Case {
            name: $name,
            needs: cases!(@needs $($needs)?),
            on: $on,
            at_once: $at_once,
            work: $work,
        } ),* ];
    };
    (@needs) => { &[] };
    (@needs $needs:expr) => { $needs };
}

cases! {
    "empty call"                        []                         Coffer  Many place::empty_call;
    "random 32 B"                       []                         Modules Many keyed::random;
    "SHA-256 32 B"                      [&[M::SHA256]]             Modules Many keyed::digest;
    "AES-256-GCM encrypt 32 B"          [&[M::AES_GCM]]            Modules Many |token| keyed::gcm(token, 32);
    "AES-256-GCM encrypt 4 KiB"         [&[M::AES_GCM]]            Modules Many |token| keyed::gcm(token, 4 << 10);
    "AES-256-GCM encrypt 1 MiB"         [&[M::AES_GCM]]            Modules Many |token| keyed::gcm(token, 1 << 20);
    "HMAC-SHA256 32 B"                  [&[M::SHA256_HMAC]]        Modules Many keyed::hmac;
    "RSA-2048 sign, SHA256_RSA_PKCS"    [&[M::SHA256_RSA_PKCS]]    Modules Many |token| keyed::rsa_hashed(token, 2048);
    "RSA-2048 sign, RSA_PKCS"           [&[M::RSA_PKCS]]           Modules Many |token| keyed::rsa_digest(token, 2048);
    "RSA-3072 sign, SHA256_RSA_PKCS"    [&[M::SHA256_RSA_PKCS]]    Modules Many |token| keyed::rsa_hashed(token, 3072);
    "RSA-3072 sign, RSA_PKCS"           [&[M::RSA_PKCS]]           Modules Many |token| keyed::rsa_digest(token, 3072);
    "RSA-4096 sign, SHA256_RSA_PKCS"    [&[M::SHA256_RSA_PKCS]]    Modules Many |token| keyed::rsa_hashed(token, 4096);
    "RSA-4096 sign, RSA_PKCS"           [&[M::RSA_PKCS]]           Modules Many |token| keyed::rsa_digest(token, 4096);
    "RSA-2048 OAEP SHA-1 decrypt"       [&[M::RSA_PKCS_OAEP]]      Modules Many keyed::oaep_sha1;
    "RSA-2048 OAEP SHA-256 decrypt"     [&[M::RSA_PKCS_OAEP]]      Modules Many keyed::oaep_sha256;
    "P-256 sign"                        [&[M::ECDSA]]              Modules Many keyed::p256_sign;
    "P-256 verify"                      [&[M::ECDSA]]              Modules Many keyed::p256_verify;
    "Ed25519 sign"                      [keys::ED25519_NEEDS]      Modules Many keyed::ed25519_sign;
    "get 3 attributes"                  []                         Modules Many place::attributes;
    "open and close a session"          []                         Modules Many place::session;
    "generate an AES token key"         [&[M::AES_KEY_GEN]]        Modules Many place::generate_aes;
    "generate a P-256 token key pair"   [&[M::ECC_KEY_PAIR_GEN]]   Modules Many place::generate_p256;
    "find by label, 12 objects"         []                         Modules Many |token| place::find(token, 12, By::Label);
    "find by class and label, 12 objects" []                         Modules Many |token| place::find(token, 12, By::ClassAndLabel);
    "find by id, 12 objects"            []                         Modules Many |token| place::find(token, 12, By::Id);
    "find by unique id, 12 objects"     []                         Coffer  Many |token| place::find(token, 12, By::UniqueId);
    "process start to signature, 12 objects"          [&[M::ECDSA]] Modules One |token| place::start(token, 12, place::Until::Signature);
    "the same without C_Login, 12 objects"            [&[M::ECDSA]] Modules One |token| place::start(token, 12, place::Until::SignatureWithoutLogin);
    "process start to verification, no login, 12 objects" [&[M::ECDSA]] Modules One |token| place::start(token, 12, place::Until::Verification);
    "find by label, 1,000 objects"      []                         Modules Many |token| place::find(token, 1000, By::Label);
    "process start to signature, 1,000 objects"       [&[M::ECDSA]] Modules One |token| place::start(token, 1000, place::Until::Signature);
    "the same without C_Login, 1,000 objects"         [&[M::ECDSA]] Modules One |token| place::start(token, 1000, place::Until::SignatureWithoutLogin);
    "AES-256-GCM encrypt 32 B, 1,000 objects"         [&[M::AES_GCM]] Modules One |token| place::among(token, 1000, |token| keyed::gcm(token, 32));
    "find by label, 100,000 objects"    []                         Coffer  Many |token| place::find(token, 100_000, By::Label);
    "find by class and label, 100,000 objects" []                         Coffer  Many |token| place::find(token, 100_000, By::ClassAndLabel);
    "find by id, 100,000 objects"       []                         Coffer  Many |token| place::find(token, 100_000, By::Id);
    "find by unique id, 100,000 objects" []                         Coffer  Many |token| place::find(token, 100_000, By::UniqueId);
    "process start to signature, 100,000 objects"     [&[M::ECDSA]] Coffer One |token| place::start(token, 100_000, place::Until::Signature);
    "the same without C_Login, 100,000 objects"       [&[M::ECDSA]] Coffer One |token| place::start(token, 100_000, place::Until::SignatureWithoutLogin);
    "daemon start, 100,000 objects"     []                         Coffer  One  |token| place::daemon_start(token, 100_000);
}

/// The case of this name.
pub(super) fn find(name: &str) -> Option<&'static Case> {
    ALL.iter().find(|case| case.name == name)
}
