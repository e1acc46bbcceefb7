//! `coffer restore`: a backup into an empty store. What it would do is shown before it is done.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;
use coffer_client::admin::{Admin, BACKUP_HEADER, RestorePlan};

use super::confirm::Confirmation;
use super::input;
use super::passphrase::{For, PassphraseSource};
use super::progress::Progress;
use super::target::admin;
use super::{Problem, output};

/// Bytes of one request.
const PART: usize = 512 << 10;

/// Arguments of `coffer restore`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The whole file is verified and the plan is shown first; then you are asked. \
    PINs are in no backup: set them anew with `coffer partition init`."
)]
pub(crate) struct RestoreArguments {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Print the plan or the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Verifies, shows, asks, restores.
pub(crate) fn run(arguments: &RestoreArguments) -> Result<u8, Problem> {
    let named = || format!("cannot read {}", arguments.file.display());
    let mut admin = admin()?;
    let mut file = File::open(&arguments.file).with_context(named)?;
    let length = file.metadata().with_context(named)?.len();
    let header = input::read_up_to(&mut file, BACKUP_HEADER).with_context(named)?;
    let passphrase = arguments.passphrase.get(For::Existing)?;
    admin.start_restore(&header, &passphrase)?;
    let plan = send(&mut admin, &mut file, length.saturating_sub(header.len() as u64))?;
    if arguments.dry_run || !plan.possible {
        admin.stop_transfers()?;
        show(&plan, arguments.json)?;
        return refuse_impossible(&plan);
    }
    if !arguments.json {
        show(&plan, false)?;
    }
    let question = "Restore this into the store of the running daemon?";
    let answer = arguments.confirmation.ask(question, "yes");
    if !matches!(answer, Ok(true)) {
        admin.stop_transfers()?;
        answer?;
        output::text("Nothing was changed.")?;
        return Ok(1);
    }
    let restored = admin.finish_restore()?;
    if arguments.json {
        output::message(&restored)?;
    } else {
        output::text(&format!(
            "Restored: {} objects, {} of them keys, and {} tombstones. Set the PINs anew with \
             `coffer partition init`.",
            restored.plan.objects, restored.plan.keys, restored.plan.tombstones
        ))?;
    }
    Ok(0)
}

fn send(admin: &mut Admin, file: &mut File, length: u64) -> Result<RestorePlan, Problem> {
    let mut progress = Progress::new("Reading", length);
    let mut waiting = input::read_up_to(&mut *file, PART)?;
    loop {
        // What comes after is read first: the last part has to be known as such.
        let next = input::read_up_to(&mut *file, PART)?;
        let reply = admin.send_restore_part(&waiting, next.is_empty())?;
        progress.at(reply.received);
        match reply.plan {
            Some(plan) => return Ok(plan),
            None if next.is_empty() => {
                return Err(anyhow::anyhow!("the daemon gave no plan; nothing was changed").into());
            }
            None => waiting = next,
        }
    }
}

fn show(plan: &RestorePlan, json: bool) -> Result<(), Problem> {
    if json {
        return Ok(output::message(plan)?);
    }
    let RestorePlan { objects, keys, versions, tombstones, .. } = plan;
    output::text(&format!(
        "The backup is whole. It is of {}, after {} changes, and has\n  \
         {objects} objects, {keys} of them keys, with {versions} versions of key material,\n  \
         {tombstones} tombstones of destroyed keys.",
        output::time(plan.create_time),
        plan.generation
    ))?;
    for (title, names) in [
        ("Partitions that come back", &plan.partitions),
        ("Empty partitions that give way, with their PINs", &plan.replaced),
        ("Objects that stay destroyed", &plan.skipped),
    ] {
        if !names.is_empty() {
            output::text(&format!("{title}: {}", names.join(", ")))?;
        }
    }
    Ok(())
}

fn refuse_impossible(plan: &RestorePlan) -> Result<u8, Problem> {
    match &plan.obstacle {
        Some(obstacle) => Err(anyhow::anyhow!("it cannot be restored here: {obstacle}").into()),
        None => Ok(0),
    }
}
