//! `coffer key` against a real daemon: every verb, right and wrong.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use coffer_protocol::key::{KeySpec, KeyUsage};
use coffer_tests::daemon::binaries;
use coffer_tests::process::has_program;
use serde_json::Value;

use crate::bench::{Bench, text};

#[test]
fn a_key_of_every_usage_is_made_and_shown() {
    let bench = Bench::new();
    for usage in KeyUsage::ALL.iter().filter(|usage| **usage != KeyUsage::Application) {
        for spec in usage.specs() {
            // The material of large RSA keys takes its time; they are imported below.
            if matches!(spec, KeySpec::Rsa3072 | KeySpec::Rsa4096) {
                continue;
            }
            let alias = format!("{}-{}", *usage as u8, spec.name());
            let (usage, spec) = (usage.name(), spec.name());
            let id = bench.does(&format!("key create {alias} --usage {usage} --spec {spec}"));
            let shown = bench.json(&format!("key show {} --json", id.trim()));
            assert_eq!((&shown["Alias"], &shown["KeySpec"]), (&alias.into(), &spec.into()));
        }
    }
    let made = "key create all --rotate-days 30 --tag a=1 --tag b=2 --description d \
        --client-token t --json";
    let created = bench.json(made);
    assert_eq!(bench.json(made)["KeyId"], created["KeyId"], "the token makes it one key");
    let shown = bench.does("key show alias/all");
    for words in ["every 30 days", "a=1, b=2", "generated here", "not since", "Enabled"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(bench.does("key rotation all").contains("every 30 days"));
    let said = bench.fails(1, "key create all");
    assert!(said.contains("alias is taken") && said.contains("--search all"), "{said}");
}

#[test]
fn lists_are_filtered_ordered_and_cut() {
    let bench = Bench::new();
    for words in [
        "one --tag team=a --tag stage=test",
        "two --tag team=b",
        "three --tag team=c --tag stage=test",
        "signer --usage sign-ecc",
        "waiting --import",
    ] {
        bench.does(&format!("key create {words}"));
    }
    bench.does("key disable two three");
    for (options, expected) in [
        ("", "one two three signer waiting"),
        ("--order newest", "waiting signer three two one"),
        ("--limit 2", "one two"),
        ("--limit 2 --offset 3", "signer waiting"),
        ("--offset 4", "waiting"),
        ("--order newest --limit 1 --offset 1", "signer"),
        ("--offset 9", ""),
        ("--search w", "two waiting"),
        ("--state disabled", "two three"),
        ("--state PendingImport", "waiting"),
        ("--usage sign-ecc", "signer"),
        ("--usage encrypt --state enabled", "one"),
        ("--origin imported", "waiting"),
        ("--origin generated --search n", "one signer"),
        ("--tag team=a --tag team=c", "one three"),
        ("--tag team=a --tag team=b --tag stage=test", "one"),
        ("--tag team=d", ""),
        ("--role product", ""),
        ("--usage pkcs11", ""),
    ] {
        let expected: Vec<_> = expected.split_whitespace().collect();
        assert_eq!(bench.listed(options), expected, "{options}");
    }
    let cut = bench.coffer("key list --limit 2", b"");
    assert!(text(&cut.stderr).contains("2 of 5 keys; --offset 2"), "{}", text(&cut.stderr));
}

#[test]
fn names_descriptions_and_tags_change_at_once() {
    let bench = Bench::new();
    let id = bench.does("key create app");
    let id = id.trim();
    bench.does("key edit app --description new --alias other");
    assert_eq!(bench.json(&format!("key show {id} --json"))["Description"], "new");
    bench.fails(1, "key show app");
    bench.does(&format!("key edit {id} --alias alias/app"));
    assert!(bench.fails(1, "key edit app --alias kms-app").contains("An alias has"));
    assert_eq!(bench.does("key tag add app a=1 b=2"), "a=1\nb=2\n");
    assert_eq!(bench.does("key tag add app a=3"), "a=3\nb=2\n");
    assert_eq!(bench.does("key tag remove app b"), "a=3\n");
    let tags = bench.json("key tag list app --json");
    assert_eq!(tags["Tags"][0]["TagValue"], "3");
    assert!(bench.fails(1, "key tag remove app b").contains("coffer key tag list app"));
}

#[test]
fn a_batch_is_done_whole_or_not_at_all_and_says_why() {
    let bench = Bench::new();
    for alias in ["a", "b", "c"] {
        bench.does(&format!("key create {alias}"));
    }
    assert_eq!(bench.does("key disable a b"), "a: Disabled\nb: Disabled\n");
    assert_eq!(bench.does("key enable a b c"), "a: Enabled\nb: Enabled\nc: Enabled\n");
    bench.does("key archive c");
    let said = bench.fails(1, "key disable a c b");
    for words in [
        "nothing was changed",
        "a: could be disabled",
        "b: could be disabled",
        "c: The state of the key does not allow this",
        "coffer key unarchive c",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!([bench.state("a"), bench.state("b")], ["Enabled", "Enabled"]);
    let output = bench.coffer("key disable a nobody --json", b"");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["Error"]["Code"], "ResourceUnavailable.CmkNotFound");
    assert_eq!(report["Keys"][0], serde_json::json!({"Key": "a"}));
    assert_eq!(report["Keys"][1]["Error"]["Code"], "ResourceUnavailable.CmkNotFound");
    assert!(bench.fails(1, "key disable a a").contains("named twice"));
    assert_eq!(bench.state("a"), "Enabled");
    let lines = bench.does("key disable a b --json");
    let states: Vec<_> = lines
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["KeyState"].clone())
        .collect();
    assert_eq!(states, ["Disabled", "Disabled"]);
}

#[test]
fn deletion_waits_is_taken_back_and_says_what_to_do() {
    let bench = Bench::new();
    bench.does("key create a");
    bench.does("key create b");
    assert!(bench.fails(1, "key schedule-deletion a --yes").contains("coffer key disable a"));
    bench.does("key disable a b");
    assert!(bench.fails(2, "key schedule-deletion a").contains("--yes"));
    assert!(bench.fails(1, "key schedule-deletion a --yes --days 6").contains("at least 7 days"));
    assert_eq!(bench.state("a"), "Disabled");
    let said = bench.does("key schedule-deletion a b --yes --days 7");
    assert_eq!(said.matches("coffer key cancel-deletion").count(), 2, "{said}");
    let date = bench.json("key show a --json")["DeletionDate"].as_i64().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!((0..=60).contains(&(i64::try_from(now.as_secs()).unwrap() + 7 * 86_400 - date)));
    for words in ["enable a", "edit a --alias c", "archive a", "tag add a k=v"] {
        let said = bench.fails(1, &format!("key {words}"));
        assert!(said.contains("PendingDelete") && said.contains("cancel-deletion a"), "{said}");
    }
    assert!(bench.does("key show a").contains("destroyed on"));
    // One that cannot be done does not keep the others from it.
    bench.does("key create c");
    assert!(bench.fails(1, "key cancel-deletion c a b").contains("c: The key is not scheduled"));
    assert_eq!([bench.state("a"), bench.state("b")], ["Disabled", "Disabled"]);
    assert!(bench.fails(1, "key schedule-deletion c a --yes").contains("coffer key disable c"));
    assert_eq!(bench.state("a"), "PendingDelete");
}

#[test]
fn archived_keys_decrypt_only_and_advice_names_the_way_back() {
    let bench = Bench::new();
    bench.does("key create a");
    let ciphertext = bench.takes("encrypt --key a", b"secret");
    assert_eq!(bench.does("key archive a"), "a: Archived\n");
    assert!(bench.fails(1, "encrypt --key a").contains("empty"));
    let refused = bench.coffer("encrypt --key a", b"more");
    assert!(text(&refused.stderr).contains("coffer key unarchive"), "{}", text(&refused.stderr));
    assert_eq!(bench.takes("decrypt", &ciphertext), b"secret");
    for words in ["disable a", "rotation a --enable"] {
        assert!(bench.fails(1, &format!("key {words}")).contains("coffer key unarchive a"));
    }
    assert_eq!(bench.does("key unarchive a"), "a: Enabled\n");
    assert!(bench.fails(1, "key unarchive a").contains("nothing to take back"));
    assert!(bench.does("key last-use a").contains("Decrypt at 2"));
    assert_eq!(bench.json("key last-use a --json")["Operation"], "Decrypt");
}

#[test]
fn rotation_is_enabled_done_and_disabled() {
    let bench = Bench::new();
    bench.does("key create a");
    let old = bench.takes("encrypt --key a", b"old");
    assert!(bench.does("key rotation a").contains("does not rotate by itself; never rotated"));
    assert!(bench.fails(1, "key rotate a").contains("coffer key rotation a --enable"));
    assert!(bench.does("key rotation a --enable --days 30").contains("every 30 days"));
    assert_eq!(bench.does("key rotate a"), "a: version 2 encrypts now\n");
    assert!(bench.does("key rotation a").contains("rotated once"));
    assert!(bench.fails(1, "key rotate a").contains("24 hours"));
    assert_eq!(bench.takes("decrypt", &old), b"old");
    assert!(bench.does("key rotation a --disable").contains("does not rotate by itself"));
    assert_eq!(bench.json("key rotation a --json")["NumberOfRotations"], 1);
    assert!(bench.fails(1, "key rotation a --enable --days 6").contains("RotateDays"));
    bench.does("key create signer --usage sign-ecc");
    assert!(bench.fails(1, "key rotation signer --enable").contains("symmetric keys"));
    bench.does("key create out --import");
    assert!(bench.fails(1, "key rotation out --enable").contains("Make another key"));
}

/// Runs a command at a terminal where somebody types.
fn typed(bench: &Bench, words: &str, answer: &str) -> (i32, String) {
    let coffer = binaries().join("coffer");
    let mut child = bench
        .daemon
        .command("script")
        .args(["-qec", &format!("{} {words}", coffer.display()), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{answer}").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), text(&output.stdout))
}

#[test]
fn what_cannot_be_taken_back_is_asked_at_a_terminal() {
    if !has_program("script") {
        return;
    }
    let bench = Bench::new();
    bench.does("key create app --import");
    bench.takes("key import app --wrapping-key RSA_2048", &[1; 32]);
    assert!(bench.fails(2, "key delete-material app").contains("--yes"));
    for answer in ["yes", "delete", ""] {
        let (status, said) = typed(&bench, "key delete-material app", answer);
        assert!(status == 1 && said.contains("Type DELETE"), "{said}");
        assert_eq!(bench.state("app"), "Enabled", "{answer}");
    }
    let (status, said) = typed(&bench, "key delete-material app", "DELETE");
    assert!(status == 0 && said.contains("cannot be decrypted"), "{said}");
    assert_eq!(bench.state("app"), "PendingImport");
    let (status, said) = typed(&bench, "key schedule-deletion app", "no");
    assert!(status == 1 && said.contains("last used") && said.contains("30 days"), "{said}");
    assert_eq!(bench.state("app"), "PendingImport");
    assert_eq!(typed(&bench, "key schedule-deletion app", "yes").0, 0);
    assert_eq!(bench.state("app"), "PendingDelete");
    // Nobody is asked about what is refused anyway.
    let (status, said) = typed(&bench, "key delete-material app", "DELETE");
    assert!(status == 1 && !said.contains("Type"), "{said}");
}

/// Every verb of `coffer key` that takes a key, with what else it needs.
const VERBS: &[(&str, &str)] = &[
    ("show", ""),
    ("last-use", ""),
    ("edit", "--alias other"),
    ("enable", ""),
    ("disable", ""),
    ("archive", ""),
    ("unarchive", ""),
    ("rotate", ""),
    ("rotation", "--enable"),
    ("schedule-deletion", "--yes"),
    ("cancel-deletion", ""),
    ("import-parameters", "--public-key /dev/null --token /dev/null"),
    ("import", "/dev/null"),
    ("delete-material", "--yes"),
    ("public-key", ""),
    ("tag add", "k=v"),
    ("tag remove", "k"),
    ("tag list", ""),
];

#[test]
fn every_verb_says_of_a_key_that_is_not_there_what_to_do() {
    let bench = Bench::new();
    for (verb, rest) in VERBS {
        for name in ["nobody", "alias/nobody", "0190f0c4-8e2f-4d3a-9c1b-2a7d5e6f7081"] {
            let said = bench.fails(1, &format!("key {verb} {name} {rest}"));
            assert!(said.contains("no such key") && said.contains("coffer key list"), "{said}");
        }
        let output = bench.coffer(&format!("key {verb} nobody {rest} --json"), b"");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["Error"]["Code"], "ResourceUnavailable.CmkNotFound", "{verb}");
        assert_eq!(report["Key"], "nobody", "{verb}");
        assert_eq!(output.status.code(), Some(1), "{verb}");
        // Without a key, and with an option that there is not.
        bench.fails(2, &format!("key {verb}"));
        bench.fails(2, &format!("key {verb} nobody {rest} --frobnicate"));
    }
    let help = bench.does("key --help");
    let listed = help.split_once("Commands:\n").unwrap().1;
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let verbs: BTreeSet<_> = listed
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').find(|w| !w.is_empty()))
        .collect();
    let tested = VERBS.iter().map(|(verb, _)| verb.split(' ').next().unwrap());
    assert_eq!(verbs, tested.chain(["create", "list", "wrap-material", "help"]).collect());
}

#[test]
fn without_a_daemon_the_exit_status_is_3() {
    let bench = Bench::new();
    let nowhere = Path::new("/nonexistent/socket");
    for (verb, rest) in VERBS {
        let words = format!("key {verb} nobody {rest}");
        let mut command = bench.daemon.command(binaries().join("coffer"));
        let output =
            command.args(words.split_whitespace()).env("COFFER_SOCKET", nowhere).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{words}: {}", text(&output.stderr));
    }
}
