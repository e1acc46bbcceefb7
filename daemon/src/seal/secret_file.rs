//! Reading a secret from a file straight into secret memory, and judging whether it is one.

use super::aead;
use super::provider::Refusal;
use crate::vault::{self, Buffer, Inside, Release};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Longest secret that is accepted.
const LONGEST: usize = 4096;
/// Shortest: 256 bits.
const SHORTEST: usize = 32;

/// The content of a secret file, in the vault.
pub(super) struct SecretFile {
    buffer: Buffer,
    length: usize,
}

impl SecretFile {
    /// Reads the file with read(2) into the arena; `forbidden` are mode bits it must not have.
    pub(super) fn read(path: &Path, forbidden: u32) -> Result<Self, Refusal> {
        // O_NONBLOCK: a FIFO of that name must not hang the daemon before it is refused.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
        let file = file.map_err(|e| Refusal::io(&e))?;
        let metadata = file.metadata().map_err(|e| Refusal::io(&e))?;
        if !metadata.is_file() {
            return Err(Refusal::NotAFile);
        }
        if metadata.mode() & forbidden != 0 {
            return Err(Refusal::Mode(metadata.mode() & 0o7777));
        }
        let mut buffer = Buffer::new(LONGEST + 1).map_err(Refusal::Vault)?;
        let mut length = 0;
        while length < buffer.capacity() {
            match buffer.receive(file.as_fd(), length) {
                Ok(0) => break,
                Ok(n) => length += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Refusal::io(&e)),
            }
        }
        if length > LONGEST {
            return Err(Refusal::TooLong);
        }
        Ok(Self { buffer, length })
    }

    /// The wrapping key that the secret gives, or why it is none.
    pub(super) fn key(&self, inside: &Inside<'_>) -> Result<Zeroizing<[u8; 32]>, Unfit> {
        wrapping_key(self.buffer.secret(inside, 0..self.length))
    }
}

/// Why a secret does not wrap or unwrap, as told inside the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    TooShort,
    DoesNotFit,
    NoRoom,
    Random,
}

impl Release for Unfit {}

impl From<vault::Error> for Unfit {
    fn from(_: vault::Error) -> Self {
        Self::NoRoom
    }
}

impl From<aead::Error> for Unfit {
    fn from(error: aead::Error) -> Self {
        match error {
            aead::Error::DoesNotOpen => Self::DoesNotFit,
            aead::Error::Random => Self::Random,
        }
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::TooShort => Self::TooShort,
            Unfit::DoesNotFit => Self::DoesNotFit,
            Unfit::NoRoom => Self::Vault(vault::Error::Full),
            Unfit::Random => Self::Random,
        }
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        self.buffer.wipe(0..self.length);
    }
}

/// 64 hex digits stand for 32 bytes, all else for itself; HKDF makes the wrapping key of it.
fn wrapping_key(content: &[u8]) -> Result<Zeroizing<[u8; 32]>, Unfit> {
    let line = content.strip_suffix(b"\n").unwrap_or(content);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut decoded = Zeroizing::new([0; 32]);
    let hex = from_hex(line, &mut decoded);
    let secret: &[u8] = match (hex, line.len()) {
        (true, 64) => decoded.as_slice(),
        (true, 0..64) => return Err(Unfit::TooShort), // at most 4 bits a byte
        _ => content,
    };
    if secret.len() < SHORTEST {
        return Err(Unfit::TooShort);
    }
    if secret.iter().all(|b| *b == secret[0]) {
        return Err(Unfit::TooShort);
    }
    Ok(aead::derive_from(secret, "coffer/1/slot"))
}

/// Decodes hex digits without branches on them; says whether all of `text` were digits.
fn from_hex(text: &[u8], out: &mut [u8; 32]) -> bool {
    let mut digits = 1;
    for (i, c) in text.iter().enumerate() {
        let (number, letter) = (c.wrapping_sub(b'0'), (c | 0x20).wrapping_sub(b'a'));
        let (is_number, is_letter) = (u8::from(number < 10), u8::from(letter < 6));
        let value =
            number & is_number.wrapping_neg() | letter.wrapping_add(10) & is_letter.wrapping_neg();
        digits &= is_number | is_letter;
        if let Some(byte) = out.get_mut(i / 2) {
            *byte = *byte << 4 | value;
        }
    }
    digits == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(content: &[u8]) -> Result<[u8; 32], Unfit> {
        wrapping_key(content).map(|k| *k)
    }

    #[test]
    fn hex_of_either_case_with_or_without_newline_and_the_raw_bytes_are_one_secret() {
        let raw: Vec<u8> = (0xA0..0xC0).collect();
        let text = hex::encode(&raw);
        let expected = key(&raw).unwrap();
        for form in [text.clone(), text.to_uppercase(), format!("{text}\n"), format!("{text}\r\n")]
        {
            assert_eq!(key(form.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn a_longer_secret_counts_in_full() {
        let long = [b"0123456789abcdef0123456789abcdef-and-more".as_slice(), b"x"].concat();
        assert_ne!(key(&long).unwrap(), key(&long[..long.len() - 1]).unwrap());
    }

    #[test]
    fn less_than_256_bits_is_refused() {
        let weak: [&[u8]; 6] = [
            b"",
            b"\n",
            b"short",
            &[0; 64],
            b"0123456789abcdef0123456789abcdef",
            b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        ];
        for content in weak {
            assert_eq!(key(content), Err(Unfit::TooShort), "{content:?}");
        }
    }
}
