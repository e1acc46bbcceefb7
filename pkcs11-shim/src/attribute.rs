//! Attributes between C and the wire: templates are checked, values are converted, answers composed.

use std::borrow::Cow;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self, Attribute, MAX_ATTRIBUTES, MAX_TEMPLATE, Type};
use coffer_protocol::operation::object::AttributeEntry;
use cryptoki_sys::{CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_ULONG, CKF_ARRAY_ATTRIBUTE};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::Error;
use crate::output::Room;

/// Bytes of a number on the wire.
const NUMBER: usize = 8;
/// Bytes of a number in C.
const C_NUMBER: usize = size_of::<CK_ULONG>();
/// More than the encoding adds to the value of one attribute.
const OVERHEAD: usize = 24;

/// The attributes of a request; wiped when dropped, for they may hold keys.
pub(crate) struct Template(Vec<Attribute>);

impl Drop for Template {
    fn drop(&mut self) {
        for attribute in &mut self.0 {
            attribute.value.zeroize();
        }
    }
}

impl Template {
    /// Checks values as C gives them: `None` is a null pointer with a length.
    pub(crate) fn new<'a>(
        given: impl ExactSizeIterator<Item = (CK_ATTRIBUTE_TYPE, Option<Cow<'a, [u8]>>)>,
    ) -> Result<Self, Error> {
        if given.len() > MAX_ATTRIBUTES {
            return Err(Error::ArgumentsBad);
        }
        let mut template = Self(Vec::with_capacity(given.len()));
        let mut total = 0;
        for (kind, value) in given {
            let value = value.ok_or(Error::AttributeValueInvalid)?;
            total += value.len() + OVERHEAD;
            if total > MAX_TEMPLATE {
                return Err(Error::AttributeValueInvalid);
            }
            template.0.push(Attribute { kind, value: to_wire(kind, &value)? });
        }
        Ok(template)
    }

    /// The value that it is as an attribute of a key: by rising number, each once.
    pub(crate) fn into_value(mut self) -> Result<Vec<u8>, Error> {
        self.0.sort_by_key(|attribute| attribute.kind);
        let value = attribute::encode_nested(&self.0).ok_or(Error::GeneralError)?;
        // What is not in its one form has an attribute twice.
        if attribute::nested(&value).is_none() {
            return Err(Error::AttributeValueInvalid);
        }
        Ok(value)
    }

    /// Its encoding, in a buffer that did not grow and is wiped.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bytes: usize = self.0.iter().map(|attribute| attribute.value.len() + OVERHEAD).sum();
        let mut buffer = Zeroizing::new(vec![0; OVERHEAD + bytes]);
        let length =
            postcard::to_slice(&self.0, &mut buffer).map_err(|_| Error::GeneralError)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

fn to_wire(kind: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Result<Vec<u8>, Error> {
    let Some(row) = attribute::find(kind) else {
        // An unknown array would hold pointers.
        let is_array = kind & CKF_ARRAY_ATTRIBUTE != 0;
        return if is_array { Err(Error::AttributeTypeInvalid) } else { Ok(value.to_vec()) };
    };
    let is_right = match row.value {
        Type::Boolean => matches!(value, [0 | 1]),
        Type::Number => value.len() == C_NUMBER,
        Type::Bytes => true,
        Type::Date => matches!(value.len(), 0 | 8),
        // An empty list would allow nothing (rust-cryptoki and others send it by mistake).
        Type::Mechanisms => !value.is_empty() && value.len().is_multiple_of(C_NUMBER),
        // Whoever read the array behind it made it that.
        Type::Template => attribute::nested(value).is_some(),
    };
    if !is_right {
        return Err(Error::AttributeValueInvalid);
    }
    Ok(match row.value {
        Type::Number | Type::Mechanisms => {
            let (numbers, _) = value.as_chunks::<C_NUMBER>();
            numbers.iter().flat_map(|number| wire_number(*number).to_le_bytes()).collect()
        }
        Type::Boolean | Type::Bytes | Type::Date | Type::Template => value.to_vec(),
    })
}

/// `CK_UNAVAILABLE_INFORMATION` is the greatest number on both sides.
fn wire_number(number: [u8; C_NUMBER]) -> u64 {
    match CK_ULONG::from_ne_bytes(number) {
        CK_ULONG::MAX => u64::MAX,
        number => number,
    }
}

fn to_c(kind: u64, value: &[u8]) -> Zeroizing<Vec<u8>> {
    let holds_numbers = attribute::find(kind)
        .is_some_and(|row| matches!(row.value, Type::Number | Type::Mechanisms));
    Zeroizing::new(if holds_numbers {
        let (numbers, _) = value.as_chunks::<NUMBER>();
        let number = |bytes: &[u8; NUMBER]| {
            CK_ULONG::try_from(u64::from_le_bytes(*bytes)).unwrap_or(CK_ULONG::MAX)
        };
        numbers.iter().flat_map(|bytes| number(bytes).to_ne_bytes()).collect()
    } else {
        value.to_vec()
    })
}

/// The attributes of a template that is a value, as C has them.
fn to_c_template(value: &[u8]) -> Vec<(CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>)> {
    let list = attribute::nested(value).unwrap_or_default();
    list.iter().map(|attribute| (attribute.kind, to_c(attribute.kind, &attribute.value))).collect()
}

/// Whether the value of an attribute is an array of attributes.
pub(crate) fn is_template(kind: CK_ATTRIBUTE_TYPE) -> bool {
    attribute::find(kind).is_some_and(|row| row.value == Type::Template)
}

/// One entry of C_GetAttributeValue's template, as it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// `CKA_` number.
    pub kind: CK_ATTRIBUTE_TYPE,
    /// What the caller offers for the value.
    pub room: Room,
}

/// One entry of C_GetAttributeValue's template, as it is answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `CK_UNAVAILABLE_INFORMATION` for the length.
    Unavailable,
    /// The length.
    Length(usize),
    /// The value.
    Value(Zeroizing<Vec<u8>>),
    /// The value, an array of attributes.
    Template(Vec<(CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>)>),
}

/// The five cases of C_GetAttributeValue (section 5.7.5) for each entry; the first error is the result.
pub(crate) fn answers(
    wanted: &[Wanted],
    entries: &[AttributeEntry],
    mut values: &[u8],
) -> Result<(Vec<Answer>, Result<(), Error>), Error> {
    if wanted.len() != entries.len() {
        return Err(Error::DeviceError);
    }
    let mut answers = Vec::with_capacity(wanted.len());
    let mut outcome = Ok(());
    for (wanted, entry) in wanted.iter().zip(entries) {
        let length = usize::try_from(entry.length).map_err(|_| Error::DeviceError)?;
        let (value, rest) = values.split_at_checked(length).ok_or(Error::DeviceError)?;
        values = rest;
        let (answer, error) = if entry.error == 0 {
            answer(*wanted, value)
        } else {
            let code = Error::Refused(ErrorCode::from_number(entry.error));
            (Answer::Unavailable, Some(code))
        };
        answers.push(answer);
        outcome = outcome.and(error.map_or(Ok(()), Err));
    }
    if values.is_empty() { Ok((answers, outcome)) } else { Err(Error::DeviceError) }
}

fn answer(wanted: Wanted, value: &[u8]) -> (Answer, Option<Error>) {
    if is_template(wanted.kind) {
        let list = to_c_template(value);
        let needed = list.len() * size_of::<CK_ATTRIBUTE>();
        return match wanted.room {
            Room::Query => (Answer::Length(needed), None),
            Room::Values(room) if room < needed => {
                (Answer::Unavailable, Some(Error::BufferTooSmall))
            }
            Room::Values(_) => (Answer::Template(list), None),
        };
    }
    let value = to_c(wanted.kind, value);
    match wanted.room {
        Room::Query => (Answer::Length(value.len()), None),
        Room::Values(room) if room < value.len() => {
            (Answer::Unavailable, Some(Error::BufferTooSmall))
        }
        Room::Values(_) => (Answer::Value(value), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_protocol::attribute::{
        ALLOWED_MECHANISMS, CLASS, ID, LABEL, START_DATE, TOKEN, VALUE,
    };

    const ONE: [u8; C_NUMBER] = (1 as CK_ULONG).to_ne_bytes();

    fn check(kind: u64, value: &[u8]) -> Result<Vec<u8>, Error> {
        let template = Template::new([(kind, Some(value.into()))].into_iter())?;
        Ok(template.0[0].value.clone())
    }

    #[test]
    fn values_of_the_wrong_shape_are_refused_by_type() {
        assert_eq!(check(TOKEN, &[1]), Ok(vec![1]));
        assert_eq!(check(CLASS, &ONE), Ok(vec![1, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(check(LABEL, b""), Ok(vec![]));
        assert_eq!(check(START_DATE, b"20300101"), Ok(b"20300101".to_vec()));
        assert_eq!(check(0x8000_0001, b"xy"), Ok(b"xy".to_vec()));
        for (kind, value) in [
            (TOKEN, &[2][..]),
            (TOKEN, &[]),
            (TOKEN, &[1, 0]),
            (CLASS, &[1]),
            (CLASS, &[]),
            (START_DATE, b"2030"),
            (ALLOWED_MECHANISMS, &[]),
            (ALLOWED_MECHANISMS, &[1]),
        ] {
            assert_eq!(check(kind, value), Err(Error::AttributeValueInvalid), "{kind:#x}");
        }
        assert_eq!(check(0x4000_0299, &ONE), Err(Error::AttributeTypeInvalid));
        assert_eq!(
            Template::new([(ID, None)].into_iter()).err(),
            Some(Error::AttributeValueInvalid)
        );
    }

    #[test]
    fn templates_are_bounded_in_number_and_size() {
        let many = vec![(ID, Some(Cow::from(&b""[..]))); MAX_ATTRIBUTES + 1];
        assert_eq!(Template::new(many.into_iter()).err(), Some(Error::ArgumentsBad));
        let large = vec![0; MAX_TEMPLATE];
        assert!(check(VALUE, &large).is_err());
        assert!(check(VALUE, &large[..MAX_TEMPLATE - OVERHEAD]).is_ok());
    }

    #[test]
    fn a_template_is_encoded_as_the_protocol_says() {
        let template = Template::new(
            [(TOKEN, Some(Cow::from(&[1][..]))), (ID, Some(Cow::from(&b"ab"[..])))].into_iter(),
        );
        let expected = vec![Attribute::boolean(TOKEN, true), Attribute::bytes(ID, *b"ab")];
        let expected = coffer_protocol::frame::encode_meta(&expected).unwrap();
        assert_eq!(*template.unwrap().encode().unwrap(), expected);
    }

    #[test]
    fn each_entry_is_answered_by_its_own_case() {
        let wanted = [
            Wanted { kind: VALUE, room: Room::Values(9) },
            Wanted { kind: 0x7777, room: Room::Values(9) },
            Wanted { kind: LABEL, room: Room::Query },
            Wanted { kind: LABEL, room: Room::Values(2) },
            Wanted { kind: LABEL, room: Room::Values(3) },
        ];
        let entry = |error: u16, length| AttributeEntry { error, length };
        let entries = [
            entry(ErrorCode::AttributeSensitive as u16, 0),
            entry(ErrorCode::AttributeType as u16, 0),
            entry(0, 3),
            entry(0, 3),
            entry(0, 3),
        ];
        let (answers, outcome) = answers(&wanted, &entries, b"abcabcabc").unwrap();
        assert_eq!(outcome, Err(Error::Refused(ErrorCode::AttributeSensitive)));
        let value = Answer::Value(Zeroizing::new(b"abc".to_vec()));
        let unavailable = || Answer::Unavailable;
        let expected = [unavailable(), unavailable(), Answer::Length(3), unavailable(), value];
        assert_eq!(answers, expected);
    }

    #[test]
    fn a_reply_that_does_not_add_up_is_an_error() {
        let wanted = [Wanted { kind: LABEL, room: Room::Query }];
        let entry = AttributeEntry { error: 0, length: 3 };
        for (entries, values) in
            [(vec![], &b""[..]), (vec![entry.clone()], b"ab"), (vec![entry], b"abcd")]
        {
            assert_eq!(answers(&wanted, &entries, values).err(), Some(Error::DeviceError));
        }
    }
}
