//! Cryptography: pure functions over bytes, one implementation for each algorithm and use.
//!
//! Nothing here knows of sockets, stores or the vault. Whoever calls with secrets calls from
//! inside the vault, so that what is allocated on the way is secret memory too.

pub mod aead;
pub mod aes;
mod ccm;
mod chacha;
mod curve;
pub mod der_signature;
mod derive;
pub mod ec_key;
pub mod ecdh;
pub mod ecdsa;
mod eddsa;
mod error;
#[cfg_attr(not(feature = "fast"), path = "no_fast.rs")]
mod fast;
mod feedback;
mod gcm;
pub mod hash;
pub mod hmac;
pub mod kdf;
pub mod key;
mod key_wrap;
mod mac;
pub mod message;
mod mgf;
mod montgomery;
mod oaep;
mod one_shot;
pub mod password;
mod pbkdf2;
mod pkcs8;
mod pss;
mod public_key;
pub mod random;
mod recover;
mod rsa;
pub mod rsa_key;
pub mod self_test;
mod sha512_t;
pub mod sm2;
mod sm4;
mod sp800_108;
pub mod stream;
mod tls;
mod weierstrass;
mod wrap;
pub mod xts;

pub use derive::{Base, derive, derive_keys, natural_length, takes_value};
pub use error::Error;
pub use key::{Generate, Generated, Half, Key, KeySpec, Uses, generate, import, import_rsa};
pub use message::Message;
pub use one_shot::{
    decrypt, decrypt_in_place, encrypt, encrypt_in_place, sign, sm2_decrypt, sm2_encrypt, verify,
};
pub use pbkdf2::pbkdf2;
pub use pkcs8::{decode as decode_private, encode as encode_private};
pub use public_key::PublicKey;
pub use recover::recover;
pub use rsa_key::Components;
pub use stream::Stream;
pub use wrap::{unwrap, wrap};
