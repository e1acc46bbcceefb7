//! `coffer key edit`.

use super::{KeyArguments, Problem, changed, shown};
use coffer_client::KeyName;

/// Arguments of `coffer key edit`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
pub(crate) struct EditArguments {
    #[command(flatten)]
    pub(super) of: KeyArguments,
    /// The new alias, which counts at once
    #[arg(long, group = "what", value_name = "NAME")]
    alias: Option<String>,
    /// The new description, up to 1,024 bytes; "" for none
    #[arg(long, group = "what", value_name = "TEXT")]
    description: Option<String>,
}

/// Changes what was named.
pub(super) fn run(arguments: &EditArguments) -> Result<(), Problem> {
    arguments.of.with(|kms, key| {
        // By its id, which the new alias does not change.
        let id = KeyName::new(&kms.describe_key(key)?.key_id);
        if let Some(description) = &arguments.description {
            kms.update_key_description(&id, description)?;
        }
        let alias = arguments.alias.as_deref().map(shown);
        if let Some(alias) = alias {
            kms.update_alias(&id, alias)?;
        }
        let now = alias.map_or_else(|| key.clone(), KeyName::new);
        changed(kms, &now, arguments.of.json)
    })
}
