//! `coffer key import-parameters`, `import` and `delete-material`: material from outside.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use coffer_client::KeyName;
use coffer_client::kms::{Import, ImportParameters, Kms};
use coffer_protocol::key::{KeySpec, KeyState};
use pkcs8::LineEnding;
use serde_json::json;
use spki::Document;

use super::super::confirm::Confirmation;
use super::super::target::Target;
use super::super::{file, time};
use super::usage::parse_spec;
use super::wrap::{self, Wrapped, Wrapping};
use super::{KeyArguments, Problem, about, changed, material, output, shown};

/// Most bytes of a file with a token or with wrapped material.
const MAX_FILE: usize = 16 << 10;

/// How material is wrapped.
#[derive(Debug, clap::Args)]
struct WrappingArguments {
    /// How the material is wrapped: RSA_AES_KEY_WRAP_SHA_256, RSAES_OAEP_SHA_256, RSAES_OAEP_SHA_1,
    /// RSAES_PKCS1_V1_5 or SM2. When left out: SM2 for keys of SM4 and SM2, else the first
    #[arg(long, value_name = "ALGORITHM", value_parser = Wrapping::parse)]
    wrapping: Option<Wrapping>,
    /// The key that it is wrapped under: RSA_4096, RSA_3072 or RSA_2048, or SM2. When left out: the strongest
    #[arg(long, value_name = "SPEC", value_parser = parse_spec)]
    wrapping_key: Option<KeySpec>,
}

/// Arguments of `coffer key import-parameters`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Both go with one import, within 24 hours: \
    `coffer key import KEY --wrapped FILE --token FILE`.")]
pub(crate) struct ParametersArguments {
    #[command(flatten)]
    pub(super) of: KeyArguments,
    /// Write the public key here
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// Write the import token here
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// The public key as DER in place of PEM
    #[arg(long)]
    der: bool,
    #[command(flatten)]
    wrapping: WrappingArguments,
}

/// Arguments of `coffer key import`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "FILE has the bytes of a secret key as they are, or the private key of a pair as PKCS #8 in \
    PEM or DER, not encrypted. The first material that a key gets is its material for ever: later only the same can \
    be imported, to change when it expires or after it was deleted."
)]
pub(crate) struct ImportArguments {
    /// Id or alias of a key that was made with --import
    key: String,
    /// The material; standard input when left out, or -
    file: Option<PathBuf>,
    /// When the material expires: UNIX seconds, or as 2026-01-31T12:00:00Z, or a day as 2026-01-31
    #[arg(long, value_name = "DATE|never", value_parser = parse_expiry, default_value = "never")]
    expires: i64,
    #[command(flatten)]
    wrapping: WrappingArguments,
    /// Material that was wrapped elsewhere
    #[arg(long, value_name = "FILE", requires = "token", conflicts_with_all = ["file", "wrapping", "wrapping_key"])]
    wrapped: Option<PathBuf>,
    /// The token that the wrapped material goes with
    #[arg(long, value_name = "FILE", requires = "wrapped")]
    token: Option<PathBuf>,
    /// For a pair, when an AES key was wrapped: its PKCS #8, wrapped under that key with AES-KWP
    #[arg(long, value_name = "FILE", requires = "wrapped")]
    wrapped_private_key: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Print the reply as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `coffer key delete-material`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The key stays, and waits for its import. Until then nothing that was encrypted with it can \
    be decrypted. The material of a pair cannot be deleted: schedule the deletion of its key."
)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    pub(super) of: KeyArguments,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Writes a public key and a token.
pub(super) fn parameters(arguments: &ParametersArguments) -> Result<(), Problem> {
    let ParametersArguments { of, public_key, token, der, wrapping } = arguments;
    let (wrapping, reply) = of.with(|kms, key| {
        let spec = spec_of(&kms.describe_key(key)?.key_spec)?;
        let (wrapping, under) = wrapping.chosen(spec);
        Ok((wrapping, get_parameters(kms, key, wrapping, under)?))
    })?;
    let info = if *der { reply.public_key.0 } else { pem(&reply.public_key.0)?.into_bytes() };
    file::write(public_key, &info, file::PUBLIC)?;
    file::write(token, &reply.token.0, file::PRIVATE)?;
    if of.json {
        return Ok(output::line(&json!({
            "KeyId": reply.key_id,
            "WrappingAlgorithm": wrapping.name(),
            "PublicKeyFile": public_key.display().to_string(),
            "ImportTokenFile": token.display().to_string(),
            "ParametersValidTo": reply.valid_to,
        }))?);
    }
    Ok(output::text(&format!(
        "{}: wrap the material with {} under {}, and import it with {} before {}",
        shown(&of.key),
        wrapping.name(),
        public_key.display(),
        token.display(),
        output::time(reply.valid_to)
    ))?)
}

/// Imports material: wraps it here, or takes what was wrapped elsewhere.
pub(super) fn import(arguments: &ImportArguments) -> Result<(), Problem> {
    let mut kms = arguments.target.kms()?;
    let key = KeyName::new(&arguments.key);
    let state = import_with(&mut kms, arguments, &key)
        .map_err(|problem| about(&mut kms, &arguments.key, problem))?;
    if arguments.json {
        return Ok(output::line(&json!({"KeyState": state.name()}))?);
    }
    let expiry = match arguments.expires {
        0 => "its material does not expire".to_owned(),
        time => format!("its material expires {}", output::time(time)),
    };
    let name = shown(&arguments.key);
    output::text(&format!("{name}: {}; {expiry}", state.name()))?;
    if state == KeyState::Disabled {
        eprintln!("It was Disabled when its material went. `coffer key enable {name}` enables it.");
    }
    Ok(())
}

fn import_with(
    kms: &mut Kms,
    arguments: &ImportArguments,
    key: &KeyName,
) -> Result<KeyState, Problem> {
    let (wrapped, token) = match (&arguments.wrapped, &arguments.token) {
        (Some(wrapped), Some(token)) => {
            let private_key =
                arguments.wrapped_private_key.as_deref().map(read_file).transpose()?;
            (Wrapped { material: read_file(wrapped)?, private_key }, read_file(token)?)
        }
        _ => wrap_here(kms, arguments, key)?,
    };
    let import = Import::new(key, &token, &wrapped.material).valid_to(arguments.expires);
    let import = match &wrapped.private_key {
        Some(private_key) => import.private_key(private_key),
        None => import,
    };
    let state = kms.import_key_material(&import)?;
    Ok(state.ok_or_else(|| anyhow!("the daemon names a state that this version does not know"))?)
}

fn wrap_here(
    kms: &mut Kms,
    arguments: &ImportArguments,
    key: &KeyName,
) -> Result<(Wrapped, Vec<u8>), Problem> {
    let spec = spec_of(&kms.describe_key(key)?.key_spec)?;
    if arguments.expires != 0 && spec.secret_length().is_none() {
        return Err(anyhow!(
            "the material of a pair stays for ever: leave --expires out, and schedule the deletion of \
             the key when it is no longer needed"
        )
        .into());
    }
    let path = arguments.file.as_deref().filter(|path| *path != Path::new("-"));
    let material = material::read(path, spec)?;
    let (wrapping, under) = arguments.wrapping.chosen(spec);
    let parameters = get_parameters(kms, key, wrapping, under)?;
    let wrapped = wrap::wrap(wrapping, &parameters.public_key.0, spec, &material)?;
    Ok((wrapped, parameters.token.0))
}

fn get_parameters(
    kms: &mut Kms,
    key: &KeyName,
    wrapping: Wrapping,
    under: KeySpec,
) -> Result<ImportParameters, Problem> {
    Ok(kms.parameters_for_import(key, wrapping.name(), under.name())?)
}

impl WrappingArguments {
    /// What was named, or else the strongest.
    fn chosen(&self, spec: KeySpec) -> (Wrapping, KeySpec) {
        let wrapping = self.wrapping.unwrap_or_else(|| match self.wrapping_key {
            Some(KeySpec::Sm2) => Wrapping::Sm2,
            Some(_) => Wrapping::AesKeyWrap,
            None => Wrapping::strongest(spec),
        });
        (wrapping, self.wrapping_key.unwrap_or_else(|| wrapping.strongest_key()))
    }
}

/// Erases the material, after somebody has typed DELETE.
pub(super) fn delete(arguments: &DeleteArguments) -> Result<u8, Problem> {
    let DeleteArguments { of, confirmation } = arguments;
    confirmation.can_be_had("Without its material a key decrypts nothing.")?;
    of.with(|kms, key| {
        kms.dry_run().delete_imported_key_material(key)?;
        let question = format!(
            "What was encrypted with {} cannot be decrypted until the same material is imported again.",
            shown(&of.key)
        );
        if !confirmation.ask(&question, "DELETE")? {
            eprintln!("Nothing was changed.");
            return Ok(1);
        }
        kms.delete_imported_key_material(key)?;
        changed(kms, key, of.json).map(|()| 0)
    })
}

fn spec_of(name: &str) -> Result<KeySpec, Problem> {
    let spec = KeySpec::from_name(name);
    Ok(spec.ok_or_else(|| anyhow!("material of the kind {name} cannot be imported"))?)
}

fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    Ok(file::read(Some(path), MAX_FILE)?.to_vec())
}

fn pem(der: &[u8]) -> anyhow::Result<String> {
    let document = Document::try_from(der).context("the daemon's public key is no DER")?;
    document.to_pem("PUBLIC KEY", LineEnding::LF).context("the daemon's public key is too long")
}

fn parse_expiry(text: &str) -> Result<i64, String> {
    if text == "never" { Ok(0) } else { time::parse(text).map_err(|form| format!("never, {form}")) }
}
