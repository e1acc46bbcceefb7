//! C_SignRecover and C_VerifyRecover in one request.

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::cipher::{Output, RecoverSigned, SignRecoverable};

use super::super::{Answer, Authorized, Handle, Service};
use super::usable::{Usable, spend, usable_for};
use super::{SIGN_RECOVER, VERIFY_RECOVER, whole};
use crate::Error;
use crate::crypto;
use crate::object::KeyPart;

impl Handle for SignRecoverable {
    type Plan = Usable;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Usable, Error> {
        let Self { session, key, mechanism } = call.request();
        usable_for(call, service, *session, *key, mechanism, SIGN_RECOVER)
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Usable,
        _service: &Service,
    ) -> Result<Answer<Output>, Error> {
        spend(&call, call.request().session, &plan)?;
        Ok(Answer::with(Output {}, whole::sign(&plan, call.payload().plain()?)?))
    }
}

impl Handle for RecoverSigned {
    type Plan = Usable;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Usable, Error> {
        let Self { session, key, mechanism } = call.request();
        usable_for(call, service, *session, *key, mechanism, VERIFY_RECOVER)
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Usable,
        _service: &Service,
    ) -> Result<Answer<Output>, Error> {
        // Only public keys have the attribute.
        let KeyPart::Public(key) = &plan.key else {
            return Err(ErrorCode::KeyTypeInconsistent.into());
        };
        let signature = call.payload().plain()?;
        Ok(Answer::with(Output {}, crypto::recover(key, plan.mechanism.scheme, signature)?))
    }
}
