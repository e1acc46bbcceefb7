//! Everything that can stop an operation inside the daemon, and the one map to what a client is told.

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;

use crate::{audit, crypto, store, vault};

/// What stopped an operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule of the protocol, of PKCS#11 or of the KMS.
    #[error("{0}")]
    Refused(ErrorCode),
    /// The same, naming the field or object it is about; never a secret.
    #[error("{0} ({1})")]
    About(ErrorCode, String),
    /// A rule about one of several templates, which are counted from 1.
    #[error("{1} (template {0})")]
    Part(u32, Box<Self>),
    /// The cryptography.
    #[error("{0:?}")]
    Crypto(crypto::Error),
    /// Secret memory.
    #[error("{0}")]
    Vault(vault::Error),
    /// The store.
    #[error("{0}")]
    Store(store::Error),
    /// Key material in the store.
    #[error("{0}")]
    Material(store::MaterialError),
    /// The audit log.
    #[error("{0}")]
    Audit(audit::Error),
}

impl Error {
    /// A rule, naming what it is about.
    pub fn about(code: ErrorCode, what: impl Into<String>) -> Self {
        Self::About(code, what.into())
    }

    /// A rule, as one about the template at that place among several; everything else stays what it is.
    #[must_use]
    pub fn of_part(self, index: usize) -> Self {
        match (u32::try_from(index + 1), &self) {
            (Ok(part), Self::Refused(_) | Self::About(..)) => Self::Part(part, Box::new(self)),
            _ => self,
        }
    }

    /// The code that a client is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(code) | Self::About(code, _) => *code,
            Self::Part(_, error) => error.code(),
            Self::Crypto(error) => crypto_code(*error),
            Self::Vault(vault::Error::Full) => ErrorCode::OutOfMemory,
            Self::Vault(_) => ErrorCode::Internal,
            Self::Store(store::Error::Conflict { .. }) => ErrorCode::Conflict,
            Self::Store(_) => ErrorCode::StoreFailed,
            Self::Material(error) => material_code(*error),
            Self::Audit(_) => ErrorCode::AuditBlocked,
        }
    }

    /// What a client is told.
    pub fn failure(&self) -> Failure {
        match self {
            Self::About(code, what) => Failure::about(*code, what.clone()),
            Self::Part(part, error) => Failure { part: *part, ..error.failure() },
            Self::Refused(_)
            | Self::Crypto(_)
            | Self::Vault(_)
            | Self::Store(_)
            | Self::Material(_)
            | Self::Audit(_) => Failure::new(self.code()),
        }
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code)
    }
}

macro_rules! from {
    ($( $error:ty => $variant:ident; )*) => { $(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )* };
}

from! {
    crypto::Error => Crypto;
    vault::Error  => Vault;
    store::Error  => Store;
    store::MaterialError => Material;
    audit::Error  => Audit;
}

/// What a client is told of a failure of the cryptography.
fn crypto_code(error: crypto::Error) -> ErrorCode {
    match error {
        crypto::Error::DataLength => ErrorCode::DataLength,
        crypto::Error::DataInvalid => ErrorCode::DataInvalid,
        crypto::Error::EncryptedDataLength => ErrorCode::EncryptedDataLength,
        crypto::Error::EncryptedDataInvalid => ErrorCode::EncryptedDataInvalid,
        crypto::Error::SignatureLength => ErrorCode::SignatureLength,
        crypto::Error::SignatureInvalid => ErrorCode::SignatureInvalid,
        crypto::Error::KeySize => ErrorCode::KeySize,
        crypto::Error::KeyInvalid => ErrorCode::AttributeValue,
        crypto::Error::Curve => ErrorCode::CurveNotSupported,
        crypto::Error::Parameter => ErrorCode::MechanismParameter,
        crypto::Error::Mechanism => ErrorCode::KeyTypeInconsistent,
        crypto::Error::Entropy | crypto::Error::Internal => ErrorCode::Internal,
    }
}

/// What a client is told of key material that cannot be sealed or opened.
fn material_code(error: store::MaterialError) -> ErrorCode {
    match error {
        store::MaterialError::Missing => ErrorCode::CmkStateNotSupport,
        store::MaterialError::NoRoom => ErrorCode::OutOfMemory,
        store::MaterialError::TooLong
        | store::MaterialError::DoesNotOpen
        | store::MaterialError::WrappingDoesNotOpen
        | store::MaterialError::Unreadable
        | store::MaterialError::Random => ErrorCode::Internal,
    }
}

/// Codes have no fields, so they may leave the vault; errors with fields may not.
impl vault::Release for ErrorCode {}

macro_rules! codes {
    ($( $error:ty => $variant:ident; )*) => { $(
        impl From<$error> for ErrorCode {
            fn from(error: $error) -> Self {
                Error::$variant(error).code()
            }
        }
    )* };
}

codes! {
    crypto::Error        => Crypto;
    vault::Error         => Vault;
    store::MaterialError => Material;
}
