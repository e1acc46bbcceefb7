//! Messages of the KMS face: structs whose fields are rows, so that JSON, help and audit come from one place.
//!
//! A message is postcard metadata on the wire and a JSON object with the field names of the KMS API for people.
//! At most one field is the frame's payload: the bulk or secret bytes, which never pass through the metadata.

/// How a field appears in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// As it is.
    Clear,
    /// As its length and a keyed tag that is equal for equal values.
    Tagged,
}

/// One row: a field of a message.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// Its name in JSON.
    pub name: &'static str,
    /// What it holds, in a word.
    pub kind: &'static str,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Whether it travels as the frame's payload.
    pub payload: bool,
    /// How it appears in the audit log.
    pub audited: Audited,
    /// What it means.
    pub help: &'static str,
}

/// A message of the KMS face.
pub trait Message: Sized {
    /// Its fields, in the documented order.
    const FIELDS: &'static [FieldInfo];

    /// The message of a JSON object, and its payload.
    #[cfg(feature = "json")]
    fn from_json(object: json::Object) -> Result<(Self, Vec<u8>), json::FieldError>;

    /// The JSON object of the message; fields without a value are left out.
    #[cfg(feature = "json")]
    fn to_json(&self, payload: &[u8]) -> json::Object;
}

/// A type that a field may have.
pub trait Field: Sized {
    /// What it holds, in a word.
    const KIND: &'static str;
    /// Whether it may not be left out.
    const REQUIRED: bool = true;

    /// The value of an absent field.
    fn absent() -> Option<Self> {
        None
    }

    /// Reads it.
    #[cfg(feature = "json")]
    fn from_json(value: json::Value) -> Option<Self>;

    /// Writes it.
    #[cfg(feature = "json")]
    fn to_json(&self) -> json::Value;
}

/// Raw bytes: base64 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bytes(pub Vec<u8>);

/// Defines messages from rows.
///
/// `payload` in place of a type makes the field the frame's payload.
macro_rules! messages {
    ($( $(#[doc = $doc:literal])* $message:ident { $( $kind:tt $field:ident $(: $type:ty)? = $name:literal $audited:ident $help:literal; )* } )*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $message { $( $( #[doc = $help] pub $field: $type, )? )* }

        impl $crate::message::Message for $message {
            const FIELDS: &'static [$crate::message::FieldInfo] = &[ $(
                messages!(@info $kind $name $audited $help $($type)?)
            ),* ];

            #[cfg(feature = "json")]
            #[allow(unused_mut, unused_variables, unused_assignments)]
            fn from_json(mut object: $crate::message::json::Object) -> Result<(Self, Vec<u8>), $crate::message::json::FieldError> {
                let mut payload = Vec::new();
                $crate::message::json::check_names(&object, Self::FIELDS)?;
                let message = Self { $( $( $field: $crate::message::json::take::<$type>(&mut object, $name)?, )? )* };
                $( messages!(@take $kind object payload $name); )*
                Ok((message, payload))
            }

            #[cfg(feature = "json")]
            #[allow(unused_mut, unused_variables)]
            fn to_json(&self, payload: &[u8]) -> $crate::message::json::Object {
                let mut object = $crate::message::json::Object::new();
                $( messages!(@put $kind object self payload $name $field); )*
                object
            }
        }

        impl $crate::message::Field for $message {
            const KIND: &'static str = "object";
            #[cfg(feature = "json")]
            fn from_json(value: $crate::message::json::Value) -> Option<Self> {
                match value {
                    $crate::message::json::Value::Object(object) => {
                        <Self as $crate::message::Message>::from_json(object).ok().map(|(message, _)| message)
                    }
                    _ => None,
                }
            }
            #[cfg(feature = "json")]
            fn to_json(&self) -> $crate::message::json::Value {
                $crate::message::json::Value::Object($crate::message::Message::to_json(self, &[]))
            }
        }
    )* };
    (@info payload $name:literal $audited:ident $help:literal) => { $crate::message::FieldInfo {
        name: $name, kind: "base64", required: true, payload: true,
        audited: $crate::message::Audited::$audited, help: $help,
    } };
    (@info field $name:literal $audited:ident $help:literal $type:ty) => { $crate::message::FieldInfo {
        name: $name, kind: <$type as $crate::message::Field>::KIND,
        required: <$type as $crate::message::Field>::REQUIRED, payload: false,
        audited: $crate::message::Audited::$audited, help: $help,
    } };
    (@take field $object:ident $payload:ident $name:literal) => {};
    (@take payload $object:ident $payload:ident $name:literal) => {
        $payload = $crate::message::json::take::<$crate::message::Bytes>(&mut $object, $name)?.0;
    };
    (@put field $object:ident $self:ident $payload:ident $name:literal $field:ident) => {
        $crate::message::json::put(&mut $object, $name, &$self.$field);
    };
    (@put payload $object:ident $self:ident $payload:ident $name:literal $field:ident) => {
        $object.insert($name.to_owned(), $crate::message::json::base64($payload));
    };
}
pub(crate) use messages;

macro_rules! simple_fields {
    ($( $type:ty: $kind:literal, $value:ident => $from:expr, $this:ident => $to:expr; )*) => { $(
        impl Field for $type {
            const KIND: &'static str = $kind;
            #[cfg(feature = "json")]
            fn from_json($value: json::Value) -> Option<Self> { $from }
            #[cfg(feature = "json")]
            fn to_json(&self) -> json::Value { let $this = self; $to }
        }
    )* };
}

simple_fields! {
    String: "string",  value => match value { json::Value::String(text) => Some(text), _ => None },
                       this  => json::Value::String(this.clone());
    bool:   "boolean", value => value.as_bool(),                                this => json::Value::from(*this);
    i64:    "integer", value => value.as_i64(),                                 this => json::Value::from(*this);
    u64:    "integer", value => value.as_u64(),                                 this => json::Value::from(*this);
    u32:    "integer", value => value.as_u64().and_then(|n| n.try_into().ok()), this => json::Value::from(*this);
    Bytes:  "base64",  value => json::from_base64(&value).map(Bytes),           this => json::base64(&this.0);
}

impl<T: Field> Field for Option<T> {
    const KIND: &'static str = T::KIND;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(None)
    }
    #[cfg(feature = "json")]
    fn from_json(value: json::Value) -> Option<Self> {
        T::from_json(value).map(Some)
    }
    #[cfg(feature = "json")]
    fn to_json(&self) -> json::Value {
        self.as_ref().map_or(json::Value::Null, Field::to_json)
    }
}

impl<T: Field> Field for Vec<T> {
    const KIND: &'static str = "list";
    #[cfg(feature = "json")]
    fn from_json(value: json::Value) -> Option<Self> {
        match value {
            json::Value::Array(items) => items.into_iter().map(T::from_json).collect(),
            _ => None,
        }
    }
    #[cfg(feature = "json")]
    fn to_json(&self) -> json::Value {
        json::Value::Array(self.iter().map(Field::to_json).collect())
    }
}

#[cfg(feature = "json")]
pub mod json {
    //! Fields to and from JSON (RFC 8259); bytes are padded base64 (RFC 4648).
    use base64ct::{Base64, Encoding};
    pub use serde_json::Value;

    use super::{Field, FieldInfo};
    use crate::ErrorCode;

    /// A JSON object.
    pub type Object = serde_json::Map<String, Value>;

    /// Why an object is not the message.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum FieldError {
        /// The message has no such field.
        Unknown(String),
        /// The field is required.
        Missing(&'static str),
        /// The field has another type.
        Invalid(&'static str),
    }

    impl FieldError {
        /// The code and the field's name.
        pub fn failure(&self) -> crate::error::Failure {
            let (code, name) = match self {
                Self::Unknown(name) => (ErrorCode::InvalidParameter, name.as_str()),
                Self::Missing(name) => (ErrorCode::MissingParameter, *name),
                Self::Invalid(name) => (ErrorCode::InvalidParameter, *name),
            };
            crate::error::Failure::about(code, name)
        }
    }

    /// Refuses names that are no field.
    pub fn check_names(object: &Object, fields: &[FieldInfo]) -> Result<(), FieldError> {
        match object.keys().find(|name| !fields.iter().any(|field| field.name == *name)) {
            Some(name) => Err(FieldError::Unknown(name.clone())),
            None => Ok(()),
        }
    }

    /// Takes one field out of the object; `null` counts as absent.
    pub fn take<T: Field>(object: &mut Object, name: &'static str) -> Result<T, FieldError> {
        match object.remove(name) {
            None | Some(Value::Null) => T::absent().ok_or(FieldError::Missing(name)),
            Some(value) => T::from_json(value).ok_or(FieldError::Invalid(name)),
        }
    }

    /// Puts one field into the object, unless it has no value.
    pub fn put<T: Field>(object: &mut Object, name: &str, field: &T) {
        match field.to_json() {
            Value::Null => {}
            value => {
                object.insert(name.to_owned(), value);
            }
        }
    }

    /// Bytes as a base64 string.
    pub fn base64(bytes: &[u8]) -> Value {
        Value::String(Base64::encode_string(bytes))
    }

    /// The bytes of a base64 string.
    pub fn from_base64(value: &Value) -> Option<Vec<u8>> {
        Base64::decode_vec(value.as_str()?).ok()
    }
}
