//! Who is at the other end of a socket, as the kernel said when it connected.

use std::os::unix::net::UnixStream;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

/// The peer of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// User id.
    pub(super) uid: u32,
    /// Group id.
    pub(super) gid: u32,
    /// Process id; it may be reused, so it never decides anything.
    pub(super) pid: i32,
    /// The systemd unit of the process.
    pub(super) unit: Option<String>,
}

impl Peer {
    pub(super) fn of(stream: &UnixStream) -> std::io::Result<Self> {
        let credentials = getsockopt(stream, PeerCredentials)?;
        let pid = credentials.pid();
        let unit = std::fs::read_to_string(format!("/proc/{pid}/cgroup"))
            .ok()
            .and_then(|cgroups| unit_of(&cgroups));
        Ok(Self { uid: credentials.uid(), gid: credentials.gid(), pid, unit })
    }
}

/// The unit of a process by its cgroup: the innermost service or scope in the version 2 line.
fn unit_of(cgroups: &str) -> Option<String> {
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let is_unit = |part: &&str| matches!(part.rsplit_once('.'), Some((_, "service" | "scope")));
    let unit = path.rsplit('/').find(is_unit)?;
    (unit.len() <= 255).then(|| unit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_innermost_service_or_scope() {
        let unit = |text: &str| unit_of(text);
        assert_eq!(unit("0::/system.slice/nginx.service\n"), Some("nginx.service".to_owned()));
        assert_eq!(
            unit(
                "1:cpu:/x\n0::/user.slice/user-1.slice/user@1.service/app.slice/run-1.scope/sub\n"
            ),
            Some("run-1.scope".to_owned())
        );
        assert_eq!(unit("0::/\n"), None);
        assert_eq!(unit(""), None);
    }

    #[test]
    fn a_peer_on_this_host_is_this_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.uid, nix::unistd::getuid().as_raw());
        assert_eq!(peer.pid, nix::unistd::getpid().as_raw());
    }
}
