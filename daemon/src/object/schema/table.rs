//! The rows: which kinds of object have which attributes.

use coffer_protocol::attribute as a;

use super::Kind::{
    Aes, AttributeCertificate, Certificate, Data, DomainParameters, EcPrivate, EcPublic, Mechanism,
    Profile, RsaPrivate, RsaPublic, Secret, Trust, WtlsCertificate,
};
use super::{Absent, Given, Row};

const DATA: u16 = Data as u16;
const X509: u16 = Certificate as u16;
const WTLS: u16 = WtlsCertificate as u16;
const ATTR: u16 = AttributeCertificate as u16;
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
const CERT: u16 = X509 | WTLS | ATTR;
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
    CERTIFICATE_CATEGORY       CERT,                May    No       Zero;
    VALUE                      CERT,                Needed No       None;
    URL                        X509 | WTLS,         May    No       Empty;
    HASH_OF_SUBJECT_PUBLIC_KEY X509 | WTLS,         May    No       Empty;
    HASH_OF_ISSUER_PUBLIC_KEY  X509 | WTLS,         May    No       Empty;
    NAME_HASH_ALGORITHM        X509 | WTLS,         May    No       None;
    SUBJECT                    X509,                May    No       Token;
    SUBJECT                    WTLS,                Needed No       None;
    ISSUER                     X509,                May    No       Token;
    ISSUER                     WTLS,                May    No       Empty;
    SERIAL_NUMBER              X509,                May    No       Token;
    SERIAL_NUMBER              ATTR,                May    No       Empty;
    ID                         X509,                May    No       Empty;
    JAVA_MIDP_SECURITY_DOMAIN  X509,                May    No       Zero;
    OWNER                      ATTR,                Needed No       None;
    AC_ISSUER                  ATTR,                May    No       Empty;
    ATTR_TYPES                 ATTR,                May    No       Empty;

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
    OBJECT_VALIDATION_FLAGS    KEY,                 No     No       Zero;

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
