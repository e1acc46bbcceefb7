//! ECDSA with hashes and signatures of odd forms.

use coffer_daemon::crypto::ecdsa::Curve;
use coffer_daemon::crypto::{self, Error, Generate, Key, KeySpec};
use coffer_protocol::mechanism::{Hash, Parameter, Scheme};

use super::keys::{made, prime_curves};

#[test]
fn ecdsa_takes_hashes_of_any_length() {
    for curve in prime_curves() {
        let (key, public) = made(Generate::Ec(curve));
        let none = Parameter::None;
        let raw = Scheme::Ecdsa(None);
        let order = curve.order_len();
        for length in [1, 20, 32, 48, 64] {
            let hash = vec![0xa5; length];
            let signature = crypto::sign(&key, raw, &none, &hash).unwrap();
            assert_eq!(signature.len(), 2 * order);
            crypto::verify(&public, raw, &none, &hash, &signature).unwrap();
            let zeros = order.saturating_sub(length);
            let padded = [vec![0; zeros], hash[..length.min(order)].to_vec()].concat();
            // No hash is longer than 64 bytes.
            if padded.len() <= 64 {
                crypto::verify(&public, raw, &none, &padded, &signature).unwrap();
            }
        }
        assert_eq!(crypto::sign(&key, raw, &none, &[]), Err(Error::DataLength));
        for length in [0, 63, 2 * order + 2] {
            let verified = crypto::verify(&public, raw, &none, b"hash", &vec![1; length]);
            assert_eq!(verified, Err(Error::SignatureLength), "{length}");
        }
    }
}

/// A scalar of RFC 6979 and a signature over "sample" with SHA-256 whose halves lack their leading
/// zero byte, made with OpenSSL.
const TRIMMED: [(Curve, &str, &str); 2] = [
    (
        Curve::P256,
        "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        "7ab86f4722fd24e8fb4edba4b32cdea8bf2df73bd18b19f9595542cf72a1372e25098e41536f9c8fe32446a03c8791a6e37781c2a597979092ab22930686",
    ),
    (
        Curve::P384,
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
        "c2d71be1982232670d832e713496f984151764fc041c39a0db4d69e4635d61ba35ba72b5e99329b632f34ea8f9e691bb8b184a89b13da54d2c557cdf77f4a8d71ce9e7b90caa233051ff6f3482ec78edfd71891cf041bbea909f6b1c2e07",
    ),
];

#[test]
fn ecdsa_signatures_without_their_leading_zeros_verify() {
    for (curve, scalar, signature) in TRIMMED {
        let key = Key::parse(KeySpec::Ec(curve), &hex::decode(scalar).unwrap()).unwrap();
        let signature = hex::decode(signature).unwrap();
        assert_eq!(signature.len(), 2 * curve.order_len() - 2);
        let scheme = Scheme::Ecdsa(Some(Hash::Sha256));
        let verify = |message: &[u8], signature: &[u8]| {
            crypto::verify(&key, scheme, &Parameter::None, message, signature)
        };
        verify(b"sample", &signature).unwrap();
        assert_eq!(verify(b"samples", &signature), Err(Error::SignatureInvalid));
        assert_eq!(verify(b"sample", &signature[1..]), Err(Error::SignatureLength));
    }
}

#[test]
fn two_signatures_of_one_hash_differ_because_nonces_are_hedged() {
    let (key, _) = made(Generate::Ec(Curve::P256));
    let sign = || crypto::sign(&key, Scheme::Ecdsa(None), &Parameter::None, &[1; 32]).unwrap();
    assert_ne!(sign(), sign());
}
