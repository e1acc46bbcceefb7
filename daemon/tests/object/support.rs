//! A token with a logged-in user, and short words for its requests.

use std::sync::Arc;

use coffer_daemon::application::Application;
use coffer_daemon::clock::{Clock, Hands};
use coffer_daemon::config::Config;
use coffer_daemon::object::Slot;
use coffer_daemon::service::Service;
use coffer_daemon::service::testing::Peer;
use coffer_daemon::state::login::Login;
use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::error::Failure;
use coffer_protocol::mechanism::{GcmParameter, MechanismCall, ckm};
use coffer_protocol::operation::Socket;
use coffer_protocol::operation::cipher::{DecryptData, EncryptData, SignData, VerifyData};
use coffer_protocol::operation::object::{
    CopyObject, CreateObject, DeriveKey, DescribeObject, DestroyObject, FindObjects, GenerateKey,
    GenerateKeyPair, GeneratedKeyPair, GetAttributes, ObjectDescription, SetAttributes, UnwrapKey,
    WrapKey,
};
use coffer_protocol::weak::WeakKeys;

pub(crate) use crate::known::*;

pub(crate) const DATA: u64 = 0;
pub(crate) const CERTIFICATE: u64 = 1;
pub(crate) const PUBLIC: u64 = 2;
pub(crate) const PRIVATE: u64 = 3;
pub(crate) const SECRET: u64 = 4;
pub(crate) const RSA: u64 = 0;
pub(crate) const EC: u64 = 3;
pub(crate) const GENERIC: u64 = 0x10;
pub(crate) const AES: u64 = 0x1f;

/// The owner of services for tests.
pub(crate) const OWNER: u32 = 1000;

pub(crate) type Coded<T> = Result<T, ErrorCode>;

pub(crate) fn code<T>(result: Result<T, Failure>) -> Coded<T> {
    result.map_err(|failure| failure.code())
}

pub(crate) struct Device {
    pub(crate) service: Arc<Service>,
    hands: Arc<Hands>,
    directory: tempfile::TempDir,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self::with(WeakKeys::Refuse)
    }

    /// One where weak keys may do that.
    pub(crate) fn with(weak: WeakKeys) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let hands = Arc::new(Hands::default());
        hands.pass(1_800_000_000);
        Self::open(directory, hands, weak)
    }

    fn open(directory: tempfile::TempDir, hands: Arc<Hands>, weak: WeakKeys) -> Self {
        let clock = Clock::set_by(hands.clone());
        let configure = |config: &mut Config| config.keys.weak = weak;
        let service = Service::for_tests_at(directory.path(), clock, configure);
        Self { service, hands, directory }
    }

    /// Lets a day go by, and the time keeper look.
    pub(crate) fn pass_a_day(&self) {
        self.hands.pass(86_400);
        self.service.tick();
    }

    /// The same store after a restart.
    pub(crate) fn restart(self) -> Self {
        let weak = self.service.config.keys.weak;
        self.restart_with(weak)
    }

    /// The same store after a restart with another configuration.
    pub(crate) fn restart_with(self, weak: WeakKeys) -> Self {
        let Self { service, hands, directory } = self;
        drop(Arc::try_unwrap(service).map_err(drop).expect("nobody else has the service"));
        Self::open(directory, hands, weak)
    }

    pub(crate) fn owner(&self) -> Peer {
        Peer::new(&self.service, OWNER, Socket::App)
    }

    /// An application with a read-write session in which the user is logged in.
    pub(crate) fn user(&self) -> Session {
        self.session(true, Login::User)
    }

    pub(crate) fn session(&self, read_write: bool, login: Login) -> Session {
        let peer = Peer::application(&self.service, 1001);
        let application = peer.caller.application.clone().unwrap();
        let session = application.open_session(Slot(0), read_write, 1000).unwrap();
        if login != Login::Public {
            application.log_in(session, login).unwrap();
        }
        Session { peer, application, handle: session }
    }
}

pub(crate) struct Session {
    pub(crate) peer: Peer,
    pub(crate) application: Arc<Application>,
    pub(crate) handle: u32,
}

pub(crate) fn wire(template: &[Attribute]) -> Vec<u8> {
    postcard::to_stdvec(template).unwrap()
}

pub(crate) fn flag(kind: u64, value: bool) -> Attribute {
    Attribute::boolean(kind, value)
}

pub(crate) fn number(kind: u64, value: u64) -> Attribute {
    Attribute::number(kind, value)
}

pub(crate) fn bytes(kind: u64, value: impl AsRef<[u8]>) -> Attribute {
    Attribute::bytes(kind, value.as_ref())
}

pub(crate) fn gcm() -> MechanismCall {
    let parameter = GcmParameter { iv: vec![7; 12], aad: b"with".to_vec(), tag_bits: 128 };
    MechanismCall::with(ckm::CKM_AES_GCM, &parameter).unwrap()
}

pub(crate) fn plain(mechanism: u64) -> MechanismCall {
    MechanismCall::plain(mechanism)
}

impl Session {
    pub(crate) fn create(&self, template: &[Attribute]) -> Coded<ObjectDescription> {
        code(self.peer.call(&CreateObject { session: self.handle }, &wire(template)))
    }

    pub(crate) fn generate(
        &self,
        mechanism: u64,
        template: &[Attribute],
    ) -> Coded<ObjectDescription> {
        let request =
            GenerateKey { session: self.handle, mechanism: plain(mechanism), password_length: 0 };
        code(self.peer.call(&request, &wire(template)))
    }

    pub(crate) fn generate_pair(
        &self,
        mechanism: u64,
        public: &[Attribute],
        private: &[Attribute],
    ) -> Coded<GeneratedKeyPair> {
        let (public, private) = (wire(public), wire(private));
        let request = GenerateKeyPair {
            session: self.handle,
            mechanism: plain(mechanism),
            public_length: u32::try_from(public.len()).unwrap(),
        };
        code(self.peer.call(&request, &[public, private].concat()))
    }

    /// An AES-256 key, of the token unless `more` says otherwise.
    pub(crate) fn aes(&self, more: &[Attribute]) -> ObjectDescription {
        let mut template = vec![number(a::VALUE_LEN, 32)];
        if more.iter().all(|attribute| attribute.kind != a::TOKEN) {
            template.push(flag(a::TOKEN, true));
        }
        template.extend_from_slice(more);
        self.generate(ckm::CKM_AES_KEY_GEN, &template).unwrap()
    }

    pub(crate) fn derive(
        &self,
        key: u32,
        mechanism: MechanismCall,
        template: &[Attribute],
    ) -> Coded<ObjectDescription> {
        let request = DeriveKey { session: self.handle, mechanism, key, additional: Vec::new() };
        let derived = code(self.peer.call(&request, &wire(template)));
        derived.map(|mut derived| derived.keys.swap_remove(0))
    }

    /// All keys of a derivation, and what it gives beside them.
    pub(crate) fn derive_all(
        &self,
        key: u32,
        mechanism: MechanismCall,
        templates: &[&[Attribute]],
    ) -> Coded<(Vec<ObjectDescription>, Vec<u8>)> {
        let templates: Vec<_> = templates.iter().map(|template| wire(template)).collect();
        let additional = templates[1..].iter().map(|wire| u32::try_from(wire.len()).unwrap());
        let additional = additional.collect();
        let request = DeriveKey { session: self.handle, mechanism, key, additional };
        let derived = code(self.peer.exchange(&request, &templates.concat()));
        derived.map(|(derived, output)| (derived.keys, output))
    }

    pub(crate) fn generate_from(
        &self,
        mechanism: MechanismCall,
        template: &[Attribute],
        password: &[u8],
    ) -> Coded<ObjectDescription> {
        let password_length = u32::try_from(password.len()).unwrap();
        let request = GenerateKey { session: self.handle, mechanism, password_length };
        code(self.peer.call(&request, &[&wire(template), password].concat()))
    }

    pub(crate) fn wrap(&self, wrapping: u32, mechanism: MechanismCall, key: u32) -> Coded<Vec<u8>> {
        let request = WrapKey { session: self.handle, mechanism, key, wrapping };
        code(self.peer.exchange(&request, b"")).map(|(_, payload)| payload)
    }

    pub(crate) fn unwrap(
        &self,
        key: u32,
        mechanism: MechanismCall,
        wrapped: &[u8],
        template: &[Attribute],
    ) -> Coded<ObjectDescription> {
        let wrapped = wrapped.to_vec();
        let request = UnwrapKey { session: self.handle, mechanism, key, wrapped };
        code(self.peer.call(&request, &wire(template)))
    }

    pub(crate) fn copy(&self, object: u32, template: &[Attribute]) -> Coded<ObjectDescription> {
        let request = CopyObject { session: self.handle, object };
        code(self.peer.call(&request, &wire(template)))
    }

    pub(crate) fn destroy(&self, object: u32) -> Coded<()> {
        code(self.peer.call(&DestroyObject { session: self.handle, object }, b"")).map(drop)
    }

    pub(crate) fn set(&self, object: u32, template: &[Attribute]) -> Coded<()> {
        let request = SetAttributes { session: self.handle, object };
        code(self.peer.call(&request, &wire(template))).map(drop)
    }

    pub(crate) fn describe(&self, object: u32) -> Coded<ObjectDescription> {
        code(self.peer.call(&DescribeObject { session: self.handle, object }, b""))
    }

    /// The values of attributes, each with its own error.
    pub(crate) fn get(&self, object: u32, kinds: &[u64]) -> Vec<Coded<Vec<u8>>> {
        let request = GetAttributes { session: self.handle, object, kinds: kinds.to_vec() };
        let (reply, payload) = self.peer.exchange(&request, b"").unwrap();
        let mut rest = payload.as_slice();
        let entries = reply.entries.iter().map(|entry| {
            let (value, behind) = rest.split_at(entry.length as usize);
            rest = behind;
            match entry.error {
                0 => Ok(value.to_vec()),
                error => Err(ErrorCode::from_number(error)),
            }
        });
        let values = entries.collect();
        assert!(rest.is_empty());
        values
    }

    pub(crate) fn one(&self, object: u32, kind: u64) -> Coded<Vec<u8>> {
        self.get(object, &[kind]).swap_remove(0)
    }

    pub(crate) fn number(&self, object: u32, kind: u64) -> Coded<u64> {
        self.one(object, kind).map(|value| u64::from_le_bytes(value.try_into().unwrap()))
    }

    pub(crate) fn is(&self, object: u32, kind: u64) -> bool {
        self.one(object, kind) == Ok(vec![1])
    }

    pub(crate) fn find(&self, template: &[Attribute]) -> Vec<u32> {
        self.find_after(0, template)
    }

    pub(crate) fn find_after(&self, after: u32, template: &[Attribute]) -> Vec<u32> {
        let request = FindObjects { session: self.handle, after };
        let (_, payload) = self.peer.exchange(&request, &wire(template)).unwrap();
        payload.chunks(4).map(|handle| u32::from_le_bytes(handle.try_into().unwrap())).collect()
    }

    pub(crate) fn encrypt(
        &self,
        key: u32,
        mechanism: MechanismCall,
        data: &[u8],
    ) -> Coded<Vec<u8>> {
        let request = EncryptData { session: self.handle, key, mechanism };
        code(self.peer.exchange(&request, data)).map(|(_, payload)| payload)
    }

    pub(crate) fn decrypt(
        &self,
        key: u32,
        mechanism: MechanismCall,
        data: &[u8],
    ) -> Coded<Vec<u8>> {
        let request = DecryptData { session: self.handle, key, mechanism };
        code(self.peer.exchange(&request, data)).map(|(_, payload)| payload)
    }

    pub(crate) fn sign(&self, key: u32, mechanism: MechanismCall, data: &[u8]) -> Coded<Vec<u8>> {
        let request = SignData { session: self.handle, key, mechanism };
        code(self.peer.exchange(&request, data)).map(|(_, payload)| payload)
    }

    pub(crate) fn verify(
        &self,
        key: u32,
        mechanism: MechanismCall,
        data: &[u8],
        signature: &[u8],
    ) -> Coded<()> {
        let signature = signature.to_vec();
        let request = VerifyData { session: self.handle, key, mechanism, signature };
        code(self.peer.call(&request, data)).map(drop)
    }
}

/// A self-signed certificate of OpenSSL: CN=Coffer test, serial number 0x1234, on P-256.
pub(crate) fn certificate() -> Vec<u8> {
    hex::decode(include_str!("certificate.hex").split_whitespace().collect::<String>()).unwrap()
}
