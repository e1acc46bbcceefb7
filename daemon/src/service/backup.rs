//! Backup, restore, and the check of the store, in parts over one connection.

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::backup::{
    BackupPart, BackupStarted, ContinueStoreCheck, FinishRestore, ReadBackupPart, RestorePlan,
    RestoreProgress, RestoreStarted, Restored, SendRestorePart, StartBackup, StartRestore,
    StartStoreCheck, StopTransfers, StoreCheckProgress, StoreCheckStarted, TransfersStopped,
};

use super::{Answer, Authorized, Caller, Handle, Service, record};
use crate::Error;
use crate::audit::{Action, Event, Priority};
use crate::backup::{self, Check, Export, Header, Plan, Restore};
use crate::store::Table;

type Result<T, E = Error> = std::result::Result<T, E>;

/// Records that one request of a check looks at.
const STEP: usize = 512;
/// Most ids of a plan that are told one by one.
const MOST_SKIPPED: usize = 1000;

impl Handle for StartBackup {
    type Plan = ();

    fn validate(&self, payload_length: usize) -> Result<()> {
        if backup::PASSPHRASE.contains(&payload_length) {
            return Ok(());
        }
        let (least, most) = backup::PASSPHRASE.into_inner();
        let what = format!("Passphrase: {least} to {most} bytes");
        Err(Error::about(ErrorCode::InvalidValue, what))
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<()> {
        service.transfers.backup.is_free_for(call.caller().connection)
    }

    fn commit(
        call: Authorized<'_, Self>,
        (): (),
        service: &Service,
    ) -> Result<Answer<BackupStarted>> {
        let create_time = service.clock.now();
        let export = Export::new(service.store.freeze()?, call.payload(), create_time)?;
        let reply =
            BackupStarted { records: export.total(), generation: export.generation(), create_time };
        service.transfers.backup.start(call.caller().connection, export)?;
        Ok(Answer::new(reply))
    }
}

impl Handle for ReadBackupPart {
    type Plan = ();

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<()> {
        service.transfers.backup.check(call.caller().connection)
    }

    fn commit(call: Authorized<'_, Self>, (): (), service: &Service) -> Result<Answer<BackupPart>> {
        let connection = call.caller().connection;
        let (part, records) = service.transfers.backup.with(connection, |export| {
            let part = export.next_part()?;
            if part.last {
                service.note_backup(call.caller(), export)?;
            }
            Ok((part, export.records()))
        })?;
        if part.last {
            service.transfers.backup.end(connection);
        }
        Ok(Answer::with(BackupPart { records, last: part.last }, part.bytes))
    }
}

impl Handle for StartRestore {
    type Plan = ();

    fn validate(&self, payload_length: usize) -> Result<()> {
        if self.header.0.len() > Header::LENGTH {
            return Err(Error::about(ErrorCode::InvalidValue, "Header"));
        }
        if payload_length > *backup::PASSPHRASE.end() {
            return Err(Error::about(ErrorCode::InvalidValue, "Passphrase"));
        }
        Ok(())
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<()> {
        Header::decode(&call.request().header.0)?;
        service.transfers.restore.is_free_for(call.caller().connection)
    }

    fn commit(
        call: Authorized<'_, Self>,
        (): (),
        service: &Service,
    ) -> Result<Answer<RestoreStarted>> {
        let (header, directory) = (&call.request().header.0, &service.config.state_directory);
        let restore = Restore::new(header, call.payload(), directory)?;
        let Header { created, generation, .. } = *restore.header();
        service.transfers.restore.start(call.caller().connection, restore)?;
        Ok(Answer::new(RestoreStarted { generation, create_time: created }))
    }
}

impl Handle for SendRestorePart {
    type Plan = ();

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<()> {
        service.transfers.restore.check(call.caller().connection)
    }

    fn commit(
        call: Authorized<'_, Self>,
        (): (),
        service: &Service,
    ) -> Result<Answer<RestoreProgress>> {
        let (bytes, last) = (call.payload().plain()?, call.request().last);
        let progress = service.transfers.restore.with(call.caller().connection, |restore| {
            restore.push(bytes)?;
            let plan = if last {
                let plan = restore.examine(&service.store)?;
                Some(service.told(&plan, restore.header()))
            } else {
                None
            };
            Ok(RestoreProgress { received: restore.received(), plan })
        })?;
        Ok(Answer::new(progress))
    }
}

impl Handle for FinishRestore {
    type Plan = ();

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<()> {
        let connection = call.caller().connection;
        service.transfers.restore.check(connection)
    }

    fn commit(call: Authorized<'_, Self>, (): (), service: &Service) -> Result<Answer<Restored>> {
        let connection = call.caller().connection;
        let restored = service.transfers.restore.with(connection, |restore| {
            let plan = service.told(&*restore.plan()?, restore.header());
            // Before it is done: what cannot be recorded is not done.
            service.note_restore(call.caller(), &plan)?;
            let generation = service.restore(restore)?;
            Ok(Restored { plan, generation })
        })?;
        service.transfers.restore.end(connection);
        Ok(Answer::new(restored))
    }
}

tells! {
    StopTransfers |call, service| -> TransfersStopped {
        service.transfers.end(call.caller().connection);
        Ok(Answer::new(TransfersStopped {}))
    }
}

impl Handle for StartStoreCheck {
    type Plan = ();

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<()> {
        service.transfers.check.is_free_for(call.caller().connection)
    }

    fn commit(
        call: Authorized<'_, Self>,
        (): (),
        service: &Service,
    ) -> Result<Answer<StoreCheckStarted>> {
        let check = Check::new(service.store.freeze()?);
        let reply = StoreCheckStarted { records: check.total(), generation: check.generation() };
        service.transfers.check.start(call.caller().connection, check)?;
        Ok(Answer::new(reply))
    }
}

impl Handle for ContinueStoreCheck {
    type Plan = ();

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<()> {
        service.transfers.check.check(call.caller().connection)
    }

    fn commit(
        call: Authorized<'_, Self>,
        (): (),
        service: &Service,
    ) -> Result<Answer<StoreCheckProgress>> {
        let connection = call.caller().connection;
        let progress = service.transfers.check.with(connection, |check| {
            let findings = check.step(STEP);
            for finding in &findings {
                tracing::error!(%finding, "the store is not whole");
            }
            let (records, keys, finished) = (check.records, check.versions, check.finished);
            Ok(StoreCheckProgress { records, keys, findings, finished })
        })?;
        if progress.finished {
            service.transfers.check.end(connection);
        }
        Ok(Answer::new(progress))
    }
}

impl Service {
    /// Fills the store while nobody has a session, makes an object, or sets a PIN.
    fn restore(&self, restore: &Restore) -> Result<u64> {
        let before = self.partitions.all();
        let gates: Vec<_> =
            before.iter().map(|partition| self.applications.gate(partition.slot)).collect();
        let _closed: Vec<_> = gates.iter().map(|gate| gate.close()).collect();
        if before.iter().any(|partition| self.applications.have_sessions(partition.slot)) {
            return Err(ErrorCode::SessionExists.into());
        }
        let fill = restore.filling()?;
        let generation = self.partitions.replace(|| {
            self.pins.reset(|| {
                self.registry.replace(|| {
                    self.store.fill(fill).map_err(|error| match error {
                        crate::store::Error::NotEmpty => ErrorCode::StoreNotEmpty.into(),
                        crate::store::Error::Source(what) => {
                            Error::about(ErrorCode::BackupDamaged, what)
                        }
                        other => other.into(),
                    })
                })
            })
        })?;
        self.ivs.reload(&self.registry)?;
        self.keyring.close_all();
        for partition in before.iter().chain(&self.partitions.all()) {
            self.events.token_changed(partition.slot);
        }
        Ok(generation)
    }

    /// A plan in the words of the API.
    fn told(&self, plan: &Plan, header: &Header) -> RestorePlan {
        let partitions = self.partitions.all();
        let (objects, _) = self.registry.count();
        let in_session = partitions.iter().find(|p| self.applications.have_sessions(p.slot));
        let obstacle = match (objects, in_session) {
            (0, None) => None,
            (0, Some(partition)) => Some(format!(
                "an application has a session with partition {}; end it first",
                partition.name
            )),
            (_, _) => Some(format!(
                "this store holds {objects} objects; make an empty one with `coffer init` or `coffer dev --dir`"
            )),
        };
        let text = |id: &crate::object::ObjectId| id.to_string();
        let more = plan.skipped.len().checked_sub(MOST_SKIPPED + 1);
        let more = more.map(|more| format!("and {} more", more + 1));
        RestorePlan {
            possible: obstacle.is_none(),
            obstacle,
            create_time: header.created,
            generation: header.generation,
            partitions: plan
                .partitions
                .iter()
                .map(|(p, count)| format!("{} (slot {}, {count} objects)", p.name, p.slot.0))
                .collect(),
            replaced: partitions
                .iter()
                .map(|p| format!("{} (slot {})", p.name, p.slot.0))
                .collect(),
            objects: plan.objects,
            keys: plan.keys,
            versions: plan.versions,
            tombstones: plan.tombstones,
            skipped: plan.skipped.iter().take(MOST_SKIPPED).map(text).chain(more).collect(),
        }
    }

    fn note_backup(&self, caller: &Caller, export: &Export) -> Result<()> {
        let event = Event::new("FinishBackup", Action::Write).through("admin", "").sensitive();
        let mut event = record::by(event, self, caller, caller.partition);
        for (name, table) in [
            ("Objects", Table::Objects),
            ("Versions", Table::Material),
            ("Tombstones", Table::Tombstones),
        ] {
            event = event.parameter(name, export.count(table));
        }
        event = event.parameter("Generation", export.generation());
        Ok(self.audit.append(event, Priority::Normal)?)
    }

    fn note_restore(&self, caller: &Caller, plan: &RestorePlan) -> Result<()> {
        let event = Event::new("RestoreStore", Action::Write).through("admin", "").sensitive();
        let event = record::by(event, self, caller, caller.partition);
        let event = event.parameter("Objects", plan.objects).parameter("Versions", plan.versions);
        let event = event.parameter("Tombstones", plan.tombstones);
        let event = event.parameter("Skipped", plan.skipped.len());
        Ok(self.audit.append_durable(event, Priority::Normal)?)
    }
}
