//! `coffer backup`: the keys of a running daemon in one file, under a passphrase.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;

use super::passphrase::{For, PassphraseSource};
use super::progress::Progress;
use super::target::admin;
use super::{Problem, output};

/// Arguments of `coffer backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Without --passphrase-file or --passphrase-fd the passphrase is asked for \
    twice, or read from standard input. Nobody opens the backup without it.")]
pub(crate) struct BackupArguments {
    /// The file to make; one that exists is never overwritten
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Makes the backup; the file is there when it is whole, or not at all.
pub(crate) fn run(arguments: &BackupArguments) -> Result<(), Problem> {
    // Connects first, so that nobody types a passphrase for a daemon that is away.
    let mut admin = admin()?;
    let mut file = NewFile::make(&arguments.file)?;
    let passphrase = arguments.passphrase.get(For::New)?;
    let begun = admin.start_backup(&passphrase)?;
    let mut progress = Progress::new("Backup", begun.records);
    let mut bytes = 0;
    let records = loop {
        let (part, content) = admin.read_backup_part()?;
        file.write(&content)?;
        bytes += content.len() as u64;
        progress.at(part.records);
        if part.last {
            break part.records;
        }
    };
    drop(progress);
    file.finish()?;
    if arguments.json {
        let name = arguments.file.display().to_string();
        return Ok(output::line(&json!({
            "File": name, "Bytes": bytes, "Records": records, "Generation": begun.generation,
            "CreateTime": begun.create_time,
        }))?);
    }
    Ok(output::text(&format!(
        "{} has {records} records in {bytes} bytes. Keep it apart from its passphrase, and try it: \
         `coffer restore --dry-run {0}` on an empty store.",
        arguments.file.display()
    ))?)
}

/// A file that takes its name when it is whole.
struct NewFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
    done: bool,
}

impl NewFile {
    fn make(path: &Path) -> anyhow::Result<Self> {
        refuse_existing(path)?;
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let file = file.with_context(|| {
            let left =
                if part.exists() { " (left of one that was cut short? remove it)" } else { "" };
            format!("cannot make {}{left}", part.display())
        })?;
        Ok(Self { path: path.to_owned(), part, file, done: false })
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| format!("cannot write {}", self.part.display()))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let wrong = || format!("cannot finish {}", self.path.display());
        self.file.sync_all().with_context(wrong)?;
        refuse_existing(&self.path)?;
        fs::rename(&self.part, &self.path).with_context(wrong)?;
        self.done = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all()).with_context(wrong)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn refuse_existing(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} exists already; name another file", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_whole_and_private_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let mut file = NewFile::make(&path).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut file = NewFile::make(&path).unwrap();
        file.write(b"whole").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(NewFile::make(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
