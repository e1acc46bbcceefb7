//! The patterns of an RSA key: its numbers (RFC 8017 section 3.2), and what Montgomery arithmetic
//! keeps beside them.

use ::rsa::traits::PrivateKeyParts;
use ::rsa::{BoxedUint, RsaPrivateKey};

use super::Named;
use super::number::{in_radix_52, product, reduce_by};

/// One prime and what is modulo it.
struct Side<'a> {
    name: &'static str,
    prime: &'a BoxedUint,
    other: &'a BoxedUint,
}

/// The forms of a key of two primes.
///
/// # Panics
/// Where it has another number of primes.
pub fn patterns(key: &RsaPrivateKey) -> Named {
    let [p, q] = key.primes() else { panic!("a key of two primes was expected") };
    let minus_one = |prime: &BoxedUint| prime.wrapping_sub(BoxedUint::one());
    let phi = product(&minus_one(p), &minus_one(q)).to_be_bytes();
    // phi = n - p - q + 1: the upper half is that of the public modulus, which is no secret.
    let (_, phi) = phi.split_at(phi.len() / 2);
    let mut patterns = vec![
        ("RSA d".to_owned(), key.d().to_be_bytes().to_vec()),
        ("RSA lower half of phi".to_owned(), phi.to_vec()),
    ];
    let sides = [Side { name: "p", prime: p, other: q }, Side { name: "q", prime: q, other: p }];
    for side in sides {
        side.add(key.d(), &mut patterns);
    }
    patterns
}

impl Side<'_> {
    /// Adds the prime, its exponent, the inverse of the other prime, R and R² modulo the prime, and
    /// the Montgomery forms.
    fn add(&self, d: &BoxedUint, patterns: &mut Named) {
        let name = self.name;
        let exponent = reduce_by(&self.prime.wrapping_sub(BoxedUint::one()), d);
        let odd = self.prime.to_odd().expect("a prime is odd");
        let inverse = self.reduce(self.other);
        let inverse = inverse.invert_odd_mod(&odd).expect("two primes");
        let r = self.reduce(&self.power_of_two(self.prime.bits_precision()));
        let r_squared = self.reduce(&product(&r, &r));
        let other_in_form = self.reduce(&product(&self.reduce(self.other), &r));
        let inverse_in_form = self.reduce(&product(&inverse, &r));
        for (what, value) in [
            (format!("RSA {name}"), self.prime),
            (format!("RSA d mod {name}-1"), &exponent),
            (format!("RSA inverse mod {name}"), &inverse),
            (format!("RSA R mod {name}"), &r),
            (format!("RSA R^2 mod {name}"), &r_squared),
            (format!("RSA other prime in Montgomery form mod {name}"), &other_in_form),
            (format!("RSA inverse in Montgomery form mod {name}"), &inverse_in_form),
        ] {
            patterns.push((what, value.to_be_bytes().to_vec()));
        }
        // AVX-512 IFMA multiplies limbs of 52 bits; so does AWS-LC, where the processor has it. Its R has
        // the bits of those limbs.
        let bits = self.prime.bits_precision().div_ceil(52) * 52;
        let r = self.reduce(&(BoxedUint::one_with_precision(2 * bits) << bits));
        let r_squared = self.reduce(&product(&r, &r));
        let forms =
            [("", self.prime), (" R mod the prime", &r), (" R^2 mod the prime", &r_squared)];
        for (what, value) in forms {
            let bytes = in_radix_52(&value.to_be_bytes());
            patterns.push((format!("RSA {name}{what} in limbs of 52 bits"), bytes));
        }
    }

    fn reduce(&self, value: &BoxedUint) -> BoxedUint {
        reduce_by(self.prime, value)
    }

    fn power_of_two(&self, exponent: u32) -> BoxedUint {
        BoxedUint::one_with_precision(2 * self.prime.bits_precision()) << exponent
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::widened;
    use ::rsa::rand_core::UnwrapErr;
    use ::rsa::traits::PublicKeyParts;
    use getrandom::SysRng;

    use super::*;

    /// Small, so that it is made quickly; the arithmetic is the same.
    fn key() -> RsaPrivateKey {
        RsaPrivateKey::new_unchecked(&mut UnwrapErr(SysRng), 512).unwrap()
    }

    fn named(patterns: &[(String, Vec<u8>)], name: &str) -> Vec<u8> {
        let (_, bytes) = patterns.iter().find(|(pattern, _)| pattern == name).unwrap();
        bytes.clone()
    }

    #[test]
    fn the_exponents_and_the_inverse_are_those_of_the_key() {
        let key = key();
        let patterns = patterns(&key);
        let expected = |value: &BoxedUint| value.to_be_bytes().to_vec();
        assert_eq!(named(&patterns, "RSA d mod p-1"), expected(key.dp().unwrap()));
        assert_eq!(named(&patterns, "RSA d mod q-1"), expected(key.dq().unwrap()));
        let inverse = key.crt_coefficient().unwrap();
        assert_eq!(named(&patterns, "RSA inverse mod p"), expected(&inverse));
        let in_form = key.qinv().unwrap();
        let name = "RSA inverse in Montgomery form mod p";
        assert_eq!(named(&patterns, name), expected(in_form.as_montgomery()));
    }

    #[test]
    fn r_and_its_square_are_those_of_the_crates_montgomery_arithmetic() {
        let key = key();
        let patterns = patterns(&key);
        let parameters = key.p().unwrap();
        let expected = |value: &BoxedUint| value.to_be_bytes().to_vec();
        assert_eq!(named(&patterns, "RSA R mod p"), expected(parameters.one()));
        assert_eq!(named(&patterns, "RSA R^2 mod p"), expected(parameters.r2()));
    }

    #[test]
    fn phi_is_the_product_of_the_primes_less_one_without_what_the_modulus_shows() {
        let key = key();
        let phi = named(&patterns(&key), "RSA lower half of phi");
        let bits = key.n_bits_precision();
        let [p, q] = [0, 1].map(|index| widened(&key.primes()[index], bits));
        // (p - 1)(q - 1) = n - p - q + 1
        let expected = key.n().wrapping_sub(p).wrapping_sub(q).wrapping_add(BoxedUint::one());
        let expected = expected.to_be_bytes();
        assert_eq!(phi, expected[expected.len() / 2..]);
        assert!(!key.n().to_be_bytes().windows(16).any(|window| window == &phi[..16]));
    }
}
