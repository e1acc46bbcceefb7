//! Encrypt, Decrypt and GenerateDataKey.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeySpec, KeyUsage};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::kms::{
    Decrypt, Decrypted, Encrypt, Encrypted, GenerateDataKey, GeneratedDataKey,
};
use zeroize::Zeroizing;

use super::super::authorized::SecretReply;
use super::super::{Answer, Authorized, Caller, Handle, Service};
use super::{blob, context, find, in_range, meta, validate_name};
use crate::crypto::random;
use crate::object::{Object, OpenKey};
use crate::state::key;
use crate::vault::{self, Depth, Inside, Public};
use crate::{Error, crypto};

/// Most bytes that Encrypt takes.
const MAX_PLAINTEXT: usize = 4096;
/// Most bytes of a data key.
const MAX_DATA_KEY: i64 = 1024;

/// A key that may encrypt or decrypt in the KMS's format, and the context.
pub(crate) struct Ready {
    object: Arc<Object>,
    key: Arc<OpenKey>,
    named: blob::Named,
    context: Vec<u8>,
}

/// Finds the key and decides whether it may do that now.
fn ready(
    service: &Service,
    object: Arc<Object>,
    rule: KeyRule,
    version: Option<u32>,
    context: Option<&String>,
) -> Result<Ready, Error> {
    let record = meta(&object)?;
    let spec = spec_of(&object, rule)?;
    key::check(rule, record.state)?;
    let version = match version {
        None => record.version,
        Some(version) if (1..=record.version).contains(&version) => version,
        Some(_) => return Err(ErrorCode::InvalidCiphertext.into()),
    };
    let named = blob::Named { spec, key: object.id, version };
    let key = service.keyring.version(&object, version)?;
    Ok(Ready { key, named, context: context::canonical(context)?, object })
}

/// The cipher of a key: a symmetric CMK, or an AES key of an application that may do the same.
fn spec_of(object: &Object, rule: KeyRule) -> Result<KeySpec, Error> {
    use coffer_protocol::attribute::{DECRYPT, ENCRYPT};
    let record = meta(object)?;
    let usage = if rule == KeyRule::Decrypt { DECRYPT } else { ENCRYPT };
    match record.usage {
        KeyUsage::EncryptDecrypt => Ok(record.spec),
        KeyUsage::Application
            if object.key_type() == Some(KeyType::Aes) && object.attributes.flag(usage) =>
        {
            Ok(KeySpec::Aes256)
        }
        _ => Err(ErrorCode::InvalidKeyUsage.into()),
    }
}

/// One code for whatever is wrong with a ciphertext.
fn of_decryption(code: ErrorCode) -> Error {
    match code {
        ErrorCode::OutOfMemory => code.into(),
        _ => ErrorCode::InvalidCiphertext.into(),
    }
}

/// One code for an encryption that failed.
fn of_encryption(code: ErrorCode) -> Error {
    match code {
        ErrorCode::OutOfMemory => code.into(),
        _ => ErrorCode::EncryptionError.into(),
    }
}

impl Ready {
    fn seal(
        &self,
        inside: &Inside<'_>,
        plaintext: &[u8],
    ) -> Result<Public<Vec<u8>>, crypto::Error> {
        let kms_key = self.key.kms(inside).ok_or(crypto::Error::Mechanism)?;
        Ok(inside.publish(&blob::seal(self.named, kms_key, &self.context, plaintext)?))
    }

    fn open(
        &self,
        inside: &Inside<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, crypto::Error> {
        let kms_key = self.key.kms(inside).ok_or(crypto::Error::Mechanism)?;
        blob::open(self.named, kms_key, &self.context, ciphertext)
    }
}

impl Handle for Encrypt {
    type Plan = Ready;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        if !(1..=MAX_PLAINTEXT).contains(&payload_length) {
            return Err(ErrorCode::InvalidPlaintext.into());
        }
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Ready, Error> {
        let request = call.request();
        let object = find(service, call.caller(), &request.key_id)?;
        ready(service, object, KeyRule::Encrypt, None, request.context.as_ref())
    }

    fn commit(
        call: Authorized<'_, Self>,
        ready: Ready,
        _service: &Service,
    ) -> Result<Answer<Encrypted>, Error> {
        let payload = call.payload();
        let Public(blob) = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
            Ok(ready.seal(inside, payload.bytes(inside))?)
        })?
        .map_err(of_encryption)?;
        Ok(Answer::with(Encrypted { key_id: ready.object.id.to_string() }, blob))
    }
}

/// Finds the key that a ciphertext names.
fn named_key(service: &Service, caller: &Caller, named: blob::Named) -> Result<Arc<Object>, Error> {
    find(service, caller, &named.key.to_string())
}

impl Handle for Decrypt {
    type Plan = Ready;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        if !(blob::OVERHEAD + 1..=blob::OVERHEAD + MAX_PLAINTEXT).contains(&payload_length) {
            return Err(ErrorCode::InvalidCiphertext.into());
        }
        self.expected_key.as_deref().map_or(Ok(()), validate_name)?;
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Ready, Error> {
        let request = call.request();
        let named = blob::named(call.payload().plain()?)?;
        let object = named_key(service, call.caller(), named)?;
        if let Some(expected) = &request.expected_key
            && find(service, call.caller(), expected).map_or(true, |key| key.id != object.id)
        {
            return Err(Error::about(ErrorCode::InvalidKeyId, "ExpectedKeyId"));
        }
        let version = Some(named.version);
        let ready = ready(service, object, KeyRule::Decrypt, version, request.context.as_ref())?;
        if ready.named != named {
            return Err(ErrorCode::InvalidCiphertext.into());
        }
        Ok(ready)
    }

    fn commit(
        call: Authorized<'_, Self>,
        ready: Ready,
        _service: &Service,
    ) -> Result<Answer<Decrypted>, Error> {
        let ciphertext = call.payload().plain()?;
        let mut reply = SecretReply::with_capacity(ciphertext.len())?;
        vault::run(Depth::Small, |inside| -> Result<(), ErrorCode> {
            let plaintext = ready.open(inside, ciphertext)?;
            Ok(reply.push(inside, &plaintext)?)
        })?
        .map_err(of_decryption)?;
        Ok(Answer::secret(Decrypted { key_id: ready.object.id.to_string() }, reply))
    }
}

impl Handle for GenerateDataKey {
    type Plan = (Ready, usize);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        length(self)?;
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let object = find(service, call.caller(), &request.key_id)?;
        let ready = ready(service, object, KeyRule::Encrypt, None, request.context.as_ref())?;
        Ok((ready, length(request)?))
    }

    fn commit(
        _call: Authorized<'_, Self>,
        (ready, length): Self::Plan,
        _service: &Service,
    ) -> Result<Answer<GeneratedDataKey>, Error> {
        let mut reply = SecretReply::with_capacity(length)?;
        let Public(blob) = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
            let mut data_key = Zeroizing::new(vec![0; length]);
            random::fill(&mut data_key)?;
            let blob = ready.seal(inside, &data_key)?;
            reply.push(inside, &data_key)?;
            Ok(blob)
        })?
        .map_err(of_encryption)?;
        let answer = GeneratedDataKey {
            key_id: ready.object.id.to_string(),
            ciphertext: Bytes(blob),
            tag_code: 0,
            tag_message: String::new(),
        };
        Ok(Answer::secret(answer, reply))
    }
}

/// Bytes of the data key: NumberOfBytes, or what KeySpec says; one of them is required.
fn length(request: &GenerateDataKey) -> Result<usize, Error> {
    let by_spec = match request.key_spec.as_deref() {
        None => None,
        Some("AES_128") => Some(16),
        Some("AES_256") => Some(32),
        Some(_) => return Err(Error::about(ErrorCode::InvalidValue, "KeySpec")),
    };
    let bytes = match (request.length, by_spec) {
        (Some(bytes), _) => {
            in_range(bytes, 1..=MAX_DATA_KEY, "NumberOfBytes")?;
            bytes
        }
        (None, Some(bytes)) => bytes,
        (None, None) => return Err(Error::about(ErrorCode::MissingParameter, "KeySpec")),
    };
    usize::try_from(bytes).map_err(|_| Error::about(ErrorCode::InvalidValue, "NumberOfBytes"))
}
