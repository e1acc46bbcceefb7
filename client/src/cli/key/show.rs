//! `coffer key show` and `coffer key last-use`.

use coffer_client::kms::{KeyLastUsage, KeyMetadata, Kms};
use coffer_client::{Error, KeyName};

use super::{Problem, output, shown};

/// Shows a key: for machines what DescribeKey tells, for people its tags and last use as well.
pub(super) fn show(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let metadata = kms.describe_key(key)?;
    if json {
        return Ok(output::message(&metadata)?);
    }
    let tags = optional(kms.resource_tags(key))?.unwrap_or_default();
    let usage = optional(kms.key_last_usage(key))?;
    let tags: Vec<_> = tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
    let mut rows = rows(&metadata);
    rows.push(("Tags", tags.join(", ")));
    rows.push(("Last use", usage.as_ref().map(last_used).unwrap_or_default()));
    Ok(output::pairs(&rows)?)
}

/// What the daemon does not tell of keys of this kind is left out.
fn optional<T>(reply: Result<T, Error>) -> Result<Option<T>, Problem> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn rows(key: &KeyMetadata) -> Vec<(&'static str, String)> {
    let state = match key.deletion_date {
        0 => key.key_state.clone(),
        date => format!("{}, destroyed on {}", key.key_state, output::time(date)),
    };
    let origin = match (key.origin.as_str(), key.valid_to) {
        ("EXTERNAL", 0) => "imported".to_owned(),
        ("EXTERNAL", time) => format!("imported, expires {}", output::time(time)),
        _ => "generated here".to_owned(),
    };
    let rotation = if key.rotation {
        let next = output::time(key.next_rotate_time);
        format!("every {} days, next {next}", key.rotate_days)
    } else {
        "off".to_owned()
    };
    let version = match key.last_rotate_time {
        0 => key.key_version.to_string(),
        time => format!("{}, since {}", key.key_version, output::time(time)),
    };
    vec![
        ("Alias", key.alias.clone()),
        ("Key id", key.key_id.clone()),
        ("State", state),
        ("Usage", key.key_usage.clone()),
        ("Spec", key.key_spec.clone()),
        ("Origin", origin),
        ("Owner", key.owner.clone()),
        ("Description", key.description.clone()),
        ("Created", format!("{} by uid {}", output::time(key.create_time), key.creator)),
        ("Version", version),
        ("Rotation", rotation),
    ]
}

/// Tells when a key was used last.
pub(super) fn last_use(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let usage = kms.key_last_usage(key)?;
    if json {
        return Ok(output::message(&usage)?);
    }
    Ok(output::text(&format!("{}: {}", shown(key.as_str()), last_used(&usage)))?)
}

/// The last use in words.
pub(super) fn last_used(usage: &KeyLastUsage) -> String {
    match (usage.time, &usage.operation) {
        (Some(time), Some(operation)) => format!("{operation} at {}", output::time(time)),
        _ => format!("not since {}", output::time(usage.tracking_start)),
    }
}
