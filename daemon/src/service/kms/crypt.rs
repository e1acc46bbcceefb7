//! Encrypt, Decrypt and GenerateDataKey.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeySpec, KeyUsage};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::ENVELOPE_MAX;
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::kms::{
    Decrypt, Decrypted, Encrypt, Encrypted, GenerateDataKey, GeneratedDataKey,
};
use zeroize::Zeroizing;

use super::super::authorized::SecretReply;
use super::super::{Answer, Authorized, Caller, Handle, Service};
use super::permit::permit;
use super::wrapped::Wrapping;
use super::{blob, context, data_key, find, meta, validate_name};
use crate::crypto::random;
use crate::object::{Object, OpenKey};
use crate::vault::{self, Depth, Inside, Public};
use crate::{Error, crypto};

/// Most bytes that Encrypt takes.
pub(super) const MAX_PLAINTEXT: usize = ENVELOPE_MAX;

/// A key that may encrypt or decrypt in the KMS's format, and the context.
pub(crate) struct Ready {
    pub(super) object: Arc<Object>,
    key: Arc<OpenKey>,
    pub(super) named: blob::Named,
    context: Vec<u8>,
}

/// Which version of a key is meant.
#[derive(Clone, Copy)]
pub(super) enum Version {
    Newest,
    This(u32),
}

/// Decides whether a key may do that now.
pub(super) fn ready(
    service: &Service,
    object: Arc<Object>,
    rule: KeyRule,
    version: Version,
    context: Option<&String>,
) -> Result<Ready, Error> {
    let spec = spec_of(&object, rule);
    permit(service, &object, rule, |_| spec.map(drop))?;
    let newest = meta(&object)?.version;
    let version = match version {
        Version::Newest => newest,
        Version::This(version) if (1..=newest).contains(&version) => version,
        Version::This(_) => return Err(ErrorCode::InvalidCiphertext.into()),
    };
    let named = blob::Named { spec: spec?, key: object.id, version };
    let key = service.keyring.version(&object, version)?;
    Ok(Ready { key, named, context: context::canonical(context)?, object })
}

/// The key that a ciphertext names, ready to decrypt it.
pub(super) fn ready_for(
    service: &Service,
    caller: &Caller,
    ciphertext: &[u8],
    context: Option<&String>,
    expected: Option<&String>,
) -> Result<Ready, Error> {
    let named = blob::named(ciphertext)?;
    let object = find(service, caller, &named.key.to_string())?;
    if let Some(expected) = expected
        && find(service, caller, expected).map_or(true, |key| key.id != object.id)
    {
        return Err(Error::about(ErrorCode::InvalidKeyId, "ExpectedKeyId"));
    }
    let version = Version::This(named.version);
    let ready = ready(service, object, KeyRule::Decrypt, version, context)?;
    if ready.named != named {
        return Err(ErrorCode::InvalidCiphertext.into());
    }
    Ok(ready)
}

/// The cipher of a key: a symmetric CMK, or an AES key of an application that may do the same.
fn spec_of(object: &Object, rule: KeyRule) -> Result<KeySpec, ErrorCode> {
    use coffer_protocol::attribute::{DECRYPT, ENCRYPT};
    let record = object.key.as_ref().ok_or(ErrorCode::CmkNotFound)?;
    let usage = if rule == KeyRule::Decrypt { DECRYPT } else { ENCRYPT };
    match record.usage {
        KeyUsage::EncryptDecrypt => Ok(record.spec),
        KeyUsage::Application
            if object.key_type() == Some(KeyType::Aes) && object.attributes.flag(usage) =>
        {
            Ok(KeySpec::Aes256)
        }
        _ => Err(ErrorCode::InvalidKeyUsage),
    }
}

/// One code for whatever is wrong with a ciphertext.
pub(super) fn of_decryption(code: ErrorCode) -> Error {
    match code {
        ErrorCode::OutOfMemory => code.into(),
        _ => ErrorCode::InvalidCiphertext.into(),
    }
}

/// One code for an encryption that failed.
pub(super) fn of_encryption(code: ErrorCode) -> Error {
    match code {
        ErrorCode::OutOfMemory => code.into(),
        _ => ErrorCode::EncryptionError.into(),
    }
}

impl Ready {
    /// Whether a ciphertext of the one is as good as one of the other.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.named == other.named && self.context == other.context
    }

    pub(super) fn seal(
        &self,
        inside: &Inside<'_>,
        plaintext: &[u8],
    ) -> Result<Public<Vec<u8>>, crypto::Error> {
        let kms_key = self.key.kms(inside).ok_or(crypto::Error::Mechanism)?;
        Ok(inside.publish(&blob::seal(self.named, kms_key, &self.context, plaintext)?))
    }

    pub(super) fn open(
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
        ready(service, object, KeyRule::Encrypt, Version::Newest, request.context.as_ref())
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

/// Refuses a length that no ciphertext of the KMS has.
pub(super) fn validate_length(length: usize) -> Result<(), Error> {
    if (blob::OVERHEAD + 1..=blob::OVERHEAD + MAX_PLAINTEXT).contains(&length) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidCiphertext.into())
    }
}

impl Handle for Decrypt {
    type Plan = (Ready, Option<Wrapping>);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate_length(payload_length)?;
        self.expected_key.as_deref().map_or(Ok(()), validate_name)?;
        if let Some(wrapping) = Wrapping::of(self.public_key.as_ref(), self.algorithm.as_ref())? {
            wrapping.takes(payload_length.saturating_sub(blob::OVERHEAD))?;
        }
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let ciphertext = call.payload().plain()?;
        let (context, expected) = (request.context.as_ref(), request.expected_key.as_ref());
        let ready = ready_for(service, call.caller(), ciphertext, context, expected)?;
        Ok((ready, Wrapping::of(request.public_key.as_ref(), request.algorithm.as_ref())?))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (ready, wrapping): Self::Plan,
        service: &Service,
    ) -> Result<Answer<Decrypted>, Error> {
        let ciphertext = call.payload().plain()?;
        let room = wrapping.as_ref().map_or(0, Wrapping::overhead);
        let mut reply = SecretReply::to(service, call.caller(), ciphertext.len() + room)?;
        vault::run(Depth::Small, |inside| -> Result<(), ErrorCode> {
            let plaintext = ready.open(inside, ciphertext)?;
            push(&mut reply, inside, wrapping.as_ref(), &plaintext)
        })?
        .map_err(of_decryption)?;
        Ok(Answer::secret(Decrypted { key_id: ready.object.id.to_string() }, reply))
    }
}

/// Puts a plaintext into a reply, encrypted if that was asked for.
fn push(
    reply: &mut SecretReply,
    inside: &Inside<'_>,
    wrapping: Option<&Wrapping>,
    plaintext: &[u8],
) -> Result<(), ErrorCode> {
    match wrapping {
        Some(wrapping) => Ok(reply.push(inside, &wrapping.wrap(plaintext)?)?),
        None => Ok(reply.push(inside, plaintext)?),
    }
}

impl Handle for GenerateDataKey {
    type Plan = (Ready, usize, Option<Wrapping>);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        let length = data_key::length(self.key_spec.as_deref(), self.length)?;
        if let Some(wrapping) = Wrapping::of(self.public_key.as_ref(), self.algorithm.as_ref())? {
            wrapping.takes(length)?;
        }
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let object = find(service, call.caller(), &request.key_id)?;
        let context = request.context.as_ref();
        let ready = ready(service, object, KeyRule::Encrypt, Version::Newest, context)?;
        let wrapping = Wrapping::of(request.public_key.as_ref(), request.algorithm.as_ref())?;
        Ok((ready, data_key::length(request.key_spec.as_deref(), request.length)?, wrapping))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (ready, length, wrapping): Self::Plan,
        service: &Service,
    ) -> Result<Answer<GeneratedDataKey>, Error> {
        let room = wrapping.as_ref().map_or(0, Wrapping::overhead);
        let mut reply = SecretReply::to(service, call.caller(), length + room)?;
        let Public(blob) = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
            let mut data_key = Zeroizing::new(vec![0; length]);
            random::fill(&mut data_key)?;
            let blob = ready.seal(inside, &data_key)?;
            push(&mut reply, inside, wrapping.as_ref(), &data_key)?;
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
