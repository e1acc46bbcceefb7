//! Login, logout and PINs. A PIN passes through; it is not kept.

use coffer_protocol::operation::token::{AuthenticateUse, InitPin, Login, Logout, SetPin};
use cryptoki_sys::{
    self as sys, CK_SESSION_HANDLE, CK_USER_TYPE, CKU_CONTEXT_SPECIFIC, CKU_SO, CKU_USER,
};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::module::Module;
use crate::session::Session;

/// Fewest bytes of a PIN.
pub(crate) const MIN_PIN: usize = 4;
/// Most bytes of a PIN.
pub(crate) const MAX_PIN: usize = 255;
/// More bytes than this are not sent, whatever they are meant to be.
const MAX_SENT: usize = 4096;

/// `C_Login` (section 5.6).
pub(crate) fn login(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: Option<&[u8]>,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    if ![CKU_SO, CKU_USER, CKU_CONTEXT_SPECIFIC].contains(&user) {
        return Err(Error::UserTypeInvalid);
    }
    let user = u32::try_from(user).map_err(|_| Error::UserTypeInvalid)?;
    // There is no other way of authentication than a PIN.
    let pin = pin.ok_or(Error::ArgumentsBad)?;
    if pin.len() > MAX_SENT {
        return Err(Error::PinIncorrect);
    }
    if CK_USER_TYPE::from(user) == CKU_CONTEXT_SPECIFIC {
        return authenticate(module, &session, pin);
    }
    let request = Login { session: session.number(), user };
    session.call(&request, pin).map_err(Error::about_login)?;
    Ok(())
}

/// `C_LoginUser` (PKCS#11 3.0 section 5.6). A token has one user and one security officer, so that a name only says
/// who calls: it is empty, or the number of the process's user.
pub(crate) fn login_user(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: Option<&[u8]>,
    name: &[u8],
) -> Result<(), Error> {
    module.sessions.find(handle)?;
    let own = nix::unistd::geteuid().to_string();
    if !name.is_empty() && name != own.as_bytes() {
        // The same as a wrong PIN: who asks learns nothing of names.
        return Err(Error::PinIncorrect);
    }
    login(module, handle, user, pin)
}

/// The PIN for the next use of the key of an active operation (`CKA_ALWAYS_AUTHENTICATE`).
fn authenticate(module: &Module, session: &Session, pin: &[u8]) -> Result<(), Error> {
    let mut operations = session.operations();
    let key_use = operations.awaiting_authentication().ok_or(Error::OperationNotInitialized)?;
    let request = AuthenticateUse { session: session.number(), key: key_use.key.object };
    let outcome = session.call(&request, pin).map_err(Error::about_login);
    match outcome {
        Ok(_) => {
            key_use.set_authenticated(true);
            Ok(())
        }
        Err(error) => {
            drop(operations);
            match error.ckr() {
                // The login is over with it.
                sys::CKR_PIN_LOCKED => forget_login(module, session),
                // The user has logged out meanwhile, and the operation is gone.
                sys::CKR_USER_NOT_LOGGED_IN | sys::CKR_KEY_HANDLE_INVALID => {
                    return Err(Error::OperationNotInitialized);
                }
                _ => {}
            }
            Err(error)
        }
    }
}

/// `C_Logout`: handles of private objects are dead for ever, operations with them end.
pub(crate) fn logout(module: &Module, handle: CK_SESSION_HANDLE) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    session.application().keys.forget_slot(session.slot());
    session.call(&Logout { session: session.number() }, &[])?;
    forget_login(module, &session);
    Ok(())
}

/// What ends with a login.
fn forget_login(module: &Module, session: &Session) {
    session.application().keys.forget_slot(session.slot());
    for session in module.sessions.of_slot(session.slot()) {
        session.operations().end_private(&session);
    }
}

/// `C_InitPIN`.
pub(crate) fn init_pin(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    pin: Option<&[u8]>,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let pin = new_pin(pin)?;
    session.call(&InitPin { session: session.number() }, pin)?;
    Ok(())
}

/// `C_SetPIN`.
pub(crate) fn set_pin(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let old = old.ok_or(Error::ArgumentsBad)?;
    let new = new_pin(new)?;
    if old.len() > MAX_SENT {
        return Err(Error::PinIncorrect);
    }
    let old_length = u32::try_from(old.len()).map_err(|_| Error::PinIncorrect)?;
    let pins = Zeroizing::new([old, new].concat());
    session.call(&SetPin { session: session.number(), old_length }, &pins)?;
    Ok(())
}

fn new_pin(pin: Option<&[u8]>) -> Result<&[u8], Error> {
    let pin = pin.ok_or(Error::ArgumentsBad)?;
    if (MIN_PIN..=MAX_PIN).contains(&pin.len()) { Ok(pin) } else { Err(Error::PinLenRange) }
}
