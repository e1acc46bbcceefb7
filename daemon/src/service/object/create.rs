//! CreateObject.

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::object::{CreateObject, ObjectDescription};
use coffer_protocol::weak::Doing;

use super::made::Made;
use super::place::{self, New};
use super::rules::{Draft, Implied, Source};
use super::template::{self, Template};
use super::{Context, describe, statement};
use crate::Error;
use crate::object::schema::Kind;
use crate::object::{ObjectId, public};
use crate::service::{Answer, Authorized, Handle, Service, weak};

impl Handle for CreateObject {
    type Plan = (Draft, Option<Made>);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let context = Context::of(call, call.request().session)?;
        let payload = call.payload();
        let template = Template::read(payload, 0..payload.len())?;
        let mut draft =
            Draft::new(&template, Implied::default(), Source::Imported, &context.session)?;
        if draft.kind.is_key() {
            weak::check_new(service, &draft.attributes, Doing::TakeIn)?;
        }
        let made = match draft.kind {
            Kind::Data => None,
            Kind::Certificate | Kind::WtlsCertificate | Kind::AttributeCertificate => {
                draft.read_certificate()?;
                None
            }
            Kind::Trust => {
                statement::check_trust(&draft.attributes)?;
                None
            }
            Kind::DomainParameters => {
                draft.read_domain_parameters()?;
                None
            }
            // The token has them of itself, and `Draft` makes none.
            Kind::Profile | Kind::Mechanism => return Err(ErrorCode::Internal.into()),
            Kind::RsaPublic | Kind::EcPublic => {
                let key = public::key_of(&draft.attributes)?;
                draft.adopt(&public::attributes_of(&key)?)?;
                None
            }
            Kind::RsaPrivate | Kind::EcPrivate | Kind::Aes | Kind::Secret => {
                let made = Made::import(&draft, payload)?;
                draft.adopt(&made.public)?;
                Some(made)
            }
        };
        Ok((draft, made))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (mut draft, made): Self::Plan,
        service: &Service,
    ) -> Result<Answer<ObjectDescription>, Error> {
        let context = Context::of(&call, call.request().session)?;
        let id = ObjectId::random();
        draft.finish(id, id, Source::Imported);
        let new = New { id, attributes: draft.attributes, material: made.into() };
        let objects =
            place::put(service, call.caller(), context.application, &context.session, vec![new])?;
        describe::only(service, &context, &objects)
    }
}
