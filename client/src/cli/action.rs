//! From the name of an action to its typed request: `coffer call` knows what the operation table knows.

use std::fmt::Write;

use coffer_client::{Connection, Error};
use coffer_protocol::message::Message;
use coffer_protocol::message::json::{FieldError, Object, Value};
use coffer_protocol::operation::{self, Operation, Row, Socket};
use zeroize::{Zeroize, Zeroizing};

/// What can be called by name: every operation whose fields have names.
#[derive(Clone, Copy)]
pub(crate) struct Action {
    pub(crate) row: &'static Row,
    prepare: fn(Object) -> Result<Box<dyn Prepared>, FieldError>,
}

/// A request that has passed the checks of its fields.
pub(crate) trait Prepared {
    /// Sends it; returns the reply's object and the number of the request.
    fn send(&self, connection: &mut Connection) -> Result<(Object, u64), Error>;

    /// Asks whether it would succeed; returns the number of the request.
    fn dry_run(&self, connection: &mut Connection) -> Result<u64, Error>;
}

/// A JSON object that is wiped when dropped, because it may hold a plaintext.
pub(crate) struct Wiped(pub(crate) Object);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Wipes every text in a value.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

struct Request<O> {
    meta: O,
    payload: Zeroizing<Vec<u8>>,
}

impl<O: Operation> Prepared for Request<O>
where
    O::Reply: Message,
{
    fn send(&self, connection: &mut Connection) -> Result<(Object, u64), Error> {
        let reply = connection.call(&self.meta, &self.payload)?;
        Ok((reply.meta.to_json(&reply.payload), reply.request_id))
    }

    fn dry_run(&self, connection: &mut Connection) -> Result<u64, Error> {
        connection.dry_run(&self.meta, &self.payload)
    }
}

fn prepare<O: Operation + Message>(object: Object) -> Result<Box<dyn Prepared>, FieldError>
where
    O::Reply: Message,
{
    let (meta, payload) = O::from_json(object)?;
    Ok(Box::new(Request { meta, payload: Zeroizing::new(payload) }))
}

macro_rules! actions {
    (@row Pkcs11 $module:ident $request:ident) => { None };
    (@row $face:ident $module:ident $request:ident) => {
        Some(prepare::<operation::$module::$request>)
    };
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        fn find_prepare(number: u16) -> Option<fn(Object) -> Result<Box<dyn Prepared>, FieldError>> {
            match number {
                $( $number => actions!(@row $face $module $request), )*
                _ => None,
            }
        }
    };
}

coffer_protocol::for_each_operation!(actions);

impl Action {
    /// The action of that name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::of(operation::find_action(name)?)
    }

    /// Every action, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        operation::ALL.iter().filter_map(|row| Self::of(row))
    }

    fn of(row: &'static Row) -> Option<Self> {
        Some(Self { row, prepare: find_prepare(row.number)? })
    }

    /// Whether only the admin socket answers it.
    pub(crate) fn is_administration(self) -> bool {
        self.row.socket == Socket::Admin
    }

    /// Checks the fields of a request.
    pub(crate) fn prepare(self, object: Object) -> Result<Box<dyn Prepared>, FieldError> {
        (self.prepare)(object)
    }

    /// What `coffer call ACTION --help` prints.
    pub(crate) fn help(self) -> String {
        let mut text = format!("{}: {}\n", self.row.name, self.row.help);
        let Some((request, reply)) = operation::fields(self.row.number) else { return text };
        for (title, fields) in [("Request", request), ("Reply", reply)] {
            let _ = writeln!(text, "\n{title}:");
            let width = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
            for field in fields {
                let need = match (title, field.required) {
                    ("Reply", _) => "",
                    (_, true) => "required  ",
                    (_, false) => "optional  ",
                };
                let (name, kind, help) = (field.name, field.kind, field.help);
                let _ = writeln!(text, "  {name:width$}  {kind:7}  {need}{help}");
            }
            if fields.is_empty() {
                text += "  (no fields)\n";
            }
        }
        text
    }
}
