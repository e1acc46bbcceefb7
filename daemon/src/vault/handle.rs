//! Handles to secret data: made and read only inside `run`, freed and wiped anywhere.
use super::block::Block;
use super::error::Error;
use super::heap;
use super::run::Inside;
use std::fmt;
use std::ptr::NonNull;

/// A `T` in the arena, together with all that `T` allocated inside `run`.
///
/// ```
/// use coffer_daemon::vault::{self, Depth, Secret};
/// # vault::init_for_tests();
/// let key = vault::load(32, |inside| Secret::<32>::fill(inside, |bytes| bytes.fill(7)))??;
/// let even = vault::run(Depth::Small, |inside| key.get(inside)[0] % 2 == 0)?;
/// assert!(!even);
/// # Ok::<(), vault::Error>(())
/// ```
/// Outside of `run` there is no way to the value:
/// ```compile_fail,E0061
/// # use coffer_daemon::vault::Sealed;
/// fn steal(key: &Sealed<[u8; 32]>) -> &[u8; 32] { key.get() } // no token, no access
/// ```
/// The reference cannot leave the closure either, because it borrows the token:
/// ```compile_fail,E0521
/// # use coffer_daemon::vault::{Depth, Sealed, run};
/// fn steal<'a>(key: &'a Sealed<[u8; 32]>) -> Option<&'a [u8; 32]> {
///     let mut out = None;
///     run(Depth::Small, |inside| { out = Some(key.get(inside)); }).ok();
///     out
/// }
/// ```
/// And plain bytes are no result that `run` lets out; it takes a `Public(..)`, which stands out:
/// ```compile_fail,E0277
/// # use coffer_daemon::vault::{Depth, Error, Sealed, run};
/// fn steal(key: &Sealed<[u8; 32]>) -> Result<[u8; 32], Error> {
///     run(Depth::Small, |inside| *key.get(inside))
/// }
/// ```
/// A handle is not copied, nor is its content printed:
/// ```compile_fail,E0277
/// # use coffer_daemon::vault::Sealed;
/// fn copy(key: &Sealed<Vec<u8>>) -> Sealed<Vec<u8>> { Sealed::clone(key) }
/// ```
pub struct Sealed<T> {
    value: NonNull<T>,
}

// SAFETY: a handle owns its T as a Box does; freeing works from any thread.
unsafe impl<T: Send> Send for Sealed<T> {}
// SAFETY: shared access only gives `&T`.
unsafe impl<T: Sync> Sync for Sealed<T> {}

impl<T> Sealed<T> {
    /// Moves a value into the arena.
    ///
    /// # Errors
    /// `Full` when there is no room; the value is dropped.
    pub fn new(_: &Inside<'_>, value: T) -> Result<Sealed<T>, Error> {
        let room = heap::allocate(size_of::<T>(), align_of::<T>());
        let room = NonNull::new(room).ok_or(Error::Full)?.cast::<T>();
        // SAFETY: fresh memory of T's size and alignment.
        unsafe { room.write(value) };
        Ok(Sealed { value: room })
    }

    /// Gives the value to code inside `run`.
    #[inline]
    pub fn get<'a>(&'a self, _: &'a Inside<'_>) -> &'a T {
        // SAFETY: the handle holds a live T that it owns.
        unsafe { self.value.as_ref() }
    }

    /// Gives the value to code inside `run`, for change.
    #[inline]
    pub fn get_mut<'a>(&'a mut self, _: &'a Inside<'_>) -> &'a mut T {
        // SAFETY: as above, and the handle is borrowed mutably.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Sealed<T> {
    fn drop(&mut self) {
        // SAFETY: the T made by `new` is live and is not used again.
        unsafe { self.value.drop_in_place() };
        // SAFETY: the block came from `allocate`; the T in it is gone.
        unsafe { heap::release(self.value.as_ptr().cast(), size_of::<T>()) };
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// A secret of fixed length.
pub type Secret<const N: usize> = Sealed<[u8; N]>;

impl<const N: usize> Secret<N> {
    /// Makes a secret in place: `f` writes to the arena.
    ///
    /// # Errors
    /// `Full` when there is no room.
    pub fn fill(inside: &Inside<'_>, f: impl FnOnce(&mut [u8; N])) -> Result<Self, Error> {
        let mut secret = Sealed::new(inside, [0; N])?;
        f(secret.get_mut(inside));
        Ok(secret)
    }
}

/// A secret of any length.
pub struct SecretBytes {
    block: Block,
}

impl SecretBytes {
    /// Makes a secret of `length` zeros.
    ///
    /// # Errors
    /// `Full` when there is no room.
    pub fn zeroed(_: &Inside<'_>, length: usize) -> Result<Self, Error> {
        Block::zeroed(length).map(|block| SecretBytes { block })
    }

    /// Makes a secret of bytes that lie on the secret stack or heap.
    ///
    /// # Errors
    /// `Full` when there is no room.
    pub fn copy_from(inside: &Inside<'_>, bytes: &[u8]) -> Result<Self, Error> {
        let mut secret = SecretBytes::zeroed(inside, bytes.len())?;
        secret.get_mut(inside).copy_from_slice(bytes);
        Ok(secret)
    }

    /// Gives the bytes to code inside `run`.
    #[inline]
    pub fn get<'a>(&'a self, _: &'a Inside<'_>) -> &'a [u8] {
        self.block.bytes()
    }

    /// Gives the bytes to code inside `run`, for change.
    #[inline]
    pub fn get_mut<'a>(&'a mut self, _: &'a Inside<'_>) -> &'a mut [u8] {
        self.block.bytes_mut()
    }

    /// The length, which is not secret.
    pub fn len(&self) -> usize {
        self.block.len()
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.len())
    }
}
