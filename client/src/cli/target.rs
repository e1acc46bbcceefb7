//! Which daemon and partition a command means.

use std::path::PathBuf;

use coffer_client::admin::Admin;
use coffer_client::kms::Kms;
use coffer_client::{ConnectOptions, Connection, Role, socket};

use super::Problem;

const CLIENT_NAME: &str = concat!("coffer/", env!("CARGO_PKG_VERSION"));

/// The partition that a command means.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Target {
    /// The partition; the daemon's first one when left out
    #[arg(long, value_name = "NAME", env = "COFFER_PARTITION", hide_env_values = true)]
    partition: Option<String>,
}

impl Target {
    /// Connects for requests of the KMS API.
    pub(crate) fn connect(&self) -> Result<Connection, Problem> {
        open(socket::app_path(), &self.options())
    }

    /// Connects in another role, or to an application that is there.
    pub(crate) fn connect_as(
        &self,
        role: Role,
        attach: Option<[u8; 16]>,
    ) -> Result<Connection, Problem> {
        open(socket::app_path(), &ConnectOptions { role, attach, ..self.options() })
    }

    /// Connects for administration.
    pub(crate) fn connect_admin(&self) -> Result<Connection, Problem> {
        open(socket::admin_path(), &self.options())
    }

    /// Connects for typed requests of the KMS API.
    pub(crate) fn kms(&self) -> Result<Kms, Problem> {
        let path = socket::app_path();
        Kms::open(&path, &self.options()).map_err(|error| Problem::connecting(error, path))
    }

    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new(Role::Service, CLIENT_NAME);
        options.partition = self.partition.clone().filter(|name| !name.is_empty());
        options
    }
}

/// Connects for typed requests of administration.
pub(crate) fn admin() -> Result<Admin, Problem> {
    let path = socket::admin_path();
    let options = ConnectOptions::new(Role::Service, CLIENT_NAME);
    Admin::open(&path, &options).map_err(|error| Problem::connecting(error, path))
}

fn open(path: PathBuf, options: &ConnectOptions) -> Result<Connection, Problem> {
    Connection::open(&path, options).map_err(|error| Problem::connecting(error, path))
}
