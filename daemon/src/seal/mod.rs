//! The root key and its seal slots: 256 random bits that live only in the vault, wrapped in the
//! file `seal` once for every provider that may open the daemon (a credential, a key file).
//! Everything else on disk is protected by keys derived from the root key, see [`Label`].

pub(crate) mod aead;
pub(crate) mod durable;
mod file;
mod provider;
mod root;
mod secret_file;

pub use file::{SlotInfo, SlotKind};
pub use provider::{DEFAULT_CREDENTIAL, Provider, Refusal};
pub use root::{Label, RootKey};

use crate::vault;
use file::SealFile;
use std::fmt;
use std::path::{Path, PathBuf};

/// Name of the file in the state directory that holds the slots.
pub const SEAL_FILE: &str = "seal";

/// Makes a fresh root key and writes the seal file with one slot for each provider.
pub fn create(dir: &Path, providers: &[Provider]) -> Result<RootKey, Error> {
    let path = dir.join(SEAL_FILE);
    if path.try_exists().map_err(|e| Error::io("look at", &path, e))? {
        return Err(Error::Exists(path));
    }
    if providers.is_empty() {
        return Err(Error::NoSlots);
    }
    let root = RootKey::generate()?;
    let mut file = SealFile::new();
    for provider in providers {
        provider.prepare()?;
        file.add(&root, provider)?;
    }
    file.write(&path, &root)?;
    Ok(root)
}

/// Opens the root key with the first slot that one of the providers fits.
pub fn unseal(dir: &Path, providers: &[Provider]) -> Result<RootKey, Error> {
    let file = SealFile::read(&dir.join(SEAL_FILE))?;
    let mut attempts = Vec::new();
    for provider in providers {
        let secret = match provider.secret() {
            Ok(secret) => secret,
            Err(refusal) => {
                attempts.push(Attempt { slot: None, provider: provider.to_string(), refusal });
                continue;
            }
        };
        let before = attempts.len();
        for slot in file.slots_of(provider.kind()) {
            if let Some(root) = file.open(slot, &secret)? {
                file.check(&root)?;
                return Ok(root);
            }
            let (slot, provider) = (Some(slot.number()), provider.to_string());
            attempts.push(Attempt { slot, provider, refusal: Refusal::DoesNotFit });
        }
        if attempts.len() == before {
            let (provider, refusal) = (provider.to_string(), Refusal::NoSuchSlot);
            attempts.push(Attempt { slot: None, provider, refusal });
        }
    }
    Err(Error::NoSlotOpens { slots: file.slots(), attempts })
}

/// The slots of the seal file; needs no secret.
pub fn slots(dir: &Path) -> Result<Vec<SlotInfo>, Error> {
    Ok(SealFile::read(&dir.join(SEAL_FILE))?.slots())
}

/// Wraps the root key for one more provider and returns the number of the new slot.
pub fn add_slot(dir: &Path, root: &RootKey, provider: &Provider) -> Result<u16, Error> {
    let path = dir.join(SEAL_FILE);
    let mut file = SealFile::read(&path)?;
    file.check(root)?;
    provider.prepare()?;
    let number = file.add(root, provider)?;
    file.write(&path, root)?;
    Ok(number)
}

/// Removes a slot; the last one stays.
pub fn remove_slot(dir: &Path, root: &RootKey, number: u16) -> Result<(), Error> {
    let path = dir.join(SEAL_FILE);
    let mut file = SealFile::read(&path)?;
    file.check(root)?;
    file.remove(number)?;
    file.write(&path, root)
}

/// One provider that was tried and did not open the seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The slot it was tried on, if it came that far.
    pub slot: Option<u16>,
    /// What was tried, as the configuration names it.
    pub provider: String,
    /// Why it did not open.
    pub refusal: Refusal,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            Some(slot) => write!(f, "{} on slot {slot}: {}", self.provider, self.refusal),
            None => write!(f, "{}: {}", self.provider, self.refusal),
        }
    }
}

/// What can go wrong with the seal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is a seal file already; it is never overwritten by `create`.
    #[error("{} exists already; this directory is initialised", .0.display())]
    Exists(PathBuf),
    /// There is no seal file.
    #[error("{} is missing; `coffer init` makes it", .0.display())]
    Missing(PathBuf),
    /// A seal without slots could never be opened.
    #[error("the seal needs at least one slot")]
    NoSlots,
    /// No slot has this number.
    #[error("there is no slot {0}")]
    UnknownSlot(u16),
    /// The seal file cannot be parsed, or its integrity check fails.
    #[error("the seal file is damaged: {0}")]
    Damaged(&'static str),
    /// The seal file was written by a newer program.
    #[error("the seal file has version {0}, this program knows version 1")]
    Version(u32),
    /// A provider's secret cannot be used.
    #[error("{provider}: {refusal}")]
    Provider {
        /// The provider.
        provider: String,
        /// Why it cannot be used.
        refusal: Refusal,
    },
    /// None of the providers opens any slot.
    #[error("no slot opens; slots: {}; tried: {}", list(slots), list(attempts))]
    NoSlotOpens {
        /// The slots that exist.
        slots: Vec<SlotInfo>,
        /// What was tried.
        attempts: Vec<Attempt>,
    },
    /// A file operation failed.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// The operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Secret memory or the random generator failed.
    #[error("secret memory: {0}")]
    Vault(#[from] vault::Error),
    /// The kernel gave no random numbers.
    #[error("no random numbers from the kernel")]
    Random,
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path, error: std::io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), error }
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
