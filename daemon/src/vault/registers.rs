//! Clearing of the processor's registers after secret work.
#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::{detect, wipe};
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{detect, wipe};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the vault does not know this processor's registers");
