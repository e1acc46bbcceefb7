//! Sessions and who is logged in.

use std::ptr::null_mut;

use cryptoki_sys::{
    CK_FLAGS, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID, CK_ULONG, CK_USER_TYPE,
    CKF_RW_SESSION, CKF_SERIAL_SESSION, CKU_USER,
};

use super::{Answer, Handle, call, fill, initialize, input, length, slots};
use crate::daemon::PIN;

/// A session.
#[derive(Clone, Copy, Debug)]
pub struct Session(pub(super) CK_SESSION_HANDLE);

impl Session {
    /// Initialises the module and logs the user in to the first slot's token.
    ///
    /// # Panics
    ///
    /// Where there is no slot.
    pub fn begin() -> Answer<Self> {
        initialize()?;
        let session = Self::open(slots()?[0])?;
        session.login(CKU_USER, PIN)?;
        Ok(session)
    }

    /// `C_OpenSession`, to read and write.
    pub fn open(slot: CK_SLOT_ID) -> Answer<Self> {
        let (flags, mut session) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, 0);
        call!(C_OpenSession(slot, flags, null_mut(), None, &raw mut session))?;
        Ok(Self(session))
    }

    /// `C_OpenSession`, to read.
    pub fn open_read_only(slot: CK_SLOT_ID) -> Answer<Self> {
        let mut session = 0;
        call!(C_OpenSession(slot, CKF_SERIAL_SESSION, null_mut(), None, &raw mut session))?;
        Ok(Self(session))
    }

    /// `C_CloseSession`.
    pub fn close(self) -> Answer<()> {
        call!(C_CloseSession(self.0))
    }

    /// `C_Login`.
    pub fn login(self, user: CK_USER_TYPE, pin: &str) -> Answer<()> {
        let pin = pin.as_bytes();
        call!(C_Login(self.0, user, input(pin), length(pin)))
    }

    /// `C_LoginUser`.
    pub fn login_user(self, user: CK_USER_TYPE, pin: &str, name: &str) -> Answer<()> {
        let (pin, name) = (pin.as_bytes(), name.as_bytes());
        call!(C_LoginUser(self.0, user, input(pin), length(pin), input(name), length(name)))
    }

    /// `C_Logout`.
    pub fn logout(self) -> Answer<()> {
        call!(C_Logout(self.0))
    }

    /// `C_SetPIN`.
    pub fn set_pin(self, old: &str, new: &str) -> Answer<()> {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        call!(C_SetPIN(self.0, input(old), length(old), input(new), length(new)))
    }

    /// `C_GetSessionInfo`: the state.
    pub fn state(self) -> Answer<CK_ULONG> {
        let mut info = CK_SESSION_INFO::default();
        call!(C_GetSessionInfo(self.0, &raw mut info))?;
        Ok(info.state)
    }

    /// `C_SessionCancel`.
    pub fn cancel(self, flags: CK_FLAGS) -> Answer<()> {
        call!(C_SessionCancel(self.0, flags))
    }

    /// `C_GetSessionValidationFlags`.
    pub fn validation_flags(self, kind: CK_ULONG) -> Answer<CK_FLAGS> {
        let mut flags = CK_FLAGS::MAX;
        call!(C_GetSessionValidationFlags(self.0, kind, &raw mut flags))?;
        Ok(flags)
    }

    /// `C_GetOperationState`.
    pub fn save_state(self) -> Answer<Vec<u8>> {
        fill(|place, told| call!(C_GetOperationState(self.0, place, told)))
    }

    /// `C_SetOperationState`, with the keys to encrypt and to authenticate.
    pub fn restore_state(self, saved: &[u8], keys: [Handle; 2]) -> Answer<()> {
        call!(C_SetOperationState(self.0, input(saved), length(saved), keys[0], keys[1]))
    }

    /// `C_GetFunctionStatus`.
    pub fn function_status(self) -> Answer<()> {
        call!(C_GetFunctionStatus(self.0))
    }

    /// `C_CancelFunction`.
    pub fn cancel_function(self) -> Answer<()> {
        call!(C_CancelFunction(self.0))
    }
}
