//! Test support.

pub mod base64;
pub mod bench;
pub mod daemon;
pub mod forwarder;
pub mod isolated;
pub mod known;
pub mod leak_scanner;
pub mod load;
pub mod openssl;
pub mod process;
pub mod token;
pub mod wire;
