//! FindObjects.

use std::sync::Arc;

use coffer_protocol::attribute as a;
use coffer_protocol::frame::MAX_META;
use coffer_protocol::operation::object::{
    FindObjects, FoundObjects, MAX_DESCRIBED, MAX_FOUND, ObjectDescription,
};

use super::stop::Stop;
use super::template::{self, Template};
use super::{Context, describe};
use crate::Error;
use crate::object::{Object, Query, builtin};
use crate::service::{Answer, Authorized, Handle, Payload, Service, visible};
use crate::vault::{self, Depth, Public};

/// Most bytes of the descriptions of a reply: all of its metadata but room for the rest.
const DESCRIPTION_BYTES: usize = MAX_META as usize - 32;

/// How many bytes a description takes at most.
fn size(description: &ObjectDescription) -> usize {
    // Each number of the list takes ten bytes, and all that stands beside it less than 200.
    200 + 10 * description.allowed_mechanisms.len()
}

impl Handle for FindObjects {
    type Plan = Vec<Arc<Object>>;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let context = Context::of(call, call.request().session)?;
        let template = Template::read_search(call.payload())?;
        // Material is never compared: a search for it would tell whether a guess is right. Only of what is no key is the
        // value an attribute.
        let wants_value = template.secret.iter().any(|(kind, _)| *kind == a::VALUE);
        if template.secret.iter().any(|(kind, _)| *kind != a::VALUE) {
            return Ok(Vec::new());
        }
        let wanted = template.public.as_slice();
        let query = Query { slot: context.session.slot, template: wanted };
        let visible = |object: &Object| {
            let is_candidate = !wants_value || object.attributes.get(a::VALUE).is_some();
            is_candidate && visible::sees(&context.session, object)
        };
        let mut found = service.registry.find(&query, 0, usize::MAX, visible);
        if let Some(class) = template.public.number(a::CLASS) {
            let builtin = builtin::objects(context.session.slot, class).into_iter();
            found.extend(builtin.filter(|object| {
                visible(object) && wanted.iter().all(|wanted| object.has(wanted))
            }));
        }
        let own = context.application.session_objects(context.session.slot);
        found.extend(own.into_iter().filter(|object| {
            visible(object) && wanted.iter().all(|attribute| object.has(attribute))
        }));
        if wants_value { with_value(call.payload(), found) } else { Ok(found) }
    }

    fn commit(
        call: Authorized<'_, Self>,
        found: Self::Plan,
        service: &Service,
    ) -> Result<Answer<FoundObjects>, Error> {
        let request = call.request();
        // Handles grow, and who continues has seen everything up to the last one.
        let handles = call.application()?.handles_of(&found)?;
        let mut found: Vec<(u32, Arc<Object>)> = handles.into_iter().zip(found).collect();
        found.retain(|(handle, _)| *handle > request.after);
        found.sort_unstable_by_key(|(handle, _)| *handle);
        let more = found.len() > MAX_FOUND;
        found.truncate(MAX_FOUND);
        let descriptions: Vec<ObjectDescription> = found
            .iter()
            .take(MAX_DESCRIBED)
            .map(|(handle, object)| describe::describe(service, object, *handle))
            .scan(0, |bytes, description| {
                *bytes += size(&description);
                (*bytes <= DESCRIPTION_BYTES).then_some(description)
            })
            .collect();
        let payload: Vec<u8> = found.iter().flat_map(|(handle, _)| handle.to_le_bytes()).collect();
        Ok(Answer::with(FoundObjects { more, descriptions }, payload))
    }
}

/// Those of the objects that have the value which a template says. It may be that of a key, for all that the template
/// says, so that it is compared where it is.
fn with_value(payload: &Payload<'_>, found: Vec<Arc<Object>>) -> Result<Vec<Arc<Object>>, Error> {
    let Public(equal) = vault::run(Depth::Small, |inside| -> Result<Public<Vec<bool>>, Stop> {
        let entries = template::entries(payload, inside, 0..payload.len())?;
        let has_value = |object: &Arc<Object>| {
            let own = object.attributes.get(a::VALUE);
            entries
                .iter()
                .filter(|entry| entry.kind == a::VALUE)
                .all(|entry| own == Some(entry.value))
        };
        Ok(inside.outside(|| Public(found.iter().map(has_value).collect())))
    })??;
    Ok(found
        .into_iter()
        .zip(equal)
        .filter_map(|(object, is_equal)| is_equal.then_some(object))
        .collect())
}
