//! Test support.

pub mod daemon;
pub mod forwarder;
pub mod isolated;
pub mod leak_scanner;
pub mod openssl;
pub mod process;
pub mod token;
