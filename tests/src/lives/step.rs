//! What may be done next with keys: a request that the daemon must grant, and what it makes of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::key::{Key, Kind};
use crate::random::Random;

/// Most keys of one caller.
const MOST: usize = 6;
/// An expiry that no test lives to see, in UNIX seconds.
const LATE: i64 = 2_147_443_200;

/// A change.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The action.
    pub(super) action: &'static str,
    /// Its request.
    pub(super) request: Value,
    /// The keys that it is about by their places, as they are afterwards.
    pub(super) after: Vec<(usize, Key)>,
    /// Whether it makes the key.
    pub(super) makes: bool,
    /// For an import, which has a request only when its token was asked for: the key and its expiry.
    pub(super) import: Option<(usize, i64)>,
}

impl Step {
    fn of(action: &'static str, request: Value, after: Vec<(usize, Key)>) -> Self {
        Self { action, request, after, makes: false, import: None }
    }
}

/// A change of one of the keys, a new one, or a change of several.
pub(super) fn choose(name: &str, made: usize, keys: &[Key], random: &mut Random) -> Step {
    if keys.len() < 2 || (keys.len() < MOST && random.below(4) == 0) {
        return create(&format!("{name}-{made}"), keys.len(), random);
    }
    if random.below(6) == 0
        && let Some(step) = several(keys, random)
    {
        return step;
    }
    let at = random.below(keys.len());
    let steps = of_one(&keys[at], at, random);
    let chosen = random.below(steps.len());
    steps.into_iter().nth(chosen).expect("below the length")
}

fn create(alias: &str, at: usize, random: &mut Random) -> Step {
    let kind = random.one_of(&[Kind::Generated, Kind::Generated, Kind::External, Kind::Pair]);
    let usage = if kind == Kind::Pair { "ASYMMETRIC_SIGN_VERIFY_ECC" } else { "ENCRYPT_DECRYPT" };
    let rotate_days = if kind == Kind::Generated { random.one_of(&[0, 7, 365]) } else { 0 };
    let key = Key {
        id: String::new(),
        alias: alias.to_owned(),
        description: format!("made as {alias}"),
        state: if kind == Kind::External { "PendingImport" } else { "Enabled" }.to_owned(),
        tags: BTreeMap::from([("name".to_owned(), alias.to_owned())]),
        rotate_days,
        version: 1,
        valid_to: 0,
        kind,
        material: kind != Kind::External,
        earlier: "Enabled".to_owned(),
        blob: None,
    };
    let mut request = json!({
        "Alias": alias, "Description": key.description, "KeyUsage": usage,
        "Type": if kind == Kind::External { 2 } else { 1 },
        "Tags": [{ "TagKey": "name", "TagValue": alias }],
    });
    if rotate_days != 0 {
        request["RotateDays"] = json!(rotate_days);
    }
    Step { makes: true, ..Step::of("CreateKey", request, vec![(at, key)]) }
}

/// Enables or disables all keys that can be.
fn several(keys: &[Key], random: &mut Random) -> Option<Step> {
    let (action, next) = random.one_of(&[("EnableKeys", "Enabled"), ("DisableKeys", "Disabled")]);
    let mut after: Vec<(usize, Key)> = keys.iter().cloned().enumerate().collect();
    after.retain(|(_, key)| matches!(key.state.as_str(), "Enabled" | "Disabled"));
    let ids: Vec<&str> = after.iter().map(|(_, key)| key.id.as_str()).collect();
    let request = json!({ "KeyIds": ids });
    if ids.is_empty() {
        return None;
    }
    for (_, key) in &mut after {
        next.clone_into(&mut key.state);
    }
    Some(Step::of(action, request, after))
}

/// Every change that the key's state allows.
fn of_one(key: &Key, at: usize, random: &mut Random) -> Vec<Step> {
    let id = &key.id;
    let mut steps = Vec::new();
    let mut add = |action: &'static str, fields: Value, edit: &dyn Fn(&mut Key)| {
        let mut request = json!({ "KeyId": id });
        for (name, value) in fields.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        let mut next = key.clone();
        edit(&mut next);
        steps.push(Step::of(action, request, vec![(at, next)]));
    };
    let becomes = |state: &'static str| move |key: &mut Key| state.clone_into(&mut key.state);
    let number = random.below(1_000_000_000);
    match key.state.as_str() {
        "Enabled" => {
            add("DisableKey", json!({}), &becomes("Disabled"));
            add("ArchiveKey", json!({}), &becomes("Archived"));
        }
        "Disabled" | "PendingImport" => {
            if key.state == "Disabled" {
                add("EnableKey", json!({}), &becomes("Enabled"));
            }
            let window = json!({ "PendingWindowInDays": 7 + number % 24 });
            add("ScheduleKeyDeletion", window, &becomes("PendingDelete"));
        }
        "Archived" => add("CancelKeyArchive", json!({}), &becomes("Enabled")),
        "PendingDelete" => {
            let back = if key.material { "Disabled" } else { "PendingImport" };
            add("CancelKeyDeletion", json!({}), &becomes(back));
        }
        _ => {}
    }
    if key.state != "PendingDelete" {
        let text = format!("description {number}");
        add("UpdateKeyDescription", json!({ "Description": text }), &|key| {
            key.description = format!("description {number}");
        });
        let alias = format!("{}_{number}", key.alias.split('_').next().unwrap_or_default());
        let renamed = alias.clone();
        add("UpdateAlias", json!({ "Alias": alias }), &move |key| key.alias.clone_from(&renamed));
        let tag = json!({ "Tags": [{ "TagKey": "number", "TagValue": number.to_string() }] });
        add("TagResource", tag, &|key| {
            key.tags.insert("number".to_owned(), number.to_string());
        });
    }
    if key.tags.contains_key("number") {
        add("UntagResource", json!({ "TagKeys": ["number"] }), &|key| {
            key.tags.remove("number");
        });
    }
    if key.kind == Kind::Generated {
        if key.state == "Enabled" {
            let days = 7 + i64::try_from(number % 359).unwrap_or_default();
            add("EnableKeyRotation", json!({ "RotateDays": days }), &|key| key.rotate_days = days);
            if key.rotate_days != 0 && key.version == 1 {
                add("RotateKey", json!({}), &|key| key.version = 2);
            }
        }
        add("DisableKeyRotation", json!({}), &|key| key.rotate_days = 0);
    }
    if key.kind == Kind::External {
        steps.extend(of_material(key, at, random));
    }
    steps
}

/// Imports and deletions of material.
fn of_material(key: &Key, at: usize, random: &mut Random) -> Vec<Step> {
    let valid_to = random.one_of(&[0, LATE]);
    let import = |state: &str| {
        let next = Key { state: state.to_owned(), material: true, valid_to, ..key.clone() };
        let step = Step::of("ImportKeyMaterial", Value::Null, vec![(at, next)]);
        Step { import: Some((at, valid_to)), ..step }
    };
    let erase = || {
        let next = Key {
            earlier: key.state.clone(),
            state: "PendingImport".to_owned(),
            material: false,
            valid_to: 0,
            ..key.clone()
        };
        let request = json!({ "KeyId": key.id });
        Step::of("DeleteImportedKeyMaterial", request, vec![(at, next)])
    };
    match key.state.as_str() {
        "PendingImport" => vec![import(&key.earlier)],
        "Enabled" => vec![import("Enabled"), erase()],
        "Disabled" => vec![erase()],
        _ => Vec::new(),
    }
}
