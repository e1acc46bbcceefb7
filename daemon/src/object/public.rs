//! Public keys as attributes, and back.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self, Attribute};
use coffer_protocol::key_type::KeyType;

use super::Attributes;
use crate::Error;
use crate::crypto::{self, PublicKey, ecdsa::Curve};

/// The attributes that a public key has from its numbers; its private half has the same.
///
/// # Errors
///
/// [`crypto::Error::Internal`] where the key cannot be encoded.
pub fn attributes_of(key: &PublicKey) -> Result<Vec<Attribute>, crypto::Error> {
    let mut attributes = vec![Attribute::bytes(attribute::PUBLIC_KEY_INFO, key.to_spki()?)];
    if let Some((modulus, exponent)) = key.rsa_numbers() {
        attributes.push(Attribute::bytes(attribute::MODULUS, modulus));
        attributes.push(Attribute::bytes(attribute::PUBLIC_EXPONENT, exponent));
    }
    if let (Some(curve), Some(point)) = (key.curve(), key.point()) {
        attributes.push(Attribute::bytes(attribute::EC_PARAMS, curve.ec_params()));
        attributes.push(Attribute::bytes(attribute::EC_POINT, curve.ec_point(&point)));
    }
    Ok(attributes)
}

/// The public key that attributes of an RSA or EC key describe.
///
/// # Errors
///
/// What is wrong with the numbers.
pub fn key_of(attributes: &Attributes) -> Result<PublicKey, Error> {
    let get = |kind| attributes.get(kind);
    if let (Some(modulus), Some(exponent)) =
        (get(attribute::MODULUS), get(attribute::PUBLIC_EXPONENT))
    {
        return Ok(PublicKey::rsa(modulus, exponent)?);
    }
    match (get(attribute::EC_PARAMS), get(attribute::EC_POINT)) {
        (Some(params), Some(point)) => {
            Ok(PublicKey::ec(Curve::from_ec_params(key_type(attributes)?, params)?, point)?)
        }
        _ => Err(crypto::Error::KeyInvalid.into()),
    }
}

/// The type of the key that the attributes are of.
///
/// # Errors
///
/// [`ErrorCode::Internal`] where they do not say.
pub fn key_type(attributes: &Attributes) -> Result<KeyType, Error> {
    let number = attributes.number(attribute::KEY_TYPE);
    Ok(number.and_then(KeyType::from_ckk).ok_or(ErrorCode::Internal)?)
}
