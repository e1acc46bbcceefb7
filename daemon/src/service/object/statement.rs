//! Objects that only state something: what a certificate is trusted for, and the parameters of a group. Nothing
//! here computes with them; applications keep them beside their keys.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::Hash;

use super::rules::{self, Draft};
use crate::Error;
use crate::object::Attributes;

/// The last `CKT_` number, `CKT_TRUST_MUST_VERIFY_TRUST` (PKCS#11 3.2 section 4.7).
const LAST_TRUST: u64 = 4;
/// `CKT_TRUST_UNKNOWN` and `CKT_NOT_TRUSTED`.
const NOT_KNOWN: u64 = 0;
const DISTRUSTED: u64 = 3;
/// What a certificate may be trusted for.
const TRUSTED_FOR: [u64; 7] = [
    a::TRUST_SERVER_AUTH,
    a::TRUST_CLIENT_AUTH,
    a::TRUST_CODE_SIGNING,
    a::TRUST_EMAIL_PROTECTION,
    a::TRUST_IPSEC_IKE,
    a::TRUST_TIME_STAMPING,
    a::TRUST_OCSP_SIGNING,
];
/// `CKK_DSA`, `CKK_DH` and `CKK_X9_42_DH`.
const GROUPS: [u64; 3] = [1, 2, 4];
/// Longest prime in bytes.
const LONGEST_PRIME: usize = 16_384 / 8;

/// Checks the values of a trust object (PKCS#11 3.2 section 4.7).
///
/// # Errors
///
/// [`ErrorCode::AttributeValue`] for what is no `CKT_` number, and for a hash that is none;
/// [`ErrorCode::TemplateIncomplete`] where a certificate is trusted of which the hash is not known.
pub(super) fn check_trust(attributes: &Attributes) -> Result<(), Error> {
    let mut trusts = false;
    for kind in TRUSTED_FOR {
        match attributes.number(kind) {
            Some(trust) if trust > LAST_TRUST => {
                return Err(rules::about(ErrorCode::AttributeValue, kind));
            }
            Some(NOT_KNOWN | DISTRUSTED) | None => {}
            Some(_) => trusts = true,
        }
    }
    check_hash(attributes, &[a::HASH_OF_CERTIFICATE])?;
    let has_hash = attributes.get(a::HASH_OF_CERTIFICATE).is_some_and(|hash| !hash.is_empty());
    if trusts && !has_hash {
        return Err(rules::about(ErrorCode::TemplateIncomplete, a::HASH_OF_CERTIFICATE));
    }
    Ok(())
}

/// Checks values that `CKA_NAME_HASH_ALGORITHM` has computed; without it that is SHA-1.
///
/// # Errors
///
/// [`ErrorCode::AttributeValue`] for an algorithm that hashes nothing, and for a value of another length; an empty one
/// is none.
pub(super) fn check_hash(attributes: &Attributes, hashes: &[u64]) -> Result<(), Error> {
    let algorithm = match attributes.number(a::NAME_HASH_ALGORITHM) {
        None => Some(Hash::Sha1),
        Some(number) => Hash::from_ckm(number),
    };
    let wrong = |kind| rules::about(ErrorCode::AttributeValue, kind);
    let length = algorithm.ok_or_else(|| wrong(a::NAME_HASH_ALGORITHM))?.len();
    let is_right = |kind: &u64| {
        attributes.get(*kind).is_none_or(|hash| hash.is_empty() || hash.len() == length)
    };
    match hashes.iter().find(|kind| !is_right(kind)) {
        Some(kind) => Err(wrong(*kind)),
        None => Ok(()),
    }
}

impl Draft {
    /// Checks the parameters of a group (PKCS#11 3.2 section 4.10), and says how long they are.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::AttributeValue`] for an unknown type or a number that is empty or too long,
    /// [`ErrorCode::TemplateIncomplete`] where DSA has no subprime.
    pub(super) fn read_domain_parameters(&mut self) -> Result<(), Error> {
        let wrong = |kind| rules::about(ErrorCode::AttributeValue, kind);
        let group = self.attributes.number(a::KEY_TYPE);
        let group = group.filter(|group| GROUPS.contains(group));
        let group = group.ok_or_else(|| wrong(a::KEY_TYPE))?;
        for (kind, bits) in [
            (a::PRIME, Some(a::PRIME_BITS)),
            (a::SUBPRIME, Some(a::SUBPRIME_BITS)),
            (a::BASE, None),
        ] {
            let Some(value) = self.attributes.get(kind) else {
                // Only Diffie-Hellman as in PKCS #3 does without.
                if group == GROUPS[1] {
                    continue;
                }
                return Err(rules::about(ErrorCode::TemplateIncomplete, kind));
            };
            let length = bit_length(value);
            if length == 0 || value.len() > LONGEST_PRIME {
                return Err(wrong(kind));
            }
            if let Some(bits) = bits {
                self.attributes.set(Attribute::number(bits, length));
            }
        }
        Ok(())
    }
}

/// The length in bits of a big-endian number.
fn bit_length(number: &[u8]) -> u64 {
    let Some(first) = number.iter().position(|byte| *byte != 0) else { return 0 };
    (number.len() - first) as u64 * 8 - u64::from(number[first].leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_do_not_count() {
        assert_eq!(bit_length(&[0, 0, 1, 0]), 9);
        assert_eq!(bit_length(&[0x80; 128]), 1024);
        assert_eq!((bit_length(&[]), bit_length(&[0, 0])), (0, 0));
    }
}
