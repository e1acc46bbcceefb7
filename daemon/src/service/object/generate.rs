//! GenerateKey and GenerateKeyPair.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{
    CallError, Function, MAX_ITERATIONS, Mechanism, MechanismCall, Parameter, Pbkdf2, Scheme,
};
use coffer_protocol::operation::object::{
    GenerateKey, GenerateKeyPair, GeneratedKeyPair, MAX_PASSWORD, ObjectDescription,
};
use coffer_protocol::weak::Doing;

use super::made::Made;
use super::place::{self, New, NewMaterial};
use super::rules::{Draft, Implied, Source};
use super::template::{self, Template};
use super::{Context, describe};
use crate::Error;
use crate::crypto::{self, Generate, KeySpec, ecdsa::Curve, rsa_key};
use crate::object::{ObjectId, class, public};
use crate::service::{Answer, Authorized, Handle, Service, weak};
use crate::vault::Depth;

/// The row of a mechanism that has that function, and the parameter, which few of them take.
fn mechanism(
    call: &MechanismCall,
    function: Function,
) -> Result<(&'static Mechanism, Parameter), Error> {
    let (mechanism, parameter) = call.parse().map_err(|error| match error {
        CallError::Mechanism => ErrorCode::MechanismInvalid,
        CallError::Parameter => ErrorCode::MechanismParameter,
    })?;
    if mechanism.functions.contains(function) {
        Ok((mechanism, parameter))
    } else {
        Err(ErrorCode::MechanismInvalid.into())
    }
}

fn implied(class: u64, mechanism: &Mechanism, template: &Template) -> Implied {
    // What may have several types is a generic secret where the template does not say.
    let key_type = match mechanism.key_types {
        [only] => Some(*only),
        _ if template.has(a::KEY_TYPE) => None,
        several => several.first().copied(),
    };
    Implied { class: Some(class), key_type }
}

fn wrong(name: &'static str) -> Error {
    Error::about(ErrorCode::AttributeValue, name)
}

/// What to generate for a secret key.
fn secret(mechanism: &Mechanism, draft: &Draft) -> Result<Generate, Error> {
    let length = draft.attributes.number(a::VALUE_LEN).unwrap_or(0);
    let bytes = usize::try_from(length).ok().filter(|bytes| *bytes <= crypto::key::MAX_SECRET);
    let bytes = bytes.ok_or_else(|| wrong("CKA_VALUE_LEN"))?;
    if !mechanism.key_size.contains_bits(bytes * 8) {
        return Err(wrong("CKA_VALUE_LEN"));
    }
    let key_type = public::key_type(&draft.attributes)?;
    if !mechanism.fits(key_type) {
        return Err(Error::about(ErrorCode::TemplateInconsistent, "CKA_KEY_TYPE"));
    }
    match draft.secret_spec() {
        Some(KeySpec::Aes) if !matches!(bytes, 16 | 24 | 32) => Err(wrong("CKA_VALUE_LEN")),
        Some(KeySpec::Aes) => Ok(Generate::Aes { bits: bytes * 8 }),
        Some(KeySpec::AesXts) => Ok(Generate::AesXts { bits: bytes * 8 }),
        _ => Ok(Generate::Secret { bytes }),
    }
}

/// What to generate for a pair.
fn pair(service: &Service, mechanism: &Mechanism, draft: &Draft) -> Result<Generate, Error> {
    let doing = Doing::Function(Function::GenerateKeyPair);
    weak::check_new(service, &draft.attributes, doing)?;
    if mechanism.scheme == Scheme::EcKeyPairGen {
        let params = draft.attributes.get(a::EC_PARAMS).unwrap_or_default();
        let key_type = public::key_type(&draft.attributes)?;
        return Ok(Generate::Ec(Curve::from_ec_params(key_type, params)?));
    }
    let bits = draft.attributes.number(a::MODULUS_BITS).unwrap_or(0);
    let bits = usize::try_from(bits).map_err(|_| wrong("CKA_MODULUS_BITS"))?;
    if !mechanism.key_size.contains_bits(bits) || !bits.is_multiple_of(64) {
        return Err(wrong("CKA_MODULUS_BITS"));
    }
    let exponent = match draft.attributes.get(a::PUBLIC_EXPONENT) {
        None => rsa_key::DEFAULT_EXPONENT,
        Some(bytes) => exponent(bytes).ok_or_else(|| wrong("CKA_PUBLIC_EXPONENT"))?,
    };
    Ok(Generate::Rsa { bits, exponent })
}

/// A public exponent as FIPS 186-5 section A.1.1 wants it, within what the implementation takes.
fn exponent(bytes: &[u8]) -> Option<u64> {
    let start = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[start..];
    let mut full = [0; 8];
    full.get_mut(8_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    let exponent = u64::from_be_bytes(full);
    (rsa_key::DEFAULT_EXPONENT..1 << 33)
        .contains(&exponent)
        .then_some(exponent)
        .filter(|exponent| !exponent.is_multiple_of(2))
}

/// Bytes of the template in the payload, in front of the password.
fn template_length(request: &GenerateKey, payload: usize) -> Result<usize, Error> {
    let password = request.password_length as usize;
    Ok(payload.checked_sub(password).ok_or(ErrorCode::Malformed)?)
}

impl Handle for GenerateKey {
    type Plan = (Draft, Generate, Option<Pbkdf2>);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        if self.password_length as usize > MAX_PASSWORD {
            return Err(ErrorCode::MechanismParameter.into());
        }
        template::validate(template_length(self, payload_length)?)
    }

    fn check(call: &Authorized<'_, Self>, _service: &Service) -> Result<Self::Plan, Error> {
        let (request, payload) = (call.request(), call.payload());
        let context = Context::of(call, request.session)?;
        let (mechanism, parameter) = mechanism(&request.mechanism, Function::Generate)?;
        let length = template_length(request, payload.len())?;
        let from_password = match parameter {
            Parameter::Pbkdf2(parameter) => Some(parameter),
            _ if length == payload.len() => None,
            _ => return Err(ErrorCode::Malformed.into()),
        };
        let template = Template::read(payload, 0..length)?;
        let implied = implied(class::SECRET_KEY, mechanism, &template);
        let draft =
            Draft::new(&template, implied, Source::Generated(mechanism.ckm), &context.session)?;
        let what = secret(mechanism, &draft)?;
        if let Some(parameter) = &from_password {
            let length = draft.attributes.number(a::VALUE_LEN).unwrap_or(u64::MAX);
            let blocks = length.div_ceil(parameter.hash.len() as u64);
            if blocks.saturating_mul(parameter.iterations.into()) > MAX_ITERATIONS.into() {
                return Err(ErrorCode::MechanismParameter.into());
            }
        }
        Ok((draft, what, from_password))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (mut draft, what, from_password): Self::Plan,
        service: &Service,
    ) -> Result<Answer<ObjectDescription>, Error> {
        let context = Context::of(&call, call.request().session)?;
        let made = match from_password {
            None => Made::generate(what)?,
            Some(parameter) => {
                // It may take seconds.
                let _permit = service.generations.acquire(call.caller().uid);
                let payload = call.payload();
                let start = template_length(call.request(), payload.len())?;
                Made::new(Depth::Small, |inside| {
                    let password =
                        payload.bytes(inside).get(start..).ok_or(ErrorCode::Malformed)?;
                    let (spec, length) = match what {
                        Generate::Aes { bits } => (KeySpec::Aes, bits / 8),
                        Generate::Secret { bytes } => (KeySpec::Secret, bytes),
                        _ => return Err(ErrorCode::Internal.into()),
                    };
                    let bytes = crypto::pbkdf2(&parameter, password, length)?;
                    Ok(crypto::import(spec, &bytes)?)
                })?
            }
        };
        draft.adopt(&made.public)?;
        let id = ObjectId::random();
        draft.finish(id, id, Source::Generated(call.request().mechanism.mechanism));
        let new = New { id, attributes: draft.attributes, material: Some(made).into() };
        let objects =
            place::put(service, call.caller(), context.application, &context.session, vec![new])?;
        describe::only(service, &context, &objects)
    }
}

impl Handle for GenerateKeyPair {
    type Plan = (Draft, Draft, Generate);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        let public = usize::try_from(self.public_length).unwrap_or(usize::MAX);
        let private = payload_length.checked_sub(public).ok_or(ErrorCode::Malformed)?;
        template::validate(public)?;
        template::validate(private)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let (request, payload) = (call.request(), call.payload());
        let context = Context::of(call, request.session)?;
        let (mechanism, _) = mechanism(&request.mechanism, Function::GenerateKeyPair)?;
        let middle = usize::try_from(request.public_length).unwrap_or(usize::MAX);
        let source = Source::Generated(mechanism.ckm);
        let draft = |range, class| {
            let template = Template::read(payload, range)?;
            let implied = implied(class, mechanism, &template);
            Draft::new(&template, implied, source, &context.session)
        };
        let mut public = draft(0..middle, class::PUBLIC_KEY)?;
        let mut private = draft(middle..payload.len(), class::PRIVATE_KEY)?;
        let what = pair(service, mechanism, &public)?;
        let params = private.attributes.get(a::EC_PARAMS);
        if params.is_some_and(|params| Some(params) != public.attributes.get(a::EC_PARAMS)) {
            return Err(Error::about(ErrorCode::TemplateInconsistent, "CKA_EC_PARAMS"));
        }
        share_id(&mut public, &mut private);
        Ok((public, private, what))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (mut public, mut private, what): Self::Plan,
        service: &Service,
    ) -> Result<Answer<GeneratedKeyPair>, Error> {
        let context = Context::of(&call, call.request().session)?;
        let made = {
            let _permit = what.is_slow().then(|| service.generations.acquire(call.caller().uid));
            Made::generate(what)?
        };
        let (id, public_id) = (ObjectId::random(), ObjectId::random());
        let source = Source::Generated(call.request().mechanism.mechanism);
        for (draft, own) in [(&mut public, public_id), (&mut private, id)] {
            draft.adopt(&made.public)?;
            draft.finish(own, id, source);
        }
        let halves = vec![
            New { id: public_id, attributes: public.attributes, material: NewMaterial::None },
            New { id, attributes: private.attributes, material: Some(made).into() },
        ];
        let objects =
            place::put(service, call.caller(), context.application, &context.session, halves)?;
        let mut described = objects.iter().map(|object: &Arc<_>| {
            describe::describe(service, object, context.application.handle_of(object))
        });
        match (described.next(), described.next()) {
            (Some(public), Some(private)) => Ok(Answer::new(GeneratedKeyPair { public, private })),
            _ => Err(ErrorCode::Internal.into()),
        }
    }
}

/// A `CKA_ID` that only one template names is meant for the pair: clients find one half by that of the other.
fn share_id(public: &mut Draft, private: &mut Draft) {
    let given = |draft: &Draft| draft.attributes.get(a::ID).map(<[u8]>::to_vec);
    match (given(public), given(private)) {
        (Some(id), None) => private.attributes.set(Attribute::bytes(a::ID, id)),
        (None, Some(id)) => public.attributes.set(Attribute::bytes(a::ID, id)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_odd_and_neither_small_nor_huge() {
        assert_eq!(exponent(&[1, 0, 1]), Some(65537));
        assert_eq!(exponent(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 1]), Some(65537));
        for bad in [&[][..], &[3], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1; 9]] {
            assert_eq!(exponent(bad), None, "{bad:?}");
        }
    }
}
