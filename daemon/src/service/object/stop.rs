//! Why code inside the vault stopped, in a form that may leave it.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute;

use crate::vault::{self, Release};
use crate::{Error, crypto, store};

/// A code, and the attribute that it is about. Two full words, so that nothing else leaves with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    code: u64,
    about: u64,
}

impl Release for Stop {}

const NOTHING: u64 = u64::MAX;

impl Stop {
    /// A code about an attribute.
    pub(super) const fn about(code: ErrorCode, attribute: u64) -> Self {
        Self { code: code as u64, about: attribute }
    }

    /// The code.
    pub(super) fn code(self) -> ErrorCode {
        u16::try_from(self.code).map_or(ErrorCode::Internal, ErrorCode::from_number)
    }
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self { code: code as u64, about: NOTHING }
    }
}

macro_rules! from {
    ($( $error:ty )*) => { $(
        impl From<$error> for Stop {
            fn from(error: $error) -> Self {
                Error::from(error).code().into()
            }
        }
    )* };
}

from! { crypto::Error vault::Error store::MaterialError }

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop.about {
            NOTHING => stop.code().into(),
            kind => match attribute::find(kind) {
                Some(row) => Self::about(stop.code(), row.name),
                None => Self::about(stop.code(), format!("attribute {kind:#x}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_out_as_it_went_in_and_names_its_attribute() {
        let stop = Stop::about(ErrorCode::AttributeValue, attribute::LABEL);
        assert_eq!(stop.code(), ErrorCode::AttributeValue);
        assert!(Error::from(stop).to_string().contains("CKA_LABEL"));
        let unknown = Error::from(Stop::about(ErrorCode::AttributeType, 0x8000_0001));
        assert!(unknown.to_string().contains("0x80000001"));
        assert_eq!(Stop::from(crypto::Error::Curve).code(), ErrorCode::CurveNotSupported);
    }
}
