//! Keys in the making: material in secret memory, with what of it is public.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Hash, Parameter, Scheme};
use der::Decode;
use der::asn1::OctetStringRef;

use super::rules::{Draft, Source};
use super::stop::Stop;
use crate::Error;
use crate::crypto::{self, Components, Generate, Generated, Key, KeySpec, ecdsa::Curve, hash};
use crate::object::schema::Kind;
use crate::object::{Attributes, ObjectId, public, spec};
use crate::service::Payload;
use crate::service::object::template;
use crate::vault::{self, Depth, Inside, Public, SecretBytes};

/// Room in the arena that making or importing a key may need: an RSA-8192 key with its temporaries.
pub(super) const ROOM: usize = 192 << 10;

/// A new key.
#[derive(Debug)]
pub(crate) struct Made {
    /// The form at rest.
    pub(super) material: SecretBytes,
    /// What follows from it and may be read: the numbers of a pair, the checksum and length of a secret.
    pub(super) public: Vec<Attribute>,
}

impl Made {
    /// Generates a key.
    ///
    /// # Errors
    ///
    /// What the generator says, or no room.
    pub(super) fn generate(what: Generate) -> Result<Self, Error> {
        let depth = if what.is_slow() { Depth::Large } else { Depth::Small };
        Self::new(depth, |_| Ok(crypto::generate(what)?))
    }

    /// Makes a key by code inside the vault.
    ///
    /// # Errors
    ///
    /// What that code says, or no room.
    pub(super) fn new(
        depth: Depth,
        make: impl FnOnce(&Inside<'_>) -> Result<Generated, Stop>,
    ) -> Result<Self, Error> {
        type Parts = (SecretBytes, Public<Vec<Attribute>>);
        let (material, Public(public)) =
            vault::load_at(depth, ROOM, |inside| -> Result<Parts, Stop> {
                let key = make(inside)?;
                let public = visible(inside, &key)?;
                Ok((SecretBytes::copy_from(inside, &key.material)?, Public(public)))
            })??;
        Ok(Self { material, public })
    }

    /// Takes a key from the values of a template in the payload.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::AttributeValue`] or [`ErrorCode::CurveNotSupported`] where the values are no key.
    pub(super) fn import(draft: &Draft, payload: &Payload<'_>) -> Result<Self, Error> {
        let key_type = public::key_type(&draft.attributes)?;
        // Finding the primes of an RSA key from its exponents needs more than a small stack.
        Self::new(Depth::Large, |inside| {
            let entries = template::entries(payload, inside, 0..payload.len())?;
            let value = |kind| template::value(&entries, kind);
            let needed = |kind| value(kind).ok_or(Stop::about(ErrorCode::TemplateIncomplete, kind));
            let public = |kind| {
                draft.attributes.get(kind).ok_or(Stop::about(ErrorCode::TemplateIncomplete, kind))
            };
            let both = |first, second| Some([value(first)?, value(second)?]);
            let made = match draft.kind {
                Kind::Aes | Kind::Secret => {
                    let spec = draft.secret_spec().ok_or(ErrorCode::Internal)?;
                    crypto::import(spec, needed(a::VALUE)?)
                }
                Kind::EcPrivate => {
                    let curve = Curve::from_ec_params(key_type, public(a::EC_PARAMS)?)?;
                    crypto::import(KeySpec::Ec(curve), needed(a::VALUE)?)
                }
                Kind::RsaPrivate => crypto::import_rsa(&Components {
                    modulus: public(a::MODULUS)?,
                    public_exponent: public(a::PUBLIC_EXPONENT)?,
                    private_exponent: needed(a::PRIVATE_EXPONENT)?,
                    primes: both(a::PRIME_1, a::PRIME_2),
                    exponents: both(a::EXPONENT_1, a::EXPONENT_2),
                    coefficient: value(a::COEFFICIENT),
                }),
                Kind::Data
                | Kind::Certificate
                | Kind::WtlsCertificate
                | Kind::AttributeCertificate
                | Kind::Trust
                | Kind::DomainParameters
                | Kind::Profile
                | Kind::Mechanism
                | Kind::RsaPublic
                | Kind::EcPublic => {
                    return Err(ErrorCode::Internal.into());
                }
            };
            made.map_err(|error| Stop::from(import_code(error)))
        })
    }
}

/// A template has no key of a wrong size, only a wrong value.
pub(super) fn import_code(error: crypto::Error) -> ErrorCode {
    match error {
        crypto::Error::KeySize
        | crypto::Error::KeyInvalid
        | crypto::Error::Parameter
        | crypto::Error::DataLength
        | crypto::Error::DataInvalid => ErrorCode::AttributeValue,
        other => Error::from(other).code(),
    }
}

/// What of a key is public.
fn visible(inside: &Inside<'_>, made: &Generated) -> Result<Vec<Attribute>, Stop> {
    if let Some(key) = &made.public {
        return Ok(inside.outside(|| public::attributes_of(key))?);
    }
    let checksum = checksum(made)?;
    let length = made.material.len() as u64;
    Ok(inside.outside(|| {
        vec![Attribute::bytes(a::CHECK_VALUE, checksum), Attribute::number(a::VALUE_LEN, length)]
    }))
}

/// The checksum of a secret key (PKCS#11 3.1 section 4.10.2): what it makes of a zero block, or its SHA-1.
fn checksum(made: &Generated) -> Result<[u8; 3], Stop> {
    let full = match made.spec {
        KeySpec::Aes => {
            let key = Key::parse(KeySpec::Aes, &made.material)?;
            crypto::encrypt(&key, Scheme::AesCbc, &Parameter::Iv([0; 16]), &[0; 16])?
        }
        KeySpec::AesXts
        | KeySpec::Sm4
        | KeySpec::Secret
        | KeySpec::Rsa
        | KeySpec::Ec(_)
        | KeySpec::Sm2 => hash::digest(Hash::Sha1, &made.material),
    };
    full.first_chunk().copied().ok_or(ErrorCode::Internal.into())
}

impl Draft {
    /// How the material of a secret key is read; `None` for other kinds.
    pub(super) fn secret_spec(&self) -> Option<KeySpec> {
        let key_type = public::key_type(&self.attributes).ok();
        match self.kind {
            Kind::Aes => Some(KeySpec::Aes),
            Kind::Secret if key_type == Some(KeyType::AesXts) => Some(KeySpec::AesXts),
            Kind::Secret => Some(KeySpec::Secret),
            _ => None,
        }
    }

    /// Takes over what the key itself says, and refuses a template that says otherwise.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::AttributeValue`].
    pub(super) fn adopt(&mut self, public: &[Attribute]) -> Result<(), Error> {
        for own in public {
            if self.kind.row(own.kind).is_none() {
                continue;
            }
            match self.attributes.get(own.kind) {
                // An empty checksum means that none is wanted, an empty public key that it is to be found out.
                Some([]) if own.kind == a::CHECK_VALUE => {}
                Some([]) if own.kind == a::PUBLIC_KEY_INFO => self.attributes.set(own.clone()),
                Some(given) if !is_same(own, given) => {
                    let name = a::find(own.kind).map_or("", |row| row.name);
                    return Err(Error::about(ErrorCode::AttributeValue, name));
                }
                _ => self.attributes.set(own.clone()),
            }
        }
        if self.kind == Kind::RsaPublic {
            let bits = self.attributes.get(a::MODULUS).map_or(0, spec::bit_length) as u64;
            if self.attributes.number(a::MODULUS_BITS).is_some_and(|given| given != bits) {
                return Err(Error::about(ErrorCode::AttributeValue, "CKA_MODULUS_BITS"));
            }
            self.attributes.set(Attribute::number(a::MODULUS_BITS, bits));
        }
        Ok(())
    }

    /// Sets what only the token sets. Both halves of a pair share the default of `CKA_ID`: the key's id.
    pub(super) fn finish(&mut self, id: ObjectId, key: ObjectId, source: Source) {
        let attributes: &mut Attributes = &mut self.attributes;
        attributes.set(Attribute::bytes(a::UNIQUE_ID, id.to_string()));
        if !self.kind.is_key() {
            return;
        }
        attributes.set_default(Attribute::bytes(a::ID, key.0));
        let (local, mechanism) = match source {
            Source::Imported | Source::Derived { .. } | Source::Unwrapped => (false, u64::MAX),
            Source::Generated(mechanism) => (true, mechanism),
        };
        attributes.set(Attribute::boolean(a::LOCAL, local));
        attributes.set(Attribute::number(a::KEY_GEN_MECHANISM, mechanism));
        if self.kind.has_material() {
            let (was_sensitive, was_kept) = match source {
                Source::Imported | Source::Unwrapped => (false, false),
                Source::Generated(_) => (true, true),
                Source::Derived { sensitive, kept } => (sensitive, kept),
            };
            let sensitive = was_sensitive && attributes.flag(a::SENSITIVE);
            let kept = was_kept && !attributes.flag(a::EXTRACTABLE);
            attributes.set(Attribute::boolean(a::ALWAYS_SENSITIVE, sensitive));
            attributes.set(Attribute::boolean(a::NEVER_EXTRACTABLE, kept));
        }
    }
}

/// Whether a given value means the computed one: numbers may have leading zeros, and a point may come raw.
fn is_same(own: &Attribute, given: &[u8]) -> bool {
    match own.kind {
        a::MODULUS | a::PUBLIC_EXPONENT => {
            let zeros = given.iter().take_while(|byte| **byte == 0).count();
            given[zeros..] == own.value
        }
        a::EC_POINT => {
            given == own.value
                || is_octet_string(&own.value, given)
                || is_octet_string(given, &own.value)
        }
        a::EC_PARAMS => is_one_curve(&own.value, given),
        _ => given == own.value,
    }
}

/// Whether two values of `CKA_EC_PARAMS` name one curve.
fn is_one_curve(own: &[u8], given: &[u8]) -> bool {
    let named = |der| Curve::all().find(|curve| curve.is_named(der));
    own == given || named(own).is_some_and(|curve| named(given) == Some(curve))
}

/// Whether `der` is an OCTET STRING around `content`.
fn is_octet_string(der: &[u8], content: &[u8]) -> bool {
    <&OctetStringRef>::from_der(der).is_ok_and(|string| string.as_bytes() == content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        vault::init_for_tests();
        let made = |spec, bytes: Vec<u8>| {
            Made::new(Depth::Large, |_| Ok(crypto::import(spec, &bytes)?)).unwrap().public
        };
        // FIPS 197 has no zero vector; this is AES-128 with a zero key over a zero block (SP 800-38D, test case 1: H).
        let aes = made(KeySpec::Aes, vec![0; 16]);
        assert_eq!(aes[0], Attribute::bytes(a::CHECK_VALUE, [0x66, 0xe9, 0x4b]));
        assert_eq!(aes[1], Attribute::number(a::VALUE_LEN, 16));
        // FIPS 180-4: SHA-1 of "abc".
        let secret = made(KeySpec::Secret, b"abc".to_vec());
        assert_eq!(secret[0], Attribute::bytes(a::CHECK_VALUE, [0xa9, 0x99, 0x3e]));
    }

    #[test]
    fn a_made_key_tells_its_numbers_and_keeps_its_material() {
        vault::init_for_tests();
        let what = Generate::Ec(Curve::P256);
        // The first use of a curve computes its tables on the stack; otherwise the self-test at the start is that.
        assert!(vault::run(Depth::Large, |_| crypto::generate(what).is_ok()).unwrap());
        let made = Made::generate(what).unwrap();
        assert_eq!(made.material.len(), 32);
        let key_type = Attribute::number(a::KEY_TYPE, 3);
        let attributes = Attributes::from_list(made.public.into_iter().chain([key_type]));
        let point = attributes.get(a::EC_POINT).unwrap();
        assert_eq!((point.len(), &point[..3]), (67, &[4, 65, 4][..]));
        assert!(public::key_of(&attributes).is_ok());
        assert!(attributes.get(a::PUBLIC_KEY_INFO).is_some());
    }

    #[test]
    fn numbers_with_leading_zeros_and_raw_points_mean_the_same() {
        let modulus = Attribute::bytes(a::MODULUS, [5, 6]);
        assert!(is_same(&modulus, &[0, 0, 5, 6]) && is_same(&modulus, &[5, 6]));
        assert!(!is_same(&modulus, &[5, 6, 0]));
        let point = Attribute::bytes(a::EC_POINT, [4, 2, 8, 9]);
        assert!(
            is_same(&point, &[4, 2, 8, 9]) && is_same(&point, &[8, 9]) && !is_same(&point, &[9])
        );
    }
}
