//! AWS-LC's memory: what it allocates inside `run` comes from the arena, its random state too.
//!
//! The hooks know the size of every block, because AWS-LC frees without one and does not wipe before.
use super::{alloc, heap, room, run, sys};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{copy_nonoverlapping, null_mut};
use std::sync::OnceLock;

/// Blocks of the system have their size in front, padded to keep the alignment.
const HEAD: usize = 16;
/// AWS-LC takes what malloc gives: alignment for any C type.
const ALIGN: usize = 16;
/// What a thread's random state takes.
const THREAD_ROOM: usize = 8 << 10;
/// What the process's seed generator takes beside that, once.
const PROCESS_ROOM: usize = 192 << 10;

thread_local! {
    static PRIMED: Cell<bool> = const { Cell::new(false) };
    static PLAIN: Cell<usize> = const { Cell::new(0) };
}

/// Tells whether code on this thread may use AWS-LC now, after making the thread's random state in the
/// arena where that was missing. When it may not, for want of room or outside of `run`, the other
/// implementation serves.
///
/// In a process without a vault, as in tests of pure functions, it may be used anywhere.
pub fn aws_lc_is_ready() -> bool {
    if !installed() || (super::vault().is_ok() && !heap::active()) {
        return false;
    }
    if PRIMED.get() {
        return true;
    }
    let first = PROCESS.get().is_none();
    let needed = if first { THREAD_ROOM + PROCESS_ROOM } else { THREAD_ROOM };
    // Random states are no optional memory: AWS-LC ends the process when it gets none.
    let promise = if run::entered() { room::promise(needed).map(Some) } else { Ok(None) };
    let primed = promise.is_ok() && prime();
    if primed {
        PROCESS.get_or_init(|| ());
        PRIMED.set(true);
    }
    primed
}

/// Tells whether AWS-LC may be used for what is not secret: its hooks are there, which must come first.
pub fn aws_lc_is_there() -> bool {
    installed()
}

static PROCESS: OnceLock<()> = OnceLock::new();

/// How often AWS-LC got memory outside of the arena on this thread: for verifying only.
pub fn aws_lc_plain_allocations() -> usize {
    PLAIN.get()
}

/// Installs the hooks once, before anything uses AWS-LC.
fn installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        // SAFETY: the three functions keep the contract of malloc, realloc and free, are safe from any
        // thread, do not call AWS-LC, and no block was made before them: every use asks here first.
        unsafe {
            aws_lc_sys::CRYPTO_set_mem_functions(Some(malloc), Some(realloc), Some(free)) == 1
        }
    })
}

/// Makes this thread's random state, and the first time the process's seed generator, where we are.
fn prime() -> bool {
    let mut byte = 0_u8;
    // SAFETY: one writable byte.
    unsafe { aws_lc_sys::RAND_bytes(&raw mut byte, 1) == 1 }
}

unsafe extern "C" fn malloc(size: usize, _file: *const c_char, _line: c_int) -> *mut c_void {
    if heap::active() {
        return secret(size);
    }
    PLAIN.set(PLAIN.get() + 1);
    let Some(whole) = size.checked_add(HEAD) else { return null_mut() };
    // SAFETY: any size may be asked for.
    let block = unsafe { libc::malloc(whole) }.cast::<u8>();
    if block.is_null() {
        return null_mut();
    }
    // SAFETY: the block begins with room for the header.
    unsafe { block.cast::<usize>().write_unaligned(size) };
    block.wrapping_add(HEAD).cast()
}

/// A full arena ends the process here as for Rust: in the middle of an operation AWS-LC may as well.
fn secret(size: usize) -> *mut c_void {
    alloc::secret(size, ALIGN).cast()
}

unsafe extern "C" fn free(block: *mut c_void, _file: *const c_char, _line: c_int) {
    let block = block.cast::<u8>();
    if block.is_null() {
        return;
    }
    if heap::contains(block) {
        // SAFETY: AWS-LC gives up what `malloc` or `realloc` gave it; how much it wrote is unknown.
        unsafe { heap::release(block, heap::usable(block)) };
        return;
    }
    let head = block.wrapping_sub(HEAD);
    // SAFETY: a block of the system begins with our header.
    let size = unsafe { head.cast::<usize>().read_unaligned() };
    // SAFETY: so many bytes are the block's.
    unsafe { sys::wipe(block, size) };
    // SAFETY: the block came from libc's malloc and is not used again.
    unsafe { libc::free(head.cast()) };
}

unsafe extern "C" fn realloc(
    block: *mut c_void,
    size: usize,
    file: *const c_char,
    line: c_int,
) -> *mut c_void {
    if block.is_null() {
        // SAFETY: forwarded.
        return unsafe { malloc(size, file, line) };
    }
    let is_secret = heap::contains(block.cast());
    let old = if is_secret {
        heap::usable(block.cast())
    } else {
        // SAFETY: a block of the system begins with our header.
        unsafe { block.cast::<u8>().wrapping_sub(HEAD).cast::<usize>().read_unaligned() }
    };
    // A secret block stays in the arena, wherever it grows.
    let moved = if is_secret {
        secret(size)
    } else {
        // SAFETY: forwarded.
        unsafe { malloc(size, file, line) }
    };
    if !moved.is_null() {
        // SAFETY: two live, distinct blocks, each at least this long.
        unsafe { copy_nonoverlapping(block.cast::<u8>(), moved.cast(), old.min(size)) };
        // SAFETY: AWS-LC gives the old block up.
        unsafe { free(block, file, line) };
    }
    moved
}
