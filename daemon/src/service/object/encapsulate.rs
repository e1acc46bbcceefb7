//! EncapsulateKey and DecapsulateKey: agreement between a pair made for the purpose and a key pair that stays
//! (PKCS#11 3.2 sections 5.18.8 and 5.18.9, with `CKM_ECDH1_DERIVE`).

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute as a;
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Ecdh, Parameter};
use coffer_protocol::operation::object::{
    DecapsulateKey, EncapsulateKey, EncapsulatedKey, MAX_WRAPPED, ObjectDescription,
};

use super::derive::length;
use super::made::{self, Made};
use super::place::{self, New};
use super::rules::{Draft, Implied, Source};
use super::stop::Stop;
use super::template::{self, Template};
use super::unwrap::{about_unwrapping, extractable};
use super::{Context, describe};
use crate::Error;
use crate::crypto::{self, Base, Generate, Key, KeySpec, ecdsa::Curve};
use crate::object::{KeyPart, ObjectId, class};
use crate::service::cipher::{self, Usable};
use crate::service::{Answer, Authorized, Handle, Payload, Service};
use crate::vault::Depth;

/// More than a point on any curve has bytes.
const LONGEST_POINT: usize = 256;

/// What to agree on with which key.
pub(crate) struct Plan {
    key: Usable,
    curve: Curve,
    ecdh: Ecdh,
    draft: Draft,
    length: usize,
}

impl Plan {
    fn new(
        key: Usable,
        imposing: u64,
        context: &Context<'_>,
        payload: &Payload<'_>,
    ) -> Result<Self, Error> {
        let ecdh = match &key.parameter {
            // The point of the other side is what this is about: the ciphertext.
            Parameter::Ecdh(ecdh) if ecdh.public_data.is_empty() => ecdh.clone(),
            _ => return Err(ErrorCode::MechanismParameter.into()),
        };
        let Some(KeySpec::Ec(curve)) = key.object.spec() else {
            return Err(ErrorCode::KeyTypeInconsistent.into());
        };
        let template = Template::read(payload, 0..payload.len())?
            .under(&key.object, imposing)
            .map_err(|error| match (error.code(), imposing) {
                // Section 5.18.8 says it of the key, section 5.18.9 of the template.
                (ErrorCode::TemplateInconsistent, a::ENCAPSULATE_TEMPLATE) => {
                    ErrorCode::KeyInvalid.into()
                }
                _ => error,
            })?
            .or_else([extractable()]);
        let implied = Implied {
            class: Some(class::SECRET_KEY),
            key_type: (!template.has(a::KEY_TYPE)).then_some(KeyType::GenericSecret),
        };
        let draft = Draft::new(&template, implied, Source::Unwrapped, &context.session)?;
        draft.secret_spec().ok_or(ErrorCode::TemplateInconsistent)?;
        let natural =
            crypto::natural_length(KeySpec::Ec(curve), 0, 0, key.mechanism.scheme, &key.parameter);
        let length = length(&draft, natural)?;
        Ok(Self { key, curve, ecdh, draft, length })
    }

    /// How much stack agreement takes.
    fn depth(&self) -> Depth {
        self.curve.agreement_depth()
    }

    /// The secret of a private key and a point, as a key; for code inside the vault.
    fn agree(&self, key: &Key, point: Vec<u8>) -> Result<crypto::Generated, Stop> {
        let ecdh = Ecdh { public_data: point, ..self.ecdh.clone() };
        let (scheme, parameter) = (self.key.mechanism.scheme, Parameter::Ecdh(ecdh));
        let bytes = crypto::derive(Base { key, value: &[] }, None, scheme, &parameter, self.length)
            .map_err(|error| {
                Stop::from(match error {
                    // What has the wrong length is the key that is wanted.
                    crypto::Error::DataLength => ErrorCode::AttributeValue,
                    crypto::Error::Parameter => ErrorCode::WrappedKeyInvalid,
                    other => Error::from(other).code(),
                })
            })?;
        let spec = self.draft.secret_spec().ok_or(ErrorCode::TemplateInconsistent)?;
        crypto::import(spec, &bytes).map_err(|error| Stop::from(made::import_code(error)))
    }

    /// Puts what was agreed on where the template says.
    fn keep<O>(
        mut self,
        call: &Authorized<'_, O>,
        session: u32,
        service: &Service,
        made: Made,
    ) -> Result<ObjectDescription, Error>
    where
        O: coffer_protocol::operation::Operation,
    {
        let context = Context::of(call, session)?;
        self.draft.adopt(&made.public)?;
        let id = ObjectId::random();
        self.draft.finish(id, id, Source::Unwrapped);
        let new = New { id, attributes: self.draft.attributes, material: Some(made).into() };
        let objects =
            place::put(service, call.caller(), context.application, &context.session, vec![new])?;
        Ok(describe::only(service, &context, &objects)?.meta)
    }
}

impl Handle for EncapsulateKey {
    type Plan = Plan;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let Self { session, mechanism, key } = call.request();
        let context = Context::of(call, *session)?;
        let key =
            cipher::usable_for(call, service, *session, *key, mechanism, cipher::ENCAPSULATE)?;
        Plan::new(key, a::ENCAPSULATE_TEMPLATE, &context, call.payload())
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Plan,
        service: &Service,
    ) -> Result<Answer<EncapsulatedKey>, Error> {
        let KeyPart::Public(peer) = &plan.key.key else {
            return Err(ErrorCode::KeyTypeInconsistent.into());
        };
        let peer = peer.point().ok_or(ErrorCode::KeyTypeInconsistent)?;
        // Has its room before the vault is entered, so that it is ordinary memory.
        let mut ciphertext = Vec::with_capacity(LONGEST_POINT);
        let made = Made::new(plan.depth(), |_| {
            let fresh = crypto::generate(Generate::Ec(plan.curve))?;
            let point = fresh.public.as_ref().and_then(crypto::PublicKey::point);
            ciphertext.extend_from_slice(&point.ok_or(ErrorCode::Internal)?);
            plan.agree(&Key::parse(fresh.spec, &fresh.material)?, peer)
        })?;
        let key = plan.keep(&call, call.request().session, service, made)?;
        Ok(Answer::new(EncapsulatedKey { key, ciphertext }))
    }
}

impl Handle for DecapsulateKey {
    type Plan = Plan;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        if self.ciphertext.len() > MAX_WRAPPED {
            return Err(ErrorCode::WrappedKeyLength.into());
        }
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let Self { session, mechanism, key, ciphertext } = call.request();
        let context = Context::of(call, *session)?;
        let key = cipher::usable_for(call, service, *session, *key, mechanism, cipher::DECAPSULATE)
            .map_err(about_unwrapping)?;
        let plan = Plan::new(key, a::DECAPSULATE_TEMPLATE, &context, call.payload())?;
        if ciphertext.len() != plan.curve.point_len() {
            return Err(ErrorCode::WrappedKeyLength.into());
        }
        Ok(plan)
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Plan,
        service: &Service,
    ) -> Result<Answer<ObjectDescription>, Error> {
        let point = call.request().ciphertext.clone();
        let made = Made::new(plan.depth(), |inside| {
            let key = plan.key.key.secret().map_err(|error| error.code())?;
            plan.agree(key.get(inside), point)
        })?;
        Ok(Answer::new(plan.keep(&call, call.request().session, service, made)?))
    }
}
