//! Administration: status, partitions, audit.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::MAX_META;
use coffer_protocol::handshake::uuid_text;
use coffer_protocol::operation::system::{
    AuditEvents, AuditVerified, ConfirmTime, CreatePartition, CreatedPartition, DaemonStatus,
    GetStatus, InitPartition, ListAuditEvents, ListPartitions, Partition as Listed, Partitions,
    TimeConfirmed, VerifyAudit,
};

use super::{Answer, Authorized, Handle, Service};
use crate::Error;
use crate::audit::Filter;
use crate::partition::{self, Partition};
use crate::vault;

tells! {
    GetStatus |_call, service| -> DaemonStatus {
        let memory = vault::status();
        let (objects, keys) = service.registry.count();
        let applications = service.applications.all();
        let sessions: usize = applications.iter().map(|application| application.sessions()).sum();
        Ok(Answer::new(DaemonStatus {
            state: service.device.state().name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: if service.config.dev { "DEV" } else { "SERVICE" }.to_owned(),
            instance: uuid_text(&service.instance),
            uptime: service.clock.now().saturating_sub(service.start.time),
            secret_memory: memory.kind.to_string(),
            arena_bytes: memory.arena as u64,
            arena_free: memory.free as u64,
            hardening: service.start.hardening.clone(),
            objects,
            keys,
            partitions: service.partitions.all().len() as u64,
            applications: applications.len() as u64,
            sessions: sessions as u64,
            generation: service.store.generation(),
            seal_slots: service.start.seal_slots.clone(),
            store: service.config.state_directory.display().to_string(),
            self_tests: service.start.self_tests,
            alarms: service.alarms.raised(),
            alarms_lost: service.alarms.lost(),
        }))
    }
}

/// A partition in the words of the API.
fn listed(service: &Service, partition: &Partition) -> Listed {
    Listed {
        name: partition.name.clone(),
        slot: partition.slot.0,
        label: partition.label.clone(),
        serial: partition.serial.clone(),
        initialised: partition.initialised,
        user_pin: partition.user_pin,
        create_time: partition.create_time,
        keys: service.registry.count_keys(partition.slot).0,
    }
}

tells! {
    ListPartitions |_call, service| -> Partitions {
        let all = service.partitions.all();
        let partitions = all.iter().map(|partition| listed(service, partition)).collect();
        Ok(Answer::new(Partitions { partitions }))
    }
}

impl Handle for CreatePartition {
    type Plan = ();

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        if partition::is_name(&self.name) {
            Ok(())
        } else {
            Err(Error::about(ErrorCode::InvalidValue, "Name"))
        }
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<(), Error> {
        match service.partitions.by_name(&call.request().name) {
            Some(taken) => Err(Error::about(ErrorCode::PartitionExists, taken.name.clone())),
            None => Ok(()),
        }
    }

    fn commit(
        call: Authorized<'_, Self>,
        (): (),
        service: &Service,
    ) -> Result<Answer<CreatedPartition>, Error> {
        let made = service.partitions.create(&call.request().name, service.clock.now())?;
        service.events.token_changed(made.slot);
        Ok(Answer::new(CreatedPartition { partition: listed(service, &made) }))
    }
}

impl Handle for InitPartition {
    type Plan = Arc<Partition>;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Partition>, Error> {
        if call.request().so_pin_length as usize > call.payload().len() {
            return Err(Error::about(ErrorCode::InvalidValue, "SoPinLength"));
        }
        let found = service.partitions.by_name(&call.request().name);
        found.ok_or(ErrorCode::PartitionNotFound.into())
    }

    fn commit(
        call: Authorized<'_, Self>,
        partition: Arc<Partition>,
        service: &Service,
    ) -> Result<Answer<CreatedPartition>, Error> {
        let so_length = call.request().so_pin_length;
        let partition =
            service.initialise(call.caller().uid, partition.slot, call.payload(), so_length)?;
        Ok(Answer::new(CreatedPartition { partition: listed(service, &partition) }))
    }
}

/// Most bytes of the events of a reply: all of its metadata but room for the number of events and of the next page.
const EVENT_BYTES: usize = MAX_META as usize - 32;

impl Handle for ListAuditEvents {
    type Plan = ();

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        match self.limit {
            Some(limit) if !(1..=500).contains(&limit) => {
                Err(Error::about(ErrorCode::InvalidValue, "MaxResults"))
            }
            _ => Ok(()),
        }
    }

    fn check(_call: &Authorized<'_, Self>, _service: &Service) -> Result<(), Error> {
        Ok(())
    }

    fn commit(
        call: Authorized<'_, Self>,
        (): (),
        service: &Service,
    ) -> Result<Answer<AuditEvents>, Error> {
        let request = call.request();
        let micros = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000);
        let page = service.audit.list(&Filter {
            from: request.from.map(micros),
            to: request.to.map(micros),
            after: request.before,
            limit: request.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(50),
            bytes: EVENT_BYTES,
            ..Filter::default()
        })?;
        let events = page.lines.into_iter().map(|line| line.event).collect();
        Ok(Answer::new(AuditEvents { events, next: page.next }))
    }
}

tells! {
    ConfirmTime |_call, service| -> TimeConfirmed {
        Ok(Answer::new(TimeConfirmed { time: service.deadlines.confirm() }))
    }
}

tells! {
    VerifyAudit |_call, service| -> AuditVerified {
        let report = service.audit.verify()?;
        Ok(Answer::new(AuditVerified {
            valid: report.first_bad.is_none(),
            records: report.records,
            segments: report.segments,
            fault: report.first_bad.map(|bad| bad.to_string()),
        }))
    }
}
