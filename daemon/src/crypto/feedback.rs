//! Modes that make a stream of a block cipher: CFB with segments of 8 and of 128 bits, and OFB (SP 800-38A sections
//! 6.3 and 6.4); and ciphertext stealing (its addendum).
//!
//! They are written over one function that encrypts a block, so that they are there once and not once for each
//! size of key.

use zeroize::Zeroizing;

use super::Error;
use super::aes::{Aes, BLOCK, BlockMode};

/// Which mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// CFB, a byte at a time.
    Cfb8,
    /// CFB, a block at a time; the last may be shorter.
    Cfb128,
    /// OFB.
    Ofb,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Encryption.
    Encrypt,
    /// Decryption.
    Decrypt,
}

/// A stream under way.
pub(super) struct Feedback {
    key: Aes,
    kind: Kind,
    way: Way,
    /// What is encrypted next.
    input: Zeroizing<[u8; BLOCK]>,
    /// What was encrypted last, and how much of it is used.
    pad: Zeroizing<[u8; BLOCK]>,
    used: usize,
}

impl Feedback {
    pub(super) fn new(key: &Aes, kind: Kind, way: Way, iv: &[u8; BLOCK]) -> Self {
        let (input, pad) = (Zeroizing::new(*iv), Zeroizing::new([0; BLOCK]));
        Self { key: key.clone(), kind, way, input, pad, used: BLOCK }
    }

    /// Encrypts or decrypts the next part in place.
    pub(super) fn apply(&mut self, data: &mut [u8]) {
        for byte in data {
            let given = *byte;
            if self.kind == Kind::Cfb8 {
                self.refill();
                *byte ^= self.pad[0];
                self.input.rotate_left(1);
                self.input[BLOCK - 1] = self.ciphertext(given, *byte);
                continue;
            }
            if self.used == BLOCK {
                self.refill();
            }
            *byte ^= self.pad[self.used];
            self.input[self.used] = match self.kind {
                Kind::Ofb => self.pad[self.used],
                Kind::Cfb8 | Kind::Cfb128 => self.ciphertext(given, *byte),
            };
            self.used += 1;
        }
    }

    fn refill(&mut self) {
        *self.pad = *self.input;
        self.key.encrypt_block(&mut self.pad);
        self.used = 0;
    }

    const fn ciphertext(&self, before: u8, after: u8) -> u8 {
        match self.way {
            Way::Encrypt => after,
            Way::Decrypt => before,
        }
    }
}

/// Encrypts or decrypts in CBC mode with ciphertext stealing, variant CS1, which is CBC where there are whole blocks.
///
/// # Errors
///
/// Less than a block has nothing to steal from: [`Error::DataLength`].
pub(super) fn steal(key: &Aes, way: Way, iv: &[u8; BLOCK], data: &mut [u8]) -> Result<(), Error> {
    if data.len() < BLOCK {
        return Err(Error::DataLength);
    }
    let odd = data.len() % BLOCK;
    let whole = data.len() - odd;
    if way == Way::Encrypt {
        let mut mode = BlockMode::cbc_encryptor(key, iv);
        mode.apply(&mut data[..whole])?;
        if odd == 0 {
            return Ok(());
        }
        // The last block, filled with zeros, follows the block before it; that one is cut to what was missing.
        let mut last = Zeroizing::new([0; BLOCK]);
        last[..odd].copy_from_slice(&data[whole..]);
        mode.apply(&mut *last)?;
        let start = whole - BLOCK + odd;
        data[start..].copy_from_slice(&*last);
        return Ok(());
    }
    if odd == 0 {
        return BlockMode::cbc_decryptor(key, iv).apply(data);
    }
    let start = whole - BLOCK + odd;
    let mut last = Zeroizing::new([0; BLOCK]);
    last.copy_from_slice(&data[start..]);
    key.decrypt_block(&mut last);
    // What the cut block lacks is what the last one, decrypted, has behind the plaintext's end.
    let cut = whole - BLOCK;
    for index in 0..odd {
        last[index] ^= data[cut + index];
    }
    data[start..start + BLOCK - odd].copy_from_slice(&last[odd..]);
    BlockMode::cbc_decryptor(key, iv).apply(&mut data[..whole])?;
    data[whole..].copy_from_slice(&last[..odd]);
    Ok(())
}
