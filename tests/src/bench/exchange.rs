//! What parent and workers write to each other: a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The first line to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Target {
    /// The module.
    pub(super) module: PathBuf,
    /// Label of its token.
    pub(super) label: String,
    /// User PIN of the token.
    pub(super) pin: String,
    /// Where the token is made first: with this PIN of the security officer.
    pub(super) so_pin: Option<String>,
    /// The daemon's socket, where the module has a daemon that this program can speak to.
    pub(super) socket: Option<PathBuf>,
}

/// What a worker does next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Name of the case.
    pub(super) case: String,
    /// How many threads.
    pub(super) threads: u32,
    /// How long.
    pub(super) millis: u64,
}

/// What came of an order, or of the first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// The worker has its token.
    Ready,
    /// Figures.
    Measured(Measured),
    /// The module does not list the mechanism.
    NotOffered,
    /// A step failed.
    Failed(String),
}

/// The figures of one case in one round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Nanoseconds of single operations; not necessarily of all.
    pub(super) nanos: Vec<u64>,
    /// How many operations there were in all.
    pub(super) operations: u64,
    /// Nanoseconds from the first to the last.
    pub(super) elapsed: u64,
}
