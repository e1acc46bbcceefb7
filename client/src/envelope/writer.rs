//! Plaintext in, envelope out.

use std::io::{self, Write};

use secrecy::SecretSlice;
use zeroize::Zeroizing;

use super::segment::{Cipher, Place};
use super::{Error, Header};

/// Encrypts what is written to it, in the memory of one segment.
///
/// An envelope is whole after [`Writer::finish`] only; one that was not finished is refused by who reads it.
pub struct Writer<W: Write> {
    output: W,
    cipher: Cipher,
    /// The segment that is being filled; with room for all of it, so that it never moves.
    segment: Zeroizing<Vec<u8>>,
    size: usize,
    number: u64,
    failed: bool,
}

impl<W: Write> Writer<W> {
    /// Writes the header; `data_key` is the one that it has encrypted.
    pub(super) fn new(
        header: &Header,
        data_key: &SecretSlice<u8>,
        mut output: W,
    ) -> Result<Self, Error> {
        let cipher = Cipher::new(header, data_key)?;
        header.write(&mut output)?;
        let size = header.segment();
        let segment = Zeroizing::new(Vec::with_capacity(size));
        Ok(Self { output, cipher, segment, size, number: 0, failed: false })
    }

    /// Writes the last segment, and returns the output.
    ///
    /// # Errors
    ///
    /// [`Error::Writing`]; [`Error::GivenUp`] where writing has failed before.
    pub fn finish(mut self) -> Result<W, Error> {
        self.put(Place::Last)?;
        self.output.flush().map_err(Error::Writing)?;
        Ok(self.output)
    }

    /// Takes as much as there is room for, at least a byte.
    fn take(&mut self, plaintext: &[u8]) -> Result<usize, Error> {
        if plaintext.is_empty() {
            return Ok(0);
        }
        // A full segment waits here until something follows it, because the last one is marked.
        if self.segment.len() == self.size {
            self.put(Place::Inside)?;
        }
        let length = plaintext.len().min(self.size - self.segment.len());
        self.segment.extend_from_slice(&plaintext[..length]);
        Ok(length)
    }

    fn put(&mut self, place: Place) -> Result<(), Error> {
        if self.failed {
            return Err(Error::GivenUp);
        }
        // Half of a segment may be written when an error comes, and no nonce is used twice.
        self.failed = true;
        let tag = self.cipher.seal(self.number, place, &mut self.segment)?;
        self.output.write_all(&self.segment).map_err(Error::Writing)?;
        self.output.write_all(&tag).map_err(Error::Writing)?;
        self.segment.clear();
        self.number += 1;
        self.failed = false;
        Ok(())
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        Ok(self.take(plaintext)?)
    }

    /// Flushes the output; a segment that is not full stays here.
    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
