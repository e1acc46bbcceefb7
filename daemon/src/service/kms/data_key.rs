//! Data keys beside GenerateDataKey: GenerateDataKeyWithoutPlaintext, EncryptDataKey, DecryptDataKey; and ReEncrypt.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeySpec;
use coffer_protocol::mechanism::Hash;
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::kms::{
    DecryptDataKey, DecryptedDataKey, EncryptDataKey, EncryptedDataKey,
    GenerateDataKeyWithoutPlaintext, GeneratedCiphertext, ReEncrypt, ReEncrypted,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::super::authorized::SecretReply;
use super::super::{Answer, Authorized, Handle, Service};
use super::crypt::{
    Ready, Version, of_decryption, of_encryption, ready, ready_for, validate_length,
};
use super::{blob, context, find, in_range, meta, validate_name};
use crate::Error;
use crate::crypto::{hash, random};
use crate::vault::{self, Depth, Public};

/// Most bytes of a data key.
const MAX_DATA_KEY: i64 = 1024;
/// Bytes of the hash that comes with a data key: SHA-256 and SM3 have the same.
const DIGEST: usize = 32;

/// Bytes of a data key: NumberOfBytes, or what KeySpec says; one of them is required.
pub(super) fn length(spec: Option<&str>, bytes: Option<i64>) -> Result<usize, Error> {
    let by_spec = match spec {
        None | Some("") => None,
        Some("AES_128") => Some(16),
        Some("AES_256") => Some(32),
        Some(_) => return Err(Error::about(ErrorCode::InvalidValue, "KeySpec")),
    };
    match (bytes, by_spec) {
        (Some(bytes), _) => data_key_length(bytes, "NumberOfBytes"),
        (None, Some(bytes)) => Ok(bytes),
        (None, None) => Err(Error::about(ErrorCode::MissingParameter, "KeySpec")),
    }
}

fn data_key_length(bytes: i64, field: &'static str) -> Result<usize, Error> {
    in_range(bytes, 1..=MAX_DATA_KEY, field)?;
    usize::try_from(bytes).map_err(|_| Error::about(ErrorCode::InvalidValue, field))
}

impl Handle for GenerateDataKeyWithoutPlaintext {
    type Plan = (Ready, usize);

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        length(self.key_spec.as_deref(), self.length)?;
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let object = find(service, call.caller(), &request.key_id)?;
        let context = request.context.as_ref();
        let ready = ready(service, object, KeyRule::Encrypt, Version::Newest, context)?;
        Ok((ready, length(request.key_spec.as_deref(), request.length)?))
    }

    fn commit(
        _call: Authorized<'_, Self>,
        (ready, length): Self::Plan,
        _service: &Service,
    ) -> Result<Answer<GeneratedCiphertext>, Error> {
        let Public(blob) = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
            let mut data_key = Zeroizing::new(vec![0; length]);
            random::fill(&mut data_key)?;
            Ok(ready.seal(inside, &data_key)?)
        })?
        .map_err(of_encryption)?;
        Ok(Answer::with(GeneratedCiphertext { key_id: ready.object.id.to_string() }, blob))
    }
}

impl Handle for EncryptDataKey {
    type Plan = (Ready, usize);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)?;
        let length = data_key_length(self.length, "DataKeyLength")?;
        if payload_length != length + DIGEST {
            return Err(ErrorCode::InvalidPlaintext.into());
        }
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let object = find(service, call.caller(), &request.key_id)?;
        let context = request.context.as_ref();
        let ready = ready(service, object, KeyRule::Encrypt, Version::Newest, context)?;
        Ok((ready, data_key_length(request.length, "DataKeyLength")?))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (ready, length): Self::Plan,
        _service: &Service,
    ) -> Result<Answer<EncryptedDataKey>, Error> {
        let payload = call.payload();
        let digest = if ready.named.spec == KeySpec::Sm4 { Hash::Sm3 } else { Hash::Sha256 };
        let Public(blob) = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
            let bytes = payload.bytes(inside);
            let (data_key, given) =
                bytes.split_at_checked(length).ok_or(ErrorCode::InvalidPlaintext)?;
            let right = Zeroizing::new(hash::digest(digest, data_key));
            if !bool::from(right.ct_eq(given)) {
                return Err(ErrorCode::InvalidPlaintext);
            }
            Ok(ready.seal(inside, data_key)?)
        })?
        .map_err(|code| match code {
            ErrorCode::InvalidPlaintext => Error::about(code, "the data key has another hash"),
            code => of_encryption(code),
        })?;
        let answer =
            EncryptedDataKey { key_id: ready.object.id.to_string(), length: call.request().length };
        Ok(Answer::with(answer, blob))
    }
}

impl Handle for DecryptDataKey {
    type Plan = Ready;

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        let length = data_key_length(self.length, "DataKeyLength")?;
        if payload_length != blob::OVERHEAD + length {
            return Err(ErrorCode::InvalidCiphertext.into());
        }
        self.expected_key.as_deref().map_or(Ok(()), validate_name)?;
        context::canonical(self.context.as_ref()).map(drop)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Ready, Error> {
        let request = call.request();
        let (context, expected) = (request.context.as_ref(), request.expected_key.as_ref());
        ready_for(service, call.caller(), call.payload().plain()?, context, expected)
    }

    fn commit(
        call: Authorized<'_, Self>,
        ready: Ready,
        service: &Service,
    ) -> Result<Answer<DecryptedDataKey>, Error> {
        let ciphertext = call.payload().plain()?;
        let mut reply = SecretReply::to(service, call.caller(), ciphertext.len())?;
        vault::run(Depth::Small, |inside| -> Result<(), ErrorCode> {
            let plaintext = ready.open(inside, ciphertext)?;
            Ok(reply.push(inside, &plaintext)?)
        })?
        .map_err(of_decryption)?;
        let answer =
            DecryptedDataKey { key_id: ready.object.id.to_string(), length: call.request().length };
        Ok(Answer::secret(answer, reply))
    }
}

impl Handle for ReEncrypt {
    /// The old key, and the new one.
    type Plan = (Ready, Ready);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        validate_length(payload_length)?;
        if let Some(name) = self.destination.as_deref().filter(|name| !name.is_empty()) {
            validate_name(name)?;
        }
        context::canonical(self.source_context.as_ref())?;
        context::canonical(self.destination_context.as_ref()).map(drop)
    }

    fn further_key(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let (request, caller) = (call.request(), call.caller());
        let ciphertext = call.payload().plain()?;
        let source = ready_for(service, caller, ciphertext, request.source_context.as_ref(), None)?;
        let object = match request.destination.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => find(service, caller, name)?,
            None => source.object.clone(),
        };
        // A service that uses its own key reaches no other one this way.
        if caller.uid != service.owner
            && meta(&object)?.life.service != meta(&source.object)?.life.service
        {
            return Err(ErrorCode::Unauthorized.into());
        }
        let context = request.destination_context.as_ref();
        let destination = ready(service, object, KeyRule::Encrypt, Version::Newest, context)?;
        Ok((source, destination))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (source, destination): Self::Plan,
        _service: &Service,
    ) -> Result<Answer<ReEncrypted>, Error> {
        let ciphertext = call.payload().plain()?;
        let changed = !source.same_as(&destination);
        let sealed = vault::run(Depth::Small, |inside| -> Result<_, ErrorCode> {
            // Opened in any case: what does not open is not handed back as if it did.
            let plaintext = source.open(inside, ciphertext)?;
            if !changed {
                return Ok(Public(Vec::new()));
            }
            destination.seal(inside, &plaintext).map_err(|error| match ErrorCode::from(error) {
                ErrorCode::OutOfMemory => ErrorCode::OutOfMemory,
                _ => ErrorCode::EncryptionError,
            })
        })?;
        let Public(sealed) = sealed.map_err(|code| match code {
            ErrorCode::EncryptionError => code.into(),
            code => of_decryption(code),
        })?;
        let answer = ReEncrypted {
            key_id: destination.object.id.to_string(),
            source_key_id: source.object.id.to_string(),
            changed,
        };
        Ok(Answer::with(answer, if changed { sealed } else { ciphertext.to_vec() }))
    }
}
