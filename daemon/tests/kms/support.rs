//! The owner of a service whose clock the test sets, asking in the JSON of the KMS API.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use coffer_daemon::clock::{Clock, Hands};
use coffer_daemon::config::Config;
use coffer_daemon::crypto::{self, PublicKey};
use coffer_daemon::service::Service;
use coffer_daemon::service::testing::Peer;
use coffer_protocol::message::Message;
use coffer_protocol::message::json::{base64, from_base64};
use coffer_protocol::operation::{Operation, Socket, kms};
use serde_json::{Value, json};

pub(crate) use crate::actions::ask;

pub(crate) const OWNER: u32 = 1000;
pub(crate) const DAY: i64 = 86_400;
/// When the tests begin.
pub(crate) const START: i64 = 1_800_000_000;

pub(crate) struct Hsm {
    pub(crate) service: Option<Arc<Service>>,
    pub(crate) hands: Arc<Hands>,
    directory: tempfile::TempDir,
    config: fn(&mut Config),
}

impl Hsm {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(config: fn(&mut Config)) -> Self {
        let hands = Arc::new(Hands::default());
        hands.wall.store(START, Ordering::SeqCst);
        hands.boot.store(1000, Ordering::SeqCst);
        let directory = tempfile::tempdir().unwrap();
        let mut hsm = Self { service: None, hands, directory, config };
        hsm.open();
        hsm
    }

    fn open(&mut self) {
        let clock = Clock::set_by(self.hands.clone());
        let path = self.directory.path();
        self.service = Some(Service::for_tests_at(path, clock, self.config));
    }

    /// Stops the daemon and starts it again.
    pub(crate) fn restart(&mut self) {
        self.service().close();
        self.service = None;
        self.open();
    }

    /// Stops the daemon.
    pub(crate) fn stop(&mut self) {
        self.service().close();
        self.service = None;
    }

    /// Where its state is.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Starts a daemon that was stopped.
    pub(crate) fn restart_closed(&mut self) {
        assert!(self.service.is_none());
        self.open();
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        self.service.as_ref().unwrap()
    }

    /// Lets time go by, and the time keeper look.
    pub(crate) fn pass(&self, seconds: i64) {
        self.hands.pass(seconds);
        self.service().tick();
    }

    pub(crate) fn peer(&self) -> Peer {
        Peer::new(self.service(), OWNER, Socket::Admin)
    }

    /// Asks; the answer as JSON, or the code.
    pub(crate) fn ask<O: Operation + Message>(&self, fields: Value) -> Result<Value, String>
    where
        O::Reply: Message,
    {
        ask::<O>(&self.peer(), fields)
    }

    /// Asks, and expects an answer.
    pub(crate) fn call<O: Operation + Message>(&self, fields: Value) -> Value
    where
        O::Reply: Message,
    {
        let text = fields.to_string();
        self.ask::<O>(fields).unwrap_or_else(|code| panic!("{} {text}: {code}", O::ROW.name))
    }

    pub(crate) fn create(&self, fields: Value) -> String {
        self.call::<kms::CreateKey>(fields)["KeyId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn state(&self, key: &str) -> String {
        let described = self.call::<kms::DescribeKey>(json!({ "KeyId": key }));
        described["KeyMetadata"]["KeyState"].as_str().unwrap().to_owned()
    }

    pub(crate) fn encrypt(&self, key: &str) -> Result<Value, String> {
        let fields = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
        self.ask::<kms::Encrypt>(fields).map(|reply| reply["CiphertextBlob"].clone())
    }

    pub(crate) fn decrypt(&self, blob: &Value) -> Result<Value, String> {
        let reply = self.ask::<kms::Decrypt>(json!({ "CiphertextBlob": blob }));
        reply.map(|reply| reply["Plaintext"].clone())
    }

    /// Imports material wrapped with SM2.
    pub(crate) fn import(
        &self,
        key: &str,
        material: &[u8],
        valid_to: i64,
    ) -> Result<Value, String> {
        let parameters = self.ask::<kms::GetParametersForImport>(
            json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" }),
        )?;
        self.import_with(key, &parameters, material, valid_to)
    }

    pub(crate) fn import_with(
        &self,
        key: &str,
        parameters: &Value,
        material: &[u8],
        valid_to: i64,
    ) -> Result<Value, String> {
        self.ask::<kms::ImportKeyMaterial>(json!({
            "KeyId": key,
            "EncryptedKeyMaterial": wrap(parameters, material),
            "ImportToken": parameters["ImportToken"],
            "ValidTo": valid_to,
        }))
    }

    /// The types of the alarms about a key, oldest first.
    pub(crate) fn alarms(&self, key: &str) -> Vec<String> {
        let fields = json!({ "KeyId": key, "After": 0, "Limit": 200 });
        let listed = self.call::<kms::ListAlarms>(fields);
        let alarms = listed["Alarms"].as_array().unwrap();
        alarms.iter().map(|alarm| alarm["AlarmType"].as_str().unwrap().to_owned()).collect()
    }
}

/// Material wrapped with SM2.
pub(crate) fn wrap(parameters: &Value, material: &[u8]) -> Value {
    let wrapping = PublicKey::from_spki(&from_base64(&parameters["PublicKey"]).unwrap());
    let form = crypto::sm2::Form::Asn1;
    base64(&crypto::sm2_encrypt(&wrapping.unwrap(), form, material).unwrap())
}
