//! Which attributes objects have: a row for each attribute and the kinds of object that have it, with what
//! templates must say of it and what it is when they do not (PKCS#11 3.1 section 4).
//!
//! Absent usage attributes are true for what the key type can do, because SunPKCS11 and pkcs11-tool import keys
//! without them. Keys are sensitive and not extractable unless the template says otherwise, as with SoftHSM.

mod table;
#[cfg(test)]
mod tests;

pub use table::ROWS;

use coffer_protocol::attribute::{self as a, Attribute, Set, Type};
use coffer_protocol::key_type::KeyType;

use super::{Attributes, Object, class};

/// What an object is, as far as its attributes depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// `CKO_DATA`.
    Data = 1,
    /// `CKO_CERTIFICATE` with `CKC_X_509`.
    Certificate = 2,
    /// An RSA public key.
    RsaPublic = 4,
    /// An RSA private key.
    RsaPrivate = 8,
    /// A public key on a NIST curve, of EdDSA or of X25519.
    EcPublic = 16,
    /// A private key on a NIST curve, of EdDSA or of X25519.
    EcPrivate = 32,
    /// An AES key.
    Aes = 64,
    /// A generic secret, or one for HMAC.
    Secret = 128,
    /// `CKO_TRUST`: what a certificate is trusted for.
    Trust = 256,
    /// `CKO_DOMAIN_PARAMETERS` of DSA, DH or X9.42 DH.
    DomainParameters = 512,
    /// `CKO_PROFILE`, which the token has of itself.
    Profile = 1024,
    /// `CKO_MECHANISM`, which the token has of itself.
    Mechanism = 2048,
    /// `CKO_CERTIFICATE` with `CKC_WTLS`.
    WtlsCertificate = 4096,
    /// `CKO_CERTIFICATE` with `CKC_X_509_ATTR_CERT`.
    AttributeCertificate = 8192,
}

use Kind::{
    Aes, AttributeCertificate, Certificate, Data, DomainParameters, EcPrivate, EcPublic, Mechanism,
    Profile, RsaPrivate, RsaPublic, Secret, Trust, WtlsCertificate,
};

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Data,
        Certificate,
        RsaPublic,
        RsaPrivate,
        EcPublic,
        EcPrivate,
        Aes,
        Secret,
        Trust,
        DomainParameters,
        Profile,
        Mechanism,
        WtlsCertificate,
        AttributeCertificate,
    ];

    /// The kind of a `CKC_` number, of a certificate; X.509 where nobody says.
    pub const fn of_certificate(number: Option<u64>) -> Option<Self> {
        match number {
            None | Some(0) => Some(Certificate),
            Some(1) => Some(AttributeCertificate),
            Some(2) => Some(WtlsCertificate),
            Some(_) => None,
        }
    }

    /// The kind of a class and a key type, if there are such objects; certificates are not among them.
    pub const fn of(class: u64, key_type: Option<KeyType>) -> Option<Self> {
        Some(match (class, key_type) {
            (class::DATA, None) => Data,
            (class::TRUST, None) => Trust,
            (class::DOMAIN_PARAMETERS, None) => DomainParameters,
            (class::PROFILE, None) => Profile,
            (class::MECHANISM, None) => Mechanism,
            (class::PUBLIC_KEY, Some(KeyType::Rsa)) => RsaPublic,
            (class::PRIVATE_KEY, Some(KeyType::Rsa)) => RsaPrivate,
            (class::PUBLIC_KEY, Some(KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery)) => {
                EcPublic
            }
            (
                class::PRIVATE_KEY,
                Some(KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery),
            ) => EcPrivate,
            (class::SECRET_KEY, Some(KeyType::Aes)) => Aes,
            (
                class::SECRET_KEY,
                Some(
                    KeyType::GenericSecret
                    | KeyType::Hmac(_)
                    | KeyType::HmacSha512T
                    | KeyType::Hkdf
                    | KeyType::ChaCha20
                    | KeyType::AesXts,
                ),
            ) => Secret,
            _ => return None,
        })
    }

    /// Whether it has material that stays in secret memory.
    pub const fn has_material(self) -> bool {
        matches!(self, RsaPrivate | EcPrivate | Aes | Secret)
    }

    /// Whether it is a private key.
    pub const fn is_private_key(self) -> bool {
        matches!(self, RsaPrivate | EcPrivate)
    }

    /// Whether it is a secret key.
    pub const fn is_secret_key(self) -> bool {
        matches!(self, Aes | Secret)
    }

    /// Whether it is a key.
    pub const fn is_key(self) -> bool {
        matches!(self, RsaPublic | RsaPrivate | EcPublic | EcPrivate | Aes | Secret)
    }

    /// Whether that attribute of it is material. `CKA_VALUE` of a certificate or of data is none.
    pub fn is_secret(self, attribute: u64) -> bool {
        self.has_material() && a::find(attribute).is_some_and(|row| row.secret)
    }

    /// The rows of its attributes.
    pub fn rows(self) -> impl Iterator<Item = &'static Row> {
        ROWS.iter().filter(move |row| row.kinds & self as u16 != 0)
    }

    /// The row of one of its attributes.
    pub fn row(self, attribute: u64) -> Option<&'static Row> {
        self.rows().find(|row| row.attribute == attribute)
    }

    /// When one of its attributes may be set.
    pub const fn set(self, row: &a::Row) -> Set {
        match (self, row.kind) {
            // Only the names of certificates change (PKCS#11 3.1 section 4.6.3).
            (
                Certificate | WtlsCertificate | AttributeCertificate,
                a::SUBJECT | a::START_DATE | a::END_DATE,
            ) => Set::AtCreation,
            _ => row.set,
        }
    }

    /// Adds what is absent and has a default that the key type decides.
    pub fn complete_usages(self, key_type: KeyType, attributes: &mut Attributes) {
        let of_type = USAGES.iter().filter(|(of, ..)| *of == key_type);
        let rows = of_type.flat_map(|(_, usages)| usages.iter());
        for (usage, can) in rows.filter(|(usage, _)| self.row(*usage).is_some()) {
            // Only the private half of a pair agrees on anything.
            let can = *can && (self.has_material() || *usage != a::DERIVE);
            attributes.set_default(Attribute::boolean(*usage, can));
        }
    }

    /// Adds what is absent and has a default.
    pub fn complete(self, attributes: &mut Attributes) {
        for row in self.rows() {
            let Row { attribute, .. } = *row;
            match row.absent {
                Absent::False => attributes.set_default(Attribute::boolean(attribute, false)),
                Absent::True => attributes.set_default(Attribute::boolean(attribute, true)),
                Absent::Empty => attributes.set_default(Attribute::bytes(attribute, [])),
                Absent::Zero => attributes.set_default(Attribute::number(attribute, 0)),
                Absent::None | Absent::Token => {}
            }
        }
    }
}

impl Object {
    /// Its kind; `None` for keys that PKCS#11 has no numbers for.
    pub fn kind(&self) -> Option<Kind> {
        if self.class() == class::CERTIFICATE {
            return Kind::of_certificate(self.attributes.number(a::CERTIFICATE_TYPE));
        }
        let key_type = if self.is_key() { Some(self.key_type()?) } else { None };
        Kind::of(self.class(), key_type)
    }
}

/// What a template says of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It must be there.
    Needed,
    /// It may be there.
    May,
    /// It must not be there.
    No,
}

/// What an attribute is when the template does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The object does not have it.
    None,
    /// False.
    False,
    /// True.
    True,
    /// Zero.
    Zero,
    /// Empty.
    Empty,
    /// What the token computes, from the material or from how the object was made.
    Token,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `CKA_` number.
    pub attribute: u64,
    kinds: u16,
    /// In a template of `C_CreateObject`.
    pub imported: Given,
    /// In a template of `C_GenerateKey` or `C_GenerateKeyPair`; and in one of `C_DeriveKey` or
    /// `C_UnwrapKey`, where nothing is needed.
    pub generated: Given,
    /// When the template does not say.
    pub absent: Absent,
}

/// What key types can do that other keys of their kind cannot, and the other way round.
const USAGES: &[(KeyType, &[(u64, bool)])] = &[
    (
        KeyType::ChaCha20,
        &[
            (a::ENCRYPT, true),
            (a::DECRYPT, true),
            (a::WRAP, true),
            (a::UNWRAP, true),
            (a::SIGN, false),
            (a::VERIFY, false),
        ],
    ),
    (
        KeyType::AesXts,
        &[(a::ENCRYPT, true), (a::DECRYPT, true), (a::SIGN, false), (a::VERIFY, false)],
    ),
    // They do nothing else, so that nobody has to ask for it.
    (KeyType::Hkdf, &[(a::DERIVE, true), (a::SIGN, false), (a::VERIFY, false)]),
    (KeyType::EcMontgomery, &[(a::DERIVE, true), (a::SIGN, false), (a::VERIFY, false)]),
];

/// Whether a value has the form that its type asks for.
pub fn is_well_formed(value: &[u8], of: Type) -> bool {
    match of {
        Type::Boolean => matches!(value, [0 | 1]),
        Type::Number => value.len() == 8,
        Type::Bytes => true,
        Type::Date => {
            value.is_empty() || (value.len() == 8 && value.iter().all(u8::is_ascii_digit))
        }
        // An empty list is refused rather than read as "nothing is allowed" or "everything is".
        Type::Mechanisms => !value.is_empty() && value.len().is_multiple_of(8),
        Type::Template => a::nested(value).is_some_and(|list| list.iter().all(is_imposable)),
    }
}

/// Whether a template in an attribute may say that: neither material nor another template.
fn is_imposable(attribute: &Attribute) -> bool {
    a::find(attribute.kind).is_some_and(|row| {
        !row.secret && row.value != Type::Template && is_well_formed(&attribute.value, row.value)
    })
}
