//! The named curves: how PKCS#11 writes their names and their points.

use coffer_protocol::key_type::KeyType;
use der::Decode;
use der::asn1::OctetStringRef;

use super::Error;

/// A named curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// P-256, secp256r1.
    P256,
    /// P-384, secp384r1.
    P384,
    /// P-521, secp521r1.
    P521,
    /// The twisted Edwards curve of Ed25519.
    Ed25519,
    /// The Montgomery curve of X25519.
    X25519,
}

/// A row.
struct Row {
    curve: Curve,
    key_type: KeyType,
    /// The size of the field.
    bits: usize,
    /// Its names in `CKA_EC_PARAMS`: the first is the one written, all are read.
    names: &'static [&'static [u8]],
}

/// The curves. Names are object identifiers in DER (RFC 5480, RFC 8410); for Ed25519 and X25519 also the
/// PrintableStrings of PKCS#11 3.1 sections 6.3.5 and 6.3.7, and the identifiers that GNU and cryptlib gave before,
/// which pkcs11-tool sends; that of OpenSC 0.23 gives the string for X25519 a length that is one too long.
#[rustfmt::skip]
const CURVES: &[Row] = &[
    Row { curve: Curve::P256, key_type: KeyType::Ec, bits: 256, names: &[&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]] },
    Row { curve: Curve::P384, key_type: KeyType::Ec, bits: 384, names: &[&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]] },
    Row { curve: Curve::P521, key_type: KeyType::Ec, bits: 521, names: &[&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]] },
    Row { curve: Curve::Ed25519, key_type: KeyType::EcEdwards, bits: 255, names: &[&[0x06, 0x03, 0x2b, 0x65, 0x70], b"\x13\x0cedwards25519", &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01]] },
    Row { curve: Curve::X25519, key_type: KeyType::EcMontgomery, bits: 255, names: &[&[0x06, 0x03, 0x2b, 0x65, 0x6e], b"\x13\x0acurve25519", b"\x13\x0bcurve25519", &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01]] },
];

impl Curve {
    /// Every curve, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        CURVES.iter().map(|row| row.curve)
    }

    const fn row(self) -> &'static Row {
        // The rows stand in the order of the variants, which a test keeps true.
        &CURVES[self as usize]
    }

    /// The DER of the curve's name, as `CKA_EC_PARAMS` holds it.
    pub const fn ec_params(self) -> &'static [u8] {
        self.row().names[0]
    }

    /// The curve of this type of key that `CKA_EC_PARAMS` names.
    ///
    /// # Errors
    ///
    /// [`Error::Curve`] where there is none.
    pub fn from_ec_params(key_type: KeyType, der: &[u8]) -> Result<Self, Error> {
        CURVES
            .iter()
            .find(|row| row.key_type == key_type && row.names.contains(&der))
            .map(|row| row.curve)
            .ok_or(Error::Curve)
    }

    /// Whether `CKA_EC_PARAMS` names it so.
    pub fn is_named(self, der: &[u8]) -> bool {
        self.row().names.contains(&der)
    }

    /// The type that its keys have.
    pub const fn key_type(self) -> KeyType {
        self.row().key_type
    }

    /// The size of the field in bits.
    pub const fn bits(self) -> usize {
        self.row().bits
    }

    /// The length of the order, of a scalar and of a coordinate in bytes.
    pub const fn order_len(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// The length of a public point in bytes: 04‖X‖Y on the NIST curves, one coordinate on others.
    pub const fn point_len(self) -> usize {
        match self {
            Self::P256 | Self::P384 | Self::P521 => 1 + 2 * self.order_len(),
            Self::Ed25519 | Self::X25519 => self.order_len(),
        }
    }

    /// A point as `CKA_EC_POINT` has it: on the NIST curves in an OCTET STRING (PKCS#11 3.1 section 6.3.3), on
    /// others as it is (sections 6.3.5 and 6.3.7).
    pub fn ec_point(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Self::P256 | Self::P384 | Self::P521 => octet_string(raw),
            Self::Ed25519 | Self::X25519 => raw.to_vec(),
        }
    }

    /// The point inside `CKA_EC_POINT` or `pPublicData`: raw, or in an OCTET STRING. Which one it is follows from
    /// its length, because a raw point may look like an OCTET STRING.
    ///
    /// # Errors
    ///
    /// [`Error::KeyInvalid`] where it is neither.
    pub fn raw_point(self, given: &[u8]) -> Result<&[u8], Error> {
        if given.len() == self.point_len() {
            return Ok(given);
        }
        let inner = <&OctetStringRef>::from_der(given).map_err(|_| Error::KeyInvalid)?.as_bytes();
        if inner.len() == self.point_len() { Ok(inner) } else { Err(Error::KeyInvalid) }
    }
}

/// The DER of an OCTET STRING of less than 256 bytes.
fn octet_string(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("no point is longer than 133 bytes");
    let header: &[u8] = if length < 0x80 { &[0x04, length] } else { &[0x04, 0x81, length] };
    [header, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_curve() {
        for (index, row) in CURVES.iter().enumerate() {
            assert_eq!(row.curve as usize, index);
            for name in row.names {
                assert_eq!(Curve::from_ec_params(row.key_type, name), Ok(row.curve));
            }
            assert_eq!(Curve::from_ec_params(KeyType::Rsa, row.names[0]), Err(Error::Curve));
        }
        assert_eq!(Curve::from_ec_params(KeyType::Ec, &[5, 0]), Err(Error::Curve));
        assert_eq!(Curve::P521.order_len(), 66);
    }

    #[test]
    fn points_are_read_raw_and_wrapped() {
        for curve in Curve::all() {
            let raw = vec![4; curve.point_len()];
            let written = curve.ec_point(&raw);
            assert_eq!(curve.raw_point(&raw), Ok(&raw[..]));
            assert_eq!(curve.raw_point(&written), Ok(&raw[..]), "{curve:?}");
            assert_eq!(curve.raw_point(&octet_string(&raw)), Ok(&raw[..]), "{curve:?}");
            assert_eq!(curve.raw_point(&raw[1..]), Err(Error::KeyInvalid));
            assert_eq!(curve.raw_point(&octet_string(&raw[1..])), Err(Error::KeyInvalid));
            assert_eq!(curve.raw_point(&[&written[..], &[0]].concat()), Err(Error::KeyInvalid));
        }
    }
}
