//! Plain bytes in the arena, owned: the storage of [`SecretBytes`](super::SecretBytes) and
//! [`Buffer`](super::Buffer). Not a way to secrets by itself.
use super::error::Error;
use super::{heap, sys};
use std::ptr::NonNull;

/// Good for any key schedule's alignment.
const ALIGN: usize = 16;

pub(super) struct Block {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: a block owns plain bytes; it may be freed from any thread.
unsafe impl Send for Block {}
// SAFETY: a shared block only gives `&[u8]`.
unsafe impl Sync for Block {}

impl Block {
    pub(super) fn zeroed(length: usize) -> Result<Block, Error> {
        let base = NonNull::new(heap::allocate(length, ALIGN)).ok_or(Error::Full)?;
        Ok(Block { base, length })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: a live block of this length that we own; arena memory is zeroed, so initialised.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.length) }
    }

    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.length) }
    }

    /// Zeroes a part so that the optimiser keeps it.
    pub(super) fn wipe(&mut self, range: std::ops::Range<usize>) {
        let part = &mut self.bytes_mut()[range];
        // SAFETY: the slice is ours alone.
        unsafe { sys::wipe(part.as_mut_ptr(), part.len()) };
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: made by `allocate`, not used again, and never written beyond its length.
        unsafe { heap::release(self.base.as_ptr(), self.length) };
    }
}
