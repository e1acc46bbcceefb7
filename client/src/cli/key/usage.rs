//! Words on the command line for what keys are for, what they are, and where they are in their life.

use coffer_client::kms::Tag;
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage};

/// Short names of usages, beside those of the KMS API.
const USAGES: [(&str, KeyUsage); 14] = [
    ("encrypt", KeyUsage::EncryptDecrypt),
    ("decrypt-rsa", KeyUsage::DecryptRsa2048),
    ("decrypt-rsa-3072", KeyUsage::DecryptRsa3072),
    ("decrypt-rsa-4096", KeyUsage::DecryptRsa4096),
    ("decrypt-sm2", KeyUsage::DecryptSm2),
    ("sign-rsa", KeyUsage::SignRsa2048),
    ("sign-rsa-3072", KeyUsage::SignRsa3072),
    ("sign-rsa-4096", KeyUsage::SignRsa4096),
    ("sign-ecc", KeyUsage::SignEcc),
    ("sign-p384", KeyUsage::SignEcdsa384),
    ("sign-sm2", KeyUsage::SignSm2),
    ("mac", KeyUsage::Mac),
    ("agree", KeyUsage::KeyAgreement),
    ("pkcs11", KeyUsage::Application),
];

/// The usage of that name, short or as the KMS API has it.
pub(super) fn parse_usage(text: &str) -> Result<KeyUsage, String> {
    let found = USAGES.iter().find(|(name, usage)| {
        name.eq_ignore_ascii_case(text) || usage.name().eq_ignore_ascii_case(text)
    });
    found.map(|(_, usage)| *usage).ok_or_else(|| {
        let names: Vec<_> = USAGES.iter().map(|(name, _)| *name).collect();
        format!("one of {}, or a KeyUsage of `coffer call ListAlgorithms`", names.join(", "))
    })
}

/// The spec of that name.
pub(crate) fn parse_spec(text: &str) -> Result<KeySpec, String> {
    let found = KeySpec::ALL.iter().find(|spec| spec.name().eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let names: Vec<_> = KeySpec::ALL.iter().map(|spec| spec.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

/// The state of that name.
pub(super) fn parse_state(text: &str) -> Result<KeyState, String> {
    let found = KeyState::ALL.iter().find(|state| state.name().eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let names: Vec<_> = KeyState::ALL.iter().map(|state| state.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

/// A tag as KEY=VALUE.
pub(super) fn parse_tag(text: &str) -> Result<Tag, String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE")?;
    Ok(Tag { key: key.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usage_has_a_short_name_and_both_names_lead_to_it() {
        for &usage in KeyUsage::ALL {
            let (short, _) = USAGES.iter().find(|row| row.1 == usage).unwrap();
            assert_eq!(parse_usage(short), Ok(usage));
            assert_eq!(parse_usage(usage.name()), Ok(usage));
        }
        assert!(parse_usage("everything").unwrap_err().contains("sign-ecc"));
    }

    #[test]
    fn specs_and_states_are_found_by_their_names() {
        assert_eq!(parse_spec("sm4"), Ok(KeySpec::Sm4));
        assert_eq!(parse_state("pendingdelete"), Ok(KeyState::PendingDelete));
        assert!(parse_spec("DES").is_err() && parse_state("gone").is_err());
    }
}
