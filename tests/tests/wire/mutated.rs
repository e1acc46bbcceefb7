//! Frames with changed bytes end no daemon.

use std::net::Shutdown;

use coffer_protocol::handshake::{HELLO, Role};
use coffer_protocol::mechanism::MechanismCall;
use coffer_protocol::operation::cipher::EncryptData;
use coffer_protocol::operation::kms::{Encrypt, GenerateRandom, ListKeys};
use coffer_protocol::operation::token::OpenSession;
use coffer_tests::daemon::Daemon;
use coffer_tests::wire::{Wire, frame, frame_of, hello};

use crate::{assert_serves, status};

/// Numbers that look random and are the same each time (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }
}

/// Changes bytes, cuts, lengthens or repeats.
fn mutate(numbers: &mut Numbers, bytes: &mut Vec<u8>) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.push(numbers.byte()),
            2 => bytes[at] ^= 1 << numbers.below(8),
            3 => bytes.insert(at, numbers.byte()),
            4 => bytes.extend_from_within(at..),
            _ => bytes[at] = [0, 0xFF, 0x80, 0x7F][numbers.below(4)],
        }
    }
}

#[test]
fn ten_thousand_mutated_frames_end_no_daemon() {
    let daemon = Daemon::start();
    let pid = daemon.pid();
    let gcm = MechanismCall { mechanism: 0x1087, parameter: vec![12, 1, 2, 3] };
    let frames = [
        status(1),
        frame_of(&GenerateRandom { length: 32 }, &[], 2),
        frame_of(&Encrypt { key_id: "alias/a".into(), context: Some("{}".into()) }, b"text", 3),
        frame_of(
            &ListKeys { offset: Some(0), limit: Some(5), role: None, hsm_cluster: None },
            &[],
            4,
        ),
        frame_of(&OpenSession { slot: 0, read_write: true }, &[], 5),
        frame_of(&EncryptData { session: 1, key: 1, mechanism: gcm }, b"data", 6),
        frame(0x0120, &1_u64, &[2, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0x11, 4, 1, 2, 3, 4], 7),
        frame(0x0126, &(1_u64, 1_u64), &[1, 3, 1, 65], 8),
    ];
    let mut numbers = Numbers(0x00C0_FFEE);
    for round in 0..10_000 {
        let role = if round % 2 == 0 { Role::Application } else { Role::Service };
        let mut bytes = frames[numbers.below(frames.len())].clone();
        mutate(&mut numbers, &mut bytes);
        // Tries of PINs are held back by design.
        if bytes.get(4..6).is_some_and(|number| matches!(number, [2 | 7 | 9 | 10, 1])) {
            continue;
        }
        let mut wire = Wire::connect(&daemon.socket());
        let greeting = frame(HELLO, &hello(role, None), &[], 1);
        let _ = wire.send(&[greeting, bytes].concat());
        let _ = wire.0.shutdown(Shutdown::Write);
        let mut answers = 0;
        while wire.receive().is_some() {
            answers += 1;
        }
        assert!(answers >= 1, "round {round}: no welcome");
    }
    assert_serves(&daemon, pid);
    let mut first = Wire::connect(&daemon.socket());
    for round in 0..1000 {
        let mut bytes = frame(HELLO, &hello(Role::Application, Some([7; 16])), &[], 1);
        mutate(&mut numbers, &mut bytes);
        let _ = first.send(&bytes);
        let _ = first.0.shutdown(Shutdown::Write);
        while first.receive().is_some() {}
        assert_eq!(daemon.pid(), pid, "round {round}");
        first = Wire::connect(&daemon.socket());
    }
    assert_serves(&daemon, pid);
}
