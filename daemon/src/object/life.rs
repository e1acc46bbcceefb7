//! What the KMS remembers of a key beside what it is: rotation, import, bindings, and which of its deadlines come
//! next.

use coffer_protocol::key::KeyState;
use serde::{Deserialize, Serialize};

use super::{KeyMeta, Material, Object};

/// Seconds of an hour.
const HOUR: i64 = 3600;
/// Seconds of a day.
pub const DAY: i64 = 24 * HOUR;

/// What happened to a key, and what will. It is stored as it is: fields are appended, never changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The service that the key belongs to; keys of users have none.
    pub service: Option<String>,
    /// How it rotates.
    pub rotation: Rotation,
    /// A random key of 32 bytes, and under it HMAC-SHA-256 of the material that was imported first; empty before.
    pub fingerprint: Vec<u8>,
    /// Number of the state that the key had when its material went; 0: Enabled, or it never had some.
    pub earlier_state: u8,
    /// Resources that use it: who, and for what.
    pub bindings: Vec<(String, String)>,
    /// The warnings of [`WARNINGS`] that were given, a bit each.
    pub warned: u8,
    /// What it was created by, where a client token was given.
    pub made_by: Option<MadeBy>,
}

/// The request that made a key, for those who repeat it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeBy {
    /// The client's token.
    pub token: String,
    /// SHA-256 of the request.
    pub request: Vec<u8>,
}

/// How a key rotates. Times are UNIX seconds, and 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Period in days; 0: it does not rotate by itself.
    pub days: u32,
    /// When it rotates by itself next.
    pub next: i64,
    /// When it was rotated last.
    pub last: i64,
    /// When it was rotated on demand last.
    pub demanded: i64,
    /// How often it was rotated.
    pub count: u32,
}

impl Rotation {
    /// The rotation with this period from now on; 0 days switch it off.
    #[must_use]
    pub fn every(self, days: u32, now: i64) -> Self {
        let next = if days == 0 { 0 } else { now + i64::from(days) * DAY };
        Self { days, next, ..self }
    }

    /// The rotation after a new version was made.
    #[must_use]
    pub fn done(self, now: i64) -> Self {
        Self { last: now, count: self.count.saturating_add(1), ..self.every(self.days, now) }
    }
}

/// What comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A key that is scheduled for deletion.
    Key,
    /// Imported material.
    Material,
}

/// Warnings before an end: of what, how many seconds before, and the bit of [`Life::warned`].
pub const WARNINGS: [(Ending, i64, u8); 6] = [
    (Ending::Key, 72 * HOUR, 1),
    (Ending::Key, 48 * HOUR, 2),
    (Ending::Key, 24 * HOUR, 4),
    (Ending::Material, 7 * DAY, 8),
    (Ending::Material, DAY, 16),
    (Ending::Material, HOUR, 32),
];

/// Something that is to be done for a key at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A warning, by its bit.
    Warn(Ending, u8),
    /// The key is destroyed.
    Destroy,
    /// The material is wiped.
    Expire,
    /// The key rotates.
    Rotate,
}

impl KeyMeta {
    /// Forgets which warnings of an end were given: its time was set anew.
    pub fn warn_again(&mut self, of: Ending) {
        for (ending, _, bit) in WARNINGS {
            if ending == of {
                self.life.warned &= !bit;
            }
        }
    }
}

impl Object {
    /// Everything that is to be done for the key by itself, with its time, in no order.
    pub fn plans(&self) -> Vec<(i64, Due)> {
        let Some(key) = &self.key else { return Vec::new() };
        let mut plans = Vec::new();
        let expires = key.valid_to != 0 && matches!(self.material, Material::Stored);
        let ends = [
            (Ending::Key, key.state == KeyState::PendingDelete, key.deletion_date, Due::Destroy),
            (Ending::Material, expires, key.valid_to, Due::Expire),
        ];
        for (ending, comes, time, due) in ends {
            if !comes {
                continue;
            }
            plans.push((time, due));
            let warnings = WARNINGS.iter().filter(|row| row.0 == ending);
            for (_, before, bit) in warnings.filter(|row| key.life.warned & row.2 == 0) {
                plans.push((time - before, Due::Warn(ending, *bit)));
            }
        }
        if key.state == KeyState::Enabled && key.life.rotation.days != 0 {
            plans.push((key.life.rotation.next, Due::Rotate));
        }
        plans
    }

    /// When there is something to do for the key by itself next.
    pub fn deadline(&self) -> Option<i64> {
        self.plans().into_iter().map(|(time, _)| time).min()
    }
}
