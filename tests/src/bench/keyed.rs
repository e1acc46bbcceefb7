//! Work of the mechanisms: random numbers, digests, ciphers and signatures.

use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};

use super::failure::Failure;
use super::keys;
use super::measure::{Timing, Work};
use super::token::Token;

/// What is hashed, authenticated or signed.
const MESSAGE: [u8; 32] = [0x5a; 32];
/// `DigestInfo` of SHA-256 up to the digest (RFC 8017, section 9.2).
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

type Made<'t> = Result<Work<'t>, Failure>;

/// Work of one call whose outcome is not needed.
fn work<'t, T>(mut call: impl FnMut() -> Result<T, Failure> + 't) -> Work<'t> {
    Box::new(move || {
        std::hint::black_box(call()?);
        Ok(Timing::Whole)
    })
}

pub(super) fn random(token: &Token) -> Made<'_> {
    let session = token.session()?;
    let mut bytes = [0; 32];
    Ok(work(move || Ok(session.generate_random_slice(&mut bytes)?)))
}

pub(super) fn digest(token: &Token) -> Made<'_> {
    let session = token.session()?;
    Ok(work(move || Ok(session.digest(&Mechanism::Sha256, &MESSAGE)?)))
}

/// Every message has an initialisation vector of its own, as GCM needs it.
pub(super) fn gcm(token: &Token, length: usize) -> Made<'_> {
    let (session, key) = (token.session()?, keys::aes(token)?);
    let plaintext = vec![0x5a; length];
    let mut counter = 0_u64;
    Ok(work(move || {
        counter += 1;
        let mut iv = [0; 12];
        iv[4..].copy_from_slice(&counter.to_be_bytes());
        let parameter = GcmParams::new(&mut iv, b"", 128.into())?;
        Ok(session.encrypt(&Mechanism::AesGcm(parameter), key, &plaintext)?)
    }))
}

pub(super) fn hmac(token: &Token) -> Made<'_> {
    let (session, key) = (token.session()?, keys::hmac(token)?);
    Ok(work(move || Ok(session.sign(&Mechanism::Sha256Hmac, key, &MESSAGE)?)))
}

/// The module hashes.
pub(super) fn rsa_hashed(token: &Token, bits: u64) -> Made<'_> {
    let (session, (_, private)) = (token.session()?, keys::rsa(token, bits)?);
    Ok(work(move || Ok(session.sign(&Mechanism::Sha256RsaPkcs, private, &MESSAGE)?)))
}

/// The caller has hashed, and hands in the `DigestInfo`.
pub(super) fn rsa_digest(token: &Token, bits: u64) -> Made<'_> {
    let (session, (_, private)) = (token.session()?, keys::rsa(token, bits)?);
    let info = [&SHA256_INFO[..], &MESSAGE].concat();
    Ok(work(move || Ok(session.sign(&Mechanism::RsaPkcs, private, &info)?)))
}

pub(super) fn oaep_sha1(token: &Token) -> Made<'_> {
    oaep(token, MechanismType::SHA1, PkcsMgfType::MGF1_SHA1)
}

pub(super) fn oaep_sha256(token: &Token) -> Made<'_> {
    oaep(token, MechanismType::SHA256, PkcsMgfType::MGF1_SHA256)
}

fn oaep(token: &Token, hash: MechanismType, mask: PkcsMgfType) -> Made<'_> {
    let (session, (public, private)) = (token.session()?, keys::rsa(token, 2048)?);
    let parameter = PkcsOaepParams::new(hash, mask, PkcsOaepSource::empty());
    let mechanism = Mechanism::RsaPkcsOaep(parameter);
    let ciphertext = session.encrypt(&mechanism, public, &MESSAGE)?;
    Ok(work(move || Ok(session.decrypt(&mechanism, private, &ciphertext)?)))
}

pub(super) fn p256_sign(token: &Token) -> Made<'_> {
    let (session, (_, private)) = (token.session()?, keys::p256(token)?);
    Ok(work(move || Ok(session.sign(&Mechanism::Ecdsa, private, &MESSAGE)?)))
}

pub(super) fn p256_verify(token: &Token) -> Made<'_> {
    let (session, (public, private)) = (token.session()?, keys::p256(token)?);
    let signature = session.sign(&Mechanism::Ecdsa, private, &MESSAGE)?;
    Ok(work(move || Ok(session.verify(&Mechanism::Ecdsa, public, &MESSAGE, &signature)?)))
}

pub(super) fn ed25519_sign(token: &Token) -> Made<'_> {
    let (session, (_, private)) = (token.session()?, keys::ed25519(token)?);
    let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
    Ok(work(move || Ok(session.sign(&mechanism, private, &MESSAGE)?)))
}
