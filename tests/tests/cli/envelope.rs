//! Files and pipes of any size through `coffer encrypt --envelope`, `coffer decrypt` and `coffer re-encrypt`.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use coffer_tests::daemon::{DEADLINE, Daemon, binaries};
use serde_json::{Value, json};

pub(crate) const MIB: usize = 1 << 20;
/// Bytes of a segment with its tag, and of a header.
const SEGMENT: usize = (64 << 10) + 16;
const HEADER: usize = 23 + 102;

pub(crate) fn daemon() -> Daemon {
    let daemon = Daemon::start();
    for key in ["files", "more"] {
        assert!(daemon.coffer(&["key", "create", key]).status.success());
    }
    daemon
}

pub(crate) fn coffer(daemon: &Daemon, words: &str) -> Command {
    let mut command = daemon.command(binaries().join("coffer"));
    command.args(words.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Bytes that differ from place to place, so that a piece in the wrong place is seen.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

/// A command with its whole input; a thread writes it, because output may fill its pipe before.
pub(crate) fn run(mut command: Command, input: Vec<u8>) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        // One that fails early does not read its input.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn encrypt(daemon: &Daemon, plaintext: &[u8]) -> Vec<u8> {
    let output = run(coffer(daemon, "encrypt --key files --envelope"), plaintext.to_vec());
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// In a folder, with words that name files there.
fn run_in(daemon: &Daemon, folder: &Path, words: &str) -> Output {
    let mut command = coffer(daemon, words);
    command.current_dir(folder);
    run(command, Vec::new())
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A pipe of both commands, which is fed so many bytes; the peaks of their memory in KiB, measured while both wait for
/// more.
fn peaks_of_a_pipe(daemon: &Daemon, mebibytes: usize) -> [u64; 2] {
    let mut encrypt =
        coffer(daemon, "encrypt --key files --envelope --context a=b").spawn().unwrap();
    let mut decrypt = coffer(daemon, "decrypt --context a=b");
    let mut decrypt = decrypt.stdin(encrypt.stdout.take().unwrap()).spawn().unwrap();
    let chunk = pattern(MIB);
    let mut output = decrypt.stdout.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    let wanted = chunk.clone();
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; MIB];
        let mut total = 0;
        loop {
            let room = MIB - total % MIB;
            let length = output.read(&mut buffer[..room]).unwrap();
            let from = total % MIB;
            assert_eq!(buffer[..length], wanted[from..from + length], "behind {total}");
            total += length;
            // The test may have what it waits for already.
            let _ = sender.send(total);
            if length == 0 {
                return total;
            }
        }
    });
    let mut input = encrypt.stdin.take().unwrap();
    for _ in 0..mebibytes {
        input.write_all(&chunk).unwrap();
    }
    // Each of them keeps the last segment until it knows whether something follows.
    let soon = mebibytes * MIB - 4 * SEGMENT;
    while receiver.recv_timeout(DEADLINE).unwrap() < soon {}
    let peaks = [peak(&encrypt), peak(&decrypt)];
    drop(input);
    assert!(encrypt.wait().unwrap().success() && decrypt.wait().unwrap().success());
    assert_eq!(reader.join().unwrap(), mebibytes * MIB);
    peaks
}

/// The peak of a process's resident memory in KiB.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn eight_mebibytes_pass_through_both_commands() {
    let daemon = daemon();
    let peaks = peaks_of_a_pipe(&daemon, 8);
    assert!(peaks.iter().all(|peak| *peak > 0), "{peaks:?}");
}

#[test]
#[ignore = "takes minutes: a gibibyte"]
fn a_gibibyte_needs_no_more_memory_than_eight_mebibytes() {
    let daemon = daemon();
    let (small, large) = (peaks_of_a_pipe(&daemon, 8), peaks_of_a_pipe(&daemon, 1024));
    for (small, large) in small.into_iter().zip(large) {
        assert!(large < small + 16 * 1024, "{small} KiB for 8 MiB, {large} KiB for 1 GiB");
    }
}

#[test]
fn every_size_comes_back_as_files_too() {
    let daemon = daemon();
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 1, 65_535, 65_536, 65_537, 3 * MIB] {
        let plaintext = pattern(length);
        fs::write(folder.path().join("plain"), &plaintext).unwrap();
        for words in [
            "encrypt --key files --envelope --context a=b --in plain --out sealed",
            "decrypt --key files --context a=b --in sealed --out opened",
        ] {
            let output = run_in(&daemon, folder.path(), words);
            assert!(output.status.success(), "{length}: {output:?}");
            assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
        }
        assert_eq!(fs::read(folder.path().join("opened")).unwrap(), plaintext, "{length}");
        assert!(fs::metadata(folder.path().join("sealed")).unwrap().len() > length as u64);
    }
    assert_eq!(fs::metadata(folder.path().join("opened")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_damaged_envelope_gives_a_true_beginning_to_a_pipe_and_nothing_to_a_file() {
    let daemon = daemon();
    let plaintext = pattern(MIB);
    let envelope = encrypt(&daemon, &plaintext);
    assert_eq!(envelope.len(), HEADER + MIB + 16 * 16);
    let mut changed = envelope.clone();
    changed[HEADER + 5 * SEGMENT + 100] ^= 1;
    let cut = envelope[..HEADER + 5 * SEGMENT].to_vec();
    let longer = [&envelope[..], b"more"].concat();
    let second = encrypt(&daemon, &plaintext);
    let spliced = [&envelope[..HEADER + 5 * SEGMENT], &second[HEADER + 5 * SEGMENT..]].concat();
    let folder = tempfile::tempdir().unwrap();
    for (damaged, most, says) in [
        (changed, 5, "segment 5 of the envelope is damaged"),
        (cut, 5, "the end of the envelope is missing"),
        (longer, 16, "the envelope"),
        (spliced, 5, "segment 5 of the envelope is damaged"),
        ([&second[..HEADER], &envelope[HEADER..]].concat(), 0, "segment 0"),
    ] {
        let output = run(coffer(&daemon, "decrypt"), damaged.clone());
        assert_eq!(output.status.code(), Some(1), "{says}");
        assert!(error_of(&output).contains(says), "{output:?}");
        assert!(plaintext.starts_with(&output.stdout) && output.stdout.len() <= most * 65536);
        assert!(output.stdout.len() >= most.saturating_sub(2) * 65536, "{says}");
        let mut command = coffer(&daemon, "decrypt --out opened");
        command.current_dir(folder.path());
        let output = run(command, damaged);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        assert!(error_of(&output).contains("no file was written"), "{output:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{says}");
    }
}

#[test]
fn another_context_or_key_and_a_disabled_key_open_nothing() {
    let daemon = daemon();
    let envelope = encrypt(&daemon, b"to be kept");
    for (words, says) in [
        ("decrypt --context a=b", "another encryption context"),
        ("decrypt --key more", "by its id"),
    ] {
        let output = run(coffer(&daemon, words), envelope.clone());
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{words}");
        assert!(error_of(&output).contains(says), "{output:?}");
    }
    assert!(daemon.coffer(&["key", "disable", "files"]).status.success());
    for words in ["decrypt", "re-encrypt --key more"] {
        let output = run(coffer(&daemon, words), envelope.clone());
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]), "{words}");
        assert!(error_of(&output).contains("disabled"), "{output:?}");
    }
}

#[test]
fn a_killed_decryption_leaves_no_file_under_its_name() {
    let daemon = daemon();
    let envelope = encrypt(&daemon, &pattern(8 * MIB));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("opened");
    for before in [None, Some("what was there")] {
        if let Some(text) = before {
            fs::write(&out, text).unwrap();
        }
        let mut command = coffer(&daemon, "decrypt --out");
        let mut child = command.arg(&out).spawn().unwrap();
        // More than a pipe holds: when all of it was taken, some of it was decrypted.
        child.stdin.as_mut().unwrap().write_all(&envelope[..4 * MIB]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(fs::read_to_string(&out).ok().as_deref(), before);
    }
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_owner() {
    let daemon = daemon();
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("sealed");
    fs::write(&name, encrypt(&daemon, b"to be kept")).unwrap();
    let root = nix::unistd::geteuid().is_root();
    if root {
        chown(&name, Some(1234), Some(4321)).unwrap();
    }
    fs::set_permissions(&name, Permissions::from_mode(0o2650)).unwrap();
    let before = fs::metadata(&name).unwrap();
    let output = run_in(&daemon, folder.path(), "re-encrypt --key more sealed");
    assert!(output.status.success(), "{output:?}");
    let after = fs::metadata(&name).unwrap();
    assert_ne!(before.ino(), after.ino());
    let facts = |of: &fs::Metadata| (of.mode(), of.uid(), of.gid(), of.len());
    assert_eq!(facts(&before), facts(&after));
    let output = run_in(&daemon, folder.path(), "decrypt --key more --in sealed");
    assert_eq!(output.stdout, b"to be kept");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn after_a_rotation_files_move_to_the_new_version_and_a_broken_one_does_not_stop_the_others() {
    let daemon = daemon();
    let folder = tempfile::tempdir().unwrap();
    let plaintext = pattern(MIB);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let envelope = encrypt(&daemon, &plaintext);
    write("a", &envelope);
    let mut broken = envelope.clone();
    broken[HEADER - 5] ^= 1;
    write("broken", &broken);
    write("text", b"nothing that was encrypted");
    write("large", &pattern(100_000));
    let single = run(coffer(&daemon, "encrypt --key files"), b"small".to_vec());
    write("single", &single.stdout);
    let key = json!({"KeyId": "alias/files"});
    assert_eq!(daemon.call("EnableKeyRotation", &key).0, 0);
    assert_eq!(daemon.call("RotateKey", &key).0, 0);
    write("newest", &encrypt(&daemon, b"newest"));
    write("list", b"single\nnewest\nmissing\n");

    let words = "re-encrypt --json a broken text large --files-from list";
    let output = run_in(&daemon, folder.path(), words);
    assert_eq!(output.status.code(), Some(1));
    let id = daemon.call("DescribeKey", &key).1["KeyMetadata"]["KeyId"].clone();
    let lines = lines(&output);
    let done = |name: &str, changed: bool| json!({"File": name, "ReEncrypted": changed, "KeyId": id, "SourceKeyId": id});
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0], done("a", true));
    for (line, name) in [(1, "broken"), (2, "text"), (3, "large"), (6, "missing")] {
        assert_eq!(lines[line]["File"], name);
        assert!(lines[line]["Error"]["Message"].as_str().unwrap().len() > 10, "{name}");
    }
    assert_eq!(lines[1]["Error"]["Code"], "InvalidParameterValue.InvalidCiphertext");
    assert_eq!((&lines[4], &lines[5]), (&done("single", true), &done("newest", false)));
    assert_eq!(fs::read(folder.path().join("broken")).unwrap(), broken);

    // The body is the old one, the data key names version 2.
    let moved = fs::read(folder.path().join("a")).unwrap();
    assert_eq!(moved[..23], envelope[..23]);
    assert_eq!(moved[HEADER..], envelope[HEADER..]);
    let version = |of: &[u8]| of[23 + 22..23 + 26].to_vec();
    assert_eq!((version(&envelope), version(&moved)), (vec![0, 0, 0, 1], vec![0, 0, 0, 2]));
    let output = run_in(&daemon, folder.path(), "decrypt --in a");
    assert_eq!(output.stdout, plaintext);
    let output = run_in(&daemon, folder.path(), "decrypt --in single");
    assert_eq!(output.stdout, b"small");

    let output = run_in(&daemon, folder.path(), "re-encrypt a single newest");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let unchanged = "unchanged: already under the newest version";
    let wanted = format!(
        "a: {unchanged}\nsingle: {unchanged}\nnewest: {unchanged}\n\
        0 re-encrypted, 3 unchanged, 0 failed\n"
    );
    assert_eq!(text, wanted);
}

#[test]
fn one_ciphertext_goes_from_input_to_output_with_a_new_key_and_context() {
    let daemon = daemon();
    let plaintext = pattern(200_000);
    let sealed =
        run(coffer(&daemon, "encrypt --key files --envelope --context a=b"), plaintext.clone());
    let words = "re-encrypt --key more --context a=b --new-context c=d";
    let moved = run(coffer(&daemon, words), sealed.stdout);
    assert!(moved.status.success(), "{moved:?}");
    let opened = run(coffer(&daemon, "decrypt --key more --context c=d"), moved.stdout.clone());
    assert_eq!(opened.stdout, plaintext);
    let bare = run(coffer(&daemon, "re-encrypt --context c=d --no-context"), moved.stdout.clone());
    assert_eq!(run(coffer(&daemon, "decrypt --key more"), bare.stdout).stdout, plaintext);
    let wrong = run(coffer(&daemon, "re-encrypt --context a=b"), moved.stdout);
    assert_eq!((wrong.status.code(), wrong.stdout.len()), (Some(1), 0));

    let text = run(coffer(&daemon, "encrypt --key files --base64"), b"small".to_vec()).stdout;
    let moved = run(coffer(&daemon, "re-encrypt --key more --base64"), text).stdout;
    assert!(moved.ends_with(b"\n"));
    assert_eq!(run(coffer(&daemon, "decrypt --key more --base64"), moved).stdout, b"small");
}
