//! TagResource, UntagResource and ListResourceTags.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{
    Done, ListResourceTags, ResourceTags, Tag, TagResource, UntagResource,
};

use super::super::{Answer, Authorized, Handle, Service};
use super::create::{MAX_TAGS, validate_tags};
use super::permit::{any, change, permitted};
use super::{find, meta, validate_name};
use crate::Error;
use crate::object::{KeyMeta, Object};

/// Sets tags, or refuses more than a key may have.
fn set(key: &mut KeyMeta, tags: &[Tag]) -> Result<(), Error> {
    for tag in tags {
        match key.tags.iter_mut().find(|(name, _)| *name == tag.key) {
            Some((_, value)) => value.clone_from(&tag.value),
            None => key.tags.push((tag.key.clone(), tag.value.clone())),
        }
    }
    if key.tags.len() > MAX_TAGS {
        return Err(Error::about(ErrorCode::InvalidValue, "Tags"));
    }
    Ok(())
}

/// Removes tags, all of which must be there.
fn remove(key: &mut KeyMeta, names: &[String]) -> Result<(), Error> {
    for name in names {
        let at = key.tags.iter().position(|(tag, _)| tag == name);
        let at = at.ok_or_else(|| Error::about(ErrorCode::TagsNotExisted, name.clone()))?;
        key.tags.remove(at);
    }
    Ok(())
}

impl Handle for TagResource {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        if self.tags.is_empty() {
            return Err(Error::about(ErrorCode::InvalidValue, "Tags"));
        }
        validate_tags(&self.tags)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let key_id = &call.request().key_id;
        let object = permitted(service, call.caller(), key_id, Self::ROW.rule, any)?;
        set(&mut meta(&object)?.clone(), &call.request().tags)?;
        Ok(object)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let tags = &call.request().tags;
        change(service, &object, Self::ROW.rule, any, |key, _| set(key, tags))?;
        Ok(Answer::new(Done {}))
    }
}

impl Handle for UntagResource {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        let names = &self.tag_keys;
        if !(1..=MAX_TAGS).contains(&names.len()) {
            return Err(Error::about(ErrorCode::InvalidValue, "TagKeys"));
        }
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                return Err(Error::about(ErrorCode::TagKeysDuplicated, name.clone()));
            }
        }
        Ok(())
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let key_id = &call.request().key_id;
        let object = permitted(service, call.caller(), key_id, Self::ROW.rule, any)?;
        remove(&mut meta(&object)?.clone(), &call.request().tag_keys)?;
        Ok(object)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<Done>, Error> {
        let names = &call.request().tag_keys;
        change(service, &object, Self::ROW.rule, any, |key, _| remove(key, names))?;
        Ok(Answer::new(Done {}))
    }
}

impl Handle for ListResourceTags {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        find(service, call.caller(), &call.request().key_id)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        _service: &Service,
    ) -> Result<Answer<ResourceTags>, Error> {
        let tag = |(key, value): &(String, String)| Tag { key: key.clone(), value: value.clone() };
        let tags = meta(&object)?.tags.iter().map(tag).collect();
        Ok(Answer::new(ResourceTags { tags }))
    }
}
