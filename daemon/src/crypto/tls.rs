//! The pseudorandom function of TLS 1.2, RFC 5246 section 5.

use coffer_protocol::mechanism::Hash;
use zeroize::Zeroizing;

use super::{Error, hmac};

/// `length` bytes of what the secret, the label and the seed give.
pub(super) fn prf(
    hash: Hash,
    secret: &[u8],
    label: &[u8],
    seed: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let seed = [label, seed].concat();
    let mut output = Zeroizing::new(Vec::with_capacity(length.next_multiple_of(hash.len())));
    let mut last = Zeroizing::new(hmac::mac(hash, secret, &seed)?);
    while output.len() < length {
        let mut mac = hmac::Mac::new(hash, secret)?;
        mac.update(&last);
        mac.update(&seed);
        output.extend_from_slice(&Zeroizing::new(mac.finish()));
        last = Zeroizing::new(hmac::mac(hash, secret, &last)?);
    }
    output.truncate(length);
    Ok(output)
}
