//! Which attributes objects have: a row for each attribute and the kinds of object that have it, with what
//! templates must say of it and what it is when they do not (PKCS#11 3.1 section 4).
//!
//! Absent usage attributes are true for what the key type can do, because SunPKCS11 and pkcs11-tool import keys
//! without them. Keys are sensitive and not extractable unless the template says otherwise, as with SoftHSM.

use coffer_protocol::attribute::{self as a, Attribute, Type};
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
}

use Kind::{
    Aes, Certificate, Data, DomainParameters, EcPrivate, EcPublic, Mechanism, Profile, RsaPrivate,
    RsaPublic, Secret, Trust,
};

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
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
    ];

    /// The kind of a class and a key type, if there are such objects.
    pub const fn of(class: u64, key_type: Option<KeyType>) -> Option<Self> {
        Some(match (class, key_type) {
            (class::DATA, None) => Data,
            (class::CERTIFICATE, None) => Certificate,
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
        !matches!(self, Data | Certificate | Trust | DomainParameters | Profile | Mechanism)
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

const DATA: u16 = Data as u16;
const CERT: u16 = Certificate as u16;
const RPUB: u16 = RsaPublic as u16;
const RPRI: u16 = RsaPrivate as u16;
const EPUB: u16 = EcPublic as u16;
const EPRI: u16 = EcPrivate as u16;
const AES: u16 = Aes as u16;
const SECR: u16 = Secret as u16;
const TRST: u16 = Trust as u16;
const DOMA: u16 = DomainParameters as u16;
const PROF: u16 = Profile as u16;
const MECH: u16 = Mechanism as u16;
const PUB: u16 = RPUB | EPUB;
const PRI: u16 = RPRI | EPRI;
const SEC: u16 = AES | SECR;
const KEY: u16 = PUB | PRI | SEC;
const ALL: u16 = KEY | CERT | DATA | TRST | DOMA | PROF | MECH;

macro_rules! rows {
    ($( $attribute:ident $kinds:expr, $imported:ident $generated:ident $absent:ident; )*) => {
        /// Every row. Whatever the attribute table lets nobody set is refused before this table is asked.
        pub const ROWS: &[Row] = &[ $( Row {
            attribute: a::$attribute,
            kinds: $kinds,
            imported: Given::$imported,
            generated: Given::$generated,
            absent: Absent::$absent,
        } ),* ];
    };
}

rows! {
//  attribute                  kinds                import generate absent
    CLASS                      ALL,                 May    May      Token;
    TOKEN                      ALL,                 May    May      False;
    PRIVATE                    ALL & !PRI & !SEC,   May    May      False;
    PRIVATE                    PRI | SEC,           May    May      True;
    LABEL                      ALL,                 May    May      Empty;
    UNIQUE_ID                  ALL,                 No     No       Token;
    MODIFIABLE                 ALL,                 May    May      True;
    COPYABLE                   ALL,                 May    May      True;
    DESTROYABLE                ALL,                 May    May      True;

    APPLICATION                DATA,                May    May      Empty;
    OBJECT_ID                  DATA,                May    May      Empty;
    VALUE_LEN                  DATA,                No     May      None;
    VALUE                      DATA,                May    No       Empty;

    CERTIFICATE_TYPE           CERT,                May    No       Zero;
    VALUE                      CERT,                Needed No       None;
    ISSUER                     CERT,                May    No       Token;
    SERIAL_NUMBER              CERT,                May    No       Token;
    CERTIFICATE_CATEGORY       CERT,                May    No       Zero;
    JAVA_MIDP_SECURITY_DOMAIN  CERT,                May    No       Zero;
    URL                        CERT,                May    No       Empty;
    HASH_OF_SUBJECT_PUBLIC_KEY CERT,                May    No       Empty;
    HASH_OF_ISSUER_PUBLIC_KEY  CERT,                May    No       Empty;
    NAME_HASH_ALGORITHM        CERT,                May    No       None;
    ID                         CERT,                May    No       Empty;

    ISSUER                     TRST,                Needed No       None;
    SERIAL_NUMBER              TRST,                Needed No       None;
    HASH_OF_CERTIFICATE        TRST,                May    No       Empty;
    NAME_HASH_ALGORITHM        TRST,                May    No       None;
    TRUST_SERVER_AUTH          TRST,                May    No       Zero;
    TRUST_CLIENT_AUTH          TRST,                May    No       Zero;
    TRUST_CODE_SIGNING         TRST,                May    No       Zero;
    TRUST_EMAIL_PROTECTION     TRST,                May    No       Zero;
    TRUST_IPSEC_IKE            TRST,                May    No       Zero;
    TRUST_TIME_STAMPING        TRST,                May    No       Zero;
    TRUST_OCSP_SIGNING         TRST,                May    No       Zero;

    KEY_TYPE                   DOMA,                Needed No       None;
    PRIME                      DOMA,                Needed No       None;
    BASE                       DOMA,                Needed No       None;
    SUBPRIME                   DOMA,                May    No       None;
    PRIME_BITS                 DOMA,                No     No       Token;
    SUBPRIME_BITS              DOMA,                No     No       Token;
    LOCAL                      DOMA,                No     No       False;

    PROFILE_ID                 PROF,                No     No       Token;
    MECHANISM_TYPE             MECH,                No     No       Token;

    KEY_TYPE                   KEY,                 May    May      Token;
    ID                         KEY,                 May    May      Token;
    SUBJECT                    PUB | PRI,           May    May      Empty;
    SUBJECT                    CERT,                May    No       Token;
    START_DATE                 KEY | CERT,          May    May      Empty;
    END_DATE                   KEY | CERT,          May    May      Empty;
    TRUSTED                    PUB | SEC | CERT,    May    May      False;
    CHECK_VALUE                SEC | CERT,          May    May      Token;
    PUBLIC_KEY_INFO            PUB | PRI | CERT,    May    No       Token;
    ALLOWED_MECHANISMS         KEY,                 May    May      None;
    WRAP_TEMPLATE              PUB | SEC,           May    May      None;
    UNWRAP_TEMPLATE            PRI | SEC,           May    May      None;
    DERIVE_TEMPLATE            PRI | SEC,           May    May      None;
    ENCAPSULATE_TEMPLATE       PUB,                 May    May      None;
    DECAPSULATE_TEMPLATE       PRI,                 May    May      None;
    LOCAL                      KEY,                 No     No       Token;
    KEY_GEN_MECHANISM          KEY,                 No     No       Token;

    ENCRYPT                    RPUB | AES,          May    May      True;
    ENCRYPT                    EPUB | SECR,         May    May      False;
    DECRYPT                    RPRI | AES,          May    May      True;
    DECRYPT                    EPRI | SECR,         May    May      False;
    SIGN                       PRI | SECR,          May    May      True;
    SIGN                       AES,                 May    May      True;
    SIGN_RECOVER               RPRI,                May    May      True;
    SIGN_RECOVER               EPRI,                May    May      False;
    VERIFY                     PUB | SECR,          May    May      True;
    VERIFY                     AES,                 May    May      True;
    VERIFY_RECOVER             RPUB,                May    May      True;
    VERIFY_RECOVER             EPUB,                May    May      False;
    WRAP                       RPUB | AES,          May    May      True;
    WRAP                       EPUB | SECR,         May    May      False;
    UNWRAP                     RPRI | AES,          May    May      True;
    UNWRAP                     EPRI | SECR,         May    May      False;
    DERIVE                     KEY,                 May    May      False;
    ENCAPSULATE                PUB,                 May    May      False;
    DECAPSULATE                PRI,                 May    May      False;

    SENSITIVE                  PRI | SEC,           May    May      True;
    EXTRACTABLE                PRI | SEC,           May    May      False;
    ALWAYS_SENSITIVE           PRI | SEC,           No     No       Token;
    NEVER_EXTRACTABLE          PRI | SEC,           No     No       Token;
    WRAP_WITH_TRUSTED          PRI | SEC,           May    May      False;
    ALWAYS_AUTHENTICATE        PRI,                 May    May      False;

    MODULUS                    RPUB | RPRI,         Needed No       Token;
    MODULUS_BITS               RPUB,                May    Needed   Token;
    PUBLIC_EXPONENT            RPUB,                Needed May      Token;
    PUBLIC_EXPONENT            RPRI,                Needed No       Token;
    PRIVATE_EXPONENT           RPRI,                Needed No       None;
    PRIME_1                    RPRI,                May    No       None;
    PRIME_2                    RPRI,                May    No       None;
    EXPONENT_1                 RPRI,                May    No       None;
    EXPONENT_2                 RPRI,                May    No       None;
    COEFFICIENT                RPRI,                May    No       None;
    EC_PARAMS                  EPUB,                Needed Needed   Token;
    EC_PARAMS                  EPRI,                Needed May      Token;
    EC_POINT                   EPUB,                Needed No       Token;
    EC_POINT                   EPRI,                May    No       Token;
    VALUE                      EPRI | SEC,          Needed No       None;
    VALUE_LEN                  SEC,                 May    Needed   Token;
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_has_one_row_at_most_for_a_kind_of_object() {
        for kind in Kind::ALL {
            for row in kind.rows() {
                let same = kind.rows().filter(|other| other.attribute == row.attribute).count();
                assert_eq!(same, 1, "{kind:?} {:#x}", row.attribute);
            }
        }
    }

    #[test]
    fn every_attribute_of_the_attribute_table_belongs_to_some_kind() {
        for row in a::ALL {
            assert!(Kind::ALL.iter().any(|kind| kind.row(row.kind).is_some()), "{}", row.name);
        }
    }

    #[test]
    fn what_nobody_may_set_is_in_no_template_and_defaults_have_their_type() {
        for row in ROWS {
            let table = a::find(row.attribute).unwrap();
            if table.set == a::Set::Never {
                assert_eq!((row.imported, row.generated), (Given::No, Given::No), "{}", table.name);
            }
            match row.absent {
                Absent::False | Absent::True => assert_eq!(table.value, Type::Boolean),
                Absent::Zero => assert_eq!(table.value, Type::Number),
                Absent::Empty => assert!(matches!(table.value, Type::Bytes | Type::Date)),
                Absent::None | Absent::Token => {}
            }
        }
    }

    #[test]
    fn material_is_secret_in_keys_only() {
        assert!(Kind::Aes.is_secret(a::VALUE) && Kind::EcPrivate.is_secret(a::VALUE));
        assert!(!Kind::Certificate.is_secret(a::VALUE) && !Kind::Data.is_secret(a::VALUE));
        assert!(!Kind::RsaPrivate.is_secret(a::MODULUS));
    }

    #[test]
    fn a_key_without_attributes_is_private_sensitive_and_not_extractable() {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.has_material()) {
            let mut attributes = Attributes::default();
            kind.complete(&mut attributes);
            assert!(attributes.flag(a::PRIVATE) && attributes.flag(a::SENSITIVE));
            assert!(!attributes.flag(a::EXTRACTABLE) && !attributes.flag(a::TOKEN));
        }
    }

    #[test]
    fn values_have_the_form_of_their_type() {
        assert!(is_well_formed(&[1], Type::Boolean) && !is_well_formed(&[2], Type::Boolean));
        assert!(!is_well_formed(&[0; 4], Type::Number) && is_well_formed(&[0; 8], Type::Number));
        assert!(is_well_formed(b"", Type::Date) && is_well_formed(b"20301231", Type::Date));
        assert!(
            !is_well_formed(b"2030123", Type::Date) && !is_well_formed(b"2030-1-1", Type::Date)
        );
        assert!(
            !is_well_formed(b"", Type::Mechanisms) && !is_well_formed(&[0; 9], Type::Mechanisms)
        );
    }
}
