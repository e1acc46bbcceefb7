//! The table of PKCS#11 attributes: type, who may set them and when, what of them is secret.
//!
//! Values have one encoding, on the wire and in the store: a boolean is one byte, a number 8 bytes
//! little-endian (`u64::MAX`: unavailable information), a date 8 digits or nothing, a list of mechanisms
//! 8 bytes each, a template the encoding of its attributes by rising number, everything else its bytes.

use serde::{Deserialize, Serialize};

/// An attribute of an object or template.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// `CKA_` number.
    pub kind: u64,
    /// Its value in the one encoding.
    pub value: Vec<u8>,
}

impl Attribute {
    /// A boolean attribute.
    pub fn boolean(kind: u64, value: bool) -> Self {
        Self { kind, value: vec![u8::from(value)] }
    }

    /// A number.
    pub fn number(kind: u64, value: u64) -> Self {
        Self { kind, value: value.to_le_bytes().to_vec() }
    }

    /// Bytes.
    pub fn bytes(kind: u64, value: impl Into<Vec<u8>>) -> Self {
        Self { kind, value: value.into() }
    }
}

/// Values may be keys, so only the kind and the length are shown.
impl std::fmt::Debug for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match find(self.kind) {
            Some(row) => write!(f, "{} ({} bytes)", row.name, self.value.len()),
            None => write!(f, "{:#x} ({} bytes)", self.kind, self.value.len()),
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `CK_BBOOL`.
    Boolean,
    /// `CK_ULONG`.
    Number,
    /// Bytes, also text and big integers.
    Bytes,
    /// `CK_DATE`, or empty.
    Date,
    /// `CK_MECHANISM_TYPE` array.
    Mechanisms,
    /// `CK_ATTRIBUTE` array.
    Template,
}

/// When it may be set by an application (PKCS#11 sections 4.1.1 to 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// When the object is made only.
    AtCreation,
    /// When it is made or copied.
    AtCopy,
    /// At any time.
    Always,
    /// At any time, from false to true only.
    ToTrue,
    /// At any time, from true to false only.
    ToFalse,
    /// Never: the token sets it.
    Never,
    /// By the security officer only.
    BySecurityOfficer,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `CKA_` number.
    pub kind: u64,
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub value: Type,
    /// When it may be set.
    pub set: Set,
    /// Whether it is part of a key's material, which `CKA_SENSITIVE` and `CKA_EXTRACTABLE` protect.
    pub secret: bool,
}

macro_rules! attributes {
    ($( $number:literal $name:ident $value:ident $set:ident $secret:literal; )*) => {
        $( #[doc = concat!("`CKA_", stringify!($name), "`.")] pub const $name: u64 = $number; )*

        /// Every row, in the order of the table.
        pub const ALL: &[Row] = &[ $( Row {
            kind: $number,
            name: concat!("CKA_", stringify!($name)),
            value: Type::$value,
            set: Set::$set,
            secret: $secret,
        } ),* ];
    };
}

attributes! {
//  number      name                value      set               secret
    0x0000_0000 CLASS               Number     AtCreation        false;
    0x0000_0001 TOKEN               Boolean    AtCopy            false;
    0x0000_0002 PRIVATE             Boolean    AtCopy            false;
    0x0000_0003 LABEL               Bytes      Always            false;
    0x0000_0004 UNIQUE_ID           Bytes      Never             false;
    0x0000_0010 APPLICATION         Bytes      Always            false;
    0x0000_0011 VALUE               Bytes      AtCreation        true;
    0x0000_0012 OBJECT_ID           Bytes      Always            false;
    0x0000_0080 CERTIFICATE_TYPE    Number     AtCreation        false;
    0x0000_0081 ISSUER              Bytes      Always            false;
    0x0000_0082 SERIAL_NUMBER       Bytes      Always            false;
    0x0000_0083 AC_ISSUER           Bytes      Always            false;
    0x0000_0084 OWNER               Bytes      AtCreation        false;
    0x0000_0085 ATTR_TYPES          Bytes      Always            false;
    0x0000_0086 TRUSTED             Boolean    BySecurityOfficer false;
    0x0000_0087 CERTIFICATE_CATEGORY Number    AtCreation        false;
    0x0000_0088 JAVA_MIDP_SECURITY_DOMAIN Number AtCreation      false;
    0x0000_0089 URL                 Bytes      AtCreation        false;
    0x0000_008a HASH_OF_SUBJECT_PUBLIC_KEY Bytes AtCreation      false;
    0x0000_008b HASH_OF_ISSUER_PUBLIC_KEY Bytes AtCreation       false;
    0x0000_008c NAME_HASH_ALGORITHM Number     AtCreation        false;
    0x0000_0090 CHECK_VALUE         Bytes      AtCreation        false;
    0x0000_0100 KEY_TYPE            Number     AtCreation        false;
    0x0000_0101 SUBJECT             Bytes      Always            false;
    0x0000_0102 ID                  Bytes      Always            false;
    0x0000_0103 SENSITIVE           Boolean    ToTrue            false;
    0x0000_0104 ENCRYPT             Boolean    Always            false;
    0x0000_0105 DECRYPT             Boolean    Always            false;
    0x0000_0106 WRAP                Boolean    Always            false;
    0x0000_0107 UNWRAP              Boolean    Always            false;
    0x0000_0108 SIGN                Boolean    Always            false;
    0x0000_0109 SIGN_RECOVER        Boolean    Always            false;
    0x0000_010a VERIFY              Boolean    Always            false;
    0x0000_010b VERIFY_RECOVER      Boolean    Always            false;
    0x0000_010c DERIVE              Boolean    Always            false;
    0x0000_0110 START_DATE          Date       Always            false;
    0x0000_0111 END_DATE            Date       Always            false;
    0x0000_0120 MODULUS             Bytes      AtCreation        false;
    0x0000_0121 MODULUS_BITS        Number     AtCreation        false;
    0x0000_0122 PUBLIC_EXPONENT     Bytes      AtCreation        false;
    0x0000_0123 PRIVATE_EXPONENT    Bytes      AtCreation        true;
    0x0000_0124 PRIME_1             Bytes      AtCreation        true;
    0x0000_0125 PRIME_2             Bytes      AtCreation        true;
    0x0000_0126 EXPONENT_1          Bytes      AtCreation        true;
    0x0000_0127 EXPONENT_2          Bytes      AtCreation        true;
    0x0000_0128 COEFFICIENT         Bytes      AtCreation        true;
    0x0000_0129 PUBLIC_KEY_INFO     Bytes      AtCreation        false;
    0x0000_0130 PRIME               Bytes      AtCreation        false;
    0x0000_0131 SUBPRIME            Bytes      AtCreation        false;
    0x0000_0132 BASE                Bytes      AtCreation        false;
    0x0000_0133 PRIME_BITS          Number     AtCreation        false;
    0x0000_0134 SUBPRIME_BITS       Number     AtCreation        false;
    0x0000_0161 VALUE_LEN           Number     AtCreation        false;
    0x0000_0162 EXTRACTABLE         Boolean    ToFalse           false;
    0x0000_0163 LOCAL               Boolean    Never             false;
    0x0000_0164 NEVER_EXTRACTABLE   Boolean    Never             false;
    0x0000_0165 ALWAYS_SENSITIVE    Boolean    Never             false;
    0x0000_0166 KEY_GEN_MECHANISM   Number     Never             false;
    0x0000_0170 MODIFIABLE          Boolean    AtCopy            false;
    0x0000_0171 COPYABLE            Boolean    ToFalse           false;
    0x0000_0172 DESTROYABLE         Boolean    AtCopy            false;
    0x0000_0180 EC_PARAMS           Bytes      AtCreation        false;
    0x0000_0181 EC_POINT            Bytes      AtCreation        false;
    0x0000_0202 ALWAYS_AUTHENTICATE Boolean    AtCreation        false;
    0x0000_0210 WRAP_WITH_TRUSTED   Boolean    ToTrue            false;
    0x0000_0500 MECHANISM_TYPE      Number     Never             false;
    0x0000_0601 PROFILE_ID          Number     Never             false;
    0x0000_061e OBJECT_VALIDATION_FLAGS Number Never             false;
    0x0000_062a ENCAPSULATE_TEMPLATE Template AtCreation false;
    0x0000_062b DECAPSULATE_TEMPLATE Template AtCreation false;
    0x0000_062c TRUST_SERVER_AUTH   Number     Always            false;
    0x0000_062d TRUST_CLIENT_AUTH   Number     Always            false;
    0x0000_062e TRUST_CODE_SIGNING  Number     Always            false;
    0x0000_062f TRUST_EMAIL_PROTECTION Number  Always            false;
    0x0000_0630 TRUST_IPSEC_IKE     Number     Always            false;
    0x0000_0631 TRUST_TIME_STAMPING Number     Always            false;
    0x0000_0632 TRUST_OCSP_SIGNING  Number     Always            false;
    0x0000_0633 ENCAPSULATE         Boolean    Always            false;
    0x0000_0634 DECAPSULATE         Boolean    Always            false;
    0x0000_0635 HASH_OF_CERTIFICATE Bytes      AtCreation        false;
    0x4000_0211 WRAP_TEMPLATE Template AtCreation false;
    0x4000_0212 UNWRAP_TEMPLATE Template AtCreation false;
    0x4000_0213 DERIVE_TEMPLATE Template AtCreation false;
    0x4000_0600 ALLOWED_MECHANISMS  Mechanisms AtCreation        false;
}

/// The row of that number.
pub fn find(kind: u64) -> Option<&'static Row> {
    ALL.binary_search_by_key(&kind, |row| row.kind).ok().map(|at| &ALL[at])
}

/// Most attributes in a template.
pub const MAX_ATTRIBUTES: usize = 256;
/// Most bytes of an encoded template.
pub const MAX_TEMPLATE: usize = 64 << 10;

/// The attributes of a template that is a value; `None` where it is none, or stands in another than the one form:
/// each attribute once, by rising number.
pub fn nested(value: &[u8]) -> Option<Vec<Attribute>> {
    if value.len() > MAX_TEMPLATE {
        return None;
    }
    let (list, rest) = postcard::take_from_bytes::<Vec<Attribute>>(value).ok()?;
    let is_rising = list.is_sorted_by(|one, other| one.kind < other.kind);
    let is_only_form = || encode_nested(&list).as_deref() == Some(value);
    (rest.is_empty() && list.len() <= MAX_ATTRIBUTES && is_rising && is_only_form()).then_some(list)
}

/// The value that a template is.
pub fn encode_nested(list: &[Attribute]) -> Option<Vec<u8>> {
    postcard::to_stdvec(list).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_number() {
        for row in ALL {
            assert_eq!(find(row.kind).map(|found| found.name), Some(row.name));
        }
        assert!(find(0x8000_0000).is_none());
    }

    #[test]
    fn a_template_that_is_a_value_has_one_form() {
        let (one, other) = (Attribute::boolean(SIGN, true), Attribute::bytes(LABEL, *b"l"));
        let encode = |list: &[Attribute]| encode_nested(list).unwrap();
        let good = encode(&[other.clone(), one.clone()]);
        assert_eq!(nested(&good), Some(vec![other.clone(), one.clone()]));
        assert_eq!(nested(&encode(&[])), Some(vec![]));
        assert_eq!(nested(&encode(&[one.clone(), other])), None);
        assert_eq!(nested(&encode(&[one.clone(), one])), None);
        assert_eq!(nested(&[&good[..], &[0]].concat()), None);
        assert_eq!(nested(&good[1..]), None);
        assert_eq!(nested(b""), None);
        // A longer form of the same number.
        assert_eq!(nested(&[0x80, 0]), None);
    }

    #[test]
    fn debug_output_shows_no_value() {
        let attribute = Attribute::bytes(VALUE, *b"\x41\x42\x43");
        assert_eq!(format!("{attribute:?}"), "CKA_VALUE (3 bytes)");
    }
}
