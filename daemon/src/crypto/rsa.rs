//! RSA, RFC 8017: signatures, encryption and the raw operation.
//!
//! Every private operation is blinded with fresh random bytes and checked with the public key
//! before its result is used. PKCS#1 v1.5 decryption rejects implicitly: a ciphertext with bad
//! padding gives an unpredictable but constant message, not an error.

use ::rsa::hazmat::{rsa_decrypt_and_check, rsa_encrypt};
use ::rsa::traits::{PaddingScheme, PublicKeyParts, SignatureScheme};
use ::rsa::{BoxedUint, Oaep, Pkcs1v15Encrypt, Pkcs1v15Sign, Pss, RsaPrivateKey, RsaPublicKey};
use coffer_protocol::mechanism::{self, Hash};
use getrandom::SysRng;
use sha2::digest::{Digest, FixedOutputReset};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::hash::{digest, with_sha};
use super::rsa_key::Private;
use super::{Error, pss};

/// What a signature is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// RSASSA-PKCS1-v1_5 over a digest, with its identifier.
    Pkcs1(Hash),
    /// RSASSA-PKCS1-v1_5 over data as it is.
    Pkcs1Plain,
    /// RSASSA-PSS over a digest.
    Pss(mechanism::Pss),
}

impl From<::rsa::Error> for Error {
    fn from(error: ::rsa::Error) -> Self {
        match error {
            ::rsa::Error::MessageTooLong => Self::DataLength,
            ::rsa::Error::Verification => Self::SignatureInvalid,
            ::rsa::Error::Decryption => Self::EncryptedDataInvalid,
            ::rsa::Error::Rng => Self::Entropy,
            _ => Self::Internal,
        }
    }
}

/// Hashes the input if the scheme says so; otherwise the input is what the padding takes.
pub(super) fn prehash(scheme_hash: Option<Hash>, input: &[u8]) -> Vec<u8> {
    scheme_hash.map_or_else(|| input.to_vec(), |hash| digest(hash, input))
}

/// Checks that the data fits the padding and the modulus.
fn check_length(padding: Padding, data: &[u8], modulus: usize) -> Result<(), Error> {
    match padding {
        Padding::Pkcs1(hash) if data.len() != hash.len() => Err(Error::DataLength),
        Padding::Pkcs1Plain if data.len() + 11 > modulus => Err(Error::DataLength),
        Padding::Pss(pss) if data.len() != pss.hash.len() => Err(Error::DataLength),
        // RFC 8017 section 9.1.1 step 3.
        Padding::Pss(pss) if pss.hash.len() + pss.salt_len + 2 > modulus => Err(Error::Parameter),
        Padding::Pkcs1(_) | Padding::Pkcs1Plain | Padding::Pss(_) => Ok(()),
    }
}

/// Signs a digest, or data as it is.
///
/// What the second implementation signed is verified by the first before it leaves, so that a fault in
/// either shows itself instead of giving the key away.
pub(super) fn sign(key: &Private, padding: Padding, data: &[u8]) -> Result<Vec<u8>, Error> {
    check_length(padding, data, key.size())?;
    if let Some(signer) = key.signer() {
        let (padding, data) = digest_info(padding, data);
        if let Some(signed) = signer.sign(padding, data) {
            let signature = signed?;
            verify(key.as_public_key(), padding, data, &signature).map_err(|_| Error::Internal)?;
            return Ok(signature);
        }
    }
    sign_first(key, padding, data)
}

/// Signs with the first implementation.
#[inline(never)]
fn sign_first(key: &RsaPrivateKey, padding: Padding, data: &[u8]) -> Result<Vec<u8>, Error> {
    match padding {
        Padding::Pkcs1Plain => sign_as(Pkcs1v15Sign::new_unprefixed(), key, data),
        Padding::Pkcs1(hash) => {
            let scheme = with_sha!(hash, D => Ok(Pkcs1v15Sign::new::<D>()))?;
            sign_as(scheme, key, data)
        }
        // The library masks with the hash of the message.
        Padding::Pss(pss) if pss.mgf != pss.hash => {
            let encoded = pss::encode(pss, data, key.n().bits() as usize)?;
            raw_private(key, &encoded, Error::Internal)
        }
        Padding::Pss(pss) => with_sha!(pss.hash, D => pss_sign::<D>(key, pss.salt_len, data)),
    }
}

// The functions below stand alone, one for each combination of hashes: put together in one, they would need
// the stack of all.

#[inline(never)]
fn sign_as(
    scheme: impl SignatureScheme,
    key: &RsaPrivateKey,
    data: &[u8],
) -> Result<Vec<u8>, Error> {
    Ok(scheme.sign(Some(&mut SysRng), key, data)?)
}

#[inline(never)]
fn pss_sign<D: Digest + FixedOutputReset>(
    key: &RsaPrivateKey,
    salt_len: usize,
    data: &[u8],
) -> Result<Vec<u8>, Error> {
    sign_as(Pss::<D>::new_with_salt(salt_len), key, data)
}

#[inline(never)]
fn verify_as(
    scheme: impl SignatureScheme,
    key: &RsaPublicKey,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    scheme.verify(key, data, signature).map_err(|_| Error::SignatureInvalid)
}

#[inline(never)]
fn pss_verify<D: Digest + FixedOutputReset>(
    key: &RsaPublicKey,
    salt_len: usize,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    verify_as(Pss::<D>::new_with_salt(salt_len), key, data, signature)
}

#[inline(never)]
fn oaep_encrypt_as<H: Digest + FixedOutputReset, M: Digest + FixedOutputReset>(
    key: &RsaPublicKey,
    label: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let padding = Oaep::<H, M>::new_with_mgf_hash_and_label(label);
    Ok(padding.encrypt(&mut SysRng, key, plaintext)?)
}

#[inline(never)]
fn oaep_decrypt_as<H: Digest + FixedOutputReset, M: Digest + FixedOutputReset>(
    key: &RsaPrivateKey,
    label: &[u8],
    ciphertext: &[u8],
) -> Result<Vec<u8>, Error> {
    let padding = Oaep::<H, M>::new_with_mgf_hash_and_label(label);
    match padding.decrypt(Some(&mut SysRng), key, ciphertext) {
        Ok(plaintext) => Ok(plaintext),
        Err(::rsa::Error::Rng) => Err(Error::Entropy),
        Err(_) => Err(Error::EncryptedDataInvalid),
    }
}

/// Data as it is that is a SHA-2 DigestInfo (RFC 8017 section 9.2) in the one encoding that DER allows: the
/// digest. OpenSSH, libp11, GnuTLS and NSS make their signatures so.
fn digest_info(padding: Padding, data: &[u8]) -> (Padding, &[u8]) {
    if padding != Padding::Pkcs1Plain {
        return (padding, data);
    }
    let found = DIGEST_INFO.iter().find_map(|(hash, prefix)| {
        let digest = data.strip_prefix(prefix)?;
        (digest.len() == hash.len()).then_some((Padding::Pkcs1(*hash), digest))
    });
    found.unwrap_or((padding, data))
}

/// What stands before the digest, RFC 8017 section 9.2 note 1.
const DIGEST_INFO: &[(Hash, [u8; 19])] = &[
    (
        Hash::Sha256,
        *b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
    ),
    (
        Hash::Sha384,
        *b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
    ),
    (
        Hash::Sha512,
        *b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
    ),
];

/// Does what a prepared key is for once, and checks it.
#[inline(never)]
pub(super) fn try_out(key: &Private) -> Result<(), Error> {
    if key.signer().is_some() {
        let data = digest(Hash::Sha256, b"Coffer tries out what it prepares");
        sign(key, Padding::Pkcs1(Hash::Sha256), &data)?;
    }
    if let Some(decrypter) = key.decrypter() {
        let oaep = mechanism::Oaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: Vec::new() };
        let ciphertext = oaep_encrypt(key.as_public_key(), &oaep, b"Coffer")?;
        let plaintext = decrypter.decrypt(&oaep, &ciphertext);
        if plaintext.is_some_and(|plaintext| plaintext.as_deref() != Ok(b"Coffer")) {
            return Err(Error::Internal);
        }
    }
    Ok(())
}

/// Verifies a signature over a digest, or over data as it is.
pub(super) fn verify(
    key: &RsaPublicKey,
    padding: Padding,
    data: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    check_length(padding, data, key.size())?;
    if signature.len() != key.size() {
        return Err(Error::SignatureLength);
    }
    match padding {
        Padding::Pkcs1Plain => verify_as(Pkcs1v15Sign::new_unprefixed(), key, data, signature),
        Padding::Pkcs1(hash) => {
            let scheme = with_sha!(hash, D => Ok(Pkcs1v15Sign::new::<D>()))?;
            verify_as(scheme, key, data, signature)
        }
        Padding::Pss(pss) if pss.mgf != pss.hash => {
            let encoded = raw_public(key, signature, Error::SignatureInvalid)?;
            let right = pss::verify(pss, data, &encoded, key.n().bits() as usize);
            if right { Ok(()) } else { Err(Error::SignatureInvalid) }
        }
        Padding::Pss(pss) => {
            with_sha!(pss.hash, D => pss_verify::<D>(key, pss.salt_len, data, signature))
        }
    }
}

/// RSAES-PKCS1-v1_5 encryption.
pub(super) fn pkcs1_encrypt(key: &RsaPublicKey, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(Pkcs1v15Encrypt.encrypt(&mut SysRng, key, plaintext)?)
}

/// RSAES-PKCS1-v1_5 decryption with implicit rejection.
pub(super) fn pkcs1_decrypt(key: &RsaPrivateKey, ciphertext: &[u8]) -> Result<Vec<u8>, Error> {
    check_ciphertext(key, ciphertext)?;
    Ok(Pkcs1v15Encrypt.decrypt(Some(&mut SysRng), key, ciphertext)?)
}

/// RSAES-OAEP encryption.
pub(super) fn oaep_encrypt(
    key: &RsaPublicKey,
    oaep: &mechanism::Oaep,
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let label = oaep.label.as_slice();
    with_sha!(oaep.hash, H => with_sha!(oaep.mgf, M => {
        oaep_encrypt_as::<H, M>(key, label, plaintext)
    }))
}

/// RSAES-OAEP decryption.
pub(super) fn oaep_decrypt(
    key: &Private,
    oaep: &mechanism::Oaep,
    ciphertext: &[u8],
) -> Result<Vec<u8>, Error> {
    check_ciphertext(key, ciphertext)?;
    let fast = key.decrypter().and_then(|decrypter| decrypter.decrypt(oaep, ciphertext));
    if let Some(decrypted) = fast {
        return decrypted;
    }
    let label = oaep.label.as_slice();
    with_sha!(oaep.hash, H => with_sha!(oaep.mgf, M => {
        oaep_decrypt_as::<H, M>(key, label, ciphertext)
    }))
}

fn check_ciphertext(key: &RsaPrivateKey, ciphertext: &[u8]) -> Result<(), Error> {
    if ciphertext.len() == key.size() { Ok(()) } else { Err(Error::EncryptedDataLength) }
}

/// The raw private operation over at most as many bytes as the modulus has, as one integer.
pub(super) fn raw_private(
    key: &RsaPrivateKey,
    input: &[u8],
    too_large: Error,
) -> Result<Vec<u8>, Error> {
    let integer = Zeroizing::new(integer(key, input, too_large)?);
    let result = rsa_decrypt_and_check(key, Some(&mut SysRng), &integer)?;
    Ok(octets(&Zeroizing::new(result), key.size()))
}

/// The raw public operation.
pub(super) fn raw_public(
    key: &RsaPublicKey,
    input: &[u8],
    too_large: Error,
) -> Result<Vec<u8>, Error> {
    let integer = Zeroizing::new(integer(key, input, too_large)?);
    Ok(octets(&Zeroizing::new(rsa_encrypt(key, &integer)?), key.size()))
}

/// Signs without padding, `CKM_RSA_X_509`.
pub(super) fn raw_sign(key: &RsaPrivateKey, data: &[u8]) -> Result<Vec<u8>, Error> {
    if data.len() > key.size() {
        return Err(Error::DataLength);
    }
    raw_private(key, data, Error::DataInvalid)
}

/// Verifies without padding, `CKM_RSA_X_509`.
pub(super) fn raw_verify(key: &RsaPublicKey, data: &[u8], signature: &[u8]) -> Result<(), Error> {
    let size = key.size();
    if data.len() > size {
        return Err(Error::DataLength);
    }
    if signature.len() != size {
        return Err(Error::SignatureLength);
    }
    let found = raw_public(key, signature, Error::SignatureInvalid)?;
    let (zeros, tail) = found.split_at(size - data.len());
    let equal = bool::from(tail.ct_eq(data)) && zeros.iter().all(|byte| *byte == 0);
    if equal { Ok(()) } else { Err(Error::SignatureInvalid) }
}

/// Encrypts without padding, `CKM_RSA_X_509`.
pub(super) fn raw_encrypt(key: &RsaPublicKey, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    if plaintext.len() > key.size() {
        return Err(Error::DataLength);
    }
    raw_public(key, plaintext, Error::DataInvalid)
}

/// Decrypts without padding, `CKM_RSA_X_509`.
pub(super) fn raw_decrypt(key: &RsaPrivateKey, ciphertext: &[u8]) -> Result<Vec<u8>, Error> {
    check_ciphertext(key, ciphertext)?;
    raw_private(key, ciphertext, Error::EncryptedDataInvalid)
}

/// The big-endian integer, which must be less than the modulus.
fn integer(key: &impl PublicKeyParts, input: &[u8], too_large: Error) -> Result<BoxedUint, Error> {
    let integer =
        BoxedUint::from_be_slice(input, key.n_bits_precision()).map_err(|_| Error::DataLength)?;
    if integer < *key.n().as_ref() { Ok(integer) } else { Err(too_large) }
}

/// The integer in exactly `length` big-endian bytes.
fn octets(integer: &BoxedUint, length: usize) -> Vec<u8> {
    let mut bytes = integer.to_be_bytes();
    let octets = bytes[bytes.len() - length..].to_vec();
    bytes.zeroize();
    octets
}
