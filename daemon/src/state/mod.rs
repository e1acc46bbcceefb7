//! What may follow what: device, login, PIN and key state, each one table.

pub mod device;
pub mod key;
pub mod login;
pub mod pin;
