//! `coffer key`: make, list, show, enable and disable keys.

use coffer_client::KeyName;
use coffer_client::kms::{KeyMetadata, Kms, ListKeyDetail, NewKey, Tag};
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage};

use super::target::Target;
use super::{Problem, output};

/// Most keys that one request lists.
const PAGE: i64 = 200;

/// Verbs of `coffer key`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print its id
    Create(CreateArguments),
    /// List keys
    List(ListArguments),
    /// Show what is known of keys
    Show(KeysArguments),
    /// Enable disabled keys
    Enable(KeysArguments),
    /// Disable keys; they can be enabled again
    Disable(KeysArguments),
}

/// Arguments of `coffer key create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArguments {
    /// The alias: 1 to 60 letters, digits, _ or -
    name: String,
    /// What the key is for: encrypt, decrypt-rsa, sign-rsa, sign-ecc, sign-p384, sign-sm2, or as the KMS API
    /// names it
    #[arg(long, value_parser = parse_usage, default_value = "encrypt")]
    usage: KeyUsage,
    /// The cipher of a key that encrypts: `AES_256` or `SM4`
    #[arg(long, value_parser = parse_spec)]
    spec: Option<KeySpec>,
    /// Up to 1,024 bytes
    #[arg(long)]
    description: Option<String>,
    /// A label for grouping
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    tags: Vec<Tag>,
    #[command(flatten)]
    target: Target,
    /// Print the reply as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `coffer key list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// Only keys whose id or alias contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only keys in this state
    #[arg(long, value_parser = parse_state)]
    state: Option<KeyState>,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Arguments of the verbs that take several keys.
#[derive(Debug, clap::Args)]
pub(crate) struct KeysArguments {
    /// Ids or aliases
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl KeyCommand {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Create(arguments) => arguments.json,
            Self::List(arguments) => arguments.json,
            Self::Show(arguments) | Self::Enable(arguments) | Self::Disable(arguments) => {
                arguments.json
            }
        }
    }
}

/// Does what the verb says.
pub(crate) fn run(command: KeyCommand) -> Result<u8, Problem> {
    match command {
        KeyCommand::Create(arguments) => create(arguments).map(|()| 0),
        KeyCommand::List(arguments) => list(&arguments).map(|()| 0),
        KeyCommand::Show(arguments) => each(&arguments, show),
        KeyCommand::Enable(arguments) => each(&arguments, |kms, key, json| {
            kms.enable_key(key)?;
            changed(kms, key, json)
        }),
        KeyCommand::Disable(arguments) => each(&arguments, |kms, key, json| {
            kms.disable_key(key)?;
            changed(kms, key, json)
        }),
    }
}

fn create(arguments: CreateArguments) -> Result<(), Problem> {
    let alias = arguments.name.strip_prefix("alias/").unwrap_or(&arguments.name);
    let key = NewKey {
        usage: arguments.usage,
        spec: arguments.spec,
        description: arguments.description,
        tags: arguments.tags,
        ..NewKey::new(alias)
    };
    let created = arguments.target.kms()?.create_key(&key)?;
    if arguments.json {
        output::message(&created)?;
    } else {
        output::text(&created.key_id)?;
    }
    Ok(())
}

fn list(arguments: &ListArguments) -> Result<(), Problem> {
    let keys = all_keys(&mut arguments.target.kms()?, arguments)?;
    if arguments.json {
        keys.iter().try_for_each(output::message)?;
        return Ok(());
    }
    let rows = keys.into_iter().map(|key| {
        let created = output::time(key.create_time);
        [key.alias, key.key_id, key.key_state, key.key_usage, key.key_spec, created]
    });
    Ok(output::table(["ALIAS", "KEY ID", "STATE", "USAGE", "SPEC", "CREATED"], rows)?)
}

/// Every key that matches, page by page, oldest first so that a key made meanwhile shifts no page.
fn all_keys(kms: &mut Kms, filter: &ListArguments) -> Result<Vec<KeyMetadata>, Problem> {
    let mut keys: Vec<KeyMetadata> = Vec::new();
    loop {
        let offset = i64::try_from(keys.len()).map_err(anyhow::Error::from)?;
        let page = kms.list_key_detail(&ListKeyDetail {
            offset: Some(offset),
            limit: Some(PAGE),
            role: None,
            order: Some(1),
            key_state: filter.state.map(|state| i64::from(state as u8)),
            search: filter.search.clone(),
            origin: None,
            key_usage: Some("ALL".to_owned()),
            tags: None,
            hsm_cluster: None,
        })?;
        let last = page.keys.is_empty();
        keys.extend(page.keys);
        if last || i64::try_from(keys.len()).is_ok_and(|count| count >= page.total) {
            return Ok(keys);
        }
    }
}

/// Does the same to several keys; one that fails does not keep the others from it.
fn each(
    arguments: &KeysArguments,
    mut act: impl FnMut(&mut Kms, &KeyName, bool) -> Result<(), Problem>,
) -> Result<u8, Problem> {
    let mut kms = arguments.target.kms()?;
    let mut status = 0;
    for name in &arguments.keys {
        let key = KeyName::new(name);
        if let Err(problem) = act(&mut kms, &key, arguments.json) {
            let gone = problem.exit_status() == super::problem::NO_DAEMON;
            if gone || arguments.keys.len() == 1 {
                return Err(problem);
            }
            eprintln!("{name}:");
            let this = problem.report(arguments.json);
            status = if status == 0 { this } else { status };
        }
    }
    Ok(status)
}

fn show(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let metadata = kms.describe_key(key)?;
    if json {
        output::message(&metadata)?;
    } else {
        output::fields(&metadata)?;
    }
    Ok(())
}

fn changed(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let metadata = kms.describe_key(key)?;
    if json {
        output::message(&metadata)?;
    } else {
        output::text(&format!(
            "{}: {}",
            key.as_str().trim_start_matches("alias/"),
            metadata.key_state
        ))?;
    }
    Ok(())
}

/// Short names of usages, beside those of the KMS API.
const USAGES: [(&str, KeyUsage); 6] = [
    ("encrypt", KeyUsage::EncryptDecrypt),
    ("decrypt-rsa", KeyUsage::DecryptRsa2048),
    ("sign-rsa", KeyUsage::SignRsa2048),
    ("sign-ecc", KeyUsage::SignEcc),
    ("sign-p384", KeyUsage::SignEcdsa384),
    ("sign-sm2", KeyUsage::SignSm2),
];

fn parse_usage(text: &str) -> Result<KeyUsage, String> {
    let found = USAGES.iter().find(|(name, usage)| {
        name.eq_ignore_ascii_case(text) || usage.name().eq_ignore_ascii_case(text)
    });
    found.map(|(_, usage)| *usage).ok_or_else(|| {
        let names: Vec<_> = USAGES.iter().map(|(name, _)| *name).collect();
        format!("one of {}, or a KeyUsage of `coffer call ListAlgorithms`", names.join(", "))
    })
}

fn parse_spec(text: &str) -> Result<KeySpec, String> {
    KeySpec::ALL
        .iter()
        .copied()
        .find(|spec| spec.name().eq_ignore_ascii_case(text))
        .ok_or_else(|| "AES_256 or SM4".to_owned())
}

fn parse_state(text: &str) -> Result<KeyState, String> {
    KeyState::ALL.iter().copied().find(|state| state.name().eq_ignore_ascii_case(text)).ok_or_else(
        || {
            let names: Vec<_> = KeyState::ALL.iter().map(|state| state.name()).collect();
            format!("one of {}", names.join(", "))
        },
    )
}

fn parse_tag(text: &str) -> Result<Tag, String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE")?;
    Ok(Tag { key: key.to_owned(), value: value.to_owned() })
}
