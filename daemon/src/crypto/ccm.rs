//! Counter with CBC-MAC, SP 800-38C, in one piece, with nonces and tags of every length it allows.

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, StreamCipher};
use coffer_protocol::mechanism::CcmParameter;
use ctr::{Ctr128BE, CtrCore};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Error;

/// A block cipher of AES's block size.
pub(super) trait Cipher: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> {}
impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Cipher for C {}

/// Encrypts `data`, of the length that the parameter names, in place and gives the full tag.
pub(super) fn encrypt<C: Cipher>(
    cipher: &C,
    parameter: &CcmParameter,
    data: &mut [u8],
) -> Result<Zeroizing<[u8; 16]>, Error> {
    if parameter.data_len != data.len() as u64 {
        return Err(Error::DataLength);
    }
    let mut tag = code(cipher, parameter, data)?;
    let mut keystream = keystream(cipher, parameter)?;
    keystream.apply_keystream(&mut *tag);
    keystream.apply_keystream(data);
    Ok(tag)
}

/// Decrypts `data` in place and checks its tag; if that is wrong, `data` is encrypted again.
pub(super) fn decrypt<C: Cipher>(
    cipher: &C,
    parameter: &CcmParameter,
    data: &mut [u8],
    tag: &[u8],
) -> Result<(), Error> {
    let whole = data.len() + tag.len();
    // Some clients name the length of what they hold, which is the ciphertext.
    if ![data.len() as u64, whole as u64].contains(&parameter.data_len) {
        return Err(Error::EncryptedDataLength);
    }
    let mut keystream_of_data = keystream(cipher, parameter)?;
    let mut mask = Zeroizing::new([0; 16]);
    keystream_of_data.apply_keystream(&mut *mask);
    keystream_of_data.apply_keystream(data);
    let mut expected = code(cipher, parameter, data)?;
    for (byte, mask) in expected.iter_mut().zip(*mask) {
        *byte ^= mask;
    }
    let right = expected.get(..tag.len()).is_some_and(|expected| bool::from(expected.ct_eq(tag)));
    if right {
        return Ok(());
    }
    let mut again = keystream(cipher, parameter)?;
    again.apply_keystream(&mut *mask);
    again.apply_keystream(data);
    Err(Error::EncryptedDataInvalid)
}

/// The counter mode of appendix A.3, at the block that hides the tag.
fn keystream<'c, C: Cipher>(
    cipher: &'c C,
    parameter: &CcmParameter,
) -> Result<Ctr128BE<&'c C>, Error> {
    let mut block = Array::<u8, U16>::default();
    let length = length_bytes(parameter)?;
    block[0] = length - 1;
    block[1..=parameter.nonce.len()].copy_from_slice(&parameter.nonce);
    // The length of the message is within its bytes, so the counter does not run into the nonce.
    Ok(Ctr128BE::from_core(CtrCore::inner_iv_init(cipher, &block)))
}

/// How many bytes the length of the message has: what the nonce leaves of 15. Nonces and tags of
/// lengths that section A.1 does not know are refused.
fn length_bytes(parameter: &CcmParameter) -> Result<u8, Error> {
    if !matches!(parameter.tag_len, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
        return Err(Error::Parameter);
    }
    match parameter.nonce.len() {
        length @ 7..=13 => u8::try_from(15 - length).map_err(|_| Error::Internal),
        _ => Err(Error::Parameter),
    }
}

/// The CBC-MAC over the blocks of appendix A.2.
fn code<C: Cipher>(
    cipher: &C,
    parameter: &CcmParameter,
    data: &[u8],
) -> Result<Zeroizing<[u8; 16]>, Error> {
    let length = length_bytes(parameter)?;
    let tag = u8::try_from(parameter.tag_len).map_err(|_| Error::Parameter)?;
    let aad = &parameter.aad;
    let mut first = [0; 16];
    first[8..].copy_from_slice(&(data.len() as u64).to_be_bytes());
    first[0] = u8::from(!aad.is_empty()) << 6 | (tag.saturating_sub(2) / 2) << 3 | (length - 1);
    first[1..=parameter.nonce.len()].copy_from_slice(&parameter.nonce);
    let mut mac = CbcMac { cipher, state: Zeroizing::new([0; 16]), at: 0 };
    mac.update(&first);
    if !aad.is_empty() {
        match u16::try_from(aad.len()) {
            Ok(short) if short < 0xff00 => mac.update(&short.to_be_bytes()),
            _ => {
                let long = u32::try_from(aad.len()).map_err(|_| Error::Parameter)?;
                mac.update(&[0xff, 0xfe]);
                mac.update(&long.to_be_bytes());
            }
        }
        mac.update(aad);
        mac.fill();
    }
    mac.update(data);
    mac.fill();
    Ok(mac.state)
}

/// CBC-MAC under way.
struct CbcMac<'c, C> {
    cipher: &'c C,
    state: Zeroizing<[u8; 16]>,
    at: usize,
}

impl<C: Cipher> CbcMac<'_, C> {
    fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(16 - self.at));
            for (state, byte) in self.state[self.at..].iter_mut().zip(now) {
                *state ^= byte;
            }
            self.at += now.len();
            data = later;
            if self.at == 16 {
                self.encrypt();
            }
        }
    }

    /// Ends a part with zeros.
    fn fill(&mut self) {
        if self.at != 0 {
            self.encrypt();
        }
    }

    fn encrypt(&mut self) {
        self.cipher.encrypt_block((&mut *self.state).into());
        self.at = 0;
    }
}
