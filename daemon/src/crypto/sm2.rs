//! SM2 signatures (GB/T 32918.2) and encryption (GB/T 32918.4), in the encodings of GM/T 0009.
//!
//! Only `SecretKey` is kept: the library's signing and decrypting keys are neither wiped nor
//! silent about their scalar, so they are built for one call and never stored or formatted.

use ::sm2::dsa::signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use ::sm2::dsa::signature::{RandomizedSigner, Verifier};
use ::sm2::dsa::{Signature, SigningKey, VerifyingKey};
use ::sm2::elliptic_curve::Generate;
use ::sm2::elliptic_curve::sec1::ToSec1Point;
use ::sm2::pke::{DecryptingKey, EncryptingKey, Mode};
use ::sm2::{PublicKey, SecretKey};
use getrandom::SysRng;
use zeroize::Zeroizing;

use super::{Error, der_signature, random};

/// The signer's identity that GM/T 0009 section 10 makes the default.
pub const DEFAULT_ID: &str = "1234567812345678";
/// The length of the order, of a scalar and of a coordinate in bytes.
pub const LEN: usize = 32;

/// How an SM2 ciphertext is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `SEQUENCE { x, y, C3, C2 }`, GM/T 0009 section 7.2.
    Asn1,
    /// X‖Y‖C3‖C2; a leading 04 is accepted when reading.
    Raw,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The message; Z of the default identity is put before it, and SM3 hashes both.
    Message,
    /// The hash e = SM3(Z‖M).
    Hash,
}

/// A new secret scalar with its public point.
pub(super) fn generate() -> Result<(Zeroizing<Vec<u8>>, PublicKey), Error> {
    let secret = SecretKey::try_generate_from_rng(&mut SysRng).map_err(|_| Error::Entropy)?;
    let scalar = Zeroizing::new(secret.to_bytes());
    Ok((Zeroizing::new(scalar.to_vec()), secret.public_key()))
}

/// Parses a big-endian scalar of 32 bytes.
pub(super) fn parse(scalar: &[u8]) -> Result<SecretKey, Error> {
    if scalar.len() != LEN {
        return Err(Error::KeyInvalid);
    }
    SecretKey::from_slice(scalar).map_err(|_| Error::KeyInvalid)
}

/// The uncompressed public point, 04‖X‖Y.
pub(super) fn point(key: &PublicKey) -> Vec<u8> {
    key.to_sec1_point(false).as_bytes().to_vec()
}

/// Signs with the default identity and gives DER.
pub(super) fn sign(key: &SecretKey, input: Input, data: &[u8]) -> Result<Vec<u8>, Error> {
    random::fill(&mut [0; 1])?;
    let signer = SigningKey::new(DEFAULT_ID, key).map_err(|_| Error::Internal)?;
    let signature: Result<Signature, _> = match input {
        Input::Message => signer.try_sign_with_rng(&mut SysRng, data),
        Input::Hash if data.len() != LEN => return Err(Error::DataLength),
        Input::Hash => signer.sign_prehash_with_rng(&mut SysRng, data),
    };
    der_signature::to_der(&signature.map_err(|_| Error::Internal)?.to_bytes())
}

/// Verifies a DER signature.
pub(super) fn verify(
    key: &PublicKey,
    input: Input,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let raw = der_signature::from_der(signature, LEN)?;
    let signature = Signature::from_slice(&raw).map_err(|_| Error::SignatureInvalid)?;
    let verifier = VerifyingKey::new(DEFAULT_ID, *key).map_err(|_| Error::Internal)?;
    let result = match input {
        Input::Message => verifier.verify(data, &signature),
        Input::Hash if data.len() != LEN => return Err(Error::DataLength),
        Input::Hash => verifier.verify_prehash(data, &signature),
    };
    result.map_err(|_| Error::SignatureInvalid)
}

/// Encrypts at least one byte.
pub fn encrypt(key: &PublicKey, form: Form, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    if plaintext.is_empty() {
        return Err(Error::DataLength);
    }
    random::fill(&mut [0; 1])?;
    let encryptor = EncryptingKey::new_with_mode(*key, Mode::C1C3C2);
    match form {
        Form::Asn1 => encryptor.encrypt_der(&mut SysRng, plaintext).map_err(|_| Error::Internal),
        Form::Raw => {
            let prefixed =
                encryptor.encrypt(&mut SysRng, plaintext).map_err(|_| Error::Internal)?;
            prefixed.strip_prefix(&[4]).map(<[u8]>::to_vec).ok_or(Error::Internal)
        }
    }
}

/// Decrypts; everything that is wrong with a ciphertext is one error.
pub(super) fn decrypt(key: &SecretKey, form: Form, ciphertext: &[u8]) -> Result<Vec<u8>, Error> {
    /// X, Y, C3 and one byte.
    const SHORTEST: usize = 3 * LEN + 1;
    if ciphertext.len() < SHORTEST {
        return Err(Error::EncryptedDataLength);
    }
    let decryptor = DecryptingKey::new_with_mode(key.to_nonzero_scalar(), Mode::C1C3C2);
    let decrypted = match form {
        Form::Asn1 => decryptor.decrypt_der(ciphertext),
        Form::Raw => {
            // X may begin with 04 too; C3 tells which reading is right.
            let prefixed = [&[4], ciphertext].concat();
            decryptor.decrypt(&prefixed).or_else(|_| match ciphertext {
                [4, ..] if ciphertext.len() > SHORTEST => decryptor.decrypt(ciphertext),
                _ => Err(::sm2::elliptic_curve::Error),
            })
        }
    };
    decrypted.map_err(|_| Error::EncryptedDataInvalid)
}
