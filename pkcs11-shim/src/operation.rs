//! The operations active in a session.

use std::collections::HashSet;

use coffer_protocol::mechanism::{Function, MechanismCall};
use cryptoki_sys::{
    CK_FLAGS, CK_SESSION_HANDLE, CKF_DECAPSULATE, CKF_DECRYPT, CKF_DERIVE, CKF_DIGEST,
    CKF_ENCAPSULATE, CKF_ENCRYPT, CKF_FIND_OBJECTS, CKF_GENERATE, CKF_GENERATE_KEY_PAIR,
    CKF_MESSAGE_DECRYPT, CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_SIGN, CKF_MESSAGE_VERIFY, CKF_SIGN,
    CKF_SIGN_RECOVER, CKF_UNWRAP, CKF_VERIFY, CKF_VERIFY_RECOVER, CKF_WRAP,
};

use crate::digest::Hasher;
use crate::encryption::Encryption;
use crate::error::Error;
use crate::key_use::KeyUse;
use crate::message::MessageEncryption;
use crate::message_signature::MessageSignature;
use crate::module::Module;
use crate::object::Search;
use crate::output::Output;
use crate::recover::Recovery;
use crate::session::Session;
use crate::signature::Signature;

/// The operations that a function goes on with or ends. Any error but `CKR_BUFFER_TOO_SMALL` ends them (sections 5.8 to
/// 5.17), one about its arguments too; of a process with messages it ends the message that was begun.
const STEPS: &[(&str, CK_FLAGS)] = &[
    ("C_Encrypt", CKF_ENCRYPT),
    ("C_EncryptUpdate", CKF_ENCRYPT),
    ("C_EncryptFinal", CKF_ENCRYPT),
    ("C_Decrypt", CKF_DECRYPT),
    ("C_DecryptUpdate", CKF_DECRYPT),
    ("C_DecryptFinal", CKF_DECRYPT),
    ("C_Digest", CKF_DIGEST),
    ("C_DigestUpdate", CKF_DIGEST),
    ("C_DigestFinal", CKF_DIGEST),
    ("C_DigestEncryptUpdate", CKF_DIGEST | CKF_ENCRYPT),
    ("C_DecryptDigestUpdate", CKF_DIGEST | CKF_DECRYPT),
    ("C_SignEncryptUpdate", CKF_SIGN | CKF_ENCRYPT),
    ("C_DecryptVerifyUpdate", CKF_VERIFY | CKF_DECRYPT),
    ("C_Sign", CKF_SIGN),
    ("C_SignUpdate", CKF_SIGN),
    ("C_SignFinal", CKF_SIGN),
    ("C_SignRecover", CKF_SIGN_RECOVER),
    ("C_Verify", CKF_VERIFY),
    ("C_VerifyUpdate", CKF_VERIFY),
    ("C_VerifyFinal", CKF_VERIFY),
    ("C_VerifySignature", CKF_VERIFY),
    ("C_VerifySignatureUpdate", CKF_VERIFY),
    ("C_VerifySignatureFinal", CKF_VERIFY),
    ("C_VerifyRecover", CKF_VERIFY_RECOVER),
    ("C_EncryptMessageNext", CKF_MESSAGE_ENCRYPT),
    ("C_DecryptMessageNext", CKF_MESSAGE_DECRYPT),
    ("C_SignMessageNext", CKF_MESSAGE_SIGN),
    ("C_VerifyMessageNext", CKF_MESSAGE_VERIFY),
];

/// The processes with messages.
const MESSAGES: CK_FLAGS =
    CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY;

/// The operations active in a session: at most one of each kind.
#[derive(Default)]
pub(crate) struct Operations {
    pub(crate) encryption: Option<Encryption>,
    pub(crate) decryption: Option<Encryption>,
    pub(crate) signature: Option<Signature>,
    pub(crate) verification: Option<Signature>,
    pub(crate) recoverable: Option<Recovery>,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) message_encryption: Option<MessageEncryption>,
    pub(crate) message_decryption: Option<MessageEncryption>,
    pub(crate) message_signature: Option<MessageSignature>,
    pub(crate) message_verification: Option<MessageSignature>,
    pub(crate) digest: Option<Hasher>,
    pub(crate) search: Option<Search>,
    /// Objects that were made in the session, which end with it unless they are on the token.
    pub(crate) made: HashSet<u32>,
}

/// Something with a key that is active in a session.
pub(crate) trait Active {
    /// Tells the daemon that it is over, where the daemon knows of it.
    fn cancel(&mut self, session: &Session);
    /// Ends the message that was begun, where it is a process with messages, which goes on.
    fn end_message(&mut self, _session: &Session) {}
    /// The key and how it is used.
    fn key_use(&mut self) -> &mut KeyUse;
}

/// The place of an operation of one kind.
trait Place {
    fn active(&mut self) -> Option<&mut dyn Active>;
    fn clear(&mut self);
}

impl<T: Active> Place for Option<T> {
    fn active(&mut self) -> Option<&mut dyn Active> {
        self.as_mut().map(|active| active as &mut dyn Active)
    }

    fn clear(&mut self) {
        *self = None;
    }
}

impl Operations {
    /// Every place of an operation with a key, with its `CKF_` bit.
    fn places(&mut self) -> [(CK_FLAGS, &mut dyn Place); 10] {
        [
            (CKF_ENCRYPT, &mut self.encryption),
            (CKF_DECRYPT, &mut self.decryption),
            (CKF_SIGN, &mut self.signature),
            (CKF_VERIFY, &mut self.verification),
            (CKF_SIGN_RECOVER, &mut self.recoverable),
            (CKF_VERIFY_RECOVER, &mut self.recovery),
            (CKF_MESSAGE_ENCRYPT, &mut self.message_encryption),
            (CKF_MESSAGE_DECRYPT, &mut self.message_decryption),
            (CKF_MESSAGE_SIGN, &mut self.message_signature),
            (CKF_MESSAGE_VERIFY, &mut self.message_verification),
        ]
    }

    /// The operation that C_Login with `CKU_CONTEXT_SPECIFIC` is about, if there is one.
    pub(crate) fn awaiting_authentication(&mut self) -> Option<&mut KeyUse> {
        let active = self.places().into_iter().filter_map(|(_, place)| place.active());
        active.map(Active::key_use).find(|key_use| key_use.needs_login())
    }

    /// The operations that can be saved, of which one is active at most; nothing else is.
    #[expect(clippy::type_complexity, reason = "three places, of which one is taken")]
    pub(crate) fn only_savable(
        &self,
    ) -> Result<(Option<&Hasher>, Option<&Signature>, Option<&Signature>), Error> {
        let Self { digest, signature, verification, .. } = self;
        let savable = [digest.is_some(), signature.is_some(), verification.is_some()];
        let others = self.encryption.is_some()
            || self.decryption.is_some()
            || self.recoverable.is_some()
            || self.recovery.is_some()
            || self.message_encryption.is_some()
            || self.message_decryption.is_some()
            || self.message_signature.is_some()
            || self.message_verification.is_some();
        if others || savable.into_iter().filter(|active| *active).count() > 1 {
            return Err(Error::StateUnsaveable);
        }
        Ok((digest.as_ref(), signature.as_ref(), verification.as_ref()))
    }

    /// Refuses a second operation that does the same: one on messages uses the daemon as one on data does.
    pub(crate) fn expect_free(&self, function: Function) -> Result<(), Error> {
        let is_active = match function {
            Function::Encrypt => self.encryption.is_some() || self.message_encryption.is_some(),
            Function::Decrypt => self.decryption.is_some() || self.message_decryption.is_some(),
            Function::Sign => self.signature.is_some() || self.message_signature.is_some(),
            Function::Verify => self.verification.is_some() || self.message_verification.is_some(),
            Function::SignRecover => self.recoverable.is_some(),
            Function::VerifyRecover => self.recovery.is_some(),
            Function::Digest => self.digest.is_some(),
            Function::Generate
            | Function::GenerateKeyPair
            | Function::Wrap
            | Function::Unwrap
            | Function::Derive
            | Function::Encapsulate
            | Function::Decapsulate => false,
        };
        if is_active { Err(Error::OperationActive) } else { Ok(()) }
    }

    /// Ends those whose `CKF_` bits are in `flags`.
    pub(crate) fn cancel(&mut self, session: &Session, flags: CK_FLAGS) {
        self.end_if(session, |flag, _| flags & flag != 0);
        self.digest.take_if(|_| flags & CKF_DIGEST != 0);
        self.search.take_if(|_| flags & CKF_FIND_OBJECTS != 0);
    }

    /// Ends what a function of that name was to go on with, where it could not. What is found only behind the
    /// arguments ends an operation in [`step`]; messages end here, whatever it was.
    pub(crate) fn end_step(&mut self, session: &Session, name: &str, error: Error) {
        let Some((_, flags)) = STEPS.iter().find(|(step, _)| *step == name) else { return };
        if error == Error::ArgumentsBad {
            self.cancel(session, flags & !MESSAGES);
        }
        if error != Error::BufferTooSmall {
            let meant = self.places().into_iter().filter(|(flag, _)| flags & flag & MESSAGES != 0);
            for active in meant.filter_map(|(_, place)| place.active()) {
                active.end_message(session);
            }
        }
    }

    /// Ends those that use private or secret keys.
    pub(crate) fn end_private(&mut self, session: &Session) {
        self.end_if(session, |_, key_use| key_use.is_private());
    }

    fn end_if(&mut self, session: &Session, is_meant: impl Fn(CK_FLAGS, &KeyUse) -> bool) {
        for (flag, place) in self.places() {
            let Some(active) = place.active() else { continue };
            if is_meant(flag, active.key_use()) {
                active.cancel(session);
                place.clear();
            }
        }
    }
}

/// Ends an operation that is active and meant.
pub(crate) fn end<T: Active>(
    active: &mut Option<T>,
    session: &Session,
    is_meant: impl Fn(&T) -> bool,
) {
    if let Some(mut ended) = active.take_if(|active| is_meant(active)) {
        ended.cancel(session);
    }
}

/// Begins an operation, which `make` makes of the mechanism; no mechanism ends what is active.
pub(crate) fn init_with<T: Active>(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    mechanism: Option<MechanismCall>,
    active: impl Fn(&mut Operations, Function) -> &mut Option<T>,
    make: impl FnOnce(&Session, MechanismCall) -> Result<T, Error>,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let Some(call) = mechanism else {
        end(active(&mut operations, function), &session, |_| true);
        return Ok(());
    };
    operations.expect_free(function)?;
    *active(&mut operations, function) = Some(make(&session, call)?);
    Ok(())
}

/// Ends an operation that must be active.
pub(crate) fn finish<T: Active>(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    function: Function,
    active: impl Fn(&mut Operations, Function) -> &mut Option<T>,
) -> Result<(), Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = active(&mut operations, function);
    if active.is_none() {
        return Err(Error::OperationNotInitialized);
    }
    end(active, &session, |_| true);
    Ok(())
}

/// Runs a step of an active operation, which an error ends (section 5.2).
pub(crate) fn step<T: Active, R>(
    active: &mut Option<T>,
    session: &Session,
    run: impl FnOnce(&mut T) -> Result<R, Error>,
) -> Result<R, Error> {
    let operation = active.as_mut().ok_or(Error::OperationNotInitialized)?;
    let outcome = run(operation);
    if outcome.is_err() {
        end(active, session, |_| true);
    }
    outcome
}

/// Runs what ends an active operation, unless the caller only learned the length (section 5.2).
pub(crate) fn conclude<T: Active>(
    module: &Module,
    handle: CK_SESSION_HANDLE,
    active: impl FnOnce(&mut Operations) -> &mut Option<T>,
    run: impl FnOnce(&mut T, &Session) -> Result<Output, Error>,
) -> Result<Output, Error> {
    let session = module.sessions.find(handle)?;
    let mut operations = session.operations();
    let active = active(&mut operations);
    let output = step(active, &session, |operation| run(operation, &session))?;
    if output.is_final() {
        *active = None;
    }
    Ok(output)
}

/// The `CKF_` bit of an operation on data.
pub(crate) fn flag(function: Function) -> CK_FLAGS {
    match function {
        Function::Encrypt => CKF_ENCRYPT,
        Function::Decrypt => CKF_DECRYPT,
        Function::Sign => CKF_SIGN,
        Function::Verify => CKF_VERIFY,
        Function::SignRecover => CKF_SIGN_RECOVER,
        Function::VerifyRecover => CKF_VERIFY_RECOVER,
        Function::Digest => CKF_DIGEST,
        Function::Generate => CKF_GENERATE,
        Function::GenerateKeyPair => CKF_GENERATE_KEY_PAIR,
        Function::Wrap => CKF_WRAP,
        Function::Unwrap => CKF_UNWRAP,
        Function::Derive => CKF_DERIVE,
        Function::Encapsulate => CKF_ENCAPSULATE,
        Function::Decapsulate => CKF_DECAPSULATE,
    }
}
