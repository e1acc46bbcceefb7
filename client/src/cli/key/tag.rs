//! `coffer key tag`: labels for grouping.

use coffer_client::KeyName;
use coffer_client::kms::{Kms, Tag};
use coffer_protocol::operation::kms::ResourceTags;

use super::usage::parse_tag;
use super::{KeyArguments, Problem, output};

/// Verbs of `coffer key tag`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TagCommand {
    /// Set tags; one that is there gets the new value
    Add {
        #[command(flatten)]
        of: KeyArguments,
        /// 1 to 10 tags
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = parse_tag)]
        tags: Vec<Tag>,
    },
    /// Remove tags
    Remove {
        #[command(flatten)]
        of: KeyArguments,
        /// Names of tags
        #[arg(required = true, value_name = "TAG")]
        tags: Vec<String>,
    },
    /// List the tags of a key
    List {
        #[command(flatten)]
        of: KeyArguments,
    },
}

impl TagCommand {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Add { of, .. } | Self::Remove { of, .. } | Self::List { of } => of.json,
        }
    }
}

/// Does what the verb says, and shows the tags that the key has then.
pub(super) fn run(command: &TagCommand) -> Result<(), Problem> {
    match command {
        TagCommand::Add { of, tags } => of.with(|kms, key| {
            kms.tag_resource(key, tags)?;
            list(kms, key, of.json)
        }),
        TagCommand::Remove { of, tags } => of.with(|kms, key| {
            let names: Vec<_> = tags.iter().map(String::as_str).collect();
            kms.untag_resource(key, &names)?;
            list(kms, key, of.json)
        }),
        TagCommand::List { of } => of.with(|kms, key| list(kms, key, of.json)),
    }
}

fn list(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let tags = kms.resource_tags(key)?;
    if json {
        return Ok(output::message(&ResourceTags { tags })?);
    }
    for tag in tags {
        output::text(&output::printable(&format!("{}={}", tag.key, tag.value)))?;
    }
    Ok(())
}
