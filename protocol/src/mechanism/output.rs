//! How long the result of an operation can be, for length queries and buffers.

use std::ops::RangeInclusive;

use super::{Function, Hash, Mechanism, Parameter, Scheme};

const BLOCK: usize = 16;
/// What AES key wrap counts in (RFC 3394).
const SEMIBLOCK: usize = 8;

/// The rule a mechanism's output length follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLength {
    /// The result is a key, not bytes.
    Key,
    /// As long as the input.
    Same,
    /// Whole blocks; encryption adds 1 to 16 bytes.
    Padded,
    /// The input and a tag.
    Tagged,
    /// As long as the RSA modulus; decryption gives less.
    Modulus,
    /// Two integers as long as the order of the curve.
    TwiceOrder,
    /// As long as the scheme's digest.
    Digest,
    /// A block, or as long as the parameter says.
    Code,
    /// As long as the RSA modulus, and the input wrapped behind it.
    Enveloped,
    /// A point, and the input wrapped behind it.
    Agreed,
    /// Eight bytes more than the input, filled to eight; unwrapping gives less.
    Wrapped,
    /// [`ENVELOPE_OVERHEAD`] bytes more than the input.
    Envelope,
}

/// Bytes that an envelope is longer than its plaintext.
pub const ENVELOPE_OVERHEAD: usize = 70;
/// Most bytes of plaintext in an envelope.
pub const ENVELOPE_MAX: usize = 4096;

impl Mechanism {
    /// The greatest length of the whole result of `function` over `input` bytes.
    ///
    /// `key_bits` is the size of the RSA modulus or of the curve, and is not looked at elsewhere.
    /// The lengths are exact except for decryption that removes a padding.
    ///
    /// ```
    /// use coffer_protocol::mechanism::{ckm, find, Function, Parameter};
    ///
    /// let cbc = find(ckm::CKM_AES_CBC_PAD).unwrap();
    /// assert_eq!(cbc.max_output(Function::Encrypt, 16, 256, &Parameter::Iv([0; 16])), 32);
    /// ```
    #[must_use]
    pub fn max_output(
        &self,
        function: Function,
        input: usize,
        key_bits: usize,
        parameter: &Parameter,
    ) -> usize {
        match self.output {
            OutputLength::Key => 0,
            OutputLength::Padded if puts_in(function) => {
                (input / BLOCK).saturating_add(1).saturating_mul(BLOCK)
            }
            OutputLength::Same | OutputLength::Padded => input,
            OutputLength::Tagged if puts_in(function) => input.saturating_add(tag_len(parameter)),
            OutputLength::Tagged => input.saturating_sub(tag_len(parameter)),
            OutputLength::Modulus => {
                let modulus = key_bits.div_ceil(8);
                let overhead = match (function, self.scheme, parameter) {
                    (
                        Function::Decrypt | Function::Unwrap | Function::VerifyRecover,
                        Scheme::RsaPkcs1(_),
                        _,
                    ) => 11,
                    (Function::Decrypt | Function::Unwrap, _, Parameter::Oaep(oaep)) => {
                        2 * oaep.hash.len() + 2
                    }
                    _ => 0,
                };
                modulus.saturating_sub(overhead)
            }
            // On Edwards curves each half has room for a sign (RFC 8032 section 5.2.6).
            OutputLength::TwiceOrder if self.scheme == Scheme::EdDsa => 2 * (key_bits / 8 + 1),
            OutputLength::TwiceOrder => 2 * key_bits.div_ceil(8),
            OutputLength::Code => match parameter {
                Parameter::MacLength(length) => *length,
                Parameter::TlsMac(mac) => mac.length,
                _ => BLOCK,
            },
            OutputLength::Envelope if puts_in(function) => input.saturating_add(ENVELOPE_OVERHEAD),
            OutputLength::Envelope => input.saturating_sub(ENVELOPE_OVERHEAD),
            OutputLength::Wrapped if puts_in(function) => wrapped(input),
            OutputLength::Wrapped => input.saturating_sub(8),
            OutputLength::Enveloped if puts_in(function) => {
                wrapped(input).saturating_add(key_bits.div_ceil(8))
            }
            OutputLength::Enveloped => input.saturating_sub(key_bits.div_ceil(8) + 8),
            OutputLength::Agreed if puts_in(function) => {
                wrapped(input).saturating_add(point_len(key_bits))
            }
            OutputLength::Agreed => input.saturating_sub(point_len(key_bits) + 8),
            OutputLength::Digest => match parameter {
                Parameter::Truncation(truncation) => truncation.len(),
                _ => self.scheme.hash().map_or(0, Hash::len),
            },
        }
    }

    /// The lengths that a value can have of which this mechanism made `wrapped` bytes, known from outside; `None` where
    /// it never makes so many. `key_bits` is as in [`Self::max_output`].
    #[must_use]
    pub fn unwrapped_lengths(
        &self,
        wrapped: usize,
        key_bits: usize,
        parameter: &Parameter,
    ) -> Option<RangeInclusive<usize>> {
        let most = self.max_output(Function::Unwrap, wrapped, key_bits, parameter);
        let (front, is_padded) = match self.output {
            OutputLength::Padded => {
                let is_possible = wrapped != 0 && wrapped.is_multiple_of(BLOCK);
                return is_possible.then(|| wrapped - BLOCK..=wrapped - 1);
            }
            OutputLength::Tagged => return (wrapped >= tag_len(parameter)).then_some(most..=most),
            OutputLength::Modulus => return (wrapped == key_bits.div_ceil(8)).then_some(0..=most),
            OutputLength::Wrapped => (0, self.scheme != Scheme::AesKeyWrap),
            OutputLength::Enveloped => (key_bits.div_ceil(8), true),
            OutputLength::Agreed => (point_len(key_bits), true),
            OutputLength::Key
            | OutputLength::Same
            | OutputLength::TwiceOrder
            | OutputLength::Digest
            | OutputLength::Code
            | OutputLength::Envelope => return None,
        };
        let shortest = if is_padded { 2 * SEMIBLOCK } else { 3 * SEMIBLOCK };
        let rest = wrapped.checked_sub(front)?;
        let is_possible = rest >= shortest && rest.is_multiple_of(SEMIBLOCK);
        let padding = if is_padded { SEMIBLOCK - 1 } else { 0 };
        is_possible.then(|| most - padding..=most)
    }

    /// The exact length of what one more part of `input` bytes gives at once, when `held` bytes of
    /// earlier parts are still inside.
    #[must_use]
    pub fn update_output(&self, function: Function, held: usize, input: usize) -> usize {
        let total = held.saturating_add(input);
        if self.scheme.is_held(function) {
            return 0;
        }
        match (function, self.scheme) {
            (Function::Encrypt, Scheme::AesEcb | Scheme::AesCbc | Scheme::AesCbcPad)
            | (Function::Decrypt, Scheme::AesEcb | Scheme::AesCbc) => total - total % BLOCK,
            // The last block stays inside: it may be padding.
            (Function::Decrypt, Scheme::AesCbcPad) => total.saturating_sub(1) / BLOCK * BLOCK,
            (
                Function::Encrypt | Function::Decrypt,
                Scheme::AesCtr
                | Scheme::AesCfb8
                | Scheme::AesCfb128
                | Scheme::AesOfb
                | Scheme::ChaCha20,
            )
            | (Function::Encrypt, Scheme::AesGcm) => input,
            // Nothing is released before the tag is checked (decryption), or until the end.
            _ => 0,
        }
    }
}

/// Whether the function makes the longer of the two forms.
const fn puts_in(function: Function) -> bool {
    matches!(function, Function::Encrypt | Function::Wrap)
}

/// The length of `input` bytes after AES key wrap, with padding where they need it.
const fn wrapped(input: usize) -> usize {
    input.div_ceil(8).saturating_add(1).saturating_mul(8)
}

/// The length in bytes of a public point on a curve with a field of so many bits: both coordinates behind a byte, or the
/// one of X25519 and X448, whose fields are no other curve's.
#[must_use]
pub const fn point_len(key_bits: usize) -> usize {
    let coordinate = key_bits.div_ceil(8);
    if matches!(key_bits, 255 | 448) { coordinate } else { 1 + 2 * coordinate }
}

fn tag_len(parameter: &Parameter) -> usize {
    match parameter {
        Parameter::Gcm(gcm) => gcm.tag_len(),
        Parameter::Ccm(ccm) => ccm.tag_len as usize,
        _ => BLOCK,
    }
}
