//! WrapKey.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute as a;
use coffer_protocol::mechanism::Scheme;
use coffer_protocol::operation::object::{Output, WrapKey};

use super::stop::Stop;
use super::{Context, read};
use crate::Error;
use crate::crypto::{self, KeySpec};
use crate::object::{Object, class};
use crate::service::cipher::{self, Usable};
use crate::service::{Answer, Authorized, Handle, Service, visible};
use crate::vault::{self, Depth, Public};

/// What to wrap under what.
pub(crate) struct Plan {
    wrapping: Usable,
    key: Arc<Object>,
    spec: KeySpec,
}

/// An error about a key, as one about the wrapping key.
fn about_wrapping(error: Error) -> Error {
    match error.code() {
        ErrorCode::KeyInvalid => ErrorCode::WrappingKeyInvalid.into(),
        ErrorCode::KeySize => ErrorCode::WrappingKeySize.into(),
        ErrorCode::KeyTypeInconsistent => ErrorCode::WrappingKeyType.into(),
        _ => error,
    }
}

/// Whether the scheme takes private keys: RSA alone has room for secrets only (PKCS#11 3.1 sections 6.1.6 and
/// 6.1.8).
pub(super) const fn takes_private(scheme: Scheme) -> bool {
    !matches!(scheme, Scheme::RsaPkcs1(_) | Scheme::RsaOaep)
}

/// How much stack wrapping and unwrapping take.
pub(super) fn depth_of(wrapping: &Usable) -> Depth {
    match (wrapping.mechanism.scheme, wrapping.object.spec()) {
        (Scheme::EcdhAesKeyWrap, Some(KeySpec::Ec(curve))) => curve.wrapping_depth(),
        _ => wrapping.object.depth(),
    }
}

/// Whether the key may leave under that one (PKCS#11 3.1 section 5.18.3).
fn may_leave(service: &Service, key: &Object, wrapping: &Usable) -> Result<KeySpec, Error> {
    if !key.is_key() {
        return Err(ErrorCode::KeyInvalid.into());
    }
    let is_private = match key.class() {
        class::SECRET_KEY => false,
        class::PRIVATE_KEY => true,
        _ => return Err(ErrorCode::KeyNotWrappable.into()),
    };
    let attributes = &key.attributes;
    if !attributes.flag(a::EXTRACTABLE) || key.shares_cmk() {
        return Err(ErrorCode::KeyUnextractable.into());
    }
    let trusted = wrapping.object.attributes.flag(a::TRUSTED);
    let needs_trust = attributes.flag(a::WRAP_WITH_TRUSTED);
    if (needs_trust && !trusted) || (is_private && !takes_private(wrapping.mechanism.scheme)) {
        return Err(ErrorCode::KeyNotWrappable.into());
    }
    // Keys that do not match the template of the wrapping key are none for it.
    if let Some(template) = wrapping.object.attributes.get(a::WRAP_TEMPLATE) {
        let wanted = a::nested(template).ok_or(ErrorCode::Internal)?;
        if !wanted.iter().all(|attribute| key.has(attribute)) {
            return Err(ErrorCode::KeyInvalid.into());
        }
    }
    cipher::obeys(service, key, cipher::WRAP)?;
    key.spec().ok_or_else(|| ErrorCode::KeyNotWrappable.into())
}

impl Handle for WrapKey {
    type Plan = Plan;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let Self { session, mechanism, key, wrapping } = call.request();
        let Context { application, session: view } = Context::of(call, *session)?;
        let wrapping =
            cipher::usable_for(call, service, *session, *wrapping, mechanism, cipher::WRAP)
                .map_err(about_wrapping)?;
        let key = visible::object(service, application, &view, *key, ErrorCode::KeyInvalid)?;
        let spec = may_leave(service, &key, &wrapping)?;
        Ok(Plan { wrapping, key, spec })
    }

    fn commit(
        _call: Authorized<'_, Self>,
        plan: Plan,
        service: &Service,
    ) -> Result<Answer<Output>, Error> {
        let Plan { wrapping, key, spec } = &plan;
        service.ivs.expect_new(wrapping, cipher::Message::Wrapped(key.id))?;
        let material = read::material(service, key)?;
        let is_private = key.class() == class::PRIVATE_KEY;
        let (scheme, parameter) = (wrapping.mechanism.scheme, &wrapping.parameter);
        let depth = depth_of(wrapping);
        let Public(wrapped) = vault::run(depth, |inside| -> Result<_, Stop> {
            let material = material.get(inside);
            let info;
            let value = if is_private {
                info = crypto::encode_private(*spec, material)?;
                &info[..]
            } else {
                material
            };
            match crypto::wrap(wrapping.key.half(inside), scheme, parameter, value) {
                Ok(wrapped) => Ok(inside.publish(&wrapped)),
                // What has the wrong length is the key that is wrapped.
                Err(crypto::Error::DataLength) => Err(ErrorCode::KeySize.into()),
                Err(other) => Err(other.into()),
            }
        })??;
        Ok(Answer::with(Output {}, wrapped))
    }
}
