//! Pointers from C, turned into values, slices and buffers: each conversion once.
//!
//! A [`Pointer`] is made where a caller's argument enters. Whoever makes one vouches for it, so that
//! everything behind is safe code.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use cryptoki_sys::{CK_BBOOL, CK_NOTIFY, CK_ULONG};

use crate::error::Error;
use crate::output::{Output, Room};

/// A pointer that a caller handed in; null, or good for what PKCS#11 says of it during the call.
pub struct Pointer<'a, T> {
    raw: *mut T,
    call: PhantomData<&'a ()>,
}

impl<T> Clone for Pointer<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Pointer<'_, T> {}

impl<'a, T> Pointer<'a, T> {
    /// Takes a pointer from a caller; `_call` is something that lives as long as the call.
    ///
    /// # Safety
    ///
    /// `raw` is null, or during the call may be read and written, by this thread alone, as many times as
    /// the count says that is later used with it (once where there is none).
    pub const unsafe fn new(raw: *mut T, _call: &'a ()) -> Self {
        Self { raw, call: PhantomData }
    }

    /// Whether it is null.
    pub fn is_null(self) -> bool {
        self.raw.is_null()
    }

    /// The same pointer to values of another type.
    ///
    /// # Safety
    ///
    /// What holds for [`Pointer::new`] holds for the other type too.
    pub const unsafe fn cast<U>(self) -> Pointer<'a, U> {
        Pointer { raw: self.raw.cast(), call: PhantomData }
    }

    /// A pointer that was found behind this one.
    ///
    /// # Safety
    ///
    /// What [`Pointer::new`] asks holds for `raw` too.
    pub const unsafe fn nested<U>(self, raw: *mut U) -> Pointer<'a, U> {
        Pointer { raw, call: PhantomData }
    }

    fn bounded(self, count: CK_ULONG) -> Result<usize, Error> {
        let count = usize::try_from(count).map_err(|_| Error::ArgumentsBad)?;
        let bytes = count.checked_mul(size_of::<T>()).ok_or(Error::ArgumentsBad)?;
        let possible = isize::try_from(bytes).is_ok() && (count == 0 || !self.is_null());
        possible.then_some(count).ok_or(Error::ArgumentsBad)
    }
}

impl<'a, T: Copy> Pointer<'a, T> {
    /// Copies of the values that the caller hands in; none for a count of 0, whatever the pointer. They may stand at
    /// any address; whoever asks for many has limited the count.
    pub fn values(self, count: CK_ULONG) -> Result<Vec<T>, Error> {
        let count = self.bounded(count)?;
        let value = |at| {
            // SAFETY: not null unless there are none, at most `isize::MAX` bytes, and the maker of the pointer vouches
            // for `count` values, of which this is one.
            let place = unsafe { self.raw.add(at) };
            // SAFETY: as above.
            unsafe { place.read_unaligned() }
        };
        Ok((0..count).map(value).collect())
    }

    /// The value that the caller hands in.
    pub fn read(self) -> Result<T, Error> {
        if self.is_null() {
            return Err(Error::ArgumentsBad);
        }
        // SAFETY: not null, and the maker of the pointer vouches for one value.
        Ok(unsafe { self.raw.read_unaligned() })
    }

    /// Checks that there is a place for an answer, before anything is done that ends in one.
    pub fn expect(self) -> Result<Self, Error> {
        if self.is_null() { Err(Error::ArgumentsBad) } else { Ok(self) }
    }

    /// Gives the caller a value.
    pub fn write(self, value: T) -> Result<(), Error> {
        if self.is_null() {
            return Err(Error::ArgumentsBad);
        }
        // SAFETY: not null, and the maker of the pointer vouches for the place of one value.
        unsafe { self.raw.write_unaligned(value) };
        Ok(())
    }

    /// Gives the caller values in a place for `count` of them.
    pub fn write_slice(self, values: &[T], count: CK_ULONG) -> Result<(), Error> {
        if values.len() > self.bounded(count)? {
            return Err(Error::BufferTooSmall);
        }
        if values.is_empty() {
            return Ok(());
        }
        // As bytes, because the place may be at any address.
        let (from, to) = (values.as_ptr().cast::<u8>(), self.raw.cast::<u8>());
        // SAFETY: not null, and `values` is no longer than the place that the maker of the pointer vouches for.
        unsafe { std::ptr::copy(from, to, size_of_val(values)) };
        Ok(())
    }

    /// The place of `count` values that the caller wants filled.
    ///
    /// # Safety
    ///
    /// Nobody else refers to it while the result lives.
    pub unsafe fn place(self, count: CK_ULONG) -> Result<&'a mut [MaybeUninit<T>], Error> {
        let count = self.bounded(count)?;
        if count == 0 {
            return Ok(&mut []);
        }
        // SAFETY: not null, at most `isize::MAX` bytes, the maker of the pointer vouches for the place of `count`
        // values, and the caller for nobody else referring to it. They need not be initialised.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.raw.cast(), count) })
    }
}

impl<'a> Pointer<'a, u8> {
    /// The bytes that the caller hands in; none for a count of 0, whatever the pointer.
    pub fn slice(self, count: CK_ULONG) -> Result<&'a [u8], Error> {
        let count = self.bounded(count)?;
        if count == 0 {
            return Ok(&[]);
        }
        // SAFETY: not null, at most `isize::MAX`, and the maker of the pointer vouches for `count` bytes that stay as
        // they are during the call.
        Ok(unsafe { std::slice::from_raw_parts(self.raw, count) })
    }

    /// As [`Pointer::slice`], where a null pointer means that there is nothing.
    pub fn optional_slice(self, count: CK_ULONG) -> Result<Option<&'a [u8]>, Error> {
        if self.is_null() { Ok(None) } else { self.slice(count).map(Some) }
    }

    /// Whether the zero-terminated text behind it is `expected`; reads no further than its end.
    pub fn is_text(self, expected: &CStr) -> bool {
        let is_byte = |(at, byte): (usize, &u8)| {
            // SAFETY: all bytes before `at` were read and are not 0, so the text reaches up to here.
            let place = unsafe { self.raw.add(at) };
            // SAFETY: as above.
            unsafe { place.read() == *byte }
        };
        !self.is_null() && expected.to_bytes_with_nul().iter().enumerate().all(is_byte)
    }
}

/// A place for results of unknown length (PKCS#11 section 5.2): a null buffer asks for the length, a short
/// one is told the length, a long enough one is filled.
#[derive(Clone, Copy)]
pub struct Buffer<'a, T> {
    data: Pointer<'a, T>,
    length: Pointer<'a, CK_ULONG>,
    room: CK_ULONG,
}

impl<'a, T: Copy> Buffer<'a, T> {
    /// A buffer and the place of its length, which must be there.
    pub fn new(data: Pointer<'a, T>, length: Pointer<'a, CK_ULONG>) -> Result<Self, Error> {
        let room = length.read()?;
        Ok(Self { data, length, room })
    }

    /// How much fits.
    pub fn room(&self) -> Room {
        if self.data.is_null() {
            Room::Query
        } else {
            Room::Values(usize::try_from(self.room).unwrap_or(usize::MAX))
        }
    }

    /// Answers with values, or with how many there are.
    pub fn fill(self, values: &[T]) -> Result<(), Error> {
        self.length.write(length(values.len())?)?;
        match self.room() {
            Room::Query => Ok(()),
            Room::Values(room) if values.len() > room => Err(Error::BufferTooSmall),
            Room::Values(_) => self.data.write_slice(values, self.room),
        }
    }
}

impl Buffer<'_, u8> {
    /// Answers with the outcome of an operation.
    pub fn answer(self, output: Output) -> Result<(), Error> {
        match output {
            Output::Length(needed) => self.length.write(length(needed)?),
            Output::TooSmall(needed) => {
                self.length.write(length(needed)?)?;
                Err(Error::BufferTooSmall)
            }
            Output::Bytes(bytes) => {
                let filled = self.fill(&bytes);
                coffer_client::give_back(bytes);
                filled
            }
        }
    }
}

/// A length as C counts.
pub fn length(length: usize) -> Result<CK_ULONG, Error> {
    CK_ULONG::try_from(length).map_err(|_| Error::GeneralError)
}

/// An argument of an exported function, and what safe code gets in its place.
pub trait Argument<'a> {
    /// What safe code gets.
    type Safe;

    /// Takes the argument.
    ///
    /// # Safety
    ///
    /// A pointer fulfils what [`Pointer::new`] asks.
    unsafe fn receive(self, call: &'a ()) -> Self::Safe;
}

impl<'a, T: 'a> Argument<'a> for *mut T {
    type Safe = Pointer<'a, T>;

    unsafe fn receive(self, call: &'a ()) -> Pointer<'a, T> {
        // SAFETY: this function asks for the same.
        unsafe { Pointer::new(self, call) }
    }
}

macro_rules! plain_arguments {
    ($($type:ty)*) => { $(
        impl<'a> Argument<'a> for $type {
            type Safe = Self;

            unsafe fn receive(self, _call: &'a ()) -> Self {
                self
            }
        }
    )* };
}

plain_arguments!(CK_ULONG CK_BBOOL CK_NOTIFY);
