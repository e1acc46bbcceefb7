//! Objects that only state something: what a certificate is trusted for, and the parameters of a group. Nothing
//! here computes with them; applications keep them beside their keys.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};

use super::rules::{self, Draft};
use crate::Error;

/// The last `CKT_` number, `CKT_TRUST_MUST_VERIFY_TRUST` (PKCS#11 3.2 section 4.13).
const LAST_TRUST: u64 = 4;
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

impl Draft {
    /// Checks the values of a trust object.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::AttributeValue`] for what is no `CKT_` number.
    pub(super) fn check_trust(&self) -> Result<(), Error> {
        for kind in TRUSTED_FOR {
            if self.attributes.number(kind).is_some_and(|trust| trust > LAST_TRUST) {
                return Err(rules::about(ErrorCode::AttributeValue, kind));
            }
        }
        Ok(())
    }

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
