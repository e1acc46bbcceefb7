//! `coffer init`: makes a store for production. The daemon does the work; this finds it and tells what comes next.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
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

/// Where the service finds its credential.
const SEALED: &str = "/etc/coffer/root-key.cred";
/// Its name, which the unit loads it by.
const NAME: &str = "root-key";

/// Runs `cofferd init` with the same arguments; without a key file or credential it also makes and seals the
/// credential of the service.
pub(crate) fn run(arguments: &InitArguments) -> Result<(), Problem> {
    if arguments.credential.is_some() || arguments.keyfile.is_some() {
        make(arguments, arguments.credential.as_deref())?;
        return Ok(output::text(&next_steps(arguments))?);
    }
    if Path::new(SEALED).exists() {
        return Err(anyhow::anyhow!(
            "{SEALED} exists already; move it away to make a new root key"
        )
        .into());
    }
    // In memory only: /run is a tmpfs, and the folder is removed whatever happens.
    let folder =
        PrivateFolder::make(&PathBuf::from(format!("/run/coffer-init-{}", std::process::id())))?;
    let credential = folder.0.join(NAME);
    make(arguments, Some(&credential))?;
    seal(&credential)?;
    drop(folder);
    Ok(output::text(&next_steps(arguments))?)
}

/// Runs `cofferd init`.
fn make(arguments: &InitArguments, credential: Option<&Path>) -> Result<(), Problem> {
    let program = daemon::beside("cofferd")?;
    let mut command = Command::new(&program);
    command.arg("init").arg("--dir").arg(&arguments.dir);
    if let Some(file) = credential {
        command.arg("--credential").arg(file);
    }
    if let Some(file) = &arguments.keyfile {
        command.arg("--keyfile").arg(file);
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
    Ok(())
}

/// Encrypts the credential for this host, with its TPM where it has one.
fn seal(credential: &Path) -> Result<(), Problem> {
    let folder = Path::new(SEALED).parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let status = Command::new("systemd-creds")
        .args(["encrypt", &format!("--name={NAME}")])
        .args([credential, Path::new(SEALED)])
        .status()
        .context(
            "cannot start systemd-creds; name a file with --credential and encrypt it yourself",
        )?;
    if status.success() {
        return Ok(());
    }
    let hint = "the store was made, but its credential is lost with this run: remove the store and try again";
    Err(anyhow::anyhow!("systemd-creds failed ({status}); {hint}").into())
}

/// A folder of ours alone that goes away.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn make(path: &Path) -> Result<Self, Problem> {
        let made = DirBuilder::new().mode(0o700).create(path);
        made.with_context(|| format!("cannot make {} (are you root?)", path.display()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn next_steps(arguments: &InitArguments) -> String {
    let partition = arguments.partition.as_deref().unwrap_or("default");
    let seal = match &arguments.credential {
        Some(file) => format!(
            "  systemd-creds encrypt --name={NAME} {0} {SEALED}\n  shred -u {0}\n",
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
        assert!(text.contains("--name=root-key /root/key") && text.contains("shred -u /root/key"));
        assert!(text.contains("partition init main"));
        arguments.credential = None;
        assert!(!next_steps(&arguments).contains("shred"));
    }
}
