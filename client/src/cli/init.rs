//! `coffer init`: makes a store for production. The daemon does the work; this finds it and tells what comes next.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use super::{Problem, daemon, output};

/// Arguments of `coffer init`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArguments {
    /// Where the store is made
    #[arg(long, value_name = "DIR", default_value = "/var/lib/coffer")]
    dir: PathBuf,
    /// Write the root key here, to be encrypted with systemd-creds and then deleted
    #[arg(long, value_name = "FILE", conflicts_with = "keyfile")]
    credential: Option<PathBuf>,
    /// Keep the root key in this file, which the daemon reads at each start
    #[arg(long, value_name = "FILE")]
    keyfile: Option<PathBuf>,
    /// Name of the first partition
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Uid of the owner, who may do everything but use an application's key without its PIN
    #[arg(long, value_name = "UID")]
    owner: Option<u32>,
}

/// Runs `cofferd init` with the same arguments.
pub(crate) fn run(arguments: &InitArguments) -> Result<(), Problem> {
    let program = daemon::beside("cofferd")?;
    let mut command = Command::new(&program);
    command.arg("init").arg("--dir").arg(&arguments.dir);
    for (option, file) in
        [("--credential", &arguments.credential), ("--keyfile", &arguments.keyfile)]
    {
        if let Some(file) = file {
            command.arg(option).arg(file);
        }
    }
    if let Some(partition) = &arguments.partition {
        command.arg("--partition").arg(partition);
    }
    if let Some(owner) = arguments.owner {
        command.arg("--owner").arg(owner.to_string());
    }
    let status = command.status().with_context(|| format!("cannot start {}", program.display()))?;
    if !status.success() {
        // It has said why.
        return Err(anyhow::anyhow!("no store was made ({status})").into());
    }
    Ok(output::text(&next_steps(arguments))?)
}

fn next_steps(arguments: &InitArguments) -> String {
    let partition = arguments.partition.as_deref().unwrap_or("NAME");
    let seal = match &arguments.credential {
        Some(file) => format!(
            "  systemd-creds encrypt --name=coffer-root {0} /etc/credstore.encrypted/coffer-root\n  \
             shred -u {0}\n",
            file.display()
        ),
        None => String::new(),
    };
    format!(
        "The store is in {}. What comes next:\n\n{seal}  \
         systemctl enable --now cofferd.socket cofferd-admin.socket\n  \
         coffer partition init {partition}\n  \
         coffer doctor\n\n\
         Who has the root key and the store has the keys: keep a copy of the root key where no copy of \
         the store is.",
        arguments.dir.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_to_be_encrypted_and_deleted() {
        let mut arguments = InitArguments {
            dir: "/d".into(),
            credential: Some("/root/key".into()),
            keyfile: None,
            partition: Some("main".to_owned()),
            owner: None,
        };
        let text = next_steps(&arguments);
        assert!(text.contains("coffer-root /root/key") && text.contains("shred -u /root/key"));
        assert!(text.contains("partition init main"));
        arguments.credential = None;
        assert!(!next_steps(&arguments).contains("shred"));
    }
}
