//! The stored form of an object: the body that the store seals.
//!
//! Postcard, preceded by a format number. A field is never changed or taken out; a new format gets a new number.

use coffer_protocol::attribute::Attribute;
use coffer_protocol::key::{KeySpec, KeyState, KeyUsage, Origin};
use serde::{Deserialize, Serialize};

use super::{Attributes, KeyMeta, Life, Material, Object, ObjectId, Slot};
use crate::store;

const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    slot: u32,
    sequence: u64,
    attributes: Vec<Attribute>,
    has_material: bool,
    key: Option<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    alias: Option<String>,
    description: String,
    usage: u8,
    spec: u8,
    origin: u8,
    creator: u32,
    create_time: i64,
    deletion_date: i64,
    valid_to: i64,
    tags: Vec<(String, String)>,
    public_key: Vec<u8>,
    life: Life,
}

impl Object {
    /// The stored form. The key's state and newest version stand in the record's header.
    pub(crate) fn to_record(&self) -> store::Record {
        let stored = Stored {
            slot: self.slot.0,
            sequence: self.sequence,
            attributes: self.attributes.as_slice().to_vec(),
            has_material: matches!(self.material, Material::Stored),
            key: self.key.as_ref().map(|key| StoredKey {
                alias: key.alias.clone(),
                description: key.description.clone(),
                usage: key.usage as u8,
                spec: key.spec as u8,
                origin: key.origin as u8,
                creator: key.creator,
                create_time: key.create_time,
                deletion_date: key.deletion_date,
                valid_to: key.valid_to,
                tags: key.tags.clone(),
                public_key: key.public_key.clone(),
                life: key.life.clone(),
            }),
        };
        let (version, state) =
            self.key.as_ref().map_or((0, 0), |key| (key.version, key.state as u8));
        let body = postcard::to_extend(&stored, vec![FORMAT])
            .expect("plain data encodes into a growing vector");
        store::Record { id: self.id.0.into(), version, state, body }
    }

    /// The object of a stored form.
    pub(crate) fn from_entry(entry: &store::Entry) -> Option<Self> {
        let id = ObjectId(entry.id.as_bytes().try_into().ok()?);
        let (&FORMAT, body) = entry.body.split_first()? else { return None };
        let record: Stored = postcard::from_bytes(body).ok()?;
        let key = match record.key {
            None => None,
            Some(key) => Some(KeyMeta {
                alias: key.alias,
                description: key.description,
                state: KeyState::from_number(entry.state)?,
                usage: KeyUsage::from_number(key.usage)?,
                spec: KeySpec::from_number(key.spec)?,
                origin: Origin::from_number(key.origin)?,
                creator: key.creator,
                create_time: key.create_time,
                version: entry.version,
                deletion_date: key.deletion_date,
                valid_to: key.valid_to,
                tags: key.tags,
                public_key: key.public_key,
                life: key.life,
            }),
        };
        Some(Self {
            id,
            slot: Slot(record.slot),
            sequence: record.sequence,
            generation: entry.generation,
            attributes: Attributes::from_list(record.attributes),
            key,
            material: if record.has_material { Material::Stored } else { Material::None },
        })
    }
}
