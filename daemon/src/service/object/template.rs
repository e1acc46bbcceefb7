//! Templates: read where they are, in secret memory, and split into what may leave it and what may not.
//!
//! The wire form is the postcard encoding of a list of attributes. It is read without copying and in its
//! canonical form only, so that one template has one encoding.

use std::ops::Range;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self, Attribute, MAX_ATTRIBUTES, MAX_TEMPLATE};

use super::rules::about;
use super::stop::Stop;
use crate::Error;
use crate::object::{Attributes, Object, class, schema};
use crate::service::Payload;
use crate::vault::{self, Depth, Inside, Public};

/// One attribute of a template.
#[derive(Clone, Copy)]
pub(super) struct Entry<'t> {
    pub(super) kind: u64,
    pub(super) value: &'t [u8],
}

/// What of a template may be looked at outside the vault.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// What is no material.
    pub(super) public: Attributes,
    /// Numbers of what is, with the lengths.
    pub(super) secret: Vec<(u64, usize)>,
}

/// Refuses payloads that are longer than templates may be.
pub(super) fn validate(length: usize) -> Result<(), Error> {
    if length <= MAX_TEMPLATE { Ok(()) } else { Err(ErrorCode::TooLarge.into()) }
}

/// Reads the wire form of a template.
pub(super) fn parse(wire: &[u8]) -> Result<Vec<Entry<'_>>, Stop> {
    let mut reader = Reader(wire);
    let count = reader.length()?;
    if count > MAX_ATTRIBUTES {
        return Err(ErrorCode::TooLarge.into());
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = reader.number()?;
        let length = reader.length()?;
        let (value, rest) = reader.0.split_at_checked(length).ok_or(ErrorCode::Malformed)?;
        reader.0 = rest;
        entries.push(Entry { kind, value });
    }
    if reader.0.is_empty() { Ok(entries) } else { Err(ErrorCode::Malformed.into()) }
}

/// The part of a payload that is a template; all of it for most requests.
fn part<'a>(
    payload: &'a Payload<'_>,
    inside: &'a Inside<'_>,
    range: Range<usize>,
) -> Result<&'a [u8], Stop> {
    payload.bytes(inside).get(range).ok_or(ErrorCode::Malformed.into())
}

/// The value of an attribute among entries.
pub(super) fn value<'t>(entries: &[Entry<'t>], kind: u64) -> Option<&'t [u8]> {
    entries.iter().find(|entry| entry.kind == kind).map(|entry| entry.value)
}

/// All entries of a template, for code inside the vault.
pub(super) fn entries<'a>(
    payload: &'a Payload<'_>,
    inside: &'a Inside<'_>,
    range: Range<usize>,
) -> Result<Vec<Entry<'a>>, Stop> {
    parse(part(payload, inside, range)?)
}

impl Template {
    /// Reads a template of which every attribute must be known, well formed, and given once or always alike.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Malformed`], [`ErrorCode::AttributeType`], [`ErrorCode::AttributeValue`] or
    /// [`ErrorCode::TemplateInconsistent`].
    pub(super) fn read(payload: &Payload<'_>, range: Range<usize>) -> Result<Self, Error> {
        Self::read_if(payload, range, check)
    }

    /// Reads what to search for: what is unknown or of no use matches nothing, but is no error.
    pub(super) fn read_search(payload: &Payload<'_>) -> Result<Self, Error> {
        Self::read_if(payload, 0..payload.len(), |_| Ok(()))
    }

    fn read_if(
        payload: &Payload<'_>,
        range: Range<usize>,
        check: fn(&[Entry<'_>]) -> Result<(), Stop>,
    ) -> Result<Self, Error> {
        type Split = (Public<Vec<Attribute>>, Public<Vec<(u64, usize)>>);
        let (Public(public), Public(secret)) =
            vault::run(Depth::Small, |inside| -> Result<Split, Stop> {
                let entries = entries(payload, inside, range)?;
                check(&entries)?;
                let is_secret = secrecy(&entries);
                let (secret, public): (Vec<Entry<'_>>, _) =
                    entries.iter().partition(|entry| is_secret(entry.kind));
                Ok(inside.outside(|| {
                    let public = public.iter().map(|e| Attribute::bytes(e.kind, e.value));
                    let secret = secret.iter().map(|e| (e.kind, e.value.len()));
                    (Public(public.collect()), Public(secret.collect()))
                }))
            })??;
        Ok(Self { public: Attributes::from_list(public), secret })
    }

    /// The template together with what an attribute of a key imposes on keys that come of it, as if the object had
    /// that already (PKCS#11 3.1 section 4.9: `CKA_UNWRAP_TEMPLATE`, and those like it).
    ///
    /// # Errors
    ///
    /// [`ErrorCode::TemplateInconsistent`] where they contradict each other.
    pub(super) fn under(self, key: &Object, imposing: u64) -> Result<Self, Error> {
        let Some(imposed) = key.attributes.get(imposing) else { return Ok(self) };
        let imposed = attribute::nested(imposed).ok_or(ErrorCode::Internal)?;
        for attribute in &imposed {
            let given = self.public.get(attribute.kind);
            let differs = given.is_some_and(|given| given != attribute.value);
            if differs || (given.is_none() && self.has(attribute.kind)) {
                return Err(about(ErrorCode::TemplateInconsistent, attribute.kind));
            }
        }
        Ok(self.or_else(imposed))
    }

    /// The template without those attributes.
    pub(super) fn without(&self, kinds: &[u64]) -> Self {
        let mut rest = self.clone();
        for kind in kinds {
            rest.public.remove(*kind);
        }
        rest
    }

    /// The template with what it does not say.
    pub(super) fn or_else(mut self, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        for attribute in attributes {
            self.public.set_default(attribute);
        }
        self
    }

    /// A template of public attributes.
    #[cfg(test)]
    pub(super) fn of(public: impl IntoIterator<Item = Attribute>) -> Self {
        Self { public: Attributes::from_list(public), secret: Vec::new() }
    }

    /// Whether it has an attribute.
    pub(super) fn has(&self, kind: u64) -> bool {
        self.public.get(kind).is_some() || self.secret.iter().any(|entry| entry.0 == kind)
    }

    /// Numbers of all its attributes.
    pub(super) fn kinds(&self) -> impl Iterator<Item = u64> {
        self.public.iter().map(|a| a.kind).chain(self.secret.iter().map(|entry| entry.0))
    }
}

/// Which attributes of a template are secret. `CKA_VALUE` is not where the template itself says that it is about
/// a certificate or data.
fn secrecy(entries: &[Entry<'_>]) -> impl Fn(u64) -> bool + use<> {
    let of = value(entries, attribute::CLASS)
        .and_then(|value| value.try_into().ok())
        .map(u64::from_le_bytes);
    let open = matches!(of, Some(class::CERTIFICATE | class::DATA));
    move |kind| {
        attribute::find(kind).is_some_and(|row| row.secret) && !(open && kind == attribute::VALUE)
    }
}

/// What every template must be, whatever it is for.
fn check(entries: &[Entry<'_>]) -> Result<(), Stop> {
    for (index, entry) in entries.iter().enumerate() {
        let Some(row) = attribute::find(entry.kind) else {
            return Err(Stop::about(ErrorCode::AttributeType, entry.kind));
        };
        if !schema::is_well_formed(entry.value, row.value) {
            return Err(Stop::about(ErrorCode::AttributeValue, entry.kind));
        }
        let differs = |other: &Entry<'_>| other.kind == entry.kind && other.value != entry.value;
        if entries[..index].iter().any(differs) {
            return Err(Stop::about(ErrorCode::TemplateInconsistent, entry.kind));
        }
    }
    Ok(())
}

/// Reads postcard's numbers.
struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    /// A variable-length number, in its shortest form.
    fn number(&mut self) -> Result<u64, Stop> {
        let mut number = 0_u64;
        for index in 0..10 {
            let (&byte, rest) = self.0.split_first().ok_or(ErrorCode::Malformed)?;
            self.0 = rest;
            let too_large = index == 9 && byte > 1;
            let too_long = index > 0 && byte == 0;
            if too_large || too_long {
                return Err(ErrorCode::Malformed.into());
            }
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(ErrorCode::Malformed.into())
    }

    fn length(&mut self) -> Result<usize, Stop> {
        usize::try_from(self.number()?).map_err(|_| ErrorCode::Malformed.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wire(list: &[Attribute]) -> Vec<u8> {
        postcard::to_stdvec(list).unwrap()
    }

    fn read(list: &[Attribute]) -> Result<Template, ErrorCode> {
        vault::init_for_tests();
        let wire = wire(list);
        Template::read(&Payload::Plain(&wire), 0..wire.len()).map_err(|error| error.code())
    }

    #[test]
    fn what_is_unknown_or_has_the_wrong_form_is_refused() {
        let flag = |value: &[u8]| Attribute::bytes(attribute::SIGN, value);
        let cases = [
            (Attribute::number(0x8000_0001, 1), ErrorCode::AttributeType),
            (flag(&[2]), ErrorCode::AttributeValue),
            (flag(&[]), ErrorCode::AttributeValue),
            (Attribute::bytes(attribute::ALLOWED_MECHANISMS, []), ErrorCode::AttributeValue),
            (Attribute::bytes(attribute::START_DATE, *b"2026"), ErrorCode::AttributeValue),
            (Attribute::bytes(attribute::CLASS, [0; 4]), ErrorCode::AttributeValue),
        ];
        for (attribute, code) in cases {
            assert_eq!(read(std::slice::from_ref(&attribute)).unwrap_err(), code, "{attribute:?}");
        }
    }

    #[test]
    fn a_duplicate_must_say_the_same() {
        let label = |text: &str| Attribute::bytes(attribute::LABEL, text);
        assert!(read(&[label("a"), label("a")]).is_ok());
        let differing = read(&[label("a"), label("b")]);
        assert_eq!(differing.unwrap_err(), ErrorCode::TemplateInconsistent);
    }

    #[test]
    fn key_material_stays_inside_and_a_certificate_comes_out() {
        let of = |class, value: &[u8]| {
            read(&[
                Attribute::number(attribute::CLASS, class),
                Attribute::bytes(attribute::VALUE, value),
                Attribute::bytes(attribute::PRIME_1, [7]),
            ])
            .unwrap()
        };
        let key = of(class::SECRET_KEY, b"sixteen bytes...");
        assert_eq!(key.secret, [(attribute::VALUE, 16), (attribute::PRIME_1, 1)]);
        assert!(key.public.get(attribute::VALUE).is_none() && key.has(attribute::VALUE));
        let certificate = of(class::CERTIFICATE, b"der");
        assert_eq!(certificate.public.get(attribute::VALUE), Some(&b"der"[..]));
        assert_eq!(certificate.secret, [(attribute::PRIME_1, 1)]);
        let unnamed = read(&[Attribute::bytes(attribute::VALUE, *b"maybe a key")]).unwrap();
        assert!(unnamed.public.as_slice().is_empty());
    }

    #[test]
    fn too_many_attributes_are_refused_before_they_are_read() {
        let list = vec![Attribute::boolean(attribute::SIGN, true); MAX_ATTRIBUTES];
        assert_eq!(parse(&wire(&list)).map(|entries| entries.len()), Ok(MAX_ATTRIBUTES));
        let mut more = list.clone();
        more.push(list[0].clone());
        assert_eq!(parse(&wire(&more)).map(drop), Err(ErrorCode::TooLarge.into()));
        assert_eq!(parse(&[0xff; 10]).map(drop), Err(ErrorCode::Malformed.into()));
    }

    impl PartialEq for Entry<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.kind == other.kind && self.value == other.value
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read(
            list in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 0..40)), 0..20)
        ) {
            let list: Vec<_> = list.into_iter().map(|(kind, v)| Attribute::bytes(kind, v)).collect();
            let wire = wire(&list);
            let entries = parse(&wire).unwrap();
            prop_assert_eq!(entries.len(), list.len());
            for (entry, attribute) in entries.iter().zip(&list) {
                prop_assert_eq!((entry.kind, entry.value), (attribute.kind, &attribute.value[..]));
            }
        }

        #[test]
        fn any_bytes_are_refused_or_are_the_one_encoding_of_what_they_say(
            bytes in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            if let Ok(entries) = parse(&bytes) {
                let list: Vec<_> =
                    entries.iter().map(|e| Attribute::bytes(e.kind, e.value)).collect();
                prop_assert_eq!(wire(&list), bytes);
            }
        }

        #[test]
        fn a_template_cut_short_or_lengthened_is_refused(
            list in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 0..9)), 1..5),
            cut in 1_usize..8
        ) {
            let list: Vec<_> = list.into_iter().map(|(kind, v)| Attribute::bytes(kind, v)).collect();
            let mut wire = wire(&list);
            prop_assert!(parse(&wire[..wire.len().saturating_sub(cut)]).is_err());
            wire.push(0);
            prop_assert!(parse(&wire).is_err());
        }
    }
}
