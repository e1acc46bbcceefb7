//! The number of the last alarm that was handled, in a file that outlives the command.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::fcntl::{Flock, FlockArg};

/// More than a number has digits.
const LONGEST: u64 = 32;

/// A file with a number.
#[derive(Debug)]
pub(super) struct Remembered {
    path: PathBuf,
    /// Nobody else follows with the same file meanwhile.
    _lock: Flock<File>,
}

impl Remembered {
    /// Takes the file for this process, and reads it; `None` where there is none yet.
    pub(super) fn open(path: &Path) -> anyhow::Result<(Self, Option<u64>)> {
        // Beside it, because the file itself is replaced by each new one.
        let beside = with_suffix(path, ".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file =
            options.open(&beside).with_context(|| format!("cannot write {}", beside.display()))?;
        let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, nix::errno::Errno::EAGAIN)) => {
                bail!("another process follows with {} already", path.display())
            }
            Err((_, error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", beside.display()));
            }
        };
        let number = match File::open(path) {
            Ok(file) => Some(read(file).with_context(|| format!("cannot use {}", path.display()))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Ok((Self { path: path.to_owned(), _lock: lock }, number))
    }

    /// Remembers a number: the file has the old one or the new one, whatever happens.
    pub(super) fn set(&self, number: u64) -> anyhow::Result<()> {
        let new = with_suffix(&self.path, ".new");
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| {
                file.write_all(format!("{number}\n").as_bytes())?;
                file.sync_data()
            })
            .and_then(|()| fs::rename(&new, &self.path));
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn read(file: File) -> anyhow::Result<u64> {
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    text.trim().parse().context("it does not hold the number of an alarm")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_remembered_and_what_is_none_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last");
        let (remembered, number) = Remembered::open(&path).unwrap();
        assert_eq!(number, None);
        remembered.set(u64::MAX).unwrap();
        assert!(Remembered::open(&path).unwrap_err().to_string().contains("another process"));
        drop(remembered);
        assert_eq!(Remembered::open(&path).unwrap().1, Some(u64::MAX));
        for text in ["", "x", "-1", "18446744073709551616"] {
            fs::write(&path, text).unwrap();
            assert!(Remembered::open(&path).is_err(), "{text}");
        }
    }
}
