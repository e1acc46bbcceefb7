//! The heap in secret memory: free blocks kept by the stack a thread has borrowed, in front of the
//! central bookkeeping, so that the hot path takes no lock.
//!
//! Free memory is always zero: a block is wiped when it is freed, and bookkeeping lies elsewhere.
use super::cache::Cache;
use super::central::{self, Place};
use super::classes::{Class, PAGE};
use super::region::Segment;
use super::{pool, sys};
use std::cell::Cell;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

static BASE: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The cache of the stack this thread stands on, null outside of `run`. Constant and without
    /// destructor, so the allocator may use it at any time.
    static CACHE: Cell<*const Cache> = const { Cell::new(null()) };
}

/// Takes charge of the arena.
pub(super) fn install(arena: Segment) {
    central::lock().install(arena.len() / PAGE);
    BASE.store(arena.base().as_ptr(), Relaxed);
    LENGTH.store(arena.len(), Relaxed);
}

/// Tells whether allocations of this thread come from the arena now.
#[inline]
pub(super) fn active() -> bool {
    !CACHE.get().is_null()
}

/// Routes this thread's allocations to the arena through `cache`, or to the system with null.
/// Gives what was set before.
///
/// # Safety
/// `cache` stays alive, and is used by no other thread, until the next call.
#[inline]
pub(super) unsafe fn route(cache: *const Cache) -> *const Cache {
    CACHE.replace(cache)
}

/// Tells whether `block` lies in the arena.
#[inline]
pub(super) fn contains(block: *const u8) -> bool {
    offset(block) < LENGTH.load(Relaxed)
}

#[inline]
fn offset(block: *const u8) -> usize {
    block.addr().wrapping_sub(BASE.load(Relaxed).addr())
}

#[inline]
fn address(offset: usize) -> *mut u8 {
    BASE.load(Relaxed).wrapping_add(offset)
}

#[inline]
fn cache<'a>() -> Option<&'a Cache> {
    // SAFETY: the pointer is null, or `route` was promised that the cache is alive and this thread's
    // own; the reference is used for one allocator call, which does not change the route.
    unsafe { CACHE.get().as_ref() }
}

/// Gives zeroed memory from the arena, or null when it is full.
#[inline]
pub(super) fn allocate(size: usize, align: usize) -> *mut u8 {
    let class = Class::of(size, align);
    let found = match class {
        Some(class) => match cache() {
            Some(cache) => cache.take(class),
            None => central::lock().take_slot(class),
        },
        None => take_run(size, align),
    };
    match found.or_else(|| allocate_again(size, align)) {
        Some(offset) => {
            if let Some(cache) = cache() {
                let pages = || size.div_ceil(PAGE) * PAGE;
                cache.note_taken(class.map_or_else(pages, Class::size));
            }
            address(offset)
        }
        None => null_mut(),
    }
}

/// The second attempt, after idle caches have given their blocks back.
#[cold]
#[inline(never)]
fn allocate_again(size: usize, align: usize) -> Option<usize> {
    reclaim();
    match Class::of(size, align) {
        Some(class) => central::lock().take_slot(class),
        None => take_run(size, align),
    }
}

/// Collects what this thread's and all idle caches hold.
pub(super) fn reclaim() {
    if let Some(cache) = cache() {
        cache.flush();
    }
    pool::flush_idle();
    central::lock().trim();
}

fn take_run(size: usize, align: usize) -> Option<usize> {
    if align > PAGE {
        return None;
    }
    central::lock().take_run(size.div_ceil(PAGE))
}

/// Bytes that a live block of the arena can hold.
pub(super) fn usable(block: *const u8) -> usize {
    let at = offset(block);
    match central::place(at) {
        Place::Slot(class) => class.size(),
        Place::Run => central::lock().run_bytes(at),
    }
}

/// Wipes and frees a block of the arena, from any thread.
///
/// # Safety
/// `block` came from [`allocate`] and is not used again. At most its first `written` bytes are not
/// zero; who does not know how many passes [`usable`].
#[inline]
pub(super) unsafe fn release(block: *mut u8, written: usize) {
    let at = offset(block);
    let place = central::place(at);
    // SAFETY: the caller gives the block up, which has at least the bytes that were written.
    unsafe { sys::wipe(block, written) };
    match place {
        Place::Slot(class) => match cache() {
            Some(cache) => {
                cache.note_given(class.size());
                cache.give(class, at);
            }
            None => central::lock().give_slot(class, at),
        },
        Place::Run => {
            let bytes = central::lock().give_run(at);
            if let Some(cache) = cache() {
                cache.note_given(bytes);
            }
        }
    }
}
