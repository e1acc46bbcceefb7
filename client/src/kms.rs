//! The KMS API as typed, blocking calls.
//!
//! What is secret in a reply comes as a [`SecretSlice`], which is wiped when dropped and never printed.

use std::path::Path;

use coffer_protocol::key::{KeySpec, KeyUsage};
pub use coffer_protocol::operation::kms::{
    Algorithms, CreateKey, CreatedKey, KeyMetadata, ListKeyDetail, ListKeys, ListedKeyDetail,
    ListedKeys, PublicKey, ServiceStatus, Tag, TagFilter,
};
use coffer_protocol::operation::kms::{
    Decrypt, DescribeKey, DisableKey, EnableKey, Encrypt, GenerateDataKey, GenerateRandom,
    GetPublicKey, GetRegions, GetServiceStatus, ListAlgorithms, SignByAsymmetricKey,
    VerifyByAsymmetricKey,
};
use coffer_protocol::operation::system::{DaemonStatus, GetStatus};
use secrecy::SecretSlice;
use zeroize::Zeroizing;

use crate::connection::{ConnectOptions, Connection, Role};
use crate::{Context, Error, KeyName, socket};

/// A connection for requests of the KMS API, within one partition.
///
/// ```no_run
/// use coffer_client::kms::{Kms, NewKey};
/// use coffer_client::{Context, KeyName};
/// use secrecy::ExposeSecret;
///
/// let mut kms = Kms::connect("example")?;
/// kms.create_key(&NewKey::new("app"))?;
/// let context = Context::from([("tenant", "7")]);
/// let ciphertext = kms.encrypt(&KeyName::new("app"), b"to be kept", &context)?;
/// let plaintext = kms.decrypt(&ciphertext, &context)?;
/// assert_eq!(plaintext.expose_secret(), b"to be kept");
/// # Ok::<(), coffer_client::Error>(())
/// ```
pub struct Kms {
    connection: Connection,
}

/// A CMK to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its unique name: 1 to 60 letters, digits, `_` or `-`.
    pub alias: String,
    /// What it is for.
    pub usage: KeyUsage,
    /// The cipher of a symmetric key.
    pub spec: Option<KeySpec>,
    /// Up to 1,024 bytes.
    pub description: Option<String>,
    /// Labels for grouping.
    pub tags: Vec<Tag>,
}

impl NewKey {
    /// An AES-256 key for encryption.
    pub fn new(alias: impl Into<String>) -> Self {
        let usage = KeyUsage::EncryptDecrypt;
        Self { alias: alias.into(), usage, spec: None, description: None, tags: Vec::new() }
    }
}

/// How long a data key is.
#[derive(Clone, Copy, Debug)]
pub enum DataKeyLength {
    /// 16 bytes.
    Aes128,
    /// 32 bytes.
    Aes256,
    /// 1 to 1,024 bytes.
    Bytes(u16),
}

/// A data key.
pub struct DataKey {
    /// The key in clear, for use now.
    pub plaintext: SecretSlice<u8>,
    /// The key encrypted, for keeping; [`Kms::decrypt`] opens it.
    pub ciphertext: Vec<u8>,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// A message of up to 4,096 bytes, which the daemon hashes.
    Raw(&'a [u8]),
    /// The digest of a message.
    Digest(&'a [u8]),
}

impl Message<'_> {
    fn parts(&self) -> (&[u8], Option<String>) {
        match self {
            Self::Raw(bytes) => (bytes, Some("RAW".to_owned())),
            Self::Digest(bytes) => (bytes, Some("DIGEST".to_owned())),
        }
    }
}

impl Kms {
    /// Connects to the daemon's usual socket, for the default partition.
    pub fn connect(client_name: &str) -> Result<Self, Error> {
        let options = ConnectOptions::new(Role::Service, client_name);
        Self::open(&socket::app_path(), &options)
    }

    /// Connects to a socket.
    pub fn open(path: &Path, options: &ConnectOptions) -> Result<Self, Error> {
        Ok(Self { connection: Connection::open(path, options)? })
    }

    /// The connection, for requests that have no method here.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Makes a CMK.
    pub fn create_key(&mut self, key: &NewKey) -> Result<CreatedKey, Error> {
        let request = CreateKey {
            alias: key.alias.clone(),
            description: key.description.clone(),
            key_usage: Some(key.usage.name().to_owned()),
            key_spec: key.spec.map(|spec| spec.name().to_owned()),
            key_type: None,
            tags: if key.tags.is_empty() { None } else { Some(key.tags.clone()) },
            hsm_cluster: None,
            client_token: None,
            rotate_days: None,
        };
        Ok(self.connection.call(&request, &[])?.meta)
    }

    /// Tells the attributes of a CMK.
    pub fn describe_key(&mut self, key: &KeyName) -> Result<KeyMetadata, Error> {
        let request = DescribeKey { key_id: key.to_field() };
        Ok(self.connection.call(&request, &[])?.meta.metadata)
    }

    /// Lists the ids of CMKs.
    pub fn list_keys(&mut self, request: &ListKeys) -> Result<ListedKeys, Error> {
        Ok(self.connection.call(request, &[])?.meta)
    }

    /// Lists CMKs with their attributes.
    pub fn list_key_detail(&mut self, request: &ListKeyDetail) -> Result<ListedKeyDetail, Error> {
        Ok(self.connection.call(request, &[])?.meta)
    }

    /// Enables a disabled CMK.
    pub fn enable_key(&mut self, key: &KeyName) -> Result<(), Error> {
        self.connection.call(&EnableKey { key_id: key.to_field() }, &[])?;
        Ok(())
    }

    /// Disables a CMK; it can be enabled again.
    pub fn disable_key(&mut self, key: &KeyName) -> Result<(), Error> {
        self.connection.call(&DisableKey { key_id: key.to_field() }, &[])?;
        Ok(())
    }

    /// Encrypts 1 to 4,096 bytes.
    pub fn encrypt(
        &mut self,
        key: &KeyName,
        plaintext: &[u8],
        context: &Context,
    ) -> Result<Vec<u8>, Error> {
        let request = Encrypt { key_id: key.to_field(), context: context.to_json() };
        Ok(public(self.connection.call(&request, plaintext)?.payload))
    }

    /// Decrypts what [`Kms::encrypt`] or [`Kms::generate_data_key`] made; the ciphertext names its key.
    pub fn decrypt(
        &mut self,
        ciphertext: &[u8],
        context: &Context,
    ) -> Result<SecretSlice<u8>, Error> {
        let request = Decrypt {
            context: context.to_json(),
            expected_key: None,
            public_key: None,
            algorithm: None,
        };
        Ok(secret(self.connection.call(&request, ciphertext)?.payload))
    }

    /// Decrypts, unless the ciphertext was made with another key.
    pub fn decrypt_of(
        &mut self,
        key: &KeyName,
        ciphertext: &[u8],
        context: &Context,
    ) -> Result<SecretSlice<u8>, Error> {
        let expected_key = Some(key.to_field());
        let request =
            Decrypt { context: context.to_json(), expected_key, public_key: None, algorithm: None };
        Ok(secret(self.connection.call(&request, ciphertext)?.payload))
    }

    /// Makes a data key: once in clear for use, once encrypted for keeping.
    pub fn generate_data_key(
        &mut self,
        key: &KeyName,
        length: DataKeyLength,
        context: &Context,
    ) -> Result<DataKey, Error> {
        let (key_spec, length) = match length {
            DataKeyLength::Aes128 => (Some("AES_128".to_owned()), None),
            DataKeyLength::Aes256 => (Some("AES_256".to_owned()), None),
            DataKeyLength::Bytes(length) => (None, Some(i64::from(length))),
        };
        let (key_id, context) = (key.to_field(), context.to_json());
        let request = GenerateDataKey {
            key_id,
            key_spec,
            length,
            context,
            public_key: None,
            algorithm: None,
        };
        let reply = self.connection.call(&request, &[])?;
        Ok(DataKey { plaintext: secret(reply.payload), ciphertext: reply.meta.ciphertext.0 })
    }

    /// Makes 1 to 1,024 random bytes.
    pub fn generate_random(&mut self, length: u16) -> Result<SecretSlice<u8>, Error> {
        let request = GenerateRandom { length: i64::from(length) };
        Ok(secret(self.connection.call(&request, &[])?.payload))
    }

    /// Tells the public key of an asymmetric CMK.
    pub fn public_key(&mut self, key: &KeyName) -> Result<PublicKey, Error> {
        Ok(self.connection.call(&GetPublicKey { key_id: key.to_field() }, &[])?.meta)
    }

    /// Signs a message or its digest; the signature is DER for SM2 and ECDSA, raw for RSA.
    pub fn sign(
        &mut self,
        key: &KeyName,
        algorithm: &str,
        message: Message<'_>,
    ) -> Result<Vec<u8>, Error> {
        let (bytes, message_type) = message.parts();
        let (algorithm, key_id) = (algorithm.to_owned(), key.to_field());
        let request = SignByAsymmetricKey { algorithm, key_id, message_type };
        Ok(public(self.connection.call(&request, bytes)?.payload))
    }

    /// Tells whether a signature is right.
    pub fn verify(
        &mut self,
        key: &KeyName,
        algorithm: &str,
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<bool, Error> {
        let (bytes, message_type) = message.parts();
        let request = VerifyByAsymmetricKey {
            key_id: key.to_field(),
            signature: coffer_protocol::message::Bytes(signature.to_vec()),
            algorithm: algorithm.to_owned(),
            message_type,
        };
        Ok(self.connection.call(&request, bytes)?.meta.valid)
    }

    /// Tells the state of the service, also while it is sealed.
    pub fn service_status(&mut self) -> Result<ServiceStatus, Error> {
        Ok(self.connection.call(&GetServiceStatus {}, &[])?.meta)
    }

    /// Lists the algorithms of keys.
    pub fn algorithms(&mut self) -> Result<Algorithms, Error> {
        Ok(self.connection.call(&ListAlgorithms {}, &[])?.meta)
    }

    /// Lists the regions, which are the partitions.
    pub fn regions(&mut self) -> Result<Vec<String>, Error> {
        Ok(self.connection.call(&GetRegions {}, &[])?.meta.regions)
    }

    /// Tells how the daemon is; everybody who may connect may ask.
    pub fn daemon_status(&mut self) -> Result<DaemonStatus, Error> {
        Ok(self.connection.call(&GetStatus {}, &[])?.meta)
    }
}

/// The payload has exactly its size, so making it a slice does not copy it.
fn secret(mut payload: Zeroizing<Vec<u8>>) -> SecretSlice<u8> {
    std::mem::take(&mut *payload).into()
}

fn public(mut payload: Zeroizing<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut *payload)
}
