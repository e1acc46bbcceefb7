//! Keys of the session, made of the numbers that vectors have.

use coffer_protocol::mechanism;
use coffer_tests::c::{Answer, Handle, NO, Session, YES, number};
use coffer_tests::curve::{CURVES, Curve, Kind};
use cryptoki_sys as sys;

/// The curve of a name.
pub(crate) fn curve(name: &str) -> &'static Curve {
    CURVES.iter().find(|curve| curve.name == name).unwrap_or_else(|| panic!("{name}"))
}

/// The type of keys on a curve.
pub(crate) const fn key_type(curve: &Curve) -> u64 {
    match curve.kind {
        Kind::Prime => sys::CKK_EC,
        Kind::Edwards => sys::CKK_EC_EDWARDS,
        Kind::Montgomery => sys::CKK_EC_MONTGOMERY,
    }
}

/// A number as long as it has to be.
pub(crate) fn padded(number: &[u8], length: usize) -> Vec<u8> {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let digits = &number[first..];
    [vec![0; length.saturating_sub(digits.len())], digits.to_vec()].concat()
}

/// Uses a secret key and destroys it.
pub(crate) fn with_secret<R>(
    session: Session,
    kind: u64,
    value: &[u8],
    usages: &[u64],
    run: impl FnOnce(Handle) -> R,
) -> R {
    let key = session.create_secret(kind, value, usages).unwrap();
    let result = run(key);
    session.destroy(key).unwrap();
    result
}

/// Whether a mechanism works with a key of so many bits.
pub(crate) fn is_offered(ckm: u64, bits: usize) -> bool {
    mechanism::find(ckm).unwrap().key_size.contains_bits(bits)
}

/// A public key of RSA.
pub(crate) fn rsa_public(session: Session, modulus: &[u8], exponent: &[u8]) -> Answer<Handle> {
    let (class, kind) = (number(sys::CKO_PUBLIC_KEY), number(sys::CKK_RSA));
    session.create(&[
        (sys::CKA_CLASS, &class),
        (sys::CKA_KEY_TYPE, &kind),
        (sys::CKA_TOKEN, NO),
        (sys::CKA_MODULUS, &padded(modulus, 0)),
        (sys::CKA_PUBLIC_EXPONENT, &padded(exponent, 0)),
    ])
}

/// The numbers of a private key of RSA, in the order of RFC 8017.
pub(crate) type RsaNumbers<'a> = [&'a [u8]; 8];

const RSA_ATTRIBUTES: [u64; 8] = [
    sys::CKA_MODULUS,
    sys::CKA_PUBLIC_EXPONENT,
    sys::CKA_PRIVATE_EXPONENT,
    sys::CKA_PRIME_1,
    sys::CKA_PRIME_2,
    sys::CKA_EXPONENT_1,
    sys::CKA_EXPONENT_2,
    sys::CKA_COEFFICIENT,
];

/// A private key of RSA.
pub(crate) fn rsa_private(session: Session, numbers: &RsaNumbers<'_>) -> Answer<Handle> {
    let (class, kind) = (number(sys::CKO_PRIVATE_KEY), number(sys::CKK_RSA));
    let numbers = numbers.map(|number| padded(number, 0));
    let mut template = vec![
        (sys::CKA_CLASS, &class[..]),
        (sys::CKA_KEY_TYPE, &kind[..]),
        (sys::CKA_TOKEN, NO),
        (sys::CKA_SENSITIVE, NO),
        (sys::CKA_EXTRACTABLE, YES),
        (sys::CKA_DERIVE, YES),
    ];
    template.extend(RSA_ATTRIBUTES.into_iter().zip(numbers.iter().map(Vec::as_slice)));
    session.create(&template)
}

/// The key of the daemon's vectors.
pub(crate) fn rsa2048() -> Vec<Vec<u8>> {
    let file = include_str!("../../../../daemon/tests/vectors/rsa2048.txt");
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| hex::decode(line.split_once(' ').unwrap().1).unwrap()).collect()
}

/// Both halves of the key of the daemon's vectors: private, public.
pub(crate) fn rsa2048_pair(session: Session) -> (Handle, Handle) {
    let numbers = rsa2048();
    let slices: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
    let private = rsa_private(session, slices[..].try_into().unwrap()).unwrap();
    (private, rsa_public(session, &numbers[0], &numbers[1]).unwrap())
}

/// A public key on a curve; the point as vectors have it.
pub(crate) fn ec_public(session: Session, curve: &Curve, point: &[u8]) -> Answer<Handle> {
    let (class, kind) = (number(sys::CKO_PUBLIC_KEY), number(key_type(curve)));
    let length = u8::try_from(point.len()).unwrap();
    let header: &[u8] = if length < 0x80 { &[4, length] } else { &[4, 0x81, length] };
    session.create(&[
        (sys::CKA_CLASS, &class),
        (sys::CKA_KEY_TYPE, &kind),
        (sys::CKA_TOKEN, NO),
        (sys::CKA_EC_PARAMS, &curve.parameters()),
        (sys::CKA_EC_POINT, &[header, point].concat()),
    ])
}

/// A private key on a curve.
pub(crate) fn ec_private(session: Session, curve: &Curve, scalar: &[u8]) -> Answer<Handle> {
    let (class, kind) = (number(sys::CKO_PRIVATE_KEY), number(key_type(curve)));
    let parameters = curve.parameters();
    let mut template = vec![
        (sys::CKA_CLASS, &class[..]),
        (sys::CKA_KEY_TYPE, &kind),
        (sys::CKA_TOKEN, NO),
        (sys::CKA_SENSITIVE, NO),
        (sys::CKA_EXTRACTABLE, YES),
        (sys::CKA_EC_PARAMS, &parameters),
        (sys::CKA_VALUE, scalar),
    ];
    template.push((sys::CKA_DERIVE, YES));
    if curve.kind != Kind::Edwards {
        template.push((sys::CKA_UNWRAP, YES));
    }
    session.create(&template)
}

/// A template of a secret that may be read.
pub(crate) fn open<'a>(more: &[(u64, &'a [u8])]) -> Vec<(u64, &'a [u8])> {
    let open: [(u64, &[u8]); 3] =
        [(sys::CKA_TOKEN, NO), (sys::CKA_SENSITIVE, NO), (sys::CKA_EXTRACTABLE, YES)];
    [&open[..], more].concat()
}

/// The value of a key, which is destroyed.
pub(crate) fn taken(session: Session, key: Handle) -> Vec<u8> {
    let value = session.read(key, sys::CKA_VALUE).unwrap();
    session.destroy(key).unwrap();
    value
}
