//! UnwrapKey.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::Scheme;
use coffer_protocol::operation::object::{MAX_WRAPPED, ObjectDescription, UnwrapKey};
use coffer_protocol::weak::Doing;

use super::made::Made;
use super::place::{self, New};
use super::rules::{Draft, Implied, Source, about};
use super::stop::Stop;
use super::template::{self, Template};
use super::wrap::{depth_of, takes_private};
use super::{Context, describe};
use crate::Error;
use crate::crypto::{self, Generated, KeySpec};
use crate::object::schema::Kind;
use crate::object::{ObjectId, OpenKey, public};
use crate::service::cipher::{self, Usable};
use crate::service::{Answer, Authorized, Handle, Service, weak};
use crate::vault::{Depth, Inside};

/// What to make with what.
pub(crate) struct Plan {
    unwrapping: Usable,
    draft: Draft,
    form: Form,
}

/// What the wrapped bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The value of a secret key, of this length where it is known.
    Value(KeySpec, Option<u64>),
    /// A `PrivateKeyInfo` with a key of this type.
    Info(KeyType),
}

/// An error about a key, as one about the unwrapping key.
pub(super) fn about_unwrapping(error: Error) -> Error {
    match error.code() {
        ErrorCode::KeyInvalid => ErrorCode::UnwrappingKeyInvalid.into(),
        ErrorCode::KeySize => ErrorCode::UnwrappingKeySize.into(),
        ErrorCode::KeyTypeInconsistent => ErrorCode::UnwrappingKeyType.into(),
        _ => error,
    }
}

/// What a key that comes from elsewhere is unless its template says otherwise, unlike one that is made here (PKCS#11 3.1
/// section 5.18.4; 3.2 sections 5.18.8 and 5.18.9): it is outside already.
pub(super) fn extractable() -> Attribute {
    Attribute::boolean(a::EXTRACTABLE, true)
}

/// What goes wrong once the key is opened: one code for all that the wrapped bytes hold, because RSA with the
/// padding of PKCS#1 v1.5 and AES-CBC would tell of them otherwise. Where something else than the padding says that the
/// bytes are right, a value of another length than the template says has the code of PKCS#11 3.2 section 5.18.4.
fn about_wrapped(error: crypto::Error, scheme: Scheme) -> ErrorCode {
    use crypto::Error as E;
    match error {
        E::EncryptedDataLength => ErrorCode::WrappedKeyLength,
        E::KeySize if tells(scheme) => ErrorCode::WrappedKeyLength,
        E::EncryptedDataInvalid
        | E::DataLength
        | E::DataInvalid
        | E::KeySize
        | E::KeyInvalid
        | E::Curve => ErrorCode::WrappedKeyInvalid,
        E::SignatureLength
        | E::SignatureInvalid
        | E::Parameter
        | E::Mechanism
        | E::Entropy
        | E::Internal => Error::from(error).code(),
    }
}

/// Whether it is known that the bytes are what was wrapped before their value is looked at.
const fn tells(scheme: Scheme) -> bool {
    scheme.is_authenticated()
        || matches!(
            scheme,
            Scheme::AesKeyWrap
                | Scheme::AesKeyWrapPad
                | Scheme::RsaOaep
                | Scheme::RsaAesKeyWrap
                | Scheme::EcdhAesKeyWrap
        )
}

/// Refuses, before it is opened, a wrapped key of a length that the mechanism never gives, or not for what the template
/// says (PKCS#11 3.2 section 5.18.4). Everybody can see that.
///
/// # Errors
///
/// [`ErrorCode::WrappedKeyLength`].
fn check_length(unwrapping: &Usable, form: Form, wrapped: usize) -> Result<(), Error> {
    let Usable { object, mechanism, parameter, .. } = unwrapping;
    let possible = mechanism.unwrapped_lengths(wrapped, object.key_bits() as usize, parameter);
    let mut possible = possible.ok_or(ErrorCode::WrappedKeyLength)?;
    let is_possible = match form {
        Form::Info(_) => true,
        Form::Value(spec, Some(said)) => {
            usize::try_from(said).is_ok_and(|said| spec.takes(said) && possible.contains(&said))
        }
        Form::Value(spec, None) => possible.any(|length| spec.takes(length)),
    };
    if is_possible { Ok(()) } else { Err(ErrorCode::WrappedKeyLength.into()) }
}

/// What the template makes of the wrapped bytes.
fn form(draft: &Draft, scheme: Scheme) -> Result<Form, Error> {
    let length = draft.attributes.number(a::VALUE_LEN);
    match draft.kind {
        Kind::Aes | Kind::Secret => {
            // Where a wrong padding shows as a value of some other length only, the right one must be known.
            if scheme == Scheme::RsaPkcs1(None) && length.is_none() {
                return Err(about(ErrorCode::TemplateIncomplete, a::VALUE_LEN));
            }
            let spec = draft.secret_spec().ok_or(ErrorCode::Internal)?;
            Ok(Form::Value(spec, length))
        }
        Kind::RsaPrivate | Kind::EcPrivate if takes_private(scheme) => {
            Ok(Form::Info(public::key_type(&draft.attributes)?))
        }
        Kind::Data
        | Kind::Certificate
        | Kind::WtlsCertificate
        | Kind::AttributeCertificate
        | Kind::Trust
        | Kind::DomainParameters
        | Kind::Profile
        | Kind::Mechanism
        | Kind::RsaPublic
        | Kind::EcPublic
        | Kind::RsaPrivate
        | Kind::EcPrivate => Err(about(ErrorCode::TemplateInconsistent, a::CLASS)),
    }
}

/// Opens and takes in the key, for code inside the vault.
fn open(
    inside: &Inside<'_>,
    plan: &Plan,
    key: &OpenKey,
    wrapped: &[u8],
) -> Result<Generated, crypto::Error> {
    let Usable { mechanism, parameter, .. } = &plan.unwrapping;
    let value = crypto::unwrap(key.get(inside), mechanism.scheme, parameter, wrapped)?;
    match plan.form {
        Form::Value(_, Some(length)) if length != value.len() as u64 => Err(crypto::Error::KeySize),
        Form::Value(spec, _) => crypto::import(spec, &value),
        Form::Info(key_type) => {
            // Its length is none of what the template says.
            let made = crypto::decode_private(&value).map_err(|error| match error {
                crypto::Error::KeySize => crypto::Error::KeyInvalid,
                other => other,
            })?;
            let is_of_type = match made.spec {
                KeySpec::Rsa => key_type == KeyType::Rsa,
                KeySpec::Ec(curve) => key_type == curve.key_type(),
                KeySpec::Aes | KeySpec::AesXts | KeySpec::Sm4 | KeySpec::Secret | KeySpec::Sm2 => {
                    false
                }
            };
            if is_of_type { Ok(made) } else { Err(crypto::Error::KeyInvalid) }
        }
    }
}

impl Plan {
    fn make(&self, key: &Arc<OpenKey>, wrapped: &[u8]) -> Result<Made, Error> {
        // Trying an RSA key out needs more than a small stack.
        let depth = match self.form {
            Form::Info(KeyType::Rsa) => Depth::Large,
            Form::Info(_) | Form::Value(..) => depth_of(&self.unwrapping),
        };
        Made::new(depth, |inside| {
            let scheme = self.unwrapping.mechanism.scheme;
            let opened = open(inside, self, key, wrapped);
            opened.map_err(|error| Stop::from(about_wrapped(error, scheme)))
        })
    }
}

impl Handle for UnwrapKey {
    type Plan = Plan;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        if self.wrapped.len() > MAX_WRAPPED {
            return Err(ErrorCode::WrappedKeyLength.into());
        }
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let Self { session, mechanism, key, .. } = call.request();
        let context = Context::of(call, *session)?;
        let unwrapping =
            cipher::usable_for(call, service, *session, *key, mechanism, cipher::UNWRAP)
                .map_err(about_unwrapping)?;
        let payload = call.payload();
        let template = Template::read(payload, 0..payload.len())?
            .under(&unwrapping.object, a::UNWRAP_TEMPLATE)?
            .or_else([extractable()]);
        let draft = Draft::new(&template, Implied::default(), Source::Unwrapped, &context.session)?;
        let form = form(&draft, unwrapping.mechanism.scheme)?;
        check_length(&unwrapping, form, call.request().wrapped.len())?;
        Ok(Plan { unwrapping, draft, form })
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Plan,
        service: &Service,
    ) -> Result<Answer<ObjectDescription>, Error> {
        let Self { session, wrapped, .. } = call.request();
        let context = Context::of(&call, *session)?;
        let made = cipher::with_versions(
            service,
            &plan.unwrapping,
            ErrorCode::WrappedKeyInvalid,
            |key| plan.make(key, wrapped),
        )?;
        let mut draft = plan.draft;
        draft.adopt(&made.public)?;
        weak::check_new(service, &draft.attributes, Doing::TakeIn)
            .map_err(|_| ErrorCode::WrappedKeyInvalid)?;
        let id = ObjectId::random();
        draft.finish(id, id, Source::Unwrapped);
        let new = New { id, attributes: draft.attributes, material: Some(made).into() };
        let objects =
            place::put(service, call.caller(), context.application, &context.session, vec![new])?;
        describe::only(service, &context, &objects)
    }
}
