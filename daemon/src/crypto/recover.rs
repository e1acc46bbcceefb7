//! What an RSA signature says (PKCS#11 C_VerifyRecover): the data that was signed as it is.

use ::rsa::RsaPublicKey;
use ::rsa::traits::PublicKeyParts;
use coffer_protocol::mechanism::Scheme;

use super::{Error, PublicKey, one_shot, rsa};

/// Verifies a signature and gives back what was signed.
///
/// # Errors
///
/// [`Error::SignatureLength`] or [`Error::SignatureInvalid`].
pub fn recover(key: &PublicKey, scheme: Scheme, signature: &[u8]) -> Result<Vec<u8>, Error> {
    let key = one_shot::rsa_public(key)?;
    if signature.len() != key.size() {
        return Err(Error::SignatureLength);
    }
    let encoded = rsa::raw_public(key, signature, Error::SignatureInvalid)?;
    match scheme {
        Scheme::RsaRaw => Ok(encoded),
        Scheme::RsaPkcs1(None) => Ok(content(key, &encoded)?.to_vec()),
        _ => Err(Error::Mechanism),
    }
}

/// What stands behind the padding of a signature (RFC 8017 section 9.2): 00 01 FF … FF 00, with 8 bytes of FF at
/// least.
fn content<'a>(key: &RsaPublicKey, encoded: &'a [u8]) -> Result<&'a [u8], Error> {
    const LEAST: usize = 8;
    let padded = encoded.strip_prefix(&[0, 1]).ok_or(Error::SignatureInvalid)?;
    let filled = padded.iter().take_while(|byte| **byte == 0xff).count();
    let content = padded.get(filled..).and_then(|rest| rest.strip_prefix(&[0]));
    let is_whole = encoded.len() == key.size() && filled >= LEAST;
    content.filter(|_| is_whole).ok_or(Error::SignatureInvalid)
}

#[cfg(test)]
pub(super) mod tests {
    use coffer_protocol::mechanism::Parameter;

    use super::*;
    use crate::crypto::{Components, Key, KeySpec, import_rsa, sign};

    /// An RSA-2048 key.
    pub(in super::super) fn key() -> Key {
        let line = include_str!("../../tests/vectors/rsa2048.txt");
        let number = |name: &str| {
            let line = line.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            hex::decode(line.trim()).unwrap()
        };
        let made = import_rsa(&Components {
            modulus: &number("modulus "),
            public_exponent: &number("public_exponent "),
            private_exponent: &number("private_exponent "),
            ..Default::default()
        });
        Key::parse(KeySpec::Rsa, &made.unwrap().material).unwrap()
    }

    #[test]
    fn a_signature_gives_back_what_was_signed() {
        let key = key();
        let public = key.public().unwrap();
        let scheme = Scheme::RsaPkcs1(None);
        for length in [0, 1, 20, 245] {
            let data = vec![7; length];
            let mut signature = sign(&key, scheme, &Parameter::None, &data).unwrap();
            assert_eq!(recover(&public, scheme, &signature), Ok(data));
            signature[255] ^= 1;
            assert_eq!(recover(&public, scheme, &signature), Err(Error::SignatureInvalid));
            let short = recover(&public, scheme, &signature[1..]);
            assert_eq!(short, Err(Error::SignatureLength));
        }
        let raw = sign(&key, Scheme::RsaRaw, &Parameter::None, &[5; 200]).unwrap();
        let found = recover(&public, Scheme::RsaRaw, &raw).unwrap();
        assert_eq!((found.len(), &found[56..]), (256, &[5; 200][..]));
    }

    #[test]
    fn only_the_padding_of_signatures_is_one() {
        let key = key();
        let Some(PublicKey::Rsa(public)) = key.public() else { panic!("an RSA key") };
        let sized = |front: &[u8]| [front, &[9; 256][front.len()..]].concat();
        let with = |fill: usize, byte: u8| sized(&[&[0, 1][..], &vec![byte; fill], &[0]].concat());
        assert_eq!(content(&public, &with(8, 0xff)), Ok(&[9; 245][..]));
        let mut other = with(8, 0xff);
        other[1] = 2;
        for wrong in [with(7, 0xff), with(8, 0xfe), other, vec![0xff; 256], sized(&[0, 1])] {
            assert_eq!(content(&public, &wrong), Err(Error::SignatureInvalid));
        }
    }
}
