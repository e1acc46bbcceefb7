//! The leak scanner's own controls: it finds keys that a process holds in ordinary memory, and finds
//! nothing in the same process when it holds other keys.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use coffer_tests::leak_scanner::{Hit, Patterns, Report, scan};
use getrandom::SysRng;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::rand_core::UnwrapErr;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};

/// Set for the process that holds the keys: this program, run again.
const HOLDER: &str = "COFFER_TEST_HOLDS_KEYS";
const READY: &str = "the keys are held";

struct Keys {
    aes: [u8; 32],
    rsa: RsaPrivateKey,
}

impl Keys {
    /// Random keys: constants would stand in the program's own read-only data.
    fn random() -> Self {
        let mut aes = [0; 32];
        getrandom::fill(&mut aes).unwrap();
        Self { aes, rsa: RsaPrivateKey::new(&mut UnwrapErr(SysRng), 2048).unwrap() }
    }

    fn patterns(&self) -> Patterns {
        Patterns::all([Patterns::aes256(&self.aes), Patterns::rsa(&self.rsa)])
    }
}

/// A process that holds keys in ordinary memory and has used them.
struct Holder {
    child: Child,
    /// The process ends when this is closed.
    _input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Holder {
    fn of(keys: &Keys) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "control::holder", "--ignored", "--nocapture", "--test-threads=1"])
            .env(HOLDER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let der = keys.rsa.to_pkcs8_der().unwrap();
        input.write_all(&keys.aes).unwrap();
        input.write_all(&u32::try_from(der.as_bytes().len()).unwrap().to_le_bytes()).unwrap();
        input.write_all(der.as_bytes()).unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut holder = Self { child, _input: input, output };
        holder.wait_until_ready();
        holder
    }

    fn wait_until_ready(&mut self) {
        let mut line = String::new();
        while !line.contains(READY) {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the holder of keys ended");
        }
    }

    fn scan(&self, patterns: &Patterns) -> Report {
        let report = scan(self.child.id(), patterns).unwrap();
        println!("{report}");
        report
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Holds the keys that come through standard input until standard input ends.
#[test]
#[ignore = "the other tests run it as a process of its own"]
fn holder() {
    if env::var_os(HOLDER).is_none() {
        return;
    }
    let mut input = std::io::stdin().lock();
    let mut aes = [0; 32];
    input.read_exact(&mut aes).unwrap();
    let mut length = [0; 4];
    input.read_exact(&mut length).unwrap();
    let mut der = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap()];
    input.read_exact(&mut der).unwrap();
    let rsa = RsaPrivateKey::from_pkcs8_der(&der).unwrap();
    let signature = rsa.sign(Pkcs1v15Sign::new_unprefixed(), &[1; 32]).unwrap();
    assert_eq!(signature.len(), 256);

    // The AES key lives on another thread: every thread's memory and registers count.
    let (done, waits) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let cipher = Aes256::new(&aes.into());
        let mut block = [2; 16].into();
        cipher.encrypt_block(&mut block);
        cipher.decrypt_block(&mut block);
        assert_eq!(block, [2; 16]);
        done.send(()).unwrap();
        thread::park();
        drop(cipher);
    });
    waits.recv().unwrap();
    println!("{READY}");
    let _ = input.read(&mut [0]);
    drop(rsa);
}

fn found<'a>(report: &'a Report, pattern: &'a str) -> impl Iterator<Item = &'a Hit> {
    report.memory_hits().filter(move |hit| hit.pattern == pattern)
}

#[test]
fn keys_in_ordinary_memory_are_found() {
    let keys = Keys::random();
    let report = Holder::of(&keys).scan(&keys.patterns());
    for pattern in ["AES key", "AES round key 2", "AES round key 14", "RSA d", "RSA p", "RSA q"] {
        assert!(found(&report, pattern).count() > 0, "{pattern} was not found");
    }
    for pattern in ["RSA d mod p-1", "RSA R mod p", "RSA R^2 mod q"] {
        assert!(found(&report, pattern).count() > 0, "{pattern} was not found");
    }
    assert!(report.threads >= 2);
}

#[test]
fn a_process_with_other_keys_is_clean_and_all_of_it_was_read() {
    let keys = Keys::random();
    let report = Holder::of(&Keys::random()).scan(&keys.patterns());
    report.assert_clean();
    assert_eq!(report.secret_memory(), 0);
    assert!(report.mappings.iter().any(|mapping| mapping.path == "[heap]"));
    assert!(report.mappings.iter().any(|mapping| mapping.path == "[stack]"));
}

#[test]
fn a_scanned_process_goes_on_and_can_be_scanned_again() {
    let keys = Keys::random();
    let holder = Holder::of(&keys);
    let patterns = Patterns::aes256(&keys.aes);
    let first = holder.scan(&patterns);
    let second = holder.scan(&patterns);
    assert!(found(&first, "AES key").count() > 0);
    assert!(found(&second, "AES key").count() > 0);
    let state = std::fs::read_to_string(format!("/proc/{}/stat", holder.child.id())).unwrap();
    let state = state.rsplit_once(") ").unwrap().1.chars().next();
    assert!(matches!(state, Some('S' | 'R')), "{state:?}");
}

#[test]
fn a_process_that_is_gone_is_an_error() {
    let mut child = Command::new("true").spawn().unwrap();
    let id = child.id();
    child.wait().unwrap();
    assert!(scan(id, &Patterns::bytes("any", &[1, 2, 3, 4, 5, 6, 7, 8])).is_err());
}
