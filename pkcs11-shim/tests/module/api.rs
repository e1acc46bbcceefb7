//! The C functions as safe Rust, for the tests. One test at a time has the module.
#![expect(unsafe_code, reason = "the functions are C's")]
#![expect(clippy::unwrap_used, reason = "a failure is the test's")]

use std::ptr::{self, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use coffer_pkcs11::ffi::exports as c;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_FLAGS, CK_MECHANISM, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE,
    CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CKF_RW_SESSION, CKF_SERIAL_SESSION, CKR_OK,
};

pub(crate) type Answer<T> = Result<T, CK_RV>;

/// What a call returns, as a result.
pub(crate) fn answer(rv: CK_RV) -> Answer<()> {
    if rv == CKR_OK { Ok(()) } else { Err(rv) }
}

/// Calls a C function; arguments live for the call.
macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: every pointer here is null or comes from a local that outlives the call.
        answer(unsafe { c::$name($($argument),*) })
    }};
}

/// The module, for one test.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn initialize() -> Answer<()> {
    call!(C_Initialize(null_mut()))
}

pub(crate) fn finalize() -> Answer<()> {
    call!(C_Finalize(null_mut()))
}

/// Points the next C_Initialize to a socket.
pub(crate) fn use_socket(path: &std::path::Path) {
    // SAFETY: tests that look at the environment hold the lock of `alone`.
    unsafe { std::env::set_var("COFFER_SOCKET", path) };
}

pub(crate) fn slots(present: bool) -> Answer<Vec<CK_SLOT_ID>> {
    let mut count = 0;
    call!(C_GetSlotList(present.into(), null_mut(), &raw mut count))?;
    let mut slots = vec![0; usize::try_from(count).unwrap()];
    call!(C_GetSlotList(present.into(), slots.as_mut_ptr(), &raw mut count))?;
    slots.truncate(usize::try_from(count).unwrap());
    Ok(slots)
}

pub(crate) fn open_session(slot: CK_SLOT_ID) -> Answer<CK_SESSION_HANDLE> {
    let (flags, mut session) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, 0);
    call!(C_OpenSession(slot, flags, null_mut(), None, &raw mut session))?;
    Ok(session)
}

pub(crate) fn close_session(session: CK_SESSION_HANDLE) -> Answer<()> {
    call!(C_CloseSession(session))
}

pub(crate) fn session_state(session: CK_SESSION_HANDLE) -> Answer<CK_ULONG> {
    let mut info = cryptoki_sys::CK_SESSION_INFO::default();
    call!(C_GetSessionInfo(session, &raw mut info))?;
    Ok(info.state)
}

/// A mechanism with the bytes of its parameter.
pub(crate) struct Mechanism<'a>(pub(crate) CK_MECHANISM_TYPE, pub(crate) &'a [u8]);

impl Mechanism<'_> {
    fn raw(&self) -> CK_MECHANISM {
        CK_MECHANISM {
            mechanism: self.0,
            pParameter: if self.1.is_empty() {
                null_mut()
            } else {
                self.1.as_ptr().cast_mut().cast()
            },
            ulParameterLen: CK_ULONG::try_from(self.1.len()).unwrap(),
        }
    }
}

macro_rules! inits {
    ($( $name:ident $function:ident )*) => { $(
        pub(crate) fn $name(session: CK_SESSION_HANDLE, mechanism: &Mechanism<'_>, key: CK_OBJECT_HANDLE) -> Answer<()> {
            let mut mechanism = mechanism.raw();
            call!($function(session, &raw mut mechanism, key))
        }
    )* };
}
inits!(sign_init C_SignInit verify_init C_VerifyInit encrypt_init C_EncryptInit decrypt_init C_DecryptInit);

pub(crate) fn sign_cancel(session: CK_SESSION_HANDLE) -> Answer<()> {
    call!(C_SignInit(session, null_mut(), 0))
}

pub(crate) fn session_cancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) -> Answer<()> {
    call!(C_SessionCancel(session, flags))
}

pub(crate) fn generate(
    session: CK_SESSION_HANDLE,
    mechanism: &Mechanism<'_>,
    template: Template<'_>,
) -> Answer<CK_OBJECT_HANDLE> {
    let (mut mechanism, (mut attributes, count), mut key) = (mechanism.raw(), raw(template), 0);
    let place = attributes.as_mut_ptr();
    call!(C_GenerateKey(session, &raw mut mechanism, place, count, &raw mut key))?;
    Ok(key)
}

pub(crate) fn digest_init(session: CK_SESSION_HANDLE, mechanism: CK_MECHANISM_TYPE) -> Answer<()> {
    let mut mechanism = Mechanism(mechanism, &[]).raw();
    call!(C_DigestInit(session, &raw mut mechanism))
}

/// What a function with an output buffer leaves: its result, the length it told, the bytes it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) rv: CK_RV,
    pub(crate) length: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Filled {
    /// The bytes of a call that went well.
    pub(crate) fn unwrap(self) -> Vec<u8> {
        assert_eq!(self.rv, CKR_OK);
        self.bytes
    }
}

/// Calls with a buffer of `room` bytes, or with null.
fn fill(room: Option<usize>, call: impl FnOnce(*mut u8, *mut CK_ULONG) -> Answer<()>) -> Filled {
    let mut buffer = vec![0; room.unwrap_or(0).max(1)];
    let mut length = CK_ULONG::try_from(room.unwrap_or(0)).unwrap();
    let place = if room.is_some() { buffer.as_mut_ptr() } else { null_mut() };
    let rv = call(place, &raw mut length).err().unwrap_or(CKR_OK);
    let length = usize::try_from(length).unwrap();
    let written = if rv == CKR_OK && room.is_some() { length } else { 0 };
    buffer.truncate(written);
    Filled { rv, length, bytes: buffer }
}

macro_rules! with_input_and_output {
    ($( $name:ident $function:ident )*) => { $(
        pub(crate) fn $name(session: CK_SESSION_HANDLE, data: &[u8], room: Option<usize>) -> Filled {
            let length = CK_ULONG::try_from(data.len()).unwrap();
            fill(room, |place, written| call!($function(session, data.as_ptr().cast_mut(), length, place, written)))
        }
    )* };
}
with_input_and_output! {
    sign C_Sign digest C_Digest encrypt C_Encrypt decrypt C_Decrypt
    encrypt_update C_EncryptUpdate decrypt_update C_DecryptUpdate
}

macro_rules! with_output {
    ($( $name:ident $function:ident )*) => { $(
        pub(crate) fn $name(session: CK_SESSION_HANDLE, room: Option<usize>) -> Filled {
            fill(room, |place, written| call!($function(session, place, written)))
        }
    )* };
}
with_output!(sign_final C_SignFinal digest_final C_DigestFinal encrypt_final C_EncryptFinal decrypt_final C_DecryptFinal);

macro_rules! with_input {
    ($( $name:ident $function:ident )*) => { $(
        pub(crate) fn $name(session: CK_SESSION_HANDLE, data: &[u8]) -> Answer<()> {
            let length = CK_ULONG::try_from(data.len()).unwrap();
            call!($function(session, data.as_ptr().cast_mut(), length))
        }
    )* };
}
with_input! {
    sign_update C_SignUpdate verify_update C_VerifyUpdate verify_final C_VerifyFinal
    digest_update C_DigestUpdate seed_random C_SeedRandom init_pin C_InitPIN
}

pub(crate) fn verify(session: CK_SESSION_HANDLE, data: &[u8], signature: &[u8]) -> Answer<()> {
    let length = |bytes: &[u8]| CK_ULONG::try_from(bytes.len()).unwrap();
    call!(C_Verify(
        session,
        data.as_ptr().cast_mut(),
        length(data),
        signature.as_ptr().cast_mut(),
        length(signature)
    ))
}

/// Encrypts in place: input and output are the same memory.
pub(crate) fn encrypt_in_place(session: CK_SESSION_HANDLE, data: &mut [u8]) -> Answer<()> {
    let mut length = CK_ULONG::try_from(data.len()).unwrap();
    let place = data.as_mut_ptr();
    call!(C_Encrypt(session, place, length, place, &raw mut length))
}

pub(crate) fn random(
    session: CK_SESSION_HANDLE,
    place: Option<&mut [u8]>,
    length: usize,
) -> Answer<()> {
    let place = place.map_or(null_mut(), <[u8]>::as_mut_ptr);
    call!(C_GenerateRandom(session, place, CK_ULONG::try_from(length).unwrap()))
}

pub(crate) fn login(session: CK_SESSION_HANDLE, user: CK_ULONG, pin: Option<&[u8]>) -> Answer<()> {
    let place = pin.map_or(ptr::null(), <[u8]>::as_ptr).cast_mut();
    let length = CK_ULONG::try_from(pin.map_or(0, <[u8]>::len)).unwrap();
    call!(C_Login(session, user, place, length))
}

pub(crate) fn logout(session: CK_SESSION_HANDLE) -> Answer<()> {
    call!(C_Logout(session))
}

/// A template of kinds and values.
pub(crate) type Template<'a> = &'a [(CK_ATTRIBUTE_TYPE, &'a [u8])];

fn raw(template: Template<'_>) -> (Vec<CK_ATTRIBUTE>, CK_ULONG) {
    let raw = |(kind, value): &(CK_ATTRIBUTE_TYPE, &[u8])| CK_ATTRIBUTE {
        type_: *kind,
        pValue: value.as_ptr().cast_mut().cast(),
        ulValueLen: CK_ULONG::try_from(value.len()).unwrap(),
    };
    (template.iter().map(raw).collect(), CK_ULONG::try_from(template.len()).unwrap())
}

pub(crate) fn create(
    session: CK_SESSION_HANDLE,
    template: Template<'_>,
) -> Answer<CK_OBJECT_HANDLE> {
    let ((mut attributes, count), mut object) = (raw(template), 0);
    call!(C_CreateObject(session, attributes.as_mut_ptr(), count, &raw mut object))?;
    Ok(object)
}

pub(crate) fn find_init(session: CK_SESSION_HANDLE, template: Template<'_>) -> Answer<()> {
    let (mut attributes, count) = raw(template);
    call!(C_FindObjectsInit(session, attributes.as_mut_ptr(), count))
}

pub(crate) fn find(session: CK_SESSION_HANDLE, most: usize) -> Answer<Vec<CK_OBJECT_HANDLE>> {
    let (mut found, mut count) = (vec![0; most], 0);
    let room = CK_ULONG::try_from(most).unwrap();
    call!(C_FindObjects(session, found.as_mut_ptr(), room, &raw mut count))?;
    found.truncate(usize::try_from(count).unwrap());
    Ok(found)
}

pub(crate) fn find_final(session: CK_SESSION_HANDLE) -> Answer<()> {
    call!(C_FindObjectsFinal(session))
}

/// Asks for attributes with buffers of the given sizes; what comes back is the length told and the bytes.
pub(crate) fn attributes(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    wanted: &[(CK_ATTRIBUTE_TYPE, Option<usize>)],
) -> (CK_RV, Vec<(CK_ULONG, Vec<u8>)>) {
    let mut buffers: Vec<Vec<u8>> =
        wanted.iter().map(|(_, room)| vec![0; room.unwrap_or(0)]).collect();
    let raw = |((kind, room), buffer): (&(CK_ATTRIBUTE_TYPE, Option<usize>), &mut Vec<u8>)| {
        CK_ATTRIBUTE {
            type_: *kind,
            pValue: if room.is_some() { buffer.as_mut_ptr().cast() } else { null_mut() },
            ulValueLen: CK_ULONG::try_from(buffer.len()).unwrap(),
        }
    };
    let mut template: Vec<_> = wanted.iter().zip(&mut buffers).map(raw).collect();
    let count = CK_ULONG::try_from(template.len()).unwrap();
    let rv = call!(C_GetAttributeValue(session, object, template.as_mut_ptr(), count));
    let lengths = template.iter().map(|attribute| attribute.ulValueLen);
    (rv.err().unwrap_or(CKR_OK), lengths.zip(buffers).collect())
}

macro_rules! infos {
    ($( $name:ident $function:ident $info:ident )*) => { $(
        pub(crate) fn $name(slot: CK_SLOT_ID) -> Answer<cryptoki_sys::$info> {
            let mut info = cryptoki_sys::$info::default();
            call!($function(slot, &raw mut info))?;
            Ok(info)
        }
    )* };
}
infos!(slot_info C_GetSlotInfo CK_SLOT_INFO token_info C_GetTokenInfo CK_TOKEN_INFO);

pub(crate) fn mechanism_info(
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
) -> Answer<cryptoki_sys::CK_MECHANISM_INFO> {
    let mut info = cryptoki_sys::CK_MECHANISM_INFO::default();
    call!(C_GetMechanismInfo(slot, mechanism, &raw mut info))?;
    Ok(info)
}

pub(crate) fn mechanisms(slot: CK_SLOT_ID) -> Answer<Vec<CK_MECHANISM_TYPE>> {
    let mut count = 0;
    call!(C_GetMechanismList(slot, null_mut(), &raw mut count))?;
    let mut list = vec![0; usize::try_from(count).unwrap()];
    call!(C_GetMechanismList(slot, list.as_mut_ptr(), &raw mut count))?;
    Ok(list)
}

pub(crate) fn wait_for_slot_event(flags: CK_ULONG) -> Answer<()> {
    let mut slot = 0;
    call!(C_WaitForSlotEvent(flags, &raw mut slot, null_mut()))
}
