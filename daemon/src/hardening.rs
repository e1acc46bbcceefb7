//! What the process denies itself before it holds a key: core dumps, tracers of the same user, new
//! privileges, writable code, and files that others may read.
use crate::vault::sys;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use std::fmt;

/// One thing the process denies itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `RLIMIT_CORE` is 0: no core dump, which would hold the registers.
    NoCoreDump,
    /// `PR_SET_DUMPABLE` is 0: processes of the same user can neither trace this one nor read it.
    NotDumpable,
    /// `PR_SET_NO_NEW_PRIVS`: no program that is started gains rights.
    NoNewPrivileges,
    /// `PR_SET_MDWE`: memory that was writable never becomes executable (Linux 6.3).
    NoExecGain,
    /// The file mode mask is 077.
    PrivateFiles,
}

/// A measure with its name, how it is taken and how it is seen to hold.
type Row = (Measure, &'static str, fn() -> nix::Result<()>, fn() -> bool);

#[rustfmt::skip]
const MEASURES: [Row; 5] = [
    (Measure::NoCoreDump,      "no core dump",      || setrlimit(Resource::RLIMIT_CORE, 0, 0),
                                                    || getrlimit(Resource::RLIMIT_CORE) == Ok((0, 0))),
    (Measure::NotDumpable,     "not dumpable",      || prctl::set_dumpable(false),
                                                    || prctl::get_dumpable() == Ok(false)),
    (Measure::NoNewPrivileges, "no new privileges", prctl::set_no_new_privs,
                                                    || prctl::get_no_new_privs() == Ok(true)),
    (Measure::NoExecGain,      "no exec gain",      sys::refuse_exec_gain,
                                                    sys::exec_gain_is_refused),
    // The mask can only be read by setting it.
    (Measure::PrivateFiles,    "private files",     || { umask(OTHERS); Ok(()) },
                                                    || umask(OTHERS) == OTHERS),
];

const OTHERS: Mode = Mode::S_IRWXG.union(Mode::S_IRWXO);

/// What [`harden`] achieved, as read back afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    held: Vec<Measure>,
}

impl Report {
    /// Tells whether a measure holds.
    pub fn holds(&self, measure: Measure) -> bool {
        self.held.contains(&measure)
    }

    /// The names of the measures that hold.
    pub fn holding(&self) -> Vec<String> {
        let held = MEASURES.iter().filter(|row| self.holds(row.0));
        held.map(|row| row.1.to_owned()).collect()
    }

    /// Names the measures that do not hold. [`Measure::NoExecGain`] is missing on kernels before 6.3,
    /// where the unit's `MemoryDenyWriteExecute=` stands in; any other is a reason not to start.
    pub fn missing(&self) -> impl Iterator<Item = Measure> {
        MEASURES.iter().map(|row| row.0).filter(|measure| !self.holds(*measure))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (measure, name, ..)) in MEASURES.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let verdict = if self.holds(*measure) { "yes" } else { "NO" };
            write!(f, "{comma}{name}: {verdict}")?;
        }
        Ok(())
    }
}

/// Takes every measure and reports which hold. Before there are threads (some are inherited by later
/// ones, not given to existing ones) and keys. None can be taken back, but
/// for the file mode mask.
pub fn harden() -> Report {
    let mut held = Vec::new();
    for (measure, _, take, holds) in MEASURES {
        // Whether it worked is what is read back.
        let _ = take();
        if holds() {
            held.push(measure);
        }
    }
    Report { held }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::passes_in_child;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn every_measure_holds_or_is_reported_missing() {
        passes_in_child("hardening::tests::every_measure_holds_or_is_reported_missing", || {
            let report = harden();
            let missing: Vec<Measure> = report.missing().collect();
            assert!(missing.iter().all(|measure| *measure == Measure::NoExecGain), "{report}");
            if missing.is_empty() {
                assert!(!report.to_string().contains("NO"), "{report}");
            } else {
                println!("no PR_SET_MDWE on this kernel");
                assert!(report.to_string().contains("no exec gain: NO"), "{report}");
            }
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            assert!(status.contains("NoNewPrivs:\t1"), "{status}");
            assert_eq!(prctl::get_dumpable(), Ok(false));
        });
    }

    #[test]
    fn files_made_afterwards_are_private() {
        passes_in_child("hardening::tests::files_made_afterwards_are_private", || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            assert!(harden().holds(Measure::PrivateFiles));
            std::fs::write(&path, b"x").unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        });
    }
}
