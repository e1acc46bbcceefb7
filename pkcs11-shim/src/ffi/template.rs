//! `CK_ATTRIBUTE` arrays: read as templates, answered in place.

use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};

use super::pointers::{Pointer, length};
use crate::attribute::{Answer, Template, Wanted};
use crate::error::Error;
use crate::output::Room;
use coffer_protocol::attribute::{MAX_ATTRIBUTES, MAX_TEMPLATE};

/// Most entries of a template of C_GetAttributeValue.
const MAX_WANTED: CK_ULONG = 65_536;

/// A template that the caller hands in.
pub(super) fn given(first: Pointer<'_, CK_ATTRIBUTE>, count: CK_ULONG) -> Result<Template, Error> {
    if count > MAX_ATTRIBUTES as CK_ULONG {
        return Err(Error::ArgumentsBad);
    }
    let attributes = first.values(count)?;
    Template::new(attributes.iter().map(|attribute| {
        let value = value(first, attribute);
        let bounded = attribute.ulValueLen <= MAX_TEMPLATE as CK_ULONG;
        (attribute.type_, value.slice(attribute.ulValueLen).ok().filter(|_| bounded))
    }))
}

/// What the entries of a template ask for.
pub(super) fn wanted(
    first: Pointer<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
) -> Result<Vec<Wanted>, Error> {
    if count > MAX_WANTED {
        return Err(Error::ArgumentsBad);
    }
    let wanted = |attribute: &CK_ATTRIBUTE| {
        let room = if attribute.pValue.is_null() {
            Room::Query
        } else {
            Room::Values(usize::try_from(attribute.ulValueLen).unwrap_or(usize::MAX))
        };
        Wanted { kind: attribute.type_, room }
    };
    Ok(first.values(count)?.iter().map(wanted).collect())
}

/// Gives the answers into the template that asked.
pub(super) fn answer(
    first: Pointer<'_, CK_ATTRIBUTE>,
    count: CK_ULONG,
    answers: &[Answer],
) -> Result<(), Error> {
    let mut attributes = first.values(count)?;
    for (attribute, answer) in attributes.iter_mut().zip(answers) {
        attribute.ulValueLen = match answer {
            Answer::Unavailable => CK_UNAVAILABLE_INFORMATION,
            Answer::Length(bytes) => length(*bytes)?,
            Answer::Value(bytes) => {
                value(first, attribute).write_slice(bytes, attribute.ulValueLen)?;
                length(bytes.len())?
            }
        };
    }
    first.write_slice(&attributes, count)
}

fn value<'a>(template: Pointer<'a, CK_ATTRIBUTE>, attribute: &CK_ATTRIBUTE) -> Pointer<'a, u8> {
    // SAFETY: PKCS#11 section 3.5 says that `pValue` is null or points to `ulValueLen` bytes, and it comes from
    // the caller's template, whose pointer was vouched for.
    unsafe { template.nested(attribute.pValue.cast()) }
}
