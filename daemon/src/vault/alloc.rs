//! The scoped global allocator: inside `run` memory comes from the arena, elsewhere from the system.
use super::{heap, sys};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::copy_nonoverlapping;

/// The global allocator of every program that uses the vault.
///
/// Inside [`run`](fn@super::run) memory comes from the arena. Freeing and resizing go by address, so an
/// object may be freed anywhere, a secret object never grows out of the arena, and an ordinary one
/// that grows inside `run` moves into it.
///
/// A full arena ends the process with one line: the standard handler would allocate again, in the
/// same full arena, and can hang there. [`Config::reserve`](super::Config) keeps that from happening;
/// requests that may fail go through the handle types and [`load`](super::load).
pub struct VaultAlloc;

// SAFETY: memory comes from `heap::allocate`, which honours the layout or gives null (alignments
// above a page), or from `System`; `heap::contains` tells them apart for the whole life of a block;
// nothing here unwinds.
unsafe impl GlobalAlloc for VaultAlloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if heap::active() {
            return secret(layout.size(), layout.align());
        }
        // SAFETY: forwarded contract.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if heap::active() {
            return secret(layout.size(), layout.align()); // free arena memory is zero
        }
        // SAFETY: forwarded contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if heap::contains(block) {
            // SAFETY: forwarded contract; the owner had `layout.size()` bytes, and `shrink` wiped
            // what it may have had before.
            unsafe { heap::release(block, layout.size()) };
        } else {
            // SAFETY: forwarded contract; the block is not the arena's, so it is the system's.
            unsafe { System.dealloc(block, layout) };
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let secret_block = heap::contains(block);
        if !secret_block && !heap::active() {
            // SAFETY: forwarded contract.
            return unsafe { System.realloc(block, layout, size) };
        }
        if secret_block {
            let room = heap::usable(block);
            if size <= room && size > room / 2 {
                // SAFETY: `size` fits, and the bytes up to the old size are the owner's.
                unsafe { shrink(block, layout.size(), size) };
                return block;
            }
        }
        let moved = secret(size, layout.align());
        // SAFETY: two live, distinct blocks, each at least this long.
        unsafe { copy_nonoverlapping(block, moved, layout.size().min(size)) };
        // SAFETY: the old block is given up, with the layout it was made with.
        unsafe { self.dealloc(block, layout) };
        moved
    }
}

/// Wipes what a block loses when it is resized in place.
///
/// # Safety
/// The block has at least `old` and `new` bytes, which the caller owns.
unsafe fn shrink(block: *mut u8, old: usize, new: usize) {
    if new < old {
        // SAFETY: `new..old` lies in the block.
        unsafe { sys::wipe(block.wrapping_add(new), old - new) };
    }
}

/// A block of the arena, or the end of the process.
#[inline]
pub(super) fn secret(size: usize, align: usize) -> *mut u8 {
    let block = heap::allocate(size, align);
    if block.is_null() {
        exhausted();
    }
    block
}

#[cold]
#[inline(never)]
fn exhausted() -> ! {
    const LINE: &[u8] = b"coffer: secret memory exhausted\n";
    // SAFETY: writes constant bytes to an integer descriptor; a failure has no consequence.
    unsafe { libc::write(2, LINE.as_ptr().cast(), LINE.len()) };
    std::process::abort()
}
