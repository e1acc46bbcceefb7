//! RSA keys that come from outside, and what RSA takes.

use coffer_daemon::crypto::ecdsa::Curve;
use coffer_daemon::crypto::{self, Components, Error, Generated, Key, KeySpec, PublicKey};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Hash, Oaep, Parameter, Pss, Scheme};
use proptest::prelude::*;

use super::keys::parsed;

/// The numbers of a fixed key, so that tests need not make one.
fn numbers() -> Vec<Vec<u8>> {
    numbers_of(include_str!("../vectors/rsa2048.txt"))
}

fn numbers_of(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| hex::decode(line.split_once(' ').unwrap().1).unwrap()).collect()
}

fn components(numbers: &[Vec<u8>]) -> Components<'_> {
    Components {
        modulus: &numbers[0],
        public_exponent: &numbers[1],
        private_exponent: &numbers[2],
        primes: Some([&numbers[3], &numbers[4]]),
        exponents: Some([&numbers[5], &numbers[6]]),
        coefficient: Some(&numbers[7]),
    }
}

#[test]
fn an_rsa_key_is_imported_with_and_without_its_primes() {
    let numbers = numbers();
    let full = components(&numbers);
    let bare = Components { primes: None, exponents: None, coefficient: None, ..full };
    let full = crypto::import_rsa(&full).unwrap();
    let bare = crypto::import_rsa(&bare).unwrap();
    assert_eq!(full.public, bare.public);
    let scheme = Scheme::RsaPkcs1(Some(Hash::Sha256));
    let sign = |key: &Generated| crypto::sign(&parsed(key), scheme, &Parameter::None, b"m");
    assert_eq!(sign(&full).unwrap(), sign(&bare).unwrap());
    let (modulus, exponent) = full.public.unwrap().rsa_numbers().unwrap();
    assert_eq!([modulus, exponent], [numbers[0].clone(), numbers[1].clone()]);
}

#[test]
fn rsa_keys_of_whole_bytes_are_imported_at_every_size() {
    for (bits, text) in [
        (1024, include_str!("../vectors/rsa1024.txt")),
        (2056, include_str!("../vectors/rsa2056.txt")),
        (8192, include_str!("../vectors/rsa8192.txt")),
    ] {
        let numbers = numbers_of(text);
        let full = components(&numbers);
        let bare = Components { primes: None, exponents: None, coefficient: None, ..full };
        let [full, bare] = [full, bare].map(|components| crypto::import_rsa(&components).unwrap());
        assert_eq!(full.public, bare.public);
        let public = full.public.as_ref().unwrap();
        assert_eq!(public.bits(), bits);
        assert_eq!(PublicKey::from_spki(&public.to_spki().unwrap()).as_ref(), Ok(public));
        let again = crypto::import(full.spec, &full.material).unwrap();
        assert_eq!(*again.material, *full.material);
        let (key, scheme) = (parsed(&again), Scheme::RsaPkcs1(Some(Hash::Sha256)));
        assert_eq!(key.bits(), bits);
        let signature = crypto::sign(&key, scheme, &Parameter::None, b"m").unwrap();
        assert_eq!(signature.len(), bits / 8);
        assert_eq!(
            crypto::sign(&parsed(&bare), scheme, &Parameter::None, b"m").unwrap(),
            signature
        );
        crypto::verify(public, scheme, &Parameter::None, b"m", &signature).unwrap();
    }
}

#[test]
fn an_rsa_key_that_contradicts_itself_is_refused() {
    for index in 0..8 {
        let mut numbers = numbers();
        *numbers[index].last_mut().unwrap() ^= 2;
        let error = crypto::import_rsa(&components(&numbers)).err();
        assert_eq!(error, Some(Error::KeyInvalid), "number {index}");
    }
    let numbers = numbers();
    let short = Components { modulus: &numbers[3][..63], ..components(&numbers) };
    assert_eq!(crypto::import_rsa(&short).err(), Some(Error::KeySize));
    assert_eq!(crypto::import_rsa(&Components::default()).err(), Some(Error::KeySize));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nonsense_as_an_rsa_key_is_refused_without_a_panic(
        seed in prop::collection::vec(any::<u8>(), 256),
        which in 0..8_usize,
        length in 0..=256_usize,
        bare in any::<bool>(),
    ) {
        let mut numbers = numbers();
        numbers[which] = seed[..length].to_vec();
        let mut components = components(&numbers);
        if bare {
            components = Components { primes: None, ..components };
        }
        let imported = crypto::import_rsa(&components);
        // Without primes, what belongs to them is not looked at.
        prop_assert!(imported.is_err() || (bare && which >= 3));
    }

    #[test]
    fn nonsense_is_no_key(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(Key::parse(KeySpec::Rsa, &bytes).is_err());
        prop_assert!(PublicKey::from_spki(&bytes).is_err());
        for curve in Curve::all().filter(|curve| curve.key_type() != KeyType::EcMontgomery) {
            // A point of Edwards curves is any coordinate in two.
            let read = PublicKey::ec(curve, &bytes);
            prop_assert!(read.is_err() || curve.key_type() == KeyType::EcEdwards);
        }
    }
}

#[test]
fn rsa_refuses_data_of_the_wrong_length_or_value() {
    let numbers = numbers();
    let generated = crypto::import_rsa(&components(&numbers)).unwrap();
    let (key, public) = (parsed(&generated), generated.public.as_ref().unwrap());
    let none = Parameter::None;
    let sign = |scheme, data: &[u8]| crypto::sign(&key, scheme, &none, data);
    let plain = Scheme::RsaPkcs1(None);
    assert_eq!(sign(plain, &[1; 245]).unwrap().len(), 256);
    assert_eq!(sign(plain, &[1; 246]), Err(Error::DataLength));
    assert_eq!(sign(Scheme::RsaRaw, &[0; 257]), Err(Error::DataLength));
    assert_eq!(sign(Scheme::RsaRaw, &numbers[0]), Err(Error::DataInvalid));
    let pss = |salt_len| Parameter::Pss(Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt_len });
    let raw_pss = Scheme::RsaPss(None);
    assert_eq!(crypto::sign(&key, raw_pss, &pss(32), &[0; 31]), Err(Error::DataLength));
    assert_eq!(crypto::sign(&key, raw_pss, &pss(223), &[0; 32]), Err(Error::Parameter));
    assert_eq!(crypto::sign(&key, raw_pss, &pss(222), &[0; 32]).unwrap().len(), 256);
    assert_eq!(crypto::verify(public, plain, &none, b"m", &[0; 255]), Err(Error::SignatureLength));
    assert_eq!(crypto::verify(public, plain, &none, b"m", &[0; 256]), Err(Error::SignatureInvalid));
    let decrypt = |scheme, data: &[u8]| crypto::decrypt(&key, scheme, &none, data).unwrap_err();
    assert_eq!(decrypt(plain, &[0; 255]), Error::EncryptedDataLength);
    assert_eq!(decrypt(Scheme::RsaRaw, &numbers[0]), Error::EncryptedDataInvalid);
    assert_eq!(decrypt(plain, &numbers[0]), Error::EncryptedDataInvalid);
    assert_eq!(crypto::encrypt(public, plain, &none, &[0; 246]), Err(Error::DataLength));
    let oaep = |mgf| Parameter::Oaep(Oaep { hash: Hash::Sha256, mgf, label: b"label".to_vec() });
    let sealed = crypto::encrypt(public, Scheme::RsaOaep, &oaep(Hash::Sha1), &[7; 190]).unwrap();
    let opened = crypto::decrypt(&key, Scheme::RsaOaep, &oaep(Hash::Sha1), &sealed).unwrap();
    assert_eq!(*opened, [7; 190]);
    let other = crypto::decrypt(&key, Scheme::RsaOaep, &oaep(Hash::Sha256), &sealed);
    assert_eq!(other, Err(Error::EncryptedDataInvalid));
    let long = crypto::encrypt(public, Scheme::RsaOaep, &oaep(Hash::Sha1), &[7; 191]);
    assert_eq!(long, Err(Error::DataLength));
}

#[test]
fn raw_rsa_goes_both_ways_with_zeros_on_the_left() {
    let generated = crypto::import_rsa(&components(&numbers())).unwrap();
    let (key, public) = (parsed(&generated), generated.public.as_ref().unwrap());
    let none = Parameter::None;
    let signature = crypto::sign(&key, Scheme::RsaRaw, &none, b"short").unwrap();
    crypto::verify(public, Scheme::RsaRaw, &none, b"short", &signature).unwrap();
    crypto::verify(public, Scheme::RsaRaw, &none, b"\0short", &signature).unwrap();
    let wrong = crypto::verify(public, Scheme::RsaRaw, &none, b"hort", &signature);
    assert_eq!(wrong, Err(Error::SignatureInvalid));
    let sealed = crypto::encrypt(public, Scheme::RsaRaw, &none, b"short").unwrap();
    let opened = crypto::decrypt(&key, Scheme::RsaRaw, &none, &sealed).unwrap();
    assert_eq!(opened[..251], [0; 251]);
    assert_eq!(opened[251..], *b"short");
}
