//! System calls that need `unsafe` or that the `nix` crate lacks, each with one job.
use nix::errno::Errno;
use nix::sys::mman::{self, MapFlags, MmapAdvise, ProtFlags};
use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

/// `mseal(2)`, the same number on every architecture (Linux 6.10).
const SYS_MSEAL: libc::c_long = 462;
/// `PR_SET_MDWE` and `PR_GET_MDWE` (Linux 6.3).
const PR_SET_MDWE: libc::c_int = 65;
const PR_GET_MDWE: libc::c_int = 66;
const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;
const UNUSED: libc::c_ulong = 0;

/// Makes a file of secret memory: pages that only this process's own page tables reach.
pub(super) fn memfd_secret() -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes one integer and no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just given us this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Reserves inaccessible address space.
pub(super) fn reserve(length: NonZeroUsize) -> Result<NonNull<u8>, Errno> {
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no existing one.
    unsafe { mman::mmap_anonymous(None, length, ProtFlags::PROT_NONE, flags) }.map(NonNull::cast)
}

/// Maps `length` bytes of `file` from `offset` over a reserved range.
///
/// # Safety
/// `address..address + length` lies in a range from [`reserve`] that nothing else uses.
pub(super) unsafe fn map_over(
    address: NonZeroUsize,
    length: NonZeroUsize,
    file: impl AsFd,
    offset: libc::off_t,
) -> Result<NonNull<u8>, Errno> {
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_FIXED;
    // SAFETY: MAP_FIXED replaces only pages of the reservation, by the caller's promise.
    unsafe { mman::mmap(Some(address), length, access, flags, file, offset) }.map(NonNull::cast)
}

/// Gives address space back; a failure leaves it as it was.
///
/// # Safety
/// The range is a reservation that nothing points into.
pub(super) unsafe fn unmap(address: NonNull<u8>, length: usize) {
    // SAFETY: forwarded.
    let _ = unsafe { mman::munmap(address.cast::<c_void>(), length) };
}

/// Keeps the range out of child processes and of core dumps.
///
/// # Safety
/// The range is mapped, and no child process relies on it.
pub(super) unsafe fn keep_private(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    let address = address.cast::<c_void>();
    // SAFETY: forwarded; the advice changes nothing in this process.
    unsafe { mman::madvise(address, length, MmapAdvise::MADV_DONTFORK) }?;
    // SAFETY: as above.
    unsafe { mman::madvise(address, length, MmapAdvise::MADV_DONTDUMP) }
}

/// Locks the range into memory.
///
/// # Safety
/// The range is mapped.
pub(super) unsafe fn lock(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: forwarded; locking changes no byte.
    unsafe { mman::mlock(address.cast::<c_void>(), length) }
}

/// Makes the range inaccessible.
///
/// # Safety
/// Nothing uses the range any more.
pub(super) unsafe fn forbid(address: NonNull<u8>, length: usize) -> Result<(), Errno> {
    // SAFETY: forwarded.
    unsafe { mman::mprotect(address.cast::<c_void>(), length, ProtFlags::PROT_NONE) }
}

/// Forbids unmapping, remapping and protection changes for the life of the process. False on
/// kernels before 6.10, and where a system call filter does not know the call.
///
/// # Safety
/// The whole range is mapped and stays so.
pub(super) unsafe fn seal(address: NonNull<u8>, length: usize) -> bool {
    // SAFETY: the call only restricts later changes of a mapping that is never changed.
    let done = unsafe { libc::syscall(SYS_MSEAL, address.as_ptr(), length, UNUSED) };
    done == 0
}

/// Zeroes `length` bytes so that the optimiser keeps the stores.
///
/// # Safety
/// The range is writable, and nothing else uses it meanwhile.
#[inline]
pub(super) unsafe fn wipe(address: *mut u8, length: usize) {
    // SAFETY: forwarded.
    unsafe { address.write_bytes(0, length) };
    // SAFETY: no instruction; the compiler must assume that the bytes are read here.
    unsafe { std::arch::asm!("/* {0} */", in(reg) address, options(nostack, preserves_flags)) };
}

/// Refuses writable memory that becomes executable (`PR_SET_MDWE`), for good.
pub(crate) fn refuse_exec_gain() -> Result<(), Errno> {
    // SAFETY: the call takes integers only.
    let done =
        unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, UNUSED, UNUSED, UNUSED) };
    Errno::result(done).map(drop)
}

/// Tells whether [`refuse_exec_gain`] is in force.
pub(crate) fn exec_gain_is_refused() -> bool {
    // SAFETY: the call takes integers only.
    let flags = unsafe { libc::prctl(PR_GET_MDWE, UNUSED, UNUSED, UNUSED, UNUSED) };
    flags > 0
}
