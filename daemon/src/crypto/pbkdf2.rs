//! PBKDF2 with HMAC, RFC 8018 section 5.2.

use coffer_protocol::mechanism::Pbkdf2;
use zeroize::Zeroizing;

use super::Error;
use super::hmac::Mac;

/// Derives `length` bytes from a password.
pub fn pbkdf2(
    parameter: &Pbkdf2,
    password: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let keyed = Mac::new(parameter.hash, password)?;
    let mut output = Zeroizing::new(vec![0; length]);
    for (number, block) in (1_u32..).zip(output.chunks_mut(parameter.hash.len())) {
        let mut mac = keyed.clone();
        mac.update(&parameter.salt);
        mac.update(&number.to_be_bytes());
        let mut last = Zeroizing::new(mac.finish());
        let mut sum = last.clone();
        for _ in 1..parameter.iterations {
            let mut mac = keyed.clone();
            mac.update(&last);
            mac.finish_into(&mut last)?;
            for (sum, byte) in sum.iter_mut().zip(last.iter()) {
                *sum ^= byte;
            }
        }
        block.copy_from_slice(sum.get(..block.len()).ok_or(Error::Internal)?);
    }
    Ok(output)
}
