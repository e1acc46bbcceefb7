//! `coffer key list`.

use std::collections::BTreeMap;

use coffer_client::kms::{KeyMetadata, Kms, ListKeyDetail, Tag, TagFilter};
use coffer_protocol::key::{KeyState, KeyUsage, Origin};

use super::super::target::Target;
use super::usage::{parse_state, parse_tag, parse_usage};
use super::{Problem, output};

/// Most keys that one request lists.
const PAGE: i64 = 200;

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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
    /// Leave out so many first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..), default_value_t = 0)]
    offset: i64,
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
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
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
            let (mut keys, total) = pages(&mut kms, arguments, Order::Oldest, i64::MAX)?;
            keys.reverse();
            (keys, total)
        }
        (limit, order) => pages(&mut kms, arguments, order, limit.unwrap_or(i64::MAX))?,
    };
    let shown = i64::try_from(keys.len()).map_err(anyhow::Error::from)?;
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
    if shown > 0 && next < total {
        eprintln!("These are {shown} of {total} keys; --offset {next} shows those that follow.");
    }
    Ok(())
}

/// The keys that match, page by page, and how many there are.
fn pages(
    kms: &mut Kms,
    arguments: &ListArguments,
    order: Order,
    most: i64,
) -> Result<(Vec<KeyMetadata>, i64), Problem> {
    let mut keys: Vec<KeyMetadata> = Vec::new();
    loop {
        let have = i64::try_from(keys.len()).map_err(anyhow::Error::from)?;
        let request = ListKeyDetail {
            offset: Some(arguments.offset.saturating_add(have)),
            limit: Some(PAGE.min(most - have)),
            role: Some(match arguments.role {
                Role::User => 0,
                Role::Product => 1,
            }),
            order: Some(match order {
                Order::Newest => 0,
                Order::Oldest => 1,
            }),
            key_state: arguments.state.map(|state| i64::from(state as u8)),
            search: arguments.search.clone(),
            origin: arguments.origin.map(|from| from.origin().name().to_owned()),
            key_usage: Some(arguments.usage.map_or("ALL", KeyUsage::name).to_owned()),
            tags: filters(&arguments.tags),
            hsm_cluster: None,
        };
        let page = kms.list_key_detail(&request)?;
        let last = page.keys.is_empty();
        keys.extend(page.keys);
        let have = i64::try_from(keys.len()).map_err(anyhow::Error::from)?;
        if last || have >= most || arguments.offset.saturating_add(have) >= page.total {
            return Ok((keys, page.total));
        }
    }
}

/// Tags of one name become one condition.
fn filters(tags: &[Tag]) -> Option<Vec<TagFilter>> {
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for tag in tags {
        values.entry(&tag.key).or_default().push(tag.value.clone());
    }
    let filters = values.into_iter().map(|(key, values)| TagFilter { key: key.to_owned(), values });
    (!tags.is_empty()).then(|| filters.collect())
}

impl From {
    const fn origin(self) -> Origin {
        match self {
            Self::Generated => Origin::Generated,
            Self::Imported => Origin::External,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_one_name_are_alternatives() {
        let tags: Vec<_> = ["a=1", "b=2", "a=3"].map(|text| parse_tag(text).unwrap()).into();
        let filters = filters(&tags).unwrap();
        assert_eq!(filters.len(), 2);
        assert_eq!((filters[0].key.as_str(), filters[0].values.len()), ("a", 2));
        assert!(super::filters(&[]).is_none());
    }
}
