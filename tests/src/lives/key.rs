//! What is known of one key.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Symmetric, generated here.
    Generated,
    /// Symmetric, imported.
    External,
    /// A pair on P-256, generated here.
    Pair,
}

/// What is known of one key. The daemon tells all but the last fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id; empty before it is known.
    pub id: String,
    /// Its alias.
    pub alias: String,
    /// Its description.
    pub description: String,
    /// Its state.
    pub state: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its rotation period.
    pub rotate_days: i64,
    /// Its newest version.
    pub version: i64,
    /// When its material expires.
    pub valid_to: i64,
    /// What it is made of.
    pub kind: Kind,
    /// Whether it has material.
    pub material: bool,
    /// The state that it has again with its material.
    pub earlier: String,
    /// Something encrypted under its first version.
    pub blob: Option<Value>,
}

impl Key {
    /// The same with what the daemon tells.
    ///
    /// # Panics
    ///
    /// Where it tells what no key is.
    #[must_use]
    pub fn as_told(&self, metadata: &Value, tags: &Value) -> Self {
        let text = |field: &str| metadata[field].as_str().expect("a text").to_owned();
        let number = |field: &str| metadata[field].as_i64().expect("a number");
        let tags = tags.as_array().expect("tags").iter().map(|tag| {
            let part = |field: &str| tag[field].as_str().expect("a text").to_owned();
            (part("TagKey"), part("TagValue"))
        });
        let state = text("KeyState");
        let doomed = state == "PendingDelete";
        assert_eq!(number("DeletionDate") != 0, doomed, "{metadata}");
        let rotates = number("NextRotateTime") != 0;
        assert_eq!(rotates, number("RotateDays") != 0, "{metadata}");
        let origin = if self.kind == Kind::External { "EXTERNAL" } else { "TENCENT_KMS" };
        assert_eq!(text("Origin"), origin);
        Self {
            id: text("KeyId"),
            alias: text("Alias"),
            description: text("Description"),
            state,
            tags: tags.collect(),
            rotate_days: number("RotateDays"),
            version: number("KeyVersion"),
            valid_to: number("ValidTo"),
            ..self.clone()
        }
    }
}
