//! ECDSA and SM2 signatures: r‖s of fixed length, as PKCS#11 has them, and DER, as KMS has them.

use der::asn1::UintRef;
use der::{Decode, Encode, Sequence};

use super::Error;

/// `SEQUENCE { r INTEGER, s INTEGER }`, RFC 3279 section 2.2.3 and GM/T 0009 section 7.3.
#[derive(Sequence)]
struct Pair<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// The DER form of r‖s.
pub fn to_der(raw: &[u8]) -> Result<Vec<u8>, Error> {
    let (r, s) = raw.split_at(raw.len() / 2);
    if r.len() != s.len() || r.is_empty() {
        return Err(Error::SignatureLength);
    }
    let pair = Pair {
        r: UintRef::new(r).map_err(|_| Error::Internal)?,
        s: UintRef::new(s).map_err(|_| Error::Internal)?,
    };
    pair.to_der().map_err(|_| Error::Internal)
}

/// The r‖s form of a DER signature, for an order of `order_len` bytes.
pub fn from_der(der: &[u8], order_len: usize) -> Result<Vec<u8>, Error> {
    let pair = Pair::from_der(der).map_err(|_| Error::SignatureInvalid)?;
    let mut raw = vec![0; 2 * order_len];
    let (r, s) = raw.split_at_mut(order_len);
    for (half, integer) in [(r, pair.r), (s, pair.s)] {
        let bytes = integer.as_bytes();
        let start = order_len.checked_sub(bytes.len()).ok_or(Error::SignatureInvalid)?;
        half[start..].copy_from_slice(bytes);
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_integers_survive() {
        let mut raw = [0; 64];
        raw[31] = 1;
        raw[32] = 0x80;
        let der = to_der(&raw).unwrap();
        assert_eq!(hex::encode(&der), format!("3026020101022100{}{}", "80", "00".repeat(31)));
        assert_eq!(from_der(&der, 32).unwrap(), raw);
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        let refused = [
            "",
            "3006020101020101ff",
            "300702020001020101",
            "3006020181020101",
            "3003020101",
            "30080203010203020101",
        ];
        for der in refused {
            let der = hex::decode(der).unwrap();
            assert_eq!(from_der(&der, 2), Err(Error::SignatureInvalid), "{der:02x?}");
        }
        assert_eq!(to_der(&[1, 2, 3]), Err(Error::SignatureLength));
    }
}
