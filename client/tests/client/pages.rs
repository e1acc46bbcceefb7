//! What is generated from the command's own definition: manual pages, and the completions of shells.
#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn coffer(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coffer"));
    let output = command.args(arguments).env("COFFER_PARTITION", "of-this-test").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    output
}

/// The verbs that `--help` lists.
fn verbs(words: &[&str]) -> Vec<String> {
    let help = String::from_utf8(coffer(&[words, &["--help"]].concat()).stdout).unwrap();
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let first = lines.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    first.filter(|verb| *verb != "help").map(str::to_owned).collect()
}

fn expected_pages(words: &[&str], pages: &mut BTreeSet<String>) {
    pages.insert(format!("{}.1", [&["coffer"], words].concat().join("-")));
    for verb in
        verbs(words).iter().filter(|verb| verb.bytes().all(|b| b == b'-' || b.is_ascii_lowercase()))
    {
        expected_pages(&[words, &[verb.as_str()]].concat(), pages);
    }
}

fn has_program(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        writeln!(std::io::stderr().lock(), "SKIPPED: {program} is not installed").unwrap();
    }
    found
}

#[test]
fn every_verb_has_a_page_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("new/man1");
    coffer(&["man", "--dir", made.to_str().unwrap()]);
    let names = std::fs::read_dir(&made).unwrap();
    let names: BTreeSet<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut expected = BTreeSet::new();
    expected_pages(&[], &mut expected);
    assert_eq!(names, expected);
    assert!(names.contains("coffer-key-schedule-deletion.1"));
    for name in &names {
        check_page(&made.join(name), name);
    }
    if has_program("groff") {
        for name in &names {
            check_format(&made.join(name));
        }
    }
}

/// The sections that man(7) asks for, and nothing of the environment that it was made in.
fn check_page(path: &Path, name: &str) {
    let page = std::fs::read_to_string(path).unwrap();
    let title = name.strip_suffix(".1").unwrap().to_uppercase();
    assert!(page.contains(&format!(".TH {title} 1")), "{name}");
    for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"] {
        assert!(page.contains(section), "{name} has no {section}");
    }
    assert!(!page.contains("of-this-test"), "{name}");
}

fn check_format(path: &Path) {
    let mut groff = Command::new("groff");
    let output =
        groff.args(["-K", "utf8", "-man", "-Tutf8", "-ww", "-z"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", path.display());
}

#[test]
fn without_a_folder_the_first_page_is_printed() {
    let page = String::from_utf8(coffer(&["man"]).stdout).unwrap();
    assert!(page.contains(".TH COFFER 1") && page.contains("completions"));
    assert!(!page.contains("coffer-become"));
}

#[test]
fn completions_name_the_verbs_and_are_scripts_of_their_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = coffer(&["completions", shell]).stdout;
        let text = String::from_utf8(script).unwrap();
        for word in ["schedule-deletion", "alarms", "--state"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    let script = coffer(&["completions", "bash"]).stdout;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(&script).unwrap();
    assert!(bash.wait().unwrap().success());
}
