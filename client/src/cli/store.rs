//! `coffer store`: whether the store is whole.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use serde_json::json;

use super::progress::Progress;
use super::target::admin;
use super::{Problem, daemon, output};

/// Verbs of `coffer store`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum StoreCommand {
    /// Check every record of the store; exit status 1 where something is wrong
    Check(CheckArguments),
}

/// Arguments of `coffer store check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nothing is changed. The daemon checks its store while it serves; --dir looks \
    at the store of one that does not run, for instance because it refuses to start on it."
)]
pub(crate) struct CheckArguments {
    /// The folder of a store that no daemon has open
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl StoreCommand {
    pub(crate) fn json(&self) -> bool {
        let Self::Check(arguments) = self;
        arguments.json
    }
}

/// Does what the verb says.
pub(crate) fn run(command: &StoreCommand) -> Result<u8, Problem> {
    let StoreCommand::Check(arguments) = command;
    match &arguments.dir {
        Some(_) => check_closed(arguments),
        None => check(arguments.json),
    }
}

fn check(json: bool) -> Result<u8, Problem> {
    let mut admin = admin()?;
    let begun = admin.start_store_check()?;
    let mut progress = Progress::new("Checking", begun.records);
    let mut findings: Vec<String> = Vec::new();
    let (records, versions) = loop {
        let step = admin.continue_store_check()?;
        findings.extend(step.findings);
        progress.at(step.records);
        if step.finished {
            break (step.records, step.keys);
        }
    };
    drop(progress);
    if json {
        output::line(&json!({
            "Valid": findings.is_empty(), "Records": records, "Versions": versions,
            "Findings": findings,
        }))?;
    } else {
        findings.iter().try_for_each(|finding| output::text(&format!("wrong: {finding}")))?;
        let what = format!("{records} records, {versions} versions of key material");
        output::text(&match findings.len() {
            0 => format!("The store is whole: {what}."),
            count => format!(
                "The store is not whole: {count} findings in {what}. Keep a copy of its folder, find out \
                 who wrote to it, and restore a backup into a new store with `coffer restore`."
            ),
        })?;
    }
    Ok(u8::from(!findings.is_empty()))
}

/// The daemon's program does it: only that opens a store.
fn check_closed(arguments: &CheckArguments) -> Result<u8, Problem> {
    let program = daemon::beside("cofferd")?;
    let mut command = Command::new(&program);
    command
        .arg("check-store")
        .args(arguments.dir.iter().flat_map(|dir| ["--dir".as_ref(), dir.as_os_str()]));
    if arguments.json {
        command.arg("--json");
    }
    let status = command.status().with_context(|| format!("cannot start {}", program.display()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
