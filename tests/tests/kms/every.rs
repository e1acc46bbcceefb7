//! `coffer call`: every operation that it lists works, over the sockets of a daemon.

use std::cell::RefCell;
use std::collections::BTreeSet;

use coffer_tests::base64::{decode, encode};
use coffer_tests::batch::Batch;
use coffer_tests::daemon::Daemon;
use coffer_tests::material;
use getrandom::SysRng;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sm2::pkcs8::DecodePublicKey;

/// A connection that remembers which operations have worked.
struct World<'w> {
    batch: RefCell<Batch>,
    worked: &'w RefCell<BTreeSet<String>>,
}

impl World<'_> {
    fn call(&self, action: &str, request: &Value) -> Value {
        let reply = self.batch.borrow_mut().call(action, request);
        self.worked.borrow_mut().insert(action.to_owned());
        reply
    }

    fn create(&self, alias: &str, usage: &str) -> Value {
        self.call("CreateKey", &json!({ "Alias": alias, "KeyUsage": usage }))["KeyId"].clone()
    }

    fn state(&self, key: &Value) -> Value {
        self.call("DescribeKey", &json!({ "KeyId": key }))["KeyMetadata"]["KeyState"].clone()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn keys(world: &World) {
    let key = world.create("app", "ENCRYPT_DECRYPT");
    let of = || json!({ "KeyId": key });
    for (action, expected) in [
        ("DisableKey", "Disabled"),
        ("EnableKey", "Enabled"),
        ("ArchiveKey", "Archived"),
        ("CancelKeyArchive", "Enabled"),
        ("DisableKey", "Disabled"),
    ] {
        world.call(action, &of());
        assert_eq!(world.state(&key), expected);
    }
    let schedule = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    assert_eq!(world.call("ScheduleKeyDeletion", &schedule)["KeyId"], key);
    assert_eq!(world.state(&key), "PendingDelete");
    world.call("CancelKeyDeletion", &of());
    for (action, expected) in
        [("EnableKeys", "Enabled"), ("DisableKeys", "Disabled"), ("EnableKeys", "Enabled")]
    {
        world.call(action, &json!({ "KeyIds": [key] }));
        assert_eq!(world.state(&key), expected);
    }
    world.call("UpdateKeyDescription", &json!({ "KeyId": key, "Description": "new" }));
    world.call("UpdateAlias", &json!({ "KeyId": key, "Alias": "renamed" }));
    let described = world.call("DescribeKeys", &json!({ "KeyIds": ["alias/renamed"] }));
    assert_eq!(described["KeyMetadatas"][0]["Description"], "new");
    assert_eq!(world.call("ListKeys", &json!({}))["Keys"], json!([{ "KeyId": key }]));
    assert_eq!(world.call("ListKeyDetail", &json!({}))["KeyMetadatas"][0]["Alias"], "renamed");
    world.call(
        "TagResource",
        &json!({ "KeyId": key, "Tags": [{ "TagKey": "k", "TagValue": "v" }] }),
    );
    assert_eq!(world.call("ListResourceTags", &of())["Tags"][0]["TagValue"], "v");
    world.call("UntagResource", &json!({ "KeyId": key, "TagKeys": ["k"] }));
    assert_eq!(world.call("ListResourceTags", &of())["Tags"], json!([]));
    let binding = json!({ "KeyId": key, "ProductId": "luks", "ResourceId": "disk" });
    world.call("BindCloudResource", &binding);
    world.call("UnbindCloudResource", &binding);
    world.call("EnableKeyRotation", &json!({ "KeyId": key, "RotateDays": 30 }));
    world.call("RotateKey", &of());
    world.call("DisableKeyRotation", &of());
    let status = world.call("GetKeyRotationStatus", &of());
    assert_eq!(
        json!([status["NumberOfRotations"], status["KeyRotationEnabled"]]),
        json!([1, false])
    );
}

fn crypt(world: &World) {
    let key = json!("alias/renamed");
    let encrypted = world.call("Encrypt", &json!({ "KeyId": key, "Plaintext": encode(b"text") }));
    let blob = &encrypted["CiphertextBlob"];
    let opened = |blob: &Value| {
        decode(text(&world.call("Decrypt", &json!({ "CiphertextBlob": blob }))["Plaintext"]))
    };
    assert_eq!(opened(blob), b"text");
    let moved = json!({ "CiphertextBlob": blob, "DestinationEncryptionContext": "" });
    assert_eq!(opened(&world.call("ReEncrypt", &moved)["CiphertextBlob"]), b"text");
    let data_key = world.call("GenerateDataKey", &json!({ "KeyId": key, "KeySpec": "AES_256" }));
    assert_eq!(opened(&data_key["CiphertextBlob"]), decode(text(&data_key["Plaintext"])));
    let hidden = json!({ "KeyId": key, "NumberOfBytes": 24 });
    let hidden = world.call("GenerateDataKeyWithoutPlaintext", &hidden);
    assert_eq!(opened(&hidden["CiphertextBlob"]).len(), 24);
    let spec = json!({ "KeyId": key, "KeyPairSpec": "ECC_NIST_P256" });
    let pair = world.call("GenerateDataKeyPair", &spec);
    assert_eq!(
        opened(&pair["PrivateKeyCiphertextBlob"]),
        decode(text(&pair["PrivateKeyPlaintext"]))
    );
    let pair = world.call("GenerateDataKeyPairWithoutPlaintext", &spec);
    assert!(opened(&pair["PrivateKeyCiphertextBlob"]).len() > 100);
    let both = [&[5; 16][..], &Sha256::digest([5; 16])].concat();
    let given = json!({ "KeyId": key, "Plaintext": encode(&both), "DataKeyLength": 16 });
    let given = world.call("EncryptDataKey", &given);
    let request = json!({ "CiphertextBlob": given["CiphertextBlob"], "DataKeyLength": 16 });
    assert_eq!(decode(text(&world.call("DecryptDataKey", &request)["Plaintext"])), [5; 16]);
    let last = world.call("GetKeyLastUsage", &json!({ "KeyId": key }));
    assert_eq!(last["Operation"], "DecryptDataKey");
    let random = world.call("GenerateRandom", &json!({ "NumberOfBytes": 24 }));
    assert_eq!(decode(text(&random["Plaintext"])).len(), 24);
}

fn pairs(world: &World) {
    let public = |key: &Value| {
        decode(text(&world.call("GetPublicKey", &json!({ "KeyId": key }))["PublicKey"]))
    };
    let signing = world.create("sign", "ASYMMETRIC_SIGN_VERIFY_ECC");
    let mut request = json!({ "KeyId": signing, "Algorithm": "ECC_P256_R1", "Message": "aGk=" });
    request["SignatureValue"] = world.call("SignByAsymmetricKey", &request)["Signature"].clone();
    assert_eq!(world.call("VerifyByAsymmetricKey", &request)["SignatureValid"], true);
    let rsa = world.create("rsa", "ASYMMETRIC_DECRYPT_RSA_2048");
    let key = rsa::RsaPublicKey::from_public_key_der(&public(&rsa)).unwrap();
    let random = &mut rsa::rand_core::UnwrapErr(SysRng);
    let sealed = key.encrypt(random, rsa::Pkcs1v15Encrypt, b"text").unwrap();
    let request =
        json!({ "KeyId": rsa, "Ciphertext": encode(&sealed), "Algorithm": "RSAES_PKCS1_V1_5" });
    assert_eq!(decode(text(&world.call("AsymmetricRsaDecrypt", &request)["Plaintext"])), b"text");
    let sm2 = world.create("sm2", "ASYMMETRIC_DECRYPT_SM2");
    let key = sm2::PublicKey::from_public_key_der(&public(&sm2)).unwrap();
    let sealed = sm2::pke::EncryptingKey::new(key).encrypt_der(&mut SysRng, b"text").unwrap();
    let request = json!({ "KeyId": sm2, "Ciphertext": encode(&sealed) });
    assert_eq!(decode(text(&world.call("AsymmetricSm2Decrypt", &request)["Plaintext"])), b"text");
    let [one, two] = ["one", "two"].map(|alias| world.create(alias, "KEY_AGREEMENT"));
    let derive = |own: &Value, other: &Value| {
        let other = encode(&public(other));
        let request = json!({ "KeyId": own, "KeyAgreementAlgorithm": "ECDH", "PublicKey": other });
        world.call("DeriveSharedSecret", &request)["SharedSecret"].clone()
    };
    assert_eq!(derive(&one, &two), derive(&two, &one));
}

fn codes_and_imports(world: &World) {
    // The same key on both sides.
    let key = json!({ "Alias": "mac", "KeyUsage": "GENERATE_VERIFY_MAC", "Type": 2 });
    let key = world.call("CreateKey", &key)["KeyId"].clone();
    let parameters = world.call("GetParametersForImport", &material::parameters(text(&key)));
    world.call("ImportKeyMaterial", &material::import(&parameters, &[7; 32], 0));
    let mut request =
        json!({ "KeyId": key, "MacAlgorithm": "HMAC_SHA_256", "Message": encode(b"text") });
    request["Mac"] = world.call("GenerateMac", &request)["Mac"].clone();
    let own = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap().chain_update(b"text").finalize();
    assert_eq!(decode(text(&request["Mac"])), own.into_bytes().as_slice());
    assert_eq!(world.call("VerifyMac", &request)["MacValid"], true);
    world.call("DeleteImportedKeyMaterial", &json!({ "KeyId": key }));
    assert_eq!(world.state(&key), "PendingImport");
}

fn information(world: &World) {
    assert_eq!(world.call("GetServiceStatus", &json!({}))["ServiceEnabled"], true);
    let algorithms = world.call("ListAlgorithms", &json!({}));
    assert_eq!(algorithms["SymmetricAlgorithms"][0]["KeyUsage"], "ENCRYPT_DECRYPT");
    assert_eq!(world.call("GetRegions", &json!({}))["Regions"], json!(["local", "dev"]));
    assert_eq!(world.call("ListAlarms", &json!({}))["TotalCount"], 0);
    assert_eq!(world.call("GetStatus", &json!({}))["State"], "Operational");
    assert_eq!(world.call("VerifyAudit", &json!({}))["Valid"], true);
    let events = world.call("ListAuditEvents", &json!({ "MaxResults": 1 }));
    assert!(text(&events["Events"][0]).contains("eventName"));
    assert!(world.call("ConfirmTime", &json!({}))["Time"].as_i64().is_some());
}

fn partitions(world: &World) {
    world.call("CreatePartition", &json!({ "Name": "more" }));
    let pins = json!({ "Name": "more", "SoPinLength": 7, "Pins": encode(b"officeruser") });
    assert_eq!(world.call("InitPartition", &pins)["Partition"]["Initialised"], true);
    let listed = world.call("ListPartitions", &json!({}));
    assert_eq!(listed["Partitions"].as_array().unwrap().len(), 2);
}

/// Checks the store and writes a backup, and restores it into another daemon.
fn transfers(world: &World, other: &World) {
    world.call("StartStoreCheck", &json!({}));
    loop {
        let step = world.call("ContinueStoreCheck", &json!({}));
        assert_eq!(step["Findings"], json!([]));
        if step["Finished"] == true {
            break;
        }
    }
    let passphrase = encode(b"correct horse battery");
    world.call("StartBackup", &json!({ "Passphrase": passphrase }));
    let mut file = Vec::new();
    loop {
        let part = world.call("ReadBackupPart", &json!({}));
        file.extend(decode(text(&part["Part"])));
        if part["Last"] == true {
            break;
        }
    }
    world.call("StopTransfers", &json!({}));
    let (header, rest) = file.split_at(coffer_protocol::operation::backup::HEADER_LENGTH);
    other.call("StartRestore", &json!({ "Header": encode(header), "Passphrase": passphrase }));
    let sent = other.call("SendRestorePart", &json!({ "Last": true, "Part": encode(rest) }));
    assert_eq!(sent["Plan"]["Possible"], true, "{sent}");
    other.call("FinishRestore", &json!({}));
    let described = other.call("DescribeKey", &json!({ "KeyId": "alias/renamed" }));
    assert_eq!(described["KeyMetadata"]["KeyVersion"], 2);
}

#[test]
fn every_operation_that_is_listed_works() {
    let (daemon, other) = (Daemon::start(), Daemon::start());
    let worked = RefCell::new(BTreeSet::new());
    let world =
        |daemon: &Daemon| World { batch: RefCell::new(Batch::open(daemon)), worked: &worked };
    let (world, other) = (world(&daemon), world(&other));
    keys(&world);
    crypt(&world);
    pairs(&world);
    codes_and_imports(&world);
    information(&world);
    partitions(&world);
    transfers(&world, &other);
    let output = daemon.coffer(&["call", "--list"]);
    let list = String::from_utf8(output.stdout).unwrap();
    let listed = list.lines().map(|line| line.split(' ').next().unwrap().to_owned());
    let listed: BTreeSet<String> = listed.collect();
    let missing: Vec<_> = listed.difference(&worked.borrow()).cloned().collect();
    assert!(missing.is_empty(), "these were never called with success: {missing:?}");
    println!("operations that work end to end: {}", listed.len());
}
