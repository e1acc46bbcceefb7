//! `coffer key list`.

use std::collections::BTreeMap;

use coffer_client::kms::{KeyFilter, KeyMetadata, Kms, Tag};
use coffer_protocol::key::{KeyState, KeyUsage, Origin};

use super::super::target::Target;
use super::usage::{parse_state, parse_tag, parse_usage};
use super::{Problem, output};

/// Most keys that one request lists.
const PAGE: u32 = 200;

/// Arguments of `coffer key list`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Tags of one name are alternatives; of tags with several names, one of each must be there."
)]
pub(crate) struct ListArguments {
    /// Only keys whose id or alias contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only keys in this state: Enabled, Disabled, PendingDelete, PendingImport or Archived
    #[arg(long, value_parser = parse_state)]
    state: Option<KeyState>,
    /// Only keys for this, named as `coffer key create` names it; pkcs11 for keys of applications
    #[arg(long, value_parser = parse_usage)]
    usage: Option<KeyUsage>,
    /// Only keys whose material is from there
    #[arg(long, value_enum)]
    origin: Option<From>,
    /// Only keys with this tag; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = parse_tag)]
    tags: Vec<Tag>,
    /// Whose keys
    #[arg(long, value_enum, default_value_t = Role::User)]
    role: Role,
    /// Which come first
    #[arg(long, value_enum, default_value_t = Order::Oldest)]
    order: Order,
    /// Most keys; all when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Leave out so many first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u32,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line
    #[arg(long)]
    pub(super) json: bool,
}

/// Where material is from.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum From {
    /// Generated inside
    Generated,
    /// Imported
    Imported,
}

/// Whose keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    /// Keys that users made
    User,
    /// Keys of services
    Product,
}

/// Which keys come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    /// The oldest
    Oldest,
    /// The newest
    Newest,
}

/// Lists keys.
pub(super) fn run(arguments: &ListArguments) -> Result<(), Problem> {
    let mut kms = arguments.target.kms()?;
    let (keys, total) = match (arguments.limit, arguments.order) {
        // While pages are read, keys may be made: from the oldest on, that shifts no page.
        (None, Order::Newest) if arguments.offset == 0 => {
            let (mut keys, total) = pages(&mut kms, arguments, Order::Oldest, u32::MAX)?;
            keys.reverse();
            (keys, total)
        }
        (limit, order) => pages(&mut kms, arguments, order, limit.unwrap_or(u32::MAX))?,
    };
    let shown = u32::try_from(keys.len()).map_err(anyhow::Error::from)?;
    if arguments.json {
        keys.iter().try_for_each(output::message)?;
        return Ok(());
    }
    let rows = keys.into_iter().map(|key| {
        let created = output::time(key.create_time);
        [key.alias, key.key_id, key.key_state, key.key_usage, key.key_spec, created]
    });
    output::table(["ALIAS", "KEY ID", "STATE", "USAGE", "SPEC", "CREATED"], rows)?;
    let next = arguments.offset.saturating_add(shown);
    if shown > 0 && i64::from(next) < total {
        eprintln!("These are {shown} of {total} keys; --offset {next} shows those that follow.");
    }
    Ok(())
}

/// The keys that match, page by page, and how many there are.
fn pages(
    kms: &mut Kms,
    arguments: &ListArguments,
    order: Order,
    most: u32,
) -> Result<(Vec<KeyMetadata>, i64), Problem> {
    let filter = filter(arguments, order);
    let mut keys: Vec<KeyMetadata> = Vec::new();
    loop {
        let have = u32::try_from(keys.len()).map_err(anyhow::Error::from)?;
        let offset = arguments.offset.saturating_add(have);
        let page = kms.find_keys(&filter.clone().page(offset, PAGE.min(most - have)))?;
        let last = page.keys.is_empty();
        keys.extend(page.keys);
        let have = u32::try_from(keys.len()).map_err(anyhow::Error::from)?;
        let next = i64::from(arguments.offset.saturating_add(have));
        if last || have >= most || next >= page.total {
            return Ok((keys, page.total));
        }
    }
}

fn filter(arguments: &ListArguments, order: Order) -> KeyFilter {
    let mut filter = KeyFilter::all();
    if arguments.role == Role::Product {
        filter = filter.of_services();
    }
    if order == Order::Oldest {
        filter = filter.oldest_first();
    }
    if let Some(state) = arguments.state {
        filter = filter.state(state);
    }
    if let Some(usage) = arguments.usage {
        filter = filter.usage(usage);
    }
    if let Some(from) = arguments.origin {
        filter = filter.origin(from.origin());
    }
    if let Some(text) = &arguments.search {
        filter = filter.search(text);
    }
    // Tags of one name become one condition.
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for tag in &arguments.tags {
        values.entry(&tag.key).or_default().push(&tag.value);
    }
    values.into_iter().fold(filter, |filter, (key, values)| filter.tag(key, values))
}

impl From {
    const fn origin(self) -> Origin {
        match self {
            Self::Generated => Origin::Generated,
            Self::Imported => Origin::External,
        }
    }
}
