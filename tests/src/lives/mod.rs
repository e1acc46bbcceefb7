//! Keys that change at random, and what a test knows of each: what was acknowledged, and what was asked for last.
//!
//! Each [`Life`] is one caller with keys of its own, so that it knows their state exactly.

mod key;
mod objects;
mod step;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::base64::encode;
use crate::batch::Batch;
use crate::material;
use crate::random::Random;

pub use key::{Key, Kind};
pub use objects::Objects;
use step::Step;

/// What is encrypted under each symmetric key.
const PLAINTEXT: &[u8] = b"this must open for ever";
/// A key that was destroyed, or never made.
const ABSENT: &str = "ResourceUnavailable.CmkNotFound";

/// One caller's keys.
#[derive(Debug)]
pub struct Life {
    name: String,
    keys: Vec<Key>,
    /// What was asked for and not answered.
    pending: Option<Step>,
    made: usize,
}

impl Life {
    /// A caller without keys, whose name begins those of its keys.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), keys: Vec::new(), pending: None, made: 0 }
    }

    /// Changes keys until the daemon goes away, or this was done `most` times; counts what is acknowledged.
    ///
    /// # Panics
    ///
    /// Where the daemon refuses what is right.
    pub fn run(
        &mut self,
        batch: &mut Batch,
        random: &mut Random,
        acknowledged: &AtomicUsize,
        most: usize,
    ) {
        for _ in 0..most {
            let step = step::choose(&self.name, self.made, &self.keys, random);
            if self.go(batch, step).is_none() {
                return;
            }
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// One step; `None` where the daemon went away.
    fn go(&mut self, batch: &mut Batch, mut step: Step) -> Option<()> {
        if let Some((key, valid_to)) = step.import.take() {
            let id = self.keys[key].id.clone();
            let parameters =
                batch.call_if_there("GetParametersForImport", &material::parameters(&id))?;
            step.request = material::import(&parameters, &material_of(&id), valid_to);
        }
        self.made += usize::from(step.makes);
        self.pending = Some(step.clone());
        let reply = batch.call_if_there(step.action, &step.request)?;
        self.pending = None;
        for (at, mut key) in step.after {
            if let Some(id) = reply["KeyId"].as_str().filter(|_| step.makes) {
                id.clone_into(&mut key.id);
            }
            if at == self.keys.len() {
                self.keys.push(key);
            } else {
                self.keys[at] = key;
            }
        }
        self.encrypt(batch)
    }

    /// Encrypts something under each key that can and has not yet.
    fn encrypt(&mut self, batch: &mut Batch) -> Option<()> {
        for key in &mut self.keys {
            if key.kind == Kind::Pair || key.state != "Enabled" || key.blob.is_some() {
                continue;
            }
            let request = json!({ "KeyId": key.id, "Plaintext": encode(PLAINTEXT) });
            let reply = batch.call_if_there("Encrypt", &request)?;
            key.blob = Some(reply["CiphertextBlob"].clone());
        }
        Some(())
    }

    /// Looks whether every key is what was acknowledged, or, where something was asked for and not answered, what
    /// that makes of it: of all keys that it is about, or of none.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn settle(&mut self, batch: &mut Batch) {
        if let Some(step) = self.pending.take() {
            self.resolve(&step, batch);
        }
        for key in &self.keys {
            let told = ask_about(batch, &key.id);
            let told = told.unwrap_or_else(|| panic!("{key:?} is lost"));
            assert_eq!(told.of(key), *key, "{}", self.name);
            works(batch, key);
        }
    }

    /// Finds out whether a change happened.
    fn resolve(&mut self, step: &Step, batch: &mut Batch) {
        let told: Vec<Option<Told>> =
            step.after.iter().map(|(_, key)| ask_about(batch, &name_of(key))).collect();
        let pairs = || step.after.iter().zip(&told);
        let happened = pairs().all(|((_, after), told)| {
            told.as_ref().is_some_and(|told| {
                let now = told.of(after);
                let id = now.id.clone();
                now == Key { id, ..after.clone() }
            })
        });
        let nothing = pairs().all(|((at, _), told)| match (self.keys.get(*at), told) {
            (Some(before), Some(told)) => told.of(before) == *before,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        });
        assert!(happened || nothing, "half of {step:?}: {told:?} {:?}", self.keys);
        if !happened {
            return;
        }
        for ((at, after), told) in step.after.iter().zip(&told) {
            let now = told.as_ref().expect("it happened").of(after);
            if *at == self.keys.len() {
                self.keys.push(now);
            } else {
                self.keys[*at] = now;
            }
        }
    }

    /// How many keys there are, and how many objects they show as in PKCS#11.
    pub fn count(&self) -> (usize, usize) {
        let pairs = self.keys.iter().filter(|key| key.kind == Kind::Pair).count();
        (self.keys.len(), self.keys.len() + pairs)
    }
}

/// The material of a key that is imported: always the same for the same key.
fn material_of(id: &str) -> [u8; 32] {
    let mut material = [0; 32];
    for (byte, letter) in material.iter_mut().zip(id.bytes()) {
        *byte = letter;
    }
    material
}

/// How a key is asked for: one that was just asked for has no id yet.
fn name_of(key: &Key) -> String {
    if key.id.is_empty() { format!("alias/{}", key.alias) } else { key.id.clone() }
}

/// What the daemon tells of a key.
#[derive(Debug)]
struct Told {
    metadata: Value,
    tags: Value,
}

impl Told {
    /// The key, with what the daemon cannot tell from `known`.
    fn of(&self, known: &Key) -> Key {
        known.as_told(&self.metadata, &self.tags)
    }
}

/// Asks about a key; `None` where there is none.
fn ask_about(batch: &mut Batch, name: &str) -> Option<Told> {
    let described = batch.ask("DescribeKey", &json!({ "KeyId": name }));
    if described["Error"]["Code"] == ABSENT {
        return None;
    }
    let tags = batch.call("ListResourceTags", &json!({ "KeyId": name }));
    Some(Told { metadata: described["KeyMetadata"].clone(), tags: tags["Tags"].clone() })
}

/// Uses a key, which must go as its state says.
fn works(batch: &mut Batch, key: &Key) {
    if key.kind == Kind::Pair {
        let request = json!({ "KeyId": key.id, "Algorithm": "ECC_P256_R1", "Message": "aGk=" });
        let signed = batch.ask("SignByAsymmetricKey", &request);
        assert_eq!(signed["Error"].is_null(), key.state == "Enabled", "{key:?}: {signed}");
        return;
    }
    let Some(blob) = &key.blob else { return };
    let opened = batch.ask("Decrypt", &json!({ "CiphertextBlob": blob }));
    let expected = match key.state.as_str() {
        "Enabled" | "Archived" => json!([encode(PLAINTEXT), null]),
        "Disabled" => json!([null, "ResourceUnavailable.CmkDisabled"]),
        "PendingDelete" => json!([null, "ResourceUnavailable.KeyPendingDelete"]),
        _ => json!([null, "ResourceUnavailable.CmkStateNotSupport"]),
    };
    let came: Value = json!([opened["Plaintext"], opened["Error"]["Code"]]);
    assert_eq!(came, expected, "{key:?}");
}
