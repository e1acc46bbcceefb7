//! The encryption context: a JSON object of strings, brought into one form (RFC 8785) and authenticated.

use std::fmt;

use coffer_protocol::ErrorCode;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::Error;

/// Longest context text in bytes.
const MAX: usize = 1024;

/// What is authenticated with a ciphertext: empty for no context.
pub(super) fn canonical(context: Option<&String>) -> Result<Vec<u8>, Error> {
    let Some(text) = context else { return Ok(Vec::new()) };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = || Error::about(ErrorCode::InvalidValue, "EncryptionContext");
    if text.len() > MAX {
        return Err(wrong());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut pairs = json.deserialize_map(Pairs).map_err(|_| wrong())?;
    json.end().map_err(|_| wrong())?;
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    pairs.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
    let mut out = b"ctx\0{".to_vec();
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_string(&mut out, key);
        out.push(b':');
        push_string(&mut out, value);
    }
    out.push(b'}');
    Ok(out)
}

/// RFC 8785 section 3.2.2.2, which is how serde_json escapes too.
fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("strings are written to vectors");
}

/// Reads pairs of strings and refuses a key that comes twice.
struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs: Self::Value = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if pairs.iter().any(|pair| pair.0 == key) {
                return Err(A::Error::custom("a key comes twice"));
            }
            pairs.push((key, value));
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<u8>, ErrorCode> {
        canonical(Some(&text.to_owned())).map_err(|error| error.code())
    }

    #[test]
    fn nothing_and_an_empty_object_are_the_same() {
        assert_eq!(canonical(None).unwrap(), b"");
        assert_eq!(of(""), Ok(Vec::new()));
        assert_eq!(of(" { } "), Ok(Vec::new()));
    }

    #[test]
    fn the_order_of_keys_does_not_matter_but_their_case_does() {
        assert_eq!(of(r#"{"b":"2","a":"1"}"#), of(r#" {"a" : "1", "b":"2"}"#));
        assert_eq!(of(r#"{"b":"2","a":"1"}"#), Ok(b"ctx\0{\"a\":\"1\",\"b\":\"2\"}".to_vec()));
        assert_ne!(of(r#"{"A":"1"}"#), of(r#"{"a":"1"}"#));
        assert_eq!(of(r#"{"a":"\u0031"}"#), of(r#"{"a":"1"}"#));
    }

    #[test]
    fn keys_are_sorted_by_their_utf_16_units() {
        // U+1F600 sorts before U+FB33 by its surrogates, and after it by code point (RFC 8785 section 3.2.3).
        let text = of("{\"\u{fb33}\":\"1\",\"\u{1f600}\":\"2\"}").unwrap();
        assert_eq!(text, "ctx\0{\"\u{1f600}\":\"2\",\"\u{fb33}\":\"1\"}".as_bytes());
    }

    #[test]
    fn what_is_no_object_of_strings_is_refused() {
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX));
        for text in
            ["{", "[]", "1", r#"{"a":1}"#, r#"{"a":{}}"#, r#"{"a":"1","a":"2"}"#, "{}x", &long]
        {
            assert_eq!(of(text), Err(ErrorCode::InvalidValue), "{text}");
        }
    }
}
