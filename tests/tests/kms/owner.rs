//! `coffer call`: the KMS answers its owner.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use coffer_tests::call::create;
use coffer_tests::daemon::{Daemon, binaries};
use coffer_tests::process::{copy_program, is_root};
use serde_json::{Value, json};

#[test]
fn only_the_owner_uses_the_kms() {
    if !is_root() {
        return;
    }
    let daemon = Daemon::start();
    // The binary may lie where the other user cannot go.
    let copied = tempfile::tempdir().unwrap();
    let coffer = copied.path().join("coffer");
    copy_program(&binaries().join("coffer"), &coffer);
    for (path, mode) in [
        (copied.path(), 0o755),
        (&coffer, 0o755),
        (daemon.directory(), 0o755),
        (&daemon.socket(), 0o666),
        (&daemon.admin_socket(), 0o666),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let call = |action: &str, request: &str| {
        let output =
            daemon.command(&coffer).args(["call", action, request]).uid(65534).gid(65534).output();
        let output = output.unwrap();
        let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), reply["Error"]["Code"].clone())
    };
    assert_eq!(call("GetStatus", "{}"), (0, Value::Null));
    let refused = (4, json!("UnauthorizedOperation"));
    let absent = r#"{"KeyId":"00000000-0000-4000-8000-000000000000"}"#;
    create(&daemon, "app", "ENCRYPT_DECRYPT");
    for (action, request) in [
        ("CreateKey", r#"{"Alias":"x"}"#),
        ("ListKeys", "{}"),
        ("GenerateRandom", r#"{"NumberOfBytes":8}"#),
        ("Encrypt", r#"{"KeyId":"alias/app","Plaintext":"aGk="}"#),
        // Absent and forbidden cannot be told apart.
        ("DescribeKey", absent),
        ("DescribeKey", r#"{"KeyId":"alias/app"}"#),
        ("ListPartitions", "{}"),
        ("ListAuditEvents", "{}"),
    ] {
        assert_eq!(call(action, request), refused, "{action} {request}");
    }
}
