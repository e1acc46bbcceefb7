//! What may leave `run`, and how: field by field.
//!
//! A value that is moved whole takes its padding along, which on a secret stack is whatever lay there
//! before. So a result stays in secret memory until [`Release::take_out`] rebuilds it outside from its
//! meaningful parts.
use super::buffer::Buffer;
use super::error::Error;
use super::handle::{Sealed, SecretBytes};
use std::hint::black_box;

/// A type that may leave [`run`](fn@super::run): handles, and values that are not secret.
///
/// For a type of one's own the impl is empty; then every byte of it must be meaningful, as in an enum
/// without fields.
pub trait Release: Sized {
    /// Moves the value out of secret memory.
    ///
    /// # Safety
    /// `from` holds a value, which is not used again.
    #[doc(hidden)]
    #[inline]
    unsafe fn take_out(from: *const Self) -> Self {
        // SAFETY: forwarded.
        unsafe { from.read() }
    }
}

/// An explicit statement, easy to search for, that a value is not secret.
///
/// The value is moved whole. One with padding or unused variants is better put together outside:
/// `Option<Public<T>>`, not `Public<Option<T>>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Public<T>(
    /// The value.
    pub T,
);

impl<T> Release for Public<T> {}
impl<T> Release for Sealed<T> {}
impl Release for SecretBytes {}
impl Release for Buffer {}
impl Release for () {}
impl Release for bool {}
impl Release for usize {}

/// The address of a field, hidden from the optimiser: it could otherwise turn a match that rebuilds a
/// value into a copy of all its bytes.
#[inline]
fn field<T>(value: &T) -> *const T {
    black_box(std::ptr::from_ref(value))
}

impl<T: Release> Release for Option<T> {
    #[inline]
    unsafe fn take_out(from: *const Self) -> Self {
        // SAFETY: forwarded.
        match unsafe { &*from } {
            // SAFETY: the field of a value that is not used again.
            Some(value) => Some(unsafe { T::take_out(field(value)) }),
            None => None,
        }
    }
}

impl<T: Release, E: Release> Release for Result<T, E> {
    #[inline]
    unsafe fn take_out(from: *const Self) -> Self {
        // SAFETY: forwarded.
        match unsafe { &*from } {
            // SAFETY: the field of a value that is not used again.
            Ok(value) => Ok(unsafe { T::take_out(field(value)) }),
            // SAFETY: as above.
            Err(error) => Err(unsafe { E::take_out(field(error)) }),
        }
    }
}

impl<A: Release, B: Release> Release for (A, B) {
    #[inline]
    unsafe fn take_out(from: *const Self) -> Self {
        // SAFETY: forwarded.
        let (a, b) = unsafe { &*from };
        // SAFETY: the field of a value that is not used again.
        let a = unsafe { A::take_out(field(a)) };
        // SAFETY: as above.
        let b = unsafe { B::take_out(field(b)) };
        (a, b)
    }
}

impl<A: Release, B: Release, C: Release> Release for (A, B, C) {
    #[inline]
    unsafe fn take_out(from: *const Self) -> Self {
        // SAFETY: forwarded.
        let (a, b, c) = unsafe { &*from };
        // SAFETY: the field of a value that is not used again.
        let a = unsafe { A::take_out(field(a)) };
        // SAFETY: as above.
        let b = unsafe { B::take_out(field(b)) };
        // SAFETY: as above.
        let c = unsafe { C::take_out(field(c)) };
        (a, b, c)
    }
}

impl Release for Error {
    unsafe fn take_out(from: *const Self) -> Self {
        // SAFETY: forwarded.
        match *black_box(unsafe { &*from }) {
            Error::Os(step, errno) => Error::Os(black_box(step), black_box(errno)),
            Error::NoSecretMemory(errno) => Error::NoSecretMemory(black_box(errno)),
            Error::NotLocked(errno) => Error::NotLocked(black_box(errno)),
            Error::Size(what) => Error::Size(black_box(what)),
            Error::State => Error::State,
            Error::Nested => Error::Nested,
            Error::Panicked => Error::Panicked,
            Error::Full => Error::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    type Bytes = Public<[u8; 64]>;

    /// Eight bytes that no other call has had: ordinary stacks keep what controls left there.
    fn new_mark() -> [u8; 8] {
        static CALLS: AtomicU64 = AtomicU64::new(1);
        CALLS.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()
    }

    /// Takes a value without `Bytes` out of memory in which marks lie where these would be; how many
    /// bytes come along. All on the heap: a move of the value would itself leave its padding about.
    fn marks_taken<R>(
        without: R,
        with: &R,
        bytes: fn(&R) -> Option<&Bytes>,
        take: unsafe fn(*const R) -> R,
    ) -> usize {
        let mark = new_mark();
        let start = std::ptr::from_ref(with).addr();
        let hidden = std::ptr::from_ref(bytes(with).unwrap()).addr() - start;
        let words = (hidden..hidden + size_of::<Bytes>()).step_by(mark.len());
        let mut room = Box::new(without);
        let at = std::ptr::from_mut(&mut *room);
        for offset in words.clone() {
            let place = at.cast::<u8>().wrapping_add(offset).cast::<[u8; 8]>();
            // SAFETY: these bytes of the room mean nothing while the value is without them.
            unsafe { place.write(mark) };
        }
        let mut out = Box::new(MaybeUninit::<R>::zeroed());
        // SAFETY: the room holds a value; it is a plain one that may exist twice.
        out.write(unsafe { black_box(take)(black_box(at)) });
        let place = black_box(out.as_ptr()).cast::<u8>();
        let is_mark = |offset: &usize| {
            // SAFETY: within `out`, whose bytes are zero, the value's, or what came along with it.
            let word = unsafe { place.wrapping_add(*offset).cast::<[u8; 8]>().read_volatile() };
            word == mark
        };
        words.filter(is_mark).count() * mark.len()
    }

    fn present() -> Bytes {
        black_box(Public([0; 64]))
    }

    #[test]
    fn what_lies_under_an_absent_value_stays_behind() {
        type Absent = Option<Bytes>;
        let bytes: fn(&Absent) -> Option<&Bytes> = Option::as_ref;
        assert_eq!(marks_taken(None, &Some(present()), bytes, Absent::take_out), 0);
        let whole = marks_taken(None, &Some(present()), bytes, std::ptr::read);
        assert_eq!(whole, 64, "the control: a plain move takes them along");
    }

    #[test]
    fn what_lies_under_an_error_stays_behind() {
        type Refused = Result<Bytes, ()>;
        let bytes: fn(&Refused) -> Option<&Bytes> = |value| value.as_ref().ok();
        assert_eq!(marks_taken(Err(()), &Ok(present()), bytes, Refused::take_out), 0);
        let whole = marks_taken(Err(()), &Ok(present()), bytes, std::ptr::read);
        assert_eq!(whole, 64, "the control: a plain move takes them along");
    }

    #[test]
    fn a_value_comes_out_as_it_was() {
        type Nest = Result<(Public<u16>, Option<Public<Vec<u8>>>, bool), Error>;
        let value: Nest = Ok((Public(7), Some(Public(vec![1, 2, 3])), true));
        let kept = std::mem::ManuallyDrop::new(value);
        // SAFETY: the original is never dropped nor used again.
        let taken = unsafe { Nest::take_out(&raw const *kept) };
        assert_eq!(taken, Ok((Public(7), Some(Public(vec![1, 2, 3])), true)));
    }
}
