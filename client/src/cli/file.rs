//! Files that commands read and write whole.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::crypt::decode;
use super::sink::Sink;
use super::{Problem, input, output};

/// Mode of files that everybody may read.
pub(crate) const PUBLIC: u32 = 0o666;
/// Mode of files that are nobody else's business.
pub(crate) const PRIVATE: u32 = 0o600;

/// Writes a file, whole or not at all; the mode counts for one that was not there.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut sink = Sink::open(Some(path), mode)?;
    sink.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
    sink.finish()
}

/// Reads a file or standard input, at most so many bytes.
pub(crate) fn read(path: Option<&Path>, most: usize) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let bytes = match path {
        Some(path) => File::open(path)
            .and_then(|file| input::read_up_to(file, most + 1))
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => input::standard()
            .and_then(|file| input::read_up_to(file, most + 1))
            .context("cannot read standard input")?,
    };
    if bytes.len() > most {
        bail!("the input has more than {most} bytes");
    }
    Ok(bytes)
}

/// Writes a file, or standard output; binary does not go to a terminal.
pub(crate) fn write_or_print(
    path: Option<&Path>,
    bytes: &[u8],
    form: Form,
    mode: u32,
) -> Result<(), Problem> {
    let text = match form {
        Form::Base64 => Zeroizing::new(format!("{}\n", Base64::encode_string(bytes)).into_bytes()),
        Form::Binary if path.is_none() && output::is_terminal() => {
            let how = "the result is binary: use --base64, --out FILE, or a pipe";
            return Err(Problem::Usage(how.to_owned()));
        }
        Form::Binary => Zeroizing::new(bytes.to_vec()),
    };
    match path {
        Some(path) => Ok(write(path, &text, mode)?),
        None => Ok(output::bytes(&text)?),
    }
}

/// The bytes of base64, or as they are.
pub(crate) fn decoded(bytes: Zeroizing<Vec<u8>>, form: Form) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if form == Form::Binary {
        return Ok(bytes);
    }
    decode(bytes)
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Binary,
    /// As padded base64 (RFC 4648).
    Base64,
}

impl Form {
    /// What an option says.
    pub(crate) const fn of(base64: bool) -> Self {
        if base64 { Self::Base64 } else { Self::Binary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_comes_back_and_may_have_line_ends() {
        let read = |text: &str, form| decoded(Zeroizing::new(text.as_bytes().to_vec()), form);
        assert_eq!(*read("aGk=\n", Form::Base64).unwrap(), b"hi");
        assert_eq!(*read("aG\nk=", Form::Base64).unwrap(), b"hi");
        assert_eq!(*read("aGk=\n", Form::Binary).unwrap(), b"aGk=\n");
        assert!(read("aGk", Form::Base64).is_err() && read("\u{fc}", Form::Base64).is_err());
    }

    #[test]
    fn no_more_is_read_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, &[7; 10], PUBLIC).unwrap();
        assert_eq!(read(Some(&path), 10).unwrap().len(), 10);
        assert!(read(Some(&path), 9).unwrap_err().to_string().contains("more than 9"));
    }
}
