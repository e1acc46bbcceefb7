//! `coffer key create`.

use coffer_client::kms::{NewKey, Tag};
use coffer_protocol::key::{KeySpec, KeyUsage, Origin};

use super::super::target::Target;
use super::usage::{parse_spec, parse_tag, parse_usage};
use super::{Problem, about, output, shown};

/// Arguments of `coffer key create`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The usage of a key never changes. With --import the key has no material yet: \
    `coffer key import` brings it."
)]
pub(crate) struct CreateArguments {
    /// The alias: 1 to 60 letters, digits, _ or -, unique in the partition, not beginning with kms-
    name: String,
    /// What the key is for: encrypt, decrypt-rsa, decrypt-rsa-3072, decrypt-rsa-4096, decrypt-sm2, sign-rsa,
    /// sign-rsa-3072, sign-rsa-4096, sign-ecc, sign-p384, sign-sm2, mac, agree, or as the KMS API names it
    #[arg(long, value_parser = parse_usage, default_value = "encrypt")]
    usage: KeyUsage,
    /// What the material is, where the usage leaves a choice: AES_256 or SM4 to encrypt; HMAC_256, HMAC_384,
    /// HMAC_512 or HMAC_SM3 for a MAC; EC_P256 or EC_P384 to agree. The first one when left out
    #[arg(long, value_parser = parse_spec)]
    spec: Option<KeySpec>,
    /// The material comes from outside
    #[arg(long, conflicts_with = "rotate_days")]
    import: bool,
    /// Rotate by itself, every so many days: 7 to 365
    #[arg(long, value_name = "DAYS")]
    rotate_days: Option<u32>,
    /// Up to 1,024 bytes
    #[arg(long)]
    description: Option<String>,
    /// A label for grouping; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    tags: Vec<Tag>,
    /// 1 to 64 bytes: the same command with the same token makes one key in 24 hours
    #[arg(long, value_name = "TEXT")]
    client_token: Option<String>,
    #[command(flatten)]
    target: Target,
    /// Print the reply as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Makes the key.
pub(super) fn run(arguments: CreateArguments) -> Result<(), Problem> {
    let alias = shown(&arguments.name).to_owned();
    let key = NewKey {
        usage: arguments.usage,
        spec: arguments.spec,
        description: arguments.description,
        tags: arguments.tags,
        origin: if arguments.import { Origin::External } else { Origin::Generated },
        client_token: arguments.client_token,
        rotate_days: arguments.rotate_days,
        ..NewKey::new(alias.clone())
    };
    let mut kms = arguments.target.kms()?;
    let created = kms.create_key(&key).map_err(|error| about(&mut kms, &alias, error.into()))?;
    if arguments.json {
        output::message(&created)?;
    } else {
        output::text(&created.key_id)?;
    }
    if created.tag_code != 0 {
        eprintln!("coffer: the key was made without its tags: {}", created.tag_message);
    }
    Ok(())
}
