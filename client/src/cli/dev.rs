//! `coffer dev`: a whole HSM in one command, gone with it unless its directory was named.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use anyhow::Context;
use coffer_client::kms::Kms;
use coffer_client::{ConnectOptions, Role};
use coffer_protocol::weak::WeakKeys;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::daemon::{Daemon, Start};
use super::place::{Environment, Place};
use super::signals::{self, Signals};
use super::{Problem, output};

/// The partition that is made when none is named.
const PARTITION: &str = "dev";

/// Arguments of `coffer dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct DevArguments {
    /// Keep everything here, to be started again with its keys; a temporary directory when left out
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A partition to make, `dev` when left out; may be repeated
    #[arg(long = "partition", value_name = "NAME")]
    partitions: Vec<String>,
    /// PIN of the users, for trying out only: others can read it
    #[arg(long, value_parser = parse_pin, default_value = "1234", hide_default_value = true)]
    pin: SecretString,
    /// PIN of the security officers
    #[arg(long, value_parser = parse_pin, default_value = "12345678", hide_default_value = true)]
    so_pin: SecretString,
    /// Add the seconds in this file to the clock; a second number there is for the boot clock alone
    #[arg(long, value_name = "FILE")]
    clock_file: Option<PathBuf>,
    /// What may be done with weak keys, such as RSA-1024: refuse, use (what is old), or make
    #[arg(long, value_name = "WHAT", default_value_t, hide_default_value = true)]
    weak_keys: WeakKeys,
    /// Run this in the environment of the new HSM, and stop with it
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// Runs it until COMMAND ends, or somebody stops it.
pub(crate) fn run(mut arguments: DevArguments) -> Result<u8, Problem> {
    if arguments.partitions.is_empty() {
        arguments.partitions.push(PARTITION.to_owned());
    }
    let signals = Signals::take()?;
    let place = Place::open(arguments.dir.as_deref())?;
    let (mut daemon, ready) = Daemon::start(
        &place.directory,
        daemon_arguments(&place, &arguments)?,
        &pins(&arguments),
        &signals,
    )?;
    if let Start::Interrupted(signal) = daemon.wait_ready(ready)? {
        return Ok(status_of_signal(signal));
    }
    let environment = Environment::new(&place, &arguments.partitions[0])?;
    environment.write(&place.environment_file())?;
    warn_of_weak_memory(&place.socket())?;
    if let Some((program, rest)) = arguments.command.split_first() {
        let mut command = signals::command(program)?;
        command.args(rest).envs(environment.0);
        attend(command, &mut daemon, &signals)
    } else {
        explain(&place, &arguments.partitions)?;
        serve(&mut daemon, &signals)
    }
}

fn daemon_arguments(place: &Place, arguments: &DevArguments) -> anyhow::Result<Vec<OsString>> {
    let mut words: Vec<OsString> =
        vec!["--dev".into(), "--dir".into(), place.directory.clone().into()];
    for partition in &arguments.partitions {
        words.extend(["--partition".into(), partition.into()]);
    }
    words.extend(["--owner".into(), geteuid().to_string().into()]);
    if arguments.weak_keys != WeakKeys::default() {
        words.extend(["--weak-keys".into(), arguments.weak_keys.to_string().into()]);
    }
    if let Some(file) = &arguments.clock_file {
        let file = std::path::absolute(file).context("cannot name the clock file")?;
        words.extend(["--clock-file".into(), file.into()]);
    }
    Ok(words)
}

/// Both PINs, each with a NUL after it.
fn pins(arguments: &DevArguments) -> Zeroizing<Vec<u8>> {
    let (so_pin, pin) = (arguments.so_pin.expose_secret(), arguments.pin.expose_secret());
    let mut pins = Zeroizing::new(Vec::with_capacity(so_pin.len() + pin.len() + 2));
    for pin in [so_pin, pin] {
        pins.extend_from_slice(pin.as_bytes());
        pins.push(0);
    }
    pins
}

/// Waits until somebody stops the command.
fn serve(daemon: &mut Daemon<'_>, signals: &Signals) -> Result<u8, Problem> {
    loop {
        match signals.wait()? {
            Signal::SIGCHLD => daemon.check()?,
            _ => return Ok(0),
        }
    }
}

/// Runs the command to its end; the daemon's end is told at once, and is the result.
fn attend(mut command: Command, daemon: &mut Daemon<'_>, signals: &Signals) -> Result<u8, Problem> {
    let mut child = command.spawn().context("cannot start another process")?;
    let mut ended = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(ended.unwrap_or_else(|| status_of(status)));
        }
        match signals.wait()? {
            Signal::SIGCHLD if ended.is_none() => {
                ended = daemon.check().err().map(|problem| problem.report(false));
            }
            // A Ctrl-C at the terminal has reached the command already.
            Signal::SIGCHLD | Signal::SIGINT => {}
            signal => forward(&child, signal)?,
        }
    }
}

fn forward(child: &Child, signal: Signal) -> anyhow::Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(child.id())?), signal)?)
}

/// The exit status as a shell reports it.
fn status_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn status_of_signal(signal: Signal) -> u8 {
    u8::try_from(128 + signal as i32).unwrap_or(1)
}

fn explain(place: &Place, partitions: &[String]) -> io::Result<()> {
    output::text(&format!(
        "Coffer serves partition {} in {}.\n\n  \
         . {}\n  \
         coffer key create app\n  \
         echo secret | coffer encrypt --key app --base64\n  \
         pkcs11-tool --module \"$COFFER_PKCS11_MODULE\" --list-slots\n\n\
         The user's PIN is 1234 and the security officer's 12345678, unless you gave others.\n\
         {} Ctrl-C stops it.",
        partitions.join(", "),
        place.directory.display(),
        place.environment_file().display(),
        if place.temporary { "Its keys are gone when it stops." } else { "Its keys are kept." },
    ))
}

fn warn_of_weak_memory(socket: &Path) -> Result<(), Problem> {
    let options = ConnectOptions::new(Role::Service, "coffer dev");
    let status = Kms::open(socket, &options)
        .map_err(|error| Problem::connecting(error, socket.to_owned()))?
        .daemon_status()?;
    if status.secret_memory != "memfd_secret" {
        eprintln!(
            "coffer: warning: this kernel gives no secret memory (memfd_secret), so keys are in locked \
             memory, which root can read. Start it with secretmem.enable=1; `coffer doctor` says more."
        );
    }
    Ok(())
}

fn parse_pin(text: &str) -> Result<SecretString, String> {
    if (4..=255).contains(&text.len()) {
        Ok(text.into())
    } else {
        Err("a PIN has 4 to 255 bytes".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_reported_as_a_shell_reports_them() {
        assert_eq!(status_of(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(status_of(ExitStatus::from_raw(15)), 143);
    }
}
