//! The keys of the cases: token objects, made when a case first asks for them.

use std::thread;

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::failure::Failure;
use super::token::Token;
use crate::token::{P256, Pair};

/// The name of Ed25519 in `CKA_EC_PARAMS`: as RFC 8410 has it, and as PKCS#11 3.0 had it at first.
const ED25519: [&[u8]; 2] = [b"\x06\x03\x2b\x65\x70", b"\x13\x0cedwards25519"];
/// Label of objects that are there to be many.
const FILLER: &str = "filler";

/// An AES-256 key.
pub(super) fn aes(token: &Token) -> Result<ObjectHandle, Failure> {
    let usage = [Attribute::Encrypt(true), Attribute::Decrypt(true)];
    secret(token, "bench AES", &Mechanism::AesKeyGen, &usage)
}

/// A key of 32 bytes for HMAC.
pub(super) fn hmac(token: &Token) -> Result<ObjectHandle, Failure> {
    let usage = [Attribute::Sign(true), Attribute::Verify(true)];
    secret(token, "bench HMAC", &Mechanism::GenericSecretKeyGen, &usage)
}

/// An RSA key pair.
pub(super) fn rsa(token: &Token, bits: u64) -> Result<Pair, Failure> {
    let special = [
        Attribute::ModulusBits(bits.into()),
        Attribute::PublicExponent(vec![1, 0, 1]),
        Attribute::Encrypt(true),
    ];
    let label = format!("bench RSA {bits}");
    let private = [Attribute::Decrypt(true)];
    pair(token, &label, &Mechanism::RsaPkcsKeyPairGen, &special, &private)
}

/// A P-256 key pair.
pub(super) fn p256(token: &Token) -> Result<Pair, Failure> {
    let special = [Attribute::EcParams(P256.to_vec())];
    pair(token, P256_LABEL, &Mechanism::EccKeyPairGen, &special, &[])
}

/// Label of the P-256 key pair.
pub(super) const P256_LABEL: &str = "bench P-256";

/// An Ed25519 key pair.
pub(super) fn ed25519(token: &Token) -> Result<Pair, Failure> {
    let make = |name: &[u8]| {
        let special = [Attribute::EcParams(name.to_vec())];
        pair(token, "bench Ed25519", &Mechanism::EccEdwardsKeyPairGen, &special, &[])
    };
    make(ED25519[0]).or_else(|_| make(ED25519[1]))
}

/// So many keys are made by several threads.
const MANY: usize = 5000;
/// How many threads.
const FILLING: usize = 16;

/// Makes AES keys until the token has so many objects.
pub(super) fn fill(token: &Token, count: usize) -> Result<(), Failure> {
    token.alone(|session| {
        let missing = count.saturating_sub(session.find_objects(&[])?.len());
        let one_of = &|share: usize| {
            let session = token.session()?;
            for _ in 0..share {
                session.generate_key(&Mechanism::AesKeyGen, &new_aes(FILLER))?;
            }
            Ok(())
        };
        if missing < MANY {
            return one_of(missing);
        }
        // Changes that are made at once share their waits for the disk.
        let share = missing.div_ceil(FILLING);
        thread::scope(|scope| {
            let filling: Vec<_> =
                (0..FILLING).map(|_| scope.spawn(move || one_of(share))).collect();
            filling.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| Failure("a thread panicked".to_owned()))?
            })
        })
    })
}

/// The template of an AES-256 token key.
pub(super) fn new_aes(label: &str) -> Vec<Attribute> {
    let usage = [Attribute::Encrypt(true), Attribute::Decrypt(true)];
    [common(label, true), protected(), vec![Attribute::ValueLen(32.into())], usage.into()].concat()
}

/// The templates of a P-256 token key pair, public first.
pub(super) fn new_p256(label: &str) -> [Vec<Attribute>; 2] {
    [
        [common(label, false), vec![Attribute::Verify(true), Attribute::EcParams(P256.to_vec())]]
            .concat(),
        [common(label, true), protected(), vec![Attribute::Sign(true)]].concat(),
    ]
}

/// Whether a module can make what Ed25519 cases need.
pub(super) const ED25519_NEEDS: &[MechanismType] =
    &[MechanismType::EDDSA, MechanismType::ECC_EDWARDS_KEY_PAIR_GEN];

fn common(label: &str, private: bool) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Private(private),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
    ]
}

fn protected() -> Vec<Attribute> {
    vec![Attribute::Sensitive(true), Attribute::Extractable(false)]
}

fn secret(
    token: &Token,
    label: &str,
    mechanism: &Mechanism<'_>,
    usage: &[Attribute],
) -> Result<ObjectHandle, Failure> {
    token.alone(|session| {
        if let Some(key) = found(session, ObjectClass::SECRET_KEY, label)? {
            return Ok(key);
        }
        let length = vec![Attribute::ValueLen(32.into())];
        let template = [common(label, true), protected(), length, usage.to_vec()].concat();
        Ok(session.generate_key(mechanism, &template)?)
    })
}

fn pair(
    token: &Token,
    label: &str,
    mechanism: &Mechanism<'_>,
    special: &[Attribute],
    private: &[Attribute],
) -> Result<Pair, Failure> {
    token.alone(|session| {
        let public = found(session, ObjectClass::PUBLIC_KEY, label)?;
        if let Some(pair) = public.zip(found(session, ObjectClass::PRIVATE_KEY, label)?) {
            return Ok(pair);
        }
        let verify = vec![Attribute::Verify(true)];
        let public = [common(label, false), verify, special.to_vec()].concat();
        let sign = vec![Attribute::Sign(true)];
        let private = [common(label, true), protected(), sign, private.to_vec()].concat();
        Ok(session.generate_key_pair(mechanism, &public, &private)?)
    })
}

fn found(
    session: &Session,
    class: ObjectClass,
    label: &str,
) -> Result<Option<ObjectHandle>, Failure> {
    let template = [Attribute::Class(class), Attribute::Label(label.into())];
    Ok(session.find_objects(&template)?.first().copied())
}
