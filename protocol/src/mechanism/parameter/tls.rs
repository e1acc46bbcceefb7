//! Parameters of the mechanisms for TLS 1.2, PKCS#11 3.1 section 6.40: on the wire, and typed after parsing.

use serde::{Deserialize, Serialize};

use super::super::Hash;
use super::CallError;

/// The length of the random value of each side in bytes (RFC 5246 section 7.4.1.2).
const RANDOM: usize = 32;
/// Most bytes of a label, and of a context.
const MAX_TEXT: usize = 64 << 10;
/// The longest hash of the handshake.
const MAX_SESSION_HASH: usize = 64;
/// Most bytes of a key or an initialisation vector of a connection.
const MAX_PART: u32 = 256;

/// `CK_TLS12_MASTER_KEY_DERIVE_PARAMS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsMasterParameter {
    /// The hash of the pseudorandom function, a `CKM_` number.
    pub hash: u64,
    /// The random value of the client, 32 bytes.
    pub client_random: Vec<u8>,
    /// The random value of the server, 32 bytes.
    pub server_random: Vec<u8>,
}

/// `CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS`, RFC 7627.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsExtendedMasterParameter {
    /// The hash of the pseudorandom function, a `CKM_` number.
    pub hash: u64,
    /// The hash of the handshake, at most 64 bytes.
    pub session_hash: Vec<u8>,
}

/// `CK_TLS12_KEY_MAT_PARAMS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsKeysParameter {
    /// The hash of the pseudorandom function, a `CKM_` number.
    pub hash: u64,
    /// The random value of the client, 32 bytes.
    pub client_random: Vec<u8>,
    /// The random value of the server, 32 bytes.
    pub server_random: Vec<u8>,
    /// The size of each key for codes in bits; 0 for none.
    pub mac_bits: u32,
    /// The size of each key for encryption in bits.
    pub key_bits: u32,
    /// The size of each initialisation vector in bits; 0 for none.
    pub iv_bits: u32,
}

/// `CK_TLS_KDF_PARAMS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsKdfParameter {
    /// The hash of the pseudorandom function, a `CKM_` number.
    pub hash: u64,
    /// What the key is for, at least one byte.
    pub label: Vec<u8>,
    /// The random value of the client, 32 bytes.
    pub client_random: Vec<u8>,
    /// The random value of the server, 32 bytes.
    pub server_random: Vec<u8>,
    /// What follows the random values. RFC 5705 wants two bytes with its length in front of it, which the caller
    /// puts there.
    pub context: Vec<u8>,
}

/// `CK_TLS_MAC_PARAMS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsMacParameter {
    /// The hash of the pseudorandom function, a `CKM_` number.
    pub hash: u64,
    /// The length of the code in bytes, 12 to 64.
    pub length: u32,
    /// Whose message it ends: 1 the server's, 2 the client's.
    pub side: u32,
}

/// A use of the pseudorandom function of TLS 1.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Its hash.
    pub hash: Hash,
    /// What the result is for.
    pub label: Vec<u8>,
    /// What goes in beside the secret.
    pub seed: Vec<u8>,
}

/// The keys of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsKeys {
    /// How they are made.
    pub tls: Tls,
    /// The length of each key for codes in bytes; may be 0.
    pub mac_len: usize,
    /// The length of each key for encryption in bytes.
    pub key_len: usize,
    /// The length of each initialisation vector in bytes; may be 0.
    pub iv_len: usize,
}

/// A code at the end of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsMac {
    /// The hash of the pseudorandom function.
    pub hash: Hash,
    /// The label of the side.
    pub label: &'static [u8],
    /// The length of the code in bytes.
    pub length: usize,
}

/// `CKM_TLS_PRF`, which means the function of TLS 1.0 and 1.1 with MD5 (PKCS#11 3.1 section 6.40.10), is no hash: RFC 8996
/// has ended these versions.
fn hash(number: u64) -> Result<Hash, CallError> {
    Hash::from_ckm(number).ok_or(CallError::Parameter)
}

fn randoms(first: &[u8], second: &[u8]) -> Result<Vec<u8>, CallError> {
    if first.len() == RANDOM && second.len() == RANDOM {
        Ok([first, second].concat())
    } else {
        Err(CallError::Parameter)
    }
}

impl TlsMasterParameter {
    pub(super) fn check(self) -> Result<Tls, CallError> {
        let seed = randoms(&self.client_random, &self.server_random)?;
        Ok(Tls { hash: hash(self.hash)?, label: b"master secret".to_vec(), seed })
    }
}

impl TlsExtendedMasterParameter {
    pub(super) fn check(self) -> Result<Tls, CallError> {
        if !(1..=MAX_SESSION_HASH).contains(&self.session_hash.len()) {
            return Err(CallError::Parameter);
        }
        let label = b"extended master secret".to_vec();
        Ok(Tls { hash: hash(self.hash)?, label, seed: self.session_hash })
    }
}

impl TlsKeysParameter {
    pub(super) fn check(self) -> Result<TlsKeys, CallError> {
        let length = |bits: u32| {
            let is_possible = bits.is_multiple_of(8) && bits / 8 <= MAX_PART;
            is_possible.then_some((bits / 8) as usize).ok_or(CallError::Parameter)
        };
        let (mac_len, key_len, iv_len) =
            (length(self.mac_bits)?, length(self.key_bits)?, length(self.iv_bits)?);
        // Cipher suites without encryption have keys for codes.
        if mac_len + key_len == 0 {
            return Err(CallError::Parameter);
        }
        let seed = randoms(&self.server_random, &self.client_random)?;
        let tls = Tls { hash: hash(self.hash)?, label: b"key expansion".to_vec(), seed };
        Ok(TlsKeys { tls, mac_len, key_len, iv_len })
    }
}

impl TlsKdfParameter {
    pub(super) fn check(self) -> Result<Tls, CallError> {
        if self.label.is_empty() || self.label.len().max(self.context.len()) > MAX_TEXT {
            return Err(CallError::Parameter);
        }
        let mut seed = randoms(&self.client_random, &self.server_random)?;
        seed.extend(self.context);
        Ok(Tls { hash: hash(self.hash)?, label: self.label, seed })
    }
}

impl TlsMacParameter {
    pub(super) fn check(&self) -> Result<TlsMac, CallError> {
        let label: &[u8] = match self.side {
            1 => b"server finished",
            2 => b"client finished",
            _ => return Err(CallError::Parameter),
        };
        match self.length {
            length @ 12..=64 => {
                Ok(TlsMac { hash: hash(self.hash)?, label, length: length as usize })
            }
            _ => Err(CallError::Parameter),
        }
    }
}
