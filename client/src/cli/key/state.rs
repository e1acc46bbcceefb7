//! `coffer key enable`, `disable`, `archive` and `unarchive`.

use coffer_client::kms::Kms;
use coffer_client::{Error, KeyName};
use serde_json::{Value, json};

use super::super::problem::local_request_id;
use super::{KeysArguments, Problem, about, changed, output, shown};

/// What to do with keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Switch {
    /// Enable them.
    On,
    /// Disable them.
    Off,
}

impl Switch {
    fn one(self, kms: &mut Kms, key: &KeyName) -> Result<(), Error> {
        match self {
            Self::On => kms.enable_key(key),
            Self::Off => kms.disable_key(key),
        }
    }

    fn all(self, kms: &mut Kms, keys: &[KeyName]) -> Result<(), Error> {
        match self {
            Self::On => kms.enable_keys(keys),
            Self::Off => kms.disable_keys(keys),
        }
    }

    fn try_one(self, kms: &mut Kms, key: &KeyName) -> Result<(), Error> {
        match self {
            Self::On => kms.dry_run().enable_key(key),
            Self::Off => kms.dry_run().disable_key(key),
        }
    }

    const fn possible(self) -> &'static str {
        match self {
            Self::On => "could be enabled",
            Self::Off => "could be disabled",
        }
    }
}

/// Enables or disables keys: several in one step, all or none.
pub(super) fn switch(arguments: &KeysArguments, what: Switch) -> Result<u8, Problem> {
    let mut kms = arguments.target.kms()?;
    if let [name] = arguments.keys.as_slice() {
        let key = KeyName::new(name);
        what.one(&mut kms, &key).map_err(|error| about(&mut kms, name, error.into()))?;
        return changed(&mut kms, &key, arguments.json).map(|()| 0);
    }
    let keys: Vec<_> = arguments.keys.iter().map(|name| KeyName::new(name)).collect();
    match what.all(&mut kms, &keys) {
        Ok(()) => {}
        Err(error @ Error::Refused { .. }) => {
            return explain(&mut kms, arguments, what, &error.into());
        }
        Err(error) => return Err(error.into()),
    }
    let described = kms.describe_keys(&keys)?;
    for (name, metadata) in arguments.keys.iter().zip(&described) {
        if arguments.json {
            output::message(metadata)?;
        } else {
            output::text(&format!("{}: {}", shown(name), metadata.key_state))?;
        }
    }
    Ok(0)
}

/// Nothing was changed: says of each key whether it was the reason.
fn explain(
    kms: &mut Kms,
    arguments: &KeysArguments,
    what: Switch,
    whole: &Problem,
) -> Result<u8, Problem> {
    let mut each = Vec::new();
    for name in &arguments.keys {
        let tried = what.try_one(kms, &KeyName::new(name)).map_err(Problem::from);
        each.push((name, tried.map_err(|problem| about(kms, name, problem))));
    }
    if arguments.json {
        let keys: Vec<Value> = each.iter().map(|(name, tried)| of_key(name, tried)).collect();
        let mut object = whole.to_json(&local_request_id());
        object.insert("Keys".to_owned(), keys.into());
        output::line(&object)?;
    }
    eprintln!("coffer: nothing was changed, because not all of it can be: {}", whole.message());
    for (name, tried) in &each {
        match tried {
            Ok(()) => eprintln!("    {}: {}", shown(name), what.possible()),
            Err(problem) => {
                eprintln!("    {}", problem.message());
                if let Some(advice) = problem.advice() {
                    eprintln!("        {advice}");
                }
            }
        }
    }
    Ok(whole.exit_status())
}

fn of_key(name: &str, tried: &Result<(), Problem>) -> Value {
    match tried {
        Ok(()) => json!({"Key": shown(name)}),
        Err(problem) => {
            let mut object = problem.to_json("");
            object.remove("RequestId");
            object.insert("Key".to_owned(), shown(name).into());
            Value::Object(object)
        }
    }
}

/// Lets a key decrypt and verify only.
pub(super) fn archive(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    kms.archive_key(key)?;
    changed(kms, key, json)
}

/// Enables an archived key.
pub(super) fn unarchive(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    kms.cancel_key_archive(key)?;
    changed(kms, key, json)
}
