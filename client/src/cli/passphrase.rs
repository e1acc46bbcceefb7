//! Passphrases of backups: from a file, a descriptor, or somebody's keyboard; never from the command line.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::{Zeroize, Zeroizing};

use super::input;

/// Fewest bytes for a new backup; the daemon takes no less.
const SHORTEST: usize = 12;
/// Most bytes.
const LONGEST: usize = 1024;

/// Where the passphrase comes from.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct PassphraseSource {
    /// File whose first line is the passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,
    /// Open descriptor from which the first line is the passphrase
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// What the passphrase is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// A new backup: asked for twice.
    New,
    /// A backup that there is.
    Existing,
}

impl PassphraseSource {
    /// Gets it.
    pub(crate) fn get(&self, what_for: For) -> anyhow::Result<SecretSlice<u8>> {
        let path = match (&self.passphrase_file, self.passphrase_fd) {
            (Some(path), _) => path.clone(),
            (None, Some(number)) => PathBuf::from(format!("/dev/fd/{number}")),
            (None, None) => return ask(what_for),
        };
        let named = || format!("the passphrase in {}", path.display());
        let file = std::fs::File::open(&path).with_context(named)?;
        first_line(file, what_for).with_context(named)
    }
}

fn ask(what_for: For) -> anyhow::Result<SecretSlice<u8>> {
    if !io::stdin().is_terminal() {
        return first_line(input::standard()?, what_for)
            .context("the passphrase from standard input");
    }
    let first = prompt("Passphrase of the backup: ", what_for)?;
    if what_for == For::New {
        let second = prompt("The same again: ", what_for)?;
        if first.expose_secret() != second.expose_secret() {
            bail!("the two are not the same; nothing was written");
        }
    }
    Ok(first)
}

fn prompt(text: &str, what_for: For) -> anyhow::Result<SecretSlice<u8>> {
    let typed = rpassword::prompt_password(text).context("cannot ask at the terminal")?;
    checked(Zeroizing::new(typed.into_bytes()), what_for)
}

fn first_line(input: impl Read, what_for: For) -> anyhow::Result<SecretSlice<u8>> {
    checked(input::read_line(input, LONGEST + 2)?, what_for)
}

fn checked(mut bytes: Zeroizing<Vec<u8>>, what_for: For) -> anyhow::Result<SecretSlice<u8>> {
    let least = if what_for == For::New { SHORTEST } else { 1 };
    if !(least..=LONGEST).contains(&bytes.len()) {
        bail!(
            "a passphrase has {least} to {LONGEST} bytes; six random words are a good one, and who \
             loses it loses the backup"
        );
    }
    let exact = SecretSlice::from(bytes.to_vec());
    bytes.zeroize();
    Ok(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_passphrase_is_not_short_and_an_old_one_may_be() {
        assert!(first_line("eleven byte\n".as_bytes(), For::New).is_err());
        assert!(first_line("twelve bytes\n".as_bytes(), For::New).is_ok());
        assert!(first_line("short\n".as_bytes(), For::Existing).is_ok());
        assert!(first_line("\n".as_bytes(), For::Existing).is_err());
        assert!(first_line("x".repeat(1025).as_bytes(), For::Existing).is_err());
    }
}
