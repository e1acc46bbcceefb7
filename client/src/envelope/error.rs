//! What can be wrong with an envelope.

use std::io;

/// Why an envelope was not written, or is not read further.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not begin as one.
    #[error("this is no envelope")]
    NotAnEnvelope,
    /// It has a version that this program does not know.
    #[error("the envelope has version {0}, which this program does not know")]
    Version(u8),
    /// It has an algorithm that this program does not know.
    #[error("the envelope has algorithm {0}, which this program does not know")]
    Algorithm(u8),
    /// A field of the header is not possible.
    #[error("the envelope's header is wrong: {0}")]
    Header(&'static str),
    /// The data key has another length than the algorithm needs.
    #[error("the envelope's data key has another length than its algorithm needs")]
    DataKey,
    /// A segment was changed, moved, or belongs to another envelope; or the input ends in the middle of it.
    #[error("segment {segment} of the envelope is damaged, or cut off")]
    Damaged {
        /// Its number, from 0 on.
        segment: u64,
    },
    /// The input ends before the end of the envelope.
    #[error("the end of the envelope is missing: the input ends after {segments} segments")]
    Truncated {
        /// How many segments were whole.
        segments: u64,
    },
    /// The envelope has ended, the input has not.
    #[error("something follows the end of the envelope")]
    Trailing,
    /// It would have more segments than can be numbered.
    #[error("the plaintext is too long for one envelope")]
    TooLong,
    /// There are no random numbers.
    #[error("the system has no random numbers")]
    Random,
    /// It was used after an error.
    #[error("the envelope was given up after an error")]
    GivenUp,
    /// The input could not be read.
    #[error("cannot read the input: {0}")]
    Reading(#[source] io::Error),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Writing(#[source] io::Error),
    /// The KMS refused, or cannot be reached.
    #[error(transparent)]
    Kms(#[from] crate::Error),
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Reading(error) | Error::Writing(error) => error,
            Error::Truncated { .. } => Self::new(io::ErrorKind::UnexpectedEof, error),
            Error::Random | Error::Kms(_) | Error::GivenUp => Self::other(error),
            Error::NotAnEnvelope
            | Error::Version(_)
            | Error::Algorithm(_)
            | Error::Header(_)
            | Error::DataKey
            | Error::Damaged { .. }
            | Error::Trailing
            | Error::TooLong => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}
