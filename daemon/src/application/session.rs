//! Sessions and the multi-part operations that run in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::{Mechanism, Parameter};
use coffer_protocol::operation::cipher::Function;
use zeroize::Zeroizing;

use crate::Error;
use crate::crypto;
use crate::object::{KeyPart, Object, ObjectId, Slot};
use crate::state::login::Login;
use crate::vault::Sealed;

/// A session.
#[derive(Debug)]
pub struct Session {
    /// Its slot.
    pub slot: Slot,
    /// Whether it may change token objects.
    pub read_write: bool,
    /// The key for whose next use the user gave the PIN.
    pub authenticated: Option<ObjectId>,
    operations: [Option<Operation>; 4],
}

/// A multi-part operation: its state is in secret memory.
pub struct Operation {
    /// The key object that it uses.
    pub key: Arc<Object>,
    /// What it computes with.
    pub part: KeyPart,
    /// How.
    pub mechanism: &'static Mechanism,
    /// The mechanism's parameter.
    pub parameter: Parameter,
    /// Where it stands.
    pub progress: Progress,
}

/// Where a multi-part operation stands.
pub enum Progress {
    /// It encrypts or decrypts what comes, as it comes.
    Stream(Sealed<Option<crypto::Stream>>),
    /// It hashes what comes, to sign or verify it.
    Message(Sealed<Option<crypto::Message>>),
    /// It keeps what comes until all is there: a ciphertext until its tag can be verified, or data that is encrypted as
    /// a whole.
    Held(Held),
    /// Its result goes out in as many replies as it takes.
    Done(Held),
}

/// Most bytes that all operations keep together.
const ALL_HELD: usize = 128 << 20;
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes that an operation keeps: some of a bounded number for all applications. Plaintext may be among them, so that
/// they are wiped, also where they move.
#[derive(Default)]
pub struct Held {
    bytes: Zeroizing<Vec<u8>>,
    /// How many of them were handed out.
    given: usize,
}

impl Held {
    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OutOfMemory`] where all applications together keep too much.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let more = |held: usize| Some(held + bytes.len()).filter(|all| *all <= ALL_HELD);
        HELD.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .map_err(|_| ErrorCode::OutOfMemory)?;
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            let mut larger = Vec::with_capacity(needed.max(2 * self.bytes.capacity()));
            larger.extend_from_slice(&self.bytes);
            self.bytes = Zeroizing::new(larger);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Keeps what was made of the bytes in their place; it is longer by a tag at most.
    #[must_use]
    pub fn replaced(self, bytes: Zeroizing<Vec<u8>>) -> Self {
        HELD.fetch_add(bytes.len(), Ordering::SeqCst);
        Self { bytes, given: 0 }
    }

    /// The next bytes that go out, at most so many.
    pub fn hand_out(&mut self, most: usize) -> Vec<u8> {
        let end = self.bytes.len().min(self.given + most);
        let next = self.bytes[self.given..end].to_vec();
        self.given = end;
        next
    }
}

/// Shows no byte.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} bytes)", self.bytes.len())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Operation({} with {})", self.mechanism.name, self.key.id)
    }
}

/// `CKS_` numbers (PKCS#11 section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SessionState {
    /// `CKS_RO_PUBLIC_SESSION`.
    ReadOnlyPublic = 0,
    /// `CKS_RO_USER_FUNCTIONS`.
    ReadOnlyUser = 1,
    /// `CKS_RW_PUBLIC_SESSION`.
    ReadWritePublic = 2,
    /// `CKS_RW_USER_FUNCTIONS`.
    ReadWriteUser = 3,
    /// `CKS_RW_SO_FUNCTIONS`.
    ReadWriteSecurityOfficer = 4,
}

impl SessionState {
    /// The state of a session; the security officer has no read-only sessions.
    pub fn of(read_write: bool, login: Login) -> Self {
        match (read_write, login) {
            (false, Login::Public) => Self::ReadOnlyPublic,
            (false, Login::User) => Self::ReadOnlyUser,
            (true, Login::Public) => Self::ReadWritePublic,
            (true, Login::User) => Self::ReadWriteUser,
            (_, Login::SecurityOfficer) => Self::ReadWriteSecurityOfficer,
        }
    }
}

impl Session {
    /// A session without operations.
    pub fn new(slot: Slot, read_write: bool) -> Self {
        Self { slot, read_write, authenticated: None, operations: [const { None }; 4] }
    }

    /// Starts an operation.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OperationActive`] where one of that function runs.
    pub fn start(&mut self, function: Function, operation: Operation) -> Result<(), Error> {
        let place = &mut self.operations[function as usize];
        if place.is_some() {
            return Err(ErrorCode::OperationActive.into());
        }
        *place = Some(operation);
        Ok(())
    }

    /// Takes an operation out.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::OperationNotStarted`].
    pub fn take(&mut self, function: Function) -> Result<Operation, Error> {
        self.operations[function as usize].take().ok_or(ErrorCode::OperationNotStarted.into())
    }

    /// Ends the operations whose keys are private, and forgets a PIN given for one.
    pub fn end_private_operations(&mut self) {
        self.authenticated = None;
        for place in &mut self.operations {
            if place.as_ref().is_some_and(|operation| operation.key.is_private()) {
                *place = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because the bound is one for the process.
    #[test]
    fn bytes_kept_for_all_applications_are_bounded_together_and_go_out_piece_by_piece() {
        let mut held = Held::default().replaced(Zeroizing::new((0..10).collect()));
        let pieces: Vec<_> = (0..4).map(|_| held.hand_out(4)).collect();
        assert_eq!(pieces, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9], vec![]]);
        drop(held);
        let part = vec![0; 16 << 20];
        let mut kept: Vec<Held> = Vec::new();
        let refused = loop {
            let mut held = Held::default();
            match held.push(&part) {
                Ok(()) => kept.push(held),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.code(), ErrorCode::OutOfMemory);
        assert!(kept.len() <= ALL_HELD / part.len());
        kept.pop();
        assert!(Held::default().push(&part).is_ok());
        // A result takes the place of what it was made of.
        let full = kept.pop().unwrap();
        kept.push(full.replaced(Zeroizing::new(part.clone())));
        assert!(Held::default().push(&part).is_ok());
        let mut other = Held::default();
        other.push(&part).unwrap();
        assert!(Held::default().push(&part).is_err());
    }
}
