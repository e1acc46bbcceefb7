//! The sockets without the client library: peers that break the protocol, waste what is shared, or are slow harm
//! themselves only.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod hostile;
mod memory;
mod mutated;
mod shares;
mod waste;

use coffer_protocol::handshake::Role;
use coffer_protocol::operation::kms::GenerateRandom;
use coffer_protocol::operation::system::GetStatus;
use coffer_tests::daemon::Daemon;
use coffer_tests::wire::{Wire, frame_of};

/// Nothing that hostile peers did has ended the daemon.
fn assert_serves(daemon: &Daemon, pid: nix::unistd::Pid) {
    assert_eq!(daemon.pid(), pid);
    let mut wire = Wire::open(&daemon.socket(), Role::Service);
    let reply = wire.ask(&frame_of(&GenerateRandom { length: 16 }, &[], 7));
    assert_eq!((reply.code(), reply.payload.len()), (None, 16));
}

/// A request that every state of the daemon answers.
fn status(request_id: u64) -> Vec<u8> {
    frame_of(&GetStatus {}, &[], request_id)
}
