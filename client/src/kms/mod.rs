//! The KMS API as typed calls: one method for each action, in a file for each subject.
//!
//! What is secret in a reply comes as a [`SecretSlice`](secrecy::SecretSlice), which is wiped when dropped and never
//! printed. A refusal is [`Error::Refused`] with a code of the error table; each method names those of its own.
//! Beside them every action that names a key may be refused with `InvalidKeyId` and `CmkNotFound`, and every action
//! with `Unauthorized`, `Unavailable` while the daemon is sealed, and `InvalidValue`.

mod alarm;
mod asymmetric;
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

use std::path::Path;

pub use alarm::*;
pub use asymmetric::*;
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

use crate::connection::{ConnectOptions, Connection, Reply, Role};
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
pub struct Kms {
    connection: Connection,
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
        Ok(Self { connection: Connection::open(path, options)? })
    }

    /// The connection, for requests that have no method here.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Sends a request as it is on the wire, for what has no method here.
    pub fn call<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
    ) -> Result<Reply<O::Reply>, Error> {
        self.connection.call(request, payload)
    }

    /// The same calls, which then change nothing.
    pub fn dry_run(&mut self) -> DryRun<'_> {
        DryRun(self)
    }

    fn run<O: Operation, T>(&mut self, call: &Call<'_, O, T>) -> Result<T, Error> {
        let reply = self.connection.call(&call.request, call.payload.bytes())?;
        Ok((call.read)(reply.meta, reply.payload))
    }
}

impl DryRun<'_> {
    fn ask<O: Operation, T>(&mut self, call: &Call<'_, O, T>) -> Result<(), Error> {
        self.0.connection.dry_run(&call.request, call.payload.bytes()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use coffer_protocol::operation::{ALL, Face, Row, fields};

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
    fn the_one_request_that_can_have_a_name_is_known_to_be_repeatable_with_it() {
        let with_token = |row: &&&Row| {
            let (request, _) = fields(row.number).unwrap_or_default();
            request.iter().any(|field| field.name == "ClientToken")
        };
        let names: Vec<_> = ALL.iter().filter(with_token).map(|row| row.name).collect();
        assert_eq!(names, ["CreateKey"], "say `named if` in its table of calls, and here");
    }
}
