//! `coffer doctor`: looks at everything that keeps people from using Coffer, and says what to do about it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use coffer_client::admin::DaemonStatus;
use coffer_client::{Error, socket};
use nix::sys::statvfs::statvfs;
use nix::unistd::{Gid, Group, geteuid, getgroups};
use serde_json::json;

use super::target::Target;
use super::{Problem, output};

/// The group of those who may connect.
const CLIENTS: &str = "coffer-clients";
/// 1 January 2026: no clock that is right shows less.
const EARLIEST: u64 = 1_767_225_600;
/// Less room than this is too little for the audit log of a busy day.
const ENOUGH_ROOM: u64 = 256 << 20;
/// The first kernel that has secret memory on by default.
const DEFAULT_SINCE: (u32, u32) = (6, 5);

/// Arguments of `coffer doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArguments {
    /// Print one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok,
    Warn,
    Fail,
}

/// What was looked at, what was found, and what to do.
#[derive(Debug)]
struct Finding {
    name: &'static str,
    level: Level,
    text: String,
    advice: &'static str,
}

fn ok(name: &'static str, text: impl Into<String>) -> Finding {
    Finding { name, level: Level::Ok, text: text.into(), advice: "" }
}

fn warn(name: &'static str, text: impl Into<String>, advice: &'static str) -> Finding {
    Finding { name, level: Level::Warn, text: text.into(), advice }
}

fn fail(name: &'static str, text: impl Into<String>, advice: &'static str) -> Finding {
    Finding { name, level: Level::Fail, text: text.into(), advice }
}

/// Prints the findings; the exit status is 1 if one of them is a failure.
pub(crate) fn run(arguments: &DoctorArguments) -> Result<u8, Problem> {
    let findings = examine();
    for finding in &findings {
        if arguments.json {
            output::line(&json!({
                "Check": finding.name,
                "Result": finding.level.name(),
                "Finding": finding.text,
                "Advice": finding.advice,
            }))?;
            continue;
        }
        output::text(&format!(
            "{:4}  {:14}  {}",
            finding.level.name(),
            finding.name,
            finding.text
        ))?;
        if !finding.advice.is_empty() {
            output::text(&format!("{:22}  {}", "", finding.advice))?;
        }
    }
    Ok(u8::from(findings.iter().any(|finding| finding.level == Level::Fail)))
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

fn examine() -> Vec<Finding> {
    let (app, admin) = (socket::app_path(), socket::admin_path());
    let mut findings = Vec::new();
    let status = match Target::default().kms().and_then(|mut kms| Ok(kms.daemon_status()?)) {
        Ok(status) => {
            findings.extend(daemon(&status));
            Some(status)
        }
        Err(problem) => {
            findings.push(unreachable(&problem));
            None
        }
    };
    findings.push(socket_file("app socket", &app, 0o007));
    findings.push(socket_file("admin socket", &admin, 0o077));
    findings.push(membership(&app));
    findings.push(match &status {
        Some(status) => secret_memory(&status.secret_memory),
        None => kernel(),
    });
    findings.push(module());
    findings.push(clock(SystemTime::now()));
    findings.extend(status.map(|status| store(Path::new(&status.store))));
    findings
}

fn unreachable(problem: &Problem) -> Finding {
    let advice = match problem {
        Problem::Connecting { error: Error::Unreachable(cause), .. }
            if cause.kind() == io::ErrorKind::PermissionDenied =>
        {
            "Join the group coffer-clients (`usermod -aG coffer-clients USER`), then log in again."
        }
        Problem::Connecting { error: Error::Untrusted { .. }, .. } => {
            "Somebody else listens there: find out who with `ss -xlp`, and stop that process."
        }
        _ => {
            "Start it with `systemctl start cofferd.socket`, or try `coffer dev`; \
              `journalctl -u cofferd` says why it stopped."
        }
    };
    fail("daemon", problem.message(), advice)
}

fn daemon(status: &DaemonStatus) -> Vec<Finding> {
    let text = format!("version {}, {}", status.version, status.state);
    let mut findings = vec![match status.state.as_str() {
        "Operational" => ok("daemon", text),
        "Sealed" => fail("daemon", text, "Unseal it: keys cannot be used while it is sealed."),
        _ => fail("daemon", text, "See `journalctl -u cofferd` for the self-test that failed."),
    }];
    if status.mode == "DEV" {
        let advice = "Fine for trying out. For production: `coffer init`, then the systemd units.";
        findings.push(warn("mode", "runs under `coffer dev`", advice));
    }
    findings.push(ok("hardening", status.hardening.join(", ")));
    findings
}

/// A socket that the wrong people can reach is as bad as none.
fn socket_file(name: &'static str, path: &Path, forbidden: u32) -> Finding {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let text = format!("{}: {error}", path.display());
            return fail(name, text, "The daemon or its .socket unit makes it when started.");
        }
    };
    let mode = metadata.mode() & 0o777;
    let text = format!("{} has mode {mode:04o} and owner {}", path.display(), owner(&metadata));
    if !metadata.file_type().is_socket() {
        return fail(name, text, "It is no socket; remove it and start the daemon again.");
    }
    if mode & forbidden == 0 {
        ok(name, text)
    } else {
        fail(name, text, "Too many may connect: app 0660, admin 0600. Reinstall the .socket units.")
    }
}

fn owner(metadata: &Metadata) -> String {
    let user = nix::unistd::User::from_uid(metadata.uid().into()).ok().flatten();
    let group = Group::from_gid(metadata.gid().into()).ok().flatten();
    format!(
        "{}:{}",
        user.map_or_else(|| metadata.uid().to_string(), |user| user.name),
        group.map_or_else(|| metadata.gid().to_string(), |group| group.name),
    )
}

fn membership(app: &Path) -> Finding {
    let uid = geteuid();
    let owns = fs::metadata(app).is_ok_and(|metadata| metadata.uid() == uid.as_raw());
    if uid.is_root() || owns {
        return ok("membership", "you need no group to connect");
    }
    let clients = Group::from_name(CLIENTS).ok().flatten().map(|group| group.gid);
    let member = |gid: Gid| getgroups().is_ok_and(|groups| groups.contains(&gid));
    match clients {
        None => warn(
            "membership",
            format!("there is no group {CLIENTS}"),
            "`systemd-sysusers` makes it from the installed sysusers file.",
        ),
        Some(gid) if member(gid) => ok("membership", format!("you are in {CLIENTS}")),
        Some(_) => warn(
            "membership",
            format!("you are not in {CLIENTS}"),
            "`usermod -aG coffer-clients USER`, then log in again.",
        ),
    }
}

fn secret_memory(kind: &str) -> Finding {
    match kind {
        "memfd_secret" => ok("secret memory", "keys are in memfd_secret memory"),
        other => warn(
            "secret memory",
            format!("keys are in {other} memory"),
            "Start the kernel with secretmem.enable=1, so that root cannot read keys from memory.",
        ),
    }
}

/// What the kernel says while no daemon can.
fn kernel() -> Finding {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let configuration =
        fs::read_to_string(format!("/boot/config-{}", release.trim())).unwrap_or_default();
    kernel_finding(release.trim(), &command_line, &configuration)
}

fn kernel_finding(release: &str, command_line: &str, configuration: &str) -> Finding {
    let name = "secret memory";
    let setting = command_line.split_ascii_whitespace().rev().find_map(|word| {
        word.strip_prefix("secretmem.enable=").map(|value| matches!(value, "1" | "y" | "Y" | "on"))
    });
    if configuration.contains("# CONFIG_SECRETMEM is not set") {
        let advice = "Use a kernel with CONFIG_SECRETMEM=y; the service refuses to start without.";
        return fail(name, format!("kernel {release} was built without it"), advice);
    }
    let by_default = version(release).is_some_and(|version| version >= DEFAULT_SINCE);
    if setting.unwrap_or(by_default) {
        ok(name, format!("kernel {release} gives it"))
    } else {
        let advice = "Add secretmem.enable=1 to the kernel's command line; the service refuses to start \
                      without.";
        fail(name, format!("kernel {release} has it switched off"), advice)
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn module() -> Finding {
    let name = "module";
    let advice = "Build or install libcoffer_pkcs11.so beside coffer, or set COFFER_PKCS11_MODULE.";
    let path = match std::env::var_os("COFFER_PKCS11_MODULE") {
        Some(path) => PathBuf::from(path),
        None => match std::env::current_exe() {
            Ok(own) => own.with_file_name("libcoffer_pkcs11.so"),
            Err(error) => return warn(name, error.to_string(), advice),
        },
    };
    match fs::File::open(&path) {
        Ok(_) => ok(name, path.display().to_string()),
        Err(error) => warn(name, format!("{}: {error}", path.display()), advice),
    }
}

fn clock(now: SystemTime) -> Finding {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let text = output::time(i64::try_from(seconds).unwrap_or(i64::MAX));
    if seconds >= EARLIEST {
        ok("clock", text)
    } else {
        fail(
            "clock",
            text,
            "Set it: expiry and deletion of keys go by it (`timedatectl set-ntp true`).",
        )
    }
}

fn store(path: &Path) -> Finding {
    let name = "store";
    match statvfs(path) {
        Ok(system) => {
            let free = system.blocks_available() * system.fragment_size();
            let text = format!("{} has {} MiB free", path.display(), free >> 20);
            if free >= ENOUGH_ROOM {
                ok(name, text)
            } else {
                warn(
                    name,
                    text,
                    "Make room: without it the audit log stops, and with it all use of keys.",
                )
            }
        }
        // Those who may use keys need not see where they are kept.
        Err(error) => ok(name, format!("{}: {} for you", path.display(), error.desc())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_memory_follows_the_command_line_then_the_version() {
        let level = |release, line, config| kernel_finding(release, line, config).level;
        assert_eq!(level("6.12.1-amd64", "quiet", ""), Level::Ok);
        assert_eq!(level("6.5.0", "", "CONFIG_SECRETMEM=y"), Level::Ok);
        assert_eq!(level("6.1.0-30-amd64", "quiet", ""), Level::Fail);
        assert_eq!(level("6.1.0-30-amd64", "quiet secretmem.enable=1", ""), Level::Ok);
        assert_eq!(level("6.12.1", "secretmem.enable=0", ""), Level::Fail);
        assert_eq!(level("6.12.1", "", "# CONFIG_SECRETMEM is not set"), Level::Fail);
        assert_eq!(level("unknown", "", ""), Level::Fail);
    }

    #[test]
    fn a_clock_that_was_never_set_is_a_failure() {
        assert_eq!(clock(UNIX_EPOCH).level, Level::Fail);
        let later = std::time::Duration::from_secs(EARLIEST);
        assert_eq!(clock(UNIX_EPOCH + later).level, Level::Ok);
    }

    #[test]
    fn sockets_that_everybody_reaches_are_a_failure() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("s");
        assert_eq!(socket_file("s", &path, 0o007).level, Level::Fail);
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        for (mode, forbidden, level) in [
            (0o660, 0o007, Level::Ok),
            (0o666, 0o007, Level::Fail),
            (0o600, 0o077, Level::Ok),
            (0o660, 0o077, Level::Fail),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(socket_file("s", &path, forbidden).level, level, "{mode:o} {forbidden:o}");
        }
    }
}
