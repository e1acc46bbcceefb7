//! How people and programs name a key: by its id, by `alias/<name>`, or by the bare alias.

use std::fmt;

/// The name of a key as requests carry it.
///
/// ```
/// use coffer_client::KeyName;
///
/// assert_eq!(KeyName::new("app").as_str(), "alias/app");
/// assert_eq!(KeyName::new("alias/app").as_str(), "alias/app");
/// let id = "0190f0c4-8e2f-4d3a-9c1b-2a7d5e6f7081";
/// assert_eq!(KeyName::new(id).as_str(), id);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    /// The key of that id or alias.
    pub fn new(name: &str) -> Self {
        if name.starts_with("alias/") || is_uuid(name) {
            Self(name.to_owned())
        } else {
            Self(format!("alias/{name}"))
        }
    }

    /// The name in requests.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_field(&self) -> String {
        self.0.clone()
    }
}

impl From<&str> for KeyName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_resembles_an_id_is_an_alias() {
        let id = "0190f0c4-8e2f-4d3a-9c1b-2a7d5e6f7081";
        for name in [&id[1..], &id.replace('-', "_"), &id.replace('f', "g"), ""] {
            assert_eq!(KeyName::new(name).as_str(), format!("alias/{name}"));
        }
        assert_eq!(KeyName::new(&id.to_uppercase()).as_str(), id.to_uppercase());
    }
}
