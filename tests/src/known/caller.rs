//! A session of a PKCS#11 application on the wire, without the module: it reaches every mechanism.

use std::path::Path;

use coffer_client::{ConnectOptions, Role};
use coffer_protocol::attribute::{
    Attribute, CLASS, DERIVE, EXTRACTABLE, KEY_TYPE, LABEL, PRIVATE, SENSITIVE, TOKEN, VALUE_LEN,
};
use coffer_protocol::frame::encode_meta;
use coffer_protocol::mechanism::MechanismCall;
use coffer_protocol::operation::cipher::{DecryptData, EncryptData, SignData};
use coffer_protocol::operation::object::{
    CreateObject, DeriveKey, DestroyObject, GenerateKey, UnwrapKey, WrapKey,
};
use coffer_protocol::operation::token::{ListTokens, Login, OpenSession};
use cryptoki_sys::{CKK_GENERIC_SECRET, CKO_SECRET_KEY, CKU_USER};
use serde::Serialize;

use super::Family;

/// A session whose application is logged in as user of the first token.
pub struct Caller {
    application: coffer_client::Application,
    session: u32,
}

impl Caller {
    /// Connects and logs in.
    ///
    /// # Panics
    /// Where the daemon refuses it, as all methods do.
    pub fn open(socket: &Path, pin: &str) -> Self {
        let options = ConnectOptions::new(Role::Application, "leak scan");
        let application = coffer_client::Application::open(socket, &options).expect("a daemon");
        let tokens = application.call(&ListTokens {}, &[]).expect("ListTokens").meta.tokens;
        let open = OpenSession { slot: tokens[0].slot, read_write: true };
        let session = application.call(&open, &[]).expect("OpenSession").meta.session;
        let login = Login { session, user: u32::try_from(CKU_USER).expect("a small number") };
        application.call(&login, pin.as_bytes()).expect("Login");
        Self { application, session }
    }

    /// Makes a key an object of the token, private, sensitive and not extractable; returns its handle.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn create(&self, family: &Family, secret: &[u8]) -> u32 {
        let mut template = vec![
            Attribute::boolean(TOKEN, true),
            Attribute::boolean(PRIVATE, true),
            Attribute::boolean(SENSITIVE, true),
            Attribute::boolean(EXTRACTABLE, false),
            Attribute::bytes(LABEL, family.name),
        ];
        let daemon = family.daemon.as_ref().expect("a family that the daemon uses");
        template.extend((daemon.object)(secret));
        let create = CreateObject { session: self.session };
        let made = self.application.call(&create, &encode_meta(&template).expect("short"));
        made.unwrap_or_else(|error| panic!("{}: {error}", family.name)).meta.object
    }

    /// Destroys an object.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn destroy(&self, object: u32) {
        let destroy = DestroyObject { session: self.session, object };
        self.application.call(&destroy, &[]).expect("DestroyObject");
    }

    /// Signs.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn sign(&self, key: u32, mechanism: MechanismCall, data: &[u8]) -> Vec<u8> {
        let sign = SignData { session: self.session, key, mechanism };
        self.application.call(&sign, data).expect("SignData").payload.to_vec()
    }

    /// Encrypts, decrypts again, and compares.
    ///
    /// # Panics
    /// Where the daemon refuses it, or the result is another.
    pub fn encrypt_and_decrypt(&self, key: u32, mechanism: &MechanismCall, data: &[u8]) {
        let (session, mechanism) = (self.session, mechanism.clone());
        let encrypt = EncryptData { session, key, mechanism: mechanism.clone() };
        let sealed = self.application.call(&encrypt, data).expect("EncryptData").payload;
        let decrypt = DecryptData { session, key, mechanism };
        let opened = self.application.call(&decrypt, &sealed).expect("DecryptData").payload;
        assert_eq!(*opened, data);
    }

    /// Unwraps a secret of 32 bytes as a session object, wraps it again, and destroys it.
    ///
    /// # Panics
    /// Where the daemon refuses it, or what comes back is another.
    pub fn unwrap_and_wrap(&self, key: u32, mechanism: &MechanismCall, wrapped: &[u8]) {
        let template = [
            Attribute::number(CLASS, CKO_SECRET_KEY),
            Attribute::number(KEY_TYPE, CKK_GENERIC_SECRET),
            Attribute::boolean(TOKEN, false),
            Attribute::boolean(SENSITIVE, true),
            Attribute::boolean(EXTRACTABLE, true),
        ];
        let (session, mechanism) = (self.session, mechanism.clone());
        let wrapped = wrapped.to_vec();
        let unwrap =
            UnwrapKey { session, mechanism: mechanism.clone(), key, wrapped: wrapped.clone() };
        let template = encode_meta(&template.to_vec()).expect("short");
        let made = self.application.call(&unwrap, &template).expect("UnwrapKey").meta.object;
        let wrap = WrapKey { session, mechanism, key: made, wrapping: key };
        let again = self.application.call(&wrap, &[]).expect("WrapKey").payload;
        assert_eq!(*again, wrapped);
        self.destroy(made);
    }

    /// Unwraps a secret as a session object, and destroys it.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn unwrap(&self, key: u32, mechanism: MechanismCall, wrapped: &[u8]) {
        let (session, wrapped) = (self.session, wrapped.to_vec());
        let unwrap = UnwrapKey { session, mechanism, key, wrapped };
        let template = Wanted { length: None, derives: false }.template();
        let made = self.application.call(&unwrap, &template).expect("UnwrapKey").meta.object;
        self.destroy(made);
    }

    /// Derives a secret of 32 bytes that is a session object, and destroys it.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn derive(&self, key: u32, mechanism: MechanismCall) {
        self.derive_as(key, mechanism, &Wanted::secret(32));
    }

    /// Derives session objects, and destroys them.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn derive_as(&self, key: u32, mechanism: MechanismCall, wanted: &Wanted) {
        self.derive_then(key, mechanism, wanted, |_| {});
    }

    /// Derives session objects, uses the first, and destroys them.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn derive_then(
        &self,
        key: u32,
        mechanism: MechanismCall,
        wanted: &Wanted,
        run: impl FnOnce(u32),
    ) {
        let derive = DeriveKey { session: self.session, mechanism, key, additional: Vec::new() };
        let derived = self.application.call(&derive, &wanted.template()).expect("DeriveKey");
        run(derived.meta.keys[0].object);
        for key in derived.meta.keys {
            self.destroy(key.object);
        }
    }

    /// Generates a key of a password as a session object, and destroys it.
    ///
    /// # Panics
    /// Where the daemon refuses it.
    pub fn generate(&self, mechanism: MechanismCall, wanted: &Wanted, password: &[u8]) {
        let password_length = u32::try_from(password.len()).expect("a short password");
        let generate = GenerateKey { session: self.session, mechanism, password_length };
        let payload = [&wanted.template()[..], password].concat();
        let made = self.application.call(&generate, &payload).expect("GenerateKey").meta.object;
        self.destroy(made);
    }
}

/// A secret key of the session that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Its bytes, where what it is made of does not say.
    length: Option<usize>,
    /// Whether other keys are derived from it.
    derives: bool,
}

impl Wanted {
    /// A secret of so many bytes.
    #[must_use]
    pub const fn secret(length: usize) -> Self {
        Self { length: Some(length), derives: false }
    }

    /// A secret of so many bytes that other keys are derived from.
    #[must_use]
    pub const fn base(length: usize) -> Self {
        Self { length: Some(length), derives: true }
    }

    fn template(self) -> Vec<u8> {
        let mut template = vec![
            Attribute::number(CLASS, CKO_SECRET_KEY),
            Attribute::number(KEY_TYPE, CKK_GENERIC_SECRET),
            Attribute::boolean(TOKEN, false),
        ];
        template.extend(self.derives.then(|| Attribute::boolean(DERIVE, true)));
        template.extend(self.length.map(|length| Attribute::number(VALUE_LEN, length as u64)));
        encode_meta(&template).expect("short")
    }
}

/// A mechanism without a parameter.
pub(super) fn plain(mechanism: u64) -> MechanismCall {
    MechanismCall::plain(mechanism)
}

/// A mechanism with its parameter.
pub(super) fn with(mechanism: u64, parameter: &impl Serialize) -> MechanismCall {
    MechanismCall::with(mechanism, parameter).expect("a parameter")
}
