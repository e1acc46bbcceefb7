//! The functions, each with the kinds of its arguments and what must go before it. What is called with nothing
//! malformed is right, or comes to the code that is named.

use cryptoki_sys::{self as sys, CK_RV, CKR_OK};

/// An object of the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Aes,
    Secret,
    RsaPublic,
    RsaPrivate,
    EcPublic,
    EcPrivate,
    Data,
}

impl Object {
    pub(crate) const ALL: [Self; 7] = [
        Self::Aes,
        Self::Secret,
        Self::RsaPublic,
        Self::RsaPrivate,
        Self::EcPublic,
        Self::EcPrivate,
        Self::Data,
    ];
}

/// A mechanism with its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Plain(u64),
    Iv(u64),
    Gcm,
    Hkdf,
    Ecdh,
}

/// A template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    AesKey,
    SecretKey,
    EcPublic,
    EcPrivate,
    Id,
    Copy,
    Search,
    Wanted,
}

/// The kind of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arg {
    /// A session.
    Session,
    /// A slot.
    Slot,
    /// An object's handle.
    Object(Object),
    /// The handle of an object that a function destroys.
    Made,
    /// A number.
    Number(u64),
    /// Data.
    Bytes(&'static [u8]),
    /// The number of bytes of the data before.
    Length(u64),
    /// A place for results.
    Out,
    /// The place of their number, which says how many bytes or entries there is room for.
    Room(u64),
    /// A mechanism.
    Mechanism(How),
    /// The first of a template's attributes.
    Template(Kind),
    /// Their number.
    Count(Kind),
    /// A place for a structure or a number.
    Place,
    /// The parameter of a message.
    Parameter,
    /// Its length.
    ParameterLength,
    /// What must be null.
    Null,
}

/// A function.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) address: usize,
    pub(crate) arguments: &'static [Arg],
    /// What goes before it, in the same session.
    pub(crate) after: &'static [&'static str],
    /// What it comes to when nothing is wrong.
    pub(crate) plain: CK_RV,
}

macro_rules! functions {
    ($( $name:ident [ $($argument:expr),* $(,)? ] $(after [ $($before:ident)* ])? $(is $plain:ident)?; )*) => {
        /// Every function of PKCS#11 3.2, in the order of its list.
        pub(crate) fn all() -> Vec<Function> {
            use Arg::*;
            vec![ $( Function {
                name: stringify!($name),
                address: coffer_pkcs11::ffi::exports::$name as *const () as usize,
                arguments: { const LIST: &[Arg] = &[ $($argument),* ]; LIST },
                after: &[ $( $( stringify!($before) ),* )? ],
                plain: functions!(@plain $($plain)?),
            } ),* ]
        }
    };
    (@plain) => { CKR_OK };
    (@plain $plain:ident) => { sys::$plain };
}

const DATA: &[u8] = &[0x31; 32];
const CODE: &[u8] = &[0x32; 32];
const BLOCK: &[u8] = &[0x33; 256];
const PIN: &[u8] = b"1234";
const SO_PIN: &[u8] = b"12345678";
const LABEL: &[u8] = b"label                           ";
const HMAC: How = How::Plain(sys::CKM_SHA256_HMAC);
const PKCS: How = How::Plain(sys::CKM_RSA_PKCS);
const CBC: How = How::Iv(sys::CKM_AES_CBC);
const KWP: How = How::Plain(sys::CKM_AES_KEY_WRAP_KWP);
const SHA: How = How::Plain(sys::CKM_SHA256);
const GCM: How = How::Plain(sys::CKM_AES_GCM);
const AES: Arg = Arg::Object(Object::Aes);
const SECRET: Arg = Arg::Object(Object::Secret);
const RSA_PUBLIC: Arg = Arg::Object(Object::RsaPublic);
const RSA_PRIVATE: Arg = Arg::Object(Object::RsaPrivate);
const EC_PUBLIC: Arg = Arg::Object(Object::EcPublic);
const EC_PRIVATE: Arg = Arg::Object(Object::EcPrivate);
const SERIAL: u64 = sys::CKF_SERIAL_SESSION | sys::CKF_RW_SESSION;
const EC_CIPHERTEXT: &[u8] = &[4; 65];

functions! {
    C_Initialize [Null] is CKR_CRYPTOKI_ALREADY_INITIALIZED;
    C_Finalize [Null];
    C_GetInfo [Place];
    C_GetFunctionList [Place];
    C_GetSlotList [Number(1), Out, Room(64)];
    C_GetSlotInfo [Slot, Place];
    C_GetTokenInfo [Slot, Place];
    C_GetMechanismList [Slot, Out, Room(500)];
    C_GetMechanismInfo [Slot, Number(sys::CKM_AES_CBC), Place];
    C_InitToken [Slot, Bytes(SO_PIN), Length(8), Bytes(LABEL)] is CKR_SESSION_EXISTS;
    C_InitPIN [Session, Bytes(PIN), Length(4)] is CKR_USER_NOT_LOGGED_IN;
    C_SetPIN [Session, Bytes(PIN), Length(4), Bytes(PIN), Length(4)];
    C_OpenSession [Slot, Number(SERIAL), Null, Null, Place];
    C_CloseSession [Session];
    C_CloseAllSessions [Slot];
    C_GetSessionInfo [Session, Place];
    C_GetOperationState [Session, Out, Room(4096)] after [C_DigestInit];
    C_SetOperationState [Session, Bytes(BLOCK), Length(256), Number(0), Number(0)] is CKR_SAVED_STATE_INVALID;
    C_Login [Session, Number(sys::CKU_USER), Bytes(PIN), Length(4)] is CKR_USER_ALREADY_LOGGED_IN;
    C_Logout [Session];
    C_CreateObject [Session, Template(Kind::Data), Count(Kind::Data), Place];
    C_CopyObject [Session, AES, Template(Kind::Copy), Count(Kind::Copy), Place];
    C_DestroyObject [Session, Made];
    C_GetObjectSize [Session, AES, Place];
    C_GetAttributeValue [Session, AES, Template(Kind::Wanted), Count(Kind::Wanted)];
    C_SetAttributeValue [Session, AES, Template(Kind::Id), Count(Kind::Id)];
    C_FindObjectsInit [Session, Template(Kind::Search), Count(Kind::Search)];
    C_FindObjects [Session, Out, Length(16), Place] after [C_FindObjectsInit];
    C_FindObjectsFinal [Session] after [C_FindObjectsInit];
    C_EncryptInit [Session, Mechanism(CBC), AES];
    C_Encrypt [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_EncryptInit];
    C_EncryptUpdate [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_EncryptInit];
    C_EncryptFinal [Session, Out, Room(4096)] after [C_EncryptInit C_EncryptUpdate];
    C_DecryptInit [Session, Mechanism(CBC), AES];
    C_Decrypt [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_DecryptInit];
    C_DecryptUpdate [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_DecryptInit];
    C_DecryptFinal [Session, Out, Room(4096)] after [C_DecryptInit C_DecryptUpdate];
    C_DigestInit [Session, Mechanism(SHA)];
    C_Digest [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_DigestInit];
    C_DigestUpdate [Session, Bytes(DATA), Length(32)] after [C_DigestInit];
    C_DigestKey [Session, SECRET] after [C_DigestInit] is CKR_KEY_INDIGESTIBLE;
    C_DigestFinal [Session, Out, Room(4096)] after [C_DigestInit C_DigestUpdate];
    C_SignInit [Session, Mechanism(HMAC), SECRET];
    C_Sign [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_SignInit];
    C_SignUpdate [Session, Bytes(DATA), Length(32)] after [C_SignInit];
    C_SignFinal [Session, Out, Room(4096)] after [C_SignInit C_SignUpdate];
    C_SignRecoverInit [Session, Mechanism(PKCS), RSA_PRIVATE];
    C_SignRecover [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_SignRecoverInit];
    C_VerifyInit [Session, Mechanism(HMAC), SECRET];
    C_Verify [Session, Bytes(DATA), Length(32), Bytes(CODE), Length(32)] after [C_VerifyInit] is CKR_SIGNATURE_INVALID;
    C_VerifyUpdate [Session, Bytes(DATA), Length(32)] after [C_VerifyInit];
    C_VerifyFinal [Session, Bytes(CODE), Length(32)] after [C_VerifyInit C_VerifyUpdate] is CKR_SIGNATURE_INVALID;
    C_VerifyRecoverInit [Session, Mechanism(PKCS), RSA_PUBLIC];
    C_VerifyRecover [Session, Bytes(BLOCK), Length(256), Out, Room(4096)] after [C_VerifyRecoverInit] is CKR_SIGNATURE_INVALID;
    C_DigestEncryptUpdate [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_DigestInit C_EncryptInit];
    C_DecryptDigestUpdate [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_DigestInit C_DecryptInit];
    C_SignEncryptUpdate [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_SignInit C_EncryptInit];
    C_DecryptVerifyUpdate [Session, Bytes(DATA), Length(32), Out, Room(4096)] after [C_VerifyInit C_DecryptInit];
    C_GenerateKey [Session, Mechanism(How::Plain(sys::CKM_AES_KEY_GEN)), Template(Kind::AesKey), Count(Kind::AesKey), Place];
    C_GenerateKeyPair [
        Session, Mechanism(How::Plain(sys::CKM_EC_KEY_PAIR_GEN)), Template(Kind::EcPublic), Count(Kind::EcPublic),
        Template(Kind::EcPrivate), Count(Kind::EcPrivate), Place, Place,
    ];
    C_WrapKey [Session, Mechanism(KWP), AES, SECRET, Out, Room(4096)];
    C_UnwrapKey [
        Session, Mechanism(KWP), AES, Bytes(DATA), Length(32), Template(Kind::SecretKey), Count(Kind::SecretKey), Place,
    ] is CKR_WRAPPED_KEY_INVALID;
    C_DeriveKey [Session, Mechanism(How::Hkdf), SECRET, Template(Kind::AesKey), Count(Kind::AesKey), Place];
    C_SeedRandom [Session, Bytes(DATA), Length(32)];
    C_GenerateRandom [Session, Out, Length(32)];
    C_GetFunctionStatus [Session] is CKR_FUNCTION_NOT_PARALLEL;
    C_CancelFunction [Session] is CKR_FUNCTION_NOT_PARALLEL;
    C_WaitForSlotEvent [Number(sys::CKF_DONT_BLOCK), Place, Null] is CKR_NO_EVENT;

    C_GetInterfaceList [Out, Room(8)];
    C_GetInterface [Null, Null, Place, Number(0)];
    C_LoginUser [Session, Number(sys::CKU_USER), Bytes(PIN), Length(4), Bytes(b""), Length(0)] is CKR_USER_ALREADY_LOGGED_IN;
    C_SessionCancel [Session, Number(sys::CKF_SIGN)] after [C_SignInit];
    C_MessageEncryptInit [Session, Mechanism(GCM), AES];
    C_EncryptMessage [
        Session, Parameter, ParameterLength, Bytes(DATA), Length(32), Bytes(DATA), Length(32), Out, Room(4096),
    ] after [C_MessageEncryptInit];
    C_EncryptMessageBegin [Session, Parameter, ParameterLength, Bytes(DATA), Length(32)] after [C_MessageEncryptInit];
    C_EncryptMessageNext [
        Session, Parameter, ParameterLength, Bytes(DATA), Length(32), Out, Room(4096), Number(sys::CKF_END_OF_MESSAGE),
    ] after [C_MessageEncryptInit C_EncryptMessageBegin];
    C_MessageEncryptFinal [Session] after [C_MessageEncryptInit];
    C_MessageDecryptInit [Session, Mechanism(GCM), AES];
    C_DecryptMessage [
        Session, Parameter, ParameterLength, Bytes(DATA), Length(32), Bytes(DATA), Length(32), Out, Room(4096),
    ] after [C_MessageDecryptInit] is CKR_AEAD_DECRYPT_FAILED;
    C_DecryptMessageBegin [Session, Parameter, ParameterLength, Bytes(DATA), Length(32)] after [C_MessageDecryptInit];
    C_DecryptMessageNext [
        Session, Parameter, ParameterLength, Bytes(DATA), Length(32), Out, Room(4096), Number(sys::CKF_END_OF_MESSAGE),
    ] after [C_MessageDecryptInit C_DecryptMessageBegin] is CKR_AEAD_DECRYPT_FAILED;
    C_MessageDecryptFinal [Session] after [C_MessageDecryptInit];
    C_MessageSignInit [Session, Mechanism(HMAC), SECRET];
    C_SignMessage [Session, Null, Number(0), Bytes(DATA), Length(32), Out, Room(4096)] after [C_MessageSignInit];
    C_SignMessageBegin [Session, Null, Number(0)] after [C_MessageSignInit];
    C_SignMessageNext [Session, Null, Number(0), Bytes(DATA), Length(32), Out, Room(4096)] after [C_MessageSignInit C_SignMessageBegin];
    C_MessageSignFinal [Session] after [C_MessageSignInit];
    C_MessageVerifyInit [Session, Mechanism(HMAC), SECRET];
    C_VerifyMessage [
        Session, Null, Number(0), Bytes(DATA), Length(32), Bytes(CODE), Length(32),
    ] after [C_MessageVerifyInit] is CKR_SIGNATURE_INVALID;
    C_VerifyMessageBegin [Session, Null, Number(0)] after [C_MessageVerifyInit];
    C_VerifyMessageNext [
        Session, Null, Number(0), Bytes(DATA), Length(32), Bytes(CODE), Length(32),
    ] after [C_MessageVerifyInit C_VerifyMessageBegin] is CKR_SIGNATURE_INVALID;
    C_MessageVerifyFinal [Session] after [C_MessageVerifyInit];

    C_EncapsulateKey [
        Session, Mechanism(How::Ecdh), EC_PUBLIC, Template(Kind::SecretKey), Count(Kind::SecretKey), Out, Room(4096), Place,
    ];
    C_DecapsulateKey [
        Session, Mechanism(How::Ecdh), EC_PRIVATE, Template(Kind::SecretKey), Count(Kind::SecretKey),
        Bytes(EC_CIPHERTEXT), Length(65), Place,
    ] is CKR_WRAPPED_KEY_INVALID;
    C_VerifySignatureInit [Session, Mechanism(HMAC), SECRET, Bytes(CODE), Length(32)];
    C_VerifySignature [Session, Bytes(DATA), Length(32)] after [C_VerifySignatureInit] is CKR_SIGNATURE_INVALID;
    C_VerifySignatureUpdate [Session, Bytes(DATA), Length(32)] after [C_VerifySignatureInit];
    C_VerifySignatureFinal [Session] after [C_VerifySignatureInit C_VerifySignatureUpdate] is CKR_SIGNATURE_INVALID;
    C_GetSessionValidationFlags [Session, Number(sys::CKS_LAST_VALIDATION_OK), Place];
    C_AsyncComplete [Session, Bytes(b"C_Sign\0"), Place] is CKR_FUNCTION_NOT_SUPPORTED;
    C_AsyncGetID [Session, Bytes(b"C_Sign\0"), Place] is CKR_FUNCTION_NOT_SUPPORTED;
    C_AsyncJoin [Session, Bytes(b"C_Sign\0"), Number(1), Bytes(DATA), Length(32)] is CKR_FUNCTION_NOT_SUPPORTED;
    C_WrapKeyAuthenticated [Session, Mechanism(How::Gcm), AES, SECRET, Bytes(DATA), Length(32), Out, Room(4096)];
    C_UnwrapKeyAuthenticated [
        Session, Mechanism(How::Gcm), AES, Bytes(DATA), Length(32), Template(Kind::SecretKey), Count(Kind::SecretKey),
        Bytes(DATA), Length(32), Place,
    ] is CKR_WRAPPED_KEY_INVALID;
}
