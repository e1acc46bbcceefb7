//! The command as its users see it, against a scripted daemon: output, exit statuses, files.
#![cfg(feature = "cli")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::support::{Daemon, Peer};
use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::Flags;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{
    Decrypted, EnableKey, EnableKeys, Encrypt, Encrypted, GenerateRandom, GeneratedRandom,
    GetRegions, Regions,
};
use serde_json::{Value, json};

fn coffer(daemon: &Daemon, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coffer"));
    command.args(arguments).env("COFFER_SOCKET", daemon.socket());
    command.env("COFFER_ADMIN_SOCKET", daemon.socket()).env_remove("COFFER_PARTITION");
    command
}

fn run(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that does not read its input may be gone before all of it is written.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Answers some operations; the cipher adds one to each byte.
fn serve(mut peer: Peer) {
    while let Some(request) = peer.receive() {
        let number = request.header.operation;
        let dry = request.header.flags.contains(Flags::DRY_RUN);
        if number == GetRegions::ROW.number {
            let regions = vec![peer.hello.partition.clone().unwrap_or("default".to_owned())];
            peer.reply(&request, &Regions { regions }, &[]);
        } else if number == Encrypt::ROW.number && dry {
            peer.reply(&request, &(), &[]);
        } else if number == Encrypt::ROW.number {
            let payload: Vec<u8> =
                request.payload.iter().map(|byte| byte.wrapping_add(1)).collect();
            peer.reply(&request, &Encrypted { key_id: "id".to_owned() }, &payload);
        } else if number == coffer_protocol::operation::kms::Decrypt::ROW.number {
            let payload: Vec<u8> =
                request.payload.iter().map(|byte| byte.wrapping_sub(1)).collect();
            peer.reply(&request, &Decrypted { key_id: "id".to_owned() }, &payload);
        } else if number == GenerateRandom::ROW.number {
            let length = usize::try_from(request.decode::<GenerateRandom>().length).unwrap();
            peer.reply(&request, &GeneratedRandom {}, &vec![0xA5; length]);
        } else if [EnableKey::ROW.number, EnableKeys::ROW.number].contains(&number) {
            peer.fail(&request, &Failure::new(ErrorCode::Unauthorized));
        } else {
            peer.fail(&request, &Failure::about(ErrorCode::CmkDisabled, "app"));
        }
    }
}

#[test]
fn a_call_prints_the_reply_with_its_request_id() {
    let daemon = Daemon::start(serve);
    let request = r#"{"KeyId":"alias/app","Plaintext":"aGk="}"#;
    let expected = json!({
        "CiphertextBlob": "aWo=",
        "KeyId": "id",
        "RequestId": "07070707-0707-8000-8003-000000000001",
    });
    let output = run(coffer(&daemon, &["call", "Encrypt", request]), b"");
    assert_eq!((output.status.code(), json_of(&output)), (Some(0), expected.clone()));
    let output = run(coffer(&daemon, &["call", "Encrypt", "-"]), request.as_bytes());
    assert_eq!((output.status.code(), json_of(&output)), (Some(0), expected));
}

#[test]
fn a_refused_call_prints_the_error_and_its_exit_status_says_what_kind() {
    let daemon = Daemon::start(serve);
    for (action, request, code, message, status) in [
        ("DescribeKey", r#"{"KeyId":"k"}"#, "ResourceUnavailable.CmkDisabled", "(app)", 1),
        ("EnableKey", r#"{"KeyId":"k"}"#, "UnauthorizedOperation", "may not", 4),
        ("DescribeKey", "{}", "MissingParameter", "KeyId", 1),
        ("DescribeKey", r#"{"KeyId":1}"#, "InvalidParameter", "KeyId", 1),
        ("DescribeKey", r#"{"KeyId":"k","Keyid":"k"}"#, "InvalidParameter", "Keyid", 1),
        ("DescribeKey", "[]", "InvalidParameter", "object", 1),
        ("DescribeKey", "{", "InvalidParameter", "JSON", 1),
    ] {
        let output = run(coffer(&daemon, &["call", action, request]), b"");
        let answer = json_of(&output);
        assert_eq!(answer["Error"]["Code"], code, "{request}");
        assert!(answer["Error"]["Message"].as_str().unwrap().contains(message), "{answer}");
        assert_eq!(answer["RequestId"].as_str().unwrap().len(), 36, "{request}");
        assert_eq!(answer.as_object().unwrap().len(), 2, "{request}");
        assert_eq!(output.status.code(), Some(status), "{request}");
    }
}

#[test]
fn an_unknown_action_is_wrong_usage() {
    let daemon = Daemon::start(serve);
    let output = run(coffer(&daemon, &["call", "Frobnicate"]), b"");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn no_daemon_and_one_that_goes_away_have_exit_status_3() {
    let daemon = Daemon::start(|mut peer| {
        peer.receive();
    });
    let lost = run(coffer(&daemon, &["call", "GetRegions"]), b"");
    let mut command = coffer(&daemon, &["call", "GetRegions"]);
    command.env("COFFER_SOCKET", "/nonexistent/socket");
    let unreachable = run(command, b"");
    for output in [lost, unreachable] {
        assert_eq!(output.status.code(), Some(3));
        assert!(json_of(&output)["Error"]["Code"].is_string());
    }
}

#[test]
fn the_partition_comes_from_the_option_or_the_environment() {
    let daemon = Daemon::start(serve);
    let regions = |command| json_of(&run(command, b""))["Regions"][0].clone();
    assert_eq!(regions(coffer(&daemon, &["call", "GetRegions"])), "default");
    assert_eq!(regions(coffer(&daemon, &["call", "--partition", "a", "GetRegions"])), "a");
    let mut command = coffer(&daemon, &["call", "GetRegions"]);
    command.env("COFFER_PARTITION", "b");
    assert_eq!(regions(command), "b");
}

#[test]
fn a_dry_run_has_a_request_id_and_nothing_else() {
    let daemon = Daemon::start(serve);
    let request = r#"{"KeyId":"alias/app","Plaintext":"aGk="}"#;
    let output = run(coffer(&daemon, &["call", "--dry-run", "Encrypt", request]), b"");
    let expected = json!({"RequestId": "07070707-0707-8000-8003-000000000001"});
    assert_eq!((output.status.code(), json_of(&output)), (Some(0), expected));
}

#[test]
fn a_batch_answers_line_by_line_over_one_connection() {
    let daemon = Daemon::start(serve);
    let input = concat!(
        r#"{"Action":"GetRegions"}"#,
        "\n\n",
        r#"{"Action":"DescribeKey","Request":{"KeyId":"k"}}"#,
        "\n",
        r#"{"Action":"Frobnicate","Request":{}}"#,
        "\n",
        r#"{"Action":"GetRegions","Request":{},"Extra":1}"#,
        "\nnonsense\n",
        r#"{"Action":"Encrypt","Request":{"KeyId":"k","Plaintext":"aGk="}}"#,
    );
    let output = run(coffer(&daemon, &["call", "--batch"]), input.as_bytes());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let codes: Vec<_> = lines.iter().map(|line| line["Error"]["Code"].as_str()).collect();
    let invalid = Some("InvalidParameter");
    let disabled = Some("ResourceUnavailable.CmkDisabled");
    assert_eq!(codes, [None, disabled, invalid, invalid, invalid, None]);
    assert_eq!(lines[5]["RequestId"], "07070707-0707-8000-8003-000000000003");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_batch_answers_each_line_before_the_next_one_comes() {
    use std::io::{BufRead, BufReader};
    let daemon = Daemon::start(serve);
    let mut command = coffer(&daemon, &["call", "--batch"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        input.write_all(b"{\"Action\":\"GetRegions\"}\n").unwrap();
        assert!(answers.next().unwrap().unwrap().contains("Regions"));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_help_of_an_action_names_its_fields_and_the_list_names_the_action() {
    let daemon = Daemon::start(serve);
    let help = run(coffer(&daemon, &["call", "GenerateDataKey", "--help"]), b"");
    let text = String::from_utf8(help.stdout).unwrap();
    for word in ["KeyId", "required", "NumberOfBytes", "integer", "optional", "CiphertextBlob"] {
        assert!(text.contains(word), "{word}");
    }
    let list = run(coffer(&daemon, &["call", "--list"]), b"");
    let text = String::from_utf8(list.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("GenerateDataKey ")));
    assert!(!text.contains("OpenSession"));
}

#[test]
fn a_file_comes_back_from_encryption_and_decryption() {
    let daemon = Daemon::start(serve);
    let plain = b"binary \x00\xff\n";
    let raw = run(coffer(&daemon, &["encrypt", "--key", "app"]), plain);
    assert_eq!(raw.status.code(), Some(0));
    assert_eq!(run(coffer(&daemon, &["decrypt"]), &raw.stdout).stdout, plain);
    let text = run(coffer(&daemon, &["encrypt", "--key", "app", "--base64"]), plain).stdout;
    assert!(text.is_ascii() && text.ends_with(b"\n"));
    assert_eq!(run(coffer(&daemon, &["decrypt", "--base64"]), &text).stdout, plain);
    let (from, to) = (daemon.directory().join("from"), daemon.directory().join("to"));
    std::fs::write(&from, plain).unwrap();
    let files = ["--in", from.to_str().unwrap(), "--out", to.to_str().unwrap()];
    let arguments = [&["encrypt", "--key", "app"], &files[..]].concat();
    assert!(run(coffer(&daemon, &arguments), b"").status.success());
    assert_eq!(std::fs::read(to).unwrap(), raw.stdout);
}

#[test]
fn what_is_too_long_to_encrypt_is_refused_with_a_way_out() {
    let daemon = Daemon::start(serve);
    let arguments = ["encrypt", "--key", "app"];
    assert!(run(coffer(&daemon, &arguments), &[7; 4096]).status.success());
    let output = run(coffer(&daemon, &arguments), &[7; 4097]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("--envelope"));
    assert_eq!(run(coffer(&daemon, &arguments), b"").status.code(), Some(1));
}

#[test]
fn random_bytes_come_in_the_form_and_number_asked_for() {
    let daemon = Daemon::start(serve);
    let output = |arguments| run(coffer(&daemon, arguments), b"").stdout;
    assert_eq!(output(&["random", "3", "--hex"]), b"a5a5a5\n");
    assert_eq!(output(&["random", "3", "--base64"]), b"paWl\n");
    assert_eq!(output(&["random", "3000"]), [0xA5; 3000]);
}

#[test]
fn failures_are_explained_to_people_and_given_as_json_to_machines() {
    let daemon = Daemon::start(serve);
    let output = run(coffer(&daemon, &["key", "show", "app", "--json"]), b"");
    assert_eq!(json_of(&output)["Error"]["Code"], "ResourceUnavailable.CmkDisabled");
    let output = run(coffer(&daemon, &["key", "show", "app"]), b"");
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("coffer key enable"));
    let output = run(coffer(&daemon, &["key", "enable", "a", "b"]), b"");
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(String::from_utf8(output.stderr).unwrap().matches("may not").count(), 3);
}

#[test]
fn doctor_fails_without_a_daemon_and_says_what_to_do() {
    let daemon = Daemon::start(serve);
    let mut command = coffer(&daemon, &["doctor", "--json"]);
    command.env("COFFER_SOCKET", "/nonexistent/socket");
    let output = run(command, b"");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["Check"], &first["Result"]), (&json!("daemon"), &json!("fail")));
    assert!(!first["Advice"].as_str().unwrap().is_empty());
}
