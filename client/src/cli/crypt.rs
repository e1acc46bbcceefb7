//! `coffer encrypt` and `coffer decrypt`: standard input to standard output, or files.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use base64ct::{Base64, Encoding};
use coffer_client::envelope::MAGIC;
use coffer_client::{Context, KeyName};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::key::with_key;
use super::sink::Sink;
use super::target::Target;
use super::{Problem, envelope, input, output};

/// Most bytes that one request encrypts.
const MAX_PLAINTEXT: usize = 4096;
/// More than any ciphertext has, as base64 too.
pub(super) const MAX_CIPHERTEXT: usize = 16 * 1024;

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
    /// Encrypt any number of bytes, under a data key that is made for them
    #[arg(long, conflicts_with = "base64")]
    envelope: bool,
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
pub(super) struct Files {
    /// A public fact that decryption needs again; may be repeated
    #[arg(long = "context", value_name = "KEY=VALUE", value_parser = parse_pair)]
    context: Vec<(String, String)>,
    /// Read this file in place of standard input
    #[arg(long = "in", value_name = "FILE")]
    pub(super) input: Option<PathBuf>,
    /// Write this file in place of standard output
    #[arg(long = "out", value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) target: Target,
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
    let input = files.open()?;
    if arguments.envelope {
        return with_key(&files.target, &arguments.key, |kms, key| {
            envelope::encrypt(kms, key, &context, input, files.sink(0o666)?)
        });
    }
    let plaintext =
        files.read(input, &[], MAX_PLAINTEXT, "nothing was encrypted. Use --envelope for more")?;
    if plaintext.is_empty() {
        return Err(anyhow!("there is nothing to encrypt: the input is empty").into());
    }
    let ciphertext = with_key(&files.target, &arguments.key, |kms, key| {
        Ok(kms.encrypt(key, &plaintext, &context)?)
    })?;
    if arguments.base64 {
        files.write(format!("{}\n", Base64::encode_string(&ciphertext)).as_bytes(), 0o666)?;
    } else {
        files.write(&ciphertext, 0o666)?;
    }
    Ok(())
}

/// Decrypts; what it is, the first bytes say.
pub(crate) fn decrypt(arguments: &DecryptArguments) -> Result<(), Problem> {
    let files = &arguments.files;
    let context = files.context()?;
    let key = arguments.key.as_deref().map(KeyName::new);
    let mut input = files.open()?;
    let beginning = files.beginning(&mut input)?;
    if envelope::is_envelope(&beginning) {
        if arguments.base64 {
            return Err(Problem::Usage(
                "the input is an envelope and no base64: leave --base64 out".to_owned(),
            ));
        }
        let mut kms = files.target.kms()?;
        let sink = files.sink(0o600)?;
        return envelope::decrypt(&mut kms, key.as_ref(), &context, (&beginning, input), sink);
    }
    let mut ciphertext =
        files.read(input, &beginning, MAX_CIPHERTEXT, "no ciphertext has as many")?;
    if arguments.base64 {
        ciphertext = decode(ciphertext)?;
    }
    let mut kms = files.target.kms()?;
    let plaintext = match &key {
        Some(key) => kms.decrypt_of(key, &ciphertext, &context)?,
        None => kms.decrypt(&ciphertext, &context)?,
    };
    Ok(files.write(plaintext.expose_secret(), 0o600)?)
}

/// The bytes of base64 with line ends.
pub(super) fn decode(mut text: Zeroizing<Vec<u8>>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    text.retain(|byte| !byte.is_ascii_whitespace());
    let text = std::str::from_utf8(&text).context("the input is not base64")?;
    Ok(Zeroizing::new(Base64::decode_vec(text).context("the input is not padded base64")?))
}

/// The pairs of an option as a context.
pub(super) fn context_of(option: &str, pairs: &[(String, String)]) -> Result<Context, Problem> {
    let mut context = Context::default();
    for (key, value) in pairs {
        if context.insert(key, value).is_some() {
            return Err(Problem::Usage(format!("{option} has {key} twice")));
        }
    }
    Ok(context)
}

impl Files {
    pub(super) fn context(&self) -> Result<Context, Problem> {
        context_of("--context", &self.context)
    }

    /// The input, without a buffer.
    pub(super) fn open(&self) -> anyhow::Result<File> {
        match &self.input {
            Some(path) => {
                File::open(path).with_context(|| format!("cannot read {}", path.display()))
            }
            None => input::standard().context("cannot read standard input"),
        }
    }

    /// As many bytes as tell an envelope.
    pub(super) fn beginning(&self, input: &mut File) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        input::read_up_to(input, MAGIC.len()).with_context(|| self.cannot_read())
    }

    /// The whole input, whose beginning was read already, in one buffer that never moves.
    pub(super) fn read(
        &self,
        input: File,
        beginning: &[u8],
        most: usize,
        too_long: &str,
    ) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let whole = std::io::Read::chain(beginning, input);
        let bytes = input::read_up_to(whole, most + 1).with_context(|| self.cannot_read())?;
        if bytes.len() > most {
            bail!("the input has more than {most} bytes; {too_long}");
        }
        Ok(bytes)
    }

    pub(super) fn sink(&self, mode: u32) -> anyhow::Result<Sink> {
        Sink::open(self.output.as_deref(), mode)
    }

    pub(super) fn write(&self, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
        let mut sink = self.sink(mode)?;
        sink.write_all(bytes)?;
        sink.finish()
    }

    fn cannot_read(&self) -> String {
        match &self.input {
            Some(path) => format!("cannot read {}", path.display()),
            None => "cannot read standard input".to_owned(),
        }
    }
}

pub(super) fn parse_pair(text: &str) -> Result<(String, String), String> {
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
