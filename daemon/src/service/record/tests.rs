use std::sync::Arc;

use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{MechanismCall, ckm};
use coffer_protocol::operation::Socket;
use coffer_protocol::operation::kms::{CreateKey, Decrypt, Encrypt, Tag};
use coffer_protocol::operation::object::{GenerateKey, GetAttributes};
use coffer_protocol::operation::token::{OpenSession, OpenedSession};
use serde_json::Value;

use super::*;
use crate::audit::Filter;
use crate::service::testing::Peer;

fn service() -> (tempfile::TempDir, Arc<Service>) {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::for_tests(folder.path());
    (folder, service)
}

/// The newest record of an event.
fn newest(service: &Service, name: &str) -> Option<Value> {
    let page = service.audit.list(&Filter::default()).unwrap();
    let events = page.lines.iter().map(|line| serde_json::from_str(&line.event).unwrap());
    events.into_iter().find(|event: &Value| event["eventName"] == name)
}

fn create(alias: &str) -> CreateKey {
    CreateKey {
        alias: alias.to_owned(),
        description: None,
        key_usage: None,
        key_spec: None,
        key_type: None,
        tags: None,
        hsm_cluster: None,
        client_token: None,
        rotate_days: None,
    }
}

/// An application with a session of the second partition, of which the security officer has set no PIN.
fn session(service: &Arc<Service>) -> (Peer, u32, Slot) {
    let slot = service.partitions.by_name("second").unwrap().slot;
    let pins = Payload::Plain(b"officeruser");
    service.initialise(1000, slot, &pins, 7).unwrap();
    let peer = Peer::application(service, 2000);
    let request = OpenSession { slot: slot.0, read_write: true };
    let OpenedSession { session } = peer.call(&request, b"").unwrap();
    (peer, session, slot)
}

fn generate(peer: &Peer, session: u32) -> u32 {
    let template = [
        Attribute::number(a::VALUE_LEN, 32),
        Attribute::boolean(a::PRIVATE, false),
        Attribute::boolean(a::SENSITIVE, false),
        Attribute::boolean(a::EXTRACTABLE, true),
    ];
    let template = postcard::to_stdvec(&template[..]).unwrap();
    let request = GenerateKey {
        session,
        mechanism: MechanismCall::plain(ckm::CKM_AES_KEY_GEN),
        password_length: 0,
    };
    peer.call(&request, &template).unwrap().object
}

#[test]
fn a_request_of_a_session_is_recorded_with_the_partition_and_login_of_its_slot() {
    let (_folder, service) = service();
    let (peer, session, slot) = session(&service);
    assert_ne!(slot, peer.caller.partition);
    peer.caller.application.as_ref().unwrap().log_in(session, Login::User).unwrap();
    generate(&peer, session);
    let event = newest(&service, "GenerateKey").unwrap();
    assert_eq!(event["eventRegion"], "second");
    assert_eq!(event["userIdentity"]["type"], "PKCS11User");
}

#[test]
fn reading_the_value_of_a_key_is_recorded_and_reading_its_label_is_not() {
    let (_folder, service) = service();
    let (peer, session, _) = session(&service);
    let object = generate(&peer, session);
    let read = |kind| {
        let request = GetAttributes { session, object, kinds: vec![kind] };
        peer.call(&request, b"").unwrap();
    };
    read(a::LABEL);
    assert!(newest(&service, "GetAttributes").is_none());
    read(a::VALUE);
    let event = newest(&service, "GetAttributes").unwrap();
    assert_eq!(event["resourceType"], "key");
}

#[test]
fn a_decryption_is_recorded_with_the_key_that_the_ciphertext_names() {
    let (_folder, service) = service();
    let owner = Peer::new(&service, 1000, Socket::App);
    let key_id = owner.call(&create("app"), b"").unwrap().key_id;
    let request = Encrypt { key_id: key_id.clone(), context: None };
    let (_, blob) = owner.exchange(&request, b"plaintext").unwrap();
    owner
        .call(
            &Decrypt { context: None, expected_key: None, public_key: None, algorithm: None },
            &blob,
        )
        .unwrap();
    let event = newest(&service, "Decrypt").unwrap();
    assert_eq!(event["resourceName"], Value::from(key_id));
}

#[test]
fn nobody_fills_the_log_or_the_memory_with_what_is_refused() {
    let (_folder, service) = service();
    let peer = Peer::new(&service, 2000, Socket::App);
    let tag = Tag { key: String::new(), value: String::new() };
    let many = CreateKey { tags: Some(vec![tag; 100_000]), ..create("app") };
    assert_eq!(peer.call(&many, b"").unwrap_err().code(), ErrorCode::TooLarge);
    let long = CreateKey { description: Some("x".repeat(10_000)), ..create("app") };
    let refused = peer.call(&long, b"").unwrap_err().code();
    assert_eq!(refused, ErrorCode::InvalidValue);
    let record = newest(&service, "CreateKey").unwrap().to_string();
    assert!(record.len() < 4 << 10, "{record}");
}

#[test]
fn the_record_of_a_creation_names_the_key_that_was_made() {
    let (_folder, service) = service();
    let owner = Peer::new(&service, 1000, Socket::App);
    let made = owner.call(&create("app"), b"").unwrap();
    let event = newest(&service, "CreateKey").unwrap();
    assert_eq!(event["resourceName"], made.key_id.as_str());
}
