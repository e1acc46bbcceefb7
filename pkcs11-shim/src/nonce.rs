//! Nonces of messages: given by the caller, or made here (`CKG_GENERATE` and its forms, PKCS#11 3.1 section 6.13.3).
//!
//! A counter begins at a random number in the bits that are left to it, so that two processes with the same fixed
//! part hardly ever meet, and it ends when it has come round.

use crate::error::Error;
use crate::ffi::random;

/// How the nonce of a message comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generator {
    /// The caller made it.
    Given,
    /// The bits after the fixed ones are random.
    Random {
        /// How many leading bits stay as they were given.
        fixed: usize,
    },
    /// The bits after the fixed ones count.
    Counter {
        /// How many leading bits stay as they were given.
        fixed: usize,
    },
    /// The first nonce is combined with a counter from 0 (as TLS 1.3 does).
    Xor {
        /// How many leading bits stay as they were given.
        fixed: usize,
    },
}

/// The nonces of one process.
#[derive(Default)]
pub(crate) struct Nonces {
    /// One for each fixed part, so that who goes back to one does not count from the start again.
    counters: Vec<Counter>,
}

/// A counter with the nonce and the generator that it began with.
struct Counter {
    generator: Generator,
    base: Vec<u8>,
    start: u64,
    used: u64,
}

/// Most bits that count; more are not counted through.
const COUNTED: usize = 64;
/// Most fixed parts that one process counts behind.
const MOST_COUNTERS: usize = 1024;
/// Fewest bits that are made; fewer repeat themselves at once.
const FEWEST: usize = 8;
/// Fewest random bits: 2³² messages collide with a probability of 2⁻³² (SP 800-38D section 8.3).
const FEWEST_RANDOM: usize = 96;

impl Nonces {
    /// The nonce of the next message.
    pub(crate) fn next(&mut self, given: &[u8], generator: Generator) -> Result<Vec<u8>, Error> {
        match generator {
            Generator::Given => Ok(given.to_vec()),
            Generator::Random { fixed } => {
                if free(given, fixed)? < FEWEST_RANDOM {
                    // A short random part would repeat itself; what counts does not.
                    return self.next(given, Generator::Counter { fixed });
                }
                let mut nonce = vec![0; given.len()];
                random::bytes(&mut nonce)?;
                keep_fixed(&mut nonce, given, fixed);
                Ok(nonce)
            }
            Generator::Counter { fixed } | Generator::Xor { fixed } => {
                let bits = free(given, fixed)?;
                self.count(given, generator, fixed, bits.min(COUNTED))
            }
        }
    }

    fn count(
        &mut self,
        given: &[u8],
        generator: Generator,
        fixed: usize,
        bits: usize,
    ) -> Result<Vec<u8>, Error> {
        let is_same = |counter: &Counter| {
            let mut own = counter.base.clone();
            keep_fixed(&mut own, given, fixed);
            counter.generator == generator && own == counter.base
        };
        let at = match self.counters.iter().position(is_same) {
            Some(at) => at,
            None if self.counters.len() >= MOST_COUNTERS => {
                return Err(Error::MechanismParamInvalid);
            }
            None => {
                self.counters.push(Counter::new(given, generator)?);
                self.counters.len() - 1
            }
        };
        let counter = &mut self.counters[at];
        let last = u64::MAX >> (COUNTED - bits);
        if counter.used > last || counter.used == u64::MAX {
            return Err(Error::MechanismParamInvalid);
        }
        let number = counter.start.wrapping_add(counter.used) & last;
        counter.used += 1;
        let mut nonce = counter.base.clone();
        let low = number.to_be_bytes();
        let mask = last.to_be_bytes();
        for ((byte, low), mask) in
            nonce.iter_mut().rev().zip(low.iter().rev()).zip(mask.iter().rev())
        {
            *byte = match generator {
                Generator::Xor { .. } => *byte ^ low,
                _ => (*byte & !mask) | low,
            };
        }
        Ok(nonce)
    }
}

impl Counter {
    fn new(given: &[u8], generator: Generator) -> Result<Self, Error> {
        let mut start = [0; 8];
        if matches!(generator, Generator::Counter { .. }) {
            random::bytes(&mut start)?;
        }
        let start = u64::from_be_bytes(start);
        Ok(Self { generator, base: given.to_vec(), start, used: 0 })
    }
}

/// How many bits are made, which must be enough of them.
fn free(given: &[u8], fixed: usize) -> Result<usize, Error> {
    let free = (8 * given.len()).checked_sub(fixed).filter(|bits| *bits >= FEWEST);
    free.ok_or(Error::MechanismParamInvalid)
}

/// Puts the leading `fixed` bits of `given` into `nonce`.
fn keep_fixed(nonce: &mut [u8], given: &[u8], fixed: usize) {
    for (at, (byte, given)) in nonce.iter_mut().zip(given).enumerate() {
        let kept = fixed.saturating_sub(8 * at).min(8);
        let mask = u8::try_from(0xff00_u32 >> kept & 0xff).unwrap_or(0);
        *byte = (*given & mask) | (*byte & !mask);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn fixed_bits_stay_and_the_rest_does_not_repeat() {
        let given = [0xaa; 12];
        for generator in [Generator::Counter { fixed: 36 }, Generator::Random { fixed: 36 }] {
            let mut nonces = Nonces::default();
            let mut seen = HashSet::new();
            for _ in 0..1000 {
                let nonce = nonces.next(&given, generator).unwrap();
                assert_eq!(nonce[..4], given[..4]);
                assert_eq!(nonce[4] & 0xf0, 0xa0);
                assert!(seen.insert(nonce), "{generator:?}");
            }
        }
        let mut nonces = Nonces::default();
        let random = |nonces: &mut Nonces| nonces.next(&given, Generator::Random { fixed: 0 });
        assert_ne!(random(&mut nonces).unwrap(), random(&mut nonces).unwrap());
    }

    #[test]
    fn a_counter_ends_when_it_has_come_round() {
        let mut nonces = Nonces::default();
        let generator = Generator::Counter { fixed: 88 };
        let mut given = vec![7; 12];
        let mut seen = HashSet::new();
        for _ in 0..256 {
            // What was written back is given again.
            given = nonces.next(&given, generator).unwrap();
            assert!(seen.insert(given.clone()));
        }
        assert_eq!(nonces.next(&given, generator), Err(Error::MechanismParamInvalid));
    }

    #[test]
    fn a_counter_that_is_combined_begins_with_the_first_nonce() {
        let mut nonces = Nonces::default();
        let generator = Generator::Xor { fixed: 0 };
        let base = [0x55; 12];
        assert_eq!(nonces.next(&base, generator).unwrap(), base);
        let second = nonces.next(&base, generator).unwrap();
        assert_eq!((&second[..11], second[11]), (&base[..11], 0x54));
    }

    #[test]
    fn bits_that_are_not_there_are_not_fixed() {
        for fixed in [89, 96, 97, usize::MAX] {
            for generator in [Generator::Random { fixed }, Generator::Counter { fixed }] {
                let refused = Nonces::default().next(&[0; 12], generator);
                assert_eq!(refused, Err(Error::MechanismParamInvalid), "{generator:?}");
            }
        }
        let empty = Nonces::default().next(&[], Generator::Random { fixed: 0 });
        assert_eq!(empty, Err(Error::MechanismParamInvalid));
    }
}
