//! Two operations on the same data (section 5.17): the data goes through one, and what it is or becomes through the
//! other. A failure of either ends both, which are out of step.

use coffer_protocol::mechanism::Function;
use cryptoki_sys::{
    CK_FLAGS, CK_SESSION_HANDLE, CKF_DECRYPT, CKF_DIGEST, CKF_ENCRYPT, CKF_SIGN, CKF_VERIFY,
};

use crate::error::{self, Error};
use crate::module::Module;
use crate::operation::Operations;
use crate::output::{Output, Room};
use crate::session::Session;

/// What accompanies an encryption or decryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partner {
    /// A digest.
    Digest,
    /// A signature, or the verification of one.
    Signature,
}

/// `C_DigestEncryptUpdate`, `C_SignEncryptUpdate`, `C_DecryptDigestUpdate` and `C_DecryptVerifyUpdate`.
pub(crate) fn update(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    partner: Partner,
    part: &[u8],
    room: Room,
) -> Result<Output, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let flags = expect_both(&operations, function, partner)?;
    let outcome = both(&session, &mut operations, function, partner, part, room);
    if outcome.is_err() {
        operations.cancel(&session, flags);
    }
    outcome
}

/// The flags of the two, which must be active.
fn expect_both(
    operations: &Operations,
    function: Function,
    partner: Partner,
) -> Result<CK_FLAGS, Error> {
    let encrypts = function == Function::Encrypt;
    let cipher = if encrypts { &operations.encryption } else { &operations.decryption };
    let signature = if encrypts { &operations.signature } else { &operations.verification };
    let signature = signature.as_ref().filter(|signature| !signature.is_kept());
    let (is_there, flag) = match partner {
        Partner::Digest => (operations.digest.is_some(), CKF_DIGEST),
        Partner::Signature if encrypts => (signature.is_some(), CKF_SIGN),
        Partner::Signature => (signature.is_some(), CKF_VERIFY),
    };
    if cipher.is_none() || !is_there {
        return Err(Error::OperationNotInitialized);
    }
    Ok(flag | if encrypts { CKF_ENCRYPT } else { CKF_DECRYPT })
}

fn both(
    session: &Session,
    operations: &mut Operations,
    function: Function,
    partner: Partner,
    part: &[u8],
    room: Room,
) -> Result<Output, Error> {
    let encrypts = function == Function::Encrypt;
    let (cipher, family) = if encrypts {
        (&mut operations.encryption, &error::ENCRYPT_PART)
    } else {
        (&mut operations.decryption, &error::DECRYPT_JOINED)
    };
    let cipher = cipher.as_mut().ok_or(Error::OperationNotInitialized)?;
    let output = cipher.update(session, part, room).map_err(|error| error.late(family))?;
    // A caller that only learned the length will hand the part in again.
    let Output::Bytes(bytes) = &output else { return Ok(output) };
    let plain = if encrypts { part } else { bytes };
    let (signature, family) = if encrypts {
        (&mut operations.signature, &error::SIGN_PART)
    } else {
        (&mut operations.verification, &error::VERIFY_PART)
    };
    match (partner, &mut operations.digest, signature) {
        (Partner::Digest, Some(digest), _) => digest.update(plain),
        (Partner::Signature, _, Some(signature)) => {
            signature.update(session, plain).map_err(|error| error.late(family))?;
        }
        (Partner::Digest | Partner::Signature, ..) => return Err(Error::OperationNotInitialized),
    }
    Ok(output)
}
