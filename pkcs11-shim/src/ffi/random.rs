//! C_GenerateRandom and C_SeedRandom: the kernel's generator, straight into the caller's buffer. Nothing is kept, because a fork
//! would double it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::mem::MaybeUninit;

use cryptoki_sys::CK_ULONG;

use super::pointers::Pointer;
use crate::error::Error;

/// Fills `length` bytes.
pub(super) fn fill(place: Pointer<'_, u8>, length: CK_ULONG) -> Result<(), Error> {
    // SAFETY: nothing else was made of the pointer.
    let rest = unsafe { place.place(length) }?;
    fill_uninit(rest)
}

/// Fills a buffer of the module's own.
pub(crate) fn bytes(place: &mut [u8]) -> Result<(), Error> {
    let start = place.as_mut_ptr().cast::<MaybeUninit<u8>>();
    // SAFETY: the same bytes, borrowed mutably for as long; only initialised ones are written.
    fill_uninit(unsafe { std::slice::from_raw_parts_mut(start, place.len()) })
}

fn fill_uninit(mut rest: &mut [MaybeUninit<u8>]) -> Result<(), Error> {
    while !rest.is_empty() {
        // SAFETY: the pointer and the length are those of a slice that is borrowed mutably.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(got) {
            Ok(got) => rest = &mut rest[got..],
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Error::FunctionFailed),
        }
    }
    Ok(())
}

/// Mixes bytes into the kernel's pool, which counts them as no randomness (random(4)): from it draw both this
/// module and the daemon.
pub(super) fn mix(seed: &[u8]) -> Result<(), Error> {
    let written = OpenOptions::new()
        .write(true)
        .open("/dev/urandom")
        .and_then(|mut pool| pool.write_all(seed));
    written.map_err(|_| Error::RandomSeedNotSupported)
}
