//! Keys of the session, made of the numbers that vectors have.

use coffer_protocol::mechanism;
use coffer_tests::c::{Answer, Handle, NO, Session, YES, number};
use cryptoki_sys as sys;

/// A curve: its name in vectors, the type of its keys, its name in `CKA_EC_PARAMS`, the size of its field in bits, and
/// bytes of a scalar.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) key_type: u64,
    pub(crate) params: &'static [u8],
    pub(crate) bits: usize,
    pub(crate) length: usize,
}

#[rustfmt::skip]
pub(crate) const CURVES: &[Curve] = &[
    Curve { name: "P-192",           key_type: sys::CKK_EC,            params: b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x01",     bits: 192, length: 24 },
    Curve { name: "P-224",           key_type: sys::CKK_EC,            params: b"\x06\x05\x2b\x81\x04\x00\x21",                 bits: 224, length: 28 },
    Curve { name: "P-256",           key_type: sys::CKK_EC,            params: b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",     bits: 256, length: 32 },
    Curve { name: "P-384",           key_type: sys::CKK_EC,            params: b"\x06\x05\x2b\x81\x04\x00\x22",                 bits: 384, length: 48 },
    Curve { name: "P-521",           key_type: sys::CKK_EC,            params: b"\x06\x05\x2b\x81\x04\x00\x23",                 bits: 521, length: 66 },
    Curve { name: "secp256k1",       key_type: sys::CKK_EC,            params: b"\x06\x05\x2b\x81\x04\x00\x0a",                 bits: 256, length: 32 },
    Curve { name: "brainpoolP256r1", key_type: sys::CKK_EC,            params: b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x07", bits: 256, length: 32 },
    Curve { name: "brainpoolP384r1", key_type: sys::CKK_EC,            params: b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0b", bits: 384, length: 48 },
    Curve { name: "edwards25519",    key_type: sys::CKK_EC_EDWARDS,    params: b"\x06\x03\x2b\x65\x70",                         bits: 255, length: 32 },
    Curve { name: "edwards448",      key_type: sys::CKK_EC_EDWARDS,    params: b"\x06\x03\x2b\x65\x71",                         bits: 448, length: 57 },
    Curve { name: "curve25519",      key_type: sys::CKK_EC_MONTGOMERY, params: b"\x06\x03\x2b\x65\x6e",                         bits: 255, length: 32 },
    Curve { name: "curve448",        key_type: sys::CKK_EC_MONTGOMERY, params: b"\x06\x03\x2b\x65\x6f",                         bits: 448, length: 56 },
];

/// Of files and their curves, those on whose curves a mechanism works.
pub(crate) fn offered<N: Copy>(
    ckm: u64,
    files: &[(N, &'static str)],
) -> impl Iterator<Item = (N, &'static Curve)> {
    let curves = files.iter().map(|(name, of)| (*name, curve(of)));
    curves.filter(move |(_, curve)| is_offered(ckm, curve.bits))
}

/// The curve of a name.
pub(crate) fn curve(name: &str) -> &'static Curve {
    CURVES.iter().find(|curve| curve.name == name).unwrap_or_else(|| panic!("{name}"))
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
    let file = include_str!("../../../daemon/tests/vectors/rsa2048.txt");
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
    let (class, kind) = (number(sys::CKO_PUBLIC_KEY), number(curve.key_type));
    let length = u8::try_from(point.len()).unwrap();
    let header: &[u8] = if length < 0x80 { &[4, length] } else { &[4, 0x81, length] };
    session.create(&[
        (sys::CKA_CLASS, &class),
        (sys::CKA_KEY_TYPE, &kind),
        (sys::CKA_TOKEN, NO),
        (sys::CKA_EC_PARAMS, curve.params),
        (sys::CKA_EC_POINT, &[header, point].concat()),
    ])
}

/// A private key on a curve.
pub(crate) fn ec_private(session: Session, curve: &Curve, scalar: &[u8]) -> Answer<Handle> {
    let (class, kind) = (number(sys::CKO_PRIVATE_KEY), number(curve.key_type));
    let mut template = vec![
        (sys::CKA_CLASS, &class[..]),
        (sys::CKA_KEY_TYPE, &kind),
        (sys::CKA_TOKEN, NO),
        (sys::CKA_SENSITIVE, NO),
        (sys::CKA_EXTRACTABLE, YES),
        (sys::CKA_EC_PARAMS, curve.params),
        (sys::CKA_VALUE, scalar),
    ];
    template.push((sys::CKA_DERIVE, YES));
    if curve.key_type != sys::CKK_EC_EDWARDS {
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
