//! Tags in place of secret values: equal values have equal tags within one log, and nobody without
//! the key can try values against a tag.

use crate::seal::{Label, RootKey, aead};
use crate::vault::{self, Depth, Inside, Public, Secret};
use serde_json::{Value, json};

/// Makes tags for one log; its key lives in the vault.
pub struct Tagger {
    key: Secret<32>,
}

/// What an event says of a secret value: `{"length": n, "hmac": "hex"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    length: usize,
    hmac: [u8; 32],
}

impl Tagger {
    pub(super) fn new(root: &RootKey, log: &[u8; 16]) -> Result<Self, vault::Error> {
        let key = vault::run(Depth::Small, |inside| {
            let base = root.derive(inside, Label::AuditTag)?;
            Secret::new(inside, *aead::derive(base.get(inside), "log", log))
        })??;
        Ok(Self { key })
    }

    /// The tag of a value that is at hand inside the vault.
    pub fn tag(&self, inside: &Inside<'_>, value: &[u8]) -> Public<Tag> {
        Public(Tag { length: value.len(), hmac: aead::mac(self.key.get(inside), &[value]) })
    }

    /// The tag of a value in ordinary memory.
    pub fn tag_public(&self, value: &[u8]) -> Result<Tag, vault::Error> {
        Ok(vault::run(Depth::Small, |inside| self.tag(inside, value))?.0)
    }
}

impl From<Tag> for Value {
    fn from(tag: Tag) -> Self {
        json!({ "length": tag.length, "hmac": hex::encode(tag.hmac) })
    }
}
