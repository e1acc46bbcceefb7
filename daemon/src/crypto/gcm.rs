//! Galois/counter mode, SP 800-38D, in one piece or in parts, with IVs and tags of any length.

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, StreamCipher};
use ctr::{Ctr32BE, CtrCore};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::Error;

/// One block.
type Block = Array<u8, U16>;

/// The longest message, SP 800-38D section 5.2.1.1.
const MAX: u64 = (1 << 36) - 32;

/// The hash key of a cipher, prepared.
pub(super) fn hash_key(cipher: &impl BlockCipherEncrypt<BlockSize = U16>) -> GHash {
    let mut subkey = Block::default();
    cipher.encrypt_block(&mut subkey);
    let ghash = GHash::new(&subkey);
    subkey.zeroize();
    ghash
}

/// A message under way; `C` is a block cipher or a reference to one.
pub(super) struct Gcm<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> {
    keystream: Ctr32BE<C>,
    ghash: GHash,
    /// What the counter gives for J0; it hides the tag.
    mask: [u8; 16],
    /// Ciphertext that does not fill a block yet.
    partial: [u8; 16],
    aad: u64,
    total: u64,
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Gcm<C> {
    /// Begins a message with the cipher's hash key.
    pub(super) fn new(cipher: C, ghash: &GHash, iv: &[u8], aad: &[u8]) -> Self {
        let mut ghash = ghash.clone();
        let first = first_block(&ghash, iv);
        ghash.update_padded(aad);
        let mut keystream = Ctr32BE::from_core(CtrCore::inner_iv_init(cipher, &first));
        let mut mask = [0; 16];
        keystream.apply_keystream(&mut mask);
        Self { keystream, ghash, mask, partial: [0; 16], aad: aad.len() as u64, total: 0 }
    }

    /// Encrypts the next part in place.
    pub(super) fn encrypt(&mut self, data: &mut [u8]) -> Result<(), Error> {
        self.room(data)?;
        self.keystream.apply_keystream(data);
        self.absorb(data);
        Ok(())
    }

    /// The tag over everything encrypted.
    pub(super) fn tag(&mut self) -> [u8; 16] {
        let held = self.held();
        if held != 0 {
            self.ghash.update_padded(&self.partial[..held]);
        }
        let mut lengths = Block::default();
        lengths[..8].copy_from_slice(&(self.aad * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(self.total * 8).to_be_bytes());
        self.ghash.update(&[lengths]);
        let mut tag: [u8; 16] = self.ghash.clone().finalize().into();
        for (byte, mask) in tag.iter_mut().zip(self.mask) {
            *byte ^= mask;
        }
        tag
    }

    /// Checks the tag over a whole ciphertext, then decrypts it in place.
    pub(super) fn decrypt(mut self, data: &mut [u8], tag: &[u8]) -> Result<(), Error> {
        self.room(data)?;
        self.absorb(data);
        let expected = Zeroizing::new(self.tag());
        if !bool::from(expected[..tag.len().min(16)].ct_eq(tag)) {
            return Err(Error::EncryptedDataInvalid);
        }
        self.keystream.apply_keystream(data);
        Ok(())
    }

    fn room(&self, data: &[u8]) -> Result<(), Error> {
        let total = self.total.checked_add(data.len() as u64);
        if total.is_some_and(|total| total <= MAX) { Ok(()) } else { Err(Error::DataLength) }
    }

    /// How much of `partial` is in use.
    fn held(&self) -> usize {
        (self.total % 16) as usize
    }

    /// Takes ciphertext into the authentication, keeping back what does not fill a block.
    fn absorb(&mut self, mut data: &[u8]) {
        let held = self.held();
        self.total += data.len() as u64;
        if held != 0 {
            let (first, rest) = data.split_at(data.len().min(16 - held));
            self.partial[held..held + first.len()].copy_from_slice(first);
            data = rest;
            if held + first.len() < 16 {
                return;
            }
            self.ghash.update(&[self.partial.into()]);
        }
        let (blocks, rest) = Block::slice_as_chunks(data);
        self.ghash.update(blocks);
        self.partial[..rest.len()].copy_from_slice(rest);
    }
}

/// The block J0, SP 800-38D section 7.1 step 2.
fn first_block(ghash: &GHash, iv: &[u8]) -> Block {
    let mut block = Block::default();
    if iv.len() == 12 {
        block[..12].copy_from_slice(iv);
        block[15] = 1;
        return block;
    }
    let mut ghash = ghash.clone();
    ghash.update_padded(iv);
    block[8..].copy_from_slice(&(iv.len() as u64 * 8).to_be_bytes());
    ghash.update(&[block]);
    ghash.finalize()
}
