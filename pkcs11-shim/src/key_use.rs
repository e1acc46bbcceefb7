//! Which key is used how, and that it may be. The daemon checks all of it again.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{CallError, Function, Mechanism, MechanismCall, Parameter};
use coffer_protocol::operation::cipher::{CancelOperation, StartOperation};
use coffer_protocol::operation::object::{ObjectDescription, Usage};
use coffer_protocol::weak::{Doing, WeakKeys};
use cryptoki_sys::{CK_OBJECT_HANDLE, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY};

use crate::error::Error;
use crate::session::Session;
use crate::stream::wire;

/// A key and how it is used.
pub(crate) struct KeyUse {
    pub(crate) key: Arc<ObjectDescription>,
    pub(crate) mechanism: &'static Mechanism,
    pub(crate) parameter: Parameter,
    pub(crate) call: MechanismCall,
    pub(crate) function: Function,
    /// Whether the PIN was given for the next use, where the key asks for one.
    is_authenticated: bool,
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
        match check_key(&key, mechanism, function, session.weak_keys()) {
            Ok(()) => {}
            // The request that follows at once is refused by the daemon, where it raises an alarm.
            Err(Error::Refused(ErrorCode::KeyPendingDelete)) if is_at_once(function) => {}
            Err(refused) => {
                attempt(session, function, &call, &key, refused)?;
                return Err(refused);
            }
        }
        let possible = mechanism.accepts(&parameter, key.key_bits as usize);
        possible.map_err(|_| Error::MechanismParamInvalid)?;
        Ok(Self { key, mechanism, parameter, call, function, is_authenticated: false })
    }

    /// Uses the key with another parameter from here on.
    pub(crate) fn set_parameter(&mut self, call: MechanismCall) -> Result<(), Error> {
        (_, self.parameter) = parse(&call, self.function)?;
        self.call = call;
        Ok(())
    }

    /// Whether the user has to give the PIN before the next use (`CKA_ALWAYS_AUTHENTICATE`).
    pub(crate) fn needs_login(&self) -> bool {
        self.key.always_authenticate && !self.is_authenticated
    }

    /// Notes whether the PIN was given for the next use; one PIN is good for one use.
    pub(crate) fn set_authenticated(&mut self, is_authenticated: bool) {
        self.is_authenticated = is_authenticated;
    }

    /// Refuses a use for which the PIN was not given.
    pub(crate) fn expect_authenticated(&self) -> Result<(), Error> {
        if self.needs_login() { Err(Error::UserNotLoggedIn) } else { Ok(()) }
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

/// Whether the function asks the daemon by itself, and is not the beginning of something.
const fn is_at_once(function: Function) -> bool {
    matches!(
        function,
        Function::Wrap
            | Function::Unwrap
            | Function::Derive
            | Function::Encapsulate
            | Function::Decapsulate
    )
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
    // What has no parts is asked as a signature: what is said of the key is the same.
    let function = match function {
        Function::SignRecover => Function::Sign,
        Function::VerifyRecover => Function::Verify,
        other => other,
    };
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
    weak: WeakKeys,
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
        Function::SignRecover => (Usage::SignRecover, CKO_PRIVATE_KEY),
        Function::VerifyRecover => (Usage::VerifyRecover, CKO_PUBLIC_KEY),
        Function::Encapsulate => (Usage::Encapsulate, CKO_PUBLIC_KEY),
        Function::Decapsulate => (Usage::Decapsulate, CKO_PRIVATE_KEY),
        Function::Digest | Function::Generate | Function::GenerateKeyPair => {
            return Err(Error::MechanismInvalid);
        }
    };
    let key_type = KeyType::from_ckk(key.key_type).filter(|key_type| mechanism.fits(*key_type));
    let key_type = key_type.ok_or(Error::KeyTypeInconsistent)?;
    let class = if key_type.is_pair() { half } else { CKO_SECRET_KEY };
    if key.class != class {
        return Err(Error::KeyTypeInconsistent);
    }
    let is_size = mechanism.key_size.contains_bits(key.key_bits as usize);
    if !is_size || !weak.allows(Doing::Function(function), key_type, key.key_bits) {
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
            material: 0,
        }
    }

    #[test]
    fn each_fault_of_a_key_has_its_code_and_they_have_an_order() {
        let pss = find(ckm::CKM_RSA_PKCS_PSS).unwrap();
        let weak = WeakKeys::default();
        let check = |key: &ObjectDescription| check_key(key, pss, Function::Sign, weak);
        assert_eq!(check(&key()), Ok(()));

        let disabled = ObjectDescription { refusal: ErrorCode::CmkDisabled as u16, ..key() };
        assert_eq!(check(&disabled), Err(Error::Refused(ErrorCode::CmkDisabled)));
        let limited = ObjectDescription { allowed_mechanisms: vec![ckm::CKM_RSA_PKCS], ..disabled };
        assert_eq!(check(&limited), Err(Error::MechanismInvalid));
        let unusable = ObjectDescription { usage: !(Usage::Sign as u32), ..limited };
        assert_eq!(check(&unusable), Err(Error::KeyFunctionNotPermitted));
        let small = ObjectDescription { key_bits: 1024, ..unusable };
        assert_eq!(check(&small), Err(Error::KeySizeRange));
        let check_weak = |key, weak| check_key(key, pss, Function::Sign, weak);
        assert_eq!(check_weak(&small, WeakKeys::Use), Err(Error::KeySizeRange));
        assert_eq!(check_weak(&small, WeakKeys::Make), Err(Error::KeyFunctionNotPermitted));
        let verifying = ObjectDescription { class: CKO_PUBLIC_KEY, usage: u32::MAX, ..key() };
        let verifying = ObjectDescription { key_bits: 1024, ..verifying };
        assert_eq!(check_key(&verifying, pss, Function::Verify, WeakKeys::Use), Ok(()));
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
