//! Backup while keys change, restore under another root key, and a check that finds what was damaged.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use coffer_tests::daemon::{Daemon, PIN, SO_PIN, binaries};
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("passphrase"), "correct horse battery\n").unwrap();
        std::fs::write(folder.path().join("wrong"), "correct horse batterz\n").unwrap();
        std::fs::write(folder.path().join("pin"), PIN).unwrap();
        std::fs::write(folder.path().join("so-pin"), SO_PIN).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

fn told(output: &Output) -> String {
    let (out, errors) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(&[&out[..], errors].concat()).into_owned()
}

#[track_caller]
fn succeeds(output: Output) -> Output {
    assert!(output.status.success(), "{}", told(&output));
    output
}

fn backup(daemon: &Daemon, files: &Files, name: &str) -> Output {
    let (file, passphrase) = (files.text(name), files.text("passphrase"));
    daemon.coffer(&["backup", &file, "--json", "--passphrase-file", &passphrase])
}

fn restore(daemon: &Daemon, files: &Files, name: &str, how: &[&str]) -> Output {
    let (file, passphrase) = (files.text(name), files.text("passphrase"));
    let common = ["restore", &file, "--passphrase-file", &passphrase];
    daemon.coffer(&[&common[..], how].concat())
}

#[track_caller]
fn call(daemon: &Daemon, action: &str, request: &Value) -> Value {
    let (status, reply) = daemon.call(action, request);
    assert_eq!(status, 0, "{action}: {reply}");
    reply
}

fn pkcs11_tool(daemon: &Daemon, arguments: &[&str]) -> Output {
    let mut command = daemon.command("pkcs11-tool");
    command.arg("--module").arg(coffer_tests::daemon::module());
    command.args(["--login", "--pin", PIN, "--token-label", "dev"]).args(arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn keys_come_back_under_another_root_key_while_the_old_ones_change() {
    let (files, one, two) = (Files::new(), Daemon::start(), Daemon::start());
    call(&one, "CreateKey", &json!({"Alias": "kept"}));
    let pair = json!({"Alias": "pair", "KeyUsage": "ASYMMETRIC_SIGN_VERIFY_ECC"});
    let pair = call(&one, "CreateKey", &pair)["KeyId"].as_str().unwrap().to_owned();
    call(&one, "CreateKey", &json!({"Alias": "off"}));
    call(&one, "DisableKey", &json!({"KeyId": "alias/off"}));
    let encrypt = json!({"KeyId": "alias/kept", "Plaintext": "c2VjcmV0"});
    let ciphertext = call(&one, "Encrypt", &encrypt)["CiphertextBlob"].clone();
    let digest = "jkYnTEUyb2tLcOvpEfQDJDRlQzZE0FDQQNPyTbc8o6Y=";
    let sign = json!({"KeyId": pair, "Algorithm": "ECC_P256_R1", "Message": digest,
        "MessageType": "DIGEST"});
    let signature = call(&one, "SignByAsymmetricKey", &sign)["Signature"].clone();
    let stop = AtomicBool::new(false);
    let changes = std::thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let mut changes = 0;
            while !stop.load(Ordering::Relaxed) {
                let alias = format!("passing-{changes}");
                call(&one, "CreateKey", &json!({"Alias": alias}));
                call(&one, "DisableKey", &json!({"KeyId": format!("alias/{alias}")}));
                changes += 1;
            }
            changes
        });
        for name in ["first", "second", "third"] {
            succeeds(backup(&one, &files, name));
        }
        stop.store(true, Ordering::Relaxed);
        changing.join().unwrap()
    });
    assert!(changes > 0, "nothing changed meanwhile");
    let again = backup(&one, &files, "third");
    assert!(!again.status.success() && told(&again).contains("exists already"));

    let file = files.text("third");
    let wrong = two.coffer(&["restore", &file, "--passphrase-file", &files.text("wrong")]);
    assert_eq!(wrong.status.code(), Some(4), "{}", told(&wrong));
    let plan = succeeds(restore(&two, &files, "third", &["--dry-run", "--json"]));
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(plan["Possible"], true);
    assert_eq!(call(&two, "GetStatus", &json!({}))["Objects"], 0, "a dry run changes nothing");
    let unasked = restore(&two, &files, "third", &[]);
    assert_eq!(unasked.status.code(), Some(2), "nobody can be asked");
    assert!(told(&unasked).contains("--yes"));
    succeeds(restore(&two, &files, "third", &["--yes"]));

    let decrypted = call(&two, "Decrypt", &json!({"CiphertextBlob": ciphertext}));
    assert_eq!(decrypted["Plaintext"], "c2VjcmV0");
    let mut verify = sign;
    verify["SignatureValue"] = signature;
    assert_eq!(call(&two, "VerifyByAsymmetricKey", &verify)["SignatureValid"], true);
    let off = call(&two, "DescribeKey", &json!({"KeyId": "alias/off"}));
    assert_eq!(off["KeyMetadata"]["KeyState"], "Disabled");
    let checked = succeeds(two.coffer(&["store", "check", "--json"]));
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&checked["Valid"], &checked["Findings"]), (&json!(true), &json!([])));
    let full = restore(&two, &files, "third", &["--yes"]);
    assert!(!full.status.success() && told(&full).contains("coffer init"), "{}", told(&full));
}

#[test]
fn what_applications_made_signs_again_once_the_owner_has_set_pins() {
    let (files, one, mut two) = (Files::new(), Daemon::start(), Daemon::start());
    let make = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "signer", "--id", "01"];
    succeeds(pkcs11_tool(&one, &make));
    let (data, signature) = (files.text("data"), files.text("signature"));
    std::fs::write(&data, [7; 32]).unwrap();
    let sign = ["--sign", "--mechanism", "ECDSA", "--id", "01", "-i", &data, "-o", &signature];
    let verify = [
        "--verify",
        "--mechanism",
        "ECDSA",
        "--id",
        "01",
        "-i",
        &data,
        "--signature-file",
        &signature,
    ];
    succeeds(pkcs11_tool(&one, &sign));
    succeeds(backup(&one, &files, "file"));
    succeeds(restore(&two, &files, "file", &["--yes"]));
    assert!(!pkcs11_tool(&two, &sign).status.success(), "the PIN of the empty token opens nothing");
    let init = [
        "partition",
        "init",
        "dev",
        "--so-pin-file",
        &files.text("so-pin"),
        "--pin-file",
        &files.text("pin"),
    ];
    succeeds(two.coffer(&init));
    // With what is on disk, not only in memory.
    two.kill();
    two.start_again(&[]);
    succeeds(pkcs11_tool(&two, &verify));
    std::fs::remove_file(&signature).unwrap();
    succeeds(pkcs11_tool(&two, &sign));
    succeeds(pkcs11_tool(&one, &verify));
}

#[test]
fn a_crash_during_a_restore_leaves_the_store_empty_or_whole() {
    let (files, one) = (Files::new(), Daemon::start());
    for number in 0..30 {
        call(&one, "CreateKey", &json!({"Alias": format!("key-{number}")}));
    }
    succeeds(backup(&one, &files, "file"));
    for round in 0..6_u64 {
        let mut two = Daemon::start();
        let mut child = two
            .command(binaries().join("coffer"))
            .args(["restore", &files.text("file"), "--yes", "--passphrase-file"])
            .arg(files.path("passphrase"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let audit = two.directory().join("audit");
        // Once the intent of the restore is on disk, it is being done; some of the kills come a little later.
        while !contains(&audit, b"FinishRestore") && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        for _ in 0..round * 20_000 {
            std::hint::spin_loop();
        }
        kill(two.pid(), Signal::SIGKILL).unwrap();
        let _ = child.wait();
        two.restart();
        let objects = call(&two, "GetStatus", &json!({}))["Objects"].as_u64().unwrap();
        assert!(objects == 0 || objects == 30, "{objects} objects");
        succeeds(two.coffer(&["store", "check"]));
        if objects == 0 {
            succeeds(restore(&two, &files, "file", &["--yes"]));
        }
    }
}

fn contains(folder: &Path, wanted: &[u8]) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read(file.path()).ok())
        .any(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
}

/// `coffer store check` on the folder of a daemon that does not run.
fn check_closed(folder: &Path) -> Output {
    let mut command = Command::new(binaries().join("coffer"));
    command.args(["store", "check", "--json", "--dir"]).arg(folder).output().unwrap()
}

#[test]
fn a_damaged_record_is_found_and_the_file_is_not_touched() {
    let mut daemon = Daemon::start();
    for number in 0..5 {
        call(&daemon, "CreateKey", &json!({"Alias": format!("key-{number}")}));
    }
    let in_use = check_closed(daemon.directory());
    assert!(!in_use.status.success() && told(&in_use).contains("in use"), "{}", told(&in_use));
    daemon.kill();
    let whole = check_closed(daemon.directory());
    assert!(whole.status.success(), "{}", told(&whole));
    let path = daemon.directory().join("store.redb");
    let id = call_id(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    // Every copy of the record: redb keeps older pages.
    let places: Vec<_> = (0..bytes.len() - 40).filter(|at| bytes[*at..].starts_with(&id)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + 60] ^= 1;
    }
    std::fs::write(&path, &bytes).unwrap();
    let found = check_closed(daemon.directory());
    assert_eq!(found.status.code(), Some(1), "{}", told(&found));
    let report: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(report["Valid"], false);
    assert!(!report["Findings"].as_array().unwrap().is_empty());
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "a check changes nothing");
}

/// The name of the first row of key material in the file: table 65, then a UUID of version 4 and version 1.
fn call_id(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let is_name = |name: &&[u8]| {
        name[0] == 65 && name[7] >> 4 == 4 && name[9] >> 6 == 2 && name[17..] == [0, 0, 0, 1]
    };
    bytes.windows(21).find(is_name).unwrap().to_vec()
}

#[test]
fn whoever_backs_up_or_restores_is_in_the_audit_log() {
    let files = Files::new();
    let (daemon, other) = (Daemon::start(), Daemon::start());
    call(&daemon, "CreateKey", &json!({ "Alias": "app" }));
    succeeds(backup(&daemon, &files, "backup"));
    succeeds(restore(&other, &files, "backup", &["--yes"]));
    for (daemon, name) in [(&daemon, "FinishBackup"), (&other, "RestoreStore")] {
        let output = succeeds(daemon.coffer(&["audit", "list", "--json"]));
        let text = String::from_utf8(output.stdout).unwrap();
        let event = text.lines().find(|line| line.contains(name)).unwrap();
        let event: Value = serde_json::from_str(event).unwrap();
        let uid = nix::unistd::getuid();
        assert_eq!(event["userIdentity"]["principalId"], json!(uid.to_string()), "{event}");
        assert_eq!(event["host"]["uid"], json!(uid.as_raw()), "{event}");
        assert_eq!(event["requestID"].as_str().map(str::len), Some(36), "{event}");
    }
}
