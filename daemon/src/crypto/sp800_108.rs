//! Key derivation of SP 800-108 in counter, feedback and double-pipeline mode, with HMAC or AES-CMAC.

use coffer_protocol::mechanism::{Kdf, KdfMode, KdfSegment, NumberFormat, Prf};
use zeroize::Zeroizing;

use super::aes::{BLOCK, Cmac};
use super::derive::Base;
use super::{Error, Key, hmac};

/// Derives keys of these lengths in bytes, one behind the other: no two have bytes of one output of the pseudorandom
/// function (PKCS#11 3.1 section 6.42.8). `others` are the values of the keys in the input, in its order.
///
/// # Errors
///
/// [`Error::DataLength`] where the counter does not reach that far, [`Error::Parameter`] where the length does not
/// fit its number, [`Error::Mechanism`] for AES-CMAC with another key than AES.
pub(super) fn derive(
    mode: KdfMode,
    kdf: &Kdf,
    base: Base<'_>,
    others: &[&[u8]],
    lengths: &[usize],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let block = match kdf.prf {
        Prf::Hmac(hash) => hash.len(),
        Prf::AesCmac => BLOCK,
    };
    let length = lengths.iter().sum();
    let blocks = lengths.iter().map(|length| length.div_ceil(block)).sum();
    let input = Input { segments: &kdf.segments, others, length, blocks, block };
    let mut feedback = match mode {
        KdfMode::Counter => Zeroizing::default(),
        KdfMode::Feedback => Zeroizing::new(kdf.iv.clone()),
        // A(0) is what stays the same in every iteration (section 4.3).
        KdfMode::DoublePipeline => input.fixed()?,
    };
    let mut output = Zeroizing::new(Vec::with_capacity(length));
    let mut counter = 0;
    for length in lengths {
        let mut left = *length;
        while left > 0 {
            counter += 1;
            if mode == KdfMode::DoublePipeline {
                feedback = prf(kdf.prf, base, &feedback)?;
            }
            let next = prf(kdf.prf, base, &input.of(counter, &feedback)?)?;
            let used = left.min(next.len());
            output.extend_from_slice(&next[..used]);
            left -= used;
            if mode == KdfMode::Feedback {
                feedback = next;
            }
        }
    }
    Ok(output)
}

/// What the pseudorandom function is asked.
struct Input<'k> {
    segments: &'k [KdfSegment],
    /// The values of the keys among them.
    others: &'k [&'k [u8]],
    /// Bytes of all keys together.
    length: usize,
    /// How often the function is asked.
    blocks: usize,
    /// Bytes that it gives each time.
    block: usize,
}

impl Input<'_> {
    /// The input of an iteration.
    fn of(&self, counter: u64, feedback: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.capacity(feedback.len())));
        let mut others = self.others.iter();
        for segment in self.segments {
            match segment {
                KdfSegment::Feedback => bytes.extend_from_slice(feedback),
                KdfSegment::Counter(format) => {
                    number(*format, counter, &mut bytes).map_err(|()| Error::DataLength)?;
                }
                other => self.constant(other, &mut others, &mut bytes)?,
            }
        }
        Ok(bytes)
    }

    /// What of it is the same in every iteration.
    fn fixed(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.capacity(0)));
        let mut others = self.others.iter();
        for segment in self.segments {
            self.constant(segment, &mut others, &mut bytes)?;
        }
        Ok(bytes)
    }

    fn constant(
        &self,
        segment: &KdfSegment,
        others: &mut std::slice::Iter<'_, &[u8]>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match segment {
            KdfSegment::Key(_) => {
                bytes.extend_from_slice(others.next().ok_or(Error::Parameter)?);
                Ok(())
            }
            KdfSegment::Feedback | KdfSegment::Counter(_) => Ok(()),
            KdfSegment::Bytes(given) => {
                bytes.extend_from_slice(given);
                Ok(())
            }
            KdfSegment::KeysLength(format) => {
                number(*format, 8 * self.length as u64, bytes).map_err(|()| Error::Parameter)
            }
            KdfSegment::OutputsLength(format) => {
                let outputs = (self.blocks * self.block) as u64;
                number(*format, 8 * outputs, bytes).map_err(|()| Error::Parameter)
            }
        }
    }

    /// No less than the input of an iteration has, so that the buffer does not move.
    fn capacity(&self, feedback: usize) -> usize {
        let of = |segment: &KdfSegment| match segment {
            KdfSegment::Feedback => feedback,
            KdfSegment::Bytes(bytes) => bytes.len(),
            KdfSegment::Counter(_) | KdfSegment::KeysLength(_) | KdfSegment::OutputsLength(_) => 8,
            KdfSegment::Key(_) => 0,
        };
        let others: usize = self.others.iter().map(|other| other.len()).sum();
        self.segments.iter().map(of).sum::<usize>() + others
    }
}

/// Appends a number of a fixed width, or fails where it has more bytes.
fn number(format: NumberFormat, value: u64, bytes: &mut Vec<u8>) -> Result<(), ()> {
    let all = value.to_be_bytes();
    let (zeros, digits) = all.split_at_checked(8_usize.wrapping_sub(format.bytes)).ok_or(())?;
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(());
    }
    if format.little_endian {
        bytes.extend(digits.iter().rev());
    } else {
        bytes.extend_from_slice(digits);
    }
    Ok(())
}

fn prf(prf: Prf, base: Base<'_>, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    match (prf, base.key) {
        (Prf::Hmac(hash), _) => hmac::mac(hash, base.value, input).map(Zeroizing::new),
        (Prf::AesCmac, Key::Aes(key)) => {
            let mut mac = Cmac::new(key);
            mac.update(input);
            Ok(Zeroizing::new(mac.finish()))
        }
        (Prf::AesCmac, _) => Err(Error::Mechanism),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_width_and_order_or_are_refused() {
        let of = |little_endian, bytes, value| {
            let mut out = Vec::new();
            number(NumberFormat { little_endian, bytes }, value, &mut out).map(|()| out)
        };
        assert_eq!(of(false, 2, 0x102), Ok(vec![1, 2]));
        assert_eq!(of(true, 3, 0x102), Ok(vec![2, 1, 0]));
        assert_eq!(of(false, 8, u64::MAX), Ok(vec![0xff; 8]));
        assert_eq!(of(false, 1, 255), Ok(vec![255]));
        assert_eq!(of(false, 1, 256), Err(()));
        assert_eq!(of(false, 9, 0), Err(()));
    }
}
