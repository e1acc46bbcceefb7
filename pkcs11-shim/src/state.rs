//! C_GetOperationState and C_SetOperationState (section 5.6): digests, and signatures and verifications whose data is
//! still here.
//!
//! What is saved is the application's own data with an authentication code under a key that this process made: it is
//! good for this C_Initialize and this daemon, and a change of it shows. It never holds a key; who restores an
//! operation with a key names the key again.

use std::sync::Mutex;

use coffer_protocol::mechanism::{Function, MechanismCall};
use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::digest::Hasher;
use crate::error::{self, Error};
use crate::ffi::random;
use crate::key_use::KeyUse;
use crate::module::{Module, lock};
use crate::operation::Operations;
use crate::output::{Output, Room};
use crate::session::Session;
use crate::signature::{Signature, Stage};
use crate::stream::CHUNK;

/// Bytes of the key and of the code.
const CODE: usize = 32;
/// More than what is saved beside the data.
const OVERHEAD: usize = 4096;

/// The key of one process's saved states; it is made when it is first needed.
#[derive(Default)]
pub(crate) struct StateKey(Mutex<Option<[u8; CODE]>>);

/// What is saved.
#[derive(serde::Serialize, serde::Deserialize)]
struct Saved {
    /// The application in the daemon: its keys are those of one run of the daemon.
    application: u32,
    kind: u8,
    mechanism: MechanismCall,
    /// The unique id of the key, or zeros.
    key: [u8; 16],
    /// Whether data came already.
    has_parts: bool,
    /// The state of the digest, or the data.
    data: Vec<u8>,
}

const DIGEST: u8 = 0;
const SIGNATURE: u8 = 1;
const VERIFICATION: u8 = 2;

/// `C_GetOperationState`.
pub(crate) fn save(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    room: Room,
) -> Result<Output, Error> {
    let session = module.sessions.find(handle)?;
    let saved = Saved::of(&session, &session.operations())?;
    let mut bytes = Zeroizing::new(postcard::to_stdvec(&saved).map_err(|_| Error::GeneralError)?);
    let code = module.state_key.code(&bytes)?;
    bytes.extend_from_slice(&code);
    Ok(match room.answer_exact(bytes.len()) {
        Some(answer) => answer,
        None => Output::Bytes(bytes),
    })
}

/// `C_SetOperationState`: what is active in the session gives way to what was saved.
pub(crate) fn restore(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    saved: &[u8],
    encryption: CK_OBJECT_HANDLE,
    authentication: CK_OBJECT_HANDLE,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let saved = module.state_key.open(saved)?;
    if saved.application != session.application().number() {
        return Err(Error::SavedStateInvalid);
    }
    let has_key = saved.kind != DIGEST;
    if encryption != 0 || (!has_key && authentication != 0) {
        return Err(Error::KeyNotNeeded);
    }
    if has_key && authentication == 0 {
        return Err(Error::KeyNeeded);
    }
    let mut operations = session.operations();
    let mut restored = Operations::default();
    match saved.kind {
        DIGEST => restored.digest = Some(saved.digest()?),
        SIGNATURE => {
            restored.signature = Some(saved.signature(&session, Function::Sign, authentication)?);
        }
        VERIFICATION => {
            let verification = saved.signature(&session, Function::Verify, authentication)?;
            restored.verification = Some(verification);
        }
        _ => return Err(Error::SavedStateInvalid),
    }
    restored.search = operations.search.take();
    restored.made = std::mem::take(&mut operations.made);
    operations.cancel(&session, !0);
    *operations = restored;
    Ok(())
}

impl Saved {
    /// The one operation that is active.
    fn of(session: &Session, operations: &Operations) -> Result<Self, Error> {
        let application = session.application().number();
        match operations.only_savable()? {
            (Some(digest), _, _) => {
                let (mechanism, data) = digest.save();
                let (kind, key, has_parts) = (DIGEST, [0; 16], true);
                Ok(Self { application, kind, mechanism, key, has_parts, data })
            }
            (_, Some(signature), _) => Self::of_signature(application, SIGNATURE, signature),
            (_, _, Some(signature)) => Self::of_signature(application, VERIFICATION, signature),
            (None, None, None) => Err(Error::OperationNotInitialized),
        }
    }

    fn of_signature(application: u32, kind: u8, signature: &Signature) -> Result<Self, Error> {
        let (has_parts, data) = match &signature.stage {
            Stage::Fresh => (false, Vec::new()),
            Stage::Gathered(data) => (true, data.to_vec()),
            // The state is in the daemon, and holds what follows from a key.
            Stage::Streamed(_) => return Err(Error::StateUnsaveable),
        };
        if signature.is_kept() {
            return Err(Error::StateUnsaveable);
        }
        let (mechanism, key) = (signature.key_use.call.clone(), signature.key_use.key.id);
        Ok(Self { application, kind, mechanism, key, has_parts, data })
    }

    fn digest(&self) -> Result<Hasher, Error> {
        Hasher::restore(&self.mechanism, &self.data).ok_or(Error::SavedStateInvalid)
    }

    fn signature(
        mut self,
        session: &Session,
        function: Function,
        key: CK_OBJECT_HANDLE,
    ) -> Result<Signature, Error> {
        let key_use = KeyUse::new(session, function, self.mechanism.clone(), key)
            .map_err(|error| error.late(&error::RESTORE))?;
        if key_use.key.id != self.key {
            return Err(Error::KeyChanged);
        }
        let mut signature = Signature::new(key_use, None);
        if self.has_parts {
            signature.stage = Stage::Gathered(Zeroizing::new(std::mem::take(&mut self.data)));
        }
        Ok(signature)
    }
}

impl StateKey {
    /// Forgets the key, and with it what was saved.
    pub(crate) fn reset(&self) {
        *lock(&self.0) = None;
    }

    fn code(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.mac(bytes)?.finalize().into_bytes().to_vec())
    }

    fn mac(&self, bytes: &[u8]) -> Result<Hmac<Sha256>, Error> {
        let mut place = lock(&self.0);
        let key = if let Some(key) = &*place {
            key
        } else {
            let mut new = [0; CODE];
            random::bytes(&mut new)?;
            place.insert(new)
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::GeneralError)?;
        mac.update(bytes);
        Ok(mac)
    }

    fn open(&self, sealed: &[u8]) -> Result<Saved, Error> {
        if sealed.len() > CHUNK + OVERHEAD {
            return Err(Error::SavedStateInvalid);
        }
        let (bytes, code) = sealed.split_last_chunk::<CODE>().ok_or(Error::SavedStateInvalid)?;
        self.mac(bytes)?.verify_slice(code).map_err(|_| Error::SavedStateInvalid)?;
        postcard::from_bytes(bytes).map_err(|_| Error::SavedStateInvalid)
    }
}
