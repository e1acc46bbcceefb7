//! `coffer mac`: message authentication codes.

use std::path::PathBuf;

use anyhow::{Context, bail};
use coffer_protocol::key::KeySpec;
use serde_json::json;

use super::file::{self, Form};
use super::key::with_key;
use super::target::Target;
use super::{Problem, output};

/// Most bytes of a message.
const MAX_MESSAGE: usize = 4096;
/// Most bytes of a code, as base64 too: HMAC with SHA-512 has 64.
const MAX_CODE: usize = 256;

/// Arguments of `coffer mac`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A message has up to 4,096 bytes. With --verify the exit status is 1 where the code is wrong."
)]
pub(crate) struct MacArguments {
    /// Id or alias of a key that was made with --usage mac
    #[arg(long)]
    key: String,
    /// Check the code in this file in place of making one
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    verify: Option<PathBuf>,
    /// Read this file in place of standard input
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write this file in place of standard output
    #[arg(long = "out", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The code is base64
    #[arg(long)]
    base64: bool,
    #[command(flatten)]
    target: Target,
    /// Print the result of --verify as JSON
    #[arg(long, requires = "verify")]
    pub(crate) json: bool,
}

/// Makes a code or checks one; returns the exit status.
pub(crate) fn run(arguments: &MacArguments) -> Result<u8, Problem> {
    let MacArguments { key, input, output, base64, target, .. } = arguments;
    let form = Form::of(*base64);
    let Some(path) = &arguments.verify else {
        let code = with_key(target, key, |kms, key| {
            let algorithm = algorithm(&kms.describe_key(key)?.key_spec)?;
            let message = file::read(input.as_deref(), MAX_MESSAGE)?;
            Ok(kms.generate_mac(key, algorithm, &message)?)
        })?;
        return file::write_or_print(output.as_deref(), &code, form, file::PUBLIC).map(|()| 0);
    };
    let code = file::decoded(file::read(Some(path), MAX_CODE)?, form)
        .with_context(|| format!("cannot use {}", path.display()))?;
    let right = with_key(target, key, |kms, key| {
        let algorithm = algorithm(&kms.describe_key(key)?.key_spec)?;
        let message = file::read(input.as_deref(), MAX_MESSAGE)?;
        Ok(kms.verify_mac(key, algorithm, &message, &code)?)
    })?;
    if arguments.json {
        output::line(&json!({"MacValid": right}))?;
    } else if right {
        output::text("The code is right.")?;
    } else {
        eprintln!("coffer: the code is wrong, or of another message or key");
    }
    Ok(u8::from(!right))
}

/// What a key of that spec computes.
fn algorithm(spec: &str) -> anyhow::Result<&'static str> {
    match KeySpec::from_name(spec) {
        Some(KeySpec::Hmac256) => Ok("HMAC_SHA_256"),
        Some(KeySpec::Hmac384) => Ok("HMAC_SHA_384"),
        Some(KeySpec::Hmac512) => Ok("HMAC_SHA_512"),
        Some(KeySpec::HmacSm3) => Ok("HMAC_SM3"),
        _ => bail!(
            "a key of {spec} makes no codes; `coffer key create NAME --usage mac` makes one that does"
        ),
    }
}
