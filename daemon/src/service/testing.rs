//! A service for tests: a store of its own in a folder, with two partitions and no PINs.

use std::path::Path;
use std::sync::Arc;

use coffer_protocol::error::Failure;
use coffer_protocol::frame::{self, Flags};
use coffer_protocol::operation::cipher::EncryptData;
use coffer_protocol::operation::{Operation, Socket};

use super::record::Recorder;
use super::{Caller, Incoming, Outgoing, Payload, ReplyPayload, Service, dispatch};
use crate::Error;
use crate::clock::Clock;
use crate::config::{AuditConfig, Config, Limits, SecretMemory};
use crate::hardening::Report;
use crate::object::ObjectId;
use crate::seal::Provider;
use crate::start;
use crate::vault;

impl Service {
    /// A service in `directory`, opened again where there is one already. The owner is uid 1000.
    ///
    /// # Panics
    ///
    /// Where it cannot be made.
    pub fn for_tests(directory: &Path) -> Arc<Self> {
        Self::for_tests_with(directory, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Panics
    ///
    /// Where it cannot be made.
    pub fn for_tests_with(directory: &Path, limits: Limits) -> Arc<Self> {
        Self::for_tests_at(directory, Clock::default(), |config| config.limits = limits)
    }

    /// The same on a clock, with a configuration of its own.
    ///
    /// # Panics
    ///
    /// Where it cannot be made.
    pub fn for_tests_at(
        directory: &Path,
        clock: Clock,
        configure: impl FnOnce(&mut Config),
    ) -> Arc<Self> {
        vault::init_for_tests();
        if !directory.join(crate::store::STORE_FILE).exists() {
            let provider = Provider::KeyFile { path: start::keyfile(directory) };
            let names = ["dev".to_owned(), "second".to_owned()];
            start::create(directory, provider, &names, 1000, 0).expect("a store can be made");
        }
        let mut config = Config {
            state_directory: directory.to_owned(),
            secret_memory: SecretMemory::Locked,
            owner_uid: Some(1000),
            audit: AuditConfig { segment_mib: 1, ..AuditConfig::default() },
            dev: true,
            ..Config::default()
        };
        configure(&mut config);
        start::open(config, clock, &Report::default()).expect("the service opens")
    }
}

/// A peer in tests: a caller that asks by way of the gate, without a socket.
pub struct Peer {
    /// Who it is.
    pub caller: Caller,
    service: Arc<Service>,
}

impl Peer {
    /// A caller without an application.
    pub fn new(service: &Arc<Service>, uid: u32, socket: Socket) -> Self {
        let caller = Caller {
            templates: super::record::Templates::default(),
            uid,
            share: service.shares.of(uid),
            gid: uid,
            pid: 1,
            unit: None,
            socket,
            client_name: "test".to_owned(),
            application: None,
            partition: service.partitions.default_slot(),
            connection: 1,
            request: 1,
        };
        Self { caller, service: service.clone() }
    }

    /// A PKCS#11 application of its own.
    pub fn application(service: &Arc<Service>, uid: u32) -> Self {
        let mut peer = Self::new(service, uid, Socket::App);
        let token = ObjectId::random().0;
        peer.caller.application = Some(service.applications.create(&peer.caller.share, 1, token));
        peer
    }

    /// Asks for an operation.
    ///
    /// # Errors
    ///
    /// What the gate or the handler answers.
    ///
    /// # Panics
    ///
    /// Where the answer cannot be read.
    pub fn call<O: Operation>(&self, request: &O, payload: &[u8]) -> Result<O::Reply, Failure> {
        let answer = self.send(request, payload, Flags::NONE)?;
        Ok(frame::decode_meta(&answer.meta).expect("the reply is of the table"))
    }

    /// Asks for an operation, and gives the payload of the answer too.
    ///
    /// # Errors
    ///
    /// What the gate or the handler answers.
    ///
    /// # Panics
    ///
    /// Where the answer cannot be read.
    pub fn exchange<O: Operation>(
        &self,
        request: &O,
        payload: &[u8],
    ) -> Result<(O::Reply, Vec<u8>), Failure> {
        let answer = self.send(request, payload, Flags::NONE)?;
        let payload = match answer.payload {
            ReplyPayload::None => Vec::new(),
            ReplyPayload::Plain(payload) => payload.to_vec(),
            ReplyPayload::Secret(reply) => {
                let (buffer, range, _memory) =
                    reply.into_frame(&[]).expect("nothing stands in front");
                buffer.public(range).to_vec()
            }
        };
        Ok((frame::decode_meta(&answer.meta).expect("the reply is of the table"), payload))
    }

    /// Asks for an operation without a payload, and keeps the answer as one that the peer has not read.
    ///
    /// # Errors
    ///
    /// What the gate or the handler answers.
    pub fn unread<O: Operation>(&self, request: &O) -> Result<Outgoing, Failure> {
        self.send(request, b"", Flags::NONE)
    }

    /// Asks for a dry run.
    ///
    /// # Errors
    ///
    /// What the gate or the handler answers.
    ///
    /// # Panics
    ///
    /// Where the answer is not that of a dry run.
    pub fn dry_run<O: Operation>(&self, request: &O, payload: &[u8]) -> Result<(), Failure> {
        let answer = self.send(request, payload, Flags::DRY_RUN)?;
        assert!(answer.flags.contains(Flags::DRY_RUN) && answer.meta.is_empty());
        Ok(())
    }

    /// Writes the audit record of an encryption as the gate does, and does nothing else: what the benchmark of the
    /// audit log subtracts.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn record(&self, request: &EncryptData, payload: &[u8]) -> Result<(), Error> {
        let mut recorder = Recorder::new(&self.service, &self.caller, EncryptData::ROW, false);
        recorder.describe(request, &Payload::Plain(payload));
        recorder.done(&[])
    }

    fn send<O: Operation>(
        &self,
        request: &O,
        payload: &[u8],
        flags: Flags,
    ) -> Result<Outgoing, Failure> {
        let meta = frame::encode_meta(request)?;
        let payload = Payload::Plain(payload);
        let incoming = Incoming { operation: O::ROW.number, flags, meta: &meta, payload };
        let answer = dispatch(&self.service, &self.caller, incoming);
        if answer.flags.contains(Flags::FAILED) {
            return Err(frame::decode_meta(&answer.meta).expect("a failure can be read"));
        }
        Ok(answer)
    }
}
