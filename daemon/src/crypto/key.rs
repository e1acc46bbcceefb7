//! Secret and private keys: made, parsed from their form at rest, ready for use.
//!
//! Keys have no `Debug`, no `Clone` and no comparison; what they hold is wiped when they go.

use ::rsa::traits::PublicKeyParts;
use ::sm4::Sm4;
use zeroize::Zeroizing;

use super::aes::Aes;
use super::curve::Curve;
use super::rsa_key::Components;
use super::xts::Xts;
use super::{Error, PublicKey, ec_key, random, rsa_key, sm2, sm4};

/// The longest generic secret in bytes.
pub const MAX_SECRET: usize = 1024;

/// What kind of key some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySpec {
    /// AES; the bytes are the key.
    Aes,
    /// AES for XTS; the bytes are the key for data, then the one for tweaks.
    AesXts,
    /// SM4; the bytes are the key.
    Sm4,
    /// A secret for HMAC; the bytes are the key.
    Secret,
    /// RSA; the bytes are a PKCS#1 `RSAPrivateKey` in DER.
    Rsa,
    /// A named curve; the bytes are the scalar, big-endian, or the seed of Ed25519 or Ed448, or the scalar of X25519
    /// or X448, little-endian.
    Ec(Curve),
    /// The SM2 curve; the bytes are the scalar, big-endian.
    Sm2,
}

impl KeySpec {
    /// Whether a secret key has so many bytes. The bytes of pairs are a structure, which shows in reading it.
    pub fn takes(self, length: usize) -> bool {
        match self {
            Self::Aes => matches!(length, 16 | 24 | 32),
            Self::AesXts => matches!(length, 32 | 64),
            Self::Sm4 => length == 16,
            Self::Secret => (1..=MAX_SECRET).contains(&length),
            Self::Rsa | Self::Ec(_) | Self::Sm2 => true,
        }
    }
}

/// What key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generate {
    /// AES with 128, 192 or 256 bits.
    Aes {
        /// The size in bits.
        bits: usize,
    },
    /// AES for XTS with two keys of 128 or of 256 bits.
    AesXts {
        /// The size of both together in bits.
        bits: usize,
    },
    /// SM4.
    Sm4,
    /// A secret of 1 to 1024 bytes.
    Secret {
        /// The length in bytes.
        bytes: usize,
    },
    /// RSA with 512 to 8192 bits, a multiple of 64.
    Rsa {
        /// The size of the modulus in bits.
        bits: usize,
        /// The public exponent, odd and at least 65537.
        exponent: u64,
    },
    /// A pair on a named curve.
    Ec(Curve),
    /// A pair on the SM2 curve.
    Sm2,
}

impl Generate {
    /// Whether it takes seconds and a large stack: the search for primes does.
    pub const fn is_slow(self) -> bool {
        match self {
            Self::Rsa { .. } => true,
            Self::Aes { .. }
            | Self::AesXts { .. }
            | Self::Sm4
            | Self::Secret { .. }
            | Self::Ec(_)
            | Self::Sm2 => false,
        }
    }
}

/// What a private key is prepared for; it does the rest as well, but slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    /// Signing.
    pub sign: bool,
    /// Decrypting.
    pub decrypt: bool,
}

impl Uses {
    /// Both.
    pub const ALL: Self = Self { sign: true, decrypt: true };
    /// Neither: the first implementation does everything.
    pub const NONE: Self = Self { sign: false, decrypt: false };
}

/// A key as it is stored.
pub struct Generated {
    /// The kind of key.
    pub spec: KeySpec,
    /// The form at rest.
    pub material: Zeroizing<Vec<u8>>,
    /// The public half of a pair.
    pub public: Option<PublicKey>,
}

/// A key ready for use. It lives in secret memory.
pub enum Key {
    /// AES.
    Aes(Box<Aes>),
    /// AES for XTS.
    AesXts(Box<Xts>),
    /// SM4.
    Sm4(Sm4),
    /// A secret for HMAC.
    Secret(Zeroizing<Vec<u8>>),
    /// RSA.
    Rsa(Box<rsa_key::Private>),
    /// On a named curve.
    Ec(Box<ec_key::Private>),
    /// On the SM2 curve.
    Sm2(::sm2::SecretKey),
}

/// Either half of a key, for uses that need only the public one.
#[derive(Clone, Copy)]
pub enum Half<'a> {
    /// A secret key, or a private key that stands for its public half too.
    Secret(&'a Key),
    /// A public key.
    Public(&'a PublicKey),
}

impl<'a> From<&'a Key> for Half<'a> {
    fn from(key: &'a Key) -> Self {
        Self::Secret(key)
    }
}

impl<'a> From<&'a PublicKey> for Half<'a> {
    fn from(key: &'a PublicKey) -> Self {
        Self::Public(key)
    }
}

/// Makes a key.
pub fn generate(what: Generate) -> Result<Generated, Error> {
    let pair = |spec, material, public| Generated { spec, material, public: Some(public) };
    Ok(match what {
        Generate::Aes { bits: bits @ (128 | 192 | 256) } => symmetric(KeySpec::Aes, bits / 8)?,
        Generate::AesXts { bits: bits @ (256 | 512) } => {
            let made = symmetric(KeySpec::AesXts, bits / 8)?;
            // Equal halves are as likely as two equal keys; they are refused like them.
            Xts::new(&made.material)?;
            made
        }
        Generate::Aes { .. } | Generate::AesXts { .. } => return Err(Error::KeySize),
        Generate::Sm4 => symmetric(KeySpec::Sm4, 16)?,
        Generate::Secret { bytes } => symmetric(KeySpec::Secret, bytes)?,
        Generate::Rsa { bits, exponent } => {
            let key = rsa_key::generate(bits, exponent)?;
            pair(KeySpec::Rsa, rsa_key::encode(&key)?, PublicKey::Rsa(key.to_public_key()))
        }
        Generate::Ec(curve) => {
            let (secret, point) = ec_key::generate(curve)?;
            pair(KeySpec::Ec(curve), secret, PublicKey::Ec(point))
        }
        Generate::Sm2 => {
            let (scalar, point) = sm2::generate()?;
            pair(KeySpec::Sm2, scalar, PublicKey::Sm2(point))
        }
    })
}

fn symmetric(spec: KeySpec, length: usize) -> Result<Generated, Error> {
    if length == 0 || length > MAX_SECRET {
        return Err(Error::KeySize);
    }
    let mut material = Zeroizing::new(vec![0; length]);
    random::fill(&mut material)?;
    Ok(Generated { spec, material, public: None })
}

/// Takes a key from outside in its form at rest, and gives that form in full.
pub fn import(spec: KeySpec, bytes: &[u8]) -> Result<Generated, Error> {
    let key = Key::prepare(spec, bytes, Uses::NONE)?;
    let material = match &key {
        Key::Ec(key) => Zeroizing::new(key.secret().to_vec()),
        Key::Rsa(key) => rsa_key::encode(key)?,
        Key::Aes(_) | Key::AesXts(_) | Key::Sm4(_) | Key::Secret(_) | Key::Sm2(_) => {
            Zeroizing::new(bytes.to_vec())
        }
    };
    Ok(Generated { spec, material, public: key.public() })
}

/// Takes an RSA key from outside as its numbers.
pub fn import_rsa(components: &Components<'_>) -> Result<Generated, Error> {
    let key = rsa_key::from_components(components)?;
    let public = Some(PublicKey::Rsa(key.to_public_key()));
    Ok(Generated { spec: KeySpec::Rsa, material: rsa_key::encode(&key)?, public })
}

impl Key {
    /// Prepares a key from its form at rest for all its uses.
    pub fn parse(spec: KeySpec, bytes: &[u8]) -> Result<Self, Error> {
        Self::prepare(spec, bytes, Uses::ALL)
    }

    /// Prepares a key from its form at rest, and for those uses in particular: where the second implementation
    /// does them, it is made ready.
    pub fn prepare(spec: KeySpec, bytes: &[u8], uses: Uses) -> Result<Self, Error> {
        Ok(match spec {
            KeySpec::Aes => Self::Aes(Box::new(Aes::new(bytes)?)),
            KeySpec::AesXts => Self::AesXts(Box::new(Xts::new(bytes)?)),
            KeySpec::Sm4 => Self::Sm4(sm4::prepare(bytes)?),
            KeySpec::Secret if bytes.is_empty() || bytes.len() > MAX_SECRET => {
                return Err(Error::KeySize);
            }
            KeySpec::Secret => Self::Secret(Zeroizing::new(bytes.to_vec())),
            KeySpec::Rsa => {
                Self::Rsa(Box::new(rsa_key::Private::new(rsa_key::parse(bytes)?, uses)?))
            }
            KeySpec::Ec(curve) => Self::Ec(Box::new(ec_key::Private::new(curve, bytes, uses)?)),
            KeySpec::Sm2 => Self::Sm2(sm2::parse(bytes)?),
        })
    }

    /// The kind of key.
    pub const fn spec(&self) -> KeySpec {
        match self {
            Self::Aes(_) => KeySpec::Aes,
            Self::AesXts(_) => KeySpec::AesXts,
            Self::Sm4(_) => KeySpec::Sm4,
            Self::Secret(_) => KeySpec::Secret,
            Self::Rsa(_) => KeySpec::Rsa,
            Self::Ec(key) => KeySpec::Ec(key.curve()),
            Self::Sm2(_) => KeySpec::Sm2,
        }
    }

    /// The size of the key, of the modulus or of the field in bits.
    pub fn bits(&self) -> usize {
        match self {
            Self::Aes(key) => key.bits(),
            Self::AesXts(key) => key.bits(),
            Self::Sm4(_) => 128,
            Self::Secret(bytes) => bytes.len() * 8,
            Self::Rsa(key) => key.n().bits() as usize,
            Self::Ec(key) => key.curve().bits(),
            Self::Sm2(_) => 256,
        }
    }

    /// The public half of a private key, computed from it.
    pub fn public(&self) -> Option<PublicKey> {
        match self {
            Self::Aes(_) | Self::AesXts(_) | Self::Sm4(_) | Self::Secret(_) => None,
            Self::Rsa(key) => Some(PublicKey::Rsa(key.to_public_key())),
            Self::Ec(key) => Some(PublicKey::Ec(key.point().clone())),
            Self::Sm2(key) => Some(PublicKey::Sm2(key.public_key())),
        }
    }
}
