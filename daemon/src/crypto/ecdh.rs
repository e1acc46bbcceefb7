//! Diffie-Hellman on elliptic curves: those over prime fields (SP 800-56A section 5.7.1.2), X25519 and X448 (RFC
//! 7748), with the key derivation function of ANSI X9.63.
//!
//! The curves over prime fields have the cofactor 1, and X25519 and X448 multiply by their own, so that agreement with
//! and without the cofactor are the same.

use coffer_protocol::mechanism::{Ecdh, Hash};
use zeroize::Zeroizing;

use super::curve::Group;
use super::hash::Hasher;
use super::{Error, Key, KeySpec, PublicKey};

/// The length of the shared secret of a key of this kind in bytes.
pub(super) fn shared_len(spec: KeySpec) -> Option<usize> {
    match spec {
        KeySpec::Ec(curve) => curve.agrees().then(|| curve.order_len()),
        KeySpec::Aes
        | KeySpec::AesXts
        | KeySpec::Sm4
        | KeySpec::Secret
        | KeySpec::Rsa
        | KeySpec::Sm2 => None,
    }
}

/// Derives `length` bytes from a private key and the point of the other side.
///
/// # Errors
///
/// [`Error::DataLength`] for more bytes than there are, [`Error::Parameter`] for what is no point on the key's curve,
/// and for X25519 and X448 points of small order, with which the secret would be zero (RFC 7748 section 6).
pub(super) fn derive(key: &Key, ecdh: &Ecdh, length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let KeySpec::Ec(curve) = key.spec() else { return Err(Error::Mechanism) };
    if !curve.agrees() {
        return Err(Error::Mechanism);
    }
    let peer = PublicKey::ec(curve, &ecdh.public_data).map_err(|_| Error::Parameter)?;
    let secret = shared_secret(key, &peer)?;
    let Some(hash) = ecdh.kdf else {
        // PKCS#11 3.1 section 6.3.18: "the truncation removes bytes from the leading end of the secret value".
        let start = secret.len().checked_sub(length).ok_or(Error::DataLength)?;
        return Ok(Zeroizing::new(secret[start..].to_vec()));
    };
    let mut output = Zeroizing::new(vec![0; length]);
    x963(hash, &secret, &ecdh.shared_data, &mut output)?;
    Ok(output)
}

/// What a private key shares with the point of the other side: the X coordinate of the common point, as long as the
/// field, or what X25519 or X448 gives.
///
/// # Errors
///
/// [`Error::Mechanism`] where the keys are not on one curve or sign only, [`Error::Parameter`] where the secret of
/// X25519 or X448 would be zero (RFC 7748 section 6).
pub fn shared_secret(key: &Key, other: &PublicKey) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (Key::Ec(key), PublicKey::Ec(other)) = (key, other) else { return Err(Error::Mechanism) };
    if key.curve() != other.curve() {
        return Err(Error::Mechanism);
    }
    match key.curve().group() {
        Group::Prime(prime) => prime.agree(key.secret(), other.bytes()).ok_or(Error::Internal),
        Group::Montgomery(montgomery) => {
            let shared = montgomery.agree(key.secret(), other.bytes()).ok_or(Error::Internal)?;
            // The one comparison reads all bytes, whatever they are.
            let is_zero = shared.iter().fold(0, |all, byte| all | byte) == 0;
            if is_zero { Err(Error::Parameter) } else { Ok(shared) }
        }
        Group::Edwards(_) => Err(Error::Mechanism),
    }
}

/// Fills `output` with key bytes: hashes of the secret, a counter and what both sides know (ANSI X9.63 section
/// 5.6.3, SEC 1 section 3.6.1).
fn x963(hash: Hash, secret: &[u8], known: &[u8], output: &mut [u8]) -> Result<(), Error> {
    for (counter, block) in (1_u32..).zip(output.chunks_mut(hash.len())) {
        let mut hasher = Hasher::new(hash);
        hasher.update(secret);
        hasher.update(&counter.to_be_bytes());
        hasher.update(known);
        let digest = Zeroizing::new(hasher.finish());
        block.copy_from_slice(digest.get(..block.len()).ok_or(Error::Internal)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ecdsa::Curve;
    use crate::crypto::key::{self, Generate};

    /// NIST CAVP, ANSI X9.63-2001, SHA-256: secret, shared information, key.
    #[test]
    fn the_key_derivation_function_gives_the_keys_of_cavp() {
        let vectors = [
            (
                "96c05619d56c328ab95fe84b18264b08725b85e33fd34f08",
                "",
                "443024c3dae66b95e6f5670601558f71",
            ),
            (
                "22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d",
                "75eef81aa3041e33b80971203d2c0c52",
                "c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e52a13d9c7c6fc878c50c5ea0bc7b00e0da2447cfd874f6cf92f30d0097111485500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21",
            ),
        ];
        for (secret, known, key) in vectors {
            let [secret, known, key] =
                [secret, known, key].map(|digits| hex::decode(digits).unwrap());
            let mut made = vec![0; key.len()];
            x963(Hash::Sha256, &secret, &known, &mut made).unwrap();
            assert_eq!(made, key);
        }
    }

    #[test]
    fn truncation_keeps_the_end_of_the_secret() {
        let pair = |curve| key::generate(Generate::Ec(curve)).unwrap();
        for curve in Curve::all().filter(|curve| curve.agrees()) {
            let (own, other) = (pair(curve), pair(curve));
            let key = Key::parse(own.spec, &own.material).unwrap();
            let peer = other.public.unwrap().point().unwrap();
            let ecdh = Ecdh { kdf: None, shared_data: vec![], public_data: peer };
            let whole = shared_len(own.spec).unwrap();
            let secret = derive(&key, &ecdh, whole).unwrap();
            assert_eq!(*derive(&key, &ecdh, 16).unwrap(), secret[whole - 16..]);
            assert_eq!(derive(&key, &ecdh, whole + 1).unwrap_err(), Error::DataLength);
        }
    }
    #[test]
    fn both_sides_get_the_same_and_curves_do_not_mix() {
        let pair = |curve| {
            let made = key::generate(Generate::Ec(curve)).unwrap();
            (Key::parse(made.spec, &made.material).unwrap(), made.public.unwrap())
        };
        for curve in Curve::all().filter(|curve| curve.agrees()) {
            let (a, public_a) = pair(curve);
            let (b, public_b) = pair(curve);
            let secret = shared_secret(&a, &public_b).unwrap();
            assert_eq!(*secret, *shared_secret(&b, &public_a).unwrap());
            assert_eq!(secret.len(), curve.order_len());
        }
        let (key, other) = (pair(Curve::P256).0, pair(Curve::P384).1);
        assert_eq!(shared_secret(&key, &other).err(), Some(Error::Mechanism));
    }
}
