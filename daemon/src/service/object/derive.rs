//! DeriveKey.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Parameter, Salt, Scheme};
use coffer_protocol::operation::object::{DeriveKey, ObjectDescription};

use super::made::{self, Made};
use super::place::{self, New};
use super::rules::{Draft, Implied, Source, about};
use super::stop::Stop;
use super::template::{self, Template};
use super::{Context, describe};
use crate::Error;
use crate::crypto::{self, KeySpec, ecdsa::Curve, key::MAX_SECRET};
use crate::object::schema::Kind;
use crate::object::{ObjectId, class};
use crate::service::cipher::{self, Usable};
use crate::service::{Answer, Authorized, Handle, Service};
use crate::vault::{self, Depth, Inside, Public};

/// What to derive from what.
pub(crate) struct Plan {
    base: Usable,
    /// The second key, where the parameter names one.
    other: Option<Usable>,
    draft: Draft,
    source: Source,
    length: usize,
}

impl Plan {
    /// How much stack the derivation takes.
    fn depth(&self) -> Depth {
        match self.base.object.spec() {
            // Agreement on the largest curve does not fit the small stacks.
            Some(KeySpec::Ec(Curve::P521)) => Depth::Large,
            _ => Depth::Small,
        }
    }

    /// The bytes, for code inside the vault.
    fn derive(&self, inside: &Inside<'_>) -> Result<zeroize::Zeroizing<Vec<u8>>, Stop> {
        let Usable { key, mechanism, parameter, .. } = &self.base;
        let base = secret(key)?.get(inside);
        let other = match &self.other {
            Some(other) => Some(secret(&other.key)?.get(inside)),
            None => None,
        };
        crypto::derive(base, other, mechanism.scheme, parameter, self.length).map_err(|error| {
            match error {
                // What has the wrong length is the key that is wanted.
                crypto::Error::DataLength => ErrorCode::KeySize.into(),
                other => other.into(),
            }
        })
    }
}

fn secret(part: &crate::object::KeyPart) -> Result<&crate::object::OpenKey, ErrorCode> {
    part.secret().map(|key| &**key).map_err(|error| error.code())
}

/// The key that the parameter names.
fn named(parameter: &Parameter) -> Option<u32> {
    match parameter {
        Parameter::Hkdf(hkdf) => match hkdf.salt {
            Salt::Key(handle) => Some(handle),
            Salt::None | Salt::Data(_) => None,
        },
        _ => None,
    }
}

/// What the mechanism makes where the template does not say.
fn implied(scheme: Scheme, template: &Template) -> Implied {
    if scheme == Scheme::HkdfData {
        return Implied { class: Some(class::DATA), key_type: None };
    }
    let key_type = (!template.has(a::KEY_TYPE)).then_some(KeyType::GenericSecret);
    Implied { class: Some(class::SECRET_KEY), key_type }
}

/// How many bytes the template asks for, or else the mechanism gives.
fn length(draft: &Draft, base: &Usable) -> Result<usize, Error> {
    let natural = base
        .object
        .spec()
        .and_then(|spec| crypto::natural_length(spec, base.mechanism.scheme, &base.parameter));
    match draft.attributes.number(a::VALUE_LEN) {
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|bytes| (1..=MAX_SECRET).contains(bytes))
            .ok_or_else(|| about(ErrorCode::AttributeValue, a::VALUE_LEN)),
        None => natural.ok_or_else(|| about(ErrorCode::TemplateIncomplete, a::VALUE_LEN)),
    }
}

/// What the bytes are to be; only secret keys are derived.
fn spec(kind: Kind) -> Result<KeySpec, ErrorCode> {
    match kind {
        Kind::Aes => Ok(KeySpec::Aes),
        Kind::Secret => Ok(KeySpec::Secret),
        Kind::Data
        | Kind::Certificate
        | Kind::Trust
        | Kind::DomainParameters
        | Kind::Profile
        | Kind::Mechanism
        | Kind::RsaPublic
        | Kind::RsaPrivate
        | Kind::EcPublic
        | Kind::EcPrivate => Err(ErrorCode::TemplateInconsistent),
    }
}

impl Handle for DeriveKey {
    type Plan = Plan;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let Self { session, mechanism, key } = call.request();
        let context = Context::of(call, *session)?;
        let usable =
            |key| cipher::usable_for(call, service, *session, key, mechanism, cipher::DERIVE);
        let base = usable(*key)?;
        let other = named(&base.parameter).map(usable).transpose()?;
        let payload = call.payload();
        let template = Template::read(payload, 0..payload.len())?;
        let was = |kind| base.object.attributes.flag(kind);
        let source = Source::Derived {
            sensitive: was(a::ALWAYS_SENSITIVE),
            kept: was(a::NEVER_EXTRACTABLE),
        };
        let implied = implied(base.mechanism.scheme, &template);
        let draft = Draft::new(&template, implied, source, &context.session)?;
        if draft.kind != Kind::Data {
            spec(draft.kind)?;
        }
        let length = length(&draft, &base)?;
        Ok(Plan { base, other, draft, source, length })
    }

    fn commit(
        call: Authorized<'_, Self>,
        mut plan: Plan,
        service: &Service,
    ) -> Result<Answer<ObjectDescription>, Error> {
        let context = Context::of(&call, call.request().session)?;
        let made = if plan.draft.kind == Kind::Data {
            let Public(value) = vault::run(plan.depth(), |inside| -> Result<_, Stop> {
                Ok(inside.publish(&plan.derive(inside)?))
            })??;
            plan.draft.attributes.set(Attribute::bytes(a::VALUE, value));
            None
        } else {
            let spec = spec(plan.draft.kind)?;
            Some(Made::new(plan.depth(), |inside| {
                let bytes = plan.derive(inside)?;
                crypto::import(spec, &bytes).map_err(|error| Stop::from(made::import_code(error)))
            })?)
        };
        let Plan { mut draft, source, .. } = plan;
        if let Some(made) = &made {
            draft.adopt(&made.public)?;
        }
        let id = ObjectId::random();
        draft.finish(id, id, source);
        let new = New { id, attributes: draft.attributes, material: made.into() };
        let objects =
            place::put(service, call.caller(), context.application, &context.session, vec![new])?;
        describe::only(service, &context, &objects)
    }
}
