//! RSA with every hash, every mask and several salts: each combination does what it undoes, and no other does.

#![allow(clippy::unwrap_used, reason = "what is unexpected fails the test")]

use coffer_daemon::crypto::{self, Error, Generate, Key};
use coffer_protocol::mechanism::{Hash, Oaep, Parameter, Pss, Scheme};

/// The hashes that PKCS#11 has numbers for, and the hashes of its mask generation functions.
fn combinations() -> impl Iterator<Item = (Hash, Hash)> {
    let hashes = Hash::ALL.into_iter().filter(|hash| hash.ckm().is_some());
    hashes.flat_map(|hash| {
        Hash::ALL.into_iter().filter(|mgf| mgf.mgf().is_some()).map(move |mgf| (hash, mgf))
    })
}

/// Another hash function that makes a mask.
fn another(mgf: Hash) -> Hash {
    if mgf == Hash::Sha256 { Hash::Sha3_256 } else { Hash::Sha256 }
}

fn key() -> Key {
    let made = crypto::generate(Generate::Rsa { bits: 2048, exponent: 65537 }).unwrap();
    Key::parse(made.spec, &made.material).unwrap()
}

#[test]
fn oaep_undoes_every_combination_and_takes_no_other() {
    let key = key();
    let public = key.public().unwrap();
    let mut done = 0;
    for (hash, mgf) in combinations() {
        for label in [&b""[..], b"label"] {
            let oaep =
                |mgf, label: &[u8]| Parameter::Oaep(Oaep { hash, mgf, label: label.to_vec() });
            let most = vec![7; 256 - 2 * hash.len() - 2];
            let encrypt =
                |data: &[u8]| crypto::encrypt(&public, Scheme::RsaOaep, &oaep(mgf, label), data);
            let sealed = encrypt(&most).unwrap();
            let decrypt = |oaep| crypto::decrypt(&key, Scheme::RsaOaep, &oaep, &sealed);
            assert_eq!(*decrypt(oaep(mgf, label)).unwrap(), most, "{hash:?} {mgf:?}");
            assert_eq!(decrypt(oaep(another(mgf), label)), Err(Error::EncryptedDataInvalid));
            assert_eq!(decrypt(oaep(mgf, b"other")), Err(Error::EncryptedDataInvalid));
            assert_eq!(encrypt(&[7; 256][..=most.len()]), Err(Error::DataLength));
            done += 1;
        }
    }
    assert_eq!(done, 2 * 11 * 9);
}

#[test]
fn pss_verifies_every_combination_and_takes_no_other() {
    let key = key();
    let public = key.public().unwrap();
    for (hash, mgf) in combinations() {
        let digest = crypto::hash::digest(hash, b"message");
        for salt_len in [0, 20, hash.len(), 254 - hash.len()] {
            let pss = |mgf, salt_len| Parameter::Pss(Pss { hash, mgf, salt_len });
            let own = pss(mgf, salt_len);
            let whole = crypto::sign(&key, Scheme::RsaPss(Some(hash)), &own, b"message").unwrap();
            let raw = crypto::sign(&key, Scheme::RsaPss(None), &own, &digest).unwrap();
            for signature in [&whole, &raw] {
                let verify = |parameter: &Parameter, message: &[u8]| {
                    let scheme = Scheme::RsaPss(Some(hash));
                    crypto::verify(&public, scheme, parameter, message, signature)
                };
                assert_eq!(verify(&own, b"message"), Ok(()), "{hash:?} {mgf:?} {salt_len}");
                let refused = Err(Error::SignatureInvalid);
                assert_eq!(verify(&own, b"another"), refused);
                assert_eq!(verify(&pss(another(mgf), salt_len), b"message"), refused);
                let shorter = salt_len.checked_sub(1).unwrap_or(1);
                assert_eq!(verify(&pss(mgf, shorter), b"message"), refused);
            }
        }
        let long = Parameter::Pss(Pss { hash, mgf, salt_len: 255 - hash.len() });
        let signed = crypto::sign(&key, Scheme::RsaPss(Some(hash)), &long, b"message");
        assert_eq!(signed, Err(Error::Parameter), "{hash:?} {mgf:?}");
    }
}
