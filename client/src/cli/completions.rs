//! `coffer completions`: what a shell needs to complete the words of this command.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Problem, output};

/// Arguments of `coffer completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For bash: coffer completions bash >~/.local/share/bash-completion/completions/coffer"
)]
pub(crate) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &CompletionsArguments) -> Result<(), Problem> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "coffer", &mut script);
    Ok(output::bytes(&script)?)
}
