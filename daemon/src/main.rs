//! cofferd: the daemon.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use coffer_daemon::clock::Clock;
use coffer_daemon::config::{Config, LogFormat, SecretMemory};
use coffer_daemon::seal::Provider;
use coffer_daemon::server::{Listeners, Server};
use coffer_daemon::start::{self, Refusal};
use coffer_daemon::vault;

/// Keys in secret memory: the daemon of Coffer.
#[derive(Debug, Parser)]
#[command(name = "cofferd", version)]
struct Arguments {
    /// The configuration file; without it, /etc/coffer/cofferd.toml if that exists.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Check the configuration and the kernel, and say what is wrong.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    dev: Dev,
    #[command(subcommand)]
    command: Option<Command>,
}
