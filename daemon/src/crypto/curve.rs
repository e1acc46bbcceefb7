//! The named curves: how PKCS#11 writes their names and their points.

use bp256::BrainpoolP256r1;
use bp384::BrainpoolP384r1;
use coffer_protocol::key_type::KeyType;
use der::Decode;
use der::asn1::OctetStringRef;
use k256::Secp256k1;
use p192::NistP192;
use p224::NistP224;
use p256::NistP256;
use p384::NistP384;
use p521::NistP521;
use sha2::{Sha256, Sha384, Sha512};

use super::eddsa::{ed448::Ed448, ed25519::Ed25519};
use super::montgomery::{X448, X25519};
use super::weierstrass::By;
use super::{Error, eddsa, montgomery, weierstrass};
use crate::vault::Depth;

/// What a curve is computed with.
#[derive(Clone, Copy)]
pub(super) enum Group {
    /// A curve for ECDSA and Diffie-Hellman.
    Prime(&'static dyn weierstrass::Arithmetic),
    /// A twisted Edwards curve, for EdDSA.
    Edwards(&'static dyn eddsa::Arithmetic),
    /// A Montgomery curve, for Diffie-Hellman.
    Montgomery(&'static dyn montgomery::Arithmetic),
}

/// A row.
struct Row {
    curve: Curve,
    /// The size of the field.
    bits: usize,
    /// The stack for agreement and verification.
    agreement: Depth,
    /// The stack for wrapping by agreement, which makes a pair as well.
    wrapping: Depth,
    /// Its name as the KMS writes the specification of a key.
    spec: &'static str,
    group: Group,
    /// Its names in `CKA_EC_PARAMS`: the first is the one written, all are read.
    names: &'static [&'static [u8]],
}

/// Makes [`Curve`] and its table of a row for each.
macro_rules! curves {
    ($( $curve:ident $bits:literal $agreement:ident $wrapping:ident $spec:literal
        $group:expr, [$($name:literal)+]; )*) => {
        /// A named curve.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Curve {
            $( #[doc = concat!("The curve of keys `", $spec, "`.")] $curve ),*
        }

        static CURVES: &[Row] = &[ $( Row {
            curve: Curve::$curve,
            bits: $bits,
            agreement: Depth::$agreement,
            wrapping: Depth::$wrapping,
            spec: $spec,
            group: $group,
            names: &[$($name),+],
        } ),* ];
    };
}

// Names are object identifiers in DER (RFC 5480, SEC 2, RFC 5639, RFC 8410); of the Edwards and Montgomery curves also
// the PrintableStrings of PKCS#11 3.1 sections 6.3.5 and 6.3.7, and the identifiers that GNU and cryptlib gave before,
// which pkcs11-tool sends; that of OpenSC 0.23 gives the string for X25519 a length that is one too long.
#[rustfmt::skip]
curves! {
//  curve           bits agreement wrapping specification         arithmetic                                        names
    P192            192  Small     Small    "EC_P192"             Group::Prime(&By::<NistP192, Sha256>::IT),        [b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x01"];
    P224            224  Small     Small    "EC_P224"             Group::Prime(&By::<NistP224, Sha256>::IT),        [b"\x06\x05\x2b\x81\x04\x00\x21"];
    P256            256  Small     Small    "EC_P256"             Group::Prime(&By::<NistP256, Sha256>::IT),        [b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"];
    P384            384  Small     Large    "EC_P384"             Group::Prime(&By::<NistP384, Sha384>::IT),        [b"\x06\x05\x2b\x81\x04\x00\x22"];
    P521            521  Large     Large    "EC_P521"             Group::Prime(&By::<NistP521, Sha512>::IT),        [b"\x06\x05\x2b\x81\x04\x00\x23"];
    Secp256k1       256  Small     Small    "ECC_SECG_P256K1"     Group::Prime(&By::<Secp256k1, Sha256>::IT),       [b"\x06\x05\x2b\x81\x04\x00\x0a"];
    BrainpoolP256r1 256  Small     Small    "EC_BRAINPOOL_P256R1" Group::Prime(&By::<BrainpoolP256r1, Sha256>::IT), [b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x07"];
    BrainpoolP384r1 384  Small     Large    "EC_BRAINPOOL_P384R1" Group::Prime(&By::<BrainpoolP384r1, Sha384>::IT), [b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0b"];
    Ed25519         255  Small     Small    "ED25519"             Group::Edwards(&Ed25519),                         [b"\x06\x03\x2b\x65\x70" b"\x13\x0cedwards25519" b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01"];
    Ed448           448  Small     Small    "ED448"               Group::Edwards(&Ed448),                           [b"\x06\x03\x2b\x65\x71" b"\x13\x0aedwards448"];
    X25519          255  Small     Small    "X25519"              Group::Montgomery(&X25519),                       [b"\x06\x03\x2b\x65\x6e" b"\x13\x0acurve25519" b"\x13\x0bcurve25519" b"\x06\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01"];
    X448            448  Small     Small    "X448"                Group::Montgomery(&X448),                         [b"\x06\x03\x2b\x65\x6f" b"\x13\x08curve448"];
}

impl Curve {
    /// Every curve, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        CURVES.iter().map(|row| row.curve)
    }

    fn row(self) -> &'static Row {
        // The rows stand in the order of the variants.
        &CURVES[self as usize]
    }

    /// What it is computed with.
    pub(super) fn group(self) -> &'static Group {
        &self.row().group
    }

    /// All its names in `CKA_EC_PARAMS`.
    pub fn names(self) -> &'static [&'static [u8]] {
        self.row().names
    }

    /// The DER of the curve's name, as `CKA_EC_PARAMS` holds it.
    pub fn ec_params(self) -> &'static [u8] {
        self.names()[0]
    }

    /// The curve of this type of key that `CKA_EC_PARAMS` names.
    ///
    /// # Errors
    ///
    /// [`Error::Curve`] where there is none.
    pub fn from_ec_params(key_type: KeyType, der: &[u8]) -> Result<Self, Error> {
        CURVES
            .iter()
            .find(|row| row.names.contains(&der) && row.curve.key_type() == key_type)
            .map(|row| row.curve)
            .ok_or(Error::Curve)
    }

    /// Whether `CKA_EC_PARAMS` names it so.
    pub fn is_named(self, der: &[u8]) -> bool {
        self.names().contains(&der)
    }

    /// The curve of which an object identifier in DER is the first name.
    pub(super) fn from_identifier(der: &[u8]) -> Option<Self> {
        CURVES.iter().find(|row| row.names[0] == der).map(|row| row.curve)
    }

    /// The type that its keys have.
    pub fn key_type(self) -> KeyType {
        match self.group() {
            Group::Prime(_) => KeyType::Ec,
            Group::Edwards(_) => KeyType::EcEdwards,
            Group::Montgomery(_) => KeyType::EcMontgomery,
        }
    }

    /// Whether secrets are agreed on with its keys; otherwise they sign only.
    pub fn agrees(self) -> bool {
        !matches!(self.group(), Group::Edwards(_))
    }

    /// The specification of its keys, as the KMS writes it.
    pub fn spec_name(self) -> &'static str {
        self.row().spec
    }

    /// The stack that agreement and verification take.
    pub fn agreement_depth(self) -> Depth {
        self.row().agreement
    }

    /// The stack that wrapping by agreement takes.
    pub fn wrapping_depth(self) -> Depth {
        self.row().wrapping
    }

    /// The size of the field in bits.
    pub fn bits(self) -> usize {
        self.row().bits
    }

    /// The length in bytes of a scalar or seed, of half a signature, and of a coordinate. On Edwards curves it has room
    /// for a sign (RFC 8032 section 5.2.2).
    pub fn order_len(self) -> usize {
        match self.group() {
            Group::Prime(_) | Group::Montgomery(_) => self.bits().div_ceil(8),
            Group::Edwards(_) => self.bits() / 8 + 1,
        }
    }

    /// The length of a public point in bytes: 04‖X‖Y, or one coordinate on Edwards and Montgomery curves.
    pub fn point_len(self) -> usize {
        match self.group() {
            Group::Prime(_) => 1 + 2 * self.order_len(),
            Group::Edwards(_) | Group::Montgomery(_) => self.order_len(),
        }
    }

    /// A point as `CKA_EC_POINT` has it: in an OCTET STRING (PKCS#11 3.1 section 6.3.3), or as it is on Edwards and
    /// Montgomery curves (sections 6.3.5 and 6.3.7).
    pub fn ec_point(self, raw: &[u8]) -> Vec<u8> {
        match self.group() {
            Group::Prime(_) => octet_string(raw),
            Group::Edwards(_) | Group::Montgomery(_) => raw.to_vec(),
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
                assert_eq!(Curve::from_ec_params(row.curve.key_type(), name), Ok(row.curve));
                let named = CURVES.iter().filter(|row| row.names.contains(name));
                assert_eq!(named.count(), 1, "{name:?}");
            }
            assert_eq!(Curve::from_ec_params(KeyType::Rsa, row.names[0]), Err(Error::Curve));
        }
        assert_eq!(Curve::from_ec_params(KeyType::Ec, &[5, 0]), Err(Error::Curve));
        for (curve, order, point) in [
            (Curve::P192, 24, 49),
            (Curve::P224, 28, 57),
            (Curve::P521, 66, 133),
            (Curve::Ed25519, 32, 32),
            (Curve::Ed448, 57, 57),
            (Curve::X448, 56, 56),
        ] {
            assert_eq!((curve.order_len(), curve.point_len()), (order, point));
        }
    }

    #[test]
    fn the_mechanisms_have_the_sizes_of_the_curves() {
        use coffer_protocol::mechanism::{Function, Parameter, ckm, find, point_len};
        for (ckm, key_type) in [
            (ckm::CKM_EC_KEY_PAIR_GEN, KeyType::Ec),
            (ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN, KeyType::EcEdwards),
            (ckm::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, KeyType::EcMontgomery),
        ] {
            let sizes = || {
                let curves = Curve::all().filter(|curve| curve.key_type() == key_type);
                curves.map(|curve| u32::try_from(curve.bits()).unwrap())
            };
            let range = (sizes().min().unwrap(), sizes().max().unwrap());
            assert_eq!(find(ckm).unwrap().key_size.range(), range);
        }
        for curve in Curve::all() {
            let signer = match curve.group() {
                Group::Prime(_) => find(ckm::CKM_ECDSA),
                Group::Edwards(_) => find(ckm::CKM_EDDSA),
                Group::Montgomery(_) => None,
            };
            if let Some(row) = signer {
                let length = row.max_output(Function::Sign, 1, curve.bits(), &Parameter::None);
                assert_eq!(length, 2 * curve.order_len(), "{curve:?}");
            }
            assert!(!curve.agrees() || point_len(curve.bits()) == curve.point_len(), "{curve:?}");
        }
    }

    #[test]
    fn keys_of_applications_are_named_as_those_of_the_kms() {
        use coffer_protocol::key::KeySpec;
        assert_eq!(Curve::P256.spec_name(), KeySpec::EcP256.name());
        assert_eq!(Curve::P384.spec_name(), KeySpec::EcP384.name());
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
