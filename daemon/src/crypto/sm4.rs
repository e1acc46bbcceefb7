//! SM4 (GB/T 32907) in Galois/counter mode (RFC 8998), in place.
//!
//! The cipher looks up a table of 256 bytes: its time depends on the key where caches are shared.

use coffer_protocol::mechanism::GcmParameter;
use sm4::Sm4;
use sm4::cipher::KeyInit;

use super::Error;
use super::gcm::{self, Gcm};

/// Prepares a key of 16 bytes.
pub(super) fn prepare(key: &[u8]) -> Result<Sm4, Error> {
    Sm4::new_from_slice(key).map_err(|_| Error::KeySize)
}

/// Encrypts the first `length` bytes of `buffer` in place and writes the tag behind them.
pub(super) fn gcm_encrypt(
    key: &Sm4,
    parameter: &GcmParameter,
    buffer: &mut [u8],
    length: usize,
) -> Result<usize, Error> {
    let (data, rest) = buffer.split_at_mut_checked(length).ok_or(Error::Internal)?;
    let room = rest.get_mut(..parameter.tag_len()).ok_or(Error::Internal)?;
    let mut gcm = Gcm::new(key, &gcm::hash_key(key), &parameter.iv, &parameter.aad);
    gcm.encrypt(data)?;
    room.copy_from_slice(gcm.tag().get(..room.len()).ok_or(Error::Parameter)?);
    Ok(length + room.len())
}

/// Checks the tag at the end of `buffer`, then decrypts what stands before it in place.
pub(super) fn gcm_decrypt(
    key: &Sm4,
    parameter: &GcmParameter,
    buffer: &mut [u8],
) -> Result<usize, Error> {
    let length = buffer.len().checked_sub(parameter.tag_len()).ok_or(Error::EncryptedDataLength)?;
    let (data, tag) = buffer.split_at_mut(length);
    Gcm::new(key, &gcm::hash_key(key), &parameter.iv, &parameter.aad).decrypt(data, tag)?;
    Ok(length)
}

#[cfg(test)]
mod tests {
    use sm4::cipher::BlockCipherEncrypt;

    use super::*;

    #[test]
    fn the_first_example_of_the_standard_comes_out() {
        let key = hex::decode("0123456789abcdeffedcba9876543210").unwrap();
        let mut block: [u8; 16] = key.clone().try_into().unwrap();
        prepare(&key).unwrap().encrypt_block((&mut block).into());
        assert_eq!(hex::encode(block), "681edf34d206965e86b3e94f536e4246");
    }
}
