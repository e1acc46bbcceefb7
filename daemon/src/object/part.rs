//! The part of a key that an operation computes with.

use std::sync::Arc;

use coffer_protocol::ErrorCode;

use super::OpenKey;
use crate::Error;
use crate::crypto::{Half, PublicKey};
use crate::vault::Inside;

/// Either half of a key.
#[derive(Clone)]
pub enum KeyPart {
    /// Secret or private, in secret memory.
    Secret(Arc<OpenKey>),
    /// Public.
    Public(Arc<PublicKey>),
}

impl KeyPart {
    /// The part, for code inside the vault.
    pub fn half<'a>(&'a self, inside: &'a Inside<'_>) -> Half<'a> {
        match self {
            Self::Secret(key) => Half::Secret(key.get(inside)),
            Self::Public(key) => Half::Public(key),
        }
    }

    /// The open key of a secret or private part.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::KeyTypeInconsistent`] for a public one.
    pub fn secret(&self) -> Result<&Arc<OpenKey>, Error> {
        match self {
            Self::Secret(key) => Ok(key),
            Self::Public(_) => Err(ErrorCode::KeyTypeInconsistent.into()),
        }
    }
}
