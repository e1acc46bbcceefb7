//! What may be said of a new object (PKCS#11 3.1 section 4.1.1), and who may make it.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute, Set};
use coffer_protocol::key_type::KeyType;

use super::template::Template;
use crate::Error;
use crate::application::SessionView;
use crate::object::schema::{Given, Kind};
use crate::object::{Attributes, class};
use crate::state::login::Login;

/// How an object comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Its values were given.
    Imported,
    /// Its key was made here, by this mechanism.
    Generated(u64),
    /// Its key was derived from another.
    Derived {
        /// Whether that one was always sensitive.
        sensitive: bool,
        /// Whether that one was never extractable.
        kept: bool,
    },
    /// Its key was wrapped, somewhere.
    Unwrapped,
}

/// What the operation itself says of the object, so that the template need not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Implied {
    pub(super) class: Option<u64>,
    pub(super) key_type: Option<KeyType>,
}

/// An object in the making: its kind, and its attributes with their defaults.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(super) kind: Kind,
    pub(super) attributes: Attributes,
}

/// A code, naming an attribute.
pub(super) fn about(code: ErrorCode, kind: u64) -> Error {
    Error::about(code, a::find(kind).map_or("", |row| row.name))
}

/// Whether the session may make or change an object of this kind (PKCS#11 usage guide, session states).
///
/// # Errors
///
/// [`ErrorCode::UserNotLoggedIn`] or [`ErrorCode::SessionReadOnly`].
pub(super) fn may_write(session: &SessionView, attributes: &Attributes) -> Result<(), Error> {
    if attributes.flag(a::PRIVATE) && !session.sees_private() {
        return Err(ErrorCode::UserNotLoggedIn.into());
    }
    if attributes.flag(a::TOKEN) && !session.read_write {
        return Err(ErrorCode::SessionReadOnly.into());
    }
    Ok(())
}

impl Draft {
    /// Checks a template for a new object, and completes it.
    ///
    /// # Errors
    ///
    /// What is wrong with the template, or what the session may not do.
    pub(super) fn new(
        template: &Template,
        implied: Implied,
        source: Source,
        session: &SessionView,
    ) -> Result<Self, Error> {
        let (class, key_type) = identity(&template.public, implied)?;
        let (kind, asked) = match class {
            class::CERTIFICATE => {
                let number = template.public.number(a::CERTIFICATE_TYPE);
                (Kind::of_certificate(number), a::CERTIFICATE_TYPE)
            }
            _ => (Kind::of(class, key_type), a::CLASS),
        };
        let kind = kind.ok_or_else(|| about(ErrorCode::AttributeValue, asked))?;
        for attribute in template.kinds() {
            check_given(attribute, template, kind, source, session.login)?;
        }
        check_needed(template, kind, source, key_type)?;
        let mut attributes = template.public.clone();
        attributes.set(Attribute::number(a::CLASS, class));
        if let Some(number) = key_type.and_then(KeyType::ckk) {
            attributes.set(Attribute::number(a::KEY_TYPE, number));
        }
        if let Some(fixed @ (KeyType::ChaCha20 | KeyType::AesXts)) = key_type {
            settle_length(fixed, source, &mut attributes)?;
        }
        if let Some(key_type) = key_type {
            kind.complete_usages(key_type, &mut attributes);
        }
        kind.complete(&mut attributes);
        // A login for each use is for private objects (PKCS#11 3.1 section 4.9).
        if attributes.flag(a::ALWAYS_AUTHENTICATE) && !attributes.flag(a::PRIVATE) {
            return Err(about(ErrorCode::TemplateInconsistent, a::ALWAYS_AUTHENTICATE));
        }
        may_write(session, &attributes)?;
        Ok(Self { kind, attributes })
    }
}

/// A ChaCha20 key has one length, one for XTS one of two. Of a key that is unwrapped, any conflict of lengths has one
/// code (PKCS#11 3.2 section 5.18.4).
fn settle_length(
    key_type: KeyType,
    source: Source,
    attributes: &mut Attributes,
) -> Result<(), Error> {
    if key_type == KeyType::ChaCha20 {
        attributes.set_default(Attribute::number(a::VALUE_LEN, 32));
    }
    let is_length = match (attributes.number(a::VALUE_LEN), key_type) {
        // Without it, the value says it.
        (None | Some(32), _) => true,
        (Some(length), KeyType::AesXts) => length == 64,
        (Some(_), _) => false,
    };
    let code = match source {
        Source::Unwrapped => ErrorCode::WrappedKeyLength,
        Source::Imported | Source::Generated(_) | Source::Derived { .. } => {
            ErrorCode::AttributeValue
        }
    };
    if is_length { Ok(()) } else { Err(about(code, a::VALUE_LEN)) }
}

/// The class and key type that the template and the operation name together.
fn identity(template: &Attributes, implied: Implied) -> Result<(u64, Option<KeyType>), Error> {
    let class = match (template.number(a::CLASS), implied.class) {
        (Some(given), Some(implied)) if given != implied => {
            return Err(about(ErrorCode::TemplateInconsistent, a::CLASS));
        }
        (Some(class), _) | (None, Some(class)) => class,
        (None, None) => return Err(about(ErrorCode::TemplateIncomplete, a::CLASS)),
    };
    let given = match template.number(a::KEY_TYPE) {
        // Domain parameters have types of which there are no keys here.
        _ if class == class::DOMAIN_PARAMETERS => None,
        None => None,
        Some(number) => {
            let known = KeyType::from_ckk(number);
            Some(known.ok_or_else(|| about(ErrorCode::AttributeValue, a::KEY_TYPE))?)
        }
    };
    let key_type = match class {
        class::DATA | class::CERTIFICATE | class::TRUST | class::DOMAIN_PARAMETERS => None,
        class::PUBLIC_KEY | class::PRIVATE_KEY | class::SECRET_KEY => {
            match (given, implied.key_type) {
                (Some(given), Some(implied)) if given != implied => {
                    return Err(about(ErrorCode::TemplateInconsistent, a::KEY_TYPE));
                }
                (Some(key_type), _) | (None, Some(key_type)) => Some(key_type),
                (None, None) => Some(
                    guess(template)
                        .ok_or_else(|| about(ErrorCode::TemplateIncomplete, a::KEY_TYPE))?,
                ),
            }
        }
        _ => return Err(about(ErrorCode::AttributeValue, a::CLASS)),
    };
    Ok((class, key_type))
}

/// The type of a pair whose template does not name it.
fn guess(template: &Attributes) -> Option<KeyType> {
    if template.get(a::MODULUS).is_some() {
        Some(KeyType::Rsa)
    } else {
        template.get(a::EC_PARAMS).map(|_| KeyType::Ec)
    }
}

fn check_given(
    attribute: u64,
    template: &Template,
    kind: Kind,
    source: Source,
    login: Login,
) -> Result<(), Error> {
    let row = a::find(attribute).ok_or_else(|| about(ErrorCode::AttributeType, attribute))?;
    match row.set {
        Set::Never => return Err(about(ErrorCode::AttributeReadOnly, attribute)),
        Set::BySecurityOfficer
            if template.public.flag(attribute) && login != Login::SecurityOfficer =>
        {
            return Err(about(ErrorCode::AttributeReadOnly, attribute));
        }
        Set::BySecurityOfficer
        | Set::AtCreation
        | Set::AtCopy
        | Set::Always
        | Set::ToTrue
        | Set::ToFalse => {}
    }
    let row =
        kind.row(attribute).ok_or_else(|| about(ErrorCode::TemplateInconsistent, attribute))?;
    let given = match source {
        Source::Imported => row.imported,
        Source::Generated(_) | Source::Derived { .. } | Source::Unwrapped => row.generated,
    };
    match given {
        Given::Needed | Given::May => Ok(()),
        Given::No => Err(about(ErrorCode::TemplateInconsistent, attribute)),
    }
}

/// Whether the key type itself says what the attribute is.
fn is_fixed(attribute: u64, key_type: Option<KeyType>) -> bool {
    attribute == a::VALUE_LEN && key_type == Some(KeyType::ChaCha20)
}

fn check_needed(
    template: &Template,
    kind: Kind,
    source: Source,
    key_type: Option<KeyType>,
) -> Result<(), Error> {
    let missing = kind.rows().find(|row| {
        let given = match source {
            Source::Imported => row.imported,
            Source::Generated(_) => row.generated,
            Source::Derived { .. } | Source::Unwrapped => Given::May,
        };
        given == Given::Needed && !template.has(row.attribute) && !is_fixed(row.attribute, key_type)
    });
    match missing {
        Some(row) => Err(about(ErrorCode::TemplateIncomplete, row.attribute)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Slot;

    const USER: SessionView =
        SessionView { handle: 1, slot: Slot(0), read_write: true, login: Login::User };

    fn draft(
        template: &[Attribute],
        source: Source,
        session: &SessionView,
    ) -> Result<Draft, ErrorCode> {
        let template = Template::of(template.iter().cloned());
        Draft::new(&template, Implied::default(), source, session).map_err(|error| error.code())
    }

    fn number(kind: u64, value: u64) -> Attribute {
        Attribute::number(kind, value)
    }

    fn yes(kind: u64) -> Attribute {
        Attribute::boolean(kind, true)
    }

    fn public_rsa() -> Vec<Attribute> {
        vec![
            number(a::CLASS, class::PUBLIC_KEY),
            number(a::KEY_TYPE, 0),
            Attribute::bytes(a::MODULUS, [1; 256]),
            Attribute::bytes(a::PUBLIC_EXPONENT, [1, 0, 1]),
        ]
    }

    fn with(
        mut template: Vec<Attribute>,
        more: impl IntoIterator<Item = Attribute>,
    ) -> Vec<Attribute> {
        template.extend(more);
        template
    }

    #[test]
    fn absent_usages_are_what_the_key_can_do() {
        let draft = draft(&public_rsa(), Source::Imported, &USER).unwrap();
        for (usage, can) in
            [(a::VERIFY, true), (a::ENCRYPT, true), (a::WRAP, true), (a::DERIVE, false)]
        {
            assert_eq!(draft.attributes.flag(usage), can, "{usage:#x}");
        }
        assert!(!draft.attributes.flag(a::PRIVATE) && draft.attributes.flag(a::MODIFIABLE));
    }

    #[test]
    fn templates_that_cannot_be_are_refused_with_their_code() {
        use ErrorCode::{
            AttributeReadOnly, AttributeValue, TemplateIncomplete, TemplateInconsistent,
        };
        let unique = Attribute::bytes(a::UNIQUE_ID, *b"mine");
        #[rustfmt::skip]
        let cases: &[(Vec<Attribute>, ErrorCode)] = &[
            (vec![],                                                              TemplateIncomplete),
            (vec![number(a::CLASS, 0x8000_0000)],                                 AttributeValue),
            (vec![number(a::CLASS, class::SECRET_KEY)],                           TemplateIncomplete),
            (vec![number(a::CLASS, class::SECRET_KEY), number(a::KEY_TYPE, 0x99)], AttributeValue),
            (vec![number(a::CLASS, class::CERTIFICATE), number(a::CERTIFICATE_TYPE, 3)], AttributeValue),
            (vec![number(a::CLASS, class::CERTIFICATE)],                          TemplateIncomplete),
            (with(public_rsa(), [unique]),                                        AttributeReadOnly),
            (with(public_rsa(), [yes(a::LOCAL)]),                                 AttributeReadOnly),
            (with(public_rsa(), [yes(a::ALWAYS_SENSITIVE)]),                      AttributeReadOnly),
            (with(public_rsa(), [number(a::KEY_GEN_MECHANISM, 0)]),               AttributeReadOnly),
            (with(public_rsa(), [yes(a::TRUSTED)]),                               AttributeReadOnly),
            (with(public_rsa(), [yes(a::SIGN)]),                                  TemplateInconsistent),
            (with(public_rsa(), [Attribute::bytes(a::EC_POINT, [4])]),            TemplateInconsistent),
            (public_rsa()[..3].to_vec(),                                          TemplateIncomplete),
        ];
        for (template, code) in cases {
            assert_eq!(
                draft(template, Source::Imported, &USER).unwrap_err(),
                *code,
                "{template:?}"
            );
        }
    }

    #[test]
    fn only_the_security_officer_trusts() {
        let officer = SessionView { login: Login::SecurityOfficer, ..USER };
        let template = with(public_rsa(), [yes(a::TRUSTED)]);
        assert!(draft(&template, Source::Imported, &officer).unwrap().attributes.flag(a::TRUSTED));
        let modest = with(public_rsa(), [Attribute::boolean(a::TRUSTED, false)]);
        assert!(draft(&modest, Source::Imported, &USER).is_ok());
    }

    #[test]
    fn sessions_make_what_their_state_allows() {
        use ErrorCode::{SessionReadOnly, UserNotLoggedIn};
        use Login::{Public, SecurityOfficer, User};
        #[rustfmt::skip]
        let cases = [
            // login          R/W    token  private  outcome
            (Public,          false, false, false, None),
            (Public,          false, true,  false, Some(SessionReadOnly)),
            (Public,          true,  true,  false, None),
            (Public,          true,  false, true,  Some(UserNotLoggedIn)),
            (User,            false, false, true,  None),
            (User,            false, true,  true,  Some(SessionReadOnly)),
            (User,            true,  true,  true,  None),
            (SecurityOfficer, true,  true,  false, None),
            (SecurityOfficer, true,  false, true,  Some(UserNotLoggedIn)),
        ];
        for (login, read_write, token, private, outcome) in cases {
            let session = SessionView { read_write, login, ..USER };
            let more =
                [Attribute::boolean(a::TOKEN, token), Attribute::boolean(a::PRIVATE, private)];
            let made = draft(&with(public_rsa(), more), Source::Imported, &session);
            assert_eq!(made.err(), outcome, "{login:?} {read_write} {token} {private}");
        }
    }

    #[test]
    fn a_login_for_each_use_is_for_private_objects() {
        let template = Template::of([
            number(a::CLASS, class::PRIVATE_KEY),
            yes(a::ALWAYS_AUTHENTICATE),
            Attribute::boolean(a::PRIVATE, false),
        ]);
        let implied = Implied { key_type: Some(KeyType::Rsa), ..Implied::default() };
        let made = Draft::new(&template, implied, Source::Generated(0), &USER);
        assert_eq!(made.unwrap_err().code(), ErrorCode::TemplateInconsistent);
    }
}
