//! The mappings: one arena and all stacks, made once at start and never unmapped.
//!
//! All segments are parts of **one** `memfd_secret` file in **one** reservation, so that there is one
//! descriptor to close, one range to seal and no moment in which some of it is protected and some not.
use super::error::Error;
use super::{MemoryKind, sys};
use nix::errno::Errno;
use nix::unistd::{SysconfVar, ftruncate, sysconf};
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// Inaccessible space before, between and after the segments. C code has no stack probes, so one page
/// could be jumped over by a large frame.
pub(super) const GUARD: usize = 256 << 10;

/// Zeroed secret memory with inaccessible space on both sides, mapped until the process ends.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: a segment only names memory; its users synchronise access to the bytes.
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

impl Segment {
    pub(super) fn base(self) -> NonNull<u8> {
        self.base
    }

    pub(super) fn len(self) -> usize {
        self.length
    }
}

/// All segments, in the order of the sizes asked for.
pub(super) struct Mapping {
    pub(super) segments: Vec<Segment>,
    pub(super) kind: MemoryKind,
    pub(super) sealed: bool,
}

impl Mapping {
    /// Maps `memfd_secret` memory. The whole counts towards `RLIMIT_MEMLOCK`, the guards do not.
    pub(super) fn secret(sizes: &[usize]) -> Result<Mapping, Error> {
        let page = page_size()?;
        let lengths: Vec<usize> = sizes.iter().map(|size| size.next_multiple_of(page)).collect();
        let total: usize = lengths.iter().sum();
        let area = Reservation::new(total + GUARD * (lengths.len() + 1))?;
        let file = sys::memfd_secret().map_err(Error::NoSecretMemory)?;
        let size = libc::off_t::try_from(total).map_err(|_| Error::Size("total"))?;
        ftruncate(&file, size).map_err(|errno| Error::Os("size secret memory", errno))?;

        let mut segments = Vec::with_capacity(lengths.len());
        let mut at = GUARD;
        let mut offset = 0;
        for length in lengths {
            let address = area.base.addr().saturating_add(at);
            let count = NonZeroUsize::new(length).ok_or(Error::Size("segment"))?;
            // SAFETY: `at + length` stays inside of the reservation, whose sum was made above of
            // the same numbers, and every segment has its own part of it.
            let base = unsafe { sys::map_over(address, count, &file, offset) };
            segments.push(Segment { base: base.map_err(Error::NoSecretMemory)?, length });
            at += length + GUARD;
            offset += libc::off_t::try_from(length).map_err(|_| Error::Size("segment"))?;
        }
        // An open descriptor could be stolen with pidfd_getfd(2) and mapped elsewhere.
        drop(file);
        segments.iter().try_for_each(|segment| prepare(*segment))?;

        let (base, length) = area.keep();
        // SAFETY: guards and segments cover the whole reservation, and nothing ever unmaps it.
        let sealed = unsafe { sys::seal(base, length) };
        Ok(Mapping { segments, kind: MemoryKind::MemfdSecret, sealed })
    }

    /// Allocates guarded, locked memory with `memsec`, one allocation for each segment, and verifies
    /// the locks, whose failure `memsec` ignores. Root can read this form.
    pub(super) fn locked(sizes: &[usize]) -> Result<Mapping, Error> {
        let page = page_size()?;
        let mut blocks = Blocks(Vec::with_capacity(sizes.len()));
        for size in sizes {
            // Whole pages, so that the block starts at a page and its end touches the guard.
            let length = size.next_multiple_of(page);
            // SAFETY: any size is allowed; the result is checked.
            let block = unsafe { memsec::malloc_sized(length) };
            let base = block.ok_or(Error::NotLocked(Errno::ENOMEM))?.cast::<u8>();
            let segment = Segment { base, length };
            blocks.0.push(segment);
            // SAFETY: the block was just allocated with this length.
            unsafe { sys::lock(base, length) }.map_err(Error::NotLocked)?;
            prepare(segment)?;
        }
        let segments = blocks.keep();
        for segment in &segments {
            let canary = segment.base.as_ptr().wrapping_sub(page);
            let canary = NonNull::new(canary).ok_or(Error::Size("segment"))?;
            // SAFETY: a block of whole pages has its canary alone in the page before it; only
            // `memsec::free` would read it, which is not called from here on. Forbidden, that page
            // is a guard that touches the lower end of a stack.
            unsafe { sys::forbid(canary, page) }.map_err(|errno| Error::Os("guard", errno))?;
        }
        Ok(Mapping { segments, kind: MemoryKind::Locked, sealed: false })
    }
}

/// Touches every page once and keeps it out of children and dumps.
fn prepare(segment: Segment) -> Result<(), Error> {
    // SAFETY: the segment is mapped read-write and nobody uses it yet.
    unsafe { sys::wipe(segment.base.as_ptr(), segment.length) };
    // SAFETY: the segment is mapped; children never enter the vault.
    unsafe { sys::keep_private(segment.base, segment.length) }
        .map_err(|errno| Error::Os("protect secret memory", errno))
}

fn page_size() -> Result<usize, Error> {
    let failed = |errno| Error::Os("ask for the page size", errno);
    let size = sysconf(SysconfVar::PAGE_SIZE).map_err(failed)?.ok_or(failed(Errno::EINVAL))?;
    let size = usize::try_from(size).map_err(|_| failed(Errno::EINVAL))?;
    if size.is_power_of_two() && size <= GUARD { Ok(size) } else { Err(failed(Errno::EINVAL)) }
}

/// Address space that is given back unless it is kept.
struct Reservation {
    base: NonNull<u8>,
    length: usize,
}

impl Reservation {
    fn new(length: usize) -> Result<Reservation, Error> {
        let count = NonZeroUsize::new(length).ok_or(Error::Size("total"))?;
        let base =
            sys::reserve(count).map_err(|errno| Error::Os("reserve address space", errno))?;
        Ok(Reservation { base, length })
    }

    fn keep(self) -> (NonNull<u8>, usize) {
        let kept = (self.base, self.length);
        std::mem::forget(self);
        kept
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the reservation is ours and was not kept, so no segment of it is in use.
        unsafe { sys::unmap(self.base, self.length) };
    }
}

/// `memsec` allocations that are freed unless they are kept.
struct Blocks(Vec<Segment>);

impl Blocks {
    fn keep(mut self) -> Vec<Segment> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for segment in &self.0 {
            // SAFETY: the block came from `memsec::malloc_sized` and is used by nobody.
            unsafe { memsec::free(segment.base) };
        }
    }
}
