//! Weak keys, as `keys.weak` of the configuration has it: the checks of handlers. What is weak and what may be done
//! with it stands in [`coffer_protocol::weak`].

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute as a;
use coffer_protocol::key_type::KeyType;
use coffer_protocol::weak::Doing;

use super::Service;
use crate::Error;
use crate::crypto::ecdsa::Curve;
use crate::object::{Attributes, Object, public, spec};

/// Whether an object may be used for that.
///
/// # Errors
///
/// [`ErrorCode::KeySize`].
pub(super) fn check(service: &Service, object: &Object, doing: Doing) -> Result<(), Error> {
    let Some(key_type) = object.key_type() else { return Ok(()) };
    let allowed = service.config.keys.weak.allows(doing, key_type, object.key_bits());
    if allowed { Ok(()) } else { Err(ErrorCode::KeySize.into()) }
}

/// Whether a key with those attributes may come in, or be made by a function.
///
/// # Errors
///
/// [`ErrorCode::AttributeValue`] that names the attribute that has the size, or [`ErrorCode::CurveNotSupported`]:
/// what makes objects has no code for sizes (PKCS#11 3.1 sections 5.7 and 5.18).
pub(super) fn check_new(
    service: &Service,
    attributes: &Attributes,
    doing: Doing,
) -> Result<(), Error> {
    let wrong = |name: &'static str| Error::about(ErrorCode::AttributeValue, name);
    let key_type = public::key_type(attributes)?;
    let (bits, refusal) = match key_type {
        KeyType::Rsa => attributes.get(a::MODULUS).map_or_else(
            || {
                let bits = attributes.number(a::MODULUS_BITS).unwrap_or(0);
                (usize::try_from(bits).unwrap_or(usize::MAX), wrong("CKA_MODULUS_BITS"))
            },
            |modulus| (spec::bit_length(modulus), wrong("CKA_MODULUS")),
        ),
        KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery => {
            let params = attributes.get(a::EC_PARAMS).unwrap_or_default();
            let curve = Curve::from_ec_params(key_type, params)?;
            (curve.bits(), ErrorCode::CurveNotSupported.into())
        }
        KeyType::GenericSecret
        | KeyType::Aes
        | KeyType::AesXts
        | KeyType::Hmac(_)
        | KeyType::HmacSha512T
        | KeyType::ChaCha20
        | KeyType::Hkdf
        | KeyType::Sm2
        | KeyType::Sm4 => return Ok(()),
    };
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    if service.config.keys.weak.allows(doing, key_type, bits) { Ok(()) } else { Err(refusal) }
}
