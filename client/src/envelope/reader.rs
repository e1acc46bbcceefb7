//! Envelope in, plaintext out.

use std::io::{self, Read};

use secrecy::SecretSlice;
use zeroize::Zeroizing;

use super::segment::{Cipher, Place, TAG};
use super::{Error, Header};

/// Decrypts an envelope, in the memory of one segment. Nothing of a segment is given out before all of it was found to
/// be authentic.
///
/// That the end was reached is told by [`Reader::next_segment`] returning `None`, by [`Read::read`] returning 0, and
/// by [`Reader::is_whole`]: an envelope that was cut off ends with an error.
pub struct Reader<R: Read> {
    input: R,
    cipher: Cipher,
    /// A segment, its tag, and the first byte of the next, which shows that it is not the last.
    buffer: Zeroizing<Vec<u8>>,
    /// Bytes of the buffer that were read and not yet decrypted.
    filled: usize,
    /// What of the plaintext in the buffer was not given out by [`Read::read`].
    plaintext: std::ops::Range<usize>,
    number: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Whole,
    Failed,
}

impl<R: Read> Reader<R> {
    /// Reads what follows the header; `data_key` is the one that it has encrypted.
    pub(super) fn new(
        header: &Header,
        data_key: &SecretSlice<u8>,
        input: R,
    ) -> Result<Self, Error> {
        Ok(Self {
            input,
            cipher: Cipher::new(header, data_key)?,
            buffer: Zeroizing::new(vec![0; header.segment() + TAG + 1]),
            filled: 0,
            plaintext: 0..0,
            number: 0,
            state: State::Reading,
        })
    }

    /// The plaintext of the next segment; `None` after the last, which is when the envelope was whole.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Truncated`], [`Error::Trailing`], [`Error::Header`] for an empty segment at the
    /// end, [`Error::Reading`]; [`Error::GivenUp`] after any of them.
    pub fn next_segment(&mut self) -> Result<Option<&[u8]>, Error> {
        match self.state {
            State::Whole => return Ok(None),
            State::Failed => return Err(Error::GivenUp),
            State::Reading => {}
        }
        self.state = State::Failed;
        self.plaintext = 0..0;
        let (place, length) = self.fill()?;
        self.open(place, length)?;
        self.state = match place {
            Place::Inside => State::Reading,
            Place::Last => State::Whole,
        };
        self.number += 1;
        self.plaintext = 0..length;
        // An empty segment is the end of an empty envelope, and nobody needs to see it.
        Ok((length > 0).then_some(&self.buffer[..length]))
    }

    /// Whether the end of the envelope was reached.
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// Reads a segment; tells whether it is the last, and how much plaintext it has.
    fn fill(&mut self) -> Result<(Place, usize), Error> {
        let most = self.buffer.len();
        if self.number > 0 {
            // The byte behind the segment before it was the first of this one.
            self.buffer[0] = self.buffer[most - 1];
            self.filled = 1;
        }
        while self.filled < most {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => break,
                Ok(length) => self.filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Reading(error)),
            }
        }
        if self.filled == most {
            return Ok((Place::Inside, most - 1 - TAG));
        }
        let length = self.filled.checked_sub(TAG);
        length.map(|length| (Place::Last, length)).ok_or(Error::Truncated { segments: self.number })
    }

    fn open(&mut self, place: Place, length: usize) -> Result<(), Error> {
        let (segment, rest) = self.buffer.split_at_mut(length);
        let tag = *rest.first_chunk::<TAG>().ok_or(Error::Damaged { segment: self.number })?;
        if let Err(error) = self.cipher.open(self.number, place, segment, tag) {
            return Err(self.explain(place, length, tag).unwrap_or(error));
        }
        if place == Place::Last && length == 0 && self.number > 0 {
            return Err(Error::Header("an empty segment follows the last one"));
        }
        Ok(())
    }

    /// A segment that is authentic in the other place shows where the envelope was cut, or what was put behind it.
    fn explain(&mut self, place: Place, length: usize, tag: [u8; TAG]) -> Option<Error> {
        let (other, error) = match place {
            Place::Inside => (Place::Last, Error::Trailing),
            Place::Last => (Place::Inside, Error::Truncated { segments: self.number + 1 }),
        };
        let opened = self.cipher.open(self.number, other, &mut self.buffer[..length], tag);
        // Nobody gets to see it, so it does not stay in clear.
        zeroize::Zeroize::zeroize(&mut self.buffer[..length]);
        opened.is_ok().then_some(error)
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        if self.plaintext.is_empty() && self.next_segment()?.is_none() {
            return Ok(0);
        }
        let length = self.plaintext.len().min(output.len());
        let from = self.plaintext.start;
        output[..length].copy_from_slice(&self.buffer[from..from + length]);
        self.plaintext.start += length;
        Ok(length)
    }
}
