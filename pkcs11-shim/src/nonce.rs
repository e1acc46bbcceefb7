//! Nonces of messages: given by the caller, or made here (`CKG_GENERATE` and its forms, PKCS#11 3.1 section 6.13.3).
//!
//! What counts counts in one counter of the whole process, so that no nonce comes twice, whatever the key, the session
//! and the fixed part. Its start is random, so that two processes with one key and one fixed part hardly ever meet: if
//! each makes 2³¹ nonces in 64 bits, with a probability of 2⁻³². Fewer bits are refused. The standard's counters begin
//! at 0; only that of `CKG_GENERATE_COUNTER_XOR` does so here, with keys that no other process can have.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::error::Error;
use crate::ffi::random;
use crate::module::lock;

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

/// What a key consists of, if nobody but this process has it: copies of a session key have the same. The numbers rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnMaterial {
    /// The application as which the process knows the daemon.
    pub(crate) application: u32,
    /// The number that the daemon gave the material, not 0.
    pub(crate) number: u64,
}

/// The nonces of one process, from its first C_Initialize to its end; a forked child has others.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<State>);

#[derive(Default)]
struct State {
    /// The next number of the counter, once it has begun.
    counter: Option<u128>,
    /// Where `CKG_GENERATE_COUNTER_XOR` is with a key.
    series: BTreeMap<OwnMaterial, Series>,
    /// The newest key of which it is forgotten.
    forgotten: Option<OwnMaterial>,
}

/// A first nonce and how often it was combined.
struct Series {
    base: Vec<u8>,
    used: u64,
}

/// Fewest bits that are made.
const FEWEST: usize = 64;
/// Fewest random bits: 2³² messages collide with a probability of 2⁻³³ (SP 800-38D section 8.3).
const FEWEST_RANDOM: usize = 96;
/// Most keys of which a series is remembered.
const MOST_SERIES: usize = 1 << 14;

impl Nonces {
    /// The nonce of the next message under a key.
    ///
    /// # Errors
    ///
    /// [`Error::MechanismParamInvalid`] where too few bits are free, and for a series with a key of which other
    /// processes may have one, with another first nonce than it began with, or that was forgotten.
    pub(crate) fn next(
        &self,
        given: &[u8],
        generator: Generator,
        own: Option<OwnMaterial>,
    ) -> Result<Vec<u8>, Error> {
        match generator {
            Generator::Given => Ok(given.to_vec()),
            Generator::Random { fixed } if free(given, fixed)? >= FEWEST_RANDOM => {
                let mut nonce = vec![0; given.len()];
                random::bytes(&mut nonce)?;
                keep_fixed(&mut nonce, given, fixed);
                Ok(nonce)
            }
            // A short random part would repeat itself; what counts does not.
            Generator::Random { fixed } | Generator::Counter { fixed } => {
                let free = free(given, fixed)?;
                let number = lock(&self.0).count()?.to_be_bytes();
                Ok(with_low_bits(given, &number, free))
            }
            Generator::Xor { fixed } => {
                free(given, fixed)?;
                let own = own.ok_or(Error::MechanismParamInvalid)?;
                lock(&self.0).combine(given, own)
            }
        }
    }
}

impl State {
    /// The next number; its low 64 bits are not those of another, before or after.
    fn count(&mut self) -> Result<u128, Error> {
        let number = if let Some(number) = self.counter {
            number
        } else {
            let mut start = [0; 16];
            random::bytes(&mut start)?;
            u128::from_be_bytes(start)
        };
        self.counter = Some(number.wrapping_add(1));
        Ok(number)
    }

    /// The next nonce of the series of a key, which begins with `given`.
    fn combine(&mut self, given: &[u8], own: OwnMaterial) -> Result<Vec<u8>, Error> {
        if !self.series.contains_key(&own) {
            if self.forgotten.is_some_and(|forgotten| own <= forgotten) {
                return Err(Error::MechanismParamInvalid);
            }
            if self.series.len() >= MOST_SERIES
                && let Some((oldest, _)) = self.series.pop_first()
            {
                self.forgotten = self.forgotten.max(Some(oldest));
            }
        }
        let first = || Series { base: given.to_vec(), used: 0 };
        let series = self.series.entry(own).or_insert_with(first);
        series.next(given).ok_or(Error::MechanismParamInvalid)
    }
}

impl Series {
    /// The first nonce combined with the next number; `given` is the first, or one that was made of it, as it was
    /// written back.
    fn next(&mut self, given: &[u8]) -> Option<Vec<u8>> {
        let given = given.strip_prefix(self.high())?.try_into().ok()?;
        let first = u64::from_be_bytes(self.low());
        let before = u64::from_be_bytes(given) ^ first;
        if before != 0 && before >= self.used {
            return None;
        }
        let low = (first ^ self.used).to_be_bytes();
        self.used = self.used.checked_add(1)?;
        Some([self.high(), &low].concat())
    }

    /// The bytes that no number reaches.
    fn high(&self) -> &[u8] {
        self.base.split_last_chunk::<8>().map_or(&[], |(high, _)| high)
    }

    /// The bytes with which numbers are combined.
    fn low(&self) -> [u8; 8] {
        self.base.last_chunk().copied().unwrap_or_default()
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

/// `given` with its last bits, as many as are free and are there, from `number`.
fn with_low_bits(given: &[u8], number: &[u8; 16], free: usize) -> Vec<u8> {
    let mut nonce = given.to_vec();
    for (byte, number) in nonce.iter_mut().rev().zip(number.iter().rev()) {
        *byte = *number;
    }
    keep_fixed(&mut nonce, given, 8 * given.len() - free);
    nonce
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    const REFUSED: Result<Vec<u8>, Error> = Err(Error::MechanismParamInvalid);

    const fn own(number: u64) -> OwnMaterial {
        OwnMaterial { application: 1, number }
    }

    #[test]
    fn fixed_bits_stay_and_the_rest_never_comes_twice() {
        let nonces = Nonces::default();
        let mut seen = HashSet::new();
        let mut low = HashSet::new();
        // The more is fixed, the fewer are the bits in which they may differ: 64 at least.
        for fixed in [0, 1, 4, 7, 8, 31, 32] {
            for generator in [Generator::Counter { fixed }, Generator::Random { fixed }] {
                for _ in 0..100 {
                    let given = [0xa5; 12];
                    let nonce = nonces.next(&given, generator, None).unwrap();
                    let bit = |bytes: &[u8], at: usize| bytes[at / 8] << (at % 8) & 0x80;
                    assert!((0..fixed).all(|at| bit(&nonce, at) == bit(&given, at)));
                    assert!(low.insert(nonce[4..].to_vec()), "{generator:?}");
                    assert!(seen.insert(nonce));
                }
            }
        }
        let random = || nonces.next(&[0xaa; 16], Generator::Random { fixed: 32 }, None).unwrap();
        assert_ne!(random()[4..8], random()[4..8]);
    }

    #[test]
    fn one_counter_serves_every_key_fixed_part_and_thread() {
        let nonces = Nonces::default();
        let next = |fixed_part: u8| {
            let given = [fixed_part; 12];
            nonces.next(&given, Generator::Counter { fixed: 32 }, None).unwrap()[4..].to_vec()
        };
        let made: Vec<Vec<u8>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|part| scope.spawn(move || (0..500).map(|_| next(part)).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let numbers: Vec<u64> =
            made.iter().map(|low| u64::from_be_bytes(low[..].try_into().unwrap())).collect();
        let first =
            numbers.iter().copied().reduce(|a, b| if b.wrapping_sub(a) > 1 << 63 { b } else { a });
        let offsets: HashSet<u64> =
            numbers.iter().map(|number| number.wrapping_sub(first.unwrap())).collect();
        assert_eq!(offsets, (0..2000).collect());
    }

    #[test]
    fn two_processes_begin_elsewhere() {
        let next = |nonces: &Nonces| {
            let nonce = nonces.next(&[0; 12], Generator::Counter { fixed: 32 }, None).unwrap();
            u64::from_be_bytes(nonce[4..].try_into().unwrap())
        };
        let (one, other) = (next(&Nonces::default()), next(&Nonces::default()));
        assert!(one.abs_diff(other) > 1 << 20);
    }

    #[test]
    fn a_counter_goes_on_past_its_last_number() {
        let nonces = Nonces::default();
        lock(&nonces.0).counter = Some(u128::MAX - 1);
        let next = || nonces.next(&[7; 12], Generator::Counter { fixed: 16 }, None).unwrap();
        assert_eq!(next(), [7, 7, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254]);
        assert_eq!(next(), [7, 7, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(next(), [7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let long = nonces.next(&[7; 20], Generator::Counter { fixed: 0 }, None).unwrap();
        assert_eq!((&long[..4], &long[4..19], long[19]), (&[7; 4][..], &[0; 15][..], 1));
    }

    #[test]
    fn a_series_begins_with_the_first_nonce_and_goes_on_for_its_key() {
        let nonces = Nonces::default();
        let next = |base: &[u8], own| nonces.next(base, Generator::Xor { fixed: 0 }, own);
        let base = [0x55; 12];
        let after = |number: u8| [&base[..11], &[0x55 ^ number]].concat();
        assert_eq!(next(&base, Some(own(1))).unwrap(), base);
        assert_eq!(next(&base, Some(own(1))).unwrap(), after(1));
        // What was written back is given again.
        assert_eq!(next(&after(1), Some(own(1))).unwrap(), after(2));
        assert_eq!(next(&base, Some(own(1))).unwrap(), after(3));
        assert_eq!(next(&base, Some(own(2))).unwrap(), base);
        let elsewhere = Some(OwnMaterial { application: 2, number: 1 });
        assert_eq!(next(&base, elsewhere).unwrap(), base);
        // Another first nonce may meet this series.
        for other in [&after(5)[..], &[0x55; 11], &[0x55; 13], &[0x54; 12]] {
            assert_eq!(next(other, Some(own(1))), REFUSED, "{other:?}");
        }
        assert_eq!(next(&base, Some(own(1))).unwrap(), after(4));
        assert_eq!(next(&base, None), REFUSED);
    }

    #[test]
    fn a_series_that_was_forgotten_does_not_begin_again() {
        let nonces = Nonces::default();
        let next = |number| nonces.next(&[0; 12], Generator::Xor { fixed: 0 }, Some(own(number)));
        let most = u64::try_from(MOST_SERIES).unwrap();
        for number in 2..=most + 2 {
            next(number).unwrap();
        }
        assert_eq!(lock(&nonces.0).series.len(), MOST_SERIES);
        assert_eq!(next(2), REFUSED);
        assert_eq!(next(1), REFUSED);
        assert_eq!(next(3).unwrap()[11], 1);
        assert_eq!(next(most + 3).unwrap(), [0; 12]);
        assert_eq!(next(3), REFUSED);
        assert_eq!(next(most + 2).unwrap()[11], 1);
    }

    #[test]
    fn too_few_bits_are_not_made() {
        for fixed in [33, 88, 96, 97, usize::MAX] {
            for generator in [
                Generator::Random { fixed },
                Generator::Counter { fixed },
                Generator::Xor { fixed },
            ] {
                let nonces = Nonces::default();
                assert_eq!(
                    nonces.next(&[0; 12], generator, Some(own(1))),
                    REFUSED,
                    "{generator:?}"
                );
            }
        }
        for length in 0..8 {
            let given = vec![0; length];
            for generator in [Generator::Counter { fixed: 0 }, Generator::Xor { fixed: 0 }] {
                assert_eq!(Nonces::default().next(&given, generator, Some(own(1))), REFUSED);
            }
        }
        assert_eq!(Nonces::default().next(&[1; 3], Generator::Given, None).unwrap(), [1; 3]);
    }
}
