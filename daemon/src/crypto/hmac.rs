//! HMAC, FIPS 198-1.

use coffer_protocol::mechanism::Hash;
use hmac::{Hmac, KeyInit, Mac as _, SimpleHmac};
use zeroize::Zeroizing;

use super::Error;

/// Makes [`Mac`] of a row for each hash function.
macro_rules! macs {
    ($( $hash:ident $type:ty, $name:literal; )*) => {
        /// A message authentication code in the making.
        #[derive(Clone)]
        pub enum Mac {
            $( #[doc = concat!("With ", $name, ".")] $hash($type) ),*
        }

        impl Mac {
            /// A code over nothing yet.
            pub fn new(hash: Hash, key: &[u8]) -> Result<Self, Error> {
                Ok(match hash { $( Hash::$hash => Self::$hash(keyed(key)?) ),* })
            }

            /// Takes one more part of the message.
            pub fn update(&mut self, part: &[u8]) {
                match self { $( Self::$hash(state) => state.update(part) ),* }
            }

            /// Writes the code over as many bytes.
            pub fn finish_into(self, output: &mut [u8]) -> Result<(), Error> {
                match self {
                    $( Self::$hash(state) => {
                        let code = Zeroizing::new(state.finalize().into_bytes());
                        let output = output.get_mut(..code.len()).ok_or(Error::Internal)?;
                        output.copy_from_slice(&code);
                    } )*
                }
                Ok(())
            }

            /// The code.
            pub fn finish(self) -> Vec<u8> {
                match self { $( Self::$hash(state) => state.finalize().into_bytes().to_vec() ),* }
            }
        }
    };
}

// A sponge has no state to prepare, so the simple form costs SHA-3 nothing.
macs! {
    Sha1       Hmac<sha1::Sha1>,             "SHA-1";
    Sha224     Hmac<sha2::Sha224>,           "SHA-224";
    Sha256     Hmac<sha2::Sha256>,           "SHA-256";
    Sha384     Hmac<sha2::Sha384>,           "SHA-384";
    Sha512     Hmac<sha2::Sha512>,           "SHA-512";
    Sha512_224 Hmac<sha2::Sha512_224>,       "SHA-512/224";
    Sha512_256 Hmac<sha2::Sha512_256>,       "SHA-512/256";
    Sha3_224   SimpleHmac<sha3::Sha3_224>,   "SHA3-224";
    Sha3_256   SimpleHmac<sha3::Sha3_256>,   "SHA3-256";
    Sha3_384   SimpleHmac<sha3::Sha3_384>,   "SHA3-384";
    Sha3_512   SimpleHmac<sha3::Sha3_512>,   "SHA3-512";
    Sm3        Hmac<sm3::Sm3>,               "SM3";
}

fn keyed<M: KeyInit>(key: &[u8]) -> Result<M, Error> {
    M::new_from_slice(key).map_err(|_| Error::KeySize)
}

/// The code of a message.
pub fn mac(hash: Hash, key: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let mut mac = Mac::new(hash, key)?;
    mac.update(message);
    Ok(mac.finish())
}
