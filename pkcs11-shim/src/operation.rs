//! What C_*Init settles: which key is used how, and that it may be. The daemon checks all of it again.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::MAX_PAYLOAD;
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{CallError, Function, Mechanism, MechanismCall, Parameter};
use coffer_protocol::operation::cipher::{
    self, CancelOperation, FinishOperation, StartOperation, UpdateOperation,
};
use coffer_protocol::operation::object::{ObjectDescription, Usage};
use cryptoki_sys::{
    CK_FLAGS, CK_OBJECT_HANDLE, CKF_DECRYPT, CKF_DIGEST, CKF_ENCRYPT, CKF_FIND_OBJECTS, CKF_SIGN,
    CKF_VERIFY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use zeroize::Zeroizing;

use crate::digest::Hasher;
use crate::encryption::Encryption;
use crate::error::Error;
use crate::object::Search;
use crate::session::Session;
use crate::signature::Signature;

/// Most bytes of data in one frame.
pub(crate) const CHUNK: usize = MAX_PAYLOAD as usize;

/// The operations active in a session: at most one of each kind.
#[derive(Default)]
pub(crate) struct Operations {
    pub(crate) encryption: Option<Encryption>,
    pub(crate) decryption: Option<Encryption>,
    pub(crate) signature: Option<Signature>,
    pub(crate) verification: Option<Signature>,
    pub(crate) digest: Option<Hasher>,
    pub(crate) search: Option<Search>,
    /// Objects that were made in the session, which end with it unless they are on the token.
    pub(crate) made: Vec<u32>,
}

/// A key and how it is used.
pub(crate) struct KeyUse {
    pub(crate) key: Arc<ObjectDescription>,
    pub(crate) mechanism: &'static Mechanism,
    pub(crate) parameter: Parameter,
    pub(crate) call: MechanismCall,
    pub(crate) function: Function,
}

/// A multi-part operation in the daemon.
#[derive(Default)]
pub(crate) struct Stream {
    is_open: bool,
}

/// Something active in a session.
pub(crate) trait Active {
    /// Tells the daemon that it is over, where the daemon knows of it.
    fn cancel(&mut self, session: &Session);
    /// Whether it uses something that only a logged-in user may.
    fn is_private(&self) -> bool;
    /// Whether each of its uses needs a login of its own.
    fn needs_login(&self) -> bool;
}

impl Operations {
    /// Whether C_Login with `CKU_CONTEXT_SPECIFIC` is about one of them.
    pub(crate) fn await_authentication(&self) -> bool {
        let Self { encryption, decryption, signature, verification, .. } = self;
        let ciphers = [encryption, decryption].into_iter().flatten();
        let signatures = [signature, verification].into_iter().flatten();
        ciphers.map(Active::needs_login).chain(signatures.map(Active::needs_login)).any(|yes| yes)
    }

    /// Ends those whose `CKF_` bits are in `flags`.
    pub(crate) fn cancel(&mut self, session: &Session, flags: CK_FLAGS) {
        let is_named = |flag| flags & flag != 0;
        end(&mut self.encryption, session, |_| is_named(CKF_ENCRYPT));
        end(&mut self.decryption, session, |_| is_named(CKF_DECRYPT));
        end(&mut self.signature, session, |_| is_named(CKF_SIGN));
        end(&mut self.verification, session, |_| is_named(CKF_VERIFY));
        self.digest.take_if(|_| is_named(CKF_DIGEST));
        self.search.take_if(|_| is_named(CKF_FIND_OBJECTS));
    }

    /// Ends those that use private or secret keys.
    pub(crate) fn end_private(&mut self, session: &Session) {
        end(&mut self.encryption, session, Active::is_private);
        end(&mut self.decryption, session, Active::is_private);
        end(&mut self.signature, session, Active::is_private);
        end(&mut self.verification, session, Active::is_private);
    }
}

/// Ends an operation that is active and meant.
pub(crate) fn end<T: Active>(
    active: &mut Option<T>,
    session: &Session,
    is_meant: impl Fn(&T) -> bool,
) {
    if let Some(mut ended) = active.take_if(|active| is_meant(active)) {
        ended.cancel(session);
    }
}

/// Runs a step of an active operation, which an error ends (section 5.2).
pub(crate) fn step<T: Active, R>(
    active: &mut Option<T>,
    session: &Session,
    run: impl FnOnce(&mut T) -> Result<R, Error>,
) -> Result<R, Error> {
    let operation = active.as_mut().ok_or(Error::OperationNotInitialized)?;
    let outcome = run(operation);
    if outcome.is_err() {
        end(active, session, |_| true);
    }
    outcome
}

impl KeyUse {
    /// Checks that the key may be used so. Costs a round trip only if the key is not known.
    pub(crate) fn new(
        session: &Session,
        function: Function,
        call: MechanismCall,
        key: CK_OBJECT_HANDLE,
    ) -> Result<Self, Error> {
        let (mechanism, parameter) = parse(&call, function)?;
        let key = session.describe(session.object(key)).map_err(Error::about_key)?;
        if let Err(refused) = check_key(&key, mechanism, function) {
            attempt(session, function, &call, &key, refused)?;
            return Err(refused);
        }
        let possible = mechanism.accepts(&parameter, key.key_bits as usize);
        possible.map_err(|_| Error::MechanismParamInvalid)?;
        Ok(Self { key, mechanism, parameter, call, function })
    }

    /// The greatest length of the whole result over `input` bytes.
    pub(crate) fn max_output(&self, input: usize) -> usize {
        let bits = self.key.key_bits as usize;
        self.mechanism.max_output(self.function, input, bits, &self.parameter)
    }

    /// Whether only a logged-in user may use the key; where the description does not say, it is assumed.
    pub(crate) fn is_private(&self) -> bool {
        self.key.class != CKO_PUBLIC_KEY
    }
}

/// Lets the daemon refuse the use of a key that waits for its destruction, although that is known: each attempt is
/// to raise an alarm there.
fn attempt(
    session: &Session,
    function: Function,
    call: &MechanismCall,
    key: &ObjectDescription,
    refused: Error,
) -> Result<(), Error> {
    if !matches!(refused, Error::Refused(ErrorCode::KeyPendingDelete)) {
        return Ok(());
    }
    let (number, function) = (session.number(), wire(function)?);
    let request =
        StartOperation { session: number, function, key: key.object, mechanism: call.clone() };
    if session.call(&request, &[]).is_ok() {
        // Its destruction was taken back just now. Whoever tries again is not refused.
        session.call(&CancelOperation { session: number, function }, &[])?;
    }
    Ok(())
}

/// The mechanism's row and parameter, if it is for `function`.
pub(crate) fn parse(
    call: &MechanismCall,
    function: Function,
) -> Result<(&'static Mechanism, Parameter), Error> {
    let (mechanism, parameter) = call.parse().map_err(|error| match error {
        CallError::Mechanism => Error::MechanismInvalid,
        CallError::Parameter => Error::MechanismParamInvalid,
    })?;
    if mechanism.functions.contains(function) {
        Ok((mechanism, parameter))
    } else {
        Err(Error::MechanismInvalid)
    }
}

/// The order follows section 5.1.6: the type of a key is said before what it may be used for.
fn check_key(
    key: &ObjectDescription,
    mechanism: &Mechanism,
    function: Function,
) -> Result<(), Error> {
    if ![CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY].contains(&key.class) {
        return Err(Error::KeyHandleInvalid);
    }
    let (usage, half) = match function {
        Function::Encrypt => (Usage::Encrypt, CKO_PUBLIC_KEY),
        Function::Decrypt => (Usage::Decrypt, CKO_PRIVATE_KEY),
        Function::Sign => (Usage::Sign, CKO_PRIVATE_KEY),
        Function::Verify => (Usage::Verify, CKO_PUBLIC_KEY),
        Function::Wrap => (Usage::Wrap, CKO_PUBLIC_KEY),
        Function::Unwrap => (Usage::Unwrap, CKO_PRIVATE_KEY),
        Function::Derive => (Usage::Derive, CKO_PRIVATE_KEY),
        Function::Digest | Function::Generate | Function::GenerateKeyPair => {
            return Err(Error::MechanismInvalid);
        }
    };
    let key_type = KeyType::from_ckk(key.key_type).filter(|key_type| mechanism.fits(*key_type));
    let class = match key_type {
        Some(key_type) if key_type.is_pair() => half,
        Some(_) => CKO_SECRET_KEY,
        None => return Err(Error::KeyTypeInconsistent),
    };
    if key.class != class {
        return Err(Error::KeyTypeInconsistent);
    }
    if !mechanism.key_size.contains_bits(key.key_bits as usize) {
        return Err(Error::KeySizeRange);
    }
    if key.usage & usage as u32 == 0 {
        return Err(Error::KeyFunctionNotPermitted);
    }
    let allowed = &key.allowed_mechanisms;
    if !allowed.is_empty() && !allowed.contains(&mechanism.ckm) {
        return Err(Error::MechanismInvalid);
    }
    match key.refusal {
        0 => Ok(()),
        refusal => Err(Error::Refused(ErrorCode::from_number(refusal))),
    }
}

impl Stream {
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

fn wire(function: Function) -> Result<u8, Error> {
    Ok(match function {
        Function::Encrypt => cipher::Function::Encrypt as u8,
        Function::Decrypt => cipher::Function::Decrypt as u8,
        Function::Sign => cipher::Function::Sign as u8,
        Function::Verify => cipher::Function::Verify as u8,
        Function::Digest
        | Function::Generate
        | Function::GenerateKeyPair
        | Function::Wrap
        | Function::Unwrap
        | Function::Derive => return Err(Error::GeneralError),
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

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_protocol::mechanism::{ckm, find};

    fn key() -> ObjectDescription {
        ObjectDescription {
            object: 1,
            id: [1; 16],
            class: CKO_PRIVATE_KEY,
            key_type: 0,
            key_bits: 2048,
            usage: Usage::Sign as u32,
            always_authenticate: false,
            refusal: 0,
            allowed_mechanisms: Vec::new(),
        }
    }

    #[test]
    fn each_fault_of_a_key_has_its_code_and_they_have_an_order() {
        let pss = find(ckm::CKM_RSA_PKCS_PSS).unwrap();
        let check = |key: &ObjectDescription| check_key(key, pss, Function::Sign);
        assert_eq!(check(&key()), Ok(()));

        let disabled = ObjectDescription { refusal: ErrorCode::CmkDisabled as u16, ..key() };
        assert_eq!(check(&disabled), Err(Error::Refused(ErrorCode::CmkDisabled)));
        let limited = ObjectDescription { allowed_mechanisms: vec![ckm::CKM_RSA_PKCS], ..disabled };
        assert_eq!(check(&limited), Err(Error::MechanismInvalid));
        let unusable = ObjectDescription { usage: !(Usage::Sign as u32), ..limited };
        assert_eq!(check(&unusable), Err(Error::KeyFunctionNotPermitted));
        let small = ObjectDescription { key_bits: 1024, ..unusable };
        assert_eq!(check(&small), Err(Error::KeySizeRange));
        let public = ObjectDescription { class: CKO_PUBLIC_KEY, ..small };
        assert_eq!(check(&public), Err(Error::KeyTypeInconsistent));
        let curve = ObjectDescription { key_type: 3, ..public };
        assert_eq!(check(&curve), Err(Error::KeyTypeInconsistent));
        let data = ObjectDescription { class: 0, ..curve };
        assert_eq!(check(&data), Err(Error::KeyHandleInvalid));
    }

    #[test]
    fn a_mechanism_is_for_its_functions_only() {
        let oaep = MechanismCall::plain(ckm::CKM_SHA256);
        assert_eq!(parse(&oaep, Function::Sign).err(), Some(Error::MechanismInvalid));
        let unknown = MechanismCall::plain(0x7777);
        assert_eq!(parse(&unknown, Function::Sign).err(), Some(Error::MechanismInvalid));
        let gcm = MechanismCall::plain(ckm::CKM_AES_GCM);
        assert_eq!(parse(&gcm, Function::Encrypt).err(), Some(Error::MechanismParamInvalid));
    }
}
