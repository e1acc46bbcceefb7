//! Large buffers of payloads, used again: new memory of that size costs more than what is done with it, because the
//! kernel hands it out page by page.
//!
//! For what is no secret of the vault. A buffer is wiped before it waits, all the same.

use std::sync::Mutex;

use zeroize::{Zeroize, Zeroizing};

use crate::frame::MAX_PAYLOAD;

/// Smaller ones are made anew.
const LARGE: usize = 256 << 10;
/// A payload and what encryption adds; what is larger is not kept.
const LARGEST: usize = MAX_PAYLOAD as usize + (4 << 10);

/// Buffers of a process that wait to be used again, at most so many.
///
/// Nobody waits for them: who finds them in use, as in the child of a fork, makes a buffer.
#[derive(Debug)]
pub struct Spare<const MOST: usize>(Mutex<Vec<Vec<u8>>>);

impl<const MOST: usize> Spare<MOST> {
    /// None yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// An empty buffer with room for `capacity` bytes.
    pub fn buffer(&self, capacity: usize) -> Zeroizing<Vec<u8>> {
        if !(LARGE..=LARGEST).contains(&capacity) {
            return Zeroizing::new(Vec::with_capacity(capacity));
        }
        let spare = self.0.try_lock().ok().and_then(|mut spare| spare.pop());
        Zeroizing::new(spare.unwrap_or_else(|| Vec::with_capacity(LARGEST)))
    }

    /// Takes a buffer that is no longer needed, and wipes it.
    pub fn give_back(&self, mut buffer: Zeroizing<Vec<u8>>) {
        if buffer.capacity() < LARGEST || buffer.capacity() > 2 * LARGEST {
            return;
        }
        let mut buffer = std::mem::take(&mut *buffer);
        buffer.zeroize();
        if let Ok(mut spare) = self.0.try_lock()
            && spare.len() < MOST
        {
            spare.push(buffer);
        }
    }
}

impl<const MOST: usize> Default for Spare<MOST> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_comes_back_empty() {
        let spare = Spare::<2>::new();
        let mut first = spare.buffer(1 << 20);
        first.resize(1 << 20, 7);
        let place = first.as_ptr();
        first.truncate(10);
        spare.give_back(first);
        let again = spare.buffer(LARGE);
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), place);
        assert_ne!(spare.buffer(1 << 20).as_ptr(), place);
    }

    #[test]
    fn only_so_many_large_ones_are_kept() {
        let spare = Spare::<2>::new();
        spare.give_back(Zeroizing::new(Vec::with_capacity(100)));
        spare.give_back(Zeroizing::new(Vec::with_capacity(64 << 20)));
        assert_eq!(spare.0.lock().unwrap().len(), 0);
        for buffer in [(); 5].map(|()| spare.buffer(LARGEST)) {
            spare.give_back(buffer);
        }
        assert_eq!(spare.0.lock().unwrap().len(), 2);
        assert_eq!(spare.buffer(10).capacity(), 10);
    }
}
