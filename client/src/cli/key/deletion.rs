//! `coffer key schedule-deletion` and `coffer key cancel-deletion`.

use std::fmt::Write;

use coffer_client::KeyName;
use coffer_client::kms::{KeyMetadata, Kms};

use super::super::confirm::Confirmation;
use super::super::problem::NO_DAEMON;
use super::show::last_used;
use super::{KeysArguments, Problem, about, changed, output, shown};

/// Arguments of `coffer key schedule-deletion`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A destroyed key cannot be brought back, and what was encrypted with it cannot be decrypted. \
    Until then every attempt to use the key raises an alarm, and `coffer key cancel-deletion` takes it back."
)]
pub(crate) struct ScheduleArguments {
    #[command(flatten)]
    pub(super) of: KeysArguments,
    /// Days to wait: 7 to 30, or more where the daemon's configuration allows it
    #[arg(long, default_value_t = 30)]
    days: u32,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Schedules the destruction of keys, after a question.
pub(super) fn schedule(arguments: &ScheduleArguments) -> Result<u8, Problem> {
    let ScheduleArguments { of, days, confirmation } = arguments;
    confirmation.can_be_had("The destruction of a key cannot be taken back.")?;
    let mut kms = of.target.kms()?;
    let (mut status, mut possible) = (0, Vec::new());
    for name in &of.keys {
        // Nobody is asked about what is refused anyway.
        match checked(&mut kms, name, *days) {
            Ok(metadata) => possible.push((name, metadata)),
            Err(problem) => refused(&mut kms, of, name, problem, &mut status)?,
        }
    }
    if possible.is_empty() || !asked(&mut kms, arguments, &possible)? {
        return Ok(status.max(1));
    }
    for (name, metadata) in possible {
        match kms.schedule_key_deletion(&KeyName::new(&metadata.key_id), *days) {
            Ok(scheduled) if of.json => output::message(&scheduled)?,
            Ok(scheduled) => output::text(&format!(
                "{0}: will be destroyed on {1}; `coffer key cancel-deletion {0}` takes that back",
                shown(name),
                output::time(scheduled.deletion_date)
            ))?,
            Err(error) => refused(&mut kms, of, name, error.into(), &mut status)?,
        }
    }
    Ok(status)
}

/// What is known of a key that can be scheduled so.
fn checked(kms: &mut Kms, name: &str, days: u32) -> Result<KeyMetadata, Problem> {
    let metadata = kms.describe_key(&KeyName::new(name))?;
    kms.dry_run().schedule_key_deletion(&KeyName::new(&metadata.key_id), days)?;
    Ok(metadata)
}

/// Tells of a key that cannot be scheduled; the others go on.
fn refused(
    kms: &mut Kms,
    of: &KeysArguments,
    name: &str,
    problem: Problem,
    status: &mut u8,
) -> Result<(), Problem> {
    let problem = about(kms, name, problem);
    if problem.exit_status() == NO_DAEMON || of.keys.len() == 1 {
        return Err(problem);
    }
    let this = problem.report(of.json);
    *status = if *status == 0 { this } else { *status };
    Ok(())
}

fn asked(
    kms: &mut Kms,
    arguments: &ScheduleArguments,
    keys: &[(&String, KeyMetadata)],
) -> Result<bool, Problem> {
    let mut question = format!(
        "In {} days these keys will be destroyed, and what was encrypted with them is lost:",
        arguments.days
    );
    for (name, metadata) in keys {
        let used = kms.key_last_usage(&KeyName::new(&metadata.key_id))?;
        let (name, id, used) = (shown(name), &metadata.key_id, last_used(&used));
        let _ = write!(question, "\n  {name} ({id}), last used: {used}");
    }
    let answer = arguments.confirmation.ask(&question, "yes")?;
    if !answer {
        eprintln!("Nothing was changed.");
    }
    Ok(answer)
}

/// Takes the destruction of a key back.
pub(super) fn cancel(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    kms.cancel_key_deletion(key)?;
    changed(kms, key, json)
}
