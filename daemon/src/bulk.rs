//! The daemon's large buffers: few, however many connections there are.

use coffer_protocol::bulk::Spare;
use zeroize::Zeroizing;

/// Two for each of four threads at work.
static SPARE: Spare<8> = Spare::new();

/// An empty buffer with room for `capacity` bytes.
pub(crate) fn buffer(capacity: usize) -> Zeroizing<Vec<u8>> {
    SPARE.buffer(capacity)
}

/// Takes a buffer that is no longer needed.
pub(crate) fn give_back(buffer: Zeroizing<Vec<u8>>) {
    SPARE.give_back(buffer);
}
