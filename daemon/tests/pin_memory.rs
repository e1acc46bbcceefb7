//! The memory that a PIN derivation takes is given back, whichever threads derive.
#![expect(clippy::unwrap_used, reason = "what is unexpected fails the test")]

use coffer_daemon::service::Service;
use coffer_daemon::service::testing::Peer;
use coffer_protocol::operation::Socket;
use coffer_protocol::operation::system::InitPartition;
use coffer_protocol::operation::token::{Login, Logout, OpenSession};

/// Less than half of one matrix.
const GROWTH_KIB: u64 = 9 << 10;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn logins_on_many_threads_leave_no_matrix_behind() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::for_tests(directory.path());
    let init = InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
    Peer::new(&service, 1000, Socket::Admin).call(&init, b"officeruser").unwrap();
    let before = resident_kib();
    std::thread::scope(|scope| {
        for uid in 1001..1009 {
            let service = &service;
            scope.spawn(move || {
                let peer = Peer::application(service, uid);
                let open = OpenSession { slot: 0, read_write: false };
                let session = peer.call(&open, b"").unwrap().session;
                for _ in 0..3 {
                    peer.call(&Login { session, user: 1 }, b"user").unwrap();
                    peer.call(&Logout { session }, b"").unwrap();
                }
            });
        }
    });
    let growth = resident_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB, "{growth} KiB more than before");
}
