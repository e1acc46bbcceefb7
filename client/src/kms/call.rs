//! A typed call: the request, its payload, and how the reply is read. Each is written once, in the table of its
//! subject; blocking calls, calls that do not block, and dry runs are made from it.

use coffer_protocol::operation::{Effect, Operation, Row};
use secrecy::SecretSlice;
use zeroize::Zeroizing;

use crate::retry::Repeated;

/// No payload.
pub(super) const NONE: &[u8] = &[];

/// A request that waits to be sent.
pub(crate) struct Call<'a, O: Operation, T> {
    pub(crate) request: O,
    pub(crate) payload: Payload<'a>,
    pub(crate) read: fn(O::Reply, Zeroizing<Vec<u8>>) -> T,
    /// Whether the daemon knows a repetition of it for what it is.
    pub(crate) is_named: bool,
}

/// Bulk or secret bytes of a request.
pub(crate) enum Payload<'a> {
    Borrowed(&'a [u8]),
    Made(Zeroizing<Vec<u8>>),
}

impl<'a, O: Operation, T> Call<'a, O, T> {
    pub(super) fn new(
        request: O,
        payload: impl Into<Payload<'a>>,
        read: fn(O::Reply, Zeroizing<Vec<u8>>) -> T,
    ) -> Self {
        Self { request, payload: payload.into(), read, is_named: false }
    }

    /// Says whether the request has a name by which the daemon knows a repetition.
    pub(super) fn named(self, is_named: bool) -> Self {
        Self { is_named, ..self }
    }

    /// What happens when it is sent again and nobody knows whether it was carried out.
    pub(crate) fn repeated(&self) -> Repeated {
        if self.is_named { Repeated::Harmless } else { repeated(O::ROW) }
    }
}

/// What happens when an operation without a name is carried out twice. The use of a key changes no key, but it is
/// recorded and counted, so it is not made twice either.
pub(crate) fn repeated(row: &Row) -> Repeated {
    match row.effect {
        Effect::Read => Repeated::Harmless,
        Effect::Write | Effect::Use => Repeated::Harmful,
    }
}

impl Payload<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl From<Zeroizing<Vec<u8>>> for Payload<'_> {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::Made(bytes)
    }
}

/// The payload has exactly its size, so making it a slice does not copy it.
pub(super) fn secret(mut payload: Zeroizing<Vec<u8>>) -> SecretSlice<u8> {
    std::mem::take(&mut *payload).into()
}

/// A payload that is no secret.
pub(super) fn public(mut payload: Zeroizing<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut *payload)
}

/// Makes the methods of a subject from its table, and lists their operations in `ROWS`.
///
/// A row is the method's name and arguments, its result, the request, its payload, and how the reply's fields and
/// payload become the result; `named if` tells whether the request has a name by which the daemon knows a repetition.
macro_rules! calls {
    ($( $(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty
        = $request:ident $fields:tt, $payload:expr => $read:expr $(, named if $named:expr)?; )*) => {
        /// The operations that have a call here.
        #[cfg(test)]
        pub(super) const ROWS: &[&coffer_protocol::operation::Row] =
            &[ $( <$request as coffer_protocol::operation::Operation>::ROW ),* ];

        impl super::Kms { $(
            $(#[$doc])*
            #[doc = concat!("\nThe action `", stringify!($request), "`.")]
            pub fn $name(&mut self, $($argument: $type),*) -> Result<$result, crate::Error> {
                self.run(&super::call::Call::new($request $fields, $payload, $read)$(.named($named))?)
            }
        )* }

        impl super::DryRun<'_> { $(
            #[doc = concat!("Asks whether [`Kms::", stringify!($name), "`](super::Kms::", stringify!($name), ") would succeed.")]
            pub fn $name(&mut self, $($argument: $type),*) -> Result<(), crate::Error> {
                self.ask(&super::call::Call::new($request $fields, $payload, $read)$(.named($named))?)
            }
        )* }

        #[cfg(feature = "async")]
        impl super::AsyncKms { $(
            $(#[$doc])*
            #[doc = concat!("\nThe action `", stringify!($request), "`.")]
            pub async fn $name(&mut self, $($argument: $type),*) -> Result<$result, crate::Error> {
                self.run(super::call::Call::new($request $fields, $payload, $read)$(.named($named))?).await
            }
        )* }

        #[cfg(feature = "async")]
        impl super::AsyncDryRun<'_> { $(
            #[doc = concat!("Asks whether [`AsyncKms::", stringify!($name), "`](super::AsyncKms::", stringify!($name), ") would succeed.")]
            pub async fn $name(&mut self, $($argument: $type),*) -> Result<(), crate::Error> {
                self.ask(super::call::Call::new($request $fields, $payload, $read)$(.named($named))?).await
            }
        )* }
    };
}
pub(super) use calls;
