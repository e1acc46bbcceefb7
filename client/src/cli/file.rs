//! Files that commands write.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;

/// Mode of files that everybody may read.
pub(crate) const PUBLIC: u32 = 0o666;
/// Mode of files that are nobody else's business.
pub(crate) const PRIVATE: u32 = 0o600;

/// Writes a file; the mode counts for one that was not there.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}
