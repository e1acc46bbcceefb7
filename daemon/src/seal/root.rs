//! The root key and what is derived from it.

use super::{Error, aead};
use crate::vault::{self, Depth, Inside, Secret};

/// The root key: 256 random bits in the vault.
pub struct RootKey(Secret<32>);

/// Purposes of keys derived from the root key; each gives an independent key.
///
/// The texts are part of the stored format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Seals records of the store.
    Store,
    /// Authenticates the store's head.
    StoreHead,
    /// Seals the epoch file.
    Epoch,
    /// Authenticates the list of seal slots.
    SealFile,
    /// Tags secret request parameters in the audit log.
    AuditTag,
    /// Authenticates audit checkpoints.
    AuditCheckpoint,
    /// Pepper of PIN verifiers.
    PinPepper,
    /// Seals blobs given to clients for safekeeping (import tokens, cursors).
    Token,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 8] = [
        Self::Store,
        Self::StoreHead,
        Self::Epoch,
        Self::SealFile,
        Self::AuditTag,
        Self::AuditCheckpoint,
        Self::PinPepper,
        Self::Token,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Store => "coffer/1/store",
            Self::StoreHead => "coffer/1/store-head",
            Self::Epoch => "coffer/1/epoch",
            Self::SealFile => "coffer/1/seal-file",
            Self::AuditTag => "coffer/1/audit-tag",
            Self::AuditCheckpoint => "coffer/1/audit-checkpoint",
            Self::PinPepper => "coffer/1/pin-pepper",
            Self::Token => "coffer/1/token",
        }
    }
}

impl RootKey {
    /// Makes a root key from the kernel's generator.
    pub(super) fn generate() -> Result<Self, Error> {
        let made = vault::run(Depth::Small, |inside| {
            let mut key = Secret::<32>::new(inside, [0; 32])?;
            Ok::<_, vault::Error>(getrandom::fill(key.get_mut(inside)).is_ok().then_some(key))
        })??;
        made.map(Self).ok_or(Error::Random)
    }

    pub(super) const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    pub(super) fn bytes<'a>(&'a self, inside: &'a Inside<'_>) -> &'a [u8; 32] {
        self.0.get(inside)
    }

    /// Derives the key of a purpose with HKDF-Expand (RFC 5869).
    pub fn derive(&self, inside: &Inside<'_>, label: Label) -> Result<Secret<32>, vault::Error> {
        Secret::new(inside, *aead::derive(self.0.get(inside), label.text(), b""))
    }
}
