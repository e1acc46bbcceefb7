//! C_Digest and its parts (section 5.12), computed here: no key is used.

use coffer_protocol::attribute;
use coffer_protocol::mechanism::{Function, Hash, MechanismCall, Parameter, Scheme, Truncation};
use coffer_protocol::operation::object::GetAttributes;
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CKO_SECRET_KEY};
use sha1::Sha1;
use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::key_use;
use crate::module::Module;
use crate::output::{Output, Room};
use crate::session::Session;
use crate::sha512_t::Sha512T;

macro_rules! hashers {
    ($( $hash:ident )*) => {
        #[derive(Clone)]
        enum State { $( $hash($hash), )* Sha512T(Sha512T) }

        impl State {
            fn new(function: HashFunction) -> Option<Self> {
                match function {
                    $( HashFunction::Fixed(Hash::$hash) => Some(Self::$hash($hash::new())), )*
                    HashFunction::Fixed(Hash::Sm3) => None,
                    HashFunction::Truncated(t) => Sha512T::new(t).map(Self::Sha512T),
                }
            }

            fn update(&mut self, part: &[u8]) {
                match self {
                    $( Self::$hash(state) => state.update(part), )*
                    Self::Sha512T(state) => state.update(part),
                }
            }

            fn finish(self) -> Vec<u8> {
                match self {
                    $( Self::$hash(state) => state.finalize().to_vec(), )*
                    Self::Sha512T(state) => state.finish(),
                }
            }

            fn save(&self) -> Vec<u8> {
                match self {
                    $( Self::$hash(state) => state.serialize().to_vec(), )*
                    Self::Sha512T(state) => state.save(),
                }
            }

            fn restore(function: HashFunction, saved: &[u8]) -> Option<Self> {
                match function {
                    $( HashFunction::Fixed(Hash::$hash) => {
                        let saved = saved.try_into().ok()?;
                        Some(Self::$hash($hash::deserialize(saved).ok()?))
                    } )*
                    HashFunction::Fixed(Hash::Sm3) => None,
                    HashFunction::Truncated(t) => Sha512T::restore(t, saved).map(Self::Sha512T),
                }
            }
        }
    };
}

hashers!(Sha1 Sha224 Sha256 Sha384 Sha512 Sha512_224 Sha512_256 Sha3_224 Sha3_256 Sha3_384 Sha3_512);

/// The hash function of a mechanism.
#[derive(Clone, Copy)]
enum HashFunction {
    Fixed(Hash),
    Truncated(Truncation),
}

impl HashFunction {
    /// That of a mechanism that digests.
    fn of(call: &MechanismCall) -> Result<Self, Error> {
        let (row, parameter) = key_use::parse(call, Function::Digest)?;
        match (row.scheme, parameter) {
            (Scheme::Digest(hash), _) => Ok(Self::Fixed(hash)),
            (Scheme::Sha512T, Parameter::Truncation(t)) => Ok(Self::Truncated(t)),
            _ => Err(Error::MechanismInvalid),
        }
    }

    /// The length of a digest.
    const fn len(self) -> usize {
        match self {
            Self::Fixed(hash) => hash.len(),
            Self::Truncated(t) => t.len(),
        }
    }
}

/// An active digest.
pub(crate) struct Hasher {
    call: MechanismCall,
    length: usize,
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
    let mut operations = session.operations();
    let Some(call) = mechanism else {
        operations.digest = None;
        return Ok(());
    };
    operations.expect_free(Function::Digest)?;
    let function = HashFunction::of(&call)?;
    let state = State::new(function).ok_or(Error::MechanismInvalid)?;
    let length = function.len();
    operations.digest = Some(Hasher { call, length, state, has_parts: false });
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
    hasher.update(part);
    Ok(())
}

/// `C_DigestKey`, of a key that the application may read: the digest of another would tell what to try.
pub(crate) fn key(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let hasher = operations.digest.as_mut().ok_or(Error::OperationNotInitialized)?;
    match value(&session, key) {
        Ok(value) => {
            hasher.update(&value);
            Ok(())
        }
        Err(error) => {
            operations.digest = None;
            Err(error)
        }
    }
}

/// The value of a secret key.
fn value(session: &Session, key: CK_OBJECT_HANDLE) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = session.describe(session.object(key)).map_err(Error::about_key)?;
    if key.key_type == u64::MAX {
        return Err(Error::KeyHandleInvalid);
    }
    if key.class != CKO_SECRET_KEY {
        return Err(Error::KeyIndigestible);
    }
    let (session_number, object) = (session.number(), key.object);
    let request = GetAttributes { session: session_number, object, kinds: vec![attribute::VALUE] };
    let reply = session.call(&request, &[]).map_err(Error::about_key)?;
    match reply.meta.entries.as_slice() {
        [entry] if entry.error == 0 => Ok(reply.payload),
        [_] => Err(Error::KeyIndigestible),
        _ => Err(Error::DeviceError),
    }
}

impl Hasher {
    /// Takes one more part.
    pub(crate) fn update(&mut self, part: &[u8]) {
        self.state.update(part);
        self.has_parts = true;
    }

    /// The mechanism and the state, for C_GetOperationState.
    pub(crate) fn save(&self) -> (MechanismCall, Vec<u8>) {
        (self.call.clone(), self.state.save())
    }

    /// What [`Hasher::save`] gave, as it was.
    pub(crate) fn restore(call: &MechanismCall, saved: &[u8]) -> Option<Self> {
        let function = HashFunction::of(call).ok()?;
        let (call, state) = (call.clone(), State::restore(function, saved)?);
        Some(Self { call, length: function.len(), state, has_parts: true })
    }
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
    if let Some(answer) = room.answer_exact(hasher.length) {
        *active = Some(hasher);
        return Ok(answer);
    }
    hasher.state.update(data.unwrap_or_default());
    Ok(Output::Bytes(Zeroizing::new(hasher.state.finish())))
}
