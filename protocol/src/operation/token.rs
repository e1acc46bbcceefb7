//! Messages of the PKCS#11 face: slots, tokens, sessions, login and PINs.
//!
//! PINs travel as payload. Numbers of types follow PKCS#11 (`CKU_`, `CKF_`).

use serde::{Deserialize, Serialize};

/// Tells the slots and their tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListTokens {}

/// Slots and their tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// One entry per slot, by number.
    pub tokens: Vec<Token>,
}

/// A slot and its token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// The slot; small, stable, never reused.
    pub slot: u32,
    /// The partition's name, which describes the slot.
    pub name: String,
    /// The token's label, at most 32 bytes.
    pub label: String,
    /// The token's serial number, 16 characters.
    pub serial: String,
    /// Whether C_InitToken was called.
    pub initialised: bool,
    /// Whether the user PIN is set.
    pub user_pin: bool,
    /// State of the user PIN for this caller: a [`PinState`] number.
    pub user_pin_state: u8,
    /// State of the security officer's PIN for this caller: a [`PinState`] number.
    pub so_pin_state: u8,
    /// Sessions of this application with the token.
    pub sessions: u32,
    /// Read-write sessions among them.
    pub rw_sessions: u32,
}

/// How many wrong PINs were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PinState {
    /// None since the last right one.
    Fresh = 0,
    /// At least one (`CKF_*_PIN_COUNT_LOW`).
    CountLow = 1,
    /// One more locks it (`CKF_*_PIN_FINAL_TRY`).
    FinalTry = 2,
    /// Too many (`CKF_*_PIN_LOCKED`).
    Locked = 3,
}

impl PinState {
    /// The state of that number; an unknown one reads as locked.
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Fresh,
            1 => Self::CountLow,
            2 => Self::FinalTry,
            _ => Self::Locked,
        }
    }
}

/// Initialises a token (PKCS#11 `C_InitToken`). Payload: the security officer's PIN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InitToken {
    /// The slot.
    pub slot: u32,
    /// The new label, at most 32 bytes.
    pub label: String,
}

/// Opens a session (`C_OpenSession`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenSession {
    /// The slot.
    pub slot: u32,
    /// Whether the session may change token objects.
    pub read_write: bool,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenedSession {
    /// Its handle, never 0.
    pub session: u32,
}

/// Closes a session (`C_CloseSession`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseSession {
    /// The session.
    pub session: u32,
}

/// Closes all sessions of the application with a token (`C_CloseAllSessions`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseAllSessions {
    /// The slot.
    pub slot: u32,
}

/// Tells the state of a session (`C_GetSessionInfo`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GetSessionInfo {
    /// The session.
    pub session: u32,
}

/// The state of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// The slot.
    pub slot: u32,
    /// `CKS_` number.
    pub state: u8,
    /// Whether the session may change token objects.
    pub read_write: bool,
}

/// Logs the application in (`C_Login`). Payload: the PIN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// The session.
    pub session: u32,
    /// `CKU_` number.
    pub user: u32,
}

/// Lets the next use of a key that asks for it pass (`C_Login` with `CKU_CONTEXT_SPECIFIC`). Payload: the user PIN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthenticateUse {
    /// The session.
    pub session: u32,
    /// The key.
    pub key: u32,
}

/// Logs the application out (`C_Logout`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logout {
    /// The session.
    pub session: u32,
}

/// Sets the user PIN as security officer (`C_InitPIN`). Payload: the PIN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InitPin {
    /// The session.
    pub session: u32,
}

/// Changes the PIN of whoever is logged in (`C_SetPIN`). Payload: the old PIN, then the new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPin {
    /// The session.
    pub session: u32,
    /// Bytes of the old PIN.
    pub old_length: u32,
}

/// Nothing but success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nothing {}
