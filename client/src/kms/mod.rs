//! The KMS API as typed calls: one method for each action, in a file for each subject.
//!
//! What is secret in a reply comes as a [`SecretSlice`](secrecy::SecretSlice), which is wiped when dropped and never
//! printed. A refusal is [`Error::Refused`] with a code of the error table; each method names those of its own.
//! Beside them every action that names a key may be refused with `InvalidKeyId` and `CmkNotFound`, and every action
//! with `Unauthorized`, `Unavailable` while the daemon is sealed, and `InvalidValue`.
//!
//! [`Kms`] blocks. With the feature `async` there is `AsyncKms`, which has the same calls for programs with a tokio
//! runtime.

mod alarm;
mod asymmetric;
#[cfg(feature = "async")]
mod asynchronous;
mod batch;
mod binding;
pub(crate) mod call;
mod create;
mod crypt;
mod data_key;
mod deletion;
mod describe;
mod import;
mod information;
mod mac;
mod pair;
mod rotation;
mod sign;
mod state;
mod tag;
mod usage;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use alarm::*;
pub use asymmetric::*;
#[cfg(feature = "async")]
pub use asynchronous::*;
use call::Call;
use coffer_protocol::operation::Operation;
pub use create::*;
pub use crypt::*;
pub use data_key::*;
pub use deletion::*;
pub use describe::*;
pub use import::*;
pub use information::*;
pub use pair::*;
pub use rotation::*;
pub use sign::*;
pub use tag::*;
pub use usage::*;

use crate::connection::{CallOptions, ConnectOptions, Connection, Reply, Role};
use crate::handshake::HANDSHAKE_LIMIT;
use crate::retry::{Fate, Repeated, Retries};
use crate::{Error, socket};

/// A connection for requests of the KMS API, within one partition.
///
/// ```no_run
/// use coffer_client::kms::{Kms, NewKey};
/// use coffer_client::{Context, KeyName};
/// use secrecy::ExposeSecret;
///
/// let mut kms = Kms::connect("example")?;
/// kms.create_key(&NewKey::new("app"))?;
/// let context = Context::from([("tenant", "7")]);
/// let ciphertext = kms.encrypt(&KeyName::new("app"), b"to be kept", &context)?;
/// let plaintext = kms.decrypt(&ciphertext, &context)?;
/// assert_eq!(plaintext.expose_secret(), b"to be kept");
/// # Ok::<(), coffer_client::Error>(())
/// ```
///
/// A connection that broke is made anew by the next call, because no call depends on an earlier one. [`Retries`] says
/// which calls are made again by themselves.
pub struct Kms {
    path: PathBuf,
    options: ConnectOptions,
    connection: Option<Connection>,
    retries: Retries,
    limit: Option<Duration>,
}

/// The same calls, checked in every way and not carried out.
///
/// ```no_run
/// use coffer_client::KeyName;
/// use coffer_client::kms::Kms;
///
/// let mut kms = Kms::connect("example")?;
/// let error = kms.dry_run().schedule_key_deletion(&KeyName::new("in-use"), 7).unwrap_err();
/// println!("it could not be deleted: {error}");
/// # Ok::<(), coffer_client::Error>(())
/// ```
pub struct DryRun<'a>(&'a mut Kms);

impl Kms {
    /// Connects to the daemon's usual socket, for the default partition.
    pub fn connect(client_name: &str) -> Result<Self, Error> {
        let options = ConnectOptions::new(Role::Service, client_name);
        Self::open(&socket::app_path(), &options)
    }

    /// Connects to a socket.
    pub fn open(path: &Path, options: &ConnectOptions) -> Result<Self, Error> {
        let (path, options) = (path.to_owned(), options.clone());
        let retries = Retries::default();
        let mut kms = Self { path, options, connection: None, retries, limit: None };
        kms.connection()?;
        Ok(kms)
    }

    /// Says how often calls are made.
    pub fn set_retries(&mut self, retries: Retries) {
        self.retries = retries;
    }

    /// Gives every call so much time, with all its attempts; for ever when absent. One that runs out of time is
    /// [`Error::Lost`] and ends its connection; a request that does not go out counts as lost after ten seconds at the
    /// latest.
    pub fn set_time_limit(&mut self, limit: Option<Duration>) {
        self.limit = limit;
    }

    /// The connection, for requests that have no method here; a new one where it broke.
    pub fn connection(&mut self) -> Result<&mut Connection, Error> {
        self.repeat(Repeated::Harmless, |kms, deadline| {
            kms.connect_by(deadline).map(drop).map_err(|error| (error, Fate::NotExecuted))
        })?;
        self.connect_by(None)
    }

    /// Sends a request as it is on the wire, for what has no method here.
    pub fn call<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
    ) -> Result<Reply<O::Reply>, Error> {
        self.send(request, payload, call::repeated(O::ROW))
    }

    /// The same calls, which then change nothing.
    pub fn dry_run(&mut self) -> DryRun<'_> {
        DryRun(self)
    }

    fn run<O: Operation, T>(&mut self, call: &Call<'_, O, T>) -> Result<T, Error> {
        let reply = self.send(&call.request, call.payload.bytes(), call.repeated())?;
        Ok((call.read)(reply.meta, reply.payload))
    }

    fn send<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
        repeated: Repeated,
    ) -> Result<Reply<O::Reply>, Error> {
        self.repeat(repeated, |kms, deadline| {
            kms.attempt(deadline, |connection| {
                let options = CallOptions { deadline, ..CallOptions::default() };
                connection.call_with(request, payload, options)
            })
        })
    }

    /// Makes an attempt until it succeeds, or may not be made again.
    fn repeat<T>(
        &mut self,
        repeated: Repeated,
        mut attempt: impl FnMut(&mut Self, Option<Instant>) -> Result<T, (Error, Fate)>,
    ) -> Result<T, Error> {
        let deadline = self.limit.map(|limit| Instant::now() + limit);
        let mut made = 1;
        loop {
            let (error, fate) = match attempt(self, deadline) {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            match self.retries.wait(made, (&error, fate), repeated, deadline) {
                Some(wait) => std::thread::sleep(wait),
                None => return Err(error),
            }
            made += 1;
        }
    }

    /// Connects where there is no connection, and calls.
    fn attempt<T>(
        &mut self,
        deadline: Option<Instant>,
        call: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, (Error, Fate)> {
        let connection = self.connect_by(deadline).map_err(|error| (error, Fate::NotExecuted))?;
        call(connection).map_err(|error| {
            let fate = if connection.was_sent() { Fate::Unknown } else { Fate::NotExecuted };
            (error, fate)
        })
    }

    fn connect_by(&mut self, deadline: Option<Instant>) -> Result<&mut Connection, Error> {
        let ready = self.connection.take().filter(Connection::is_ready);
        let connection = match ready {
            Some(connection) => connection,
            None => Connection::open_by(&self.path, &self.options, patience(deadline))?,
        };
        Ok(self.connection.insert(connection))
    }
}

impl DryRun<'_> {
    /// It changes nothing, so it may be repeated.
    fn ask<O: Operation, T>(&mut self, call: &Call<'_, O, T>) -> Result<(), Error> {
        self.0.repeat(Repeated::Harmless, |kms, deadline| {
            kms.attempt(deadline, |connection| {
                connection.ask(&call.request, call.payload.bytes(), deadline).map(drop)
            })
        })
    }
}

/// Until when a new connection is waited for.
fn patience(deadline: Option<Instant>) -> Instant {
    let patience = Instant::now() + HANDSHAKE_LIMIT;
    deadline.map_or(patience, |deadline| deadline.min(patience))
}

#[cfg(test)]
mod tests {
    use coffer_protocol::operation::{ALL, Audit, Effect, Face, Row, fields};

    use super::*;

    const TYPED: &[&[&Row]] = &[
        alarm::ROWS,
        asymmetric::ROWS,
        batch::ROWS,
        binding::ROWS,
        create::ROWS,
        crypt::ROWS,
        data_key::ROWS,
        deletion::ROWS,
        describe::ROWS,
        import::ROWS,
        information::ROWS,
        mac::ROWS,
        pair::ROWS,
        rotation::ROWS,
        sign::ROWS,
        state::ROWS,
        tag::ROWS,
        usage::ROWS,
    ];

    #[test]
    fn every_operation_of_the_kms_has_a_typed_call() {
        for row in ALL.iter().filter(|row| row.face == Face::Kms) {
            let typed = TYPED.iter().copied().flatten().any(|typed| typed.number == row.number);
            assert!(typed, "{} has no typed call", row.name);
        }
    }

    #[test]
    fn nothing_that_changes_or_uses_a_key_is_made_twice_by_itself() {
        for row in TYPED.iter().copied().flatten() {
            let is_read = row.effect == Effect::Read;
            let wanted = if is_read { Repeated::Harmless } else { Repeated::Harmful };
            assert_eq!(call::repeated(row), wanted, "{}", row.name);
            assert!(!is_read || row.audit != Audit::Change, "{}", row.name);
        }
    }

    #[test]
    fn the_one_request_that_can_have_a_name_is_known_to_be_repeatable_with_it() {
        let with_token = |row: &&&Row| {
            let (request, _) = fields(row.number).unwrap_or_default();
            request.iter().any(|field| field.name == "ClientToken")
        };
        let names: Vec<_> = ALL.iter().filter(with_token).map(|row| row.name).collect();
        assert_eq!(names, ["CreateKey"], "say `named if` in its table of calls, and here");
    }
}
