//! Files that are replaced one after the other.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use coffer_client::kms::Kms;

use super::{Done, Old, ReEncryptArguments, Task};
use crate::cli::problem::{NO_DAEMON, local_request_id};
use crate::cli::progress::{Bar, Unit};
use crate::cli::sink::WholeFile;
use crate::cli::{Problem, output};

/// Longest name of a file in a list (limits.h, `PATH_MAX`).
const MAX_NAME: u64 = 4096;

/// Replaces files; one that fails does not keep the others from it.
pub(super) struct Replacing<'a> {
    task: &'a Task,
    kms: &'a mut Kms,
    json: bool,
    bar: Bar,
    changed: usize,
    unchanged: usize,
    failed: usize,
    status: u8,
}

impl<'a> Replacing<'a> {
    pub(super) fn new(arguments: &ReEncryptArguments, task: &'a Task, kms: &'a mut Kms) -> Self {
        let known = arguments.files_from.is_none().then_some(arguments.names.len() as u64);
        let mut bar = Bar::new("Re-encrypting", Unit::Files, known);
        if output::is_terminal() {
            // The line of each file shows it.
            bar.hide();
        }
        let json = arguments.json;
        Self { task, kms, json, bar, changed: 0, unchanged: 0, failed: 0, status: 0 }
    }

    /// Replaces a file, and says what became of it; without a daemon there is no going on.
    pub(super) fn next(&mut self, name: &Path) -> Result<(), Problem> {
        let result = self.replace(name);
        self.bar.clear();
        match result {
            Ok(done) if self.json => output::line(&done.to_json(name))?,
            Ok(done) => {
                let fate = if done.changed {
                    format!("re-encrypted under {}", done.key_id)
                } else {
                    "unchanged: already under the newest version".to_owned()
                };
                output::text(&format!("{}: {fate}", output::printable(&name.to_string_lossy())))?;
            }
            Err(problem) => self.report(name, &problem)?,
        }
        self.bar.add(1);
        Ok(())
    }

    fn replace(&mut self, name: &Path) -> Result<Done, Problem> {
        let input = File::open(name).context("cannot read it")?;
        let before = input.metadata().context("cannot read it")?;
        if !before.is_file() {
            return Err(anyhow::anyhow!("it is no regular file").into());
        }
        let (old, rest) = Old::read(input, self.task.base64)?;
        let (done, new) = self.task.renew(self.kms, &old)?;
        if !done.changed {
            self.unchanged += 1;
            return Ok(done);
        }
        let mut whole = WholeFile::replacing(name, before).context("cannot replace it")?;
        let copied = whole.file.write_all(&new).and_then(|()| match rest {
            // From file to file, which the kernel does, without copying where the file system can share.
            Some(mut rest) => io::copy(&mut rest, &mut whole.file),
            None => Ok(0),
        });
        copied.context("cannot write it anew")?;
        whole.finish()?;
        self.changed += 1;
        Ok(done)
    }

    fn report(&mut self, name: &Path, problem: &Problem) -> Result<(), Problem> {
        self.failed += 1;
        let status = problem.exit_status();
        self.status = if self.status == 0 { status } else { self.status };
        if self.json {
            let mut object = problem.to_json(&local_request_id());
            object.remove("RequestId");
            object.insert("File".to_owned(), name.to_string_lossy().into());
            output::line(&object)?;
        }
        let name = output::printable(&name.to_string_lossy());
        eprintln!("coffer: {name}: {}", problem.message());
        if status == NO_DAEMON {
            return Err(anyhow::anyhow!("the files after {name} were left as they are"))
                .map_err(Problem::Local);
        }
        Ok(())
    }

    /// Says how many, and returns the exit status.
    pub(super) fn end(self) -> Result<u8, Problem> {
        let (changed, unchanged, failed) = (self.changed, self.unchanged, self.failed);
        if !self.json && changed + unchanged + failed != 1 {
            output::text(&format!(
                "{changed} re-encrypted, {unchanged} unchanged, {failed} failed"
            ))?;
        }
        Ok(self.status)
    }
}

/// The next line of a list that is not empty.
pub(super) fn next_name(lines: &mut impl BufRead) -> anyhow::Result<Option<PathBuf>> {
    loop {
        let mut line = Vec::new();
        if lines.by_ref().take(MAX_NAME + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 > MAX_NAME {
            bail!("it has a line that is too long for the name of a file");
        }
        if !line.is_empty() {
            return Ok(Some(std::ffi::OsString::from_vec(line).into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_a_name_on_each_line() {
        let mut lines = &b"a\n\n b c \n\xFF\nlast"[..];
        let names = [&b"a"[..], b" b c ", b"\xFF", b"last"];
        for name in names {
            let next = next_name(&mut lines).unwrap().unwrap();
            assert_eq!(next.into_os_string().into_vec(), name);
        }
        assert!(next_name(&mut lines).unwrap().is_none());
        let long = vec![b'a'; 5000];
        assert!(next_name(&mut &long[..]).is_err());
        let longest = [&long[..4096], b"\n"].concat();
        assert!(next_name(&mut &longest[..]).unwrap().is_some());
    }
}
