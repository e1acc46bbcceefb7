//! What the audit log costs one AES-256-GCM encryption of 32 bytes.
//!
//! The daemon has no switch that turns auditing off, and gets none for a benchmark. So the service is asked without
//! a socket, by way of the gate, and the gate's audit record of the same request is written alone: the difference
//! is the request without audit.

use std::path::Path;
use std::time::{Duration, Instant};

use coffer_daemon::object::Slot;
use coffer_daemon::service::Service;
use coffer_daemon::service::testing::Peer;
use coffer_daemon::state::login::Login;
use coffer_protocol::attribute::{self, Attribute};
use coffer_protocol::mechanism::{GcmParameter, MechanismCall, ckm};
use coffer_protocol::operation::cipher::EncryptData;
use coffer_protocol::operation::object::GenerateKey;

const PLAINTEXT: [u8; 32] = [0x5a; 32];
/// Rounds, in which both are measured one after the other.
const ROUNDS: u32 = 5;
const TIME: Duration = Duration::from_millis(500);

fn main() {
    // `cargo test --benches` runs this too, and wants to know only that it works.
    let time = if std::env::args().any(|word| word == "--bench") { TIME } else { Duration::ZERO };
    let directory = tempfile::tempdir().expect("a temporary folder");
    let (peer, request) = encryption(directory.path());
    let (mut whole, mut record) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        measure(&mut whole, time, || {
            peer.exchange(&request, &PLAINTEXT).expect("the key encrypts");
        });
        measure(&mut record, time, || {
            peer.record(&request, &PLAINTEXT).expect("the record is written");
        });
    }
    let (whole, record) = (median(&mut whole), median(&mut record));
    println!("AES-256-GCM encrypt 32 B in the service, without the socket (p50, µs)");
    println!("with audit     {:8.2}", micros(whole));
    println!("audit record   {:8.2}", micros(record));
    println!("without audit  {:8.2}", micros(whole.saturating_sub(record)));
}

/// A user with an AES key on the token, and what is asked.
fn encryption(directory: &Path) -> (Peer, EncryptData) {
    let service = Service::for_tests(directory);
    let peer = Peer::application(&service, 1000);
    let application = peer.caller.application.clone().expect("it is an application");
    let session = application.open_session(Slot(0), true, 1).expect("a session");
    application.log_in(session, Login::User).expect("the user logs in");
    let template =
        [Attribute::number(attribute::VALUE_LEN, 32), Attribute::boolean(attribute::TOKEN, true)];
    let template = postcard::to_stdvec(&template[..]).expect("a template can be encoded");
    let generate = GenerateKey {
        session,
        mechanism: MechanismCall::plain(ckm::CKM_AES_KEY_GEN),
        password_length: 0,
    };
    let key = peer.call(&generate, &template).expect("a key is made").object;
    let parameter = GcmParameter { iv: vec![7; 12], aad: Vec::new(), tag_bits: 128 };
    let mechanism = MechanismCall::with(ckm::CKM_AES_GCM, &parameter).expect("it can be encoded");
    (peer, EncryptData { session, key, mechanism })
}

fn measure(times: &mut Vec<Duration>, time: Duration, mut call: impl FnMut()) {
    let begun = Instant::now();
    loop {
        let before = Instant::now();
        call();
        times.push(before.elapsed());
        if begun.elapsed() >= time {
            return;
        }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
