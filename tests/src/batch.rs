//! `coffer call --batch`: many requests over one connection, as JSON.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::daemon::{Daemon, binaries};

/// What is said of a request to a daemon that is not there, or went away.
const GONE: &str = "UnsupportedOperation.ServiceTemporaryUnavailable";

/// A running `coffer call --batch`.
#[derive(Debug)]
pub struct Batch {
    child: Child,
    input: Option<ChildStdin>,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Batch {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// Where the command is not built.
    pub fn open(daemon: &Daemon) -> Self {
        let mut child = daemon
            .command(binaries().join("coffer"))
            .args(["call", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("coffer is built");
        let output = child.stdout.take().expect("piped");
        Self { input: child.stdin.take(), replies: BufReader::new(output).lines(), child }
    }

    /// Sends one request; its reply, or `{"Error": …}`.
    ///
    /// # Panics
    ///
    /// Where the command ends.
    pub fn ask(&mut self, action: &str, request: &Value) -> Value {
        let line = json!({ "Action": action, "Request": request });
        let input = self.input.as_mut().expect("open until dropped");
        writeln!(input, "{line}").expect("the command reads");
        let reply = self.replies.next().expect("the command answers").expect("in text");
        serde_json::from_str(&reply).expect("in JSON")
    }

    /// Sends one request that must succeed.
    ///
    /// # Panics
    ///
    /// Where it does not.
    #[track_caller]
    pub fn call(&mut self, action: &str, request: &Value) -> Value {
        let reply = self.ask(action, request);
        assert!(reply["Error"].is_null(), "{action} {request}: {reply}");
        reply
    }

    /// Sends one request that must be refused; its code.
    ///
    /// # Panics
    ///
    /// Where it is not.
    #[track_caller]
    pub fn refused(&mut self, action: &str, request: &Value) -> String {
        let reply = self.ask(action, request);
        let code = reply["Error"]["Code"].as_str();
        code.unwrap_or_else(|| panic!("{action} {request} was not refused: {reply}")).to_owned()
    }

    /// Sends one request that must succeed, unless the daemon goes away: then `None`.
    ///
    /// # Panics
    ///
    /// Where a daemon that is there refuses it.
    #[track_caller]
    pub fn call_if_there(&mut self, action: &str, request: &Value) -> Option<Value> {
        let reply = self.ask(action, request);
        if reply["Error"]["Code"] == GONE {
            return None;
        }
        assert!(reply["Error"].is_null(), "{action} {request}: {reply}");
        Some(reply)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
