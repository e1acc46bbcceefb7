//! New CMKs.

use coffer_protocol::key::{KeySpec, KeyUsage, Origin};
pub use coffer_protocol::operation::kms::CreatedKey;
use coffer_protocol::operation::kms::{CreateKey, Tag};

use super::call::{NONE, calls};

/// A CMK to be made.
///
/// ```
/// use coffer_client::kms::NewKey;
/// use coffer_protocol::key::{KeySpec, KeyUsage};
///
/// let key = NewKey::new("app").spec(KeySpec::Sm4).tag("team", "billing").rotate_every(90);
/// assert_eq!((key.usage, key.spec), (KeyUsage::EncryptDecrypt, Some(KeySpec::Sm4)));
/// ```
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its unique name: 1 to 60 letters, digits, `_` or `-`.
    pub alias: String,
    /// What it is for.
    pub usage: KeyUsage,
    /// What its material is, where the usage leaves a choice.
    pub spec: Option<KeySpec>,
    /// Up to 1,024 bytes.
    pub description: Option<String>,
    /// Labels for grouping, at most 10.
    pub tags: Vec<Tag>,
    /// Where its material comes from.
    pub origin: Origin,
    /// 1 to 64 bytes: the same request with the same token makes one key in 24 hours.
    pub client_token: Option<String>,
    /// Days after which it rotates by itself, 7 to 365.
    pub rotate_days: Option<u32>,
}

impl NewKey {
    /// An AES-256 key for encryption, with material made by the daemon.
    pub fn new(alias: impl Into<String>) -> Self {
        Self {
            alias: alias.into(),
            usage: KeyUsage::EncryptDecrypt,
            spec: None,
            description: None,
            tags: Vec::new(),
            origin: Origin::Generated,
            client_token: None,
            rotate_days: None,
        }
    }

    /// For that usage.
    #[must_use]
    pub fn usage(self, usage: KeyUsage) -> Self {
        Self { usage, ..self }
    }

    /// With material of that kind.
    #[must_use]
    pub fn spec(self, spec: KeySpec) -> Self {
        Self { spec: Some(spec), ..self }
    }

    /// With a description of up to 1,024 bytes.
    #[must_use]
    pub fn description(self, description: impl Into<String>) -> Self {
        Self { description: Some(description.into()), ..self }
    }

    /// With one more label.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push(Tag { key: key.into(), value: value.into() });
        self
    }

    /// Without material: it is `PendingImport` until [`super::Kms::import_key_material`].
    #[must_use]
    pub fn external(self) -> Self {
        Self { origin: Origin::External, ..self }
    }

    /// Made once for that token, however often it is asked for within 24 hours.
    #[must_use]
    pub fn client_token(self, token: impl Into<String>) -> Self {
        Self { client_token: Some(token.into()), ..self }
    }

    /// Rotating by itself after so many days, 7 to 365.
    #[must_use]
    pub fn rotate_every(self, days: u32) -> Self {
        Self { rotate_days: Some(days), ..self }
    }

    fn request(&self) -> CreateKey {
        CreateKey {
            alias: self.alias.clone(),
            description: self.description.clone(),
            key_usage: Some(self.usage.name().to_owned()),
            key_spec: self.spec.map(|spec| spec.name().to_owned()),
            key_type: match self.origin {
                Origin::Generated => None,
                Origin::External => Some(2),
            },
            tags: if self.tags.is_empty() { None } else { Some(self.tags.clone()) },
            hsm_cluster: None,
            client_token: self.client_token.clone(),
            rotate_days: self.rotate_days.map(i64::from),
        }
    }
}

calls! {
    /// Makes a CMK. It is `Enabled`, or `PendingImport` where its material is external.
    ///
    /// Refused with `InvalidAlias`, `AliasAlreadyExists`, `InvalidKeyUsage`, `CmkLimitExceeded`, or
    /// `ClientTokenReused` for a token that came with another request. Tags that cannot be set do not prevent the
    /// key: see `tag_code` of the reply.
    create_key(key: &NewKey) -> CreatedKey
        = CreateKey { ..key.request() }, NONE => |created, _| created,
        named if key.client_token.is_some();
}
