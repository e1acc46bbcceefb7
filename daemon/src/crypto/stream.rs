//! Encryption and decryption of data that comes in parts.

use coffer_protocol::mechanism::{GcmParameter, Parameter, Scheme};
use zeroize::{Zeroize, Zeroizing};

use super::aes::{self, BLOCK, BlockMode, Ctr, GcmEncryptor};
use super::feedback::{Feedback, Way};
use super::one_shot::{self, mismatch};
use super::{Error, Key, chacha};

/// The most ciphertext held back until its tag is verified.
pub const MAX_HELD: usize = 1 << 20;

/// An encryption or a decryption under way.
pub struct Stream(State);

enum State {
    Blocks(Blocks),
    Ctr(Box<Ctr>),
    Feedback(Box<Feedback>),
    ChaCha(Box<chacha::Stream>),
    GcmEncrypt { mode: Box<GcmEncryptor>, tag_len: usize },
    GcmDecrypt { key: Box<aes::Aes>, parameter: GcmParameter, held: Vec<u8> },
}

impl State {
    /// Begins what is nearly the same both ways.
    fn keystream(
        key: &Key,
        scheme: Scheme,
        parameter: &Parameter,
        way: Way,
    ) -> Result<Self, Error> {
        Ok(match (scheme, key, parameter) {
            (Scheme::AesCtr, Key::Aes(key), Parameter::Ctr(ctr)) => {
                Self::Ctr(Box::new(Ctr::new(key, ctr)?))
            }
            (
                Scheme::AesCfb8 | Scheme::AesCfb128 | Scheme::AesOfb,
                Key::Aes(key),
                Parameter::Iv(iv),
            ) => {
                let kind = one_shot::stream_kind(scheme)?;
                Self::Feedback(Box::new(Feedback::new(key, kind, way, iv)))
            }
            (Scheme::ChaCha20, Key::Secret(key), Parameter::ChaCha(parameter)) => {
                Self::ChaCha(Box::new(chacha::Stream::new(key, parameter)?))
            }
            // These need their data whole.
            (
                Scheme::Sm4Gcm
                | Scheme::AesCcm
                | Scheme::AesCts
                | Scheme::AesXts
                | Scheme::ChaCha20Poly1305,
                ..,
            ) => return Err(Error::Mechanism),
            _ => return Err(mismatch(scheme, key)),
        })
    }
}

/// A block mode with the bytes that wait for the rest of their block.
struct Blocks {
    mode: Box<BlockMode>,
    held: Zeroizing<Vec<u8>>,
    end: End,
}

/// What happens at the end of a block mode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing may be left, and this is the error if something is.
    Whole(Error),
    /// Padding is added.
    Pad,
    /// Padding is taken off, so that the last block waits.
    Unpad,
}

impl Stream {
    /// Begins an encryption.
    pub fn encrypt(key: &Key, scheme: Scheme, parameter: &Parameter) -> Result<Self, Error> {
        Ok(Self(match (scheme, key, parameter) {
            (Scheme::AesEcb, Key::Aes(key), Parameter::None) => {
                let end = End::Whole(Error::DataLength);
                State::Blocks(Blocks::new(BlockMode::ecb_encryptor(key), end))
            }
            (Scheme::AesCbc, Key::Aes(key), Parameter::Iv(iv)) => State::Blocks(Blocks::new(
                BlockMode::cbc_encryptor(key, iv),
                End::Whole(Error::DataLength),
            )),
            (Scheme::AesCbcPad, Key::Aes(key), Parameter::Iv(iv)) => {
                State::Blocks(Blocks::new(BlockMode::cbc_encryptor(key, iv), End::Pad))
            }
            (Scheme::AesGcm, Key::Aes(key), Parameter::Gcm(gcm)) => State::GcmEncrypt {
                mode: Box::new(GcmEncryptor::new(key, gcm)),
                tag_len: gcm.tag_len(),
            },
            _ => State::keystream(key, scheme, parameter, Way::Encrypt)?,
        }))
    }

    /// Begins a decryption.
    pub fn decrypt(key: &Key, scheme: Scheme, parameter: &Parameter) -> Result<Self, Error> {
        Ok(Self(match (scheme, key, parameter) {
            (Scheme::AesEcb, Key::Aes(key), Parameter::None) => {
                let end = End::Whole(Error::EncryptedDataLength);
                State::Blocks(Blocks::new(BlockMode::ecb_decryptor(key), end))
            }
            (Scheme::AesCbc, Key::Aes(key), Parameter::Iv(iv)) => {
                let end = End::Whole(Error::EncryptedDataLength);
                State::Blocks(Blocks::new(BlockMode::cbc_decryptor(key, iv), end))
            }
            (Scheme::AesCbcPad, Key::Aes(key), Parameter::Iv(iv)) => {
                State::Blocks(Blocks::new(BlockMode::cbc_decryptor(key, iv), End::Unpad))
            }
            (Scheme::AesGcm, Key::Aes(key), Parameter::Gcm(gcm)) => {
                State::GcmDecrypt { key: key.clone(), parameter: gcm.clone(), held: Vec::new() }
            }
            _ => State::keystream(key, scheme, parameter, Way::Decrypt)?,
        }))
    }

    /// Processes one more part and appends to `output` what comes out at once.
    ///
    /// How much that is, `Mechanism::update_output` of the mechanism table tells beforehand. GCM
    /// decryption gives nothing before its tag is verified. After an error the stream is of no use.
    pub fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.0 {
            State::Blocks(blocks) => blocks.update(input, output),
            State::Ctr(mode) => append(input, output, |data| mode.apply(data)),
            State::Feedback(mode) => append(input, output, |data| {
                mode.apply(data);
                Ok(())
            }),
            State::ChaCha(mode) => append(input, output, |data| mode.apply(data)),
            State::GcmEncrypt { mode, .. } => append(input, output, |data| mode.apply(data)),
            State::GcmDecrypt { parameter, held, .. } => {
                let limit = MAX_HELD + parameter.tag_len();
                if input.len() > limit.saturating_sub(held.len()) {
                    return Err(Error::EncryptedDataLength);
                }
                held.extend_from_slice(input);
                Ok(())
            }
        }
    }

    /// How many bytes wait inside; the next argument for `Mechanism::update_output`.
    pub fn held(&self) -> usize {
        match &self.0 {
            State::Blocks(blocks) => blocks.held.len(),
            State::Ctr(_) | State::Feedback(_) | State::ChaCha(_) | State::GcmEncrypt { .. } => 0,
            State::GcmDecrypt { held, .. } => held.len(),
        }
    }

    /// Ends the stream and appends the rest of the result to `output`.
    pub fn finish(self, output: &mut Vec<u8>) -> Result<(), Error> {
        match self.0 {
            State::Blocks(blocks) => blocks.finish(output),
            State::Ctr(_) | State::Feedback(_) | State::ChaCha(_) => Ok(()),
            State::GcmEncrypt { mut mode, tag_len } => {
                output.extend_from_slice(mode.tag().get(..tag_len).ok_or(Error::Parameter)?);
                Ok(())
            }
            State::GcmDecrypt { key, parameter, mut held } => {
                let length = aes::gcm_decrypt(&key, &parameter, &mut held)?;
                output.extend_from_slice(&held[..length]);
                held.zeroize();
                Ok(())
            }
        }
    }
}

impl Blocks {
    fn new(mode: BlockMode, end: End) -> Self {
        Self { mode: Box::new(mode), held: Zeroizing::new(Vec::with_capacity(2 * BLOCK)), end }
    }

    fn update(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
        let total = self.held.len() + input.len();
        let ready = match self.end {
            End::Unpad => total.saturating_sub(1) / BLOCK * BLOCK,
            End::Whole(_) | End::Pad => total - total % BLOCK,
        };
        if ready == 0 {
            self.held.extend_from_slice(input);
            return Ok(());
        }
        let start = output.len();
        // No more than a block waits, so at least what waits is ready.
        let (now, later) = input.split_at(ready - self.held.len());
        output.extend_from_slice(&self.held);
        output.extend_from_slice(now);
        self.mode.apply(&mut output[start..])?;
        self.held.zeroize();
        self.held.extend_from_slice(later);
        Ok(())
    }

    fn finish(mut self, output: &mut Vec<u8>) -> Result<(), Error> {
        let length = self.held.len();
        match self.end {
            End::Whole(error) => {
                if length == 0 {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            End::Pad => {
                self.held.resize(BLOCK, 0);
                aes::pad(&mut self.held, length)?;
                self.mode.apply(&mut self.held)?;
                output.extend_from_slice(&self.held);
                Ok(())
            }
            End::Unpad => {
                if length != BLOCK {
                    return Err(Error::EncryptedDataLength);
                }
                self.mode.apply(&mut self.held)?;
                let block = self.held.first_chunk().ok_or(Error::Internal)?;
                let kept = aes::unpad(block)?;
                output.extend_from_slice(&self.held[..kept]);
                Ok(())
            }
        }
    }
}

/// Appends `input` to `output` and transforms it there.
fn append(
    input: &[u8],
    output: &mut Vec<u8>,
    transform: impl FnOnce(&mut [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = output.len();
    output.extend_from_slice(input);
    let result = transform(&mut output[start..]);
    if result.is_err() {
        output[start..].zeroize();
        output.truncate(start);
    }
    result
}
