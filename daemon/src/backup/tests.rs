//! A backup of one service into another: what comes back, what does not, and files that are not what was written.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use coffer_protocol::error::Failure;
use coffer_protocol::frame;
use coffer_protocol::message::{Bytes, Message};
use coffer_protocol::operation::backup::{
    ContinueStoreCheck, FinishRestore, ReadBackupPart, RestorePlan, Restored, SendRestorePart,
    StartBackup, StartRestore, StartStoreCheck,
};
use coffer_protocol::operation::{Operation, Socket, kms, system};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::header::COSTS;
use super::*;
use crate::crypto::{self, PublicKey};
use crate::object::{Object, ObjectId, Tombstone};
use crate::pin::Role;
use crate::service::Service;
use crate::service::testing::Peer;
use crate::store::{Batch, Expected, InBackup, KeyId, Record, Table};

const PASSPHRASE: &[u8] = b"correct horse battery";

fn base64_of(bytes: &[u8]) -> Value {
    coffer_protocol::message::json::base64(bytes)
}

struct Device {
    service: Arc<Service>,
    owner: Peer,
    _directory: tempfile::TempDir,
}

impl Device {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = Service::for_tests(directory.path());
        let owner = Peer::new(&service, 1000, Socket::Admin);
        Self { service, owner, _directory: directory }
    }

    fn ask<O: Operation + Message>(&self, fields: Value) -> (O::Reply, Vec<u8>) {
        let Value::Object(fields) = fields else { panic!("fields are an object") };
        let (request, payload) = O::from_json(fields).unwrap();
        self.owner.exchange(&request, &payload).unwrap()
    }

    fn create(&self, alias: &str, usage: &str) -> String {
        let fields = json!({ "Alias": alias, "KeyUsage": usage, "Description": "d" });
        self.ask::<kms::CreateKey>(fields).0.key_id
    }

    fn backup(&self) -> Vec<u8> {
        self.owner.call(&StartBackup {}, PASSPHRASE).unwrap();
        let mut file = Vec::new();
        loop {
            let (part, bytes) = self.owner.exchange(&ReadBackupPart {}, b"").unwrap();
            file.extend(bytes);
            if part.last {
                return file;
            }
        }
    }

    fn examine(&self, file: &[u8], passphrase: &[u8]) -> Result<RestorePlan, Failure> {
        let (header, body) = file.split_at(file.len().min(Header::LENGTH));
        self.owner.call(&StartRestore { header: Bytes(header.to_vec()) }, passphrase)?;
        let mut parts = body.chunks(100_000).peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            if let Some(plan) = self.owner.call(&SendRestorePart { last }, part)?.plan {
                return Ok(plan);
            }
        }
        let plan = self.owner.call(&SendRestorePart { last: true }, b"")?.plan;
        Ok(plan.expect("the last part has a plan"))
    }

    fn restore(&self, file: &[u8]) -> Result<Restored, Failure> {
        self.examine(file, PASSPHRASE)?;
        self.owner.call(&FinishRestore {}, b"")
    }

    fn findings(&self) -> Vec<String> {
        self.owner.call(&StartStoreCheck {}, b"").unwrap();
        let mut findings = Vec::new();
        loop {
            let step = self.owner.call(&ContinueStoreCheck {}, b"").unwrap();
            findings.extend(step.findings);
            if step.finished {
                return findings;
            }
        }
    }

    fn objects(&self) -> Vec<Arc<Object>> {
        let slots = self.service.partitions.all();
        slots.iter().flat_map(|partition| self.service.registry.objects(partition.slot)).collect()
    }
}

/// Everything of an object that must come back as it was.
fn face(objects: &[Arc<Object>]) -> Vec<String> {
    let face = |object: &Arc<Object>| {
        let Object { id, slot, sequence, attributes, key, material, .. } = &**object;
        format!("{id} {slot:?} {sequence} {attributes:?} {key:?} {material:?}")
    };
    objects.iter().map(face).collect()
}

/// A device with a key of each kind, one of them disabled, and one destroyed.
fn full() -> (Device, Vec<u8>, ObjectId) {
    let device = Device::new();
    let init = system::InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
    device.owner.call(&init, b"officeruser").unwrap();
    let key = device.create("symmetric", "ENCRYPT_DECRYPT");
    device.create("rsa", "ASYMMETRIC_SIGN_VERIFY_RSA_2048");
    device.create("ec", "ASYMMETRIC_SIGN_VERIFY_ECC");
    device.create("sm2", "ASYMMETRIC_SIGN_VERIFY_SM2");
    let disabled = device.create("disabled", "ENCRYPT_DECRYPT");
    device.ask::<kms::DisableKey>(json!({ "KeyId": disabled }));
    let gone = ObjectId::parse(&device.create("gone", "ENCRYPT_DECRYPT")).unwrap();
    let object = device.service.registry.get(gone).unwrap();
    device.service.registry.destroy(gone, Tombstone::of(&object, 1).to_bytes()).unwrap();
    let encrypt = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
    let ciphertext = device.ask::<kms::Encrypt>(encrypt).1;
    (device, ciphertext, gone)
}

#[test]
fn what_was_backed_up_comes_back_under_another_root_key() {
    let (one, ciphertext, gone) = full();
    let file = one.backup();
    let two = Device::new();
    let plan = two.examine(&file, PASSPHRASE).unwrap();
    assert!(plan.possible && plan.skipped.is_empty(), "{plan:?}");
    assert_eq!((plan.keys, plan.versions, plan.tombstones), (5, 5, 1));
    assert!(two.objects().is_empty(), "a plan changes nothing");
    assert_eq!(two.owner.call(&FinishRestore {}, b"").unwrap().plan.objects, plan.objects);
    assert_eq!(face(&two.objects()), face(&one.objects()));
    let blob = base64_of(&ciphertext);
    let decrypted = two.ask::<kms::Decrypt>(json!({ "CiphertextBlob": blob })).1;
    assert_eq!(decrypted, b"secret");
    assert!(two.service.store.get(Table::Tombstones, KeyId(gone.0).into()).unwrap().is_some());
    assert_eq!(two.findings(), Vec::<String>::new());
    // New keys come after the old ones, and nothing was left in memory only.
    let new = two.create("new", "ENCRYPT_DECRYPT");
    let order: Vec<_> = two.objects().iter().map(|object| object.sequence).collect();
    assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
    assert_eq!(two.objects().last().unwrap().id.to_string(), new);
}

/// Imports 32 bytes into a key that waits for its material, and leaves a second token open.
fn import(device: &Device, key: &str, material: [u8; 32]) -> Result<(), Failure> {
    let fields = json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" });
    device.ask::<kms::GetParametersForImport>(fields.clone());
    let parameters = device.ask::<kms::GetParametersForImport>(fields).0;
    let wrapping = PublicKey::from_spki(&parameters.public_key.0).unwrap();
    let wrapped = crypto::sm2_encrypt(&wrapping, crypto::sm2::Form::Asn1, &material).unwrap();
    let fields = json!({
        "KeyId": key,
        "EncryptedKeyMaterial": base64_of(&wrapped),
        "ImportToken": base64_of(&parameters.token.0),
    });
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    let (request, payload) = kms::ImportKeyMaterial::from_json(fields).unwrap();
    device.owner.call(&request, &payload).map(drop)
}

#[test]
fn imported_keys_come_back_and_keep_their_material_for_ever() {
    let one = Device::new();
    let external = |alias| {
        let fields = json!({ "Alias": alias, "Type": 2 });
        one.ask::<kms::CreateKey>(fields).0.key_id
    };
    let (kept, wiped) = (external("kept"), external("wiped"));
    for key in [&kept, &wiped] {
        import(&one, key, [7; 32]).unwrap();
    }
    let encrypt = json!({ "KeyId": kept, "Plaintext": "c2VjcmV0" });
    let ciphertext = one.ask::<kms::Encrypt>(encrypt).1;
    one.ask::<kms::DeleteImportedKeyMaterial>(json!({ "KeyId": wiped }));
    assert_eq!(one.findings(), Vec::<String>::new(), "the keys of open tokens are no finding");
    let records = one.owner.call(&StartBackup {}, PASSPHRASE).unwrap().records;
    let (part, file) = one.owner.exchange(&ReadBackupPart {}, b"").unwrap();
    assert!(part.last);
    assert_eq!(part.records, records);
    let two = Device::new();
    let plan = two.restore(&file).unwrap().plan;
    assert_eq!((plan.keys, plan.versions), (2, 1), "tokens stay behind with their keys");
    assert_eq!(two.findings(), Vec::<String>::new());
    let blob = base64_of(&ciphertext);
    assert_eq!(two.ask::<kms::Decrypt>(json!({ "CiphertextBlob": blob })).1, b"secret");
    let other = import(&two, &wiped, [8; 32]).unwrap_err();
    assert_eq!(other.code(), ErrorCode::MaterialNotMatch);
    import(&two, &wiped, [7; 32]).unwrap();
}

#[test]
fn pins_do_not_come_back_and_tokens_stay_closed_until_the_owner_sets_them() {
    let (one, ..) = full();
    let file = one.backup();
    let two = Device::new();
    let init = system::InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
    two.owner.call(&init, b"officeruser").unwrap();
    two.restore(&file).unwrap();
    let partition = two.service.partitions.by_name("dev").unwrap();
    assert!(partition.initialised && !partition.user_pin);
    assert_eq!(partition.serial, one.service.partitions.by_name("dev").unwrap().serial);
    for role in [Role::SecurityOfficer, Role::User] {
        assert!(!two.service.pins.is_set(partition.slot, role));
    }
    two.owner.call(&init, b"officeruser").unwrap();
    assert!(two.service.pins.is_set(partition.slot, Role::User));
    assert_eq!(two.findings(), Vec::<String>::new());
}

#[test]
fn a_store_that_is_not_empty_is_left_alone() {
    let (one, ..) = full();
    let file = one.backup();
    let before = (face(&one.objects()), one.service.store.generation());
    let plan = one.examine(&file, PASSPHRASE).unwrap();
    assert!(!plan.possible && plan.obstacle.unwrap().contains("holds"));
    let refused = one.owner.call(&FinishRestore {}, b"").unwrap_err();
    assert_eq!(refused.code(), ErrorCode::StoreNotEmpty);
    assert_eq!((face(&one.objects()), one.service.store.generation()), before);
}

#[test]
fn a_key_that_was_destroyed_here_does_not_come_back() {
    let one = Device::new();
    let (lost, kept) =
        (one.create("lost", "ASYMMETRIC_SIGN_VERIFY_ECC"), one.create("kept", "ENCRYPT_DECRYPT"));
    let file = one.backup();
    let two = Device::new();
    two.restore(&file).unwrap();
    for id in [&lost, &kept] {
        let id = ObjectId::parse(id).unwrap();
        let tombstone = Tombstone { slot: 0, created: 1, destroyed: 2 };
        two.service.registry.destroy(id, tombstone.to_bytes()).unwrap();
    }
    for object in two.objects() {
        two.service.registry.destroy(object.id, Vec::new()).unwrap();
    }
    let restored = two.restore(&file).unwrap();
    assert_eq!((restored.plan.objects, restored.plan.versions), (0, 0));
    assert_eq!(restored.plan.skipped.len(), 3, "both keys and the public half");
    assert!(two.objects().is_empty());
    assert_eq!(two.findings(), Vec::<String>::new());
}

#[test]
fn a_backup_is_of_its_moment_whatever_changes_meanwhile() {
    let one = Device::new();
    let ids: Vec<_> = (0..6).map(|n| one.create(&format!("key-{n}"), "ENCRYPT_DECRYPT")).collect();
    let before = face(&one.objects());
    one.owner.call(&StartBackup {}, PASSPHRASE).unwrap();
    // Destroying replaces epoch keys, under which the frozen records are wrapped.
    for id in &ids[..3] {
        let id = ObjectId::parse(id).unwrap();
        let tombstone = Tombstone { slot: 0, created: 1, destroyed: 2 };
        one.service.registry.destroy(id, tombstone.to_bytes()).unwrap();
    }
    one.ask::<kms::DisableKey>(json!({ "KeyId": ids[3] }));
    one.create("later", "ENCRYPT_DECRYPT");
    let (part, file) = one.owner.exchange(&ReadBackupPart {}, b"").unwrap();
    assert!(part.last);
    let two = Device::new();
    let restored = two.restore(&file).unwrap();
    assert_eq!((restored.plan.keys, restored.plan.tombstones), (6, 0));
    assert_eq!(face(&two.objects()), before);
}

#[test]
fn a_backup_that_was_left_alone_is_told_so() {
    let one = Device::new();
    let refused = one.owner.call(&ReadBackupPart {}, b"").unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NoTransfer);
    let short = one.owner.call(&StartBackup {}, b"eleven byte").unwrap_err();
    assert_eq!(short.code(), ErrorCode::InvalidValue);
}

#[test]
fn the_passphrase_must_be_right() {
    let one = Device::new();
    let file = one.backup();
    let generation = one.service.store.generation();
    for wrong in [&b"correct horse batterz"[..], b"", b"correct horse battery "] {
        let refused = one.examine(&file, wrong).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::BackupPassphrase);
    }
    assert_eq!(one.service.store.generation(), generation);
}

/// A backup of more than two chunks, and an empty device.
fn long() -> &'static (Vec<u8>, Mutex<Device>) {
    static LONG: OnceLock<(Vec<u8>, Mutex<Device>)> = OnceLock::new();
    LONG.get_or_init(|| {
        let one = Device::new();
        one.create("key", "ENCRYPT_DECRYPT");
        let mut batch = Batch::new();
        for n in 0..5000_u32 {
            let mut id = [7; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            let body = Tombstone { slot: 0, created: 1, destroyed: 2 }.to_bytes();
            let record = Record { id: id.into(), version: 0, state: 0, body };
            batch.put(Table::Tombstones, record, Expected::New);
        }
        one.service.store.commit(batch).unwrap();
        let file = one.backup();
        assert!(file.len() > 2 * (CHUNK + TAG) + Header::LENGTH, "{}", file.len());
        (file, Mutex::new(Device::new()))
    })
}

fn refused(file: &[u8]) -> bool {
    let device = long().1.lock().unwrap_or_else(PoisonError::into_inner);
    let generation = device.service.store.generation();
    let code = device.examine(file, PASSPHRASE).map_err(|failure| failure.code());
    let known = [ErrorCode::BackupDamaged, ErrorCode::BackupPassphrase];
    code.is_err_and(|code| known.contains(&code)) && device.service.store.generation() == generation
}

#[test]
fn no_bit_of_the_header_may_differ() {
    let file = &long().0;
    for bit in 0..Header::LENGTH * 8 {
        let mut bad = file[..Header::LENGTH + 100].to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        // Costs that are merely higher are tried, which takes its time; the derivation has its own tests.
        let costs = (12..24).contains(&(bit / 8));
        assert!(costs || refused(&bad), "{bit}");
    }
    assert_eq!(COSTS.passes, 1, "the costs of tests");
}

#[test]
fn chunks_cannot_be_moved_left_out_or_added() {
    let file = &long().0;
    let (header, body) = file.split_at(Header::LENGTH);
    let chunks: Vec<_> = body.chunks(CHUNK + TAG).collect();
    let joined = |order: &[usize]| {
        let body: Vec<u8> = order.iter().flat_map(|at| chunks[*at].to_vec()).collect();
        [header, &body].concat()
    };
    let whole: Vec<_> = (0..chunks.len()).collect();
    assert!(!refused(&joined(&whole)));
    let last = chunks.len() - 1;
    for order in [&whole[..last], &whole[1..], &[1, 0, 2][..], &[0, 0, 1, 2], &[0, 2]] {
        assert!(refused(&joined(order)), "{order:?}");
    }
    assert!(refused(&joined(&[&whole[..], &[last]].concat())));
    assert!(refused(&[&file[..], &[0]].concat()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_is_noticed(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut file = long().0.clone();
        let at = Header::LENGTH + place.index(file.len() - Header::LENGTH);
        file[at] ^= 1 << bit;
        prop_assert!(refused(&file));
    }

    #[test]
    fn a_cut_file_is_noticed(place in any::<prop::sample::Index>()) {
        let file = &long().0;
        prop_assert!(refused(&file[..place.index(file.len())]));
    }
}

#[test]
fn a_part_of_material_cannot_be_read_in_the_file_without_the_vault() {
    // The store's records are in the clear under the chunk's key; material is sealed once more.
    for table in Table::ALL {
        let secret = matches!(table, Table::Wrapping | Table::Material | Table::Pins);
        assert!(!secret || table.in_backup() != InBackup::Copied, "{table}");
    }
}

#[test]
fn the_check_finds_nothing_in_a_store_that_is_whole_and_changes_nothing() {
    let (device, ..) = full();
    let generation = device.service.store.generation();
    assert_eq!(device.findings(), Vec::<String>::new());
    assert_eq!(device.service.store.generation(), generation);
    assert!(frame::MAX_PAYLOAD as usize > 5 * (CHUNK + TAG));
}
