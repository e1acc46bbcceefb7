//! Two users who hold all they can, in as many processes' worth of connections as they get, keep nobody else out.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::frame::encode_meta;
use coffer_protocol::handshake::Role;
use coffer_protocol::mechanism::{GcmParameter, MechanismCall, ckm};
use coffer_protocol::operation::cipher::{EncryptData, Function, SignData, StartOperation};
use coffer_protocol::operation::object::{CreateObject, FindObjects, GenerateKey};
use coffer_protocol::operation::token::Login;
use coffer_tests::daemon::{Daemon, PIN};
use coffer_tests::process::copy_program;
use coffer_tests::wire::{Peer, Wire, frame, hello};

/// Names the socket to the process of a hoarder.
const SOCKET: &str = "COFFER_TEST_HOARD";
/// What a hoarder says before the number of its connections.
const HELD: &str = "connections held: ";

fn aes(private: bool, token: bool) -> Vec<u8> {
    // A list, which unlike an array begins with its length.
    let template = [
        Attribute::number(a::VALUE_LEN, 16),
        Attribute::boolean(a::PRIVATE, private),
        Attribute::boolean(a::TOKEN, token),
    ];
    encode_meta(&template.as_slice()).unwrap()
}

fn generate(session: u32) -> GenerateKey {
    let mechanism = MechanismCall::plain(ckm::CKM_AES_KEY_GEN);
    GenerateKey { session, mechanism, password_length: 0 }
}

fn gcm() -> MechanismCall {
    let parameter = GcmParameter { iv: vec![7; 12], aad: Vec::new(), tag_bits: 128 };
    MechanismCall::with(ckm::CKM_AES_GCM, &parameter).unwrap()
}

/// Takes all connections that there are for this user, and in them all memory; tells how many, and stays until its
/// standard input ends.
fn hoard(socket: &Path) {
    let mut held = Vec::new();
    loop {
        let mut next = Wire::connect(socket);
        let _ = next.send(&frame(
            coffer_protocol::handshake::HELLO,
            &hello(Role::Application, None),
            &[],
            1,
        ));
        match next.receive() {
            Some(welcome) if welcome.code().is_none() => held.push(Peer::over(next)),
            _ => break,
        }
    }
    let data = [
        Attribute::number(a::CLASS, 0),
        Attribute::boolean(a::PRIVATE, false),
        Attribute::bytes(a::VALUE, vec![7; 60_000]),
    ];
    let data = encode_meta(&data.as_slice()).unwrap();
    for peer in &mut held {
        let Ok(session) = peer.try_session() else { continue };
        let key = peer.call(&generate(session), &aes(false, false));
        while peer.ask(&CreateObject { session }, &data).is_ok() {}
        let function = Function::Encrypt as u8;
        while let Ok(key) = &key
            && let Ok(session) = peer.try_session()
        {
            let start = StartOperation { session, function, key: key.object, mechanism: gcm() };
            if peer.ask(&start, b"data").is_err() {
                break;
            }
        }
        while peer.ask(&generate(session), &aes(false, false)).is_ok() {}
        let refused = peer.ask(&generate(session), &aes(false, false)).map(drop);
        assert_eq!(refused, Err(ErrorCode::ShareExceeded));
    }
    let mut output = std::io::stdout().lock();
    writeln!(output, "{HELD}{}", held.len()).unwrap();
    output.flush().unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// The process of a hoarder.
struct Hoarder {
    child: Child,
    /// Open until it has ended, because its test says at last how it went.
    _output: BufReader<ChildStdout>,
}

/// Starts a hoarder as that user, and gives the number of its connections once it has all.
fn start_hoarder(program: &Path, socket: &Path, uid: u32) -> (Hoarder, usize) {
    let mut child = Command::new(program)
        .args(["shares::two_users_who_hold_all_they_can_keep_nobody_out", "--exact", "--nocapture"])
        .env(SOCKET, socket)
        .current_dir("/")
        .uid(uid)
        .gid(uid)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let count = output.by_ref().lines().map_while(Result::ok).find_map(|line| {
        let (_, count) = line.split_once(HELD)?;
        count.parse().ok()
    });
    (Hoarder { child, _output: output }, count.expect("a hoarder says how much it has"))
}

#[test]
fn two_users_who_hold_all_they_can_keep_nobody_out() {
    if let Some(socket) = std::env::var_os(SOCKET) {
        return hoard(socket.as_ref());
    }
    if !nix::unistd::geteuid().is_root() {
        let _ = std::io::stderr().write_all(b"SKIPPED: calls of other users need root\n");
        return;
    }
    let daemon = Daemon::start();
    // The program may lie where another user cannot go.
    let copied = tempfile::tempdir().unwrap();
    let program = copied.path().join("hoarder");
    copy_program(&std::env::current_exe().unwrap(), &program);
    for (path, mode) in [
        (copied.path(), 0o755),
        (&program, 0o755),
        (daemon.directory(), 0o755),
        (&daemon.socket(), 0o666),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let (mut first, half) = start_hoarder(&program, &daemon.socket(), 65_533);
    let (mut second, quarter) = start_hoarder(&program, &daemon.socket(), 65_534);
    assert!((120..=128).contains(&half) && (60..=64).contains(&quarter), "{half} {quarter}");

    // A third one does all it did before: it finds a place, logs in, makes keys, finds and uses them.
    let mut third = Peer::open(&daemon.socket());
    let session = third.session();
    third.ask(&Login { session, user: 1 }, PIN.as_bytes()).unwrap();
    for token in [false, true] {
        let writing = coffer_protocol::operation::token::OpenSession { slot: 0, read_write: true };
        let session = third.call(&writing, &[]).unwrap().session;
        let key = third.call(&generate(session), &aes(true, token)).unwrap().object;
        let found = third.ask(&FindObjects { session, after: 0 }, b"\0").unwrap();
        assert!(found.payload.chunks(4).any(|handle| handle == key.to_le_bytes()));
        let mechanism = MechanismCall::plain(ckm::CKM_AES_CMAC);
        let sign = SignData { session, key, mechanism };
        assert_eq!(third.ask(&sign, b"data").unwrap().payload.len(), 16);
        let encrypt = EncryptData { session, key, mechanism: gcm() };
        assert_eq!(third.ask(&encrypt, &vec![7; 500_000]).unwrap().payload.len(), 500_016);
    }
    assert!(daemon.coffer(&["status"]).status.success());
    for hoarder in [&mut first, &mut second] {
        drop(hoarder.child.stdin.take());
        assert!(hoarder.child.wait().unwrap().success());
    }
}
