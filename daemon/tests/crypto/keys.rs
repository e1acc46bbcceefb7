//! Keys: what is made can be used and stored, what is broken is refused, nothing can be printed.

use std::fmt::Debug;

use coffer_daemon::crypto::ecdsa::Curve;
use coffer_daemon::crypto::{
    self, Components, Error, Generate, Generated, Key, KeySpec, Message, PublicKey, Stream,
};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Hash, Oaep, Parameter, Pss, Scheme};
use proptest::prelude::*;

/// Compiles only while `Self` is without `Debug`: with it, the call below is ambiguous.
trait NotDebug<Marker> {
    fn check() {}
}
impl<T: ?Sized> NotDebug<()> for T {}
impl<T: ?Sized + Debug> NotDebug<u8> for T {}

#[test]
fn secrets_cannot_be_printed() {
    <Key as NotDebug<_>>::check();
    <Generated as NotDebug<_>>::check();
    <Components<'static> as NotDebug<_>>::check();
    <Stream as NotDebug<_>>::check();
    <Message as NotDebug<_>>::check();
    <crypto::hmac::Mac as NotDebug<_>>::check();
    <crypto::hash::Hasher as NotDebug<_>>::check();
}

fn parsed(generated: &Generated) -> Key {
    Key::parse(generated.spec, &generated.material).unwrap()
}

fn made(what: Generate) -> (Key, PublicKey) {
    let generated = crypto::generate(what).unwrap();
    let key = parsed(&generated);
    let public = generated.public.unwrap();
    assert_eq!(key.public().unwrap(), public);
    (key, public)
}

const RSA: Generate = Generate::Rsa { bits: 2048, exponent: 65537 };

#[test]
fn every_kind_of_key_survives_storage() {
    let kinds = [
        (Generate::Aes { bits: 128 }, 128),
        (Generate::Aes { bits: 192 }, 192),
        (Generate::Aes { bits: 256 }, 256),
        (Generate::Sm4, 128),
        (Generate::Secret { bytes: 20 }, 160),
        (RSA, 2048),
        (Generate::Rsa { bits: 3072, exponent: 65539 }, 3072),
        (Generate::Sm2, 256),
    ];
    let curves = Curve::all().map(|curve| (Generate::Ec(curve), curve.bits()));
    for (what, bits) in kinds.into_iter().chain(curves) {
        let generated = crypto::generate(what).unwrap();
        let key = parsed(&generated);
        assert_eq!(key.spec(), generated.spec);
        assert_eq!(key.bits(), bits);
        assert_eq!(key.public(), generated.public);
        if let Some(public) = &generated.public {
            assert_eq!(public.bits(), bits);
            let read = PublicKey::from_spki(&public.to_spki().unwrap()).unwrap();
            assert_eq!(read, *public);
        }
        let imported = crypto::import(generated.spec, &generated.material).unwrap();
        assert_eq!(*imported.material, *generated.material);
    }
}

#[test]
fn impossible_sizes_are_refused() {
    let refused = [
        Generate::Aes { bits: 127 },
        Generate::Secret { bytes: 0 },
        Generate::Secret { bytes: 1025 },
        Generate::Rsa { bits: 448, exponent: 65537 },
        Generate::Rsa { bits: 2049, exponent: 65537 },
        Generate::Rsa { bits: 8200, exponent: 65537 },
        Generate::Rsa { bits: 8256, exponent: 65537 },
    ];
    for what in refused {
        assert_eq!(crypto::generate(what).err(), Some(Error::KeySize), "{what:?}");
    }
    for exponent in [0, 1, 3, 65536, 65538, 1 << 33] {
        let what = Generate::Rsa { bits: 2048, exponent };
        assert_eq!(crypto::generate(what).err(), Some(Error::Parameter), "{exponent}");
    }
}

fn prime_curves() -> impl Iterator<Item = Curve> {
    Curve::all().filter(|curve| curve.key_type() == KeyType::Ec)
}

#[test]
fn seeds_and_scalars_of_other_curves_have_one_length() {
    for curve in Curve::all().filter(|curve| curve.key_type() != KeyType::Ec) {
        let length = curve.order_len();
        for wrong in [0, 1, length - 1, length + 1, 2 * length] {
            let refused = Key::parse(KeySpec::Ec(curve), &vec![7; wrong]).err();
            assert_eq!(refused, Some(Error::KeyInvalid), "{curve:?} {wrong}");
            assert_eq!(PublicKey::ec(curve, &vec![7; wrong]), Err(Error::KeyInvalid));
        }
    }
}

/// Points of small order, and coordinates that are not below the prime, little-endian.
const NO_EDWARDS_KEYS: [(Curve, &str); 10] = [
    (Curve::Ed25519, "0100000000000000000000000000000000000000000000000000000000000000"),
    (Curve::Ed25519, "0000000000000000000000000000000000000000000000000000000000000000"),
    (Curve::Ed25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    (
        Curve::Ed448,
        "010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        Curve::Ed448,
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        Curve::Ed448,
        "fefffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff00",
    ),
    // The prime, and one more: zero and one in a second form.
    (
        Curve::Ed448,
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff00",
    ),
    (
        Curve::Ed448,
        "00000000000000000000000000000000000000000000000000000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff00",
    ),
    // RFC 8032 section 7.4, with bits beside the sign.
    (
        Curve::Ed448,
        "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256181",
    ),
    (
        Curve::Ed448,
        "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe82561c0",
    ),
];

#[test]
fn points_of_small_order_and_in_a_second_form_are_no_keys_of_eddsa() {
    for (curve, point) in NO_EDWARDS_KEYS {
        let point = hex::decode(point).unwrap();
        assert_eq!(point.len(), curve.point_len());
        assert_eq!(PublicKey::ec(curve, &point), Err(Error::KeyInvalid), "{point:?}");
    }
}

#[test]
fn scalars_outside_the_order_are_refused() {
    let curves = prime_curves().map(|curve| (KeySpec::Ec(curve), curve.order_len()));
    for (spec, length) in curves.chain([(KeySpec::Sm2, 32)]) {
        for bytes in [vec![0; length], vec![0xff; length], vec![1; length + 1], vec![]] {
            assert_eq!(Key::parse(spec, &bytes).err(), Some(Error::KeyInvalid), "{bytes:?}");
        }
    }
}

#[test]
fn points_are_read_raw_and_as_octet_strings_but_only_on_the_curve() {
    for curve in prime_curves() {
        let (_, public) = made(Generate::Ec(curve));
        let point = public.point().unwrap();
        let wrapped = curve.ec_point(&point);
        assert_eq!(PublicKey::ec(curve, &point).unwrap(), public);
        assert_eq!(PublicKey::ec(curve, &wrapped).unwrap(), public);
        let mut off = point.clone();
        off[5] ^= 1;
        assert_eq!(PublicKey::ec(curve, &off), Err(Error::KeyInvalid));
        assert_eq!(PublicKey::ec(curve, &point[1..]), Err(Error::KeyInvalid));
        assert_eq!(PublicKey::ec(curve, &[]), Err(Error::KeyInvalid));
    }
    let (_, public) = made(Generate::Sm2);
    let point = public.point().unwrap();
    assert_eq!(PublicKey::sm2(&point).unwrap(), public);
    assert_eq!(PublicKey::sm2(&point[1..]).unwrap(), public);
    assert_eq!(PublicKey::sm2(&[4; 65]), Err(Error::KeyInvalid));
}

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
fn a_key_is_refused_by_schemes_of_another_kind() {
    let aes = parsed(&crypto::generate(Generate::Aes { bits: 256 }).unwrap());
    let (ec, ec_public) = made(Generate::Ec(Curve::P256));
    let none = Parameter::None;
    let scheme = Scheme::RsaPkcs1(None);
    assert_eq!(crypto::sign(&aes, scheme, &none, b"m"), Err(Error::Mechanism));
    assert_eq!(crypto::sign(&ec, scheme, &none, b"m"), Err(Error::Mechanism));
    assert_eq!(crypto::verify(&ec_public, scheme, &none, b"m", b""), Err(Error::Mechanism));
    assert_eq!(crypto::encrypt(&ec_public, Scheme::AesGcm, &none, b""), Err(Error::Mechanism));
    assert_eq!(crypto::encrypt(&ec, Scheme::AesGcm, &none, b""), Err(Error::Mechanism));
    assert_eq!(crypto::encrypt(&aes, Scheme::AesGcm, &none, b""), Err(Error::Parameter));
    assert_eq!(crypto::encrypt(&aes, Scheme::RsaRaw, &none, b""), Err(Error::Mechanism));
    assert_eq!(crypto::decrypt(&aes, Scheme::Sm2Pke, &none, b""), Err(Error::Mechanism));
    assert!(Message::new(&aes, Scheme::Hmac(Hash::Sha256), &none).is_err());
    assert!(Message::new(&ec, Scheme::Ecdsa(None), &none).is_err());
    assert!(Stream::encrypt(&ec, Scheme::AesCbc, &Parameter::Iv([0; 16])).is_err());
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
