//! The configuration: a TOML file in which unknown keys are errors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use coffer_protocol::key::is_key_name;
use coffer_protocol::weak::WeakKeys;
use serde::{Deserialize, Deserializer, de};

/// Everything that can be configured. `docs/configuration.md` explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the state is kept.
    pub state_directory: PathBuf,
    /// The socket for applications.
    pub socket: PathBuf,
    /// The socket for administration.
    pub admin_socket: PathBuf,
    /// Uid of the owner, who may do everything but use a PKCS#11 key without its PIN; the one named at
    /// `coffer init` where it is absent.
    pub owner_uid: Option<u32>,
    /// `required`: memfd_secret or no service; `locked`: locked memory will do.
    pub secret_memory: SecretMemory,
    /// Limits.
    pub limits: Limits,
    /// The audit log.
    pub audit: AuditConfig,
    /// What is logged.
    pub log: Log,
    /// What keys there may be.
    pub keys: Keys,
    /// Deletion of keys.
    pub deletion: Deletion,
    /// Import of material.
    pub import: Import,
    /// Alarms.
    pub alarms: AlarmConfig,
    /// Likeness to other products.
    pub compat: Compat,
    /// Services that have a key of their own, by name.
    pub services: BTreeMap<String, LocalService>,
    /// Whether this is `coffer dev`. Never read from a file.
    #[serde(skip)]
    pub dev: bool,
}

/// What the secret memory must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretMemory {
    /// memfd_secret or no service.
    Required,
    /// Locked memory will do where the kernel has no memfd_secret.
    Locked,
}

/// Limits of what peers may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once of one uid, which has no more than were free before it took the last one.
    pub connections_per_uid: usize,
    /// Sessions of one application.
    pub sessions: usize,
    /// Session objects of one uid.
    pub session_objects: usize,
    /// Public objects of a token, from which on only who is logged in makes more on it.
    pub public_objects: u64,
    /// Keys kept open for use.
    pub open_keys: usize,
    /// CMKs of a partition; those that are scheduled for deletion do not count.
    pub keys: u64,
    /// PIN derivations at once.
    pub pin_derivations: usize,
    /// Key generations at once.
    pub key_generations: usize,
}

/// The audit log.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Size of a segment file in MiB.
    pub segment_mib: u64,
    /// Days that sealed segments are kept, at least 90.
    pub retention_days: u32,
}

/// What is logged.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// What keys there may be.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// What may be done with weak keys: `refuse`, `use` or `make`.
    #[serde(deserialize_with = "word")]
    pub weak: WeakKeys,
}

/// A setting that is one of a few words.
fn word<'de, D: Deserializer<'de>>(value: D) -> Result<WeakKeys, D::Error> {
    String::deserialize(value)?.parse().map_err(de::Error::custom)
}

/// Deletion of keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deletion {
    /// Longest window of a deletion in days, 30 to 1096.
    pub max_days: i64,
}

/// Import of material.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Import {
    /// Whether a key that gets its material back is in the state again that it had when the material went; else it
    /// is Enabled.
    pub restore_state: bool,
}

/// Alarms.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmConfig {
    /// A Unix socket, datagram or stream, that is told of each alarm as a line of JSON; empty: none.
    pub socket: PathBuf,
}

/// Likeness to other products.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compat {
    /// Whether what Tencent's KMS does not document is refused with the codes that it does: encryption and decryption
    /// with a key that waits for its deletion as with a disabled one, decryption with an archived pair.
    pub tencent_strict: bool,
}

/// A service of this host that has a key of its own, `kms-<name>`, made when it first uses it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalService {
    /// The user that it runs as.
    pub uid: u32,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_directory: "/var/lib/coffer".into(),
            socket: "/run/coffer/coffer.sock".into(),
            admin_socket: "/run/coffer/admin.sock".into(),
            owner_uid: None,
            secret_memory: SecretMemory::Required,
            limits: Limits::default(),
            audit: AuditConfig::default(),
            log: Log::default(),
            keys: Keys::default(),
            deletion: Deletion::default(),
            import: Import::default(),
            alarms: AlarmConfig::default(),
            compat: Compat::default(),
            services: BTreeMap::new(),
            dev: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_per_uid: 128,
            sessions: 1024,
            session_objects: 10_000,
            public_objects: 1000,
            open_keys: 512,
            keys: 200,
            pin_derivations: 2,
            key_generations: 2,
        }
    }
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { segment_mib: 16, retention_days: 400 }
    }
}

impl Default for Deletion {
    fn default() -> Self {
        Self { max_days: 30 }
    }
}

impl Default for Import {
    fn default() -> Self {
        Self { restore_state: true }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// A text that names the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if self.audit.retention_days < 90 {
            return Err("audit.retention_days must be at least 90".to_owned());
        }
        if !(30..=1096).contains(&self.deletion.max_days) {
            return Err("deletion.max_days must be 30 to 1096".to_owned());
        }
        for (name, service) in &self.services {
            if !is_key_name(&format!("kms-{name}")) {
                return Err(format!("services.{name}: a name has 1 to 56 letters, digits, _ or -"));
            }
            if self.services.values().filter(|other| other.uid == service.uid).count() > 1 {
                return Err(format!("services.{name}: another service has uid {}", service.uid));
            }
        }
        if !(1..=1024).contains(&self.audit.segment_mib) {
            return Err("audit.segment_mib must be 1 to 1024".to_owned());
        }
        if !["error", "warn", "info", "debug", "trace"].contains(&self.log.level.as_str()) {
            return Err("log.level must be error, warn, info, debug or trace".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = Config::parse("sokcet = '/x'").unwrap_err();
        assert!(error.contains("sokcet"), "{error}");
    }

    #[test]
    fn the_documented_keys_are_the_keys_and_their_documented_defaults_are_allowed() {
        let page = include_str!("../../docs/configuration.md");
        let table = page.split("## The root key").next().unwrap();
        let rows = table.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.trim_end_matches('`'), cells.next()?.trim_matches('`')))
        });
        let mut keys = 0;
        for (key, default) in rows {
            let text = match key.split_once('.') {
                Some((table, key)) => format!("[{table}]\n{key} = {default}\n"),
                None => format!("{key} = {default}\n"),
            };
            if let Err(error) = Config::parse(&text) {
                panic!("{key}: {error}");
            }
            let unknown = Config::parse(&text.replace(" =", "_ =")).unwrap_err();
            // The message lists the keys that there are: each must stand in the table.
            for known in unknown.split('`').skip(3).step_by(2) {
                assert!(
                    table.contains(&format!("{known}`")) || table.contains(&format!("`{known}.")),
                    "{known}"
                );
            }
            keys += 1;
        }
        assert_eq!(keys, 24);
    }

    #[test]
    fn an_empty_file_is_the_default_and_dev_cannot_be_configured() {
        assert_eq!(Config::parse("").unwrap().owner_uid, None);
        assert!(Config::parse("dev = true").is_err());
        assert!(Config::parse("[audit]\nretention_days = 30").is_err());
        assert!(Config::parse("[deletion]\nmax_days = 29").is_err());
        assert!(Config::parse("[services.luks]\nuid = 7\n[services.nginx]\nuid = 7").is_err());
        assert!(Config::parse("[services.'a b']\nuid = 7").is_err());
        assert_eq!(Config::parse("").unwrap().keys.weak, WeakKeys::Refuse);
        assert_eq!(Config::parse("[keys]\nweak = 'make'").unwrap().keys.weak, WeakKeys::Make);
        let error = Config::parse("[keys]\nweak = 'yes'").unwrap_err();
        assert!(error.contains("weak") && error.contains("refuse, use or make"), "{error}");
        assert_eq!(Config::parse("[services.luks]\nuid = 7").unwrap().services["luks"].uid, 7);
    }
}
