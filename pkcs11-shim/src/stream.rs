//! Operations of several parts that the daemon keeps: data in as many frames as it takes.

use coffer_protocol::frame::MAX_PAYLOAD;
use coffer_protocol::mechanism::Function;
use coffer_protocol::operation::cipher::{
    self, CancelOperation, FinishOperation, StartOperation, UpdateOperation,
};
use cryptoki_sys::CK_FLAGS;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::key_use::KeyUse;
use crate::operation::flag;
use crate::session::Session;

/// Most bytes of data in one frame.
pub(crate) const CHUNK: usize = MAX_PAYLOAD as usize;

/// A multi-part operation in the daemon.
pub(crate) struct Stream {
    /// The `CKF_` bit by which C_SessionCancel names it.
    flag: CK_FLAGS,
    is_open: bool,
}

impl Stream {
    /// One that the daemon knows nothing of yet.
    pub(crate) fn new(flag: CK_FLAGS) -> Self {
        Self { flag, is_open: false }
    }

    /// Sends data, in as many frames as it takes; what they yield comes back together.
    pub(crate) fn send(
        &mut self,
        session: &Session,
        key_use: &KeyUse,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut yielded = Zeroizing::new(Vec::new());
        let mut rest = data;
        if !self.is_open {
            key_use.expect_authenticated()?;
            session.expect_wanted(self.flag)?;
            let first;
            (first, rest) = data.split_at(data.len().min(CHUNK));
            let request = StartOperation {
                session: session.number(),
                function: wire(key_use.function)?,
                key: key_use.key.object,
                mechanism: key_use.call.clone(),
            };
            append(&mut yielded, &session.call(&request, first)?.payload);
            self.is_open = true;
        }
        for chunk in rest.chunks(CHUNK) {
            session.expect_wanted(self.flag)?;
            // A refusal ends the operation in the daemon too.
            self.is_open = false;
            let request =
                UpdateOperation { session: session.number(), function: wire(key_use.function)? };
            append(&mut yielded, &session.call(&request, chunk)?.payload);
            self.is_open = true;
        }
        Ok(yielded)
    }

    /// Ends it; `signature` is what to verify. A reply that is full says that there is more.
    pub(crate) fn finish(
        &mut self,
        session: &Session,
        key_use: &KeyUse,
        signature: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        session.expect_wanted(self.flag)?;
        self.is_open = false;
        let request = FinishOperation {
            session: session.number(),
            function: wire(key_use.function)?,
            signature: signature.to_vec(),
        };
        let mut yielded = session.call(&request, &[])?.payload;
        let mut is_full = yielded.len() == CHUNK;
        while is_full {
            let more = session.call(&request, &[])?.payload;
            append(&mut yielded, &more);
            is_full = more.len() == CHUNK;
        }
        Ok(yielded)
    }

    /// Whether the daemon knows of it.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Drops it.
    pub(crate) fn cancel(&mut self, session: &Session, key_use: &KeyUse) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        if let Ok(function) = wire(key_use.function) {
            // It is over here whatever the daemon answers.
            let _ = session.call(&CancelOperation { session: session.number(), function }, &[]);
        }
    }
}

impl KeyUse {
    /// Computes with data that does not fit a frame, in as many as it takes.
    pub(crate) fn stream(
        &self,
        session: &Session,
        data: &[u8],
        signature: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut stream = Stream::new(flag(self.function));
        let outcome = stream.send(session, self, data).and_then(|mut result| {
            let rest = stream.finish(session, self, signature)?;
            append(&mut result, &rest);
            Ok(result)
        });
        if outcome.is_err() {
            stream.cancel(session, self);
        }
        outcome
    }
}

/// The number of a function of several parts.
pub(crate) fn wire(function: Function) -> Result<u8, Error> {
    Ok(match function {
        Function::Encrypt => cipher::Function::Encrypt as u8,
        Function::Decrypt => cipher::Function::Decrypt as u8,
        Function::Sign => cipher::Function::Sign as u8,
        Function::Verify => cipher::Function::Verify as u8,
        Function::Digest
        | Function::SignRecover
        | Function::VerifyRecover
        | Function::Generate
        | Function::GenerateKeyPair
        | Function::Wrap
        | Function::Unwrap
        | Function::Derive
        | Function::Encapsulate
        | Function::Decapsulate => return Err(Error::GeneralError),
    })
}

/// Appends to a buffer without leaving a copy behind where it grows.
pub(crate) fn append(buffer: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    let needed = buffer.len() + data.len();
    if needed > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * buffer.capacity())));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(data);
}
