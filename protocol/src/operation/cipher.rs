//! Messages of the PKCS#11 face: encrypting, decrypting, signing and verifying.
//!
//! A single-part operation is one request. One whose data is larger than a frame, or whose results the
//! application wants as they come, is started, updated and finished.

use serde::{Deserialize, Serialize};

pub use super::token::Nothing;

use crate::ErrorCode;
use crate::mechanism::MechanismCall;

/// Encrypts the payload; the reply's payload is the ciphertext (`C_Encrypt`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncryptData {
    /// The session.
    pub session: u32,
    /// The key object.
    pub key: u32,
    /// How.
    pub mechanism: MechanismCall,
}

/// Decrypts the payload; the reply's payload is the plaintext (`C_Decrypt`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecryptData {
    /// The session.
    pub session: u32,
    /// The key object.
    pub key: u32,
    /// How.
    pub mechanism: MechanismCall,
}

/// Signs the payload; the reply's payload is the signature (`C_Sign`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignData {
    /// The session.
    pub session: u32,
    /// The key object.
    pub key: u32,
    /// How.
    pub mechanism: MechanismCall,
}

/// Verifies a signature of the payload (`C_Verify`); a wrong one is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyData {
    /// The session.
    pub session: u32,
    /// The key object.
    pub key: u32,
    /// How.
    pub mechanism: MechanismCall,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Signs the payload so that the signature gives it back (`C_SignRecover`); the reply's payload is the signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignRecoverable {
    /// The session.
    pub session: u32,
    /// The key object.
    pub key: u32,
    /// How.
    pub mechanism: MechanismCall,
}

/// Verifies the signature in the payload (`C_VerifyRecover`); the reply's payload is what was signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoverSigned {
    /// The session.
    pub session: u32,
    /// The key object.
    pub key: u32,
    /// How.
    pub mechanism: MechanismCall,
}

/// What a multi-part operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Function {
    /// `C_EncryptUpdate`.
    Encrypt = 0,
    /// `C_DecryptUpdate`.
    Decrypt = 1,
    /// `C_SignUpdate`.
    Sign = 2,
    /// `C_VerifyUpdate`.
    Verify = 3,
}

impl TryFrom<u8> for Function {
    type Error = ErrorCode;
    fn try_from(function: u8) -> Result<Self, ErrorCode> {
        Ok(match function {
            0 => Self::Encrypt,
            1 => Self::Decrypt,
            2 => Self::Sign,
            3 => Self::Verify,
            _ => return Err(ErrorCode::Malformed),
        })
    }
}

/// Starts a multi-part operation with its first data; at most one per session and function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartOperation {
    /// The session.
    pub session: u32,
    /// Number of the [`Function`].
    pub function: u8,
    /// The key object.
    pub key: u32,
    /// How.
    pub mechanism: MechanismCall,
}

/// Gives a multi-part operation more data; the reply's payload is what it yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateOperation {
    /// The session.
    pub session: u32,
    /// Number of the [`Function`].
    pub function: u8,
}

/// Ends a multi-part operation; the reply's payload is its last yield or the signature. A payload of
/// [`MAX_PAYLOAD`](crate::frame::MAX_PAYLOAD) bytes says that there is more: the request is sent again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishOperation {
    /// The session.
    pub session: u32,
    /// Number of the [`Function`].
    pub function: u8,
    /// The signature to verify; empty otherwise.
    pub signature: Vec<u8>,
}

/// Drops a multi-part operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelOperation {
    /// The session.
    pub session: u32,
    /// Number of the [`Function`].
    pub function: u8,
}

/// The reply of an operation whose result is its payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {}
