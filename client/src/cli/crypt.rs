//! `coffer encrypt` and `coffer decrypt`: standard input to standard output, or files.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use base64ct::{Base64, Encoding};
use coffer_client::{Context, KeyName};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::target::Target;
use super::{Problem, input, output};

/// Most bytes that one request encrypts.
const MAX_PLAINTEXT: usize = 4096;
/// More than any ciphertext has, as base64 too.
const MAX_CIPHERTEXT: usize = 16 * 1024;

/// Arguments of `coffer encrypt`.
#[derive(Debug, clap::Args)]
pub(crate) struct EncryptArguments {
    /// Id or alias of the key
    #[arg(long)]
    key: String,
    #[command(flatten)]
    files: Files,
    /// Print the ciphertext as base64
    #[arg(long)]
    base64: bool,
}

/// Arguments of `coffer decrypt`.
#[derive(Debug, clap::Args)]
pub(crate) struct DecryptArguments {
    /// Refuse what was made with another key; the ciphertext names its key itself
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    files: Files,
    /// The ciphertext comes as base64
    #[arg(long)]
    base64: bool,
}

/// What both take.
#[derive(Debug, clap::Args)]
struct Files {
    /// A public fact that decryption needs again; may be repeated
    #[arg(long = "context", value_name = "KEY=VALUE", value_parser = parse_pair)]
    context: Vec<(String, String)>,
    /// Read this file in place of standard input
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write this file in place of standard output
    #[arg(long = "out", value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// Encrypts.
pub(crate) fn encrypt(arguments: &EncryptArguments) -> Result<(), Problem> {
    let files = &arguments.files;
    if files.output.is_none() && !arguments.base64 && output::is_terminal() {
        return Err(Problem::Usage(
            "the ciphertext is binary: use --base64, --out FILE, or a pipe".to_owned(),
        ));
    }
    let context = files.context()?;
    let plaintext = files.read(
        MAX_PLAINTEXT,
        "nothing was encrypted. For more, make a data key with `coffer call GenerateDataKey`, \
         encrypt with that, and keep its CiphertextBlob",
    )?;
    if plaintext.is_empty() {
        return Err(anyhow!("there is nothing to encrypt: the input is empty").into());
    }
    let key = KeyName::new(&arguments.key);
    let ciphertext = files.target.kms()?.encrypt(&key, &plaintext, &context)?;
    if arguments.base64 {
        files.write(format!("{}\n", Base64::encode_string(&ciphertext)).as_bytes(), 0o666)?;
    } else {
        files.write(&ciphertext, 0o666)?;
    }
    Ok(())
}

/// Decrypts.
pub(crate) fn decrypt(arguments: &DecryptArguments) -> Result<(), Problem> {
    let files = &arguments.files;
    let context = files.context()?;
    let mut ciphertext = files.read(MAX_CIPHERTEXT, "no ciphertext has as many")?;
    if arguments.base64 {
        ciphertext.retain(|byte| !byte.is_ascii_whitespace());
        let text = std::str::from_utf8(&ciphertext).context("the input is not base64")?;
        ciphertext =
            Zeroizing::new(Base64::decode_vec(text).context("the input is not padded base64")?);
    }
    let mut kms = files.target.kms()?;
    let plaintext = match &arguments.key {
        Some(key) => kms.decrypt_of(&KeyName::new(key), &ciphertext, &context)?,
        None => kms.decrypt(&ciphertext, &context)?,
    };
    Ok(files.write(plaintext.expose_secret(), 0o600)?)
}

impl Files {
    fn context(&self) -> Result<Context, Problem> {
        let mut context = Context::default();
        for (key, value) in &self.context {
            if context.insert(key, value).is_some() {
                return Err(Problem::Usage(format!("--context has {key} twice")));
            }
        }
        Ok(context)
    }

    /// The whole input, in one buffer that never moves.
    fn read(&self, most: usize, too_long: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let bytes = match &self.input {
            Some(path) => File::open(path)
                .and_then(|file| input::read_up_to(file, most + 1))
                .with_context(|| format!("cannot read {}", path.display()))?,
            None => input::standard()
                .and_then(|file| input::read_up_to(file, most + 1))
                .context("cannot read standard input")?,
        };
        if bytes.len() > most {
            bail!("the input has more than {most} bytes; {too_long}");
        }
        Ok(bytes)
    }

    fn write(&self, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
        match &self.output {
            Some(path) => write_file(path, bytes, mode)
                .with_context(|| format!("cannot write {}", path.display())),
            None => Ok(output::bytes(bytes)?),
        }
    }
}

/// The mode counts for a file that was not there.
fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(bytes)
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_contain_the_separator() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parse_pair("a").is_err());
    }
}
