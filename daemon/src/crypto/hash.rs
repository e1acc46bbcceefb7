//! Digests: SHA-1 and SHA-2 (FIPS 180-4), SM3 (GB/T 32905).

use coffer_protocol::mechanism::Hash;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sm3::{Digest, Sm3};

/// Runs an expression with `$D` standing for the type of a SHA hash; SM3 is an error.
macro_rules! with_sha {
    ($hash:expr, $D:ident => $run:expr) => {
        match $hash {
            coffer_protocol::mechanism::Hash::Sha1 => {
                type $D = sha1::Sha1;
                $run
            }
            coffer_protocol::mechanism::Hash::Sha224 => {
                type $D = sha2::Sha224;
                $run
            }
            coffer_protocol::mechanism::Hash::Sha256 => {
                type $D = sha2::Sha256;
                $run
            }
            coffer_protocol::mechanism::Hash::Sha384 => {
                type $D = sha2::Sha384;
                $run
            }
            coffer_protocol::mechanism::Hash::Sha512 => {
                type $D = sha2::Sha512;
                $run
            }
            coffer_protocol::mechanism::Hash::Sm3 => Err($crate::crypto::Error::Mechanism),
        }
    };
}
pub(super) use with_sha;

/// A digest in the making.
pub enum Hasher {
    /// SHA-1.
    Sha1(Sha1),
    /// SHA-224.
    Sha224(Sha224),
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-384.
    Sha384(Sha384),
    /// SHA-512.
    Sha512(Sha512),
    /// SM3.
    Sm3(Sm3),
}

impl Hasher {
    /// An empty digest.
    pub fn new(hash: Hash) -> Self {
        match hash {
            Hash::Sha1 => Self::Sha1(Sha1::new()),
            Hash::Sha224 => Self::Sha224(Sha224::new()),
            Hash::Sha256 => Self::Sha256(Sha256::new()),
            Hash::Sha384 => Self::Sha384(Sha384::new()),
            Hash::Sha512 => Self::Sha512(Sha512::new()),
            Hash::Sm3 => Self::Sm3(Sm3::new()),
        }
    }

    /// Takes one more part of the message.
    pub fn update(&mut self, part: &[u8]) {
        match self {
            Self::Sha1(state) => state.update(part),
            Self::Sha224(state) => state.update(part),
            Self::Sha256(state) => state.update(part),
            Self::Sha384(state) => state.update(part),
            Self::Sha512(state) => state.update(part),
            Self::Sm3(state) => state.update(part),
        }
    }

    /// The digest.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(state) => state.finalize().to_vec(),
            Self::Sha224(state) => state.finalize().to_vec(),
            Self::Sha256(state) => state.finalize().to_vec(),
            Self::Sha384(state) => state.finalize().to_vec(),
            Self::Sha512(state) => state.finalize().to_vec(),
            Self::Sm3(state) => state.finalize().to_vec(),
        }
    }
}

/// The digest of a message.
pub fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(hash);
    hasher.update(message);
    hasher.finish()
}
