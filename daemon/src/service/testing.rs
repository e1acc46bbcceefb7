//! A service for tests: a store of its own in a folder, with two partitions and no PINs.

use std::path::Path;
use std::sync::Arc;

use super::Service;
use crate::clock::Clock;
use crate::config::{AuditConfig, Config, Limits, SecretMemory};
use crate::hardening::Report;
use crate::seal::Provider;
use crate::start;
use crate::vault;

impl Service {
    /// A service in `directory`, opened again where there is one already. The owner is uid 1000.
    ///
    /// # Panics
    ///
    /// Where it cannot be made.
    pub fn for_tests(directory: &Path) -> Arc<Self> {
        Self::for_tests_with(directory, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Panics
    ///
    /// Where it cannot be made.
    pub fn for_tests_with(directory: &Path, limits: Limits) -> Arc<Self> {
        vault::init_for_tests();
        if !directory.join(crate::store::STORE_FILE).exists() {
            let provider = Provider::KeyFile { path: start::keyfile(directory) };
            let names = ["dev".to_owned(), "second".to_owned()];
            start::create(directory, provider, &names, 0).expect("a store can be made");
        }
        let config = Config {
            state_directory: directory.to_owned(),
            secret_memory: SecretMemory::Locked,
            owner: 1000,
            limits,
            audit: AuditConfig { segment_mib: 1, ..AuditConfig::default() },
            dev: true,
            ..Config::default()
        };
        start::open(config, Clock::default(), &Report::default()).expect("the service opens")
    }
}
