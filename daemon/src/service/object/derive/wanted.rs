//! The keys that a derivation is to give: what their templates say, what the mechanism says, and what they have from
//! the keys that they are made of.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Parameter, Scheme, TlsKeys};

use super::super::rules::{Draft, Implied, Source, about};
use super::super::template::Template;
use super::Part;
use crate::Error;
use crate::application::SessionView;
use crate::crypto::{self, KeySpec, key::MAX_SECRET};
use crate::object::schema::Kind;
use crate::object::{class, public};

/// A key that is wanted.
pub(super) struct Wanted {
    pub(super) draft: Draft,
    pub(super) source: Source,
    pub(super) length: usize,
}

/// What a derived key has of the secrecy of those that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secrecy {
    /// What its template says.
    Own,
    /// No less than each of them: it gives them away, or a good part of them (PKCS#11 3.1 section 6.43).
    NoLess,
    /// The same as the base key (section 6.40.6).
    Same,
    /// What its template says, or else the same as the base key (section 6.42.9).
    OwnOrSame,
}

const fn secrecy(scheme: Scheme) -> Secrecy {
    match scheme {
        Scheme::ConcatenateKeys
        | Scheme::ConcatenateData
        | Scheme::ConcatenateBase
        | Scheme::XorData
        | Scheme::ExtractBits => Secrecy::NoLess,
        Scheme::TlsKeys => Secrecy::Same,
        Scheme::Kdf => Secrecy::OwnOrSame,
        _ => Secrecy::Own,
    }
}

impl Wanted {
    /// What the bytes are to be; only secret keys are derived.
    pub(super) fn spec(&self) -> Result<KeySpec, ErrorCode> {
        self.draft.secret_spec().ok_or(ErrorCode::TemplateInconsistent)
    }
}

/// The keys in the order of their bytes, and how many bytes come behind them.
pub(super) fn all(
    base: &Part,
    others: &[Part],
    templates: &[Template],
    session: &SessionView,
) -> Result<(Vec<Wanted>, usize), Error> {
    let making = Making { base, others, session };
    if making.scheme() == Scheme::PublicFromPrivate {
        return match templates {
            [only] => Ok((vec![making.public_half(only)?], 0)),
            _ => Err(ErrorCode::MechanismParameter.into()),
        };
    }
    let [first, additional @ ..] = templates else { return Err(ErrorCode::Internal.into()) };
    if let Parameter::TlsKeys(keys) = &base.usable.parameter {
        if !additional.is_empty() {
            return Err(ErrorCode::MechanismParameter.into());
        }
        return Ok((making.of_connection(first, keys)?, 2 * keys.iv_len));
    }
    if !additional.is_empty() && making.scheme() != Scheme::Kdf {
        return Err(ErrorCode::MechanismParameter.into());
    }
    let wanted = templates.iter().map(|template| making.one(template));
    Ok((wanted.collect::<Result<_, _>>()?, 0))
}

/// The keys that go into the derivation, and who asks.
struct Making<'p> {
    base: &'p Part,
    others: &'p [Part],
    session: &'p SessionView,
}

impl Making<'_> {
    const fn scheme(&self) -> Scheme {
        self.base.usable.mechanism.scheme
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(self.base).chain(self.others)
    }

    /// Whether an attribute is true for every key that goes in.
    fn is_every(&self, kind: u64) -> bool {
        self.parts().all(|part| part.usable.object.attributes.flag(kind))
    }

    /// Whether the keys that go in have been kept so that a derived one may say so too: each of them, or with SP 800-108
    /// any (section 6.42.9).
    fn had(&self, kind: u64) -> bool {
        if self.scheme() == Scheme::Kdf {
            return self.parts().any(|part| part.usable.object.attributes.flag(kind));
        }
        self.is_every(kind)
    }

    /// The key of a template.
    fn one(&self, template: &Template) -> Result<Wanted, Error> {
        let mut wanted = self.draft(template, implied(self.scheme(), template))?;
        wanted.length = self.length(&wanted.draft)?;
        Ok(wanted)
    }

    /// A key whose length is not known yet.
    fn draft(&self, template: &Template, implied: Implied) -> Result<Wanted, Error> {
        let source = Source::Derived {
            sensitive: self.had(a::ALWAYS_SENSITIVE),
            kept: self.had(a::NEVER_EXTRACTABLE),
        };
        let mut draft = Draft::new(template, implied, source, self.session)?;
        let is_public = self.scheme() == Scheme::PublicFromPrivate;
        if !is_public && draft.kind != Kind::Data && draft.secret_spec().is_none() {
            return Err(ErrorCode::TemplateInconsistent.into());
        }
        self.inherit(template, &mut draft)?;
        Ok(Wanted { draft, source, length: 0 })
    }

    /// The public half of the base key, which has the same `CKA_ID` where the template does not say otherwise.
    fn public_half(&self, template: &Template) -> Result<Wanted, Error> {
        let private = &self.base.usable.object;
        let implied = Implied { class: Some(class::PUBLIC_KEY), key_type: private.key_type() };
        let mut wanted = self.draft(template, implied)?;
        let key = public::key_of(&private.attributes)?;
        wanted.draft.adopt(&public::attributes_of(&key)?)?;
        if let Some(id) = private.attributes.get(a::ID) {
            wanted.draft.attributes.set_default(Attribute::bytes(a::ID, id));
        }
        Ok(wanted)
    }

    fn inherit(&self, template: &Template, draft: &mut Draft) -> Result<(), Error> {
        let is_any_sensitive =
            self.parts().any(|part| part.usable.object.attributes.flag(a::SENSITIVE));
        let is_every_extractable = self.is_every(a::EXTRACTABLE);
        let fixed = match secrecy(self.scheme()) {
            Secrecy::Own => [None, None],
            Secrecy::NoLess => {
                [is_any_sensitive.then_some(true), (!is_every_extractable).then_some(false)]
            }
            Secrecy::Same => [Some(is_any_sensitive), Some(is_every_extractable)],
            Secrecy::OwnOrSame => [a::SENSITIVE, a::EXTRACTABLE].map(|kind| {
                let base = &self.base.usable.object.attributes;
                (!template.has(kind)).then(|| base.flag(kind))
            }),
        };
        for (kind, value) in [a::SENSITIVE, a::EXTRACTABLE].into_iter().zip(fixed) {
            let Some(value) = value else { continue };
            if template.has(kind) && template.public.flag(kind) != value {
                return Err(about(ErrorCode::TemplateInconsistent, kind));
            }
            draft.attributes.set(Attribute::boolean(kind, value));
        }
        Ok(())
    }

    /// How many bytes the template asks for, or else the mechanism gives.
    fn length(&self, draft: &Draft) -> Result<usize, Error> {
        let other = self.others.first().map_or(0, Part::len);
        let base = &self.base.usable;
        let natural = base.object.spec().and_then(|spec| {
            let scheme = self.scheme();
            crypto::natural_length(spec, self.base.len(), other, scheme, &base.parameter)
        });
        let length = length(draft, natural)?;
        let is_master = matches!(self.scheme(), Scheme::TlsMaster | Scheme::TlsMasterDh);
        if is_master && Some(length) != natural {
            return Err(about(ErrorCode::TemplateInconsistent, a::VALUE_LEN));
        }
        Ok(length)
    }

    /// The keys of a connection (section 6.40.6): those for codes are generic secrets that sign, verify and derive;
    /// the template is about the others, which encrypt, decrypt and derive where it does not say otherwise.
    fn of_connection(&self, template: &Template, keys: &TlsKeys) -> Result<Vec<Wanted>, Error> {
        let given = template.public.number(a::VALUE_LEN);
        if given.is_some_and(|given| given != keys.key_len as u64) {
            return Err(about(ErrorCode::TemplateInconsistent, a::VALUE_LEN));
        }
        let usages = |kinds: &[u64]| {
            let usages = kinds.iter().map(|kind| Attribute::boolean(*kind, true));
            usages.collect::<Vec<_>>()
        };
        let for_codes = template
            .without(&[a::KEY_TYPE, a::VALUE_LEN, a::ENCRYPT, a::DECRYPT, a::WRAP, a::UNWRAP])
            .or_else(usages(&[a::SIGN, a::VERIFY, a::DERIVE]));
        let implied_for_codes =
            Implied { class: Some(class::SECRET_KEY), key_type: Some(KeyType::GenericSecret) };
        let for_data = template.clone().or_else(usages(&[a::ENCRYPT, a::DECRYPT, a::DERIVE]));
        let implied_for_data = implied(self.scheme(), template);
        let mut wanted = Vec::new();
        for (template, implied, length) in [
            (&for_codes, implied_for_codes, keys.mac_len),
            (&for_data, implied_for_data, keys.key_len),
        ] {
            for _ in 0..2 {
                if length > 0 {
                    wanted.push(Wanted { length, ..self.draft(template, implied)? });
                }
            }
        }
        Ok(wanted)
    }
}

/// How many bytes a key is to have: as its template says, or else what the mechanism gives.
pub(in super::super) fn length(draft: &Draft, natural: Option<usize>) -> Result<usize, Error> {
    let length = match draft.attributes.number(a::VALUE_LEN) {
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|bytes| (1..=MAX_SECRET).contains(bytes))
            .ok_or_else(|| about(ErrorCode::AttributeValue, a::VALUE_LEN))?,
        None => natural.ok_or_else(|| about(ErrorCode::TemplateIncomplete, a::VALUE_LEN))?,
    };
    if length > MAX_SECRET { Err(ErrorCode::KeySize.into()) } else { Ok(length) }
}

/// What the mechanism makes where the template does not say.
fn implied(scheme: Scheme, template: &Template) -> Implied {
    if scheme == Scheme::HkdfData {
        return Implied { class: Some(class::DATA), key_type: None };
    }
    // A master secret is never anything else.
    let is_master = matches!(scheme, Scheme::TlsMaster | Scheme::TlsMasterDh);
    let is_open = template.has(a::KEY_TYPE) && !is_master;
    let key_type = (!is_open).then_some(KeyType::GenericSecret);
    Implied { class: Some(class::SECRET_KEY), key_type }
}
