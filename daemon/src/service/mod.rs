//! The one way in: every request passes the gate, then its handler.
//!
//! Files here have the names of the operation table's modules: `system`, `token`, `object`, `cipher`, `kms`.

pub mod authorized;
/// Makes handlers of operations that only tell something: nothing to decide, so nothing to check.
macro_rules! tells {
    ($( $request:ident |$call:ident, $service:ident| -> $reply:ident $body:block )*) => { $(
        impl $crate::service::Handle for $request {
            type Plan = ();

            fn check(
                _call: &$crate::service::Authorized<'_, Self>,
                _service: &$crate::service::Service,
            ) -> Result<(), $crate::Error> {
                Ok(())
            }

            fn commit(
                $call: $crate::service::Authorized<'_, Self>,
                (): (),
                $service: &$crate::service::Service,
            ) -> Result<$crate::service::Answer<$reply>, $crate::Error> $body
        }
    )* };
}

mod alarm;
mod backup;
mod cipher;
mod gate;
mod kms;
mod object;
mod record;
mod system;
#[doc(hidden)]
pub mod testing;
mod token;
mod visible;
mod weak;

pub use authorized::{Answer, Authorized, Caller, Payload, ReplyPayload};
pub use cipher::Ivs;
pub use kms::{Imports, Uses};
pub use record::Templates;
pub(crate) use record::malformed;

use std::sync::{Arc, Mutex, RwLock};

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::{self, Flags};
use coffer_protocol::operation::{self, Audit as Audited, Face, KeyRule, Operation, Row};

use crate::Error;
use crate::alarm::Alarms;
use crate::application::Applications;
use crate::audit::{Audit, Tagger};
use crate::backup::Transfers;
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::deadline::Deadlines;
use crate::event::Hub;
use crate::object::{Keyring, Registry};
use crate::partition::Partitions;
use crate::permits::Permits;
use crate::pin::Pins;
use crate::seal::RootKey;
use crate::share::Shares;
use crate::state::device::Device;
use crate::store::Store;

/// How one operation is carried out.
///
/// A handler sees its request only inside [`Authorized`], and only the gate makes one. `validate` looks at the
/// request alone; `check` decides whether the operation can be done, without doing it; `commit` does it. A dry
/// run stops after `check`.
pub(crate) trait Handle: Operation {
    /// What `check` found out and `commit` needs.
    type Plan;

    /// Refuses values that can never be right: lengths, names, numbers.
    ///
    /// # Errors
    ///
    /// The code of the value.
    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        let _ = payload_length;
        Ok(())
    }

    /// A key that the request names beside its resource.
    fn further_key(&self) -> Option<&str> {
        None
    }

    /// Decides.
    ///
    /// # Errors
    ///
    /// Whatever stops the operation.
    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error>;

    /// What is written to the audit log of a request that was found to come to this; more than the row says where
    /// it depends on that.
    fn audit(_plan: &Self::Plan) -> Audited {
        Self::ROW.audit
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// Whatever stops the operation.
    fn commit(
        call: Authorized<'_, Self>,
        plan: Self::Plan,
        service: &Service,
    ) -> Result<Answer<Self::Reply>, Error>;
}

/// What handlers work on.
pub struct Service {
    /// The configuration.
    pub config: Config,
    /// Uid of the owner.
    pub owner: u32,
    /// Limits, which a reload may change.
    pub limits: RwLock<Limits>,
    /// The time.
    pub clock: Clock,
    /// Where the device is in its life.
    pub device: Device,
    /// The root key, in secret memory.
    pub root: RootKey,
    /// The store.
    pub store: Arc<Store>,
    /// The objects of the store.
    pub registry: Registry,
    /// Keys that are open for use.
    pub keyring: Keyring,
    /// Partitions.
    pub partitions: Partitions,
    /// PINs and their failures.
    pub pins: Pins,
    /// How many keys may be generated at once.
    pub generations: Permits,
    /// Held while a CMK comes in, so that neither its quota nor its client token is asked about too early.
    pub creations: Mutex<()>,
    /// What each uid holds.
    pub shares: Shares,
    /// Applications that are connected.
    pub applications: Applications,
    /// Who is told of changes.
    pub events: Hub,
    /// Backups, restores and checks under way.
    pub transfers: Transfers,
    /// The time for deadlines.
    pub deadlines: Deadlines,
    /// Alarms.
    pub alarms: Alarms,
    /// Open import tokens.
    pub imports: Imports,
    /// When keys were used last.
    pub uses: Uses,
    /// The IVs that callers made for keys that rotate.
    pub ivs: Ivs,
    /// The audit log.
    pub audit: Audit,
    /// What stands for secret values in it.
    pub tagger: Tagger,
    /// Made anew at each start.
    pub instance: [u8; 16],
    /// What was found out at the start, for `status`.
    pub start: StartReport,
}

/// What was found out at the start.
#[derive(Clone, Debug, Default)]
pub struct StartReport {
    /// UNIX seconds.
    pub time: i64,
    /// Protections of the process that hold.
    pub hardening: Vec<String>,
    /// Known-answer tests passed.
    pub self_tests: u64,
    /// Ways to unseal.
    pub seal_slots: Vec<String>,
}

/// A request as it came out of its frame.
#[derive(Debug)]
pub struct Incoming<'f> {
    /// Number of the operation.
    pub operation: u16,
    /// Switches of the frame.
    pub flags: Flags,
    /// The metadata.
    pub meta: &'f [u8],
    /// The payload.
    pub payload: Payload<'f>,
}

/// The answer to a request, as it goes into a frame.
#[derive(Debug)]
pub struct Outgoing {
    /// Switches of the frame.
    pub flags: Flags,
    /// The metadata.
    pub meta: Vec<u8>,
    /// The payload.
    pub payload: ReplyPayload,
}

impl Outgoing {
    /// A failed reply.
    pub fn failed(failure: &Failure) -> Self {
        let meta = frame::encode_meta(failure).unwrap_or_default();
        Self { flags: Flags::FAILED, meta, payload: ReplyPayload::None }
    }
}

/// The reply to a request that failed.
fn failed(service: &Service, number: u16, error: &Error) -> Outgoing {
    if error.code() == ErrorCode::AuditBlocked {
        service.blocked();
    }
    let crypts = |row: &Row| {
        row.face == Face::Kms && matches!(row.rule, KeyRule::Encrypt | KeyRule::Decrypt)
    };
    if error.code() == ErrorCode::KeyPendingDelete
        && service.config.compat.tencent_strict
        && operation::find(number).is_some_and(crypts)
    {
        return Outgoing::failed(&Error::from(ErrorCode::CmkDisabled).failure());
    }
    Outgoing::failed(&error.failure())
}

macro_rules! dispatch {
    ($( $number:literal $module:ident $request:ident $reply:ident $face:ident $socket:ident $access:ident $when:ident
        $effect:ident $secret:ident $resource:ident $(($($field:ident),*))? $rule:ident $audit:ident $cost:ident $help:literal; )*) => {
        /// Answers a request of `caller`; every failure becomes a failed reply.
        pub fn dispatch(service: &Service, caller: &Caller, incoming: Incoming<'_>) -> Outgoing {
            let operation = incoming.operation;
            let answered = match operation {
                $( $number => gate::pass::<coffer_protocol::operation::$module::$request>(service, caller, incoming), )*
                _ => Err(ErrorCode::UnknownOperation.into()),
            };
            answered.unwrap_or_else(|error| failed(service, operation, &error))
        }
    };
}

coffer_protocol::for_each_operation!(dispatch);
