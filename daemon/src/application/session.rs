//! Sessions and the multi-part operations that run in them.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::{Mechanism, Parameter};
use coffer_protocol::operation::cipher::Function;
use zeroize::Zeroizing;

use crate::Error;
use crate::crypto;
use crate::object::{KeyPart, Object, ObjectId, Slot};
use crate::share::{Claim, Share, Thing};
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
    /// The secret memory that its state takes.
    pub memory: Claim,
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

/// Bytes that an operation keeps, counted for its uid. Plaintext may be among them, so that they are wiped, also where
/// they move.
pub struct Held {
    bytes: Zeroizing<Vec<u8>>,
    /// How many of them were handed out.
    given: usize,
    claim: Claim,
}

impl Held {
    /// None yet, for an operation of that uid.
    pub fn new(share: &Arc<Share>) -> Self {
        let claim = Claim::none(share, Thing::Held);
        Self { bytes: Zeroizing::default(), given: 0, claim }
    }

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
    /// [`ErrorCode::ShareExceeded`] where the uid keeps too much.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.claim.grow(bytes.len())?;
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
    pub fn replaced(mut self, bytes: Zeroizing<Vec<u8>>) -> Self {
        self.claim.force(bytes.len().saturating_sub(self.bytes.len()));
        self.claim.shrink(self.bytes.len().saturating_sub(bytes.len()));
        Self { bytes, given: 0, claim: self.claim }
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
    use crate::share::Shares;

    #[test]
    fn results_go_out_piece_by_piece() {
        let share = Shares::default().of(1000);
        let mut held = Held::new(&share).replaced(Zeroizing::new((0..10).collect()));
        let pieces: Vec<_> = (0..4).map(|_| held.hand_out(4)).collect();
        assert_eq!(pieces, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9], vec![]]);
    }

    #[test]
    fn bytes_that_a_uid_keeps_are_bounded_and_another_uid_finds_room() {
        const ALL: usize = 128 << 20;
        let all = Shares::default();
        let part = vec![0; 16 << 20];
        let keep_all = |share: &Arc<Share>| {
            let mut kept: Vec<Held> = Vec::new();
            loop {
                let mut held = Held::new(share);
                match held.push(&part) {
                    Ok(()) => kept.push(held),
                    Err(error) => break (kept, error.code()),
                }
            }
        };
        let share = all.of(1000);
        let (mut kept, refused) = keep_all(&share);
        assert_eq!((kept.len(), refused), (ALL / 2 / part.len(), ErrorCode::ShareExceeded));
        let (others, _) = keep_all(&all.of(1001));
        assert_eq!(others.len(), ALL / 4 / part.len());
        drop(others);
        // A result takes the place of what it was made of.
        let last = kept.pop().unwrap();
        kept.push(last.replaced(Zeroizing::new(vec![0; part.len()])));
        assert!(Held::new(&share).push(&part).is_err());
        let last = kept.pop().unwrap();
        kept.push(last.replaced(Zeroizing::new(Vec::new())));
        assert!(Held::new(&share).push(&part).is_ok());
    }
}
