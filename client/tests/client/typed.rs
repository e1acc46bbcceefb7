//! What typed calls put on the wire, and what they make of replies.

use crate::support::{Daemon, Peer, Request};
use coffer_client::admin::Admin;
use coffer_client::kms::{DataKeyLength, Kms, Message, NewKey};
use coffer_client::{ConnectOptions, Context, KeyName, Role};
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{
    CreateKey, CreatedKey, Decrypt, Decrypted, Encrypt, Encrypted, GenerateDataKey,
    GeneratedDataKey, SignByAsymmetricKey, Signed,
};
use coffer_protocol::operation::system::{CreatedPartition, InitPartition, Partition};
use secrecy::{ExposeSecret, SecretSlice};

fn expect<O: Operation + PartialEq + std::fmt::Debug>(peer: &mut Peer, wanted: &O) -> Request {
    let request = peer.receive().unwrap();
    assert_eq!(request.header.operation, O::ROW.number);
    assert_eq!(request.decode::<O>(), *wanted);
    request
}

fn kms(daemon: &Daemon) -> Kms {
    Kms::open(&daemon.socket(), &ConnectOptions::new(Role::Service, "test")).unwrap()
}

#[test]
fn encryption_sends_the_plaintext_as_payload_and_the_context_as_json() {
    let daemon = Daemon::start(|mut peer| {
        let context = Some(r#"{"a":"b"}"#.to_owned());
        let wanted = Encrypt { key_id: "alias/app".to_owned(), context: context.clone() };
        let request = expect(&mut peer, &wanted);
        assert_eq!(request.payload, b"plain");
        peer.reply(&request, &Encrypted { key_id: "id".to_owned() }, b"cipher");
        let wanted = Decrypt {
            context: context.clone(),
            expected_key: None,
            public_key: None,
            algorithm: None,
        };
        let request = expect(&mut peer, &wanted);
        assert_eq!(request.payload, b"cipher");
        peer.reply(&request, &Decrypted { key_id: "id".to_owned() }, b"plain");
        let wanted = Decrypt {
            context: None,
            expected_key: Some("alias/app".to_owned()),
            public_key: None,
            algorithm: None,
        };
        let request = expect(&mut peer, &wanted);
        peer.reply(&request, &Decrypted { key_id: "id".to_owned() }, b"other");
    });
    let (mut kms, key) = (kms(&daemon), KeyName::new("app"));
    let context = Context::from([("a", "b")]);
    assert_eq!(kms.encrypt(&key, b"plain", &context).unwrap(), b"cipher");
    assert_eq!(kms.decrypt(b"cipher", &context).unwrap().expose_secret(), b"plain");
    let other = kms.decrypt_of(&key, b"cipher", &Context::default()).unwrap();
    assert_eq!(other.expose_secret(), b"other");
}

#[test]
fn a_new_key_is_named_by_its_bare_alias() {
    let daemon = Daemon::start(|mut peer| {
        let wanted = CreateKey {
            alias: "app".to_owned(),
            description: None,
            key_usage: Some("ENCRYPT_DECRYPT".to_owned()),
            key_spec: None,
            key_type: None,
            tags: None,
            hsm_cluster: None,
            client_token: None,
            rotate_days: None,
        };
        let request = expect(&mut peer, &wanted);
        let created = CreatedKey {
            key_id: "id".to_owned(),
            alias: "app".to_owned(),
            create_time: 1,
            description: String::new(),
            key_state: "Enabled".to_owned(),
            key_usage: "ENCRYPT_DECRYPT".to_owned(),
            tag_code: 0,
            tag_message: String::new(),
            hsm_cluster: String::new(),
        };
        peer.reply(&request, &created, &[]);
    });
    assert_eq!(kms(&daemon).create_key(&NewKey::new("app")).unwrap().key_id, "id");
}

#[test]
fn a_data_key_comes_in_clear_and_encrypted() {
    let daemon = Daemon::start(|mut peer| {
        let wanted = GenerateDataKey {
            key_id: "alias/app".to_owned(),
            key_spec: None,
            length: Some(3),
            context: None,
            public_key: None,
            algorithm: None,
        };
        let request = expect(&mut peer, &wanted);
        let reply = GeneratedDataKey {
            key_id: "id".to_owned(),
            ciphertext: Bytes(vec![4, 5]),
            tag_code: 0,
            tag_message: String::new(),
        };
        peer.reply(&request, &reply, &[1, 2, 3]);
    });
    let (length, context) = (DataKeyLength::Bytes(3), Context::default());
    let key = kms(&daemon).generate_data_key(&KeyName::new("app"), length, &context).unwrap();
    assert_eq!((key.plaintext.expose_secret(), &key.ciphertext[..]), (&[1, 2, 3][..], &[4, 5][..]));
}

#[test]
fn a_digest_is_signed_as_a_digest() {
    let daemon = Daemon::start(|mut peer| {
        let wanted = SignByAsymmetricKey {
            algorithm: "SM2DSA".to_owned(),
            key_id: "alias/app".to_owned(),
            message_type: Some("DIGEST".to_owned()),
        };
        let request = expect(&mut peer, &wanted);
        assert_eq!(request.payload, [7; 32]);
        peer.reply(&request, &Signed {}, b"signature");
    });
    let message = Message::Digest(&[7; 32]);
    let signature = kms(&daemon).sign(&KeyName::new("app"), "SM2DSA", message).unwrap();
    assert_eq!(signature, b"signature");
}

#[test]
fn both_pins_of_a_partition_travel_as_payload() {
    let daemon = Daemon::start(|mut peer| {
        let wanted = InitPartition { name: "dev".to_owned(), so_pin_length: 5 };
        let request = expect(&mut peer, &wanted);
        assert_eq!(request.payload, b"officer-user");
        let partition = Partition {
            name: "dev".to_owned(),
            slot: 4,
            label: "dev".to_owned(),
            serial: "0".to_owned(),
            initialised: true,
            user_pin: true,
            create_time: 1,
            keys: 0,
        };
        peer.reply(&request, &CreatedPartition { partition }, &[]);
    });
    let options = ConnectOptions::new(Role::Service, "test");
    let mut admin = Admin::open(&daemon.socket(), &options).unwrap();
    let pin = |text: &[u8]| SecretSlice::from(text.to_vec());
    let partition = admin.init_partition("dev", &pin(b"offic"), &pin(b"er-user")).unwrap();
    assert_eq!(partition.slot, 4);
}
