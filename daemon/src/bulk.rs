//! Large buffers of a connection's thread, used again: new memory of that size costs more than what is done with it,
//! because the kernel hands it out page by page.
//!
//! For what is no secret of the vault. A buffer is wiped before it waits, all the same.

use std::cell::RefCell;

use coffer_protocol::frame::MAX_PAYLOAD;
use zeroize::{Zeroize, Zeroizing};

/// Smaller ones are made anew.
const LARGE: usize = 256 << 10;
/// A payload and what encryption adds; what is larger is not kept.
const LARGEST: usize = MAX_PAYLOAD as usize + (4 << 10);
/// One for what came in, one for what goes out.
const MOST: usize = 2;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for `capacity` bytes.
pub(crate) fn buffer(capacity: usize) -> Zeroizing<Vec<u8>> {
    if !(LARGE..=LARGEST).contains(&capacity) {
        return Zeroizing::new(Vec::with_capacity(capacity));
    }
    let spare = SPARE.with_borrow_mut(Vec::pop);
    Zeroizing::new(spare.unwrap_or_else(|| Vec::with_capacity(LARGEST)))
}

/// Takes a buffer that is no longer needed.
pub(crate) fn give_back(mut buffer: Zeroizing<Vec<u8>>) {
    if buffer.capacity() < LARGEST || buffer.capacity() > 2 * LARGEST {
        return;
    }
    let mut buffer = std::mem::take(&mut *buffer);
    buffer.zeroize();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MOST {
            spare.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_comes_back_empty() {
        let mut first = buffer(1 << 20);
        first.resize(1 << 20, 7);
        let place = first.as_ptr();
        first.truncate(10);
        give_back(first);
        let again = buffer(LARGE);
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), place);
        assert_ne!(buffer(1 << 20).as_ptr(), place);
    }

    #[test]
    fn small_and_too_large_ones_are_not_kept() {
        give_back(Zeroizing::new(Vec::with_capacity(100)));
        give_back(Zeroizing::new(Vec::with_capacity(64 << 20)));
        assert_eq!(SPARE.with_borrow(Vec::len), 0);
    }
}
