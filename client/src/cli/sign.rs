//! `coffer sign` and `coffer verify`: signatures of messages of any length.
//!
//! Up to 4,096 bytes the daemon hashes the message. Of a longer one it gets the digest, which is computed here: the
//! signature is the same.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use coffer_client::KeyName;
use coffer_client::kms::{Kms, Message};
use coffer_protocol::key::KeyUsage;
use serde_json::json;
use sha2::digest::DynDigest;
use zeroize::Zeroizing;

use super::file::{self, Form};
use super::key::with_key;
use super::target::Target;
use super::{Problem, input, output};

/// Most bytes of a message that the daemon hashes.
const MAX_MESSAGE: usize = 4096;
/// Most bytes of a signature, as base64 too: RSA-4096 has 512.
const MAX_SIGNATURE: usize = 1024;
/// Bytes that are hashed at once.
const CHUNK: usize = 64 << 10;

/// A signature algorithm, and what hashes for it.
struct Algorithm {
    name: &'static str,
    hash: Option<fn() -> Box<dyn DynDigest>>,
}

const SHA_256: Option<fn() -> Box<dyn DynDigest>> = Some(|| Box::<sha2::Sha256>::default());
const SHA_384: Option<fn() -> Box<dyn DynDigest>> = Some(|| Box::<sha2::Sha384>::default());
const SHA_512: Option<fn() -> Box<dyn DynDigest>> = Some(|| Box::<sha2::Sha512>::default());

#[rustfmt::skip]
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm { name: "RSA_PSS_SHA_256",   hash: SHA_256 },
    Algorithm { name: "RSA_PSS_SHA_384",   hash: SHA_384 },
    Algorithm { name: "RSA_PSS_SHA_512",   hash: SHA_512 },
    Algorithm { name: "RSA_PKCS1_SHA_256", hash: SHA_256 },
    Algorithm { name: "RSA_PKCS1_SHA_384", hash: SHA_384 },
    Algorithm { name: "RSA_PKCS1_SHA_512", hash: SHA_512 },
    Algorithm { name: "ECC_P256_R1",       hash: SHA_256 },
    Algorithm { name: "ECC_P384_R1",       hash: SHA_384 },
    // What is hashed begins with a digest of the signer's public key (GB/T 32918.2), so the daemon does it.
    Algorithm { name: "SM2DSA",            hash: None },
];

/// What both verbs take.
#[derive(Debug, clap::Args)]
struct Common {
    /// Id or alias of the key
    #[arg(long)]
    key: String,
    /// The algorithm, as RSA_PKCS1_SHA_256; when left out: RSA_PSS_SHA_256 for RSA, else the one that the key has
    #[arg(long, value_parser = parse_algorithm)]
    algorithm: Option<&'static str>,
    /// The input is the digest of the message
    #[arg(long)]
    digest: bool,
    /// Read this file in place of standard input
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// The signature is base64
    #[arg(long)]
    base64: bool,
    #[command(flatten)]
    target: Target,
}

/// Arguments of `coffer sign`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The signature is DER for SM2 and ECDSA, and raw for RSA. With SM2 the message has up to \
    4,096 bytes."
)]
pub(crate) struct SignArguments {
    #[command(flatten)]
    common: Common,
    /// Write this file in place of standard output
    #[arg(long = "out", value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Arguments of `coffer verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status 1 where the signature is wrong.")]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    common: Common,
    /// The signature
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Signs.
pub(crate) fn sign(arguments: &SignArguments) -> Result<(), Problem> {
    let common = &arguments.common;
    let signature = common
        .with_message(|kms, key, algorithm, message| Ok(kms.sign(key, algorithm, message)?))?;
    let form = Form::of(common.base64);
    file::write_or_print(arguments.output.as_deref(), &signature, form, file::PUBLIC)
}

/// Verifies; returns the exit status.
pub(crate) fn verify(arguments: &VerifyArguments) -> Result<u8, Problem> {
    let common = &arguments.common;
    let signature = file::read(Some(&arguments.signature), MAX_SIGNATURE)?;
    let signature = file::decoded(signature, Form::of(common.base64))
        .with_context(|| format!("cannot use {}", arguments.signature.display()))?;
    let right = common.with_message(|kms, key, algorithm, message| {
        Ok(kms.verify(key, algorithm, message, &signature)?)
    })?;
    if arguments.json {
        output::line(&json!({"SignatureValid": right}))?;
    } else if right {
        output::text("The signature is right.")?;
    } else {
        eprintln!("coffer: the signature is wrong, or of another message, key or algorithm");
    }
    Ok(u8::from(!right))
}

impl Common {
    /// Does something with the message, in the form in which the daemon takes it.
    fn with_message<T>(
        &self,
        act: impl FnOnce(&mut Kms, &KeyName, &str, Message<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        with_key(&self.target, &self.key, |kms, key| {
            let algorithm = match self.algorithm {
                Some(algorithm) => algorithm,
                None => usual(&kms.describe_key(key)?.key_usage)?,
            };
            let (bytes, is_digest) = self.read(algorithm)?;
            let message = if is_digest { Message::Digest(&bytes) } else { Message::Raw(&bytes) };
            act(kms, key, algorithm, message)
        })
    }

    /// The message, or its digest.
    fn read(&self, algorithm: &str) -> anyhow::Result<(Zeroizing<Vec<u8>>, bool)> {
        if self.digest {
            return Ok((file::read(self.input.as_deref(), MAX_MESSAGE)?, true));
        }
        let mut file = open(self.input.as_deref())?;
        let start =
            input::read_up_to(&mut file, MAX_MESSAGE + 1).context("cannot read the input")?;
        if start.len() <= MAX_MESSAGE {
            return Ok((start, false));
        }
        let found = ALGORITHMS.iter().find(|row| row.name == algorithm);
        let Some(hash) = found.and_then(|row| row.hash) else {
            bail!(
                "the message has more than {MAX_MESSAGE} bytes; with SM2 no longer one is signed"
            );
        };
        let mut hash = hash();
        hash.update(&start);
        loop {
            let chunk = input::read_up_to(&mut file, CHUNK).context("cannot read the input")?;
            if chunk.is_empty() {
                return Ok((Zeroizing::new(hash.finalize().into_vec()), true));
            }
            hash.update(&chunk);
        }
    }
}

fn open(path: Option<&Path>) -> anyhow::Result<Box<dyn Read>> {
    Ok(match path {
        Some(path) => {
            Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => Box::new(input::standard().context("cannot read standard input")?),
    })
}

/// The algorithm of keys of that usage.
fn usual(usage: &str) -> anyhow::Result<&'static str> {
    match KeyUsage::from_name(usage) {
        Some(KeyUsage::SignRsa2048 | KeyUsage::SignRsa3072 | KeyUsage::SignRsa4096) => {
            Ok("RSA_PSS_SHA_256")
        }
        Some(KeyUsage::SignEcc) => Ok("ECC_P256_R1"),
        Some(KeyUsage::SignEcdsa384) => Ok("ECC_P384_R1"),
        Some(KeyUsage::SignSm2) => Ok("SM2DSA"),
        _ => bail!(
            "the key is for {usage}, not for signatures; `coffer key create NAME --usage sign-ecc` makes one \
             that is"
        ),
    }
}

fn parse_algorithm(text: &str) -> Result<&'static str, String> {
    let found = ALGORITHMS.iter().find(|row| row.name.eq_ignore_ascii_case(text));
    found.map(|row| row.name).ok_or_else(|| {
        let names: Vec<_> = ALGORITHMS.iter().map(|row| row.name).collect();
        format!("one of {}", names.join(", "))
    })
}
