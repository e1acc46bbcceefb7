//! What is done for keys by itself when its time has come: warnings, rotation, expiry, destruction.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::alarm::AlarmKind;

use super::super::Service;
use super::{import, meta, permit, rotation};
use crate::Error;
use crate::alarm::About;
use crate::audit::{Action, Event, Priority};
use crate::deadline::Notice;
use crate::object::{
    Changes, DAY, Due, Ending, KeyMeta, Object, ObjectId, Tombstone, WARNINGS, cmk,
};
use crate::state::device::State;

/// How long until a rotation that failed is tried again, in seconds.
const AGAIN: i64 = 3600;
/// How often the log is told that it cannot be written, in seconds.
const BLOCKED_AGAIN: i64 = 3600;

impl Service {
    /// Looks at the clock, and does what is due. The time keeper calls this every second.
    pub fn tick(&self) {
        match self.deadlines.observe() {
            Notice::Fine => {}
            Notice::WentBack(seconds) => {
                let text = format!("by {seconds} s");
                self.alarm(AlarmKind::ClockWentBack, About::default().detail(text));
            }
            Notice::JumpedForward(seconds) => {
                let text = format!("by {seconds} s");
                self.alarm(AlarmKind::ClockJumpedForward, About::default().detail(text));
            }
        }
        if self.device.state() != State::Operational {
            return;
        }
        let told = |what: &str, done: Result<(), Error>| {
            if let Err(error) = done {
                tracing::error!(%error, "{what} failed; it is tried again");
            }
        };
        told("writing the IVs of keys that rotate", self.ivs.save());
        match self.deadlines.save() {
            // The minute that this takes to come again is as good for the uses.
            Ok(true) => told("writing the last uses of keys", self.uses.save()),
            Ok(false) => {}
            Err(error) => told("writing the time", Err(error)),
        }
        // While a jump of the clock is not confirmed, nothing is done that cannot be taken back.
        let Some(now) = self.deadlines.settled() else { return };
        for id in self.registry.due(now) {
            told("what is due for a key", self.keep(id, now));
        }
        let exists = |id| self.registry.get(id).is_some();
        told("closing import tokens", self.imports.expire(now, exists));
    }

    /// Tells of an audit log that cannot be written, once in a while.
    pub(in crate::service) fn blocked(&self) {
        let since = self.clock.now() - BLOCKED_AGAIN;
        let mut alarms = self.alarms.all().into_iter().rev();
        if !alarms.any(|alarm| alarm.kind == AlarmKind::AuditBlocked && alarm.time > since) {
            self.alarm(AlarmKind::AuditBlocked, About::default());
        }
    }

    /// Does what is due for one key.
    fn keep(&self, id: ObjectId, now: i64) -> Result<(), Error> {
        let Some(object) = self.registry.get(id) else { return Ok(()) };
        let mut due = object.plans();
        due.retain(|(time, _)| *time <= now);
        due.sort_by_key(|(time, _)| *time);
        let has = |what: Due| due.iter().any(|(_, other)| *other == what);
        let bits = due.iter().filter_map(|(_, due)| match due {
            Due::Warn(ending, bit) => Some((*ending, *bit)),
            Due::Destroy | Due::Expire | Due::Rotate => None,
        });
        let bits: Vec<_> = bits.collect();
        if has(Due::Destroy) {
            return self.destroy_key(&object, &bits, now);
        }
        if has(Due::Expire) {
            return self.expire(&object, &bits, now);
        }
        if !bits.is_empty() {
            self.warn(&object, &bits, now)?;
        }
        if has(Due::Rotate) {
            self.rotate_by_itself(&object, now)?;
        }
        Ok(())
    }

    /// The alarms of warnings that are due.
    fn warnings(object: &Object, bits: &[(Ending, u8)]) -> Vec<(AlarmKind, About)> {
        let Some(key) = &object.key else { return Vec::new() };
        let about = |(ending, bit): &(Ending, u8)| {
            let row = WARNINGS.iter().find(|row| row.2 == *bit);
            let hours = row.map_or(0, |row| row.1 / 3600);
            let about = About::key(object.slot, object.id);
            match ending {
                Ending::Key => {
                    let about = About { deletion_date: Some(key.deletion_date), ..about };
                    let text = format!("destroyed within {hours} hours");
                    (AlarmKind::PendingDeleteCountdown, about.detail(text))
                }
                Ending::Material => {
                    let text = format!("expires at {}, within {hours} hours", key.valid_to);
                    (AlarmKind::MaterialExpiring, about.detail(text))
                }
            }
        };
        bits.iter().map(about).collect()
    }

    /// Raises alarms and changes the key they are about in one step, so that neither is there without the other.
    fn change_with_alarms(
        &self,
        ids: &[ObjectId],
        alarms: Vec<(AlarmKind, About)>,
        decide: impl FnOnce(&[Arc<Object>]) -> Result<Changes, Error>,
    ) -> Result<(), Error> {
        let mut changed = Vec::new();
        let raised = self.alarms.raise_with(alarms, self.clock.now(), |records| {
            changed = self.registry.change(ids, |now| {
                let mut step = decide(now)?;
                step.records.extend(records.put);
                step.removed.extend(records.removed);
                Ok(step)
            })?;
            Ok(())
        })?;
        for id in ids {
            self.keyring.close(*id);
        }
        for object in changed {
            self.events.object_changed(&object);
        }
        self.announce(&raised);
        Ok(())
    }

    fn warn(&self, object: &Object, bits: &[(Ending, u8)], now: i64) -> Result<(), Error> {
        let alarms = Self::warnings(object, bits);
        self.change_with_alarms(&[object.id], alarms, |current| {
            let [current] = current else { return Err(ErrorCode::Internal.into()) };
            still_due(
                current,
                now,
                &bits.iter().map(|(e, b)| Due::Warn(*e, *b)).collect::<Vec<_>>(),
            )?;
            let mut next = current.snapshot();
            if let Some(key) = &mut next.key {
                key.life.warned |= bits.iter().fold(0, |all, (_, bit)| all | bit);
            }
            Ok(Changes { replaced: vec![next], reserved: true, ..Changes::default() })
        })
    }

    fn expire(&self, object: &Object, bits: &[(Ending, u8)], now: i64) -> Result<(), Error> {
        let mut alarms = Self::warnings(object, bits);
        alarms.push((AlarmKind::MaterialExpired, About::key(object.slot, object.id)));
        self.by_itself("ExpireKeyMaterial", object)?;
        self.change_with_alarms(&[object.id], alarms, |current| {
            let [current] = current else { return Err(ErrorCode::Internal.into()) };
            still_due(current, now, &[Due::Expire])?;
            import::without_material(current)
        })
    }

    /// Destroys a key and its public half, for good.
    fn destroy_key(&self, object: &Object, bits: &[(Ending, u8)], now: i64) -> Result<(), Error> {
        let mut alarms = Self::warnings(object, bits);
        let about = About::key(object.slot, object.id);
        let deletion_date = object.key.as_ref().map(|key| key.deletion_date);
        alarms.push((AlarmKind::KeyDestroyed, About { deletion_date, ..about }));
        let half = cmk::public_half_id(object.id);
        let mut ids = vec![object.id];
        ids.extend(self.registry.get(half).map(|half| half.id));
        self.by_itself("DestroyKey", object)?;
        let mut gone = Vec::new();
        self.change_with_alarms(&ids, alarms, |current| {
            let key = current.first().ok_or(ErrorCode::Internal)?;
            still_due(key, now, &[Due::Destroy])?;
            let tombstone = Tombstone::of(key, now).to_bytes();
            gone = current.to_vec();
            let mut destroyed = vec![(key.id, Some(tombstone))];
            destroyed.extend(current.iter().skip(1).map(|half| (half.id, None)));
            let removed = vec![(crate::store::Table::Uses, key.id.0.into())];
            Ok(Changes { destroyed, removed, reserved: true, ..Changes::default() })
        })?;
        self.uses.forget(object.id);
        self.ivs.forget(object.id);
        for object in gone {
            self.events.object_changed(&object);
            for application in self.applications.all() {
                application.drop_references(object.id);
            }
        }
        Ok(())
    }

    fn rotate_by_itself(&self, object: &Object, now: i64) -> Result<(), Error> {
        let planned = meta(object)?.life.rotation.next;
        if now - planned > DAY {
            let text = format!("planned for {planned}");
            let about = About::key(object.slot, object.id).detail(text);
            self.alarm(AlarmKind::RotationOverdue, about);
        }
        self.by_itself("RotateKey", object)?;
        let rotated = rotation::rotate(self, object, |current| {
            still_due(current, now, &[Due::Rotate])?;
            Ok(false)
        });
        let Err(error) = rotated else { return Ok(()) };
        if error.code() == ErrorCode::Conflict {
            return Ok(());
        }
        let about = About::key(object.slot, object.id).detail(error.code().message());
        self.alarm(AlarmKind::RotationFailed, about);
        let later = |key: &mut KeyMeta, _| {
            key.life.rotation.next = now + AGAIN;
            Ok(())
        };
        permit::change(
            self,
            object,
            coffer_protocol::operation::KeyRule::StopRotation,
            permit::any,
            later,
        )?;
        Ok(())
    }

    /// Writes to the audit log what the daemon is about to do by itself.
    fn by_itself(&self, name: &str, object: &Object) -> Result<(), Error> {
        let event = Event::new(name, Action::Write)
            .through("time-keeper", "")
            .resource("key", &object.id.to_string())
            .sensitive();
        Ok(self.audit.notice(event, Priority::Reserved)?)
    }
}

/// Somebody may have changed the key since it was found due.
fn still_due(object: &Object, now: i64, wanted: &[Due]) -> Result<(), Error> {
    let plans = object.plans();
    let is_due = |wanted: &Due| plans.iter().any(|(time, due)| due == wanted && *time <= now);
    if wanted.iter().all(is_due) { Ok(()) } else { Err(ErrorCode::Conflict.into()) }
}
