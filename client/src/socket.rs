//! Where the daemon listens, and whether who listens there may be trusted with a request.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::{self as sys, sockopt};
use nix::sys::time::TimeVal;
use nix::unistd::{User, geteuid};

use crate::Error;

/// Where KMS and PKCS#11 requests are answered, unless `COFFER_SOCKET` says otherwise.
pub const APP_SOCKET: &str = "/run/coffer/coffer.sock";
/// Where administration is answered, unless `COFFER_ADMIN_SOCKET` says otherwise.
pub const ADMIN_SOCKET: &str = "/run/coffer/admin.sock";
/// The user that the daemon runs as.
pub const DAEMON_USER: &str = "coffer";

/// The socket of the environment, or the default one, for KMS and PKCS#11 requests.
pub fn app_path() -> PathBuf {
    from_environment("COFFER_SOCKET", APP_SOCKET)
}

/// The socket of the environment, or the default one, for administration.
pub fn admin_path() -> PathBuf {
    from_environment("COFFER_ADMIN_SOCKET", ADMIN_SOCKET)
}

fn from_environment(variable: &str, default: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) if !path.is_empty() => path.into(),
        _ => default.into(),
    }
}

/// Connects; a listener that does not take the connection within `limit` counts as away.
pub(crate) fn connect(path: &Path, limit: Duration) -> io::Result<OwnedFd> {
    let socket = sys::socket(
        sys::AddressFamily::Unix,
        sys::SockType::Stream,
        sys::SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    set_send_limit(&socket, limit)?;
    sys::connect(socket.as_raw_fd(), &sys::UnixAddr::new(path)?)?;
    Ok(socket)
}

/// Limits how long one write, or connecting, may wait for room.
pub(crate) fn set_send_limit(socket: &OwnedFd, limit: Duration) -> io::Result<()> {
    // Nothing at all would mean no limit (socket(7)).
    let limit = limit.max(Duration::from_millis(1));
    let seconds = i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
    let limit = TimeVal::new(seconds, i64::from(limit.subsec_micros()));
    Ok(sys::setsockopt(socket, sockopt::SendTimeout, &limit)?)
}

/// Refuses a listener that is neither root, the daemon's user, nor the caller itself.
pub(crate) fn check_listener(socket: &impl AsFd) -> Result<(), Error> {
    let peer =
        sys::getsockopt(socket, sockopt::PeerCredentials).map_err(|e| Error::Lost(e.into()))?;
    if is_trusted(peer.uid(), geteuid().as_raw(), daemon_uid) {
        Ok(())
    } else {
        Err(Error::Untrusted { uid: peer.uid() })
    }
}

/// The user database is asked only where the answer depends on it.
fn is_trusted(uid: u32, own: u32, daemon: impl FnOnce() -> Option<u32>) -> bool {
    uid == 0 || uid == own || daemon() == Some(uid)
}

fn daemon_uid() -> Option<u32> {
    User::from_name(DAEMON_USER).ok().flatten().map(|user| user.uid.as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_the_daemon_and_the_caller_are_trusted() {
        let daemon = || Some(990);
        assert!(is_trusted(0, 1000, daemon));
        assert!(is_trusted(990, 1000, daemon));
        assert!(is_trusted(1000, 1000, || None));
        assert!(!is_trusted(1001, 1000, daemon));
        assert!(!is_trusted(990, 1000, || None));
    }
}
