//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use crate::daemon::{PIN, binaries};

/// Measures Coffer beside SoftHSM2, or beside other PKCS#11 modules.
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[derive(Debug, clap::Parser)]
#[command(name = "coffer-bench", args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Only cases whose names contain this; may be repeated
    #[arg(long = "case", value_name = "SUBSTRING")]
    pub(super) cases: Vec<String>,
    /// Print the names of the cases, and measure nothing
    #[arg(long)]
    pub(super) list: bool,
    /// Two short rounds: a smoke test, whose figures say nothing
    #[arg(long)]
    quick: bool,
    /// Rounds of every case
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Milliseconds of every case in a round
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    millis: u32,
    /// Threads of the second measurement of a case; 1 leaves it out
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(super) threads: u32,
    /// Measure beside this module instead of SoftHSM2, in this environment; may be repeated
    #[arg(long = "module", value_name = "PATH")]
    pub(super) modules: Vec<PathBuf>,
    /// Label of the token of `--module`, which must be initialised
    #[arg(long, value_name = "LABEL", default_value = "bench")]
    pub(super) token: String,
    /// User PIN of the token of `--module`
    #[arg(long, default_value = PIN)]
    pub(super) pin: String,
    /// Print all figures as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table of docs/performance.md
    #[arg(long)]
    markdown: bool,
    /// Run although the binaries are not optimised
    #[arg(long)]
    debug_build: bool,
}

/// What the children of the program are.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Has one module, and measures what it is told on standard input
    #[command(hide = true)]
    Worker,
    /// A process that is started to be measured
    #[command(hide = true)]
    Start {
        /// What it does, as JSON
        target: String,
    },
}

/// How the results are printed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    /// A table for a terminal.
    Text,
    /// A table for a document.
    Markdown,
    /// All figures.
    Json,
}

impl Arguments {
    /// Refuses binaries whose figures would say nothing, and missing ones.
    pub(super) fn check_build(&self) -> anyhow::Result<()> {
        if cfg!(debug_assertions) && !self.debug_build {
            bail!(
                "this is a debug build: use `cargo build --release --workspace` and \
                 `cargo run --release -p coffer-tests --bin coffer-bench`, or --debug-build"
            );
        }
        for name in ["cofferd", "coffer", "libcoffer_pkcs11.so"] {
            let path = binaries().join(name);
            if !path.exists() {
                bail!("{} is missing: `cargo build --release --workspace`", path.display());
            }
        }
        Ok(())
    }

    pub(super) fn rounds(&self) -> u32 {
        if self.quick { 2 } else { self.rounds }
    }

    /// How long a case is measured in a round.
    pub(super) fn time(&self) -> Duration {
        Duration::from_millis(if self.quick { 5 } else { self.millis.into() })
    }

    pub(super) fn format(&self) -> Format {
        match (self.json, self.markdown) {
            (true, _) => Format::Json,
            (false, true) => Format::Markdown,
            (false, false) => Format::Text,
        }
    }
}
