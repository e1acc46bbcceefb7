//! AES (FIPS 197) in the modes ECB, CBC, CTR (SP 800-38A), CCM and GCM, in place and in parts; and
//! as CMAC.

use std::sync::Arc;

use aes::cipher::array::Array;
use aes::cipher::common::InnerInit as _;
use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser,
    InnerIvInit, KeyInit, StreamCipher,
};
use aes::{Aes128, Aes192, Aes256};
use cmac::Mac as _;
use coffer_protocol::mechanism::{CcmParameter, CtrParameter, GcmParameter};
use ctr::{Ctr128BE, CtrCore};
use ghash::GHash;
use zeroize::Zeroize;

use super::Error;
use super::fast::BulkGcm;
use super::gcm::Gcm;
use super::{ccm, gcm};

/// The length of a block.
pub(super) const BLOCK: usize = 16;

/// A prepared AES key.
#[derive(Clone)]
pub struct Aes {
    schedule: Schedule,
    /// For GCM.
    ghash: GHash,
    /// For long messages in GCM.
    bulk: Option<Arc<BulkGcm>>,
}

#[derive(Clone)]
enum Schedule {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

/// Runs an expression with `$cipher` standing for the key's cipher, cloned.
macro_rules! with_cipher {
    ($key:expr, $cipher:ident => $run:expr) => {
        match &$key.schedule {
            Schedule::Aes128($cipher) => $run,
            Schedule::Aes192($cipher) => $run,
            Schedule::Aes256($cipher) => $run,
        }
    };
}

impl Aes {
    /// Prepares a key of 16, 24 or 32 bytes.
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        let schedule = match key.len() {
            16 => Aes128::new_from_slice(key).map(Schedule::Aes128),
            24 => Aes192::new_from_slice(key).map(Schedule::Aes192),
            32 => Aes256::new_from_slice(key).map(Schedule::Aes256),
            _ => return Err(Error::KeySize),
        };
        let bulk = BulkGcm::new(key).map(Arc::new);
        let schedule = schedule.map_err(|_| Error::KeySize)?;
        let ghash = match &schedule {
            Schedule::Aes128(aes) => gcm::hash_key(aes),
            Schedule::Aes192(aes) => gcm::hash_key(aes),
            Schedule::Aes256(aes) => gcm::hash_key(aes),
        };
        Ok(Self { schedule, ghash, bulk })
    }

    /// Encrypts one block.
    pub(super) fn encrypt_block(&self, block: &mut [u8; BLOCK]) {
        with_cipher!(self, aes => aes.encrypt_block(block.into()));
    }

    /// Decrypts one block.
    pub(super) fn decrypt_block(&self, block: &mut [u8; BLOCK]) {
        with_cipher!(self, aes => aes.decrypt_block(block.into()));
    }

    /// The size of the key in bits.
    pub const fn bits(&self) -> usize {
        match self.schedule {
            Schedule::Aes128(_) => 128,
            Schedule::Aes192(_) => 192,
            Schedule::Aes256(_) => 256,
        }
    }
}

/// ECB or CBC under way, in either direction, over whole blocks.
pub(super) struct BlockMode(BlockState);

enum BlockState {
    EncryptEach(Aes),
    DecryptEach(Aes),
    Encrypt128(cbc::Encryptor<Aes128>),
    Encrypt192(cbc::Encryptor<Aes192>),
    Encrypt256(cbc::Encryptor<Aes256>),
    Decrypt128(cbc::Decryptor<Aes128>),
    Decrypt192(cbc::Decryptor<Aes192>),
    Decrypt256(cbc::Decryptor<Aes256>),
}

impl BlockMode {
    pub(super) fn ecb_encryptor(key: &Aes) -> Self {
        Self(BlockState::EncryptEach(key.clone()))
    }

    pub(super) fn ecb_decryptor(key: &Aes) -> Self {
        Self(BlockState::DecryptEach(key.clone()))
    }

    pub(super) fn cbc_encryptor(key: &Aes, iv: &[u8; BLOCK]) -> Self {
        let iv = iv.into();
        Self(match &key.schedule {
            Schedule::Aes128(aes) => {
                BlockState::Encrypt128(cbc::Encryptor::inner_iv_init(aes.clone(), iv))
            }
            Schedule::Aes192(aes) => {
                BlockState::Encrypt192(cbc::Encryptor::inner_iv_init(aes.clone(), iv))
            }
            Schedule::Aes256(aes) => {
                BlockState::Encrypt256(cbc::Encryptor::inner_iv_init(aes.clone(), iv))
            }
        })
    }

    pub(super) fn cbc_decryptor(key: &Aes, iv: &[u8; BLOCK]) -> Self {
        let iv = iv.into();
        Self(match &key.schedule {
            Schedule::Aes128(aes) => {
                BlockState::Decrypt128(cbc::Decryptor::inner_iv_init(aes.clone(), iv))
            }
            Schedule::Aes192(aes) => {
                BlockState::Decrypt192(cbc::Decryptor::inner_iv_init(aes.clone(), iv))
            }
            Schedule::Aes256(aes) => {
                BlockState::Decrypt256(cbc::Decryptor::inner_iv_init(aes.clone(), iv))
            }
        })
    }

    /// Processes whole blocks in place.
    pub(super) fn apply(&mut self, data: &mut [u8]) -> Result<(), Error> {
        let (blocks, rest) = Array::<u8, U16>::slice_as_chunks_mut(data);
        if !rest.is_empty() {
            return Err(Error::Internal);
        }
        match &mut self.0 {
            BlockState::EncryptEach(key) => with_cipher!(key, aes => aes.encrypt_blocks(blocks)),
            BlockState::DecryptEach(key) => with_cipher!(key, aes => aes.decrypt_blocks(blocks)),
            BlockState::Encrypt128(mode) => mode.encrypt_blocks(blocks),
            BlockState::Encrypt192(mode) => mode.encrypt_blocks(blocks),
            BlockState::Encrypt256(mode) => mode.encrypt_blocks(blocks),
            BlockState::Decrypt128(mode) => mode.decrypt_blocks(blocks),
            BlockState::Decrypt192(mode) => mode.decrypt_blocks(blocks),
            BlockState::Decrypt256(mode) => mode.decrypt_blocks(blocks),
        }
        Ok(())
    }
}

/// Writes PKCS#7 padding into `buffer` after the first `length` bytes and gives the new length.
pub(super) fn pad(buffer: &mut [u8], length: usize) -> Result<usize, Error> {
    let amount = BLOCK - length % BLOCK;
    let padding = buffer.get_mut(length..length + amount).ok_or(Error::Internal)?;
    padding.fill(u8::try_from(amount).map_err(|_| Error::Internal)?);
    Ok(length + amount)
}

/// The length of what stands before the PKCS#7 padding of a decrypted last block.
///
/// The bytes are compared without branches; that the padding is wrong is told to the caller, as
/// PKCS#11 asks for. Data that must not be probed this way belongs in GCM.
pub(super) fn unpad(block: &[u8; BLOCK]) -> Result<usize, Error> {
    let amount = block[BLOCK - 1];
    let mut wrong = u8::from(amount == 0) | u8::from(usize::from(amount) > BLOCK);
    for (index, byte) in (0..).zip(block.iter().rev()) {
        let inside = 0_u8.wrapping_sub(u8::from(index < amount));
        wrong |= inside & (byte ^ amount);
    }
    if wrong == 0 { Ok(BLOCK - usize::from(amount)) } else { Err(Error::EncryptedDataInvalid) }
}

/// CTR under way.
pub(super) struct Ctr {
    state: CtrState,
    /// How many more bytes the counter bits allow.
    left: u128,
}

enum CtrState {
    Aes128(Ctr128BE<Aes128>),
    Aes192(Ctr128BE<Aes192>),
    Aes256(Ctr128BE<Aes256>),
}

impl Ctr {
    /// The counter must not overflow its bits (PKCS#11 3.1 section 6.11.3), so within that limit
    /// the whole block can count.
    pub(super) fn new(key: &Aes, parameter: &CtrParameter) -> Result<Self, Error> {
        let bits = parameter.bits;
        if bits == 0 || bits > 128 {
            return Err(Error::Parameter);
        }
        let mask = u128::MAX >> (128 - bits);
        let blocks = mask - (u128::from_be_bytes(parameter.block) & mask);
        let left = blocks.saturating_add(1).saturating_mul(16);
        let block = &parameter.block;
        let state = match &key.schedule {
            Schedule::Aes128(aes) => CtrState::Aes128(keystream(aes, block)),
            Schedule::Aes192(aes) => CtrState::Aes192(keystream(aes, block)),
            Schedule::Aes256(aes) => CtrState::Aes256(keystream(aes, block)),
        };
        Ok(Self { state, left })
    }

    /// Encrypts or decrypts the next part in place.
    pub(super) fn apply(&mut self, data: &mut [u8]) -> Result<(), Error> {
        self.left = self.left.checked_sub(data.len() as u128).ok_or(Error::DataLength)?;
        match &mut self.state {
            CtrState::Aes128(mode) => mode.apply_keystream(data),
            CtrState::Aes192(mode) => mode.apply_keystream(data),
            CtrState::Aes256(mode) => mode.apply_keystream(data),
        }
        Ok(())
    }
}

fn keystream<C>(cipher: &C, block: &[u8; BLOCK]) -> Ctr128BE<C>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + Clone,
{
    Ctr128BE::from_core(CtrCore::inner_iv_init(cipher.clone(), block.into()))
}

/// GCM encryption under way.
pub(super) struct GcmEncryptor(GcmState);

enum GcmState {
    Aes128(Gcm<Aes128>),
    Aes192(Gcm<Aes192>),
    Aes256(Gcm<Aes256>),
}

impl GcmEncryptor {
    pub(super) fn new(key: &Aes, parameter: &GcmParameter) -> Self {
        let GcmParameter { iv, aad, .. } = parameter;
        Self(match &key.schedule {
            Schedule::Aes128(aes) => GcmState::Aes128(Gcm::new(aes.clone(), &key.ghash, iv, aad)),
            Schedule::Aes192(aes) => GcmState::Aes192(Gcm::new(aes.clone(), &key.ghash, iv, aad)),
            Schedule::Aes256(aes) => GcmState::Aes256(Gcm::new(aes.clone(), &key.ghash, iv, aad)),
        })
    }

    /// Encrypts the next part in place.
    pub(super) fn apply(&mut self, data: &mut [u8]) -> Result<(), Error> {
        match &mut self.0 {
            GcmState::Aes128(gcm) => gcm.encrypt(data),
            GcmState::Aes192(gcm) => gcm.encrypt(data),
            GcmState::Aes256(gcm) => gcm.encrypt(data),
        }
    }

    /// The full tag.
    pub(super) fn tag(&mut self) -> [u8; 16] {
        match &mut self.0 {
            GcmState::Aes128(gcm) => gcm.tag(),
            GcmState::Aes192(gcm) => gcm.tag(),
            GcmState::Aes256(gcm) => gcm.tag(),
        }
    }
}

/// Encrypts the first `length` bytes of `buffer` in place and writes the tag behind them.
pub(super) fn gcm_encrypt(
    key: &Aes,
    parameter: &GcmParameter,
    buffer: &mut [u8],
    length: usize,
) -> Result<usize, Error> {
    let (data, rest) = buffer.split_at_mut_checked(length).ok_or(Error::Internal)?;
    let room = rest.get_mut(..parameter.tag_len()).ok_or(Error::Internal)?;
    let fast = key.bulk.as_ref().and_then(|bulk| bulk.encrypt(parameter, data, room));
    if let Some(done) = fast {
        return done.map(|()| length + room.len());
    }
    let mut tag = with_cipher!(key, aes => {
        let mut gcm = Gcm::new(aes, &key.ghash, &parameter.iv, &parameter.aad);
        gcm.encrypt(data)?;
        gcm.tag()
    });
    room.copy_from_slice(tag.get(..room.len()).ok_or(Error::Parameter)?);
    tag.zeroize();
    Ok(length + room.len())
}

/// Checks the tag at the end of `buffer`, then decrypts what stands before it in place.
pub(super) fn gcm_decrypt(
    key: &Aes,
    parameter: &GcmParameter,
    buffer: &mut [u8],
) -> Result<usize, Error> {
    let length = buffer.len().checked_sub(parameter.tag_len()).ok_or(Error::EncryptedDataLength)?;
    if let Some(done) = key.bulk.as_ref().and_then(|bulk| bulk.decrypt(parameter, buffer)) {
        return done.map(|()| length);
    }
    let (data, tag) = buffer.split_at_mut(length);
    with_cipher!(key, aes => Gcm::new(aes, &key.ghash, &parameter.iv, &parameter.aad).decrypt(data, tag))?;
    Ok(length)
}

/// CMAC under way.
pub(super) enum Cmac {
    Aes128(cmac::Cmac<Aes128>),
    Aes192(cmac::Cmac<Aes192>),
    Aes256(cmac::Cmac<Aes256>),
}

impl Cmac {
    pub(super) fn new(key: &Aes) -> Self {
        match &key.schedule {
            Schedule::Aes128(aes) => Self::Aes128(cmac::Cmac::inner_init(aes.clone())),
            Schedule::Aes192(aes) => Self::Aes192(cmac::Cmac::inner_init(aes.clone())),
            Schedule::Aes256(aes) => Self::Aes256(cmac::Cmac::inner_init(aes.clone())),
        }
    }

    /// Takes one more part of the message.
    pub(super) fn update(&mut self, part: &[u8]) {
        match self {
            Self::Aes128(mac) => mac.update(part),
            Self::Aes192(mac) => mac.update(part),
            Self::Aes256(mac) => mac.update(part),
        }
    }

    /// The whole code.
    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Aes128(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Aes192(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Aes256(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }
}

/// Encrypts the first `length` bytes of `buffer` in place and writes the tag behind them.
pub(super) fn ccm_encrypt(
    key: &Aes,
    parameter: &CcmParameter,
    buffer: &mut [u8],
    length: usize,
) -> Result<usize, Error> {
    let (data, rest) = buffer.split_at_mut_checked(length).ok_or(Error::Internal)?;
    let room = rest.get_mut(..parameter.tag_len as usize).ok_or(Error::Parameter)?;
    let tag = with_cipher!(key, aes => ccm::encrypt(aes, parameter, data))?;
    room.copy_from_slice(tag.get(..room.len()).ok_or(Error::Parameter)?);
    Ok(length + room.len())
}

/// Decrypts `buffer` but for the tag at its end, which is checked; if it is wrong, nothing changes.
pub(super) fn ccm_decrypt(
    key: &Aes,
    parameter: &CcmParameter,
    buffer: &mut [u8],
) -> Result<usize, Error> {
    let tag_len = parameter.tag_len as usize;
    let length = buffer.len().checked_sub(tag_len).ok_or(Error::EncryptedDataLength)?;
    let (data, tag) = buffer.split_at_mut(length);
    with_cipher!(key, aes => ccm::decrypt(aes, parameter, data, tag))?;
    Ok(length)
}
