//! Whatever is listed, however much of it there is and however long it is, a reply fits into a frame, and page after
//! page gives all of it.

#![allow(clippy::unwrap_used)] // all of it is tests

use std::sync::Arc;

use coffer_daemon::audit::{Action, Event, LONGEST_BODY, Priority};
use coffer_daemon::config::Limits;
use coffer_daemon::service::testing::Peer;
use coffer_daemon::service::{Payload, Service};
use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::frame::{MAX_META, decode_meta};
use coffer_protocol::operation::kms::{
    CreateKey, DescribeKeys, GetRegions, ListKeyDetail, ListKeys,
};
use coffer_protocol::operation::object::{CreateObject, FindObjects, FoundObjects};
use coffer_protocol::operation::system::{CreatePartition, ListAuditEvents, ListPartitions};
use coffer_protocol::operation::token::{ListTokens, OpenSession};
use coffer_protocol::operation::{Operation, Socket};
use proptest::prelude::*;

const OWNER: u32 = 1000;

struct Device {
    service: Arc<Service>,
    _directory: tempfile::TempDir,
}

impl Device {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits { keys: 1000, ..Limits::default() };
        let service = Service::for_tests_with(directory.path(), limits);
        Self { service, _directory: directory }
    }

    fn owner(&self) -> Peer {
        Peer::new(&self.service, OWNER, Socket::Admin)
    }
}

/// The answer, which fits into a frame.
fn fitting<O: Operation>(peer: &Peer, request: &O) -> O::Reply {
    let answer = peer.unread(request).unwrap();
    assert!(answer.meta.len() <= MAX_META as usize, "{} bytes", answer.meta.len());
    decode_meta(&answer.meta).unwrap()
}

/// Writes records of about those lengths, and gives their names, newest first.
fn write(service: &Service, lengths: &[usize]) -> Vec<String> {
    let mut names = Vec::new();
    for (number, length) in lengths.iter().enumerate() {
        let name = format!("Listed{number}");
        let event = |text: usize| {
            let event = Event::new(name.clone(), Action::Write);
            event.parameter("Text", "\"".repeat(text))
        };
        // As long as is let in: a quotation mark takes two bytes.
        let fits = |text: usize| service.audit.append(event(text), Priority::Normal).is_ok();
        let longest = usize::try_from(LONGEST_BODY).unwrap() / 2 - 600;
        let wanted = (*length).min(longest);
        assert!(fits(wanted), "{wanted}");
        names.push(name);
    }
    names.reverse();
    names
}

/// All events that were written here, page by page.
fn pages(peer: &Peer, limit: i64) -> (Vec<String>, usize) {
    let (mut all, mut before, mut count) = (Vec::new(), None, 0);
    loop {
        let request = ListAuditEvents { from: None, to: None, limit: Some(limit), before };
        let page = fitting(peer, &request);
        assert!(page.events.len() <= usize::try_from(limit).unwrap());
        assert!(!page.events.is_empty() || page.next.is_none());
        count += 1;
        all.extend(page.events.iter().filter_map(|event| {
            let event: serde_json::Value = serde_json::from_str(event).unwrap();
            let name = event["eventName"].as_str().unwrap().to_owned();
            name.starts_with("Listed").then_some(name)
        }));
        match page.next {
            Some(next) => before = Some(next),
            None => return (all, count),
        }
    }
}

#[test]
fn the_largest_audit_records_come_in_pages_that_fit() {
    let device = Device::new();
    let written = write(&device.service, &[usize::MAX; 60]);
    let (listed, count) = pages(&device.owner(), 500);
    assert_eq!(listed, written);
    assert!(count > 3, "{count}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn audit_records_of_any_length_come_once_each(
        lengths in prop::collection::vec(prop_oneof![0_usize..200, 0_usize..40_000, Just(usize::MAX)], 1..80),
        limit in 1_i64..=500,
    ) {
        let device = Device::new();
        let written = write(&device.service, &lengths);
        prop_assert_eq!(pages(&device.owner(), limit).0, written);
    }
}

#[test]
fn objects_whose_lists_of_mechanisms_are_long_are_found() {
    let device = Device::new();
    let slot = coffer_daemon::object::Slot(0);
    device.service.initialise(OWNER, slot, &Payload::Plain(b"officeruser"), 7).unwrap();
    let peer = Peer::application(&device.service, 2000);
    let open = OpenSession { slot: 0, read_write: true };
    let session = peer.call(&open, &[]).unwrap().session;
    // Each number takes ten bytes in a reply.
    let mechanisms = vec![u64::MAX.to_le_bytes(); 7800].concat();
    let template = [
        Attribute::number(a::CLASS, 4),
        Attribute::number(a::KEY_TYPE, 0x10),
        Attribute::bytes(a::VALUE, vec![7; 32]),
        Attribute::boolean(a::PRIVATE, false),
        Attribute::bytes(a::ALLOWED_MECHANISMS, mechanisms),
    ];
    let template = postcard::to_stdvec(&template[..]).unwrap();
    for _ in 0..20 {
        peer.call(&CreateObject { session }, &template).unwrap();
    }
    let (all, handles) = peer.exchange(&FindObjects { session, after: 0 }, b"\0").unwrap();
    assert_eq!(handles.len() / 4, 20);
    assert!((5..16).contains(&all.descriptions.len()), "{}", all.descriptions.len());
    let _: FoundObjects = fitting_with(&peer, &FindObjects { session, after: 0 });
}

/// The same with an empty template.
fn fitting_with<O: Operation>(peer: &Peer, request: &O) -> O::Reply {
    let (reply, _) = peer.exchange(request, b"\0").unwrap();
    let meta = coffer_protocol::frame::encode_meta(&reply).unwrap();
    assert!(meta.len() <= MAX_META as usize, "{} bytes", meta.len());
    reply
}

#[test]
fn keys_with_the_longest_fields_fit() {
    let device = Device::new();
    let owner = Peer::new(&device.service, OWNER, Socket::App);
    let mut ids = Vec::new();
    for number in 0..200 {
        let create = CreateKey {
            alias: format!("{number:0>60}"),
            description: Some("d".repeat(1024)),
            key_usage: None,
            key_spec: None,
            key_type: None,
            tags: None,
            hsm_cluster: None,
            client_token: None,
            rotate_days: None,
        };
        ids.push(owner.call(&create, b"").unwrap().key_id);
    }
    let detail = ListKeyDetail {
        offset: None,
        limit: Some(200),
        role: None,
        order: None,
        key_state: None,
        search: None,
        origin: None,
        key_usage: None,
        tags: None,
        hsm_cluster: None,
    };
    assert_eq!(fitting(&owner, &detail).keys.len(), 200);
    let list = ListKeys { offset: None, limit: Some(200), role: None, hsm_cluster: None };
    assert_eq!(fitting(&owner, &list).keys.len(), 200);
    ids.truncate(100);
    assert_eq!(fitting(&owner, &DescribeKeys { key_ids: ids }).metadatas.len(), 100);
}

#[test]
fn partitions_are_so_few_that_they_fit() {
    let device = Device::new();
    let owner = device.owner();
    let mut count = fitting(&owner, &ListPartitions {}).partitions.len();
    let refused = loop {
        let name = format!("{count:0>32}");
        match owner.call(&CreatePartition { name }, b"") {
            Ok(_) => count += 1,
            Err(failure) => break failure.code(),
        }
    };
    assert_eq!((refused, count), (ErrorCode::PartitionCount, 1000));
    assert_eq!(fitting(&owner, &ListPartitions {}).partitions.len(), 1000);
    assert_eq!(fitting(&owner, &GetRegions {}).regions.len(), 1001);
    let application = Peer::application(&device.service, 2000);
    assert_eq!(fitting(&application, &ListTokens {}).tokens.len(), 1000);
}
