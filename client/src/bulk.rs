//! The large buffers of an application's process.

use coffer_protocol::bulk::Spare;
use zeroize::Zeroizing;

/// For two threads with large payloads.
static SPARE: Spare<2> = Spare::new();

/// A buffer of `length` zeros.
pub(crate) fn buffer(length: usize) -> Zeroizing<Vec<u8>> {
    let mut buffer = SPARE.buffer(length);
    buffer.resize(length, 0);
    buffer
}

/// Takes a reply's payload that is no longer needed, and wipes it.
pub fn give_back(payload: Zeroizing<Vec<u8>>) {
    SPARE.give_back(payload);
}
