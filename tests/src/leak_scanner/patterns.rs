//! The byte strings that a scan searches for.

use aho_corasick::AhoCorasick;

use super::{aes, rsa};

/// The length of the windows searched in memory: 128 bits are not there by chance.
const MEMORY_WINDOW: usize = 16;
/// The length of the windows searched in registers, where a number stands limb by limb.
const REGISTER_WINDOW: usize = 8;
/// The distance between two windows of one pattern: a limb.
const STRIDE: usize = 8;

/// Byte strings with names.
pub type Named = Vec<(String, Vec<u8>)>;

/// What a scan searches for: named byte strings, cut into windows, in both byte orders.
pub struct Patterns {
    named: Named,
    memory: Windows,
    registers: Windows,
}

/// All windows of one length, ready to be searched at once.
struct Windows {
    searcher: AhoCorasick,
    /// Of each window, the pattern it was cut from.
    origin: Vec<usize>,
}

impl Patterns {
    /// Makes patterns of named byte strings.
    ///
    /// # Panics
    /// When a string is too short, or too regular, to be told from chance.
    pub fn new(named: Named) -> Self {
        let memory = Windows::cut(&named, MEMORY_WINDOW);
        let registers = Windows::cut(&named, REGISTER_WINDOW);
        Self { named, memory, registers }
    }

    /// Makes the pattern of one byte string: a PIN, a plaintext, any key without intermediates.
    pub fn bytes(name: &str, bytes: &[u8]) -> Self {
        Self::new(vec![(name.to_owned(), bytes.to_vec())])
    }

    /// Makes the patterns of an AES-256 key used with GCM: the key, the round keys of both
    /// directions, and the hash key in the forms and powers that implementations keep.
    pub fn aes256(key: &[u8; 32]) -> Self {
        Self::new(aes::patterns(key))
    }

    /// Makes the patterns of an RSA key: its private numbers, and what Montgomery arithmetic keeps
    /// of them.
    pub fn rsa(key: &::rsa::RsaPrivateKey) -> Self {
        Self::new(rsa::patterns(key))
    }

    /// Puts several sets into one.
    pub fn all(sets: impl IntoIterator<Item = Self>) -> Self {
        Self::new(sets.into_iter().flat_map(|set| set.named).collect())
    }

    /// Returns the names of the patterns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the patterns found in a piece of memory, with the offset of each.
    pub(super) fn in_memory<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (String, usize)> + 'a {
        self.find(&self.memory, bytes)
    }

    /// Returns the patterns found in a set of registers, with the offset of each.
    pub(super) fn in_registers<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (String, usize)> + 'a {
        self.find(&self.registers, bytes)
    }

    fn find<'a>(
        &'a self,
        windows: &'a Windows,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (String, usize)> + 'a {
        windows.searcher.find_overlapping_iter(bytes).map(|found| {
            let (name, _) = &self.named[windows.origin[found.pattern().as_usize()]];
            (name.clone(), found.start())
        })
    }
}

impl Windows {
    fn cut(named: &[(String, Vec<u8>)], length: usize) -> Self {
        let mut windows = Vec::new();
        let mut origin = Vec::new();
        for (index, (name, bytes)) in named.iter().enumerate() {
            let mut reversed = bytes.clone();
            reversed.reverse();
            let before = windows.len();
            for order in [bytes, &reversed] {
                let found = cut_one(order, length);
                origin.resize(origin.len() + found.len(), index);
                windows.extend(found);
            }
            assert!(windows.len() > before, "pattern {name} could be anywhere by chance");
        }
        let searcher = AhoCorasick::new(windows).expect("patterns are few and short");
        Self { searcher, origin }
    }
}

/// Cuts one string into windows at the stride, and one at its end.
fn cut_one(bytes: &[u8], length: usize) -> Vec<Vec<u8>> {
    let length = length.min(bytes.len());
    let last = bytes.len() - length;
    let mut starts: Vec<usize> = (0..=last).step_by(STRIDE).collect();
    if starts.last() != Some(&last) {
        starts.push(last);
    }
    let windows = starts.into_iter().map(|start| &bytes[start..start + length]);
    windows.filter(|window| is_irregular(window)).map(<[u8]>::to_vec).collect()
}

/// Tells whether a window has enough different bytes not to be met by chance: padding is none.
fn is_irregular(window: &[u8]) -> bool {
    let mut bytes = window.to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.len() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(length: u8) -> Vec<u8> {
        (1..=length).collect()
    }

    #[test]
    fn a_window_is_found_at_any_offset_and_in_both_orders() {
        let patterns = Patterns::bytes("key", &counting(32));
        let mut memory = vec![0; 100];
        memory[3..19].copy_from_slice(&counting(32)[8..24]);
        let mut reversed = counting(32)[16..32].to_vec();
        reversed.reverse();
        memory[50..66].copy_from_slice(&reversed);
        let found: Vec<_> = patterns.in_memory(&memory).collect();
        assert_eq!(found, [("key".to_owned(), 3), ("key".to_owned(), 50)]);
    }

    #[test]
    fn less_than_a_window_is_not_found_in_memory_but_in_registers() {
        let patterns = Patterns::bytes("key", &counting(32));
        let limb = &counting(32)[8..16];
        assert_eq!(patterns.in_memory(limb).count(), 0);
        assert_eq!(patterns.in_registers(limb).count(), 1);
    }

    #[test]
    fn the_end_of_a_pattern_of_odd_length_is_a_window() {
        let patterns = Patterns::bytes("key", &counting(33));
        assert_eq!(patterns.in_memory(&counting(33)[17..]).count(), 1);
    }

    #[test]
    fn padding_is_not_searched_for() {
        let mut padded = vec![0; 32];
        padded.extend(counting(32));
        let patterns = Patterns::bytes("number", &padded);
        assert_eq!(patterns.in_memory(&[0; 64]).count(), 0);
        assert_eq!(patterns.in_registers(&[0; 64]).count(), 0);
    }

    #[test]
    #[should_panic(expected = "pattern zeros could be anywhere")]
    fn a_pattern_that_could_be_anywhere_is_refused() {
        let _ = Patterns::bytes("zeros", &[0; 32]);
    }
}
