//! The bar that shows how far a command is: on a terminal only.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Stdio;
use std::time::{Duration, Instant};

use coffer_tests::daemon::{DEADLINE, Daemon};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::envelope::{MIB, coffer, daemon, pattern, run};

/// Feeds an encryption until its bar is on the terminal, or for so long; returns what was on the terminal.
fn feed(daemon: &Daemon, stderr: Stdio, terminal: &File, time: Duration) -> String {
    let mut command = coffer(daemon, "encrypt --key files --envelope");
    let mut child = command.stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
    // Else the test holds the terminal's other end open, too.
    drop(command);
    let mut input = child.stdin.take().unwrap();
    let (begun, mut shown) = (Instant::now(), Vec::new());
    while begun.elapsed() < time && !shown.ends_with(b"/s") {
        input.write_all(&[7; 4096]).unwrap();
        shown.extend(read_within(terminal, 10));
        while shown.last() == Some(&b' ') {
            shown.pop();
        }
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    let cleared = read_within(terminal, 100);
    assert!(shown.is_empty() || cleared.ends_with(b" \r"), "{cleared:?}");
    String::from_utf8(shown).unwrap()
}

/// What can be read until nothing comes for so many milliseconds.
fn read_within(terminal: &File, milliseconds: u8) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let mut fds = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::from(milliseconds)).unwrap() == 0 {
            return all;
        }
        match nix::unistd::read(terminal, &mut buffer) {
            Ok(length @ 1..) => all.extend_from_slice(&buffer[..length]),
            // Nobody has the other end any more.
            Ok(0) | Err(_) => return all,
        }
    }
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_not_in_a_pipe() {
    let daemon = daemon();
    let pty = nix::pty::openpty(None, None).unwrap();
    let (terminal, other) = (File::from(pty.master), pty.slave);
    assert!(other.as_raw_fd() > 2);
    let shown = feed(&daemon, Stdio::from(other.try_clone().unwrap()), &terminal, DEADLINE);
    assert!(shown.starts_with("\rEncrypting  ") && shown.contains("KiB, "), "{shown:?}");

    let (reader, writer) = std::io::pipe().unwrap();
    let reader = File::from(OwnedFd::from(reader));
    let shown = feed(&daemon, Stdio::from(writer), &reader, Duration::from_secs(2));
    assert_eq!(shown, "");
    let output = run(coffer(&daemon, "encrypt --key files --envelope"), pattern(MIB));
    assert!(output.stderr.is_empty());
}
