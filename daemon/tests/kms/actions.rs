//! Operations by their names, as `coffer call` has them.

use coffer_daemon::service::testing::Peer;
use coffer_protocol::error::Failure;
use coffer_protocol::message::Message;
use coffer_protocol::operation::{self, Operation, Row};
use serde_json::Value;

fn of(failure: &Failure) -> String {
    failure.code().kms().to_owned()
}

/// Asks for an operation; the answer as JSON, or the code.
pub(crate) fn ask<O: Operation + Message>(peer: &Peer, fields: Value) -> Result<Value, String>
where
    O::Reply: Message,
{
    let (request, payload) = parse::<O>(fields)?;
    let (reply, payload) = peer.exchange(&request, &payload).map_err(|failure| of(&failure))?;
    Ok(Value::Object(reply.to_json(&payload)))
}

/// Asks whether it would be done.
fn dry_run<O: Operation + Message>(peer: &Peer, fields: Value) -> Result<Value, String> {
    let (request, payload) = parse::<O>(fields)?;
    peer.dry_run(&request, &payload).map_err(|failure| of(&failure))?;
    Ok(Value::Null)
}

fn parse<O: Operation + Message>(fields: Value) -> Result<(O, Vec<u8>), String> {
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    O::from_json(fields).map_err(|error| of(&error.failure()))
}

/// Both ways to ask.
struct Asks {
    row: &'static Row,
    ask: fn(&Peer, Value) -> Result<Value, String>,
    dry_run: fn(&Peer, Value) -> Result<Value, String>,
}

macro_rules! asks {
    (@row Pkcs11 $module:ident $request:ident) => { None };
    (@row $face:ident $module:ident $request:ident) => { Some(Asks {
        row: operation::$module::$request::ROW,
        ask: ask::<operation::$module::$request>,
        dry_run: dry_run::<operation::$module::$request>,
    }) };
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        fn asks(action: &str) -> Asks {
            let all = [ $( asks!(@row $face $module $request) ),* ];
            let found = all.into_iter().flatten().find(|asks| asks.row.name == action);
            found.unwrap_or_else(|| panic!("there is no action {action}"))
        }
    };
}

coffer_protocol::for_each_operation!(asks);

/// Asks for the operation of that name.
pub(crate) fn ask_for(peer: &Peer, action: &str, fields: Value) -> Result<Value, String> {
    (asks(action).ask)(peer, fields)
}

/// Asks whether the operation of that name would be done.
pub(crate) fn would_do(peer: &Peer, action: &str, fields: Value) -> Result<(), String> {
    (asks(action).dry_run)(peer, fields).map(drop)
}
