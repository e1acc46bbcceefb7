//! Shared secrets by ECDH on the NIST curves (SP 800-56A section 5.7.1.2).

use zeroize::Zeroizing;

use super::{Error, Key, PublicKey};

/// The x coordinate of the shared point, as long as the field; both keys are on one curve.
pub fn shared_secret(key: &Key, other: &PublicKey) -> Result<Zeroizing<Vec<u8>>, Error> {
    let secret = match (key, other) {
        (Key::P256(key), PublicKey::P256(other)) => {
            let shared = p256::ecdh::diffie_hellman(key.to_nonzero_scalar(), other.as_affine());
            shared.raw_secret_bytes().to_vec()
        }
        (Key::P384(key), PublicKey::P384(other)) => {
            let shared = p384::ecdh::diffie_hellman(key.to_nonzero_scalar(), other.as_affine());
            shared.raw_secret_bytes().to_vec()
        }
        _ => return Err(Error::Mechanism),
    };
    Ok(Zeroizing::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ecdsa::Curve;
    use crate::crypto::key::{Generate, KeySpec, generate};

    #[test]
    fn the_vector_of_nist_for_p_256() {
        // NIST CAVP, KAS ECC CDH Primitive, P-256, COUNT = 0.
        let hex = |text: &str| hex::decode(text).unwrap();
        let scalar = hex("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534");
        let x = "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287";
        let y = "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac";
        let key = Key::parse(KeySpec::Ec(Curve::P256), &scalar).unwrap();
        let other = PublicKey::ec(Curve::P256, &hex(&format!("04{x}{y}"))).unwrap();
        let secret = "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b";
        assert_eq!(*shared_secret(&key, &other).unwrap(), hex(secret));
    }

    #[test]
    fn both_sides_get_the_same_and_curves_do_not_mix() {
        let pair = |curve| {
            let made = generate(Generate::Ec(curve)).unwrap();
            (Key::parse(made.spec, &made.material).unwrap(), made.public.unwrap())
        };
        for curve in [Curve::P256, Curve::P384] {
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
