//! The listening sockets: from systemd where it started us, else bound to the configured paths.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};

use crate::config::Config;

/// Both listeners.
#[derive(Debug)]
pub struct Listeners {
    /// For applications.
    pub app: UnixListener,
    /// For administration.
    pub admin: UnixListener,
    /// Removes the files of the sockets that were bound here.
    pub(super) removal: Removal,
}

/// Names of the sockets in `FileDescriptorName=` of the units.
const APP: &str = "coffer";
const ADMIN: &str = "coffer-admin";

impl Listeners {
    /// Takes the sockets from systemd, or binds them.
    ///
    /// # Errors
    ///
    /// A text that names the socket and what is wrong.
    pub fn open(config: &Config) -> Result<Self, String> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut given = listenfd::ListenFd::from_env();
        let (mut app, mut admin) = (None, None);
        for index in 0..given.len() {
            let listener = given.take_unix_listener(index).map_err(|error| {
                format!("descriptor {index} from systemd is no socket: {error}")
            })?;
            match names.split(':').nth(index) {
                Some(APP) => app = listener,
                Some(ADMIN) => admin = listener,
                other => return Err(format!("socket {other:?} from systemd is unknown")),
            }
        }
        let mut bound = Vec::new();
        let mut or_bind = |taken: Option<UnixListener>, path: &Path, mode: u32| match taken {
            Some(listener) => Ok(listener),
            None => bind(path, mode).inspect(|_| bound.push(path.to_owned())),
        };
        let app = or_bind(app, &config.socket, 0o660)?;
        let admin = or_bind(admin, &config.admin_socket, 0o600)?;
        for listener in [&app, &admin] {
            listener.set_nonblocking(true).map_err(|error| error.to_string())?;
        }
        Ok(Self { app, admin, removal: Removal(bound) })
    }
}

/// Removes the files of sockets when it is dropped.
#[derive(Debug)]
pub(super) struct Removal(Vec<PathBuf>);

impl Drop for Removal {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Binds a socket that never exists with wider rights than it is meant to have.
fn bind(path: &Path, mode: u32) -> Result<UnixListener, String> {
    if UnixStream::connect(path).is_ok() {
        return Err(format!("{} is in use: another cofferd runs", path.display()));
    }
    if path.exists() {
        std::fs::remove_file(path)
            .map_err(|error| format!("{} cannot be replaced: {error}", path.display()))?;
    }
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    umask(before);
    let listener =
        listener.map_err(|error| format!("{} cannot be bound: {error}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|error| format!("{} cannot be given its mode: {error}", path.display()))?;
    Ok(listener)
}
