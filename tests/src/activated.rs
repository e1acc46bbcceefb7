//! A service whose sockets somebody else holds, as systemd does: they stay open while it is restarted.

use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::daemon::binaries;
use crate::process;

/// Puts the sockets where the protocol of sd_listen_fds(3) has them.
const ACTIVATE: &str = r#"exec 3<&"$1" 4<&"$2"
LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=coffer:coffer-admin exec "$3" --config "$4""#;

/// The sockets, and the service while it runs.
#[derive(Debug)]
pub struct Activated {
    configuration: PathBuf,
    sockets: [UnixListener; 2],
    child: Option<Child>,
}

impl Activated {
    /// A new store with the partition `dev`, and a service that serves it.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    pub fn start(directory: &Path) -> Self {
        let configuration = directory.join("cofferd.toml");
        let (folder, owner) = (directory.display(), nix::unistd::getuid());
        let text = format!(
            "state_directory = '{folder}'\nowner_uid = {owner}\nsecret_memory = 'locked'\n\
             socket = '{folder}/coffer.sock'\nadmin_socket = '{folder}/admin.sock'\n"
        );
        std::fs::write(&configuration, text).expect("the folder is there");
        let made = Command::new(binaries().join("cofferd"))
            .args(["init", "--locked-memory", "--partition", "dev", "--dir"])
            .arg(directory)
            .arg("--keyfile")
            .arg(directory.join("root.key"))
            .output()
            .expect("cofferd is built");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let sockets = ["coffer.sock", "admin.sock"].map(|name| {
            let socket = UnixListener::bind(directory.join(name)).expect("the folder is there");
            fcntl(&socket, FcntlArg::F_SETFD(FdFlag::empty())).expect("it is open");
            socket
        });
        let mut service = Self { configuration, sockets, child: None };
        service.start_again();
        service
    }

    /// Starts the service on its store and sockets; clients wait in the sockets until it serves.
    ///
    /// # Panics
    ///
    /// Where bash or the service is not there.
    pub fn start_again(&mut self) {
        let numbers = self.sockets.each_ref().map(|socket| RawFd::to_string(&socket.as_raw_fd()));
        let child = Command::new("bash")
            .args(["-c", ACTIVATE, "bash"])
            .args(numbers)
            .arg(binaries().join("cofferd"))
            .arg(&self.configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("bash is installed");
        self.child = Some(child);
    }

    /// Stops it, so that what is asked of it waits.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn stop(&self) {
        process::stop(self.pid());
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it can be signalled");
    }

    fn pid(&self) -> Pid {
        let child = self.child.as_ref().expect("it runs");
        Pid::from_raw(i32::try_from(child.id()).expect("process ids are positive"))
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.take().expect("it runs").wait().expect("it can be waited for")
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
