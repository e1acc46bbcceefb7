//! Where the daemon is, and whether calls are logged: the environment, a file, the default.

use std::path::{Path, PathBuf};

/// The configuration file of the module.
const FILE: &str = "/etc/coffer/pkcs11.toml";
/// A longer file is not read.
const MAX_FILE: u64 = 64 << 10;

/// What C_Initialize settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// Whether calls and their results are written to standard error.
    pub debug: bool,
}

/// Whether the environment belongs to somebody who may choose for the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    /// It does.
    Trusted,
    /// The process has rights that its starter has not (`AT_SECURE`).
    Ignored,
}

impl Config {
    /// Reads it from the environment, the file, or the default, in this order.
    pub(crate) fn read(environment: Environment) -> Self {
        let variable = |name| match environment {
            Environment::Trusted => std::env::var_os(name).filter(|value| !value.is_empty()),
            Environment::Ignored => None,
        };
        let socket = variable("COFFER_SOCKET")
            .map(PathBuf::from)
            .or_else(|| socket_of_file(Path::new(FILE)))
            .unwrap_or_else(|| coffer_client::socket::APP_SOCKET.into());
        let debug = variable("COFFER_LOG").is_some_and(|level| level == "debug");
        Self { socket, debug }
    }
}

/// The `socket` of the file; nothing of a file that is missing, too long or wrong.
fn socket_of_file(file: &Path) -> Option<PathBuf> {
    if std::fs::metadata(file).ok()?.len() > MAX_FILE {
        return None;
    }
    let table: toml::Table = std::fs::read_to_string(file).ok()?.parse().ok()?;
    table.get("socket")?.as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pkcs11.toml");
        assert_eq!(socket_of_file(&file), None);
        std::fs::write(&file, "socket = \"/run/other.sock\"\n").unwrap();
        assert_eq!(socket_of_file(&file), Some("/run/other.sock".into()));
        std::fs::write(&file, "socket = 7\n").unwrap();
        assert_eq!(socket_of_file(&file), None);
        std::fs::write(&file, "socket = \"/x\"\n".to_owned() + &"#".repeat(70_000)).unwrap();
        assert_eq!(socket_of_file(&file), None);
    }

    #[test]
    fn a_process_with_foreign_rights_ignores_the_environment() {
        let config = Config::read(Environment::Ignored);
        assert!(!config.debug);
    }
}
