//! What may be said of an object that exists, when it is copied or changed (PKCS#11 3.1 sections 4.1.2, 4.1.3).

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Set};

use super::rules::about;
use super::statement;
use super::template::Template;
use crate::Error;
use crate::object::schema::Kind;
use crate::object::{Attributes, Object};
use crate::state::login::Login;

/// When attributes of an existing object are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// It is copied.
    Copy,
    /// It is changed.
    Change,
}

/// The attributes of an object after a template is applied to it.
///
/// # Errors
///
/// [`ErrorCode::AttributeReadOnly`], [`ErrorCode::AttributeType`] and [`ErrorCode::AttributeValue`].
pub(super) fn apply(
    template: &Template,
    object: &Object,
    moment: Moment,
    login: Login,
) -> Result<Attributes, Error> {
    let kind = object.kind().ok_or(ErrorCode::ObjectInvalid)?;
    let is_trusted = object.attributes.flag(a::TRUSTED) && login != Login::SecurityOfficer;
    if object.shares_cmk() || is_trusted {
        only_names(template)?;
    }
    let after = apply_to(template, &object.attributes, kind, moment, login)?;
    if kind == Kind::Trust {
        statement::check_trust(&after)?;
    }
    Ok(after)
}

/// Refuses a template that says more than PKCS#11 may say of a CMK, or a user of what the security officer trusts: who
/// trusts a key to wrap others trusts that it does not decrypt them.
///
/// # Errors
///
/// [`ErrorCode::AttributeReadOnly`].
pub(super) fn only_names(template: &Template) -> Result<(), Error> {
    match template.kinds().find(|kind| !NAMES.contains(kind)) {
        Some(other) => Err(about(ErrorCode::AttributeReadOnly, other)),
        None => Ok(()),
    }
}

/// How an object is found and where a copy lives, but nothing of what it does.
const NAMES: [u64; 10] = [
    a::LABEL,
    a::ID,
    a::SUBJECT,
    a::START_DATE,
    a::END_DATE,
    a::TOKEN,
    a::PRIVATE,
    a::MODIFIABLE,
    a::COPYABLE,
    a::DESTROYABLE,
];

fn apply_to(
    template: &Template,
    now: &Attributes,
    kind: Kind,
    moment: Moment,
    login: Login,
) -> Result<Attributes, Error> {
    let read_only = |attribute| Err(about(ErrorCode::AttributeReadOnly, attribute));
    if let Some((material, _)) = template.secret.first() {
        return read_only(*material);
    }
    let mut after = now.clone();
    for given in template.public.iter() {
        let row = a::find(given.kind).ok_or_else(|| about(ErrorCode::AttributeType, given.kind))?;
        if kind.row(given.kind).is_none() {
            return Err(about(ErrorCode::AttributeType, given.kind));
        }
        // Saying what is the case already changes nothing.
        if now.get(given.kind) == Some(&given.value) && row.set != Set::Never {
            continue;
        }
        match given.kind {
            // To give none destroys the checksum (section 4.11).
            a::CHECK_VALUE if kind.is_secret_key() && given.value.is_empty() => {
                after.set(given.clone());
                continue;
            }
            // What is said of the public half must be true (section 4.10).
            a::PUBLIC_KEY_INFO if kind.is_private_key() => {
                return Err(about(ErrorCode::AttributeValue, given.kind));
            }
            _ => {}
        }
        let (before, wanted) = (now.flag(given.kind), given.value == [1]);
        let allowed = match kind.set(row) {
            Set::Always => true,
            Set::AtCopy => moment == Moment::Copy,
            Set::ToTrue => !before && wanted,
            Set::ToFalse => before && !wanted,
            Set::BySecurityOfficer => login == Login::SecurityOfficer,
            Set::AtCreation | Set::Never => false,
        };
        if !allowed {
            return read_only(given.kind);
        }
        after.set(given.clone());
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use coffer_protocol::attribute::Attribute;

    use super::*;

    /// What each kind of attribute allows, for a boolean that is `before` and shall be `after`.
    #[test]
    fn setting_follows_the_attribute_table() {
        use Moment::{Change, Copy};
        #[rustfmt::skip]
        let cases = [
            // attribute      before after  moment  login                   allowed
            (a::SIGN,         false, true,  Change, Login::User,            true),
            (a::SIGN,         true,  false, Change, Login::User,            true),
            (a::SENSITIVE,    false, true,  Change, Login::User,            true),
            (a::SENSITIVE,    true,  false, Change, Login::User,            false),
            (a::SENSITIVE,    true,  false, Copy,   Login::User,            false),
            (a::EXTRACTABLE,  true,  false, Change, Login::User,            true),
            (a::EXTRACTABLE,  false, true,  Change, Login::User,            false),
            (a::EXTRACTABLE,  false, true,  Copy,   Login::User,            false),
            (a::COPYABLE,     true,  false, Change, Login::User,            true),
            (a::COPYABLE,     false, true,  Copy,   Login::User,            false),
            (a::WRAP_WITH_TRUSTED, true, false, Change, Login::User,        false),
            (a::TOKEN,        false, true,  Change, Login::User,            false),
            (a::TOKEN,        false, true,  Copy,   Login::User,            true),
            (a::MODIFIABLE,   true,  false, Copy,   Login::User,            true),
            (a::DESTROYABLE,  false, true,  Change, Login::User,            false),
            (a::TRUSTED,      false, true,  Change, Login::User,            false),
            (a::TRUSTED,      false, true,  Change, Login::SecurityOfficer, true),
            (a::LOCAL,        false, true,  Copy,   Login::User,            false),
            (a::LOCAL,        true,  true,  Copy,   Login::User,            false),
            (a::SIGN,         true,  true,  Change, Login::User,            true),
        ];
        for (kind, before, after, moment, login, allowed) in cases {
            let now = Attributes::from_list([Attribute::boolean(kind, before)]);
            let template = Template::of([Attribute::boolean(kind, after)]);
            let object = if kind == a::TRUSTED { Kind::Secret } else { Kind::RsaPrivate };
            let outcome = apply_to(&template, &now, object, moment, login).map(|a| a.flag(kind));
            let expected = if allowed { Ok(after) } else { Err(ErrorCode::AttributeReadOnly) };
            assert_eq!(
                outcome.map_err(|error| error.code()),
                expected,
                "{kind:#x} {before} {moment:?}"
            );
        }
    }

    #[test]
    fn what_a_kind_of_object_does_not_have_is_not_set_on_it() {
        let template = Template::of([Attribute::boolean(a::SIGN, true)]);
        let now = Attributes::default();
        let outcome = apply_to(&template, &now, Kind::Certificate, Moment::Change, Login::User);
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::AttributeType);
        let material = Template { secret: vec![(a::VALUE, 16)], ..Template::of([]) };
        let outcome = apply_to(&material, &now, Kind::Aes, Moment::Copy, Login::User);
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::AttributeReadOnly);
    }
}
