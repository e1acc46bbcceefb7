//! `coffer key wrap-material`: what `coffer key import` does with material, on a host without a daemon.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use coffer_protocol::key::KeySpec;
use spki::Document;

use super::super::file;
use super::usage::parse_spec;
use super::wrap::{self, Wrapping};
use super::{Problem, material};

/// Most bytes of a public key: RSA-4096 has 800 in PEM.
const MAX_PUBLIC_KEY: usize = 4096;

/// Arguments of `coffer key wrap-material`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "FILE is what `coffer key import` takes. The algorithm must be the one that \
    `coffer key import-parameters` was called with; both choose the same one when none is named. The result goes to \
    `coffer key import KEY --wrapped FILE --token FILE`."
)]
pub(crate) struct WrapMaterialArguments {
    /// The material; standard input when left out, or -
    file: Option<PathBuf>,
    /// What the material is, as `coffer key show` tells it: AES_256, RSA_2048 and so on
    #[arg(long, value_parser = parse_spec)]
    spec: KeySpec,
    /// The public key of `coffer key import-parameters`, in PEM or DER
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// How the material is wrapped, as `coffer key import-parameters` names it
    #[arg(long, value_name = "ALGORITHM", value_parser = Wrapping::parse)]
    wrapping: Option<Wrapping>,
    /// Write the wrapped material here
    #[arg(long = "out", value_name = "FILE")]
    output: PathBuf,
    /// For an RSA private key that does not fit under the public key: write it here, wrapped under an AES key, which
    /// is what goes to --out then
    #[arg(long, value_name = "FILE")]
    private_key_out: Option<PathBuf>,
}

/// Wraps material.
pub(super) fn run(arguments: &WrapMaterialArguments) -> Result<(), Problem> {
    let path = arguments.file.as_deref().filter(|path| *path != Path::new("-"));
    let public_key = read_public_key(&arguments.public_key)?;
    let material = material::read(path, arguments.spec)?;
    let wrapping = arguments.wrapping.unwrap_or(Wrapping::strongest(arguments.spec));
    let wrapped = wrap::wrap(wrapping, &public_key, arguments.spec, &material)
        .with_context(|| format!("cannot use {}", arguments.public_key.display()))?;
    if let Some(private_key) = &wrapped.private_key {
        let path = arguments.private_key_out.as_deref().ok_or_else(|| {
            anyhow!(
                "the material does not fit under the public key with {}: name a file for its second part with \
                 --private-key-out, or use RSA_AES_KEY_WRAP_SHA_256",
                wrapping.name()
            )
        })?;
        file::write(path, private_key, file::PUBLIC)?;
    }
    Ok(file::write(&arguments.output, &wrapped.material, file::PUBLIC)?)
}

/// The DER of a public key in PEM or DER.
fn read_public_key(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = file::read(Some(path), MAX_PUBLIC_KEY)?;
    if !bytes.starts_with(b"-----BEGIN") {
        return Ok(bytes.to_vec());
    }
    let text = std::str::from_utf8(&bytes).ok();
    let read = text.and_then(|text| Document::from_pem(text).ok());
    let key = read.filter(|(label, _)| *label == "PUBLIC KEY");
    let (_, document) = key.with_context(|| format!("{} has no public key", path.display()))?;
    Ok(document.as_bytes().to_vec())
}
