//! The module, its slots and tokens.

use std::ptr::null_mut;

use cryptoki_sys::{
    CK_FLAGS, CK_INFO, CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_SLOT_ID, CK_SLOT_INFO,
    CK_TOKEN_INFO,
};

use super::{Answer, call, input, length, size};

/// `C_Initialize`, without arguments.
pub fn initialize() -> Answer<()> {
    call!(C_Initialize(null_mut()))
}

/// `C_Finalize`.
pub fn finalize() -> Answer<()> {
    call!(C_Finalize(null_mut()))
}

/// `C_GetSlotList`: the slots that have a token.
pub fn slots() -> Answer<Vec<CK_SLOT_ID>> {
    let mut count = 0;
    call!(C_GetSlotList(1, null_mut(), &raw mut count))?;
    let mut slots = vec![0; size(count)];
    call!(C_GetSlotList(1, slots.as_mut_ptr(), &raw mut count))?;
    slots.truncate(size(count));
    Ok(slots)
}

/// `C_WaitForSlotEvent`.
pub fn wait_for_slot_event(flags: CK_FLAGS) -> Answer<CK_SLOT_ID> {
    let mut slot = 0;
    call!(C_WaitForSlotEvent(flags, &raw mut slot, null_mut()))?;
    Ok(slot)
}

/// `C_InitToken`.
pub fn init_token(slot: CK_SLOT_ID, pin: &str, label: &str) -> Answer<()> {
    let label = format!("{label:32}");
    let pin = pin.as_bytes();
    call!(C_InitToken(slot, input(pin), length(pin), input(label.as_bytes())))
}

/// `C_GetMechanismInfo`: the flags.
pub fn mechanism_flags(slot: CK_SLOT_ID, kind: CK_MECHANISM_TYPE) -> Answer<CK_FLAGS> {
    let mut info = CK_MECHANISM_INFO::default();
    call!(C_GetMechanismInfo(slot, kind, &raw mut info))?;
    Ok(info.flags)
}

/// `C_GetInfo`.
pub fn info() -> Answer<CK_INFO> {
    let mut info = CK_INFO::default();
    call!(C_GetInfo(&raw mut info))?;
    Ok(info)
}

/// `C_GetSlotInfo`.
pub fn slot_info(slot: CK_SLOT_ID) -> Answer<CK_SLOT_INFO> {
    let mut info = CK_SLOT_INFO::default();
    call!(C_GetSlotInfo(slot, &raw mut info))?;
    Ok(info)
}

/// `C_GetTokenInfo`.
pub fn token_info(slot: CK_SLOT_ID) -> Answer<CK_TOKEN_INFO> {
    let mut info = CK_TOKEN_INFO::default();
    call!(C_GetTokenInfo(slot, &raw mut info))?;
    Ok(info)
}

/// `C_GetMechanismList`.
pub fn mechanisms(slot: CK_SLOT_ID) -> Answer<Vec<CK_MECHANISM_TYPE>> {
    let mut count = 0;
    call!(C_GetMechanismList(slot, null_mut(), &raw mut count))?;
    let mut mechanisms = vec![0; size(count)];
    call!(C_GetMechanismList(slot, mechanisms.as_mut_ptr(), &raw mut count))?;
    mechanisms.truncate(size(count));
    Ok(mechanisms)
}

/// `C_CloseAllSessions`.
pub fn close_all_sessions(slot: CK_SLOT_ID) -> Answer<()> {
    call!(C_CloseAllSessions(slot))
}
