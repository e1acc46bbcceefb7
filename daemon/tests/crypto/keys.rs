//! Keys: what is made can be used and stored, what is broken is refused, nothing can be printed.

use std::fmt::Debug;

use coffer_daemon::crypto::ecdsa::Curve;
use coffer_daemon::crypto::{
    self, Components, Error, Generate, Generated, Key, KeySpec, Message, PublicKey, Stream,
};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Hash, Parameter, Scheme};

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

pub(crate) fn parsed(generated: &Generated) -> Key {
    Key::parse(generated.spec, &generated.material).unwrap()
}

pub(crate) fn made(what: Generate) -> (Key, PublicKey) {
    let generated = crypto::generate(what).unwrap();
    let key = parsed(&generated);
    let public = generated.public.unwrap();
    assert_eq!(key.public().unwrap(), public);
    (key, public)
}

pub(crate) const RSA: Generate = Generate::Rsa { bits: 2048, exponent: 65537 };

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

pub(crate) fn prime_curves() -> impl Iterator<Item = Curve> {
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
