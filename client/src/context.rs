//! The encryption context: public facts that a ciphertext is bound to.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Pairs of text that decryption needs again. They are not secret: the audit log has them in clear.
///
/// ```
/// use coffer_client::Context;
///
/// let context = Context::from([("tenant", "7"), ("purpose", "backup")]);
/// assert_eq!(context.to_json().as_deref(), Some(r#"{"purpose":"backup","tenant":"7"}"#));
/// assert_eq!(Context::default().to_json(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, String>);

impl Context {
    /// Adds a pair; returns the value that the key had before.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) -> Option<String> {
        self.0.insert(key.into(), value.into())
    }

    /// The JSON text that requests carry; an empty context is none.
    pub fn to_json(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut json = String::from("{");
        for (key, value) in &self.0 {
            if json.len() > 1 {
                json.push(',');
            }
            quote(&mut json, key);
            json.push(':');
            quote(&mut json, value);
        }
        json.push('}');
        Some(json)
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Context {
    fn from(pairs: [(K, V); N]) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// A JSON string (RFC 8259 section 7).
fn quote(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1f' => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_json_demands() {
        let context = Context::from([("a\"\\\n", "ü\u{7f}")]);
        assert_eq!(context.to_json().unwrap(), "{\"a\\\"\\\\\\u000a\":\"ü\u{7f}\"}");
    }
}
