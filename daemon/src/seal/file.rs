//! The seal file: JSON with a version, an id and the slots, each a wrapped copy of the root key.
//! A MAC under the root key covers the list, so that slots of two files cannot be mixed.

use super::secret_file::{SecretFile, Unfit};
use super::{Error, Label, Provider, Refusal, RootKey, aead, durable};
use crate::vault::{self, Depth, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

const FORMAT: &str = "coffer-seal";
const VERSION: u32 = 1;
/// A file larger than this is not ours.
const LONGEST: u64 = 64 << 10;
const WRAPPED: usize = 32 + aead::OVERHEAD;

/// What opens a slot; numbers unknown to this program are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotKind(pub u16);

impl SlotKind {
    /// A key file, for development.
    pub const KEY_FILE: Self = Self(1);
    /// A systemd credential.
    pub const CREDENTIAL: Self = Self(2);
}

impl fmt::Display for SlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::KEY_FILE => f.write_str("keyfile"),
            Self::CREDENTIAL => f.write_str("credential"),
            Self(number) => write!(f, "kind {number}"),
        }
    }
}

/// What is known of a slot without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its number, never reused while the file lives.
    pub number: u16,
    /// What opens it.
    pub kind: SlotKind,
    /// Parameters of its kind: path, name, later costs and thresholds.
    pub parameters: BTreeMap<String, String>,
}

impl fmt::Display for SlotInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.kind)?;
        self.parameters.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealFile {
    format: String,
    version: u32,
    /// Random, binds the slots to this file.
    id: String,
    next: u16,
    slots: Vec<Slot>,
    mac: String,
}

/// What every version of the file has.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    number: u16,
    kind: SlotKind,
    parameters: BTreeMap<String, String>,
    wrapped: String,
}

impl Slot {
    pub(super) const fn number(&self) -> u16 {
        self.number
    }
}

impl SealFile {
    pub(super) fn new() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let (format, mac) = (FORMAT.to_owned(), String::new());
        Self { format, version: VERSION, id, next: 0, slots: Vec::new(), mac }
    }

    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let file = std::fs::File::open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::Missing(path.to_owned()),
            _ => Error::io("open", path, e),
        })?;
        let mut text = Vec::new();
        let read = file.take(LONGEST + 1).read_to_end(&mut text);
        if read.map_err(|e| Error::io("read", path, e))? as u64 > LONGEST {
            return Err(Error::Damaged("it is too long"));
        }
        let start: Version =
            serde_json::from_slice(&text).map_err(|_| Error::Damaged("it is not a seal file"))?;
        if start.format != FORMAT {
            return Err(Error::Damaged("it is not a seal file"));
        }
        if start.version != VERSION {
            return Err(Error::Version(start.version));
        }
        serde_json::from_slice(&text).map_err(|_| Error::Damaged("a field is missing or unknown"))
    }

    pub(super) fn write(&mut self, path: &Path, root: &RootKey) -> Result<(), Error> {
        self.mac = hex::encode(self.expected_mac(root)?);
        let text = serde_json::to_vec_pretty(self).map_err(|_| Error::Damaged("unwritable"))?;
        durable::replace(path, &text).map_err(|e| Error::io("write", path, e))
    }

    /// Whether the list of slots is the one that was written with this root key.
    pub(super) fn check(&self, root: &RootKey) -> Result<(), Error> {
        let expected = self.expected_mac(root)?;
        let stated = hex::decode(&self.mac).unwrap_or_default();
        if subtle::ConstantTimeEq::ct_eq(stated.as_slice(), expected.as_slice()).into() {
            Ok(())
        } else {
            Err(Error::Damaged("the list of slots was changed"))
        }
    }

    pub(super) fn slots(&self) -> Vec<SlotInfo> {
        let info = |slot: &Slot| SlotInfo {
            number: slot.number,
            kind: slot.kind,
            parameters: slot.parameters.clone(),
        };
        self.slots.iter().map(info).collect()
    }

    pub(super) fn slots_of(&self, kind: SlotKind) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(move |slot| slot.kind == kind)
    }

    /// Wraps the root key with the provider's secret into a new slot.
    pub(super) fn add(&mut self, root: &RootKey, provider: &Provider) -> Result<u16, Error> {
        let (number, kind, parameters) = (self.next, provider.kind(), provider.parameters());
        let next = number.checked_add(1).ok_or(Error::Damaged("too many slots"))?;
        let secret = provider.secret().map_err(|r| r.of(provider))?;
        let associated = self.associated(number, kind, &parameters);
        let mut wrapped = [0; WRAPPED];
        vault::run(Depth::Small, |inside| {
            let key = secret.key(inside)?;
            let mut buffer = vault::SecretBytes::zeroed(inside, WRAPPED)?;
            buffer.get_mut(inside)[aead::FRONT..aead::FRONT + 32]
                .copy_from_slice(root.bytes(inside));
            aead::seal(&key, SLOT, &associated, buffer.get_mut(inside))?;
            wrapped.copy_from_slice(buffer.get(inside));
            Ok::<_, Unfit>(())
        })?
        .map_err(|unfit| Refusal::from(unfit).of(provider))?;
        self.slots.push(Slot { number, kind, parameters, wrapped: hex::encode(wrapped) });
        self.next = next;
        Ok(number)
    }

    pub(super) fn remove(&mut self, number: u16) -> Result<(), Error> {
        let place = self.slots.iter().position(|slot| slot.number == number);
        let place = place.ok_or(Error::UnknownSlot(number))?;
        if self.slots.len() == 1 {
            return Err(Error::NoSlots);
        }
        self.slots.remove(place);
        Ok(())
    }

    /// The root key, if the secret fits the slot.
    pub(super) fn open(&self, slot: &Slot, secret: &SecretFile) -> Result<Option<RootKey>, Error> {
        let wrapped = hex::decode(&slot.wrapped).ok().filter(|w| w.len() == WRAPPED);
        let wrapped = wrapped.ok_or(Error::Damaged("a slot has the wrong length"))?;
        let associated = self.associated(slot.number, slot.kind, &slot.parameters);
        let opened = vault::run(Depth::Small, |inside| {
            let Ok(key) = secret.key(inside) else { return Ok(None) };
            let mut buffer = vault::SecretBytes::copy_from(inside, &wrapped)?;
            let opened = aead::open(&key, SLOT, &associated, buffer.get_mut(inside));
            let Some(Ok(bytes)) = opened.ok().map(|r| buffer.get(inside)[r].try_into()) else {
                return Ok(None);
            };
            Secret::<32>::new(inside, bytes).map(Some)
        })??;
        Ok(opened.map(RootKey::new))
    }

    fn associated(
        &self,
        number: u16,
        kind: SlotKind,
        parameters: &BTreeMap<String, String>,
    ) -> Vec<u8> {
        canonical(&(FORMAT, VERSION, &self.id, number, kind, parameters))
    }

    fn expected_mac(&self, root: &RootKey) -> Result<[u8; 32], Error> {
        let text = canonical(&(FORMAT, VERSION, &self.id, self.next, &self.slots));
        let mut mac = [0; 32];
        vault::run(Depth::Small, |inside| {
            mac = aead::mac(root.derive(inside, Label::SealFile)?.get(inside), &[&text]);
            Ok::<_, vault::Error>(())
        })??;
        Ok(mac)
    }
}

const SLOT: &str = "coffer/1/slot-wrap";

/// One unambiguous text for a value of ours; maps are sorted, so equal values have equal texts.
fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings, numbers and maps of strings are always JSON")
}
