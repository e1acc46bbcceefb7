//! Bringing the daemon up: each step in order, each failure final.

use std::fs::OpenOptions;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use coffer_protocol::ErrorCode;
use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::weak::WeakKeys;

use crate::alarm::{About, Alarms, Sink};
use crate::application::Applications;
use crate::audit::{self, AUDIT_DIRECTORY, Action, Audit, Event as AuditEvent, Priority};
use crate::backup::{Check, Transfers};
use crate::clock::Clock;
use crate::config::{Config, Limits, SecretMemory};
use crate::deadline::Deadlines;
use crate::event::Hub;
use crate::object::{Keyring, Registry};
use crate::partition::Partitions;
use crate::permits::Permits;
use crate::pin::Pins;
use crate::seal::{self, Provider};
use crate::service::{Imports, Ivs, Service, StartReport, Uses};
use crate::share::Shares;
use crate::state::device::{Device, Event};
use crate::store::{Batch, Expected, Record, RecordId, Snapshot, Store, Table};
use crate::vault::{self, Buffer, Depth};
use crate::{Error, crypto, hardening};

mod pins;

/// Why the daemon did not start: a text that says what to do, and the exit status.
#[derive(Debug)]
pub struct Refusal {
    /// For the operator.
    pub text: String,
    /// 78 where the configuration or the kernel is at fault (sysexits EX_CONFIG), else 1.
    pub status: u8,
}

impl Refusal {
    /// A fault of the configuration or the kernel.
    pub fn configuration(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: 78 }
    }

    /// Any other fault.
    pub fn failure(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: 1 }
    }
}

impl<E: std::fmt::Display> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::failure(error.to_string())
    }
}

/// Hardens the process and makes its secret memory. The first thing that `main` does, before any thread.
///
/// # Errors
///
/// A kernel that cannot give secret memory, where that is required.
pub fn protect(memory: SecretMemory) -> Result<hardening::Report, Refusal> {
    vault::quiet_panics();
    let report = hardening::harden();
    let memory = match memory {
        SecretMemory::Required => vault::SecretMemory::Required,
        SecretMemory::Locked => vault::SecretMemory::LockedAllowed,
    };
    vault::init(vault::Config { memory, ..vault::Config::default() })
        .map_err(|error| Refusal::configuration(error.to_string()))?;
    Ok(report)
}

/// Where the root key's secret comes from.
///
/// # Errors
///
/// Where there is none at all.
pub fn providers(config: &Config) -> Result<Vec<Provider>, Refusal> {
    let mut providers: Vec<Provider> =
        Provider::credential_from_environment(None).into_iter().collect();
    let keyfile = keyfile(&config.state_directory);
    if keyfile.exists() {
        providers.push(Provider::KeyFile { path: keyfile });
    }
    if providers.is_empty() {
        return Err(Refusal::configuration(
            "there is no root key: neither the systemd credential root-key nor a key file; \
             `coffer init` makes a store, cofferd.service loads the credential",
        ));
    }
    Ok(providers)
}

/// The key file of development.
pub fn keyfile(directory: &Path) -> PathBuf {
    directory.join("root.key")
}

/// Makes a credential file: 32 random bytes, written from secret memory. It is to be encrypted with
/// `systemd-creds` and then wiped.
///
/// # Errors
///
/// Where the file exists or cannot be written.
pub fn make_credential(path: &Path) -> Result<(), Refusal> {
    const LENGTH: usize = 32;
    let wrong = |error: std::io::Error| Refusal::failure(format!("{}: {error}", path.display()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(wrong)?;
    on_worker(|| {
        let mut buffer = Buffer::new(LENGTH)?;
        vault::run(Depth::Small, |inside| {
            crypto::random::fill(buffer.secret_mut(inside, 0..LENGTH)).map_err(ErrorCode::from)
        })?
        .map_err(|code| Refusal::failure(code.message()))?;
        let mut sent = 0;
        while sent < LENGTH {
            sent += buffer.send(file.as_fd(), sent..LENGTH).map_err(wrong)?;
        }
        file.sync_all().map_err(wrong)
    })
}

/// Makes a new store with its first partition.
///
/// # Errors
///
/// Where there is a store already, or whatever stops the making.
pub fn create(
    directory: &Path,
    provider: Provider,
    partitions: &[String],
    owner: u32,
    now: i64,
) -> Result<(), Refusal> {
    on_worker(|| {
        let root = seal::create(directory, &[provider])?;
        let store = Arc::new(Store::create(directory, &root)?);
        let all = Partitions::load(store.clone())?;
        for name in partitions {
            all.create(name, now).map_err(|error| Refusal::failure(error.failure().to_string()))?;
        }
        drop(all);
        let body = owner.to_be_bytes().to_vec();
        let mut batch = Batch::new();
        batch.put(
            Table::Meta,
            Record { id: owner_record()?, version: 0, state: 0, body },
            Expected::New,
        );
        store.commit(batch)?;
        Arc::into_inner(store).map_or(Ok(()), Store::close)?;
        Ok(())
    })
}

/// What a check of a closed store found.
#[derive(Debug)]
pub struct Checked {
    /// Records that were read.
    pub records: u64,
    /// Versions of key material that were opened.
    pub versions: u64,
    /// What is wrong.
    pub findings: Vec<String>,
}

/// Checks a store that no daemon has open, and changes nothing.
///
/// # Errors
///
/// Where it cannot be unsealed, is in use, or where not even records are found.
pub fn check_closed(config: &Config) -> Result<Checked, Refusal> {
    on_worker(|| {
        let directory = &config.state_directory;
        let root = seal::unseal(directory, &providers(config)?)?;
        let mut check = Check::new(Snapshot::of_closed(directory, &root)?);
        let mut findings = Vec::new();
        while !check.finished {
            findings.extend(check.step(usize::MAX));
        }
        Ok(Checked { records: check.records, versions: check.versions, findings })
    })
}

/// Opens everything and gives the service.
///
/// # Errors
///
/// Whatever stops the start.
pub fn open(
    config: Config,
    clock: Clock,
    hardening: &hardening::Report,
) -> Result<Arc<Service>, Refusal> {
    on_worker(|| {
        let device = Device::starting();
        let tested = vault::run(Depth::Large, |_| vault::Public(crypto::self_test::run()))?.0;
        let self_tests = match tested {
            Ok(passed) => passed.len() as u64,
            Err(failed) => {
                let _ = device.apply(Event::SelfTestFailed);
                return Err(Refusal::failure(format!(
                    "the self-test of {failed} failed; there is no service"
                )));
            }
        };
        device.apply(Event::SelfTestPassed)?;
        let directory = config.state_directory.clone();
        let root = seal::unseal(&directory, &providers(&config)?)?;
        let seal_slots = seal::slots(&directory)?.iter().map(ToString::to_string).collect();
        let store = Arc::new(Store::open(&directory, &root)?);
        let (audit, found) =
            Audit::open(&directory.join(AUDIT_DIRECTORY), audit_config(&config, &clock))?;
        let tagger = audit.tagger(&root)?;
        warn_of_weak_keys(config.keys.weak);
        let limits = config.limits;
        let socket = Some(config.alarms.socket.clone()).filter(|path| !path.as_os_str().is_empty());
        let start = StartReport {
            time: clock.now(),
            hardening: hardening.holding(),
            self_tests,
            seal_slots,
        };
        let instance = crypto::random::array()?;
        let registry = Registry::load(store.clone())?;
        let service = Service {
            owner: owner(&config, &store)?,
            limits: RwLock::new(limits),
            ivs: Ivs::load(store.clone(), &registry)?,
            registry,
            keyring: Keyring::new(store.clone(), limits.open_keys),
            partitions: Partitions::load(store.clone())?,
            pins: Pins::load(store.clone(), &root, limits.pin_derivations, &clock)?,
            generations: Permits::new(limits.key_generations),
            creations: Mutex::new(()),
            shares: Shares::default(),
            applications: Applications::default(),
            events: Hub::default(),
            transfers: Transfers::default(),
            deadlines: Deadlines::load(store.clone(), clock.clone())?,
            alarms: Alarms::load(store.clone(), Sink::new(socket)?)?,
            imports: Imports::load(store.clone())?,
            uses: Uses::load(store.clone(), instance, clock.now())?,
            instance,
            device,
            root,
            store,
            audit,
            tagger,
            clock,
            config,
            start,
        };
        service.device.apply(Event::Unseal)?;
        service.note("StartService")?;
        if found.damaged.is_some() || found.torn.is_some() {
            let about = About::default().detail("found at the start; see `coffer audit verify`");
            service.alarm(AlarmKind::AuditDamaged, about);
        }
        // What became due while nobody looked is done before anybody is served.
        service.tick();
        Ok(Arc::new(service))
    })
}

/// Where the store keeps the owner's uid.
fn owner_record() -> Result<RecordId, crate::store::Error> {
    RecordId::try_from(&b"owner"[..])
}

/// The owner: as configured, else as named when the store was made.
fn owner(config: &Config, store: &Store) -> Result<u32, Refusal> {
    if let Some(owner) = config.owner_uid {
        return Ok(owner);
    }
    let entry = store.get(Table::Meta, owner_record()?)?;
    let uid = entry.and_then(|entry| entry.body.try_into().ok()).map(u32::from_be_bytes);
    Ok(uid.unwrap_or(0))
}

/// The settings of the audit log, on the daemon's clock.
fn audit_config(config: &Config, clock: &Clock) -> audit::Config {
    let clock = clock.clone();
    let micros = move || u64::try_from(clock.now()).unwrap_or(0).saturating_mul(1_000_000);
    let mut settings = audit::Config {
        segment_bytes: config.audit.segment_mib << 20,
        retention: Duration::from_hours(24 * u64::from(config.audit.retention_days)),
        ..audit::Config::default()
    };
    if config.dev {
        settings.clock = Arc::new(micros);
    }
    settings
}

/// Runs what touches secrets on a thread of its own: the main thread hears signals.
fn on_worker<T: Send>(work: impl FnOnce() -> Result<T, Refusal> + Send) -> Result<T, Refusal> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            vault::block_signals()?;
            work()
        });
        worker.join().unwrap_or_else(|_| Err(Refusal::failure("the start panicked")))
    })
}

/// Tells the log what weak keys may do, where that is more than nothing.
fn warn_of_weak_keys(weak: WeakKeys) {
    match weak {
        WeakKeys::Refuse => {}
        WeakKeys::Use => tracing::info!("weak keys verify, decrypt and unwrap (keys.weak)"),
        WeakKeys::Make => tracing::warn!(
            "weak keys are made and used like others (keys.weak): for test suites and closed old systems only"
        ),
    }
}

impl Service {
    /// The limits, as they are now.
    pub fn limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over new limits. Those of computations that run at once stay as they were at the start.
    pub fn reload(&self, limits: Limits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Writes an event of the daemon itself to the audit log.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn note(&self, name: &str) -> Result<(), Error> {
        let event = AuditEvent::new(name, Action::Write).through("admin", "");
        Ok(self.audit.append(event, Priority::Reserved)?)
    }

    /// Wipes the open keys and writes the end to the audit log. Store and log close when the service goes.
    pub fn close(&self) {
        self.pins.stop();
        if let Err(error) = self.uses.save() {
            tracing::warn!(%error, "the last uses of keys could not be written");
        }
        if let Err(error) = self.ivs.save() {
            tracing::error!(%error, "the IVs of keys that rotate could not be written");
        }
        self.keyring.close_all();
        if self.note("StopService").is_err() {
            tracing::warn!("the stop could not be written to the audit log");
        }
        if let Err(error) = self.audit.flush() {
            tracing::error!(%error, "the audit log could not be written to disk");
        }
    }
}
