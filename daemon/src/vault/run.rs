//! The one function inside which secrets may be touched.
use super::cache::Cache;
use super::error::Error;
use super::pool::{Borrowed, RESULT_ROOM};
use super::release::{Public, Release};
use super::{Depth, heap, room, signals};
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null;

/// Results are placed at a multiple of this.
const RESULT_ALIGN: usize = 64;
const _: () = assert!(RESULT_ROOM.is_multiple_of(RESULT_ALIGN));

thread_local! {
    static ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// Tells whether this thread is in `run`, also while it is in [`Inside::outside`].
#[inline]
pub(super) fn entered() -> bool {
    ENTERED.get()
}

/// Proof that the code runs on a secret stack with the secret heap.
///
/// Only [`run()`] makes one. It cannot leave the closure, nor go to another thread:
/// ```compile_fail,E0277
/// # use coffer_daemon::vault::{Depth, run};
/// let _ = run(Depth::Small, |inside| {
///     std::thread::scope(|scope| { scope.spawn(|| inside.publish(b"")); })
/// });
/// ```
pub struct Inside<'run> {
    _invariant: PhantomData<*mut &'run ()>,
}

impl Inside<'_> {
    /// Copies bytes that may become public (a signature, a ciphertext) to the ordinary heap.
    pub fn publish(&self, bytes: &[u8]) -> Public<Vec<u8>> {
        Public(self.outside(|| bytes.to_vec()))
    }

    /// Runs `f` with the ordinary heap. For public values only: what `f` allocates is not wiped and
    /// not hidden.
    pub fn outside<T>(&self, f: impl FnOnce() -> T) -> T {
        let _back = OrdinaryHeap::enter();
        f()
    }
}

/// Routes allocations to the system until it is dropped.
pub(super) struct OrdinaryHeap {
    before: *const Cache,
}

impl OrdinaryHeap {
    pub(super) fn enter() -> OrdinaryHeap {
        // SAFETY: null is always allowed.
        OrdinaryHeap { before: unsafe { heap::route(null()) } }
    }
}

impl Drop for OrdinaryHeap {
    fn drop(&mut self) {
        // SAFETY: the cache was in force when this was made, which is on the stack of the same
        // thread, inside of the `run` that borrowed it.
        unsafe { heap::route(self.before) };
    }
}

/// Runs `f` on a borrowed secret stack with the secret heap, then wipes the stack and the registers.
///
/// Waits while all stacks are taken. The thread should have been made with
/// [`block_signals`](super::block_signals): a handler on an alternate stack would copy the registers.
///
/// # Errors
/// `Panicked` if `f` panicked, `Nested` inside of another `run`, `State` before `init`.
#[inline]
pub fn run<R: Release>(depth: Depth, f: impl for<'r> FnOnce(&Inside<'r>) -> R) -> Result<R, Error> {
    let vault = super::vault()?;
    if entered() {
        return Err(Error::Nested);
    }
    signals::count_unblocked();
    enter(&vault.pool(depth).borrow(), f)
}

/// Switches to the stack and back. The caller wipes by dropping what it borrowed.
#[inline]
fn enter<R: Release>(
    station: &Borrowed<'_>,
    f: impl for<'r> FnOnce(&Inside<'r>) -> R,
) -> Result<R, Error> {
    const { assert!(size_of::<R>() <= RESULT_ROOM, "a result this large belongs on the heap") };
    const { assert!(align_of::<R>() <= RESULT_ALIGN) };
    let result = station.result().cast::<R>().as_ptr();
    let mut finished = false;
    ENTERED.set(true);
    // SAFETY: base and depth name a mapped, page-aligned stack with inaccessible space below, of a
    // size that is a multiple of its alignment, which only we use while `station` is borrowed; the
    // callback returns normally, because `inside` catches unwinding.
    unsafe {
        psm::on_stack(station.base(), station.depth(), || {
            finished = inside(&station.cache, result, f);
        });
    }
    ENTERED.set(false);
    if !finished {
        return Err(Error::Panicked);
    }
    // SAFETY: `inside` wrote a value there and says so; it is read once, before the wipe.
    Ok(unsafe { R::take_out(result) })
}

/// Runs `f` on a large stack and tells how many bytes of it were used: for tests that pin what an
/// operation needs.
///
/// # Errors
/// As [`run()`].
pub fn stack_use<R: Release>(
    f: impl for<'r> FnOnce(&Inside<'r>) -> R,
) -> Result<(R, usize), Error> {
    let vault = super::vault()?;
    if entered() {
        return Err(Error::Nested);
    }
    let station = vault.large.borrow();
    station.mark();
    let value = enter(&station, f)?;
    Ok((value, station.unmarked()))
}

/// Like [`run()`] on a large stack, for code that makes long-lived secrets and needs `room` bytes for
/// them: operations with the existing ones always find [`Config::reserve`](super::Config) bytes.
///
/// # Errors
/// `Full` while less than the reserve and `room` is free; else as [`run()`].
pub fn load<R: Release>(room: usize, f: impl for<'r> FnOnce(&Inside<'r>) -> R) -> Result<R, Error> {
    load_at(Depth::Large, room, f)
}

/// [`load`] on a stack of the given size.
///
/// # Errors
/// As [`load`].
pub fn load_at<R: Release>(
    depth: Depth,
    room: usize,
    f: impl for<'r> FnOnce(&Inside<'r>) -> R,
) -> Result<R, Error> {
    let _promise = room::promise(room)?;
    run(depth, f)
}

/// [`load_at`], and how many bytes of the arena the result keeps: what `f` allocated and did not free, with what is
/// lost to rounding.
///
/// # Errors
/// As [`load`].
pub fn load_counted<R: Release>(
    depth: Depth,
    room: usize,
    f: impl for<'r> FnOnce(&Inside<'r>) -> R,
) -> Result<(R, usize), Error> {
    let _promise = room::promise(room)?;
    let vault = super::vault()?;
    if entered() {
        return Err(Error::Nested);
    }
    signals::count_unblocked();
    let station = vault.pool(depth).borrow();
    station.cache.take_balance();
    let value = enter(&station, f)?;
    Ok((value, usize::try_from(station.cache.take_balance()).unwrap_or(0)))
}

/// The part that runs on the secret stack; true if `f` returned and its value is at `result`.
#[inline]
fn inside<R>(cache: &Cache, result: *mut R, f: impl for<'r> FnOnce(&Inside<'r>) -> R) -> bool {
    // SAFETY: the cache belongs to the stack we stand on, so to this thread, until the route is
    // taken back below.
    let before = unsafe { heap::route(cache) };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let value = f(&Inside { _invariant: PhantomData });
        // SAFETY: `run` gives room of R's size and alignment, above this stack's first frame.
        unsafe { result.write(value) };
    }));
    let finished = outcome.is_ok();
    if let Err(payload) = outcome
        && catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err()
    {
        // Only a destructor of a panic's own message can come here.
        std::process::abort();
    }
    // SAFETY: as it was before; null, as calls do not nest.
    unsafe { heap::route(before) };
    finished
}
