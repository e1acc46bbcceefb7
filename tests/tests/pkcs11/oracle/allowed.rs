//! The codes that each function may return, read from `return_codes.txt`.

use std::collections::{BTreeMap, BTreeSet};

use cryptoki_sys::{self as sys, CK_RV};

/// Makes the table of codes from their names.
macro_rules! codes {
    ($( $name:ident )*) => {
        const CODES: &[(&str, CK_RV)] = &[ $( (stringify!($name), sys::$name) ),* ];
    };
}

codes! {
    CKR_OK CKR_GENERAL_ERROR CKR_HOST_MEMORY CKR_FUNCTION_FAILED CKR_CRYPTOKI_NOT_INITIALIZED
    CKR_FUNCTION_NOT_SUPPORTED CKR_DEVICE_ERROR CKR_DEVICE_REMOVED CKR_SESSION_HANDLE_INVALID
    CKR_ACTION_PROHIBITED CKR_AEAD_DECRYPT_FAILED CKR_ARGUMENTS_BAD CKR_ATTRIBUTE_READ_ONLY
    CKR_ATTRIBUTE_SENSITIVE CKR_ATTRIBUTE_TYPE_INVALID CKR_ATTRIBUTE_VALUE_INVALID
    CKR_BUFFER_TOO_SMALL CKR_CANT_LOCK CKR_CRYPTOKI_ALREADY_INITIALIZED CKR_CURVE_NOT_SUPPORTED
    CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_DEVICE_MEMORY CKR_DOMAIN_PARAMS_INVALID
    CKR_ENCRYPTED_DATA_INVALID CKR_ENCRYPTED_DATA_LEN_RANGE CKR_FUNCTION_CANCELED
    CKR_FUNCTION_NOT_PARALLEL CKR_FUNCTION_REJECTED CKR_INFORMATION_SENSITIVE CKR_KEY_CHANGED
    CKR_KEY_FUNCTION_NOT_PERMITTED CKR_KEY_HANDLE_INVALID CKR_KEY_INDIGESTIBLE CKR_KEY_NEEDED
    CKR_KEY_NOT_NEEDED CKR_KEY_NOT_WRAPPABLE CKR_KEY_SIZE_RANGE CKR_KEY_TYPE_INCONSISTENT
    CKR_KEY_UNEXTRACTABLE CKR_MECHANISM_INVALID CKR_MECHANISM_PARAM_INVALID
    CKR_NEED_TO_CREATE_THREADS CKR_NO_EVENT CKR_OBJECT_HANDLE_INVALID CKR_OPERATION_ACTIVE
    CKR_OPERATION_CANCEL_FAILED CKR_OPERATION_NOT_INITIALIZED CKR_PARAMETER_SET_NOT_SUPPORTED
    CKR_PENDING CKR_PIN_EXPIRED CKR_PIN_INCORRECT CKR_PIN_INVALID CKR_PIN_LEN_RANGE CKR_PIN_LOCKED
    CKR_RANDOM_NO_RNG CKR_RANDOM_SEED_NOT_SUPPORTED CKR_SAVED_STATE_INVALID
    CKR_SEED_RANDOM_REQUIRED CKR_SESSION_ASYNC_NOT_SUPPORTED CKR_SESSION_CLOSED CKR_SESSION_COUNT
    CKR_SESSION_EXISTS CKR_SESSION_PARALLEL_NOT_SUPPORTED CKR_SESSION_READ_ONLY
    CKR_SESSION_READ_ONLY_EXISTS CKR_SESSION_READ_WRITE_SO_EXISTS CKR_SIGNATURE_INVALID
    CKR_SIGNATURE_LEN_RANGE CKR_SLOT_ID_INVALID CKR_STATE_UNSAVEABLE CKR_TEMPLATE_INCOMPLETE
    CKR_TEMPLATE_INCONSISTENT CKR_TOKEN_NOT_PRESENT CKR_TOKEN_NOT_RECOGNIZED
    CKR_TOKEN_RESOURCE_EXCEEDED CKR_TOKEN_WRITE_PROTECTED CKR_UNWRAPPING_KEY_HANDLE_INVALID
    CKR_UNWRAPPING_KEY_SIZE_RANGE CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT CKR_USER_ALREADY_LOGGED_IN
    CKR_USER_ANOTHER_ALREADY_LOGGED_IN CKR_USER_NOT_LOGGED_IN CKR_USER_PIN_NOT_INITIALIZED
    CKR_USER_TOO_MANY_TYPES CKR_USER_TYPE_INVALID CKR_WRAPPED_KEY_INVALID
    CKR_WRAPPED_KEY_LEN_RANGE CKR_WRAPPING_KEY_HANDLE_INVALID CKR_WRAPPING_KEY_SIZE_RANGE
    CKR_WRAPPING_KEY_TYPE_INCONSISTENT
}

/// What every function may return (section 5.1). Those that say that the module or the daemon is wrong in itself
/// are not here: no caller's mistake leads to them.
const COMMON: &[&str] = &[
    "OK",
    "FUNCTION_FAILED",
    "CRYPTOKI_NOT_INITIALIZED",
    "FUNCTION_NOT_SUPPORTED",
    "DEVICE_REMOVED",
    "ARGUMENTS_BAD",
    "DEVICE_MEMORY",
    "FUNCTION_CANCELED",
    "SESSION_CLOSED",
];
/// What every function with a session may return.
const IN_SESSION: &str = "SESSION_HANDLE_INVALID";

/// The codes of every function.
pub(crate) struct Allowed(BTreeMap<&'static str, BTreeSet<CK_RV>>);

impl Allowed {
    /// Reads the file. `has_session` says which functions have one.
    pub(crate) fn read(has_session: impl Fn(&str) -> bool) -> Self {
        let lines = include_str!("return_codes.txt").lines();
        let rows = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut all = BTreeMap::new();
        for row in rows {
            let mut columns = row.split('|').map(str::trim);
            let name = columns.next().unwrap();
            let own = columns.next().unwrap().split_whitespace();
            let without: Vec<&str> = columns.next().unwrap().split_whitespace().collect();
            let common = COMMON.iter().copied().filter(|code| !without.contains(code));
            let session = has_session(name).then_some(IN_SESSION);
            let names = own.map(|code| code.trim_start_matches('+')).chain(common).chain(session);
            assert!(all.insert(name, names.map(number).collect()).is_none(), "{name} twice");
        }
        Self(all)
    }

    /// The functions of the file.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Whether the function may return the code.
    pub(crate) fn contains(&self, function: &str, code: CK_RV) -> bool {
        self.0.get(function).is_some_and(|codes| codes.contains(&code))
    }
}

fn number(name: &str) -> CK_RV {
    let found = CODES.iter().find(|(code, _)| code.strip_prefix("CKR_") == Some(name));
    found.unwrap_or_else(|| panic!("{name} is not in the table of codes")).1
}

/// The name of a code.
pub(crate) fn name(code: CK_RV) -> String {
    let found = CODES.iter().find(|(_, number)| *number == code);
    found.map_or_else(|| format!("{code:#x}"), |(name, _)| (*name).to_owned())
}
