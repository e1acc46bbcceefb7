//! The token of a worker: found or made, and logged in.

use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::exchange::Target;
use super::failure::Failure;

/// A token whose user is logged in as long as this is there.
pub(super) struct Token {
    pub(super) pkcs11: Pkcs11,
    pub(super) slot: Slot,
    pub(super) target: Target,
    mechanisms: Vec<MechanismType>,
    /// Keeps the login; also taken by whoever makes objects that all threads use.
    session: Mutex<Session>,
}

impl Token {
    /// Loads the module and logs in.
    pub(super) fn open(target: Target) -> Result<Self, Failure> {
        let pkcs11 = initialized(&target)?;
        if let Some(so_pin) = &target.so_pin {
            make(&pkcs11, &target, so_pin)?;
        }
        let slot = find(&pkcs11, &target.label)?;
        let session = pkcs11.open_rw_session(slot)?;
        session.login(UserType::User, Some(&pin(&target.pin)))?;
        let mechanisms = pkcs11.get_mechanism_list(slot)?;
        Ok(Self { pkcs11, slot, target, mechanisms, session: Mutex::new(session) })
    }

    /// Whether the module lists a mechanism.
    pub(super) fn offers(&self, mechanism: MechanismType) -> bool {
        self.mechanisms.contains(&mechanism)
    }

    /// A session of a thread's own.
    pub(super) fn session(&self) -> Result<Session, Failure> {
        Ok(self.pkcs11.open_rw_session(self.slot)?)
    }

    /// Calls a closure with the one session in which common objects are made, one caller at a time.
    pub(super) fn alone<T>(
        &self,
        call: impl FnOnce(&Session) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        call(&self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The module, loaded and initialised.
pub(super) fn initialized(target: &Target) -> Result<Pkcs11, Failure> {
    let pkcs11 = Pkcs11::new(&target.module)?;
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    Ok(pkcs11)
}

/// The slot whose token has this label.
pub(super) fn find(pkcs11: &Pkcs11, label: &str) -> Result<Slot, Failure> {
    for slot in pkcs11.get_slots_with_token()? {
        if pkcs11.get_token_info(slot)?.label() == label {
            return Ok(slot);
        }
    }
    Err(Failure(format!("no token has the label {label}")))
}

/// A PIN as the crate takes it.
pub(super) fn pin(text: &str) -> AuthPin {
    AuthPin::from(text)
}

fn make(pkcs11: &Pkcs11, target: &Target, so_pin: &str) -> Result<(), Failure> {
    let slots = pkcs11.get_slots_with_token()?;
    let first = slots.first().ok_or_else(|| Failure("there is no slot".to_owned()))?;
    pkcs11.init_token(*first, &pin(so_pin), &target.label)?;
    let session = pkcs11.open_rw_session(find(pkcs11, &target.label)?)?;
    session.login(UserType::So, Some(&pin(so_pin)))?;
    session.init_pin(&pin(&target.pin))?;
    session.logout()?;
    Ok(())
}
