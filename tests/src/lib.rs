//! Test support.

pub mod base64;
pub mod batch;
pub mod bench;
pub mod daemon;
pub mod forwarder;
pub mod isolated;
pub mod known;
pub mod leak_scanner;
pub mod lives;
pub mod load;
pub mod material;
pub mod openssl;
pub mod process;
pub mod random;
pub mod token;
pub mod wire;
