//! DeriveKey.

mod wanted;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{Parameter, Salt, Scheme};
use coffer_protocol::operation::object::{DeriveKey, DerivedKeys, MAX_ADDITIONAL};
use zeroize::Zeroizing;

use super::made::{self, Made};
use super::place::{self, New};
use super::stop::Stop;
use super::{Context, describe, read, template};
use crate::Error;
use crate::crypto::{self, Base, KeySpec};
use crate::object::ObjectId;
use crate::object::schema::Kind;
use crate::service::cipher::{self, Usable};
use crate::service::{Answer, Authorized, Handle, Service};
use crate::vault::{self, Depth, Inside, Public, SecretBytes};
use wanted::Wanted;
pub(super) use wanted::length;

/// What to derive from what.
pub(crate) struct Plan {
    base: Part,
    /// The keys that the parameter names, in its order.
    others: Vec<Part>,
    /// The keys that are wanted, in the order of their bytes.
    wanted: Vec<Wanted>,
    /// Bytes behind those of the keys that are no key: initialisation vectors.
    tail: usize,
}

/// A key that goes into the derivation.
struct Part {
    usable: Usable,
    /// Its value, where the scheme takes it as it is.
    value: Option<SecretBytes>,
}

impl Part {
    fn new(service: &Service, usable: Usable) -> Result<Self, Error> {
        let takes_value = crypto::takes_value(usable.mechanism.scheme);
        let value = takes_value.then(|| read::material(service, &usable.object)).transpose()?;
        Ok(Self { usable, value })
    }

    /// The key, for code inside the vault.
    fn base<'a>(&'a self, inside: &'a Inside<'_>) -> Result<Base<'a>, Stop> {
        let key = self.usable.key.secret().map_err(|error| error.code())?.get(inside);
        let value = self.value.as_ref().map_or(&[][..], |value| value.get(inside));
        Ok(Base { key, value })
    }

    /// The length of its value, where that is taken.
    fn len(&self) -> usize {
        self.value.as_ref().map_or(0, SecretBytes::len)
    }
}

impl Plan {
    fn scheme(&self) -> Scheme {
        self.base.usable.mechanism.scheme
    }

    /// How much stack the derivation takes.
    fn depth(&self) -> Depth {
        match self.base.usable.object.spec() {
            Some(KeySpec::Ec(curve)) => curve.agreement_depth(),
            _ => Depth::Small,
        }
    }

    /// All bytes, for code inside the vault.
    fn derive(&self, inside: &Inside<'_>) -> Result<Zeroizing<Vec<u8>>, Stop> {
        let base = self.base.base(inside)?;
        let others = self.others.iter().map(|other| other.base(inside));
        let others = others.collect::<Result<Vec<_>, _>>()?;
        let lengths = self.wanted.iter().map(|wanted| wanted.length).chain([self.tail]);
        let lengths: Vec<usize> = lengths.collect();
        let parameter = &self.base.usable.parameter;
        let bytes = crypto::derive_keys(base, &others, self.scheme(), parameter, &lengths);
        bytes.map_err(|error| match error {
            // What has the wrong length is the key that is wanted.
            crypto::Error::DataLength => ErrorCode::KeySize.into(),
            crypto::Error::Mechanism => ErrorCode::KeyTypeInconsistent.into(),
            other => other.into(),
        })
    }

    /// Makes the keys, and what the mechanism gives beside them.
    fn make(&self) -> Result<(Vec<Made>, Vec<u8>), Error> {
        let all = vault::load_at(self.depth(), made::ROOM, |inside| -> Result<_, Stop> {
            Ok(SecretBytes::copy_from(inside, &self.derive(inside)?)?)
        })??;
        let mut keys = Vec::with_capacity(self.wanted.len());
        let mut start = 0;
        for (index, wanted) in self.wanted.iter().enumerate() {
            let end = start + wanted.length;
            let made = Made::new(Depth::Small, |inside| {
                let bytes = all.get(inside).get(start..end).ok_or(ErrorCode::Internal)?;
                let made = crypto::import(wanted.spec()?, bytes);
                made.map_err(|error| Stop::from(made::import_code(error)))
            });
            keys.push(made.map_err(|error| error.of_part(index))?);
            start = end;
        }
        let Public(output) = vault::run(Depth::Small, |inside| -> Result<_, Stop> {
            if self.scheme() == Scheme::TlsMaster {
                // The premaster secret begins with the version, which the caller is told (section 6.40.5); but not what
                // another secret begins with that stays on the token.
                let secret = self.base.base(inside)?.value;
                let is_told =
                    matches!(secret, [3, 0..=3, ..]) || !self.base.usable.object.keeps_value();
                let version = if is_told { secret.get(..2) } else { Some(&[0, 0][..]) };
                return Ok(inside.publish(version.ok_or(ErrorCode::KeySize)?));
            }
            Ok(inside.publish(all.get(inside).get(start..).ok_or(ErrorCode::Internal)?))
        })??;
        Ok((keys, output))
    }
}

/// The keys that the parameter names, in its order.
fn named(parameter: &Parameter) -> Vec<u32> {
    match parameter {
        Parameter::Hkdf(hkdf) => match hkdf.salt {
            Salt::Key(handle) => vec![handle],
            Salt::None | Salt::Data(_) => Vec::new(),
        },
        Parameter::Key(handle) => vec![*handle],
        Parameter::Kdf(_, kdf) => kdf.keys().collect(),
        _ => Vec::new(),
    }
}

/// The lengths of the templates in the payload: the first has what the additional ones leave.
fn lengths(request: &DeriveKey, payload_length: usize) -> Result<Vec<usize>, ErrorCode> {
    if request.additional.len() > MAX_ADDITIONAL {
        return Err(ErrorCode::MechanismParameter);
    }
    let additional = request.additional.iter().map(|length| *length as usize);
    let first = additional.clone().try_fold(payload_length, usize::checked_sub);
    Ok(std::iter::once(first.ok_or(ErrorCode::Malformed)?).chain(additional).collect())
}

impl Handle for DeriveKey {
    type Plan = Plan;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        lengths(self, payload_length)?.into_iter().try_for_each(template::validate)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Plan, Error> {
        let Self { session, mechanism, key, .. } = call.request();
        let context = Context::of(call, *session)?;
        let part = |key| {
            let usable =
                cipher::usable_for(call, service, *session, key, mechanism, cipher::DERIVE)?;
            Part::new(service, usable)
        };
        let base = part(*key)?;
        let others = named(&base.usable.parameter).into_iter().map(part);
        let others = others.collect::<Result<Vec<_>, _>>()?;
        let mut templates = Vec::new();
        let mut start = 0;
        for (index, length) in lengths(call.request(), call.payload().len())?.iter().enumerate() {
            let template = template::Template::read(call.payload(), start..start + length);
            // The other keys give as much of themselves as the first.
            let mut parts = std::iter::once(&base).chain(&others);
            let template = template.and_then(|template| {
                parts.try_fold(template, |template, part| {
                    template.under(&part.usable.object, a::DERIVE_TEMPLATE)
                })
            });
            templates.push(template.map_err(|error| error.of_part(index))?);
            start += length;
        }
        let (wanted, tail) = wanted::all(&base, &others, &templates, &context.session)?;
        Ok(Plan { base, others, wanted, tail })
    }

    fn commit(
        call: Authorized<'_, Self>,
        plan: Plan,
        service: &Service,
    ) -> Result<Answer<DerivedKeys>, Error> {
        let context = Context::of(&call, call.request().session)?;
        let mut output = Vec::new();
        let mut made = Vec::new();
        if plan.scheme() == Scheme::PublicFromPrivate {
            made.push(None);
        } else if let [Wanted { draft, .. }] = &plan.wanted[..]
            && draft.kind == Kind::Data
        {
            let Public(value) = vault::run(plan.depth(), |inside| -> Result<_, Stop> {
                Ok(inside.publish(&plan.derive(inside)?))
            })??;
            made.push(Some(Err(value)));
        } else {
            let keys;
            (keys, output) = plan.make()?;
            made.extend(keys.into_iter().map(|key| Some(Ok(key))));
        }
        let mut new = Vec::with_capacity(made.len());
        for (wanted, made) in plan.wanted.into_iter().zip(made) {
            let Wanted { mut draft, source, .. } = wanted;
            let id = ObjectId::random();
            let made = match made {
                // A public key is its attributes.
                None => None,
                Some(Ok(made)) => {
                    draft.adopt(&made.public)?;
                    Some(made)
                }
                Some(Err(value)) => {
                    draft.attributes.set(Attribute::bytes(a::VALUE, value));
                    None
                }
            };
            draft.finish(id, id, source);
            new.push(New { id, attributes: draft.attributes, material: made.into() });
        }
        let Context { application, session } = &context;
        let objects = place::put(service, call.caller(), application, session, new)?;
        let described = objects
            .iter()
            .map(|object| describe::describe(service, object, application.handle_of(object)));
        Ok(Answer::with(DerivedKeys { keys: described.collect() }, output))
    }
}
