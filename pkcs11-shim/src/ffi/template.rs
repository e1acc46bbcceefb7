//! `CK_ATTRIBUTE` arrays: read as templates, answered in place.

use std::borrow::Cow;

use cryptoki_sys::{CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};
use zeroize::Zeroizing;

use super::pointers::{Pointer, length};
use crate::attribute::{Answer, Template, Wanted, is_template};
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
    let values = attributes.iter().map(|attribute| {
        let value = if is_template(attribute.type_) {
            nested(first, attribute)?.map(Cow::from)
        } else {
            plain(first, attribute).map(Cow::from)
        };
        Ok((attribute.type_, value))
    });
    Template::new(values.collect::<Result<Vec<_>, Error>>()?.into_iter())
}

/// The bytes of an attribute; none for a null pointer with a length.
fn plain<'a>(first: Pointer<'a, CK_ATTRIBUTE>, attribute: &CK_ATTRIBUTE) -> Option<&'a [u8]> {
    let bounded = attribute.ulValueLen <= MAX_TEMPLATE as CK_ULONG;
    value(first, attribute).slice(attribute.ulValueLen).ok().filter(|_| bounded)
}

/// The value of an attribute that is an array of attributes; an array in that array is none.
fn nested(
    first: Pointer<'_, CK_ATTRIBUTE>,
    attribute: &CK_ATTRIBUTE,
) -> Result<Option<Vec<u8>>, Error> {
    let (inner, count) = array(first, attribute)?;
    let Ok(attributes) = inner.values(count) else { return Ok(None) };
    if attributes.iter().any(|attribute| is_template(attribute.type_)) {
        return Err(Error::AttributeValueInvalid);
    }
    let values = attributes
        .iter()
        .map(|attribute| (attribute.type_, plain(inner, attribute).map(Cow::from)));
    Template::new(values)?.into_value().map(Some)
}

/// The array of attributes that is the value of one, and how many there are.
fn array<'a>(
    first: Pointer<'a, CK_ATTRIBUTE>,
    attribute: &CK_ATTRIBUTE,
) -> Result<(Pointer<'a, CK_ATTRIBUTE>, CK_ULONG), Error> {
    const SIZE: CK_ULONG = size_of::<CK_ATTRIBUTE>() as CK_ULONG;
    let count = attribute.ulValueLen / SIZE;
    if !attribute.ulValueLen.is_multiple_of(SIZE) || count > MAX_ATTRIBUTES as CK_ULONG {
        return Err(Error::AttributeValueInvalid);
    }
    // SAFETY: PKCS#11 section 4.9 says that the value of such an attribute is null or an array of as many attributes,
    // and it comes from the caller's template, whose pointer was vouched for.
    Ok((unsafe { first.nested(attribute.pValue.cast()) }, count))
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
    let mut outcome = Ok(());
    for (attribute, answer) in attributes.iter_mut().zip(answers) {
        attribute.ulValueLen = match answer {
            Answer::Unavailable => CK_UNAVAILABLE_INFORMATION,
            Answer::Length(bytes) => length(*bytes)?,
            Answer::Value(bytes) => {
                value(first, attribute).write_slice(bytes, attribute.ulValueLen)?;
                length(bytes.len())?
            }
            Answer::Template(list) => {
                let needed = length(list.len() * size_of::<CK_ATTRIBUTE>())?;
                let whole = CK_ATTRIBUTE { ulValueLen: needed, ..*attribute };
                outcome = outcome.and(fill(first, &whole, list)?);
                needed
            }
        };
    }
    first.write_slice(&attributes, count)?;
    outcome
}

/// Gives an array of attributes into the array that the caller offers: each as C_GetAttributeValue does, a null
/// pointer is told the length.
fn fill(
    first: Pointer<'_, CK_ATTRIBUTE>,
    attribute: &CK_ATTRIBUTE,
    list: &[(CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>)],
) -> Result<Result<(), Error>, Error> {
    let (inner, count) = array(first, attribute)?;
    let mut places = inner.values(count)?;
    let mut outcome = Ok(());
    for (place, (kind, bytes)) in places.iter_mut().zip(list) {
        let needed = length(bytes.len())?;
        place.type_ = *kind;
        if !place.pValue.is_null() && place.ulValueLen < needed {
            place.ulValueLen = CK_UNAVAILABLE_INFORMATION;
            outcome = Err(Error::BufferTooSmall);
            continue;
        }
        if !place.pValue.is_null() {
            value(inner, place).write_slice(bytes, place.ulValueLen)?;
        }
        place.ulValueLen = needed;
    }
    inner.write_slice(&places, count)?;
    Ok(outcome)
}

fn value<'a>(template: Pointer<'a, CK_ATTRIBUTE>, attribute: &CK_ATTRIBUTE) -> Pointer<'a, u8> {
    // SAFETY: PKCS#11 section 3.5 says that `pValue` is null or points to `ulValueLen` bytes, and it comes from
    // the caller's template, whose pointer was vouched for.
    unsafe { template.nested(attribute.pValue.cast()) }
}
