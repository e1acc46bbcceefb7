//! The function lists of PKCS#11 2.40, 3.0 and 3.2, and the interfaces that lead to them (section 5.4).

use std::ffi::{CStr, c_void};

use cryptoki_sys::{
    CK_FLAGS, CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0, CK_FUNCTION_LIST_3_2, CK_INFO, CK_INTERFACE,
    CK_RV, CK_VERSION,
};

use super::pointers::{Argument as _, Pointer};
use super::{entry, exports};
use crate::error::Error;
use crate::slot;

const VERSION_2_40: CK_VERSION = CK_VERSION { major: 2, minor: 40 };
const VERSION_3_0: CK_VERSION = CK_VERSION { major: 3, minor: 0 };
/// The version of the module as a whole.
pub(super) const VERSION_3_2: CK_VERSION = CK_VERSION { major: 3, minor: 2 };

/// Makes the lists from the names that each version adds. A name without a function, or a function of the
/// version without a name, does not compile.
macro_rules! lists {
    (C_Initialize C_Finalize C_GetInfo $($v2:ident)*; $($v3_0:ident)*; $($v3_2:ident)*;) => {
        /// What `C_GetFunctionList` gives.
        pub static LIST_2_40: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
            version: VERSION_2_40,
            C_Initialize: Some(exports::C_Initialize),
            C_Finalize: Some(exports::C_Finalize),
            C_GetInfo: Some(info_2_40),
            $( $v2: Some(exports::$v2), )*
        };
        /// The list of PKCS#11 3.0.
        pub static LIST_3_0: CK_FUNCTION_LIST_3_0 = CK_FUNCTION_LIST_3_0 {
            version: VERSION_3_0,
            C_Initialize: Some(exports::C_Initialize),
            C_Finalize: Some(exports::C_Finalize),
            C_GetInfo: Some(info_3_0),
            $( $v2: Some(exports::$v2), )*
            $( $v3_0: Some(exports::$v3_0), )*
        };
        /// The list of PKCS#11 3.2.
        pub static LIST_3_2: CK_FUNCTION_LIST_3_2 = CK_FUNCTION_LIST_3_2 {
            version: VERSION_3_2,
            C_Initialize: Some(exports::C_Initialize),
            C_Finalize: Some(exports::C_Finalize),
            C_GetInfo: Some(exports::C_GetInfo),
            $( $v2: Some(exports::$v2), )*
            $( $v3_0: Some(exports::$v3_0), )*
            $( $v3_2: Some(exports::$v3_2), )*
        };
    };
}

lists! {
        C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo
        C_GetTokenInfo C_GetMechanismList C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN
        C_OpenSession C_CloseSession C_CloseAllSessions C_GetSessionInfo C_GetOperationState
        C_SetOperationState C_Login C_Logout C_CreateObject C_CopyObject C_DestroyObject
        C_GetObjectSize C_GetAttributeValue C_SetAttributeValue C_FindObjectsInit C_FindObjects
        C_FindObjectsFinal C_EncryptInit C_Encrypt C_EncryptUpdate C_EncryptFinal C_DecryptInit
        C_Decrypt C_DecryptUpdate C_DecryptFinal C_DigestInit C_Digest C_DigestUpdate C_DigestKey
        C_DigestFinal C_SignInit C_Sign C_SignUpdate C_SignFinal C_SignRecoverInit C_SignRecover
        C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal C_VerifyRecoverInit C_VerifyRecover
        C_DigestEncryptUpdate C_DecryptDigestUpdate C_SignEncryptUpdate C_DecryptVerifyUpdate
        C_GenerateKey C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey C_SeedRandom
        C_GenerateRandom C_GetFunctionStatus C_CancelFunction C_WaitForSlotEvent
        ;
        C_GetInterfaceList C_GetInterface C_LoginUser C_SessionCancel C_MessageEncryptInit
        C_EncryptMessage C_EncryptMessageBegin C_EncryptMessageNext C_MessageEncryptFinal
        C_MessageDecryptInit C_DecryptMessage C_DecryptMessageBegin C_DecryptMessageNext
        C_MessageDecryptFinal C_MessageSignInit C_SignMessage C_SignMessageBegin C_SignMessageNext
        C_MessageSignFinal C_MessageVerifyInit C_VerifyMessage C_VerifyMessageBegin
        C_VerifyMessageNext C_MessageVerifyFinal
        ;
        C_EncapsulateKey C_DecapsulateKey C_VerifySignatureInit C_VerifySignature
        C_VerifySignatureUpdate C_VerifySignatureFinal C_GetSessionValidationFlags C_AsyncComplete
        C_AsyncGetID C_AsyncJoin C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated
        ;
}

/// `C_GetInfo` of the older lists, whose version is theirs.
macro_rules! older_info {
    ($( $name:ident $version:ident )*) => { $(
        unsafe extern "C" fn $name(info: *mut CK_INFO) -> CK_RV {
            let call = ();
            // SAFETY: the caller vouches for its pointer.
            let info = unsafe { info.receive(&call) };
            entry::ready("C_GetInfo", None, |_| info.write(slot::library_info($version)))
        }
    )* };
}

older_info!(info_2_40 VERSION_2_40 info_3_0 VERSION_3_0);

const NAME: &CStr = c"PKCS 11";

/// The interfaces, the newest first: one that is asked for without a version is the first.
struct Interfaces([CK_INTERFACE; 3]);

// SAFETY: what the pointers lead to is constant and lives as long as the process.
unsafe impl Sync for Interfaces {}

static INTERFACES: Interfaces = Interfaces([
    interface((&raw const LIST_3_2).cast()),
    interface((&raw const LIST_3_0).cast()),
    interface((&raw const LIST_2_40).cast()),
]);

const VERSIONS: [CK_VERSION; 3] = [VERSION_3_2, VERSION_3_0, VERSION_2_40];

const fn interface(list: *const c_void) -> CK_INTERFACE {
    CK_INTERFACE {
        pInterfaceName: NAME.as_ptr().cast_mut().cast(),
        pFunctionList: list.cast_mut(),
        flags: 0,
    }
}

/// All interfaces.
pub(super) fn interfaces() -> &'static [CK_INTERFACE] {
    &INTERFACES.0
}

/// The function list that `C_GetFunctionList` gives.
pub(super) fn oldest() -> *mut CK_FUNCTION_LIST {
    (&raw const LIST_2_40).cast_mut()
}

/// The first interface with that name, version and flags.
pub(super) fn find(
    name: Pointer<'_, u8>,
    version: Pointer<'_, CK_VERSION>,
    flags: CK_FLAGS,
) -> Result<*mut CK_INTERFACE, Error> {
    let is_named = name.is_null() || name.is_text(NAME);
    let version = if version.is_null() { None } else { Some(version.read()?) };
    let is_meant = |(interface, own): &(&CK_INTERFACE, CK_VERSION)| {
        let is_version =
            version.is_none_or(|asked| (asked.major, asked.minor) == (own.major, own.minor));
        is_named && is_version && interface.flags & flags == flags
    };
    let mut interfaces = INTERFACES.0.iter().zip(VERSIONS);
    let (found, _) = interfaces.find(is_meant).ok_or(Error::ArgumentsBad)?;
    Ok((&raw const *found).cast_mut())
}
