//! A `coffer dev` of a test's own: store, sockets, module and command, gone when the test ends.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The user PIN of every partition.
pub const PIN: &str = "1234";
/// The security officer's PIN of every partition.
pub const SO_PIN: &str = "12345678";
/// How long anything that is waited for may take.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// A daemon that runs.
#[derive(Debug)]
pub struct Daemon {
    directory: PathBuf,
    /// Gone with the daemon, where the folder is its own.
    _temporary: Option<tempfile::TempDir>,
    child: Option<Child>,
}

/// Names a folder with `coffer`, `cofferd` and `libcoffer_pkcs11.so` that the tests use instead of those that
/// cargo built with them: how they test a daemon that was built with other features.
pub const BINARIES: &str = "COFFER_TEST_BINARIES";

/// The binaries under test: in the folder that [`BINARIES`] names, or where cargo put them, which is the folder
/// of this one, without the `deps` in which tests are.
///
/// # Panics
///
/// Where this binary is not in a folder.
pub fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os(BINARIES) {
        return folder.into();
    }
    let this = std::env::current_exe().expect("a process has a binary");
    let folder = this.parent().expect("in a folder");
    match folder.parent() {
        Some(profile) if folder.ends_with("deps") => profile.to_owned(),
        _ => folder.to_owned(),
    }
}

/// The PKCS#11 module.
pub fn module() -> PathBuf {
    binaries().join("libcoffer_pkcs11.so")
}

impl Daemon {
    /// A daemon with a new store and the partition `dev`.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A daemon with a new store and more arguments for `coffer dev`.
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn start_with(arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let directory = temporary.path().to_owned();
        let mut daemon = Self { directory, _temporary: Some(temporary), child: None };
        daemon.start_again(arguments);
        daemon
    }

    /// A daemon with its store in a folder that outlives it.
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn start_in(directory: &Path) -> Self {
        Self::start_in_with(directory, &[])
    }

    /// The same with more arguments for `coffer dev`.
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn start_in_with(directory: &Path, arguments: &[&str]) -> Self {
        let mut daemon = Self { directory: directory.to_owned(), _temporary: None, child: None };
        daemon.start_again(arguments);
        daemon
    }

    /// A service with a new store, the partition `dev` and more lines in its configuration, as systemd starts it:
    /// what it logs is in [`Daemon::log`].
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn serve(configuration: &str) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let directory = temporary.path().to_owned();
        let mut daemon = Self { directory, _temporary: Some(temporary), child: None };
        let (folder, owner) = (daemon.directory.display(), nix::unistd::getuid());
        let configuration = format!(
            "state_directory = '{folder}'\nsocket = '{folder}/coffer.sock'\nadmin_socket = '{folder}/admin.sock'\n\
             owner_uid = {owner}\nsecret_memory = 'locked'\n{configuration}"
        );
        std::fs::write(daemon.configuration(), configuration).expect("the folder is there");
        let made = Command::new(binaries().join("cofferd"))
            .args(["init", "--locked-memory", "--partition", "dev", "--dir"])
            .arg(&daemon.directory)
            .arg("--keyfile")
            .arg(daemon.directory.join("root.key"))
            .output()
            .expect("cofferd is built");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        daemon.serve_again();
        daemon
    }

    /// Starts the service on the store that it has.
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn serve_again(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_file());
        let log = log.expect("the folder is there");
        let file = log.metadata().expect("it is open");
        let child = Command::new(binaries().join("cofferd"))
            .arg("--config")
            .arg(self.configuration())
            .env("JOURNAL_STREAM", format!("{}:{}", file.dev(), file.ino()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("cofferd is built");
        self.wait_for(child);
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("cofferd.toml")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join("journal")
    }

    /// What the service has logged.
    ///
    /// # Panics
    ///
    /// Where it is none.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).expect("it was started as a service")
    }

    /// Starts it on the store that it has.
    ///
    /// # Panics
    ///
    /// Where it does not serve in time.
    pub fn start_again(&mut self, arguments: &[&str]) {
        let child = self.dev(arguments, Stdio::inherit());
        self.wait_for(child);
    }

    /// Waits until a daemon that was started serves.
    fn wait_for(&mut self, mut child: Child) {
        let begun = Instant::now();
        while !self.serves() {
            let ended = child.try_wait().expect("the child can be waited for");
            assert!(ended.is_none(), "it ended: {ended:?}");
            assert!(begun.elapsed() < DEADLINE, "it does not serve");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child = Some(child);
    }

    fn dev(&self, arguments: &[&str], errors: Stdio) -> Child {
        Command::new(binaries().join("coffer"))
            .args(["dev", "--dir"])
            .arg(&self.directory)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("coffer is built; run `cargo build --workspace` with the profile of the tests")
    }

    /// Starts it on the store that it has, and kills it a while later, wherever it is then.
    ///
    /// # Panics
    ///
    /// Where it cannot be killed.
    pub fn start_and_kill(&mut self, after: Duration) {
        // What `coffer dev` says of a daemon that was killed is no news.
        let child = self.dev(&[], Stdio::null());
        std::thread::sleep(after);
        match daemon_of(&child) {
            Some(pid) => kill(pid, Signal::SIGKILL).expect("cofferd can be killed"),
            None => kill(pid_of(&child), Signal::SIGTERM).expect("coffer dev can be stopped"),
        }
        self.child = Some(child);
        self.wait_killed();
    }

    fn serves(&self) -> bool {
        self.coffer(&["call", "GetStatus"]).status.success()
    }

    /// The folder of store and sockets.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The socket for applications.
    pub fn socket(&self) -> PathBuf {
        self.directory.join("coffer.sock")
    }

    /// The socket for administration.
    pub fn admin_socket(&self) -> PathBuf {
        self.directory.join("admin.sock")
    }

    /// The daemon's process: the child of `coffer dev` that is `cofferd`.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn pid(&self) -> Pid {
        let found = daemon_of(self.child.as_ref().expect("it runs"));
        found.expect("cofferd is a child of coffer dev")
    }

    /// Kills the daemon as a crash would, and waits until `coffer dev` has noticed.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn kill(&mut self) {
        kill(self.pid(), Signal::SIGKILL).expect("cofferd can be killed");
        self.wait_killed();
    }

    /// Waits until `coffer dev` has noticed that its daemon was killed.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn wait_killed(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.wait().expect("coffer dev can be waited for");
    }

    /// Stops it as an administrator would.
    ///
    /// # Panics
    ///
    /// Where it does not run, or does not stop in time and by itself.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        kill(pid_of(&child), Signal::SIGTERM).expect("it can be stopped");
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts it again after a test has killed it: waits for the end of `coffer dev` first.
    ///
    /// # Panics
    ///
    /// Where it did not run, or does not serve in time.
    pub fn restart(&mut self) {
        let mut child = self.child.take().expect("it ran");
        child.wait().expect("coffer dev can be waited for");
        self.start_again(&[]);
    }

    /// A command in the environment of the daemon.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("COFFER_SOCKET", self.socket())
            .env("COFFER_ADMIN_SOCKET", self.admin_socket())
            .env("COFFER_PKCS11_MODULE", module())
            .env_remove("COFFER_PARTITION")
            .env_remove("COFFER_LOG");
        command
    }

    /// Runs `coffer` with arguments.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    pub fn coffer(&self, arguments: &[&str]) -> Output {
        self.coffer_with(arguments, b"")
    }

    /// Runs `coffer` with arguments and standard input.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    pub fn coffer_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(binaries().join("coffer"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("coffer is built");
        let mut stdin = child.stdin.take().expect("piped");
        std::thread::scope(|scope| {
            // Beside, as it may answer before it has read all. One that fails early does not read its input.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().expect("coffer can be waited for")
        })
    }

    /// One KMS action: its exit status and JSON.
    ///
    /// # Panics
    ///
    /// Where the output is no JSON.
    pub fn call(&self, action: &str, request: &serde_json::Value) -> (i32, serde_json::Value) {
        let output = self.coffer(&["call", action, &request.to_string()]);
        let text = String::from_utf8_lossy(&output.stdout);
        let json = serde_json::from_str(&text);
        let errors = String::from_utf8_lossy(&output.stderr);
        let json = json.unwrap_or_else(|error| panic!("{action}: {error}: {text} {errors}"));
        (output.status.code().expect("it was not killed"), json)
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("process ids are positive"))
}

/// The `cofferd` among the children of a `coffer dev`, or the one that was started itself.
fn daemon_of(dev: &Child) -> Option<Pid> {
    let parent = dev.id();
    let name = std::fs::read_to_string(format!("/proc/{parent}/comm"));
    if name.is_ok_and(|name| name.trim() == "cofferd") {
        return Some(pid_of(dev));
    }
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let found = children.unwrap_or_default().split_whitespace().find_map(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        (name.trim() == "cofferd").then(|| pid.parse().ok())?
    });
    found.map(Pid::from_raw)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = kill(pid_of(&child), Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}
