//! Known-answer tests of every algorithm, run at start; if one fails there is no service.
//!
//! The answers are those of the standards, or of a second implementation where a standard has
//! none. Signatures with random parts are checked by verifying the standard's own signature and
//! one made here.

mod answers;
mod derivation;
mod elliptic;
mod elliptic_answers;
mod rsa;
mod sm2;
mod symmetric;

use coffer_protocol::mechanism::{Hash, Parameter, Scheme, Truncation};

use super::{Error, Key, KeySpec, PublicKey, Uses, hash, hmac, random, sha512_t};
use derivation::{hkdf, kdf_counter, kdf_feedback, kdf_pipeline, pbkdf2, tls_prf};
use rsa::{rsa_oaep, rsa_pkcs1_decrypt, rsa_pkcs1_sign, rsa_pss};
use sm2::{sm2_encrypt, sm2_sign};
use symmetric::{
    aead, aes_cbc, aes_ccm, aes_cmac, aes_ctr, aes_cts, aes_gcm, aes_xts, both_ways, chacha20,
    chacha20_poly1305, feedback, key_wrap, sm4_gcm,
};

/// The known-answer test that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the self-test of {0} failed")]
pub struct Failure(pub &'static str);

/// A test: it gives whether the answer was right.
type Test = fn() -> Result<bool, Error>;

/// What is tested, in this order; the curves come behind.
const TESTS: &[(&str, Test)] = &[
    ("random", random_bytes),
    ("SHA-1", || digest(Hash::Sha1)),
    ("SHA-224", || digest(Hash::Sha224)),
    ("SHA-256", || digest(Hash::Sha256)),
    ("SHA-384", || digest(Hash::Sha384)),
    ("SHA-512", || digest(Hash::Sha512)),
    ("SHA-512/224", || digest(Hash::Sha512_224)),
    ("SHA-512/256", || digest(Hash::Sha512_256)),
    ("SHA-512/t", digest_of_any_length),
    ("SHA3-224", || digest(Hash::Sha3_224)),
    ("SHA3-256", || digest(Hash::Sha3_256)),
    ("SHA3-384", || digest(Hash::Sha3_384)),
    ("SHA3-512", || digest(Hash::Sha3_512)),
    ("SM3", || digest(Hash::Sm3)),
    ("HMAC-SHA-1", || code(Hash::Sha1)),
    ("HMAC-SHA-224", || code(Hash::Sha224)),
    ("HMAC-SHA-256", || code(Hash::Sha256)),
    ("HMAC-SHA-384", || code(Hash::Sha384)),
    ("HMAC-SHA-512", || code(Hash::Sha512)),
    ("HMAC-SHA-512/224", || code(Hash::Sha512_224)),
    ("HMAC-SHA-512/256", || code(Hash::Sha512_256)),
    ("HMAC-SHA-512/t", code_of_any_length),
    ("HMAC-SHA3-224", || code(Hash::Sha3_224)),
    ("HMAC-SHA3-256", || code(Hash::Sha3_256)),
    ("HMAC-SHA3-384", || code(Hash::Sha3_384)),
    ("HMAC-SHA3-512", || code(Hash::Sha3_512)),
    ("HMAC-SM3", || code(Hash::Sm3)),
    ("HKDF-SHA-256", hkdf),
    ("PBKDF2", pbkdf2),
    ("KDF in counter mode", kdf_counter),
    ("KDF in feedback mode", kdf_feedback),
    ("KDF in double-pipeline mode", kdf_pipeline),
    ("TLS 1.2 pseudorandom function", tls_prf),
    ("AES-CBC", aes_cbc),
    ("AES-CTR", aes_ctr),
    ("AES-GCM", aes_gcm),
    ("AES-ECB", || both_ways(KeySpec::Aes, Scheme::AesEcb, &Parameter::None, answers::AES_ECB)),
    ("AES-CFB8", || feedback(Scheme::AesCfb8, answers::AES_CFB8)),
    ("AES-CFB128", || feedback(Scheme::AesCfb128, answers::AES_CFB128)),
    ("AES-OFB", || feedback(Scheme::AesOfb, answers::AES_OFB)),
    ("AES-CTS", aes_cts),
    ("AES-XTS", aes_xts),
    ("ChaCha20", chacha20),
    ("AES-CCM", aes_ccm),
    ("AES-CMAC", aes_cmac),
    ("AES key wrap", || key_wrap(Scheme::AesKeyWrap, answers::AES_KEY_WRAP)),
    ("AES key wrap with padding", || key_wrap(Scheme::AesKeyWrapPad, answers::AES_KEY_WRAP_PAD)),
    ("ChaCha20-Poly1305", chacha20_poly1305),
    ("SM4-GCM", sm4_gcm),
    ("AEAD", aead),
    ("RSA PKCS#1 signature", || rsa_pkcs1_sign(Uses::NONE)),
    ("RSA-PSS", || rsa_pss(Uses::NONE)),
    ("RSA PKCS#1 decryption", rsa_pkcs1_decrypt),
    ("RSA-OAEP", || rsa_oaep(Uses::NONE)),
    ("SM2 signature", sm2_sign),
    ("SM2 encryption", sm2_encrypt),
    // Again, with keys that the second implementation was made ready for.
    #[cfg(feature = "fast")]
    ("AWS-LC RSA PKCS#1 signature", || rsa_pkcs1_sign(Uses::ALL)),
    #[cfg(feature = "fast")]
    ("AWS-LC RSA-PSS", || rsa_pss(Uses::ALL)),
    #[cfg(feature = "fast")]
    ("AWS-LC RSA-OAEP", || rsa_oaep(Uses::ALL)),
];

/// Runs every test and gives the names of what was tested, or of the first failure.
pub fn run() -> Result<Vec<&'static str>, Failure> {
    let done = TESTS.iter().map(|(name, test)| (*name, test()));
    let names = done.chain(elliptic::run()).map(|(name, done)| match done {
        Ok(true) => Ok(name),
        Ok(false) | Err(_) => Err(Failure(name)),
    });
    names.collect()
}

/// A stuck generator gives equal draws (SP 800-90B section 4.4, in the simplest form).
fn random_bytes() -> Result<bool, Error> {
    Ok(random::array::<32>()? != random::array::<32>()?)
}

fn digest(kind: Hash) -> Result<bool, Error> {
    let answer = answers::of(answers::DIGESTS, kind)?;
    Ok(hash::digest(kind, b"abc") == answer)
}

fn code(kind: Hash) -> Result<bool, Error> {
    let answer = answers::of(answers::CODES, kind)?;
    Ok(hmac::mac(kind, b"Jefe", b"what do ya want for nothing?")? == answer)
}

fn digest_of_any_length() -> Result<bool, Error> {
    for (bits, digest, _) in answers::TRUNCATED {
        let t = Truncation::new(*bits).ok_or(Error::Internal)?;
        if *sha512_t::digest(t, b"abc")? != answers::hex(digest)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn code_of_any_length() -> Result<bool, Error> {
    for (bits, _, code) in answers::TRUNCATED {
        let t = Truncation::new(*bits).ok_or(Error::Internal)?;
        let mut mac = sha512_t::Mac::new(t, b"Jefe")?;
        mac.update(b"what do ya want for nothing?");
        if mac.finish() != answers::hex(code)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Verifies the known signature and one made here, and refuses another message.
fn sign_and_verify(
    key: &Key,
    public: &PublicKey,
    scheme: Scheme,
    parameter: &Parameter,
    [message, signature]: [&[u8]; 2],
) -> Result<bool, Error> {
    let made = super::sign(key, scheme, parameter, message)?;
    let verifies = |message: &[u8], signature: &[u8]| {
        super::verify(public, scheme, parameter, message, signature).is_ok()
    };
    Ok(verifies(message, signature)
        && verifies(message, &made)
        && !verifies(b"another message", signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_passes() {
        let tested = run().unwrap();
        assert_eq!(tested.len(), TESTS.len() + elliptic::run().count());
    }

    #[test]
    fn a_wrong_answer_is_noticed() {
        let iv = Parameter::Iv([0; 16]);
        let right = both_ways(KeySpec::Aes, Scheme::AesCbc, &iv, answers::AES_CBC[0]).unwrap();
        assert!(!right);
    }
}
