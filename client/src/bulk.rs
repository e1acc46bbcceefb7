//! One large buffer of the process, used again for the payloads of replies: new memory of that size costs more than
//! what is done with it, because the kernel hands it out page by page.

use std::sync::Mutex;

use coffer_protocol::frame::MAX_PAYLOAD;
use zeroize::{Zeroize, Zeroizing};

/// Smaller ones are made anew.
const LARGE: usize = 256 << 10;
/// A payload and what encryption adds.
const LARGEST: usize = MAX_PAYLOAD as usize + (4 << 10);

/// Nobody waits for it: who finds it in use, as in the child of a fork, makes a buffer.
static SPARE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// A buffer of `length` zeros.
pub(crate) fn buffer(length: usize) -> Zeroizing<Vec<u8>> {
    if !(LARGE..=LARGEST).contains(&length) {
        return Zeroizing::new(vec![0; length]);
    }
    let mut buffer =
        SPARE.try_lock().map(|mut spare| std::mem::take(&mut *spare)).unwrap_or_default();
    if buffer.capacity() < length {
        buffer = Vec::with_capacity(LARGEST);
    }
    buffer.resize(length, 0);
    Zeroizing::new(buffer)
}

/// Takes a reply's payload that is no longer needed, and wipes it.
pub fn give_back(mut payload: Zeroizing<Vec<u8>>) {
    if payload.capacity() < LARGEST || payload.capacity() > 2 * LARGEST {
        return;
    }
    let mut buffer = std::mem::take(&mut *payload);
    buffer.zeroize();
    if let Ok(mut spare) = SPARE.try_lock() {
        *spare = buffer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_comes_back_as_zeros() {
        let mut first = buffer(LARGEST);
        first.fill(7);
        let place = first.as_ptr();
        first.truncate(5);
        give_back(first);
        let again = buffer(LARGE);
        assert_eq!(again.as_ptr(), place);
        assert!(again.len() == LARGE && again.iter().all(|byte| *byte == 0));
        assert_eq!(buffer(10).capacity(), 10);
    }
}
