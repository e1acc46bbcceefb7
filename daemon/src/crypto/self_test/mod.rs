//! Known-answer tests of every algorithm, run at start; if one fails there is no service.
//!
//! The answers are those of the standards, or of a second implementation where a standard has
//! none. Signatures with random parts are checked by verifying the standard's own signature and
//! one made here.

mod answers;

use coffer_protocol::mechanism::{
    CcmParameter, ChaCha, ChaChaPolyParameter, CtrParameter, Ecdh, EdDsaParameter, GcmParameter,
    Hash, Kdf, KdfMode, KdfSegment, NumberFormat, Oaep, Parameter, Pbkdf2, Prf, Pss, Scheme,
};

use super::aead::Aead;
use super::ecdsa::{Curve, p256_curve, p384_curve, p521_curve};
use super::{
    Base, Error, Key, KeySpec, PublicKey, Uses, der_signature, hash, hmac, kdf, random, sm2, tls,
};
use answers::hex;

/// The known-answer test that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the self-test of {0} failed")]
pub struct Failure(pub &'static str);

/// A test: it gives whether the answer was right.
type Test = fn() -> Result<bool, Error>;

/// What is tested, in this order.
const TESTS: &[(&str, Test)] = &[
    ("random", random_bytes),
    ("SHA-1", || digest(Hash::Sha1)),
    ("SHA-224", || digest(Hash::Sha224)),
    ("SHA-256", || digest(Hash::Sha256)),
    ("SHA-384", || digest(Hash::Sha384)),
    ("SHA-512", || digest(Hash::Sha512)),
    ("SHA-512/224", || digest(Hash::Sha512_224)),
    ("SHA-512/256", || digest(Hash::Sha512_256)),
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
    ("ECDSA P-256", || ecdsa(Curve::P256, Uses::NONE)),
    ("ECDSA P-384", || ecdsa(Curve::P384, Uses::NONE)),
    ("ECDSA P-521", || ecdsa(Curve::P521, Uses::NONE)),
    ("Ed25519", || ed25519(answers::ED25519, &Parameter::None)),
    ("Ed25519ctx", || ed25519(answers::ED25519CTX, &eddsa(false, b"foo"))),
    ("Ed25519ph", || ed25519(answers::ED25519PH, &eddsa(true, b""))),
    ("ECDH P-256", || ecdh(Curve::P256, None, answers::ECDH_P256)),
    ("ECDH P-384", || ecdh(Curve::P384, None, answers::ECDH_P384)),
    ("ECDH P-521", || ecdh(Curve::P521, None, answers::ECDH_P521)),
    ("X25519", || ecdh(Curve::X25519, None, answers::X25519)),
    ("X9.63 key derivation", || ecdh(Curve::X25519, Some(Hash::Sha256), answers::X963)),
    ("SM2 signature", sm2_sign),
    ("SM2 encryption", sm2_encrypt),
    // Again, with keys that the second implementation was made ready for.
    #[cfg(feature = "fast")]
    ("AWS-LC RSA PKCS#1 signature", || rsa_pkcs1_sign(Uses::ALL)),
    #[cfg(feature = "fast")]
    ("AWS-LC RSA-PSS", || rsa_pss(Uses::ALL)),
    #[cfg(feature = "fast")]
    ("AWS-LC RSA-OAEP", || rsa_oaep(Uses::ALL)),
    #[cfg(feature = "fast")]
    ("AWS-LC ECDSA P-256", || ecdsa(Curve::P256, Uses::ALL)),
    #[cfg(feature = "fast")]
    ("AWS-LC ECDSA P-384", || ecdsa(Curve::P384, Uses::ALL)),
    #[cfg(feature = "fast")]
    ("AWS-LC ECDSA P-521", || ecdsa(Curve::P521, Uses::ALL)),
];

/// Runs every test and gives the names of what was tested, or of the first failure.
pub fn run() -> Result<Vec<&'static str>, Failure> {
    let names = TESTS.iter().map(|(name, test)| match test() {
        Ok(true) => Ok(*name),
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

fn hkdf() -> Result<bool, Error> {
    let mut output = [0; 42];
    let (salt, info) = (hex(answers::HKDF_SALT)?, hex(answers::HKDF_INFO)?);
    kdf::hkdf(Hash::Sha256, &[0x0b; 22], &salt, &info, &mut output)?;
    Ok(output.as_slice() == hex(answers::HKDF_OUTPUT)?)
}

fn pbkdf2() -> Result<bool, Error> {
    let salt = b"salt".to_vec();
    let once = Pbkdf2 { hash: Hash::Sha256, salt: salt.clone(), iterations: 1 };
    let twice = Pbkdf2 { hash: Hash::Sha1, salt, iterations: 2 };
    Ok(*super::pbkdf2(&once, b"passwd", 64)? == hex(answers::PBKDF2)?
        && *super::pbkdf2(&twice, b"password", 20)? == hex(answers::PBKDF2_TWICE)?)
}

const KDF_NUMBER: NumberFormat = NumberFormat { little_endian: false, bytes: 4 };

/// What is derived from a secret by SP 800-108 with HMAC-SHA-256: a counter behind `front`, a label, a zero, a
/// context, the length.
fn kdf_hmac(mode: KdfMode, front: Option<KdfSegment>, answer: &str) -> Result<bool, Error> {
    let value: Vec<u8> = (0..32).collect();
    let key = Key::parse(KeySpec::Secret, &value)?;
    let answer = hex(answer)?;
    let rest = [
        KdfSegment::Counter(KDF_NUMBER),
        KdfSegment::Bytes(b"label\0context".to_vec()),
        KdfSegment::KeysLength(KDF_NUMBER),
    ];
    let iv = if front.is_some() { value.clone() } else { Vec::new() };
    let segments = front.into_iter().chain(rest).collect();
    let kdf = Parameter::Kdf(mode, Kdf { prf: Prf::Hmac(Hash::Sha256), segments, iv });
    let base = Base { key: &key, value: &value };
    Ok(*super::derive(base, None, Scheme::Kdf, &kdf, answer.len())? == answer)
}

fn kdf_counter() -> Result<bool, Error> {
    kdf_hmac(KdfMode::Counter, None, answers::KDF_COUNTER)
}

fn kdf_feedback() -> Result<bool, Error> {
    kdf_hmac(KdfMode::Feedback, Some(KdfSegment::Feedback), answers::KDF_FEEDBACK)
}

fn kdf_pipeline() -> Result<bool, Error> {
    let [value, fixed, answer] = answers::KDF_PIPELINE;
    let (value, answer) = (hex(value)?, hex(answer)?);
    let key = Key::parse(KeySpec::Aes, &value)?;
    let segments =
        vec![KdfSegment::Feedback, KdfSegment::Counter(KDF_NUMBER), KdfSegment::Bytes(hex(fixed)?)];
    let kdf = Kdf { prf: Prf::AesCmac, segments, iv: Vec::new() };
    let parameter = Parameter::Kdf(KdfMode::DoublePipeline, kdf);
    let base = Base { key: &key, value: &value };
    Ok(*super::derive(base, None, Scheme::Kdf, &parameter, answer.len())? == answer)
}

fn tls_prf() -> Result<bool, Error> {
    let (secret, seed) = (hex(answers::TLS_SECRET)?, hex(answers::TLS_SEED)?);
    let answer = hex(answers::TLS_RESULT)?;
    let made = tls::prf(Hash::Sha256, &secret, answers::TLS_LABEL, &seed, answer.len())?;
    Ok(*made == answer)
}

/// Encrypts and decrypts with a symmetric key and compares both ways.
fn both_ways(
    spec: KeySpec,
    scheme: Scheme,
    parameter: &Parameter,
    [key, plaintext, ciphertext]: [&str; 3],
) -> Result<bool, Error> {
    let key = Key::parse(spec, &hex(key)?)?;
    let (plaintext, ciphertext) = (hex(plaintext)?, hex(ciphertext)?);
    Ok(super::encrypt(&key, scheme, parameter, &plaintext)? == ciphertext
        && *super::decrypt(&key, scheme, parameter, &ciphertext)? == plaintext)
}

fn aes_cbc() -> Result<bool, Error> {
    let iv = Parameter::Iv(core::array::from_fn(|index| index.to_le_bytes()[0]));
    let mut right = true;
    for vector in answers::AES_CBC {
        right &= both_ways(KeySpec::Aes, Scheme::AesCbc, &iv, *vector)?;
    }
    Ok(right)
}

fn feedback(scheme: Scheme, answer: [&str; 3]) -> Result<bool, Error> {
    let iv = Parameter::Iv(core::array::from_fn(|index| index.to_le_bytes()[0]));
    both_ways(KeySpec::Aes, scheme, &iv, answer)
}

fn aes_cts() -> Result<bool, Error> {
    both_ways(KeySpec::Aes, Scheme::AesCts, &Parameter::Iv([0; 16]), answers::AES_CTS)
}

fn aes_xts() -> Result<bool, Error> {
    let number = Parameter::Iv(0x12_3456_789a_u128.to_le_bytes());
    both_ways(KeySpec::AesXts, Scheme::AesXts, &number, answers::AES_XTS)
}

fn chacha20() -> Result<bool, Error> {
    let ietf = Parameter::ChaCha(ChaCha::Ietf { nonce: [0; 12], block: 1 });
    let original = Parameter::ChaCha(ChaCha::Original { nonce: [0; 8], block: 1 });
    Ok(both_ways(KeySpec::Secret, Scheme::ChaCha20, &ietf, answers::CHACHA20)?
        && both_ways(KeySpec::Secret, Scheme::ChaCha20, &original, answers::CHACHA20)?)
}

fn aes_ctr() -> Result<bool, Error> {
    let block = core::array::from_fn(|index| 0xf0 + index.to_le_bytes()[0]);
    let ctr = Parameter::Ctr(CtrParameter { bits: 128, block });
    let mut right = true;
    for vector in answers::AES_CTR {
        right &= both_ways(KeySpec::Aes, Scheme::AesCtr, &ctr, *vector)?;
    }
    Ok(right)
}

fn aes_gcm() -> Result<bool, Error> {
    let (iv, aad) = (hex(answers::GCM_IV)?, hex(answers::GCM_AAD)?);
    let gcm = Parameter::Gcm(GcmParameter { iv, aad, tag_bits: 128 });
    let mut right = true;
    for vector in answers::AES_GCM {
        right &= both_ways(KeySpec::Aes, Scheme::AesGcm, &gcm, *vector)?;
    }
    Ok(right)
}

fn aes_ccm() -> Result<bool, Error> {
    let (nonce, aad) = (hex(answers::CCM_NONCE)?, hex(answers::CCM_AAD)?);
    let ccm = Parameter::Ccm(CcmParameter { data_len: 4, nonce, aad, tag_len: 4 });
    both_ways(KeySpec::Aes, Scheme::AesCcm, &ccm, answers::AES_CCM)
}

fn aes_cmac() -> Result<bool, Error> {
    let [key, message, code] = answers::AES_CMAC;
    let key = Key::parse(KeySpec::Aes, &hex(key)?)?;
    let made = super::sign(&key, Scheme::AesCmac, &Parameter::None, &hex(message)?)?;
    Ok(made == hex(code)?)
}

fn key_wrap(scheme: Scheme, answer: [&str; 3]) -> Result<bool, Error> {
    both_ways(KeySpec::Aes, scheme, &Parameter::None, answer)
}

fn chacha20_poly1305() -> Result<bool, Error> {
    let nonce = hex(answers::CHACHA_NONCE)?.try_into().map_err(|_| Error::Internal)?;
    let parameter = ChaChaPolyParameter { nonce, aad: hex(answers::CHACHA_AAD)? };
    let parameter = Parameter::ChaChaPoly(parameter);
    both_ways(KeySpec::Secret, Scheme::ChaCha20Poly1305, &parameter, answers::CHACHA20_POLY1305)
}

fn sm4_gcm() -> Result<bool, Error> {
    let (iv, aad) = (hex(answers::SM4_IV)?, hex(answers::SM4_AAD)?);
    let gcm = Parameter::Gcm(GcmParameter { iv, aad, tag_bits: 128 });
    both_ways(KeySpec::Sm4, Scheme::Sm4Gcm, &gcm, answers::SM4_GCM)
}

/// The second implementation of GCM, against the same answers.
fn aead() -> Result<bool, Error> {
    let aes = (Aead::Aes256Gcm, answers::AES_GCM[1], answers::GCM_IV, answers::GCM_AAD);
    let sm4 = (Aead::Sm4Gcm, answers::SM4_GCM, answers::SM4_IV, answers::SM4_AAD);
    let mut right = true;
    for (aead, [key, plaintext, ciphertext], iv, aad) in [aes, sm4] {
        let (key, aad, mut data) = (hex(key)?, hex(aad)?, hex(plaintext)?);
        let nonce = hex(iv)?.try_into().map_err(|_| Error::Internal)?;
        let mut tag = aead.seal(&key, &nonce, &aad, &mut data)?;
        right &= [data.as_slice(), &tag].concat() == hex(ciphertext)?;
        right &= aead.open(&key, &nonce, &aad, &mut data, &tag).is_ok();
        right &= data == hex(plaintext)?;
        tag[0] ^= 1;
        right &= aead.open(&key, &nonce, &aad, &mut data, &tag).is_err();
    }
    Ok(right)
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

fn rsa_key(uses: Uses) -> Result<Key, Error> {
    Key::prepare(KeySpec::Rsa, &answers::rsa("key")?, uses)
}

fn rsa_pkcs1_sign(uses: Uses) -> Result<bool, Error> {
    let scheme = Scheme::RsaPkcs1(Some(Hash::Sha256));
    let signature = super::sign(&rsa_key(uses)?, scheme, &Parameter::None, answers::RSA_MESSAGE)?;
    Ok(signature == answers::rsa("pkcs1_signature")?)
}

fn rsa_pss(uses: Uses) -> Result<bool, Error> {
    let key = rsa_key(uses)?;
    let public = key.public().ok_or(Error::Internal)?;
    let pss = Parameter::Pss(Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt_len: 32 });
    let signature = answers::rsa("pss_signature")?;
    let vector = [answers::RSA_MESSAGE, &signature];
    sign_and_verify(&key, &public, Scheme::RsaPss(Some(Hash::Sha256)), &pss, vector)
}

fn rsa_pkcs1_decrypt() -> Result<bool, Error> {
    let ciphertext = answers::rsa("pkcs1_ciphertext")?;
    let scheme = Scheme::RsaPkcs1(None);
    let plaintext = super::decrypt(&rsa_key(Uses::NONE)?, scheme, &Parameter::None, &ciphertext)?;
    Ok(*plaintext == answers::RSA_MESSAGE)
}

fn rsa_oaep(uses: Uses) -> Result<bool, Error> {
    let oaep = Oaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: Vec::new() };
    let ciphertext = answers::rsa("oaep_ciphertext")?;
    let plaintext =
        super::decrypt(&rsa_key(uses)?, Scheme::RsaOaep, &Parameter::Oaep(oaep), &ciphertext)?;
    Ok(*plaintext == answers::RSA_MESSAGE)
}

fn ecdsa(curve: Curve, uses: Uses) -> Result<bool, Error> {
    let (hash, [scalar, point, signature]) = match curve {
        Curve::P256 => (Hash::Sha256, answers::P256),
        Curve::P384 => (Hash::Sha384, answers::P384),
        Curve::P521 => (Hash::Sha512, answers::P521),
        Curve::Ed25519 | Curve::X25519 => return Err(Error::Internal),
    };
    let key = Key::prepare(KeySpec::Ec(curve), &hex(scalar)?, uses)?;
    let public = key.public().ok_or(Error::Internal)?;
    let signature = hex(signature)?;
    let scheme = Scheme::Ecdsa(Some(hash));
    let vector: [&[u8]; 2] = [b"sample", &signature];
    // With the second implementation there, the first is not asked of itself.
    let digest = hash::digest(hash, b"sample");
    Ok(public.point() == Some(hex(point)?)
        && verify_first(&public, &digest, &signature)?
        && !verify_first(&public, &[7; 32], &signature)?
        && sign_and_verify(&key, &public, scheme, &Parameter::None, vector)?)
}

/// Whether the first implementation of ECDSA verifies a signature.
fn verify_first(key: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<bool, Error> {
    let verified = match key {
        PublicKey::P256(key) => p256_curve::verify_first(key, digest, signature),
        PublicKey::P384(key) => p384_curve::verify_first(key, digest, signature),
        PublicKey::P521(key) => p521_curve::verify_first(key, digest, signature),
        _ => return Err(Error::Internal),
    };
    Ok(verified.is_ok())
}

fn eddsa(prehash: bool, context: &[u8]) -> Parameter {
    Parameter::EdDsa(EdDsaParameter { prehash, context: context.to_vec() })
}

/// Signatures are deterministic: the answer is made here, and verifies.
fn ed25519(
    [seed, point, message, signature]: [&str; 4],
    parameter: &Parameter,
) -> Result<bool, Error> {
    let key = Key::parse(KeySpec::Ec(Curve::Ed25519), &hex(seed)?)?;
    let public = key.public().ok_or(Error::Internal)?;
    let (message, signature) = (hex(message)?, hex(signature)?);
    Ok(public.point() == Some(hex(point)?)
        && super::sign(&key, Scheme::EdDsa, parameter, &message)? == signature
        && sign_and_verify(&key, &public, Scheme::EdDsa, parameter, [&message, &signature])?)
}

/// Derives from a scalar and the point of the other side.
fn ecdh(curve: Curve, kdf: Option<Hash>, [scalar, peer, secret]: [&str; 3]) -> Result<bool, Error> {
    let key = Key::prepare(KeySpec::Ec(curve), &hex(scalar)?, Uses::NONE)?;
    let (peer, secret) = (hex(peer)?, hex(secret)?);
    let shared_data = if kdf.is_some() { answers::X963_SHARED.to_vec() } else { Vec::new() };
    let parameter = Parameter::Ecdh(Ecdh { kdf, shared_data, public_data: peer });
    let base = Base { key: &key, value: &[] };
    Ok(*super::derive(base, None, Scheme::Ecdh, &parameter, secret.len())? == secret)
}

fn sm2_sign() -> Result<bool, Error> {
    let key = Key::parse(KeySpec::Sm2, &hex(answers::SM2_SCALAR)?)?;
    let public = key.public().ok_or(Error::Internal)?;
    let signature = der_signature::to_der(&hex(answers::SM2_SIGNATURE)?)?;
    let scheme = Scheme::Sm2Dsa(Some(Hash::Sm3));
    let vector: [&[u8]; 2] = [b"message digest", &signature];
    sign_and_verify(&key, &public, scheme, &Parameter::None, vector)
}

fn sm2_encrypt() -> Result<bool, Error> {
    let key = Key::parse(KeySpec::Sm2, &hex(answers::SM2_SCALAR)?)?;
    let known = super::sm2_decrypt(&key, sm2::Form::Raw, &hex(answers::SM2_CIPHERTEXT)?)?;
    let made = super::sm2_encrypt(&key, sm2::Form::Asn1, answers::SM2_MESSAGE)?;
    let own = super::sm2_decrypt(&key, sm2::Form::Asn1, &made)?;
    Ok(*known == answers::SM2_MESSAGE && *own == answers::SM2_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_passes() {
        let tested = run().unwrap();
        assert_eq!(tested.len(), TESTS.len());
    }

    #[test]
    fn a_wrong_answer_is_noticed() {
        let iv = Parameter::Iv([0; 16]);
        let right = both_ways(KeySpec::Aes, Scheme::AesCbc, &iv, answers::AES_CBC[0]).unwrap();
        assert!(!right);
    }
}
