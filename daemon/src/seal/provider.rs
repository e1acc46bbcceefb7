//! Where the secret of a seal slot comes from.

use super::durable;
use super::file::SlotKind;
use super::secret_file::SecretFile;
use super::{Error, RootKey};
use crate::vault::{self, Buffer, Depth};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Name of the systemd credential that holds the secret, unless configured otherwise.
pub const DEFAULT_CREDENTIAL: &str = "root-key";

/// A source of a secret that opens slots of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A file with 32 random bytes, for development; made when it is missing.
    KeyFile {
        /// The file.
        path: PathBuf,
    },
    /// A credential that systemd decrypted into `$CREDENTIALS_DIRECTORY` (systemd.exec(5)).
    Credential {
        /// The credentials directory.
        directory: PathBuf,
        /// The credential's name.
        name: String,
    },
}

impl Provider {
    /// The credential `name` (default `root-key`) in the directory that the service manager names.
    pub fn credential_from_environment(name: Option<&str>) -> Option<Self> {
        let directory = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?);
        Some(Self::Credential { directory, name: name.unwrap_or(DEFAULT_CREDENTIAL).to_owned() })
    }

    /// The kind of slot it opens.
    pub const fn kind(&self) -> SlotKind {
        match self {
            Self::KeyFile { .. } => SlotKind::KEY_FILE,
            Self::Credential { .. } => SlotKind::CREDENTIAL,
        }
    }

    /// What the slot remembers of it, for the operator.
    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let (name, value) = match self {
            Self::KeyFile { path } => ("path", path.to_string_lossy().into_owned()),
            Self::Credential { name, .. } => ("name", name.clone()),
        };
        BTreeMap::from([(name.to_owned(), value)])
    }

    /// Makes a missing key file; other secrets are the administrator's to make.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        match self {
            Self::KeyFile { path } if !path.exists() => create_key_file(path),
            Self::KeyFile { .. } | Self::Credential { .. } => Ok(()),
        }
    }

    /// Reads the secret into the vault.
    pub(super) fn secret(&self) -> Result<SecretFile, Refusal> {
        match self {
            Self::KeyFile { path } => SecretFile::read(path, 0o077),
            // systemd gives the service's user access through an ACL, which shows as group bits.
            Self::Credential { directory, name } => {
                if name.is_empty() || name.contains('/') || name == ".." {
                    return Err(Refusal::Name);
                }
                SecretFile::read(&directory.join(name), 0o007)
            }
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFile { path } => write!(f, "key file {}", path.display()),
            Self::Credential { directory, name } => {
                write!(f, "credential {}", directory.join(name).display())
            }
        }
    }
}

/// Why a provider does not open a slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file does not exist.
    #[error("not found")]
    NotFound,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(String),
    /// It is a directory, a pipe or a device.
    #[error("not a regular file")]
    NotAFile,
    /// Others may read it.
    #[error("readable by others (mode {0:04o})")]
    Mode(u32),
    /// The name is not that of a credential.
    #[error("not a credential name")]
    Name,
    /// Fewer than 256 bits.
    #[error("shorter than 32 bytes or 64 hex digits")]
    TooShort,
    /// More than 4096 bytes.
    #[error("longer than 4096 bytes")]
    TooLong,
    /// The secret does not open the slot.
    #[error("it does not fit")]
    DoesNotFit,
    /// The seal has no slot of this kind.
    #[error("the seal has no slot of this kind")]
    NoSuchSlot,
    /// Secret memory failed.
    #[error("secret memory: {0}")]
    Vault(#[from] vault::Error),
    /// The kernel gave no random numbers.
    #[error("no random numbers from the kernel")]
    Random,
}

impl Refusal {
    pub(super) fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::Io(error.to_string()),
        }
    }

    pub(super) fn of(self, provider: &Provider) -> Error {
        Error::Provider { provider: provider.to_string(), refusal: self }
    }
}

fn create_key_file(path: &Path) -> Result<(), Error> {
    let root = RootKey::generate()?; // 32 random bytes of its own, never the root key itself
    let mut buffer = Buffer::new(32)?;
    vault::run(Depth::Small, |inside| {
        buffer.secret_mut(inside, 0..32).copy_from_slice(root.bytes(inside));
    })?;
    let written = durable::replace_with(path, |file| {
        let mut sent = 0;
        while sent < 32 {
            match buffer.send(file.as_fd(), sent..32)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => sent += n,
            }
        }
        Ok(())
    });
    buffer.wipe(0..32);
    written.map_err(|e| Error::io("write", path, e))
}
