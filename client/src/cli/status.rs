//! `coffer status`: how the daemon is.

use super::target::Target;
use super::{Problem, output};

/// Arguments of `coffer status`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    /// Print the reply as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints it.
pub(crate) fn run(arguments: &StatusArguments) -> Result<(), Problem> {
    let status = Target::default().kms()?.daemon_status()?;
    if arguments.json {
        output::message(&status)?;
    } else {
        output::fields(&status)?;
    }
    Ok(())
}
