//! The registers of a stopped thread, as `PTRACE_GETREGSET` gives them (ptrace(2)).

use std::io;
use std::ptr;

use nix::errno::Errno;
use nix::unistd::Pid;

/// The bytes of one register set.
pub(super) struct RegisterSet {
    /// The kernel's name for the set.
    pub(super) name: &'static str,
    /// The registers, as the kernel lays them out.
    pub(super) bytes: Vec<u8>,
}

/// What is read: general purpose, floating point and vector, and on x86 the whole `XSAVE` area with
/// the upper halves of the vector registers (elf.h).
const SETS: [(&str, libc::c_int); 3] =
    [("NT_PRSTATUS", 1), ("NT_PRFPREG", 2), ("NT_X86_XSTATE", 0x202)];
/// More than the largest register set: `XSAVE` with AVX-512 and AMX tiles has 11 KiB.
const ROOM: usize = 32 << 10;

/// Reads all register sets of a stopped thread; a set that the processor does not have is left out.
pub(super) fn of(thread: Pid) -> io::Result<Vec<RegisterSet>> {
    let mut sets = Vec::new();
    for (name, kind) in SETS {
        match read(thread, kind) {
            Ok(bytes) => sets.push(RegisterSet { name, bytes }),
            Err(Errno::EINVAL | Errno::ENODEV) if name == "NT_X86_XSTATE" => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sets)
}

/// Reads one register set. nix offers the first two only, and as structures instead of bytes.
#[expect(unsafe_code, reason = "no safe wrapper reads the XSAVE area")]
fn read(thread: Pid, kind: libc::c_int) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0_u8; ROOM];
    let mut target = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let kind = ptr::without_provenance_mut::<libc::c_void>(kind.unsigned_abs() as usize);
    // SAFETY: `target` is a valid iovec for the duration of the call and describes `ROOM` writable
    // bytes of `bytes`, which outlives it; the kernel writes at most `iov_len` bytes and the length
    // back into `target`. Any byte is a valid `u8`.
    let result =
        unsafe { libc::ptrace(libc::PTRACE_GETREGSET, thread.as_raw(), kind, &raw mut target) };
    Errno::result(result)?;
    bytes.truncate(target.iov_len);
    Ok(bytes)
}
