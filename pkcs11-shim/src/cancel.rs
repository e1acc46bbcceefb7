//! `C_SessionCancel` (PKCS#11 3.0 section 5.6), also from another thread while a call with the session runs.
//!
//! What ends an operation is between two requests: a long call of several requests stops before its next one and
//! returns `CKR_FUNCTION_CANCELED`. A request itself is short, or it makes something at one stroke and is past its
//! point of no return as soon as it is sent; then `CKR_OPERATION_CANCEL_FAILED` is the honest answer.

use std::sync::Mutex;

use cryptoki_sys::{CK_FLAGS, CK_SESSION_HANDLE};

use crate::error::Error;
use crate::module::{Module, lock};

/// What is noted while a call runs, as `CKF_` bits.
#[derive(Default)]
pub(crate) struct Noted(Mutex<Vec<CK_FLAGS>>);

/// A note, until it is dropped.
pub(crate) struct Note<'n> {
    noted: &'n Noted,
    flags: CK_FLAGS,
}

/// `C_SessionCancel`: ends the operations that `flags` name, and says if one of them cannot be ended.
pub(crate) fn cancel(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    flags: CK_FLAGS,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let asked = session.stopping.note(flags);
    session.operations().cancel(&session, flags);
    drop(asked);
    if session.making.has(flags) { Err(Error::OperationCancelFailed) } else { Ok(()) }
}

impl Noted {
    /// Notes bits for as long as the result lives.
    pub(crate) fn note(&self, flags: CK_FLAGS) -> Note<'_> {
        lock(&self.0).push(flags);
        Note { noted: self, flags }
    }

    /// Whether one of the bits is noted.
    pub(crate) fn has(&self, flags: CK_FLAGS) -> bool {
        lock(&self.0).iter().any(|noted| noted & flags != 0)
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        let mut noted = lock(&self.noted.0);
        if let Some(place) = noted.iter().position(|flags| *flags == self.flags) {
            noted.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_noted_as_often_as_they_are_set_and_until_the_last_is_dropped() {
        let noted = Noted::default();
        let (one, other) = (noted.note(1), noted.note(1 | 4));
        assert!(noted.has(1) && noted.has(4) && noted.has(!0) && !noted.has(2) && !noted.has(0));
        drop(one);
        assert!(noted.has(1));
        drop(other);
        assert!(!noted.has(!0));
    }
}
