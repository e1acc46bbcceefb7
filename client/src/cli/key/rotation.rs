//! `coffer key rotate` and `coffer key rotation`.

use coffer_client::KeyName;
use coffer_client::kms::Kms;
use serde_json::json;

use super::{KeyArguments, Problem, output, shown};

/// Arguments of `coffer key rotation`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A key that rotates gets a new version, which encrypts from then on; every older one still \
    decrypts. To enable a rotation that is enabled changes its period, which begins anew."
)]
pub(crate) struct RotationArguments {
    #[command(flatten)]
    pub(super) of: KeyArguments,
    /// Let it rotate by itself
    #[arg(long)]
    enable: bool,
    /// The period in days, 7 to 365; 365 when left out
    #[arg(long, requires = "enable")]
    days: Option<u32>,
    /// Let it rotate no more
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
}

/// Changes what was named, and shows how it is then.
pub(super) fn run(arguments: &RotationArguments) -> Result<(), Problem> {
    arguments.of.with(|kms, key| {
        if arguments.enable {
            kms.enable_key_rotation(key, arguments.days)?;
        } else if arguments.disable {
            kms.disable_key_rotation(key)?;
        }
        show(kms, key, arguments.of.json)
    })
}

fn show(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let status = kms.key_rotation_status(key)?;
    if json {
        return Ok(output::message(&status)?);
    }
    let how = if status.enabled {
        format!("rotates every {} days, next {}", status.days, output::time(status.next))
    } else {
        "does not rotate by itself".to_owned()
    };
    let before = match status.count {
        0 => "never rotated".to_owned(),
        1 => format!("rotated once, {}", output::time(status.last)),
        count => format!("rotated {count} times, last {}", output::time(status.last)),
    };
    Ok(output::text(&format!("{}: {how}; {before}", shown(key.as_str())))?)
}

/// Rotates a key now.
pub(super) fn rotate(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let task = kms.rotate_key(key)?;
    if json {
        return Ok(output::line(&json!({"TaskId": task}))?);
    }
    let version = kms.describe_key(key)?.key_version;
    Ok(output::text(&format!("{}: version {version} encrypts now", shown(key.as_str())))?)
}
