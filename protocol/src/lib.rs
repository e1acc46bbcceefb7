//! What the daemon and its clients agree on.

pub mod key_type;
pub mod mechanism;
