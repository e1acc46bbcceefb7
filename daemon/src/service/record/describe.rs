//! What the audit log says of a request's fields, from the operation table and the fields' own.

use coffer_protocol::handshake::uuid_text;
use coffer_protocol::message::{Audited, Message};
use coffer_protocol::operation::{self, Operation};

use super::{Payload, Service};
use crate::vault::{self, Depth, Public};

/// What the audit log says of a request's fields.
pub(in crate::service) trait Describe: Operation {
    /// Names and values; secrets as tags.
    fn parameters(
        &self,
        service: &Service,
        payload: &Payload<'_>,
    ) -> Vec<(&'static str, serde_json::Value)>;

    /// Ids of what the operation made.
    fn made(reply: &Self::Reply) -> Vec<String>;
}

macro_rules! describe {
    (@made $reply:ident ObjectDescription) => { vec![uuid_text(&$reply.id)] };
    (@made $reply:ident DerivedKeys) => {
        $reply.keys.iter().map(|key| uuid_text(&key.id)).collect()
    };
    (@made $reply:ident EncapsulatedKey) => { vec![uuid_text(&$reply.key.id)] };
    (@made $reply:ident GeneratedKeyPair) => {
        vec![uuid_text(&$reply.private.id), uuid_text(&$reply.public.id)]
    };
    (@made $reply:ident CreatedKey) => { vec![$reply.key_id.clone()] };
    (@made $reply:ident $type:ident) => {{
        let _ = $reply;
        Vec::new()
    }};
    (@row Pkcs11 $request:path, $type:ident) => {
        impl Describe for $request {
            fn parameters(
                &self,
                _service: &Service,
                payload: &Payload<'_>,
            ) -> Vec<(&'static str, serde_json::Value)> {
                vec![("PayloadLength", payload.len().into())]
            }

            fn made(reply: &Self::Reply) -> Vec<String> {
                describe!(@made reply $type)
            }
        }
    };
    (@row $face:ident $request:path, $type:ident) => {
        impl Describe for $request {
            fn parameters(
                &self,
                service: &Service,
                payload: &Payload<'_>,
            ) -> Vec<(&'static str, serde_json::Value)> {
                message_parameters(self, service, payload)
            }

            fn made(reply: &Self::Reply) -> Vec<String> {
                describe!(@made reply $type)
            }
        }
    };
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        $( describe!(@row $face operation::$module::$request, $reply); )*
    };
}

coffer_protocol::for_each_operation!(describe);

fn message_parameters<M: Message>(
    message: &M,
    service: &Service,
    payload: &Payload<'_>,
) -> Vec<(&'static str, serde_json::Value)> {
    let mut object = message.to_json(&[]);
    let tagger = &service.tagger;
    let mut parameters = Vec::new();
    for field in M::FIELDS {
        let value = match (field.payload, field.audited) {
            (true, Audited::Tagged) => {
                vault::run(Depth::Small, |inside| tagger.tag(inside, payload.bytes(inside)))
                    .map_or(serde_json::Value::Null, |Public(tag)| tag.into())
            }
            (true, Audited::Clear) => serde_json::Value::Null,
            (false, Audited::Clear) => match object.remove(field.name) {
                Some(value) => value,
                None => continue,
            },
            (false, Audited::Tagged) => match object.remove(field.name) {
                Some(value) => tagger
                    .tag_public(value.to_string().as_bytes())
                    .map_or(serde_json::Value::Null, Into::into),
                None => continue,
            },
        };
        parameters.push((field.name, value));
    }
    parameters
}
