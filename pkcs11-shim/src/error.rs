//! The only place where a failure becomes a `CK_RV`.

use coffer_protocol::ErrorCode;
use cryptoki_sys::{self as sys, CK_RV};

macro_rules! errors {
    ($( $name:ident $ckr:ident $text:literal; )*) => {
        /// A failure of a PKCS#11 call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Error {
            $( #[doc = $text] $name, )*
            /// The daemon refused.
            Refused(ErrorCode),
            /// The daemon refused one of several templates, which are counted from 1.
            RefusedPart(ErrorCode, u32),
        }

        impl From<Error> for CK_RV {
            fn from(error: Error) -> Self {
                match error {
                    $( Error::$name => sys::$ckr, )*
                    Error::Refused(code) | Error::RefusedPart(code, _) => number(code.ckr()),
                }
            }
        }
    };
}

errors! {
//  name                      CKR                                what happened
    ArgumentsBad              CKR_ARGUMENTS_BAD                  "An argument is wrong.";
    AlreadyInitialized        CKR_CRYPTOKI_ALREADY_INITIALIZED   "C_Initialize was called before.";
    NotInitialized            CKR_CRYPTOKI_NOT_INITIALIZED       "C_Initialize was not called, or before a fork.";
    CantLock                  CKR_CANT_LOCK                      "Only the application's own locks are allowed.";
    FunctionNotSupported      CKR_FUNCTION_NOT_SUPPORTED         "The function is not there.";
    FunctionNotParallel       CKR_FUNCTION_NOT_PARALLEL          "There are no parallel functions.";
    FunctionFailed            CKR_FUNCTION_FAILED                "The function failed.";
    FunctionCanceled          CKR_FUNCTION_CANCELED              "Another thread ended the operation.";
    FunctionRejected          CKR_FUNCTION_REJECTED              "The daemon refuses the signature.";
    GeneralError              CKR_GENERAL_ERROR                  "The module is wrong in itself.";
    HostMemory                CKR_HOST_MEMORY                    "The process has no memory left.";
    BufferTooSmall            CKR_BUFFER_TOO_SMALL               "The result does not fit.";
    DeviceError               CKR_DEVICE_ERROR                   "The daemon answered what it may not.";
    DeviceRemoved             CKR_DEVICE_REMOVED                 "The daemon went away during the call.";
    SlotIdInvalid             CKR_SLOT_ID_INVALID                "There is no such slot.";
    TokenNotPresent           CKR_TOKEN_NOT_PRESENT              "The daemon is away or sealed.";
    NoEvent                   CKR_NO_EVENT                       "Nothing happened to a slot.";
    SessionHandleInvalid      CKR_SESSION_HANDLE_INVALID         "There is no such session, or no longer.";
    SessionParallel           CKR_SESSION_PARALLEL_NOT_SUPPORTED "Sessions are serial.";
    SessionAsync              CKR_SESSION_ASYNC_NOT_SUPPORTED    "Sessions are not asynchronous.";
    ObjectHandleInvalid       CKR_OBJECT_HANDLE_INVALID          "There is no such object.";
    KeyHandleInvalid          CKR_KEY_HANDLE_INVALID             "There is no such key.";
    KeyTypeInconsistent       CKR_KEY_TYPE_INCONSISTENT          "The key does not fit the mechanism.";
    KeySizeRange              CKR_KEY_SIZE_RANGE                 "The key has the wrong size.";
    KeyFunctionNotPermitted   CKR_KEY_FUNCTION_NOT_PERMITTED     "The key is not for this.";
    MechanismInvalid          CKR_MECHANISM_INVALID              "The mechanism is unknown, or not for this.";
    MechanismParamInvalid     CKR_MECHANISM_PARAM_INVALID        "The parameter does not fit the mechanism.";
    OperationActive           CKR_OPERATION_ACTIVE               "Such an operation is active.";
    OperationNotInitialized   CKR_OPERATION_NOT_INITIALIZED      "No such operation is active.";
    OperationCancelFailed     CKR_OPERATION_CANCEL_FAILED        "The operation is past its point of no return.";
    DataLenRange              CKR_DATA_LEN_RANGE                 "The data has the wrong length.";
    EncryptedDataLenRange     CKR_ENCRYPTED_DATA_LEN_RANGE       "The encrypted data has the wrong length.";
    SignatureLenRange         CKR_SIGNATURE_LEN_RANGE            "The signature has the wrong length.";
    AttributeTypeInvalid      CKR_ATTRIBUTE_TYPE_INVALID         "The attribute is unknown.";
    AttributeValueInvalid     CKR_ATTRIBUTE_VALUE_INVALID        "The value is not one of the attribute's.";
    PinIncorrect              CKR_PIN_INCORRECT                  "The PIN is wrong.";
    PinLenRange               CKR_PIN_LEN_RANGE                  "A PIN has 4 to 255 bytes.";
    UserTypeInvalid           CKR_USER_TYPE_INVALID              "There is no such user type.";
    UserNotLoggedIn           CKR_USER_NOT_LOGGED_IN             "The PIN was not given.";
    KeyIndigestible           CKR_KEY_INDIGESTIBLE               "The value of the key does not leave the token.";
    KeyNeeded                 CKR_KEY_NEEDED                     "What was saved used a key.";
    KeyNotNeeded              CKR_KEY_NOT_NEEDED                 "What was saved used no such key.";
    KeyChanged                CKR_KEY_CHANGED                    "What was saved used another key.";
    StateUnsaveable           CKR_STATE_UNSAVEABLE               "The operation cannot be saved.";
    SavedStateInvalid         CKR_SAVED_STATE_INVALID            "This was not saved here.";
    AeadDecryptFailed         CKR_AEAD_DECRYPT_FAILED            "The message or its tag is wrong.";
    RandomSeedNotSupported    CKR_RANDOM_SEED_NOT_SUPPORTED      "The generator takes no seed.";
}

fn number(ckr: u64) -> CK_RV {
    CK_RV::try_from(ckr).unwrap_or(sys::CKR_GENERAL_ERROR)
}

impl Error {
    /// The failure as its `CK_RV`.
    pub fn ckr(self) -> CK_RV {
        self.into()
    }

    /// As a function with a session says it: its token cannot be absent (section 5.1.2), so the session is.
    #[must_use]
    pub(crate) fn in_session(self) -> Self {
        match self.ckr() {
            sys::CKR_TOKEN_NOT_PRESENT => Self::SessionHandleInvalid,
            sys::CKR_FUNCTION_REJECTED => Self::FunctionFailed,
            _ => self,
        }
    }

    /// As a function that is given a key says it.
    #[must_use]
    pub(crate) fn about_key(self) -> Self {
        if self.ckr() == sys::CKR_OBJECT_HANDLE_INVALID { Self::KeyHandleInvalid } else { self }
    }

    /// As a function that is given an object says it.
    #[must_use]
    pub(crate) fn about_object(self) -> Self {
        if self.ckr() == sys::CKR_KEY_HANDLE_INVALID { Self::ObjectHandleInvalid } else { self }
    }

    /// As C_Login says it: what cannot be a PIN is a wrong one.
    #[must_use]
    pub(crate) fn about_login(self) -> Self {
        match self.ckr() {
            sys::CKR_PIN_LEN_RANGE | sys::CKR_PIN_INVALID => Self::PinIncorrect,
            _ => self,
        }
    }

    /// As the second half of an operation says it, which may not refuse what its C_*Init allowed.
    #[must_use]
    pub(crate) fn late(self, family: &Family) -> Self {
        let code = self.ckr();
        if SESSION_CODES.contains(&code) || family.codes.contains(&code) {
            return self;
        }
        let is_possible = |code| family.codes.contains(&code);
        match code {
            sys::CKR_DATA_LEN_RANGE if is_possible(sys::CKR_ENCRYPTED_DATA_LEN_RANGE) => {
                Self::EncryptedDataLenRange
            }
            sys::CKR_ENCRYPTED_DATA_INVALID if is_possible(sys::CKR_AEAD_DECRYPT_FAILED) => {
                Self::AeadDecryptFailed
            }
            _ => family.refusal,
        }
    }
}

/// What the functions that use a key may answer, beyond what every function with a session may.
pub(crate) struct Family {
    codes: &'static [CK_RV],
    refusal: Error,
}

/// What every function with a session may answer (section 5.1).
const SESSION_CODES: &[CK_RV] = &[
    sys::CKR_GENERAL_ERROR,
    sys::CKR_HOST_MEMORY,
    sys::CKR_FUNCTION_FAILED,
    sys::CKR_FUNCTION_CANCELED,
    sys::CKR_FUNCTION_NOT_SUPPORTED,
    sys::CKR_CRYPTOKI_NOT_INITIALIZED,
    sys::CKR_SESSION_HANDLE_INVALID,
    sys::CKR_DEVICE_ERROR,
    sys::CKR_DEVICE_MEMORY,
    sys::CKR_DEVICE_REMOVED,
    sys::CKR_ARGUMENTS_BAD,
    sys::CKR_OPERATION_ACTIVE,
    sys::CKR_OPERATION_NOT_INITIALIZED,
    sys::CKR_BUFFER_TOO_SMALL,
];

macro_rules! families {
    ($( $(#[doc = $doc:literal])* $name:ident $refusal:ident [ $($code:ident)* ]; )*) => { $(
        $(#[doc = $doc])*
        pub(crate) const $name: Family =
            Family { codes: &[ $( sys::$code ),* ], refusal: Error::$refusal };
    )* };
}

families! {
    /// C_Encrypt.
    ENCRYPT FunctionFailed [CKR_DATA_INVALID CKR_DATA_LEN_RANGE];
    /// The parts of C_Encrypt, also joined with a digest.
    ENCRYPT_PART FunctionFailed [CKR_DATA_LEN_RANGE];
    /// C_Decrypt and its parts.
    DECRYPT FunctionFailed [CKR_ENCRYPTED_DATA_INVALID CKR_ENCRYPTED_DATA_LEN_RANGE CKR_USER_NOT_LOGGED_IN];
    /// C_DecryptDigestUpdate and C_DecryptVerifyUpdate.
    DECRYPT_JOINED FunctionFailed [CKR_ENCRYPTED_DATA_INVALID CKR_ENCRYPTED_DATA_LEN_RANGE];
    /// C_Sign.
    SIGN FunctionRejected [CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_USER_NOT_LOGGED_IN];
    /// C_SignFinal.
    SIGN_FINAL FunctionRejected [CKR_DATA_LEN_RANGE CKR_USER_NOT_LOGGED_IN];
    /// C_SignUpdate, also joined with an encryption.
    SIGN_PART FunctionFailed [CKR_DATA_LEN_RANGE CKR_USER_NOT_LOGGED_IN];
    /// C_SignRecover.
    SIGN_RECOVER FunctionFailed [CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_USER_NOT_LOGGED_IN];
    /// C_Verify and C_VerifyRecover.
    VERIFY FunctionFailed [CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_SIGNATURE_INVALID CKR_SIGNATURE_LEN_RANGE];
    /// C_VerifyFinal.
    VERIFY_FINAL FunctionFailed [CKR_DATA_LEN_RANGE CKR_SIGNATURE_INVALID CKR_SIGNATURE_LEN_RANGE];
    /// C_VerifyUpdate, also joined with a decryption.
    VERIFY_PART FunctionFailed [CKR_DATA_LEN_RANGE];
    /// C_EncryptMessage.
    ENCRYPT_MESSAGE FunctionFailed [CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_MECHANISM_PARAM_INVALID];
    /// C_EncryptMessageNext.
    ENCRYPT_MESSAGE_PART FunctionFailed [CKR_DATA_LEN_RANGE CKR_MECHANISM_PARAM_INVALID];
    /// C_DecryptMessage and its parts.
    DECRYPT_MESSAGE FunctionFailed [
        CKR_AEAD_DECRYPT_FAILED CKR_ENCRYPTED_DATA_LEN_RANGE CKR_MECHANISM_PARAM_INVALID CKR_USER_NOT_LOGGED_IN
    ];
    /// C_GetOperationState and C_SetOperationState of what was saved.
    RESTORE KeyChanged [];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_disabled_after_init_reads_as_a_rejection() {
        let disabled = Error::Refused(ErrorCode::CmkDisabled);
        assert_eq!(disabled.ckr(), sys::CKR_KEY_FUNCTION_NOT_PERMITTED);
        assert_eq!(disabled.late(&SIGN), Error::FunctionRejected);
        assert_eq!(disabled.late(&ENCRYPT), Error::FunctionFailed);
        assert_eq!(disabled.late(&VERIFY), Error::FunctionFailed);
        let data = Error::Refused(ErrorCode::DataLength);
        assert_eq!(data.late(&SIGN), data);
        assert_eq!(data.late(&DECRYPT), Error::EncryptedDataLenRange);
    }

    #[test]
    fn no_session_function_says_that_a_token_is_absent() {
        let sealed = Error::Refused(ErrorCode::Unavailable);
        assert_eq!(sealed.in_session().ckr(), sys::CKR_SESSION_HANDLE_INVALID);
    }
}
