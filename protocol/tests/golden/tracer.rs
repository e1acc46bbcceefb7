//! A serde deserialiser without input: it makes up a value for any message, always the same, and notes on the way
//! which fields the message has, in their order on the wire.

use serde::de::value::Error;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// The fields of a structure with their types, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// What optional fields are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Optional {
    /// All there.
    Present,
    /// There and not there by turns.
    Alternating,
}

/// The made-up value of a message, and the structures that it consists of, itself last.
pub(crate) fn trace<T: DeserializeOwned>(optional: Optional) -> (T, Vec<Shape>) {
    let mut tracer =
        Tracer { optional, count: 0, field: "text", kind: String::new(), shapes: Vec::new() };
    let value = T::deserialize(&mut tracer).expect("messages consist of types that are known here");
    (value, tracer.shapes)
}

struct Tracer {
    optional: Optional,
    /// Numbers grow, so that no two fields of a message have the same.
    count: u32,
    /// Texts are the names of their fields.
    field: &'static str,
    /// Type of the value made last.
    kind: String,
    shapes: Vec<Shape>,
}

impl Tracer {
    fn next(&mut self, kind: &str) -> u32 {
        kind.clone_into(&mut self.kind);
        self.count += 1;
        self.count
    }
}

macro_rules! numbers {
    ($( $method:ident $visit:ident $type:ident $value:expr; )*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let count = self.next(stringify!($type));
            let value: fn(u32) -> $type = $value;
            visitor.$visit(value(count))
        }
    )* };
}

impl<'de> Deserializer<'de> for &mut Tracer {
    type Error = Error;

    numbers! {
        deserialize_bool visit_bool bool |count| count % 2 == 1;
        deserialize_u8   visit_u8   u8   |count| u8::try_from(count % 4).unwrap_or(0);
        deserialize_u16  visit_u16  u16  |count| u16::try_from(0x100 + count).unwrap_or(0);
        deserialize_u32  visit_u32  u32  |count| count * 100;
        deserialize_u64  visit_u64  u64  |count| u64::from(count) << 33;
        deserialize_i64  visit_i64  i64  |count| i64::from(count) * if count % 2 == 1 { 1000 } else { -1000 };
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.next("string");
        visitor.visit_str(self.field)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.optional == Optional::Alternating && self.next("").is_multiple_of(2) {
            return visitor.visit_none();
        }
        let value = visitor.visit_some(&mut *self)?;
        self.kind = format!("optional {}", self.kind);
        Ok(value)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_seq(Elements { tracer: self, left: 2 })?;
        self.kind = match self.kind.as_str() {
            "u8" => "bytes".to_owned(),
            element => format!("list of {element}"),
        };
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_seq(Elements { tracer: self, left: len })?;
        self.kind = format!("{len} × {}", self.kind);
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut shape = Shape { name, fields: Vec::new() };
        let value = visitor.visit_seq(Fields { tracer: self, names: fields, shape: &mut shape })?;
        if !self.shapes.contains(&shape) {
            self.shapes.push(shape);
        }
        name.clone_into(&mut self.kind);
        Ok(value)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a type that no message has so far"))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple_struct map enum identifier
        ignored_any
    }
}

struct Elements<'t> {
    tracer: &'t mut Tracer,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.tracer).map(Some)
    }
}

struct Fields<'t> {
    tracer: &'t mut Tracer,
    names: &'static [&'static str],
    shape: &'t mut Shape,
}

impl<'de> SeqAccess<'de> for Fields<'_> {
    type Error = Error;
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some((name, rest)) = self.names.split_first() else { return Ok(None) };
        self.names = rest;
        self.tracer.field = name;
        let value = seed.deserialize(&mut *self.tracer)?;
        self.shape.fields.push((name, std::mem::take(&mut self.tracer.kind)));
        Ok(Some(value))
    }
}
