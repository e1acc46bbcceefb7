//! What the applications of a user make the daemon keep for them is bounded, whatever they do not fetch or do not free.
//! No PIN is given: whoever is let in at all could do this.

use std::time::Instant;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::frame::{MAX_PAYLOAD, encode_meta};
use coffer_protocol::mechanism::{IvParameter, MechanismCall, ckm};
use coffer_protocol::operation::cipher::{
    FinishOperation, Function, StartOperation, UpdateOperation,
};
use coffer_protocol::operation::object::{CreateObject, GenerateKey};
use coffer_tests::daemon::{DEADLINE, Daemon};
use coffer_tests::wire::Peer;

fn public(more: &[Attribute]) -> Vec<u8> {
    encode_meta(&[&[Attribute::boolean(a::PRIVATE, false)], more].concat()).unwrap()
}

#[test]
fn results_that_nobody_fetches_are_bounded() {
    const MOST: usize = 64 << 20;
    const EACH: usize = 16 << 20;
    let daemon = Daemon::start();
    let mut peer = Peer::open(&daemon.socket());
    let session = peer.session();
    let mechanism = MechanismCall::plain(ckm::CKM_AES_KEY_GEN);
    let template = public(&[Attribute::number(a::VALUE_LEN, 16)]);
    let generate = GenerateKey { session, mechanism, password_length: 0 };
    let key = peer.call(&generate, &template).unwrap().object;
    let mechanism = MechanismCall::with(ckm::CKM_AES_CTS, &IvParameter { iv: [7; 16] }).unwrap();
    let part = vec![7; MAX_PAYLOAD as usize];
    let function = Function::Encrypt as u8;
    // Each session has a whole result, of which the first part is fetched.
    let keep = |peer: &mut Peer| -> Result<u32, ErrorCode> {
        let session = peer.session();
        let start = StartOperation { session, function, key, mechanism: mechanism.clone() };
        peer.ask(&start, &part)?;
        for _ in 1..EACH / part.len() {
            peer.ask(&UpdateOperation { session, function }, &part)?;
        }
        let finish = FinishOperation { session, function, signature: Vec::new() };
        assert_eq!(peer.ask(&finish, &[])?.payload.len(), part.len());
        Ok(session)
    };
    let mut sessions = Vec::new();
    let refused = loop {
        match keep(&mut peer) {
            Ok(session) => sessions.push(session),
            Err(code) => break code,
        }
        assert!(sessions.len() <= MOST / EACH);
    };
    assert_eq!(refused, ErrorCode::ShareExceeded);
    // What is fetched makes room.
    let finish = FinishOperation { session: sessions[0], function, signature: Vec::new() };
    let mut rest = 0;
    while let Ok(reply) = peer.ask(&finish, &[]) {
        rest += reply.payload.len();
    }
    assert_eq!(rest, EACH - part.len());
    assert!(keep(&mut peer).is_ok());
}

#[test]
fn session_objects_are_bounded_in_bytes() {
    let daemon = Daemon::start();
    let mut peer = Peer::open(&daemon.socket());
    let session = peer.session();
    let value = Attribute::bytes(a::VALUE, vec![7; 60_000]);
    let template = public(&[Attribute::number(a::CLASS, 0), value]);
    let create = CreateObject { session };
    let mut made = 0;
    let refused = loop {
        match peer.call(&create, &template) {
            Ok(_) => made += 1,
            Err(code) => break code,
        }
        assert!(made <= 300);
    };
    assert_eq!(refused, ErrorCode::ShareExceeded);
    assert!(made > 200);
    // They end with their session, or with their application.
    let close = coffer_protocol::operation::token::CloseSession { session };
    peer.ask(&close, &[]).unwrap();
    let session = peer.session();
    for _ in 0..made {
        peer.ask(&CreateObject { session }, &template).unwrap();
    }
    // Another application of the same user adds nothing to its share.
    let mut other = Peer::open(&daemon.socket());
    let session = other.session();
    let refused = other.ask(&CreateObject { session }, &template).map(drop);
    assert_eq!(refused, Err(ErrorCode::ShareExceeded));
    drop(peer);
    let begun = Instant::now();
    while other.ask(&CreateObject { session }, &template).is_err() {
        assert!(begun.elapsed() < DEADLINE, "what an application held is not given back");
    }
}
