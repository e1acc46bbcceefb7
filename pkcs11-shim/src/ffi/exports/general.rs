//! General purpose, slots and tokens, sessions, random numbers (sections 5.4 to 5.6, 5.19, 5.20).

use std::ffi::c_void;

use cryptoki_sys::{
    CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_INFO, CK_INTERFACE, CK_MECHANISM_INFO,
    CK_MECHANISM_TYPE, CK_NOTIFY, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_SESSION_INFO,
    CK_SESSION_VALIDATION_FLAGS_TYPE, CK_SLOT_ID, CK_SLOT_INFO, CK_TOKEN_INFO, CK_ULONG,
    CK_USER_TYPE, CK_UTF8CHAR, CK_VERSION,
};

use super::{exports, not_parallel};
use crate::error::Error;
use crate::ffi::pointers::Buffer;
use crate::ffi::{initialize, list, random};
use crate::{cancel, login, session, slot, slot_event, state};

/// Bytes of a token's label.
const LABEL: CK_ULONG = 32;

exports! { BEFORE_INITIALIZE: early;
    C_Initialize(arguments: *mut c_void) = || initialize::initialize(arguments);
    C_GetFunctionList(place: *mut *mut CK_FUNCTION_LIST) = || place.write(list::oldest());
    C_GetInterfaceList(interfaces: *mut CK_INTERFACE, count: *mut CK_ULONG) =
        || Buffer::new(interfaces, count)?.fill(list::interfaces());
    C_GetInterface(name: *mut CK_UTF8CHAR, version: *mut CK_VERSION, place: *mut *mut CK_INTERFACE, flags: CK_FLAGS) =
        || place.expect()?.write(list::find(name, version, flags)?);
}

exports! { INFORMATION: ready;
    C_Finalize(reserved: *mut c_void) = |_| initialize::finalize(reserved);
    C_GetInfo(info: *mut CK_INFO) = |_| info.write(slot::library_info(list::VERSION_3_2));

    C_GetSlotList(present: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG) = |module| {
        let buffer = Buffer::new(slots, count)?;
        buffer.fill(&slot::list(module, present, buffer.room()))
    };
    C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO) =
        |module| info.expect()?.write(slot::info(module, slot)?);
    C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) =
        |module| info.expect()?.write(slot::token_info(module, slot)?);
    C_GetMechanismList(slot: CK_SLOT_ID, mechanisms: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG) =
        |module| Buffer::new(mechanisms, count)?.fill(&slot::mechanisms(module, slot)?);
    C_GetMechanismInfo(slot: CK_SLOT_ID, mechanism: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO) =
        |module| info.expect()?.write(slot::mechanism_info(module, slot, mechanism)?);
    C_InitToken(slot: CK_SLOT_ID, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG, label: *mut CK_UTF8CHAR) =
        |module| slot::init_token(module, slot, pin.optional_slice(pin_length)?, label.slice(LABEL)?);
    C_WaitForSlotEvent(flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void) = |module| {
        slot.expect()?;
        if !reserved.is_null() {
            return Err(Error::ArgumentsBad);
        }
        slot.write(slot_event::wait(module, flags)?)
    };
}

exports! { SESSIONS: ready;
    C_OpenSession(slot: CK_SLOT_ID, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY, place: *mut CK_SESSION_HANDLE) =
        |module| place.expect()?.write(session::open(module, slot, flags)?);
    C_CloseSession(session: CK_SESSION_HANDLE) = |module| session::close(module, session);
    C_CloseAllSessions(slot: CK_SLOT_ID) = |module| session::close_all(module, slot);
    C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO) =
        |module| info.expect()?.write(session::info(module, session)?);
    C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) = |module| cancel::cancel(module, session, flags);
    C_GetOperationState(session: CK_SESSION_HANDLE, saved: *mut CK_BYTE, saved_length: *mut CK_ULONG) =
        |module| {
            let buffer = Buffer::new(saved, saved_length)?;
            buffer.answer(state::save(module, session, buffer.room())?)
        };
    C_SetOperationState(session: CK_SESSION_HANDLE, saved: *mut CK_BYTE, saved_length: CK_ULONG, encryption: CK_OBJECT_HANDLE, authentication: CK_OBJECT_HANDLE) =
        |module| state::restore(module, session, saved.slice(saved_length)?, encryption, authentication);
    C_GetSessionValidationFlags(session: CK_SESSION_HANDLE, kind: CK_SESSION_VALIDATION_FLAGS_TYPE, flags: *mut CK_FLAGS) =
        // No validation is claimed, so that none holds. The function's list has no CKR_ARGUMENTS_BAD.
        |_| flags.write(0).map_err(|_| Error::FunctionFailed);

    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG) =
        |module| login::login(module, session, user, pin.optional_slice(pin_length)?);
    C_LoginUser(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG, name: *mut CK_UTF8CHAR, name_length: CK_ULONG) =
        |module| login::login_user(module, session, user, pin.optional_slice(pin_length)?, name.slice(name_length)?);
    C_Logout(session: CK_SESSION_HANDLE) = |module| login::logout(module, session);
    C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, pin_length: CK_ULONG) =
        |module| login::init_pin(module, session, pin.optional_slice(pin_length)?);
    C_SetPIN(session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_length: CK_ULONG, new: *mut CK_UTF8CHAR, new_length: CK_ULONG) =
        |module| login::set_pin(module, session, old.optional_slice(old_length)?, new.optional_slice(new_length)?);

    C_SeedRandom(session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, seed_length: CK_ULONG) =
        |module| module.sessions.find(session).and_then(|_| random::mix(seed.slice(seed_length)?));
    C_GenerateRandom(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG) =
        |module| module.sessions.find(session).and_then(|_| random::fill(data, data_length));
    C_GetFunctionStatus(session: CK_SESSION_HANDLE) = not_parallel;
    C_CancelFunction(session: CK_SESSION_HANDLE) = not_parallel;
}
