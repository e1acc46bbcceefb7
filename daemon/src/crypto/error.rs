//! What can go wrong in cryptography, as facts; the service layer gives them codes.

/// An error of a cryptographic function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input has a length the algorithm cannot take.
    #[error("data length")]
    DataLength,
    /// The input has a value the algorithm cannot take.
    #[error("data")]
    DataInvalid,
    /// The ciphertext has a length that no encryption gives.
    #[error("encrypted data length")]
    EncryptedDataLength,
    /// The ciphertext is not authentic or not well padded.
    #[error("encrypted data")]
    EncryptedDataInvalid,
    /// The signature has a length that no signature of this key has.
    #[error("signature length")]
    SignatureLength,
    /// The signature is not one of this key over this input.
    #[error("signature")]
    SignatureInvalid,
    /// The key has a size that is not supported.
    #[error("key size")]
    KeySize,
    /// The bytes are not a key, or its parts contradict each other.
    #[error("key")]
    KeyInvalid,
    /// The curve is not supported.
    #[error("curve")]
    Curve,
    /// The parameter does not fit the mechanism or the key.
    #[error("mechanism parameter")]
    Parameter,
    /// The scheme does not work with this kind of key, or not for this use.
    #[error("mechanism does not fit the key")]
    Mechanism,
    /// The kernel gave no random bytes.
    #[error("no random bytes")]
    Entropy,
    /// A computation contradicted itself: a fault, or a mistake in this program.
    #[error("internal")]
    Internal,
}

impl From<getrandom::Error> for Error {
    fn from(_: getrandom::Error) -> Self {
        Self::Entropy
    }
}
