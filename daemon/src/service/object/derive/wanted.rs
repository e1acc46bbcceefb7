//! The keys that a derivation is to give: what their templates say, what the mechanism says, and what they have from
//! the keys that they are made of.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Kdf, Parameter, Prf, Scheme, TlsKeys, ckm, find};

use super::super::rules::{Draft, Implied, Source, about};
use super::super::template::Template;
use super::Part;
use crate::Error;
use crate::application::SessionView;
use crate::crypto::{self, KeySpec, key::MAX_SECRET};
use crate::object::schema::Kind;
use crate::object::{class, public};

/// What a master secret of TLS is for.
const USES_OF_MASTER: [u64; 5] = [
    ckm::CKM_TLS12_KEY_AND_MAC_DERIVE,
    ckm::CKM_TLS_KDF,
    ckm::CKM_TLS_MAC,
    ckm::CKM_TLS12_KDF,
    ckm::CKM_TLS12_MAC,
];

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
    /// What its template says, or else the same as the base key (section 6.42.9).
    Offered,
    /// No less than each of them: it gives them away, or a good part of them (PKCS#11 3.1 section 6.43).
    NoLess,
    /// No less than the base key, and the same where its template does not say (section 6.40.8).
    Inherited,
    /// The same as the base key (section 6.40.6).
    Same,
}

use Secrecy::{Inherited, NoLess, Offered, Own, Same};

const fn secrecy(scheme: Scheme) -> Secrecy {
    match scheme {
        Scheme::ConcatenateKeys
        | Scheme::ConcatenateData
        | Scheme::ConcatenateBase
        | Scheme::XorData
        | Scheme::ExtractBits => NoLess,
        Scheme::Kdf => Offered,
        Scheme::TlsKdf => Inherited,
        Scheme::TlsKeys => Same,
        _ => Own,
    }
}

/// Whether the value of a key stays on the token, and it was not made to be cut up by this mechanism.
fn stays(part: &Part, mechanism: u64) -> bool {
    let object = &part.usable.object;
    let mut named = object.attributes.mechanisms().into_iter().flatten();
    object.keeps_value() && !named.any(|number| number == mechanism)
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
    making.expect_hidden()?;
    let wanted = templates
        .iter()
        .enumerate()
        .map(|(index, template)| making.one(template).map_err(|error| error.of_part(index)));
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

    /// A master secret makes the keys of its connection, and nothing else (PKCS#11 3.1 section 6.40.5).
    fn limit_master(&self, draft: &mut Draft) -> Result<(), Error> {
        if !is_master(self.scheme()) {
            return Ok(());
        }
        let is_more = |number| !USES_OF_MASTER.contains(&number);
        if draft.attributes.mechanisms().is_some_and(|mut given| given.any(is_more)) {
            return Err(about(ErrorCode::TemplateInconsistent, a::ALLOWED_MECHANISMS));
        }
        let uses: Vec<u8> = USES_OF_MASTER.iter().flat_map(|number| number.to_le_bytes()).collect();
        draft.attributes.set_default(Attribute::bytes(a::ALLOWED_MECHANISMS, uses));
        Ok(())
    }

    /// The key of a template.
    fn one(&self, template: &Template) -> Result<Wanted, Error> {
        let mut wanted = self.draft(template, implied(self.scheme(), template))?;
        wanted.length = self.length(&wanted.draft)?;
        self.limit_master(&mut wanted.draft)?;
        self.expect_whole(wanted.length)?;
        self.expect_no_less_whole(&wanted.draft)?;
        Ok(wanted)
    }

    /// Refuses to put a piece of a key whose value stays on the token into another key: what is short, or known but for
    /// a few bytes, is found by trying, from its checksum alone, and piece by piece so is the whole (Clulow, "On the
    /// security of PKCS #11", CHES 2003). Such a key goes in whole, as it is, unless it was made to be cut up: its
    /// `CKA_ALLOWED_MECHANISMS` name the mechanism.
    fn expect_whole(&self, length: usize) -> Result<(), Error> {
        let base = self.base.len();
        let (of_base, of_other) = match (self.scheme(), &self.base.usable.parameter) {
            (Scheme::ConcatenateKeys, _) => (length.min(base), length.saturating_sub(base)),
            (Scheme::ConcatenateData, _) => (length.min(base), 0),
            (Scheme::ConcatenateBase, Parameter::Data(data)) => {
                (length.saturating_sub(data.len()), 0)
            }
            (Scheme::XorData, _) => (length, 0),
            (Scheme::ExtractBits, _) if stays(self.base, self.base.usable.mechanism.ckm) => {
                return Err(ErrorCode::KeyNotPermitted.into());
            }
            _ => return Ok(()),
        };
        for (part, taken) in self.parts().zip([of_base, of_other]) {
            let is_piece = taken != 0 && taken < part.len();
            if is_piece && stays(part, self.base.usable.mechanism.ckm) {
                return Err(ErrorCode::KeySize.into());
            }
        }
        Ok(())
    }

    /// Refuses to put a key whose value stays on the token through AES-CMAC under a key that somebody may know: who
    /// does takes the output back to the input. HMAC has no way back.
    fn expect_hidden(&self) -> Result<(), Error> {
        let base = &self.base.usable;
        let Parameter::Kdf(_, Kdf { prf: Prf::AesCmac, .. }) = &base.parameter else {
            return Ok(());
        };
        let is_unknown = [a::ALWAYS_SENSITIVE, a::NEVER_EXTRACTABLE]
            .into_iter()
            .all(|kind| base.object.attributes.flag(kind));
        if !is_unknown && self.others.iter().any(|part| stays(part, base.mechanism.ckm)) {
            return Err(ErrorCode::KeyNotPermitted.into());
        }
        Ok(())
    }

    /// Refuses to make a key that may be cut up of one that may not.
    fn expect_no_less_whole(&self, draft: &Draft) -> Result<(), Error> {
        let mut allowed = draft.attributes.mechanisms().into_iter().flatten();
        let cuts_up = |number: u64| find(number).is_some_and(|row| secrecy(row.scheme) == NoLess);
        let is_less = |number| cuts_up(number) && self.parts().any(|part| stays(part, number));
        if secrecy(self.scheme()) == NoLess && allowed.any(is_less) {
            return Err(about(ErrorCode::TemplateInconsistent, a::ALLOWED_MECHANISMS));
        }
        Ok(())
    }

    /// A key whose length is not known yet.
    fn draft(&self, template: &Template, implied: Implied) -> Result<Wanted, Error> {
        let source = Source::Derived {
            sensitive: self.is_every(a::ALWAYS_SENSITIVE),
            kept: self.is_every(a::NEVER_EXTRACTABLE),
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
        let no_less = [is_any_sensitive.then_some(true), (!is_every_extractable).then_some(false)];
        let same = [Some(is_any_sensitive), Some(is_every_extractable)];
        let (fixed, otherwise) = match secrecy(self.scheme()) {
            Own => ([None, None], [None, None]),
            Offered => ([None, None], same),
            NoLess => (no_less, [None, None]),
            Inherited => (no_less, same),
            Same => (same, same),
        };
        for (at, kind) in [a::SENSITIVE, a::EXTRACTABLE].into_iter().enumerate() {
            let is_given = template.has(kind);
            if is_given && fixed[at].is_some_and(|value| template.public.flag(kind) != value) {
                return Err(about(ErrorCode::TemplateInconsistent, kind));
            }
            let inherited = fixed[at].or(otherwise[at].filter(|_| !is_given));
            if let Some(value) = inherited {
                draft.attributes.set(Attribute::boolean(kind, value));
            }
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
        if is_master(self.scheme()) && Some(length) != natural {
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

/// Whether it makes a master secret of TLS.
const fn is_master(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::TlsMaster | Scheme::TlsMasterDh)
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
    let is_open = template.has(a::KEY_TYPE) && !is_master(scheme);
    let key_type = (!is_open).then_some(KeyType::GenericSecret);
    Implied { class: Some(class::SECRET_KEY), key_type }
}
