//! The files in `systemd/`, as `systemd-analyze` sees them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, io};

use tempfile::TempDir;

const UNITS: [&str; 3] = ["cofferd.service", "cofferd.socket", "cofferd-admin.socket"];
/// The worst exposure that is allowed, in tenths, as `--threshold=` takes it.
const THRESHOLD: u32 = 5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd")
}

fn text(unit: &str) -> String {
    fs::read_to_string(folder().join(unit)).unwrap()
}

/// Returns the values of a setting, without comments.
fn settings(unit: &str, name: &str) -> Vec<String> {
    let text = text(unit);
    let settings = text.lines().filter_map(|line| line.split_once('='));
    settings.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
}

/// Runs a program of systemd; `None`, with the reason printed, where it is not installed.
fn run(command: &mut Command) -> Option<Output> {
    match command.env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "").output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Past the capture of the test harness: a skipped check is never silent.
            let program = command.get_program().display().to_string();
            let mut terminal = io::stderr().lock();
            writeln!(terminal, "SKIPPED: {program} is not installed").unwrap();
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn words(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Copies the units with a program in `ExecStart=` that exists before installation.
fn copy_with_a_program() -> TempDir {
    let copy = TempDir::new().unwrap();
    for unit in UNITS {
        let text = text(unit).replace("/usr/bin/cofferd", "/bin/true");
        fs::write(copy.path().join(unit), text).unwrap();
    }
    copy
}

/// Returns what `systemd-analyze verify` says about our units; other units of the machine may have
/// faults of their own.
fn complaints(folder: &Path) -> Option<Vec<String>> {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).args(UNITS.map(|unit| folder.join(unit)));
    let words = words(&run(&mut command)?);
    Some(words.lines().filter(|line| line.contains("coffer")).map(str::to_owned).collect())
}

#[test]
fn the_units_are_valid() {
    let copy = copy_with_a_program();
    let Some(complaints) = complaints(copy.path()) else { return };
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_misspelt_setting_would_be_noticed() {
    let copy = copy_with_a_program();
    let unit = copy.path().join("cofferd.service");
    let text = fs::read_to_string(&unit).unwrap().replace("LockPersonality=", "LockPersonalty=");
    fs::write(&unit, text).unwrap();
    let Some(complaints) = complaints(copy.path()) else { return };
    assert!(complaints.iter().any(|line| line.contains("LockPersonalty")), "{complaints:#?}");
}

#[test]
fn the_exposure_of_the_service_is_at_most_a_half() {
    let mut command = Command::new("systemd-analyze");
    command.args(["security", "--offline=true", "--no-pager"]);
    command.arg(format!("--threshold={THRESHOLD}")).arg(folder().join("cofferd.service"));
    let Some(output) = run(&mut command) else { return };
    let words = words(&output);
    assert!(output.status.success(), "{words}");
    let line = words.lines().find(|line| line.contains("Overall exposure level")).unwrap();
    let level = line.split_once("cofferd.service: ").unwrap().1.split(' ').next().unwrap();
    let (whole, tenths) = level.split_once('.').unwrap();
    let exposure = 10 * whole.parse::<u32>().unwrap() + tenths.parse::<u32>().unwrap();
    assert!(exposure <= THRESHOLD, "{line}");
}

#[test]
fn callers_stay_visible() {
    assert!(settings("cofferd.service", "PrivateUsers").is_empty());
    assert!(settings("cofferd.service", "ProtectProc").is_empty());
}

#[test]
fn secret_memory_is_allowed() {
    let filters = settings("cofferd.service", "SystemCallFilter");
    let allowed = filters.iter().filter(|filter| !filter.starts_with('~'));
    let denied = filters.iter().filter(|filter| filter.starts_with('~'));
    let has = |filter: &String| filter.split([' ', '~']).any(|call| call == "memfd_secret");
    assert_eq!((allowed.filter(|f| has(f)).count(), denied.filter(|f| has(f)).count()), (1, 0));
    assert_eq!(settings("cofferd.service", "LimitCORE"), ["0"]);
}

#[test]
fn the_sockets_have_the_names_and_modes_that_the_daemon_relies_on() {
    let of = |unit, names: [&str; 4]| names.map(|name| settings(unit, name).join(" "));
    let names = ["ListenStream", "FileDescriptorName", "SocketMode", "SocketGroup"];
    let expected = ["/run/coffer/coffer.sock", "coffer", "0660", "coffer-clients"];
    assert_eq!(of("cofferd.socket", names), expected);
    let expected = ["/run/coffer/admin.sock", "coffer-admin", "0600", "root"];
    assert_eq!(of("cofferd-admin.socket", names), expected);
}

#[test]
fn user_group_and_folder_are_made_as_the_units_name_them() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let mut users = Command::new("systemd-sysusers");
    users.arg("--root").arg(root.path()).arg(folder().join("sysusers.d/coffer.conf"));
    let Some(output) = run(&mut users) else { return };
    assert!(output.status.success(), "{}", words(&output));
    let read = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
    let user = settings("cofferd.service", "User").join("");
    assert!(read("etc/passwd").lines().any(|line| line.starts_with(&format!("{user}:"))));
    let group = settings("cofferd.socket", "SocketGroup").join("");
    assert!(read("etc/group").lines().any(|line| line.starts_with(&format!("{group}:"))));
    let folders = text("tmpfiles.d/coffer.conf");
    let line = folders
        .lines()
        .find(|line| line.starts_with("d ") && line.contains("/run/coffer"))
        .unwrap();
    let fields: Vec<_> = line.split_whitespace().collect();
    assert_eq!(fields, ["d", "/run/coffer", "0755", "root", "root", "-"]);
}
