//! Random choices that a test can repeat: it says their seed, and takes one from the environment.

use std::io::Write;

/// Names the environment variable that repeats a run.
const SEED: &str = "COFFER_TEST_SEED";

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose with.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Choices from a new seed, or from the one in `COFFER_TEST_SEED`; says which on standard error.
    ///
    /// # Panics
    ///
    /// Where the variable is no number, or the kernel gives no random numbers.
    pub fn new(name: &str) -> Self {
        let seed = match std::env::var(SEED) {
            Ok(text) => text.parse().expect("the seed is a number"),
            Err(_) => getrandom::u64().expect("random numbers"),
        };
        let mut terminal = std::io::stderr().lock();
        // Past the capture of the harness: a failure that cannot be repeated is half a failure.
        let _ = writeln!(terminal, "{name}: {SEED}={seed}");
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below a bound.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("bounds are small");
        usize::try_from(self.number() % bound).expect("it is below the bound")
    }

    /// One of several.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Choices of their own for somebody else.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }
}
