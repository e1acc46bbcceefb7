//! The patterns of scalars on the curves over prime fields, and of the nonces of ECDSA (FIPS 186-5 section 6.4), which
//! are as good as the key.

use ::rsa::BoxedUint;

use super::Named;
use super::number::{number, product, reduce_by, widened};

/// A curve.
pub struct Curve {
    /// Its name.
    pub name: &'static str,
    /// The object identifier in `CKA_EC_PARAMS` (RFC 5480, SEC 2, RFC 5639).
    pub parameters: &'static [u8],
    /// The order of its base point (SP 800-186 section 3.2.1, SEC 2 section 2.4.1, RFC 5639 section 3).
    order: &'static str,
    /// Whether signatures have the smaller of s and its complement, so that the nonce may be the complement of what
    /// follows from them.
    has_small_s: bool,
    /// The first coordinate of a scalar's multiple of the base point.
    x: fn(&[u8]) -> Vec<u8>,
}

/// Makes [`Curve::x`] with a crate.
macro_rules! x_by {
    ($curve:ty) => {
        |scalar| {
            let key = ::ecdsa::elliptic_curve::SecretKey::<$curve>::from_slice(scalar);
            let point = key.expect("a scalar").public_key().to_sec1_bytes();
            // Compressed or not, the coordinate stands behind one byte.
            point[1..=scalar.len()].to_vec()
        }
    };
}

/// P-224.
pub static P224: Curve = Curve {
    name: "P-224",
    parameters: &[6, 5, 0x2b, 0x81, 4, 0, 0x21],
    order: "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d",
    has_small_s: false,
    x: x_by!(p224::NistP224),
};
/// P-256.
pub static P256: Curve = Curve {
    name: "P-256",
    parameters: &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
    order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    has_small_s: false,
    x: x_by!(p256::NistP256),
};
/// P-384.
pub static P384: Curve = Curve {
    name: "P-384",
    parameters: &[6, 5, 0x2b, 0x81, 4, 0, 0x22],
    order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a7\
            7aecec196accc52973",
    has_small_s: false,
    x: x_by!(p384::NistP384),
};
/// P-521.
pub static P521: Curve = Curve {
    name: "P-521",
    parameters: &[6, 5, 0x2b, 0x81, 4, 0, 0x23],
    order: "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf\
            2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    has_small_s: false,
    x: x_by!(p521::NistP521),
};
/// secp256k1.
pub static SECP256K1: Curve = Curve {
    name: "secp256k1",
    parameters: &[6, 5, 0x2b, 0x81, 4, 0, 0xa],
    order: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    has_small_s: true,
    x: x_by!(k256::Secp256k1),
};
/// brainpoolP256r1.
pub static BRAINPOOL_P256R1: Curve = Curve {
    name: "brainpoolP256r1",
    parameters: &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7],
    order: "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
    has_small_s: false,
    x: x_by!(bp256::BrainpoolP256r1),
};
/// brainpoolP384r1.
pub static BRAINPOOL_P384R1: Curve = Curve {
    name: "brainpoolP384r1",
    parameters: &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 0xb],
    order: "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3\
            103b883202e9046565",
    has_small_s: false,
    x: x_by!(bp384::BrainpoolP384r1),
};

impl Curve {
    /// The length of a scalar in bytes.
    pub const fn length(&self) -> usize {
        self.order.len() / 2
    }

    /// The forms of a private key: as it is, and in Montgomery form for limbs of 64 bits.
    pub fn patterns(&self, scalar: &[u8]) -> Named {
        self.forms(&format!("{} scalar", self.name), &number(scalar))
    }

    /// What follows the private key from a signature r‖s of a hash: the nonce, its
    /// inverse, and the other factors of s.
    ///
    /// # Panics
    /// Where the signature is not one of that hash by that key.
    pub fn nonce(&self, scalar: &[u8], hash: &[u8], signature: &[u8]) -> Named {
        let (r, s) = signature.split_at(self.length());
        let [r, s, scalar] = [r, s, scalar].map(|bytes| self.reduce(&number(bytes)));
        let masked = self.times(&r, &scalar);
        let bits = masked.bits_precision() + 64;
        // Of a longer hash the right end is not signed.
        let hash = self.reduce(&number(&hash[..hash.len().min(self.length())]));
        let sum = self.reduce(&widened(&hash, bits).wrapping_add(widened(&masked, bits)));
        let nonce = self.times(&self.inverse(&s), &sum);
        let x = (self.x)(&self.bytes(&nonce));
        assert_eq!(self.reduce(&number(&x)), r, "the nonce of an ECDSA signature");
        let inverse = self.inverse(&nonce);
        let mut values = vec![
            ("nonce", nonce),
            ("inverse of the nonce", inverse),
            ("product of r and the scalar", masked),
            ("sum of the hash and that product", sum),
        ];
        if self.has_small_s {
            let complement = |of: usize| self.order().wrapping_sub(&values[of].1);
            let (nonce, inverse) = (complement(0), complement(1));
            values.push(("complement of the nonce", nonce));
            values.push(("complement of the inverse of the nonce", inverse));
        }
        let forms = |(what, value)| self.forms(&format!("{} {what}", self.name), &value);
        values.into_iter().flat_map(forms).collect()
    }

    fn forms(&self, name: &str, value: &BoxedUint) -> Named {
        let r = BoxedUint::one_with_precision(2 * value.bits_precision()) << value.bits_precision();
        let in_form = self.times(value, &self.reduce(&r));
        vec![
            (name.to_owned(), self.bytes(value)),
            (format!("{name} in Montgomery form"), self.bytes(&in_form)),
        ]
    }

    fn order(&self) -> BoxedUint {
        number(&hex::decode(self.order).expect("hex digits"))
    }

    fn reduce(&self, value: &BoxedUint) -> BoxedUint {
        reduce_by(&self.order(), value)
    }

    fn times(&self, left: &BoxedUint, right: &BoxedUint) -> BoxedUint {
        self.reduce(&product(left, right))
    }

    fn inverse(&self, value: &BoxedUint) -> BoxedUint {
        let order = self.order().to_odd().expect("a prime is odd");
        value.invert_odd_mod(&order).expect("the order is a prime")
    }

    fn bytes(&self, value: &BoxedUint) -> Vec<u8> {
        let bytes = value.to_be_bytes();
        bytes[bytes.len() - self.length()..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(curve: &Curve) -> Vec<u8> {
        let mut bytes = vec![0; curve.length()];
        getrandom::fill(&mut bytes).unwrap();
        curve.bytes(&curve.reduce(&number(&bytes)))
    }

    /// A signature as FIPS 186-5 section 6.4.1 says, with a nonce that is known.
    fn sign(curve: &Curve, scalar: &[u8], nonce: &[u8], hash: &[u8]) -> Vec<u8> {
        let nonce = number(nonce);
        let r = curve.reduce(&number(&(curve.x)(&curve.bytes(&nonce))));
        let masked = curve.times(&r, &number(scalar));
        let bits = masked.bits_precision() + 64;
        let hash = number(&hash[..hash.len().min(curve.length())]);
        let sum = widened(&masked, bits).wrapping_add(widened(&hash, bits));
        let s = curve.times(&curve.inverse(&nonce), &curve.reduce(&sum));
        [curve.bytes(&r), curve.bytes(&s)].concat()
    }

    #[test]
    fn the_nonce_follows_from_a_signature() {
        for curve in [&P224, &P256, &P384, &P521, &SECP256K1, &BRAINPOOL_P256R1, &BRAINPOOL_P384R1]
        {
            let (scalar, nonce) = (random(curve), random(curve));
            let signature = sign(curve, &scalar, &nonce, &[7; 32]);
            let found = curve.nonce(&scalar, &[7; 32], &signature);
            assert_eq!(found[0].1, nonce, "{}", curve.name);
            assert_eq!(found.len(), if curve.has_small_s { 12 } else { 8 });
        }
    }

    #[test]
    fn the_nonce_of_a_signature_with_the_smaller_s_is_one_of_two() {
        let curve = &SECP256K1;
        let (scalar, nonce) = (random(curve), random(curve));
        let mut signature = sign(curve, &scalar, &nonce, &[7; 32]);
        for _ in 0..2 {
            let found = curve.nonce(&scalar, &[7; 32], &signature);
            let complement = curve.order().wrapping_sub(number(&nonce));
            assert!(found.iter().any(|(_, value)| *value == nonce));
            assert!(found.iter().any(|(_, value)| *value == curve.bytes(&complement)));
            let other = curve.order().wrapping_sub(number(&signature[32..]));
            signature.truncate(32);
            signature.extend(curve.bytes(&other));
        }
    }

    #[test]
    #[should_panic(expected = "the nonce of an ECDSA signature")]
    fn a_signature_of_another_hash_has_no_nonce() {
        let (scalar, nonce) = (random(&P256), random(&P256));
        let signature = sign(&P256, &scalar, &nonce, &[7; 32]);
        let _ = P256.nonce(&scalar, &[8; 32], &signature);
    }

    /// The form of 1 is R modulo the order; of the order's complement for these two.
    #[test]
    fn the_montgomery_form_is_that_for_limbs_of_64_bits() {
        let one = |curve: &Curve| {
            let mut one = vec![0; curve.length()];
            one[curve.length() - 1] = 1;
            hex::encode(&curve.patterns(&one)[1].1)
        };
        let expected = "00000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf";
        assert_eq!(one(&P256), expected);
        assert!(one(&P384).ends_with("389cb27e0bc8d220a7e5f24db74f58851313e695333ad68d"));
    }
}
