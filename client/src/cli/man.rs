//! `coffer man`: manual pages, one for each verb, from what `--help` prints.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Arguments, Problem, file, output};

/// Arguments of `coffer man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "`coffer man | man -l -` shows the first page.")]
pub(crate) struct ManArguments {
    /// Write every page into this folder, which is made; the first one goes to standard output when left out
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes the pages.
pub(crate) fn run(arguments: &ManArguments) -> Result<(), Problem> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &arguments.dir else {
        return Ok(output::bytes(&page(command, "coffer")?)?);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(write_all(folder, &command, "coffer")?)
}

/// Writes the page of a command and those of its verbs: `coffer-key-create.1` is that of `coffer key create`.
fn write_all(folder: &Path, command: &Command, name: &str) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.1"));
    file::write(&path, &page(command.clone(), name)?, file::PUBLIC)?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        write_all(folder, verb, &format!("{name}-{}", verb.get_name()))?;
    }
    Ok(())
}

fn page(command: Command, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source = concat!("coffer ", env!("CARGO_PKG_VERSION"));
    Man::new(command)
        .title(name.to_uppercase())
        .source(source)
        .manual("Coffer")
        .render(&mut bytes)?;
    Ok(bytes)
}
