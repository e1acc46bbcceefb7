//! The same calls for programs with a tokio runtime.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coffer_protocol::frame::Flags;
use coffer_protocol::operation::Operation;
use tokio::time::{sleep, timeout_at};

use super::call::{self, Call};
use crate::asynchronous::AsyncConnection;
use crate::channel::Frame;
use crate::connection::{ConnectOptions, Reply, Role};
use crate::retry::{Fate, Repeated, Retries};
use crate::{Error, exchange, socket};

/// A connection for requests of the KMS API, within one partition, that does not block.
///
/// It needs a tokio runtime with input, output and time. A future that is dropped before it is done closes the
/// connection, because the reply may be on its way; whether the request was carried out is not known then. The next
/// call connects anew.
///
/// ```no_run
/// # async fn example() -> Result<(), coffer_client::Error> {
/// use coffer_client::kms::AsyncKms;
/// use coffer_client::{Context, KeyName};
///
/// let mut kms = AsyncKms::connect("example").await?;
/// let ciphertext = kms.encrypt(&KeyName::new("app"), b"to be kept", &Context::default()).await?;
/// # Ok(())
/// # }
/// ```
pub struct AsyncKms {
    path: PathBuf,
    options: ConnectOptions,
    connection: Option<AsyncConnection>,
    retries: Retries,
    limit: Option<Duration>,
}

/// The same calls, checked in every way and not carried out.
pub struct AsyncDryRun<'a>(&'a mut AsyncKms);

impl AsyncKms {
    /// Connects to the daemon's usual socket, for the default partition.
    pub async fn connect(client_name: &str) -> Result<Self, Error> {
        let options = ConnectOptions::new(Role::Service, client_name);
        Self::open(&socket::app_path(), &options).await
    }

    /// Connects to a socket.
    pub async fn open(path: &Path, options: &ConnectOptions) -> Result<Self, Error> {
        let (path, options) = (path.to_owned(), options.clone());
        let retries = Retries::default();
        let mut kms = Self { path, options, connection: None, retries, limit: None };
        kms.repeat(Repeated::Harmless, None).await?;
        Ok(kms)
    }

    /// Says how often calls are made.
    pub fn set_retries(&mut self, retries: Retries) {
        self.retries = retries;
    }

    /// Gives every call so much time, with all its attempts; for ever when absent. One that runs out of time is
    /// [`Error::Lost`] and ends its connection.
    pub fn set_time_limit(&mut self, limit: Option<Duration>) {
        self.limit = limit;
    }

    /// Sends a request as it is on the wire, for what has no method here.
    pub async fn call<O: Operation>(
        &mut self,
        request: O,
        payload: &[u8],
    ) -> Result<Reply<O::Reply>, Error> {
        let meta = exchange::encode(&request)?;
        drop(request);
        let message =
            Message { operation: O::ROW.number, flags: Flags::NONE, meta: &meta, payload };
        let frame = self.send(call::repeated(O::ROW), message).await?;
        self.read(frame)
    }

    /// The same calls, which then change nothing.
    pub fn dry_run(&mut self) -> AsyncDryRun<'_> {
        AsyncDryRun(self)
    }

    pub(super) async fn run<O: Operation, T>(&mut self, call: Call<'_, O, T>) -> Result<T, Error> {
        let (repeated, read) = (call.repeated(), call.read);
        let Call { request, payload, .. } = call;
        // Encoded first, so that the future holds no request, which other threads may not look at.
        let meta = exchange::encode(&request)?;
        drop(request);
        let (operation, flags, payload) = (O::ROW.number, Flags::NONE, payload.bytes());
        let frame = self.send(repeated, Message { operation, flags, meta: &meta, payload }).await?;
        let reply = self.read::<O::Reply>(frame)?;
        Ok(read(reply.meta, reply.payload))
    }

    async fn send(&mut self, repeated: Repeated, message: Message<'_>) -> Result<Frame, Error> {
        let frame = self.repeat(repeated, Some(message)).await?;
        frame.ok_or(Error::Protocol("no reply"))
    }

    /// Connects, and sends a message if there is one, until that succeeds or may not be tried again.
    async fn repeat(
        &mut self,
        repeated: Repeated,
        message: Option<Message<'_>>,
    ) -> Result<Option<Frame>, Error> {
        let deadline = self.limit.map(|limit| Instant::now() + limit);
        let mut made = 1;
        loop {
            let attempt = self.attempt(message);
            let result = match deadline {
                None => attempt.await,
                Some(deadline) => timeout_at(deadline.into(), attempt)
                    .await
                    .unwrap_or_else(|_| Err(Error::Lost(io::ErrorKind::TimedOut.into()))),
            };
            let error = match result {
                Ok(frame) => return Ok(frame),
                Err(error) => error,
            };
            let was_sent = self.connection.as_ref().is_some_and(AsyncConnection::was_sent);
            let fate = if was_sent { Fate::Unknown } else { Fate::NotExecuted };
            match self.retries.wait(made, (&error, fate), repeated, deadline) {
                Some(wait) => sleep(wait).await,
                None => return Err(error),
            }
            made += 1;
        }
    }

    async fn attempt(&mut self, message: Option<Message<'_>>) -> Result<Option<Frame>, Error> {
        let ready = self.connection.take().filter(AsyncConnection::is_ready);
        let connection = match ready {
            Some(connection) => connection,
            None => AsyncConnection::open(&self.path, &self.options).await?,
        };
        let connection = self.connection.insert(connection);
        let Some(Message { operation, flags, meta, payload }) = message else { return Ok(None) };
        connection.call(operation, flags, meta, payload).await.map(Some)
    }

    fn read<T>(&mut self, frame: Frame) -> Result<Reply<T>, Error>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        match exchange::fields(&frame) {
            Ok(meta) => {
                let request_id = frame.header.request_id;
                Ok(Reply { meta, payload: frame.payload, request_id })
            }
            Err(error) => {
                self.connection = None;
                Err(error)
            }
        }
    }
}

/// A request as it goes out.
#[derive(Clone, Copy)]
struct Message<'a> {
    operation: u16,
    flags: Flags,
    meta: &'a [u8],
    payload: &'a [u8],
}

impl AsyncDryRun<'_> {
    pub(super) async fn ask<O: Operation, T>(&mut self, call: Call<'_, O, T>) -> Result<(), Error> {
        let Call { request, payload, .. } = call;
        let meta = exchange::encode(&request)?;
        drop(request);
        let (operation, flags, payload) = (O::ROW.number, Flags::DRY_RUN, payload.bytes());
        let message = Message { operation, flags, meta: &meta, payload };
        self.0.send(Repeated::Harmless, message).await.map(drop)
    }
}
