//! Every attribute of every class of object and type of key, where the template says as little as it may (PKCS#11 3.2
//! section 4): what is not in these tables, the object does not have.

use coffer_protocol::ErrorCode as E;
use coffer_protocol::attribute as a;
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{self, Function};

use super::subject::{self, By, DOMAIN, MECHANISM, PROFILE, Subject, TRUST};
use super::support::*;

/// What an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    No,
    Yes,
    /// Nothing: a string or a date.
    Empty,
    /// Something that is not empty.
    Some,
    Number(u64),
    /// There, and not told.
    Hidden,
}

use Is::{Empty, Hidden, No, Number, Some as Any, Yes};

const ALL: &[u64] =
    &[DATA, CERTIFICATE, PUBLIC, PRIVATE, SECRET, DOMAIN, MECHANISM, PROFILE, TRUST];
const KEYS: &[u64] = &[PUBLIC, PRIVATE, SECRET];
const OWN: &[u64] = &[PRIVATE, SECRET];
const BUILTIN: &[u64] = &[MECHANISM, PROFILE];

/// What does not depend on the type of a key. A later row goes before an earlier one.
const ROWS: &[(&[u64], u64, Is)] = &[
    (ALL, a::CLASS, Any),
    (ALL, a::TOKEN, No),
    (ALL, a::PRIVATE, No),
    (ALL, a::LABEL, Empty),
    (ALL, a::UNIQUE_ID, Any),
    (ALL, a::MODIFIABLE, Yes),
    (ALL, a::COPYABLE, Yes),
    (ALL, a::DESTROYABLE, Yes),
    (OWN, a::PRIVATE, Yes),
    (BUILTIN, a::TOKEN, Yes),
    (BUILTIN, a::MODIFIABLE, No),
    (BUILTIN, a::COPYABLE, No),
    (BUILTIN, a::DESTROYABLE, No),
    (&[PROFILE], a::PROFILE_ID, Number(1)),
    (&[MECHANISM], a::MECHANISM_TYPE, Any),
    (&[DATA], a::APPLICATION, Empty),
    (&[DATA], a::OBJECT_ID, Empty),
    (&[DATA], a::VALUE, Empty),
    (&[CERTIFICATE], a::CERTIFICATE_TYPE, Number(0)),
    (&[CERTIFICATE], a::TRUSTED, No),
    (&[CERTIFICATE], a::CERTIFICATE_CATEGORY, Number(0)),
    (&[CERTIFICATE], a::CHECK_VALUE, Any),
    (&[CERTIFICATE], a::START_DATE, Empty),
    (&[CERTIFICATE], a::END_DATE, Empty),
    (&[CERTIFICATE], a::PUBLIC_KEY_INFO, Any),
    (&[CERTIFICATE], a::SUBJECT, Any),
    (&[CERTIFICATE], a::ID, Empty),
    (&[CERTIFICATE], a::ISSUER, Any),
    (&[CERTIFICATE], a::SERIAL_NUMBER, Any),
    (&[CERTIFICATE], a::VALUE, Any),
    (&[CERTIFICATE], a::URL, Empty),
    (&[CERTIFICATE], a::HASH_OF_SUBJECT_PUBLIC_KEY, Empty),
    (&[CERTIFICATE], a::HASH_OF_ISSUER_PUBLIC_KEY, Empty),
    (&[CERTIFICATE], a::JAVA_MIDP_SECURITY_DOMAIN, Number(0)),
    (&[TRUST], a::ISSUER, Any),
    (&[TRUST], a::SERIAL_NUMBER, Any),
    (&[TRUST], a::HASH_OF_CERTIFICATE, Empty),
    (&[TRUST], a::TRUST_SERVER_AUTH, Number(0)),
    (&[TRUST], a::TRUST_CLIENT_AUTH, Number(0)),
    (&[TRUST], a::TRUST_CODE_SIGNING, Number(0)),
    (&[TRUST], a::TRUST_EMAIL_PROTECTION, Number(0)),
    (&[TRUST], a::TRUST_IPSEC_IKE, Number(0)),
    (&[TRUST], a::TRUST_TIME_STAMPING, Number(0)),
    (&[TRUST], a::TRUST_OCSP_SIGNING, Number(0)),
    (&[DOMAIN], a::KEY_TYPE, Any),
    (&[DOMAIN], a::PRIME, Any),
    (&[DOMAIN], a::BASE, Any),
    (&[DOMAIN], a::PRIME_BITS, Number(5)),
    (&[DOMAIN], a::LOCAL, No),
    (KEYS, a::KEY_TYPE, Any),
    (KEYS, a::ID, Any),
    (KEYS, a::START_DATE, Empty),
    (KEYS, a::END_DATE, Empty),
    (KEYS, a::OBJECT_VALIDATION_FLAGS, Number(0)),
    (&[PUBLIC, PRIVATE], a::SUBJECT, Empty),
    (&[PUBLIC, PRIVATE], a::PUBLIC_KEY_INFO, Any),
    (&[PUBLIC, SECRET], a::TRUSTED, No),
    (&[SECRET], a::CHECK_VALUE, Any),
    (&[SECRET], a::VALUE, Hidden),
    (&[SECRET], a::VALUE_LEN, Any),
    (OWN, a::SENSITIVE, Yes),
    (OWN, a::EXTRACTABLE, No),
    (OWN, a::WRAP_WITH_TRUSTED, No),
    (&[PRIVATE], a::ALWAYS_AUTHENTICATE, No),
];

/// Usages, with the function and the classes that have them.
const USAGES: &[(u64, Function, &[u64])] = &[
    (a::ENCRYPT, Function::Encrypt, &[PUBLIC, SECRET]),
    (a::DECRYPT, Function::Decrypt, OWN),
    (a::SIGN, Function::Sign, OWN),
    (a::SIGN_RECOVER, Function::SignRecover, &[PRIVATE]),
    (a::VERIFY, Function::Verify, &[PUBLIC, SECRET]),
    (a::VERIFY_RECOVER, Function::VerifyRecover, &[PUBLIC]),
    (a::WRAP, Function::Wrap, &[PUBLIC, SECRET]),
    (a::UNWRAP, Function::Unwrap, OWN),
    (a::DERIVE, Function::Derive, KEYS),
    (a::ENCAPSULATE, Function::Encapsulate, &[PUBLIC]),
    (a::DECAPSULATE, Function::Decapsulate, &[PRIVATE]),
];

/// What a key may do when nobody says: what there is a mechanism for. Derivation has to be asked for (section 4.8), and
/// so has all that is agreement, unless the key can do nothing else.
fn default_usage(key_type: KeyType, class: u64, function: Function) -> bool {
    let can = |function: Function| {
        let rows = mechanism::ALL.iter();
        rows.filter(|row| row.functions.contains(function))
            .any(|row| row.key_types.contains(&key_type))
    };
    let agrees = key_type.is_pair() && can(Function::Encapsulate);
    match function {
        Function::Derive => {
            let does_else = can(Function::Sign) || can(Function::Encrypt);
            class != PUBLIC && can(function) && !does_else
        }
        Function::Encapsulate | Function::Decapsulate => false,
        Function::Wrap | Function::Unwrap => can(function) && !agrees,
        _ => can(function),
    }
}

/// What a key has of its type.
fn of_type(subject: &Subject, attribute: u64) -> Option<Is> {
    let key_type = subject.key_type?;
    let usage = USAGES.iter().find(|(kind, ..)| *kind == attribute);
    if let Some((_, function, classes)) = usage {
        let may = default_usage(key_type, subject.class, *function);
        return classes.contains(&subject.class).then_some(if may { Yes } else { No });
    }
    let is_private = subject.class == PRIVATE;
    let is_elliptic = subject.class != SECRET && key_type != KeyType::Rsa;
    match attribute {
        a::MODULUS | a::PUBLIC_EXPONENT if key_type == KeyType::Rsa => Some(Any),
        a::MODULUS_BITS if key_type == KeyType::Rsa && !is_private => Some(Number(2048)),
        a::PRIVATE_EXPONENT
        | a::PRIME_1
        | a::PRIME_2
        | a::EXPONENT_1
        | a::EXPONENT_2
        | a::COEFFICIENT
            if key_type == KeyType::Rsa && is_private =>
        {
            Some(Hidden)
        }
        // Some applications look for the point in the private half.
        a::EC_PARAMS | a::EC_POINT if is_elliptic => Some(Any),
        a::VALUE if is_elliptic && is_private => Some(Hidden),
        _ => None,
    }
}

/// What depends on how a key came to be (sections 4.8 and 4.11). A derived one has what its base had, which was
/// sensitive and never left.
fn of_origin(subject: &Subject, attribute: u64) -> Option<Is> {
    subject.key_type?;
    let answer = |yes: bool| Some(if yes { Yes } else { No });
    let is_made = subject.by == By::Generation;
    match attribute {
        a::LOCAL => answer(is_made),
        a::KEY_GEN_MECHANISM => Some(if is_made { Any } else { Number(u64::MAX) }),
        // What came wrapped may leave so again (section 5.18).
        a::EXTRACTABLE if subject.by == By::Unwrapping => Some(Yes),
        a::ALWAYS_SENSITIVE | a::NEVER_EXTRACTABLE if subject.class != PUBLIC => {
            answer(is_made || subject.by == By::Derivation)
        }
        _ => None,
    }
}

fn expected(subject: &Subject, attribute: u64) -> Option<Is> {
    let has = |row: &&(&[u64], u64, Is)| row.0.contains(&subject.class) && row.1 == attribute;
    let of_class = ROWS.iter().rfind(has).map(|row| row.2);
    of_origin(subject, attribute).or_else(|| of_type(subject, attribute)).or(of_class)
}

fn told(answer: &Coded<Vec<u8>>, attribute: u64) -> Option<Is> {
    let kind = a::find(attribute).map(|row| row.value);
    match (answer, kind) {
        (Err(E::AttributeType), _) => None,
        (Err(E::AttributeSensitive), _) => Some(Hidden),
        (Err(other), _) => panic!("{other:?}"),
        (Ok(value), _) if value.is_empty() => Some(Empty),
        (Ok(value), Some(a::Type::Boolean)) => Some(if value == &[1] { Yes } else { No }),
        (Ok(value), Some(a::Type::Number)) => {
            Some(Number(u64::from_le_bytes(value[..].try_into().unwrap())))
        }
        (Ok(_), _) => Some(Any),
    }
}

#[test]
fn every_object_has_the_attributes_of_its_class_and_no_others() {
    let device = Device::new();
    let user = device.user();
    // The attributes of the table, and numbers around them that are none.
    let kinds: Vec<u64> = (0..0x700).chain(0x4000_0200..0x4000_0700).collect();
    assert!(a::ALL.iter().all(|row| kinds.contains(&row.kind)));
    let subjects = subject::all(&user);
    let mut wrong = Vec::new();
    for subject in &subjects {
        for part in kinds.chunks(200) {
            for (kind, answer) in part.iter().zip(user.get(subject.object, part)) {
                let (told, expected) = (told(&answer, *kind), expected(subject, *kind));
                let is_right = match (told, expected) {
                    (Some(Number(_)), Some(Any)) => true,
                    // DSA and X9.42 have a subprime; the exponent of an RSA key may come with its primes.
                    (Some(_), None) if subject.class == DOMAIN => {
                        matches!(*kind, a::SUBPRIME | a::SUBPRIME_BITS)
                    }
                    (told, expected) => told == expected,
                };
                if !is_right {
                    let name = a::find(*kind).map_or("unknown", |row| row.name);
                    wrong.push(format!("{}: {name} is {told:?}, not {expected:?}", subject.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // No kind of key is forgotten here.
    for row in mechanism::ALL {
        for key_type in row.key_types {
            let is_here = subjects.iter().any(|subject| subject.key_type == Some(*key_type));
            assert!(is_here || key_type.ckk().is_none(), "{key_type:?}");
        }
    }
}

#[test]
fn values_that_the_token_computes_are_right() {
    let device = Device::new();
    let user = device.user();
    for subject in subject::all(&user) {
        let id = user.one(subject.object, a::UNIQUE_ID).unwrap();
        assert_eq!(id.len(), 36, "{}", subject.name);
        assert_eq!(
            user.find(&[number(a::CLASS, subject.class), bytes(a::UNIQUE_ID, id)]),
            [subject.object]
        );
        assert_eq!(user.number(subject.object, a::CLASS), Ok(subject.class));
        if let Some(ckk) = subject.key_type.and_then(KeyType::ckk) {
            assert_eq!(user.number(subject.object, a::KEY_TYPE), Ok(ckk));
        }
        if subject.by == By::Generation {
            let made = user.number(subject.object, a::KEY_GEN_MECHANISM).unwrap();
            let row = mechanism::find(made).unwrap();
            assert!(row.key_types.contains(&subject.key_type.unwrap()), "{}", row.name);
        }
    }
}
