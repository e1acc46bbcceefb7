//! GetAttributes and GetObjectSize.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, MAX_ATTRIBUTES};
use coffer_protocol::frame::MAX_PAYLOAD;
use coffer_protocol::key::KeyState;
use coffer_protocol::operation::Audit;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::object::{
    AttributeEntry, Attributes, GetAttributes, GetObjectSize, ObjectSize,
};
use rsa::pkcs1::RsaPrivateKeyRef;

use super::stop::Stop;
use super::{Context, copy, describe};
use crate::Error;
use crate::crypto::KeySpec;
use crate::object::schema::Kind;
use crate::object::{Material, Object};
use crate::service::authorized::SecretReply;
use crate::service::cipher;
use crate::service::{Answer, Authorized, Caller, Handle, Service};
use crate::vault::{self, Depth, Public, SecretBytes};

/// Most bytes of material that a key has.
const MAX_MATERIAL: usize = 4 << 10;

/// Where the value of an attribute comes from, or why it does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// The object's attributes.
    Public(Vec<u8>),
    /// The material.
    Material(u64),
    /// Nowhere.
    Error(ErrorCode),
}

/// Decides on one attribute (PKCS#11 3.1 section 5.7.5, the five cases).
fn value(object: &Object, kind: Kind, state: Option<KeyState>, attribute: u64) -> Value {
    if kind.is_secret(attribute) && kind.row(attribute).is_some() {
        // The value of a key that must not be used would be a use of it, out of reach of its state.
        let usable = state.is_none_or(|state| state == KeyState::Enabled);
        return if object.keeps_value() || !usable {
            Value::Error(ErrorCode::AttributeSensitive)
        } else {
            Value::Material(attribute)
        };
    }
    match object.attributes.get(attribute) {
        None => Value::Error(ErrorCode::AttributeType),
        Some(_) if state.is_some_and(|state| describe::is_suspended(attribute, state)) => {
            Value::Public(vec![0])
        }
        Some(value) => Value::Public(value.to_vec()),
    }
}

impl Handle for GetAttributes {
    type Plan = (Arc<Object>, Vec<Value>);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        if self.kinds.len() <= MAX_ATTRIBUTES { Ok(()) } else { Err(ErrorCode::TooLarge.into()) }
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let object = Context::of(call, request.session)?.object(request.object, service)?;
        let kind = object.kind().ok_or(ErrorCode::ObjectInvalid)?;
        let state = cipher::state(service, &object).ok().flatten();
        let mut length = 0;
        let mut values = Vec::with_capacity(request.kinds.len());
        for attribute in &request.kinds {
            let value = value(&object, kind, state, *attribute);
            length += match &value {
                Value::Public(value) => value.len(),
                Value::Material(_) => MAX_MATERIAL,
                Value::Error(_) => 0,
            };
            if length > MAX_PAYLOAD as usize {
                return Err(ErrorCode::TooLarge.into());
            }
            values.push(value);
        }
        Ok((object, values))
    }

    fn audit((_, values): &Self::Plan) -> Audit {
        // Material that leaves is a use of the key; whatever else is read of an object is not recorded.
        if is_secret(values) { Audit::Use } else { Self::ROW.audit }
    }

    fn commit(
        call: Authorized<'_, Self>,
        (object, values): Self::Plan,
        service: &Service,
    ) -> Result<Answer<Attributes>, Error> {
        if is_secret(&values) {
            with_material(service, call.caller(), &object, &values)
        } else {
            without(&values)
        }
    }
}

fn is_secret(values: &[Value]) -> bool {
    values.iter().any(|value| matches!(value, Value::Material(_)))
}

fn entry(error: Option<ErrorCode>, length: usize) -> AttributeEntry {
    AttributeEntry {
        error: error.map_or(0, |code| code as u16),
        length: u32::try_from(length).unwrap_or(u32::MAX),
    }
}

/// The answer where nothing is secret.
fn without(values: &[Value]) -> Result<Answer<Attributes>, Error> {
    let mut entries = Vec::with_capacity(values.len());
    let mut payload = Vec::new();
    for value in values {
        entries.push(match value {
            Value::Public(value) => {
                payload.extend_from_slice(value);
                entry(None, value.len())
            }
            Value::Error(code) => entry(Some(*code), 0),
            Value::Material(_) => return Err(ErrorCode::Internal.into()),
        });
    }
    Ok(Answer::with(Attributes { entries }, payload))
}

/// The answer where some values are material: it is put together and sent from secret memory.
fn with_material(
    service: &Service,
    caller: &Caller,
    object: &Object,
    values: &[Value],
) -> Result<Answer<Attributes>, Error> {
    let spec = object.spec().ok_or(ErrorCode::Internal)?;
    let material = material(service, object)?;
    let capacity = values.iter().map(|value| match value {
        Value::Public(value) => value.len(),
        Value::Material(_) => material.len(),
        Value::Error(_) => 0,
    });
    let mut reply = SecretReply::to(service, caller, capacity.sum())?;
    let lengths = vault::run(Depth::Small, |inside| -> Result<Public<Vec<usize>>, Stop> {
        let mut lengths = inside.outside(|| Vec::with_capacity(values.len()));
        for value in values {
            let bytes = match value {
                Value::Public(value) => value.as_slice(),
                Value::Material(kind) => part(spec, material.get(inside), *kind)?,
                Value::Error(_) => &[],
            };
            reply.push(inside, bytes)?;
            lengths.push(bytes.len());
        }
        Ok(Public(lengths))
    })?;
    let Public(lengths) = lengths?;
    let entries = values.iter().zip(lengths).map(|(value, length)| match value {
        Value::Error(code) => entry(Some(*code), 0),
        Value::Public(_) | Value::Material(_) => entry(None, length),
    });
    Ok(Answer::secret(Attributes { entries: entries.collect() }, reply))
}

/// The form at rest of a key.
pub(super) fn material(service: &Service, object: &Object) -> Result<SecretBytes, Error> {
    match &object.material {
        Material::Stored => copy::open(service, object),
        Material::Session(key) | Material::Reference { kept: Some(key), .. } => {
            Ok(vault::run(Depth::Small, |inside| {
                SecretBytes::copy_from(inside, key.material.get(inside))
            })??)
        }
        Material::None | Material::Reference { kept: None, .. } => {
            Err(ErrorCode::AttributeSensitive.into())
        }
    }
}

/// The value of a secret attribute, which is a part of the material.
fn part(spec: KeySpec, material: &[u8], kind: u64) -> Result<&[u8], Stop> {
    if spec != KeySpec::Rsa {
        return if kind == a::VALUE { Ok(material) } else { Err(ErrorCode::AttributeType.into()) };
    }
    let key = RsaPrivateKeyRef::try_from(material).map_err(|_| ErrorCode::Internal)?;
    let number = match kind {
        a::PRIVATE_EXPONENT => key.private_exponent,
        a::PRIME_1 => key.prime1,
        a::PRIME_2 => key.prime2,
        a::EXPONENT_1 => key.exponent1,
        a::EXPONENT_2 => key.exponent2,
        a::COEFFICIENT => key.coefficient,
        _ => return Err(ErrorCode::AttributeType.into()),
    };
    Ok(number.as_bytes())
}

impl Handle for GetObjectSize {
    type Plan = Arc<Object>;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let request = call.request();
        Context::of(call, request.session)?.object(request.object, service)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        _service: &Service,
    ) -> Result<Answer<ObjectSize>, Error> {
        // About what an RSA key in PKCS#1 form has: nine numbers of half the modulus.
        let bits = object.key_bits() as usize;
        let material = match object.spec() {
            Some(KeySpec::Rsa) if object.kind() == Some(Kind::RsaPrivate) => bits / 16 * 9,
            Some(_) if object.kind().is_some_and(Kind::has_material) => bits / 8,
            _ => 0,
        };
        Ok(Answer::new(ObjectSize { bytes: (object.attributes.bytes() + material) as u64 }))
    }
}

#[cfg(test)]
mod tests {
    use coffer_protocol::attribute::Attribute;

    use super::*;
    use crate::object::{ObjectId, Slot, class};

    fn aes(sensitive: bool, extractable: bool) -> Object {
        Object {
            id: ObjectId([1; 16]),
            slot: Slot(0),
            sequence: 0,
            generation: 0,
            attributes: crate::object::Attributes::from_list([
                Attribute::number(a::CLASS, class::SECRET_KEY),
                Attribute::number(a::KEY_TYPE, 0x1f),
                Attribute::boolean(a::SENSITIVE, sensitive),
                Attribute::boolean(a::EXTRACTABLE, extractable),
                Attribute::boolean(a::ENCRYPT, true),
            ]),
            key: None,
            material: Material::None,
        }
    }

    #[test]
    fn material_is_read_only_where_both_flags_allow() {
        for (sensitive, extractable, readable) in
            [(false, true, true), (true, true, false), (false, false, false), (true, false, false)]
        {
            let got = value(&aes(sensitive, extractable), Kind::Aes, None, a::VALUE);
            let expected = if readable {
                Value::Material(a::VALUE)
            } else {
                Value::Error(ErrorCode::AttributeSensitive)
            };
            assert_eq!(got, expected, "{sensitive} {extractable}");
        }
    }

    #[test]
    fn material_of_a_key_that_must_not_be_used_is_not_read() {
        for &state in KeyState::ALL {
            let got = value(&aes(false, true), Kind::Aes, Some(state), a::VALUE);
            assert_eq!(got == Value::Material(a::VALUE), state == KeyState::Enabled, "{state:?}");
        }
    }

    #[test]
    fn what_the_object_does_not_have_is_of_no_type() {
        for attribute in [a::MODULUS, a::PRIME_1, 0x8000_0000] {
            let got = value(&aes(true, false), Kind::Aes, None, attribute);
            assert_eq!(got, Value::Error(ErrorCode::AttributeType), "{attribute:#x}");
        }
    }

    #[test]
    fn an_archived_key_does_not_encrypt() {
        let object = aes(true, false);
        let read = |state| value(&object, Kind::Aes, Some(state), a::ENCRYPT);
        assert_eq!(read(KeyState::Archived), Value::Public(vec![0]));
        assert_eq!(read(KeyState::Disabled), Value::Public(vec![1]));
    }
}
