//! The program that is run once for each alarm.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Child, ExitStatus, Stdio};

use anyhow::Context;
use coffer_protocol::message::Message;
use coffer_protocol::operation::kms::Alarm;
use nix::sys::signal::Signal;

use super::super::signals::{self, Signals};

/// A program with its arguments.
#[derive(Debug)]
pub(super) struct Program<'a>(pub(super) &'a [OsString]);

/// How waiting for it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// Go on.
    GoOn,
    /// Somebody wants this command to end; the program was waited for.
    Stop,
}

impl Program<'_> {
    /// Runs it with the alarm as JSON on its standard input, and waits for its end.
    ///
    /// A program that fails is told of on standard error, and nothing more: the next alarm is not its fault.
    pub(super) fn run(&self, alarm: &Alarm, signals: &Signals) -> anyhow::Result<Ran> {
        let Some((program, arguments)) = self.0.split_first() else { return Ok(Ran::GoOn) };
        let mut command = signals::command(program)?;
        command.args(arguments).envs(environment(alarm)).stdin(Stdio::piped());
        let mut child = command.spawn().context("cannot start another process")?;
        let mut line = serde_json::to_vec(&alarm.to_json(&[]))?;
        line.push(b'\n');
        // A pipe holds it all, so this does not wait; a program need not read it.
        let _ = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(&line));
        let (status, ran) = wait(&mut child, signals)?;
        if !status.success() {
            let name = program.to_string_lossy();
            eprintln!("coffer: {name} failed for alarm {}: {status}", alarm.number);
        }
        Ok(ran)
    }
}

/// Waits for the end of the program, also when it is this command that shall end.
fn wait(child: &mut Child, signals: &Signals) -> anyhow::Result<(ExitStatus, Ran)> {
    let mut ran = Ran::GoOn;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, ran));
        }
        match signals.wait()? {
            Signal::SIGCHLD => {}
            _ if ran == Ran::GoOn => ran = Ran::Stop,
            // Asked twice: not even the program is waited for any longer.
            _ => child.kill()?,
        }
    }
}

/// What there is to say of the alarm, for programs that read no JSON.
fn environment(alarm: &Alarm) -> impl Iterator<Item = (&'static str, String)> {
    let fields = [
        ("COFFER_ALARM_NUMBER", Some(alarm.number.to_string())),
        ("COFFER_ALARM_TYPE", Some(alarm.kind.clone())),
        ("COFFER_ALARM_SEVERITY", Some(alarm.severity.clone())),
        ("COFFER_ALARM_TIME", Some(alarm.time.to_string())),
        ("COFFER_ALARM_PARTITION", alarm.partition.clone()),
        ("COFFER_ALARM_KEY_ID", alarm.key_id.clone()),
        ("COFFER_ALARM_OPERATION", alarm.operation.clone()),
        ("COFFER_ALARM_UID", alarm.uid.map(|uid| uid.to_string())),
    ];
    // A text with a NUL would make the start fail.
    let fit = |text: String| text.replace('\0', "\u{fffd}");
    fields.into_iter().filter_map(move |(name, value)| Some((name, fit(value?))))
}
