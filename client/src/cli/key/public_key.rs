//! `coffer key public-key`.

use std::path::PathBuf;

use super::super::file;
use super::{KeyArguments, Problem, output};

/// Arguments of `coffer key public-key`.
#[derive(Debug, clap::Args)]
pub(crate) struct PublicKeyArguments {
    #[command(flatten)]
    pub(super) of: KeyArguments,
    /// As DER in place of PEM
    #[arg(long, conflicts_with = "json")]
    der: bool,
    /// Write this file in place of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    out: Option<PathBuf>,
}

/// Prints it: SubjectPublicKeyInfo (RFC 5280).
pub(super) fn run(arguments: &PublicKeyArguments) -> Result<(), Problem> {
    if arguments.der && arguments.out.is_none() && output::is_terminal() {
        return Err(Problem::Usage("DER is binary: use --out FILE, or a pipe".to_owned()));
    }
    let key = arguments.of.with(|kms, key| Ok(kms.public_key(key)?))?;
    if arguments.of.json {
        return Ok(output::message(&key)?);
    }
    let bytes = if arguments.der { key.public_key.0 } else { key.pem.into_bytes() };
    match &arguments.out {
        Some(path) => Ok(file::write(path, &bytes, file::PUBLIC)?),
        None => Ok(output::bytes(&bytes)?),
    }
}
