//! The patterns of ChaCha20-Poly1305 (RFC 8439).

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};

use super::Named;

/// The forms of a key: the state of the cipher has the key as it is.
pub fn patterns(key: &[u8; 32]) -> Named {
    vec![("ChaCha20 key".to_owned(), key.to_vec())]
}

/// The key stream that a nonce gives for the first bytes of data: whoever has it reads the message.
///
/// # Panics
/// Where the data is too long for the cipher.
pub fn key_stream(key: &[u8; 32], nonce: [u8; 12], length: usize) -> Named {
    let mut stream = vec![0; length];
    ChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(&Nonce::from(nonce), b"", stream.as_mut_slice().into())
        .expect("short data");
    vec![("ChaCha20 key stream".to_owned(), stream)]
}
