//! The modules that are measured: their environment, and the worker of each.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::arguments::Arguments;
use super::exchange::{Order, Outcome, Target};
use crate::daemon::{Daemon, PIN, SO_PIN, module};
use crate::token::DEV;

/// Where distributions have SoftHSM2.
const SOFTHSM2: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// A module with a token of its own, in a worker.
pub(super) struct Candidate {
    pub(super) name: String,
    /// What must be there as long as the worker is.
    _needs: Needs,
    worker: Child,
    orders: Option<ChildStdin>,
    outcomes: BufReader<ChildStdout>,
}

#[expect(dead_code, reason = "held for their ends")]
enum Needs {
    Nothing,
    Daemon(Daemon),
    Folder(TempDir),
}

/// The library of SoftHSM2, where it is installed.
pub fn softhsm2() -> Option<PathBuf> {
    SOFTHSM2.iter().map(PathBuf::from).find(|path| path.exists())
}

/// Coffer first, then the others.
pub(super) fn all(arguments: &Arguments) -> anyhow::Result<Vec<Candidate>> {
    let mut all = vec![coffer()?];
    for path in &arguments.modules {
        all.push(other(path, arguments)?);
    }
    if arguments.modules.is_empty() {
        match softhsm2() {
            Some(path) => all.push(softhsm2_in_folder(&path)?),
            None => eprintln!("SoftHSM2 is not installed (Debian: apt-get install softhsm2)"),
        }
    }
    Ok(all)
}

fn coffer() -> anyhow::Result<Candidate> {
    let daemon = Daemon::start();
    let target = Target {
        module: module(),
        label: DEV.to_owned(),
        pin: PIN.to_owned(),
        so_pin: None,
        socket: Some(daemon.socket()),
    };
    let mut command = worker()?;
    command.env("COFFER_SOCKET", daemon.socket()).env_remove("COFFER_LOG");
    Candidate::start("Coffer", command, &target, Needs::Daemon(daemon))
}

/// SoftHSM2 with a token that is thrown away.
fn softhsm2_in_folder(path: &Path) -> anyhow::Result<Candidate> {
    let folder = tempfile::tempdir()?;
    let (tokens, configuration) =
        (folder.path().join("tokens"), folder.path().join("softhsm2.conf"));
    std::fs::create_dir(&tokens)?;
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&configuration, text)?;
    let target = Target {
        module: path.to_owned(),
        label: "bench".to_owned(),
        pin: PIN.to_owned(),
        so_pin: Some(SO_PIN.to_owned()),
        socket: None,
    };
    let mut command = worker()?;
    command.env("SOFTHSM2_CONF", configuration);
    Candidate::start("SoftHSM2", command, &target, Needs::Folder(folder))
}

fn other(path: &Path, arguments: &Arguments) -> anyhow::Result<Candidate> {
    let target = Target {
        module: path.to_owned(),
        label: arguments.token.clone(),
        pin: arguments.pin.clone(),
        so_pin: None,
        socket: None,
    };
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    Candidate::start(name.trim_start_matches("lib"), worker()?, &target, Needs::Nothing)
}

fn worker() -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

impl Candidate {
    fn start(
        name: &str,
        mut command: Command,
        target: &Target,
        needs: Needs,
    ) -> anyhow::Result<Self> {
        let mut worker = command.spawn().context("cannot start a worker")?;
        let orders = worker.stdin.take();
        let outcomes = BufReader::new(worker.stdout.take().context("the worker has no output")?);
        let mut started = Self { name: name.to_owned(), _needs: needs, worker, orders, outcomes };
        match started.exchange(&serde_json::to_string(target)?)? {
            Outcome::Ready => Ok(started),
            Outcome::Failed(reason) => bail!("{name}: {reason}"),
            Outcome::Measured(_) | Outcome::NotOffered => bail!("{name}: an unexpected answer"),
        }
    }

    /// Lets the worker measure.
    pub(super) fn measure(&mut self, order: &Order) -> anyhow::Result<Outcome> {
        self.exchange(&serde_json::to_string(order)?)
            .with_context(|| format!("{}, {}", self.name, order.case))
    }

    fn exchange(&mut self, line: &str) -> anyhow::Result<Outcome> {
        let orders = self.orders.as_mut().context("the worker has no input")?;
        writeln!(orders, "{line}").context("the worker has ended")?;
        let mut answer = String::new();
        if self.outcomes.read_line(&mut answer)? == 0 {
            bail!("the worker of {} has ended", self.name);
        }
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        // The end of its input is the end of the worker, before that of what it needs.
        drop(self.orders.take());
        let _ = self.worker.wait();
    }
}
