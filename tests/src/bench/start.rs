//! A process that begins, finds its key, and uses it once: started by a worker, to be measured.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::exchange::Target;
use super::failure::Failure;
use super::keys::P256_LABEL;
use super::token::{find, initialized, pin};

/// What is signed.
pub(super) const DIGEST: [u8; 32] = [0x11; 32];

/// What the process does.
#[derive(Serialize, Deserialize)]
struct Task {
    target: Target,
    /// The signature to verify without a login; without one it logs in and signs.
    signature: Option<Vec<u8>>,
}

/// What the process says at its end.
#[derive(Serialize, Deserialize)]
struct Said {
    /// The monotonic clock after the key was used.
    done: Duration,
    login: Duration,
}

/// How long a process took.
pub(super) struct Started {
    /// From before it was made to the end of the operation.
    pub(super) whole: Duration,
    /// What of this was C_Login.
    pub(super) login: Duration,
}

/// Starts a process and waits for its end.
pub(super) fn start(target: &Target, signature: Option<&[u8]>) -> Result<Started, Failure> {
    let words = |error: serde_json::Error| Failure(error.to_string());
    let task = Task { target: target.clone(), signature: signature.map(<[u8]>::to_vec) };
    let task = serde_json::to_string(&task).map_err(words)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("start").arg(task).stdin(Stdio::null());
    let begun = now()?;
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure(said.trim().trim_start_matches("coffer-bench: ").to_owned()));
    }
    let said: Said = serde_json::from_slice(&output.stdout).map_err(words)?;
    Ok(Started { whole: said.done.saturating_sub(begun), login: said.login })
}

/// The process itself.
pub(super) fn child(task: &str) -> anyhow::Result<()> {
    let task: Task = serde_json::from_str(task).context("the task")?;
    let login = use_key(&task).map_err(|failure| anyhow!("{failure}"))?;
    let said = Said { done: now().map_err(|failure| anyhow!("{failure}"))?, login };
    println!("{}", serde_json::to_string(&said)?);
    Ok(())
}

fn use_key(task: &Task) -> Result<Duration, Failure> {
    let pkcs11 = initialized(&task.target)?;
    let slot = find(&pkcs11, &task.target.label)?;
    let session = pkcs11.open_ro_session(slot)?;
    let class = match task.signature {
        Some(_) => ObjectClass::PUBLIC_KEY,
        None => ObjectClass::PRIVATE_KEY,
    };
    let begun = Instant::now();
    if task.signature.is_none() {
        session.login(UserType::User, Some(&pin(&task.target.pin)))?;
    }
    let login = begun.elapsed();
    let template = [Attribute::Class(class), Attribute::Label(P256_LABEL.into())];
    let missing = || Failure("the key was not found".to_owned());
    let key = *session.find_objects(&template)?.first().ok_or_else(missing)?;
    match &task.signature {
        Some(signature) => session.verify(&Mechanism::Ecdsa, key, &DIGEST, signature)?,
        None => drop(session.sign(&Mechanism::Ecdsa, key, &DIGEST)?),
    }
    Ok(login)
}

/// A clock that all processes share.
fn now() -> Result<Duration, Failure> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(std::io::Error::from)?;
    Ok(time.into())
}
