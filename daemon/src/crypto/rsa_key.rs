//! RSA keys: making, importing from their numbers, and their form at rest (PKCS#1 DER).

use std::ops::Deref;

use ::rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use ::rsa::{BoxedUint, RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::fast::{RsaDecrypter, RsaSigner};
use super::key::Uses;
use super::{Error, random, rsa};

/// The smallest modulus: with less, no padding has room. What is weak is not decided here
/// ([`coffer_protocol::weak`]).
pub const MIN_BITS: usize = 512;
/// The largest modulus.
pub const MAX_BITS: usize = 8192;
/// The public exponent F4.
pub const DEFAULT_EXPONENT: u64 = 65537;

/// A private key ready for use.
pub struct Private {
    key: RsaPrivateKey,
    signer: Option<RsaSigner>,
    decrypter: Option<RsaDecrypter>,
}

impl Private {
    /// Prepares a key, which is tried out: the second implementation makes its blinding and its Montgomery
    /// contexts at the first operation, and keeps them with the key.
    ///
    /// # Errors
    ///
    /// [`Error::KeyInvalid`] where both implementations do not agree.
    pub(super) fn new(key: RsaPrivateKey, uses: Uses) -> Result<Self, Error> {
        let signer = uses.sign.then(|| RsaSigner::new(&key)).flatten();
        let decrypter = uses.decrypt.then(|| RsaDecrypter::new(&key)).flatten();
        let private = Self { key, signer, decrypter };
        rsa::try_out(&private).map_err(|_| Error::KeyInvalid)?;
        Ok(private)
    }

    pub(super) fn signer(&self) -> Option<&RsaSigner> {
        self.signer.as_ref()
    }

    pub(super) fn decrypter(&self) -> Option<&RsaDecrypter> {
        self.decrypter.as_ref()
    }
}

impl Deref for Private {
    type Target = RsaPrivateKey;

    fn deref(&self) -> &RsaPrivateKey {
        &self.key
    }
}

/// The numbers of a private key as `C_CreateObject` gives them: big-endian, leading zeros allowed.
///
/// The primes and what follows from them may be absent.
#[derive(Clone, Copy, Default)]
pub struct Components<'a> {
    /// `CKA_MODULUS`.
    pub modulus: &'a [u8],
    /// `CKA_PUBLIC_EXPONENT`.
    pub public_exponent: &'a [u8],
    /// `CKA_PRIVATE_EXPONENT`.
    pub private_exponent: &'a [u8],
    /// `CKA_PRIME_1` and `CKA_PRIME_2`.
    pub primes: Option<[&'a [u8]; 2]>,
    /// `CKA_EXPONENT_1` and `CKA_EXPONENT_2`.
    pub exponents: Option<[&'a [u8]; 2]>,
    /// `CKA_COEFFICIENT`.
    pub coefficient: Option<&'a [u8]>,
}

/// Makes a key.
pub(super) fn generate(bits: usize, exponent: u64) -> Result<RsaPrivateKey, Error> {
    // FIPS 186-5 section A.1.1 wants an odd exponent above 2^16; the library takes up to 2^33.
    if !(MIN_BITS..=MAX_BITS).contains(&bits) || !bits.is_multiple_of(64) {
        return Err(Error::KeySize);
    }
    if exponent < DEFAULT_EXPONENT
        || exponent.is_multiple_of(2)
        || exponent > RsaPublicKey::MAX_PUB_EXPONENT
    {
        return Err(Error::Parameter);
    }
    // Unchecked is the size only, which was checked.
    let exponent = BoxedUint::from(exponent);
    let key = RsaPrivateKey::new_with_exp_unchecked(&mut random::tested()?, bits, exponent);
    key.map_err(|_| Error::Internal)
}

/// The form at rest.
pub(super) fn encode(key: &RsaPrivateKey) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(key.to_pkcs1_der().map_err(|_| Error::Internal)?.to_bytes())
}

/// Parses the form at rest.
#[inline(never)]
pub(super) fn parse(der: &[u8]) -> Result<RsaPrivateKey, Error> {
    let key = RsaPrivateKey::from_pkcs1_der(der).map_err(|_| Error::KeyInvalid)?;
    check_size(&key)?;
    Ok(key)
}

/// Makes a key from its numbers, finds what is missing and tries the key out.
pub(super) fn from_components(components: &Components<'_>) -> Result<RsaPrivateKey, Error> {
    let modulus = trim(components.modulus);
    let bits = modulus.len() * 8;
    if !(MIN_BITS..=MAX_BITS).contains(&bits) || modulus[0] & 0x80 == 0 {
        return Err(Error::KeySize);
    }
    let public_exponent = trim(components.public_exponent);
    let odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte % 2 == 1);
    if !odd(modulus) || !odd(public_exponent) || public_exponent.len() > 5 {
        return Err(Error::KeyInvalid);
    }
    let n = integer(modulus, bits)?;
    let e = integer(public_exponent, 64)?;
    let d = integer(trim(components.private_exponent), bits)?;
    // Below this nothing is subtracted from that could be zero.
    if e <= BoxedUint::one() || d <= BoxedUint::one() {
        return Err(Error::KeyInvalid);
    }
    let primes = match components.primes {
        None => Vec::new(),
        Some(primes) => {
            let [first, second] = primes.map(|prime| integer(trim(prime), bits / 2));
            vec![first?, second?]
        }
    };
    let key = RsaPrivateKey::from_components(n, e, d, primes).map_err(|_| Error::KeyInvalid)?;
    check_given(&key, components)?;
    // A prime that is none shows itself here: the operation checks its own result.
    rsa::raw_sign(&key, b"Coffer tries out what it imports").map_err(|error| match error {
        Error::Internal => Error::KeyInvalid,
        other => other,
    })?;
    Ok(key)
}

/// The public key with this modulus and exponent.
pub(super) fn public(modulus: &[u8], exponent: &[u8]) -> Result<RsaPublicKey, Error> {
    let modulus = trim(modulus);
    let exponent = trim(exponent);
    let bits = modulus.len() * 8;
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(Error::KeySize);
    }
    if exponent.is_empty() || exponent.len() > 5 {
        return Err(Error::KeyInvalid);
    }
    let key = RsaPublicKey::new_with_size_limits(
        integer(modulus, bits)?,
        integer(exponent, 64)?,
        MIN_BITS..=MAX_BITS,
    );
    key.map_err(|error| match error {
        ::rsa::Error::ModulusTooSmall | ::rsa::Error::ModulusTooLarge => Error::KeySize,
        _ => Error::KeyInvalid,
    })
}

/// Checks that the given exponents and coefficient are those of the key.
fn check_given(key: &RsaPrivateKey, components: &Components<'_>) -> Result<(), Error> {
    let equal = |own: Option<&BoxedUint>, given: &[u8]| {
        own.is_some_and(|own| *trim(&Zeroizing::new(own.to_be_bytes())) == *trim(given))
    };
    let exponents =
        components.exponents.is_none_or(|[dp, dq]| equal(key.dp(), dp) && equal(key.dq(), dq));
    let coefficient = components.coefficient.is_none_or(|given| {
        key.crt_coefficient().map(Zeroizing::new).is_some_and(|own| equal(Some(&own), given))
    });
    // Without primes their order is ours, so that what belongs to one of them says nothing.
    let checkable = components.primes.is_some();
    if !checkable || (exponents && coefficient) { Ok(()) } else { Err(Error::KeyInvalid) }
}

fn check_size(key: &RsaPrivateKey) -> Result<(), Error> {
    let bits = key.n().bits() as usize;
    if (MIN_BITS..=MAX_BITS).contains(&bits) { Ok(()) } else { Err(Error::KeySize) }
}

/// Without leading zeros.
fn trim(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

fn integer(bytes: &[u8], bits: usize) -> Result<BoxedUint, Error> {
    let bits = u32::try_from(bits).map_err(|_| Error::KeySize)?;
    BoxedUint::from_be_slice(bytes, bits).map_err(|_| Error::KeyInvalid)
}
