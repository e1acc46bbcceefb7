//! The directory of an HSM under `coffer dev`, and the variables that lead programs to it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::unistd::mkdtemp;

/// Longest path of a Unix socket, with its final NUL (unix(7)).
const SOCKET_PATH: usize = 108;

/// The directory of the HSM; a temporary one is removed when dropped.
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    pub(crate) temporary: bool,
}

impl Place {
    /// Makes it, or uses the one that is there.
    pub(crate) fn open(directory: Option<&Path>) -> anyhow::Result<Self> {
        let place = match directory {
            Some(directory) => Self::named(directory)
                .with_context(|| format!("cannot use the directory {}", directory.display()))?,
            // mkdtemp makes it for its owner only (0700).
            None => Self {
                directory: mkdtemp(&std::env::temp_dir().join("coffer-dev-XXXXXX"))
                    .context("cannot make a temporary directory")?,
                temporary: true,
            },
        };
        if place.socket().as_os_str().len() >= SOCKET_PATH {
            bail!("the path {} is too long for a socket", place.socket().display());
        }
        // One that an earlier daemon left would say that this one serves already.
        match fs::remove_file(place.environment_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(place),
        }
    }

    fn named(directory: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        Ok(Self { directory: fs::canonicalize(directory)?, temporary: false })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("coffer.sock")
    }

    fn admin_socket(&self) -> PathBuf {
        self.directory.join("admin.sock")
    }

    pub(crate) fn environment_file(&self) -> PathBuf {
        self.directory.join("env")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let removed = if self.temporary {
            fs::remove_dir_all(&self.directory)
        } else {
            fs::remove_file(self.environment_file())
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                eprintln!("coffer: cannot tidy up {}: {error}", self.directory.display());
            }
            _ => {}
        }
    }
}

/// The variables that lead programs to this HSM.
pub(crate) struct Environment(pub(crate) [(&'static str, OsString); 4]);

impl Environment {
    pub(crate) fn new(place: &Place, partition: &str) -> anyhow::Result<Self> {
        // A missing module is nobody's concern who does not load it.
        let module = std::env::current_exe()?.with_file_name("libcoffer_pkcs11.so");
        Ok(Self([
            ("COFFER_SOCKET", place.socket().into()),
            ("COFFER_ADMIN_SOCKET", place.admin_socket().into()),
            ("COFFER_PKCS11_MODULE", module.into()),
            ("COFFER_PARTITION", partition.into()),
        ]))
    }

    /// Writes `export` lines; the file appears whole.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let new = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .with_context(|| format!("cannot write {}", new.display()))?;
        for (name, value) in &self.0 {
            file.write_all(format!("export {name}=").as_bytes())?;
            file.write_all(&quoted(value.as_bytes()))?;
            file.write_all(b"\n")?;
        }
        fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// One word of a POSIX shell.
fn quoted(text: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    if !text.is_empty() && text.iter().all(plain) {
        return text.to_vec();
    }
    let mut word = vec![b'\''];
    for &byte in text {
        if byte == b'\'' {
            word.extend_from_slice(b"'\\''");
        } else {
            word.push(byte);
        }
    }
    word.push(b'\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(quoted(b"/tmp/a-b.c_1"), b"/tmp/a-b.c_1");
        assert_eq!(quoted(b"a b$c'd"), b"'a b$c'\\''d'");
        assert_eq!(quoted(b""), b"''");
    }

    #[test]
    fn a_temporary_place_is_private_and_goes_away() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::open(None).unwrap();
        let directory = place.directory.clone();
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        drop(place);
        assert!(!directory.exists());
    }
}
