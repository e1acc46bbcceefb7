//! The KMS face. Field names are those of the KMS API.

mod alarm;
mod asymmetric;
mod binding;
mod crypt;
mod import;
mod information;
mod key;
mod rotation;

pub use alarm::*;
pub use asymmetric::*;
pub use binding::*;
pub use crypt::*;
pub use import::*;
pub use information::*;
pub use key::*;
pub use rotation::*;
