//! C_Digest and its parts (section 5.12), computed here: no key is used.

use coffer_protocol::mechanism::{Function, Hash, MechanismCall, Scheme};
use cryptoki_sys::CK_SESSION_HANDLE;
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::module::Module;
use crate::operation;
use crate::output::{Output, Room};

macro_rules! hashers {
    ($( $hash:ident )*) => {
        #[derive(Clone)]
        enum State { $( $hash($hash) ),* }

        impl State {
            fn new(hash: Hash) -> Option<Self> {
                match hash {
                    $( Hash::$hash => Some(Self::$hash($hash::new())), )*
                    Hash::Sm3 => None,
                }
            }

            fn update(&mut self, part: &[u8]) {
                match self { $( Self::$hash(state) => state.update(part) ),* }
            }

            fn finish(self) -> Vec<u8> {
                match self { $( Self::$hash(state) => state.finalize().to_vec() ),* }
            }
        }
    };
}

hashers!(Sha1 Sha224 Sha256 Sha384 Sha512 Sha512_224 Sha512_256 Sha3_224 Sha3_256 Sha3_384 Sha3_512);

/// An active digest.
pub(crate) struct Hasher {
    hash: Hash,
    state: State,
    has_parts: bool,
}

/// `C_DigestInit`; no mechanism ends what is active.
pub(crate) fn init(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    mechanism: Option<MechanismCall>,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let active = &mut session.operations().digest;
    let Some(call) = mechanism else {
        *active = None;
        return Ok(());
    };
    if active.is_some() {
        return Err(Error::OperationActive);
    }
    let (row, _) = operation::parse(&call, Function::Digest)?;
    let Scheme::Digest(hash) = row.scheme else {
        return Err(Error::MechanismInvalid);
    };
    let state = State::new(hash).ok_or(Error::MechanismInvalid)?;
    *active = Some(Hasher { hash, state, has_parts: false });
    Ok(())
}

/// `C_Digest`.
pub(crate) fn whole(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    data: &[u8],
    room: Room,
) -> Result<Output, Error> {
    finish_with(module, handle, Some(data), room)
}

/// `C_DigestUpdate`.
pub(crate) fn update(module: &Module, handle: CK_SESSION_HANDLE, part: &[u8]) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let hasher = operations.digest.as_mut().ok_or(Error::OperationNotInitialized)?;
    hasher.state.update(part);
    hasher.has_parts = true;
    Ok(())
}

/// `C_DigestFinal`.
pub(crate) fn finish(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    room: Room,
) -> Result<Output, Error> {
    finish_with(module, handle, None, room)
}

fn finish_with(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    data: Option<&[u8]>,
    room: Room,
) -> Result<Output, Error> {
    let session = module.sessions.find(handle)?;
    let active = &mut session.operations().digest;
    let mut hasher = active.take().ok_or(Error::OperationNotInitialized)?;
    if hasher.has_parts && data.is_some() {
        return Err(Error::OperationActive);
    }
    if let Some(answer) = room.answer_exact(hasher.hash.len()) {
        *active = Some(hasher);
        return Ok(answer);
    }
    hasher.state.update(data.unwrap_or_default());
    Ok(Output::Bytes(Zeroizing::new(hasher.state.finish())))
}
