//! Where a command writes: standard output, or a file that has its name when all of it is there, or not at all.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc::O_TMPFILE;
use nix::unistd::linkat;

use super::file::PRIVATE;

/// An output, without a buffer of its own.
pub(crate) enum Sink {
    /// Standard output.
    Standard(File),
    /// A file that cannot be replaced, as a device or a pipe.
    Direct(File),
    /// A file that takes its name at the end.
    Whole(Box<WholeFile>),
}

impl Sink {
    /// The file of that name, or standard output. `mode` counts for a file that was not there.
    pub(crate) fn open(path: Option<&Path>, mode: u32) -> anyhow::Result<Self> {
        let Some(path) = path else {
            let output = io::stdout().as_fd().try_clone_to_owned();
            return Ok(Self::Standard(output.context("cannot write standard output")?.into()));
        };
        let named = || format!("cannot write {}", path.display());
        // Opened for writing, so that a file that may not be written is not replaced either.
        match OpenOptions::new().write(true).open(path) {
            Ok(file) => {
                let metadata = file.metadata().with_context(named)?;
                if metadata.is_file() {
                    let whole = WholeFile::replacing(path, metadata).with_context(named)?;
                    Ok(Self::Whole(Box::new(whole)))
                } else {
                    Ok(Self::Direct(file))
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::Whole(Box::new(WholeFile::new(path, mode).with_context(named)?)))
            }
            Err(error) => Err(error).with_context(named),
        }
    }

    /// Whether what is written goes to somebody's screen.
    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            Self::Standard(file) | Self::Direct(file) => file.is_terminal(),
            Self::Whole(_) => false,
        }
    }

    /// Gives a file its name.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Standard(_) | Self::Direct(_) => Ok(()),
            Self::Whole(file) => file.finish(),
        }
    }

    fn file(&mut self) -> &mut File {
        match self {
            Self::Standard(file) | Self::Direct(file) => file,
            Self::Whole(whole) => &mut whole.file,
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// A file without a name, where the file system has that; so nothing is left of one that was not finished, not even by
/// a command that was killed.
pub(crate) struct WholeFile {
    /// What is written to.
    pub(crate) file: File,
    path: PathBuf,
    /// The name that it has meanwhile, where it cannot be without.
    temporary: Option<PathBuf>,
    replaced: Option<Metadata>,
}

impl WholeFile {
    /// In the place of a file with that metadata; it gets its mode and owner.
    pub(crate) fn replacing(path: &Path, replaced: Metadata) -> anyhow::Result<Self> {
        // A link stays, and leads to the new file.
        let path = fs::canonicalize(path)?;
        // Until it has its owner, nobody else reads it.
        let mut whole = Self::new(&path, PRIVATE)?;
        whole.replaced = Some(replaced);
        Ok(whole)
    }

    fn new(path: &Path, mode: u32) -> anyhow::Result<Self> {
        if path.is_symlink() {
            bail!("it is a link to what is not there");
        }
        let mut options = OpenOptions::new();
        options.write(true).mode(mode);
        let path = path.to_owned();
        let unnamed = options.clone().custom_flags(O_TMPFILE).open(folder(&path));
        if let Ok(file) = unnamed.and_then(with_name_of_descriptor) {
            return Ok(Self { file, path, temporary: None, replaced: None });
        }
        let temporary = beside(&path)?;
        let file = options.create_new(true).open(&temporary)?;
        Ok(Self { file, path, temporary: Some(temporary), replaced: None })
    }

    /// Puts it on disk and gives it its name; refuses to replace a file that was changed meanwhile.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.give_name().with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn give_name(&mut self) -> anyhow::Result<()> {
        if let Some(replaced) = &self.replaced {
            if !is_same(replaced, &fs::metadata(&self.path)?) {
                bail!("it was changed meanwhile");
            }
            keep_owner(&self.file, replaced)?;
        }
        self.file.sync_all()?;
        let temporary = match self.temporary.clone() {
            Some(temporary) => temporary,
            None => self.link()?,
        };
        fs::rename(&temporary, &self.path)?;
        self.temporary = None;
        Ok(File::open(folder(&self.path))?.sync_all()?)
    }

    /// Gives a file without a name one for the moment.
    fn link(&mut self) -> anyhow::Result<PathBuf> {
        let (temporary, unnamed) = (beside(&self.path)?, name_of_descriptor(&self.file));
        linkat(AT_FDCWD, &unnamed, AT_FDCWD, &temporary, AtFlags::AT_SYMLINK_FOLLOW)
            .map_err(io::Error::from)?;
        self.temporary = Some(temporary.clone());
        Ok(temporary)
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Owner and group before the mode, because a change of owner takes bits of the mode away.
fn keep_owner(file: &File, replaced: &Metadata) -> anyhow::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (replaced.uid(), replaced.gid()) {
        fchown(file, Some(replaced.uid()), Some(replaced.gid()))
            .context("it belongs to somebody else, and its owner cannot be kept")?;
    }
    file.set_permissions(Permissions::from_mode(replaced.mode() & 0o7777))?;
    Ok(())
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let facts = |of: &Metadata| {
        (of.dev(), of.ino(), of.len(), of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec())
    };
    facts(one) == facts(other)
}

/// A file without a name gets one through its descriptor (open(2), `O_TMPFILE`), which needs `/proc`.
fn with_name_of_descriptor(file: File) -> io::Result<File> {
    fs::metadata(name_of_descriptor(&file)).map(|_| file)
}

fn name_of_descriptor(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name in the same folder that no file has.
fn beside(path: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = path.file_name() else { bail!("it is no name of a file") };
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("the system has no random numbers")?;
    let mut beside = std::ffi::OsString::from(".");
    // A name may have 255 bytes, and the name of the file may have all of them.
    let name = name.to_string_lossy();
    beside.push(&name[..name.floor_char_boundary(200)]);
    beside.push(format!(".{:016x}", u64::from_le_bytes(random)));
    Ok(path.with_file_name(beside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let mut sink = Sink::open(Some(&path), 0o600).unwrap();
        sink.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(sink);
        assert!(names(folder.path()).is_empty());
        let mut sink = Sink::open(Some(&path), 0o600).unwrap();
        sink.write_all(b"whole").unwrap();
        sink.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!((mode(&path), names(folder.path())), (0o600, vec!["f".to_owned()]));
    }

    #[test]
    fn a_file_that_was_there_keeps_its_mode_and_links_lead_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("f"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        symlink("f", &link).unwrap();
        let mut sink = Sink::open(Some(&link), 0o600).unwrap();
        sink.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        sink.finish().unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new".to_vec(), 0o640));
        assert!(link.is_symlink());
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "old").unwrap();
        let mut sink = Sink::open(Some(&path), 0o600).unwrap();
        sink.write_all(b"mine").unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(format!("{:#}", sink.finish().unwrap_err()).contains("changed meanwhile"));
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn a_device_is_written_to_and_a_link_to_nothing_is_refused() {
        let mut sink = Sink::open(Some(Path::new("/dev/null")), 0o600).unwrap();
        assert!(matches!(sink, Sink::Direct(_)));
        sink.write_all(b"gone").unwrap();
        sink.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink("nothing", &link).unwrap();
        assert!(Sink::open(Some(&link), 0o600).is_err());
        assert!(Sink::open(Some(&folder.path().join("no/f")), 0o600).is_err());
        assert!(Sink::open(Some(folder.path()), 0o600).is_err());
    }

    #[test]
    fn the_longest_name_has_room_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ä".repeat(127));
        Sink::open(Some(&path), 0o600).unwrap().finish().unwrap();
        assert!(path.exists());
    }
}
