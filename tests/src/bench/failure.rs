//! Why a case has no figure.

use std::fmt;

use cryptoki::error::Error;

/// A refusal, in words for the table.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(code, function) => {
                Self(format!("{} in C_{function:?}", ckr(&format!("{code:?}"))))
            }
            other => Self(other.to_string()),
        }
    }
}

impl From<coffer_client::Error> for Failure {
    fn from(error: coffer_client::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The name of a code in the standard, from that in the `cryptoki` crate.
fn ckr(name: &str) -> String {
    let mut words = String::from("CKR");
    for letter in name.chars() {
        if letter.is_uppercase() {
            words.push('_');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;
    use cryptoki::error::RvError;

    use super::*;

    #[test]
    fn a_failure_names_code_and_function() {
        let failure = Failure::from(Error::Pkcs11(RvError::ArgumentsBad, Function::DecryptInit));
        assert_eq!(failure.to_string(), "CKR_ARGUMENTS_BAD in C_DecryptInit");
    }
}
