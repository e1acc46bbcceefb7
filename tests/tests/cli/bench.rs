//! A daemon, and `coffer` as somebody types it.

use std::path::Path;
use std::process::Output;

use coffer_tests::daemon::Daemon;
use serde_json::Value;

/// A daemon and a folder for files.
pub(crate) struct Bench {
    pub(crate) daemon: Daemon,
    folder: tempfile::TempDir,
}

/// What a program has written, as a text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on(Daemon::start(), tempfile::tempdir().unwrap())
    }

    pub(crate) fn on(daemon: Daemon, folder: tempfile::TempDir) -> Self {
        Self { daemon, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub(crate) fn coffer(&self, words: &str, input: &[u8]) -> Output {
        let words: Vec<_> = words.split(' ').filter(|word| !word.is_empty()).collect();
        self.daemon.coffer_with(&words, input)
    }

    /// What a command prints that succeeds.
    pub(crate) fn does(&self, words: &str) -> String {
        text(&self.takes(words, b""))
    }

    /// The same of one that is given an input.
    pub(crate) fn takes(&self, words: &str, input: &[u8]) -> Vec<u8> {
        let output = self.coffer(words, input);
        assert!(output.status.success(), "{words}: {}", text(&output.stderr));
        output.stdout
    }

    /// What a command says that fails.
    pub(crate) fn fails(&self, status: i32, words: &str) -> String {
        self.refuses(status, words, b"")
    }

    /// The same of one that is given an input.
    pub(crate) fn refuses(&self, status: i32, words: &str, input: &[u8]) -> String {
        let output = self.coffer(words, input);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words}: {said}{}", text(&output.stdout));
        said
    }

    pub(crate) fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.does(words)).unwrap()
    }

    pub(crate) fn state(&self, key: &str) -> String {
        self.json(&format!("key show {key} --json"))["KeyState"].as_str().unwrap().to_owned()
    }

    /// The aliases of a list, in its order.
    pub(crate) fn listed(&self, options: &str) -> Vec<String> {
        let lines = self.does(&format!("key list --json {options}"));
        let alias = |line: &str| serde_json::from_str::<Value>(line).unwrap()["Alias"].clone();
        lines.lines().map(|line| alias(line).as_str().unwrap().to_owned()).collect()
    }
}
