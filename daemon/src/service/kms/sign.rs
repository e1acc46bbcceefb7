//! GetPublicKey, SignByAsymmetricKey and VerifyByAsymmetricKey.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeyUsage;
use coffer_protocol::mechanism::{Hash, Parameter, Pss, Scheme};
use coffer_protocol::message::Bytes;
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::kms::{
    GetPublicKey, PublicKey, SignByAsymmetricKey, Signed, Verified, VerifyByAsymmetricKey,
};
use spki::der::pem::{LineEnding, encode_string};

use super::super::{Answer, Authorized, Handle, Service};
use super::permit::permit;
use super::{find, meta, validate_name};
use crate::crypto::der_signature;
use crate::object::{KeyMeta, Object, OpenKey};
use crate::vault::{self, Depth, Public};
use crate::{Error, crypto};

/// Most bytes of a message that is not hashed yet.
const MAX_MESSAGE: usize = 4096;

/// A signature algorithm of the KMS.
#[derive(Debug)]
struct Algorithm {
    name: &'static str,
    usages: &'static [KeyUsage],
    /// Scheme for a whole message, and for its digest.
    raw: Scheme,
    digest: Scheme,
    digest_length: usize,
    /// Whether the KMS gives the signature in DER while the scheme gives r‖s.
    to_der: bool,
}

const RSA: &[KeyUsage] = &[KeyUsage::SignRsa2048, KeyUsage::SignRsa3072, KeyUsage::SignRsa4096];

/// The table of signature algorithms.
#[rustfmt::skip]
const ALGORITHMS: &[Algorithm] = &[
    Algorithm { name: "SM2DSA",             usages: &[KeyUsage::SignSm2],      raw: Scheme::Sm2Dsa(Some(Hash::Sm3)),      digest: Scheme::Sm2Dsa(None),   digest_length: 32, to_der: false },
    Algorithm { name: "ECC_P256_R1",        usages: &[KeyUsage::SignEcc],      raw: Scheme::Ecdsa(Some(Hash::Sha256)),    digest: Scheme::Ecdsa(None),    digest_length: 32, to_der: true },
    Algorithm { name: "ECC_P384_R1",        usages: &[KeyUsage::SignEcdsa384], raw: Scheme::Ecdsa(Some(Hash::Sha384)),    digest: Scheme::Ecdsa(None),    digest_length: 48, to_der: true },
    Algorithm { name: "RSA_PSS_SHA_256",    usages: RSA,                       raw: Scheme::RsaPss(Some(Hash::Sha256)),   digest: Scheme::RsaPss(None),   digest_length: 32, to_der: false },
    Algorithm { name: "RSA_PSS_SHA_384",    usages: RSA,                       raw: Scheme::RsaPss(Some(Hash::Sha384)),   digest: Scheme::RsaPss(None),   digest_length: 48, to_der: false },
    Algorithm { name: "RSA_PSS_SHA_512",    usages: RSA,                       raw: Scheme::RsaPss(Some(Hash::Sha512)),   digest: Scheme::RsaPss(None),   digest_length: 64, to_der: false },
    Algorithm { name: "RSA_PKCS1_SHA_256",  usages: RSA,                       raw: Scheme::RsaPkcs1(Some(Hash::Sha256)), digest: Scheme::RsaPkcs1(None), digest_length: 32, to_der: false },
    Algorithm { name: "RSA_PKCS1_SHA_384",  usages: RSA,                       raw: Scheme::RsaPkcs1(Some(Hash::Sha384)), digest: Scheme::RsaPkcs1(None), digest_length: 48, to_der: false },
    Algorithm { name: "RSA_PKCS1_SHA_512",  usages: RSA,                       raw: Scheme::RsaPkcs1(Some(Hash::Sha512)), digest: Scheme::RsaPkcs1(None), digest_length: 64, to_der: false },
];

/// Names and usages, for ListAlgorithms.
pub(super) fn algorithms() -> impl Iterator<Item = (KeyUsage, &'static str)> {
    ALGORITHMS
        .iter()
        .flat_map(|algorithm| algorithm.usages.iter().map(|usage| (*usage, algorithm.name)))
}

/// DigestInfo of SHA-2 without the digest (RFC 8017 section 9.2, note 1).
fn digest_info(hash: Hash) -> [u8; 19] {
    let (number, length) = match hash {
        Hash::Sha384 => (2, 48),
        Hash::Sha512 => (3, 64),
        // The table has no other.
        _ => (1, 32),
    };
    [
        0x30,
        0x11 + length,
        0x30,
        0x0d,
        0x06,
        0x09,
        0x60,
        0x86,
        0x48,
        0x01,
        0x65,
        0x03,
        0x04,
        0x02,
        number,
        0x05,
        0x00,
        0x04,
        length,
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum MessageType {
    Raw,
    Digest,
}

/// What the request's words come to, whatever key they are about.
pub(crate) struct Method {
    algorithm: &'static Algorithm,
    message: MessageType,
}

impl Method {
    fn of(
        algorithm: &str,
        message_type: Option<&String>,
        message_length: usize,
    ) -> Result<Self, Error> {
        let wrong = |field: &'static str| Error::about(ErrorCode::InvalidValue, field);
        let algorithm = ALGORITHMS.iter().find(|row| row.name == algorithm);
        let algorithm = algorithm.ok_or_else(|| wrong("Algorithm"))?;
        let message = match message_type.map(String::as_str) {
            None | Some("" | "RAW") => MessageType::Raw,
            Some("DIGEST") => MessageType::Digest,
            Some(_) => return Err(wrong("MessageType")),
        };
        let fits = match message {
            MessageType::Raw => (1..=MAX_MESSAGE).contains(&message_length),
            MessageType::Digest => message_length == algorithm.digest_length,
        };
        if fits { Ok(Self { algorithm, message }) } else { Err(wrong("Message")) }
    }

    const fn scheme(&self) -> Scheme {
        match self.message {
            MessageType::Raw => self.algorithm.raw,
            MessageType::Digest => self.algorithm.digest,
        }
    }

    fn parameter(&self) -> Parameter {
        match self.algorithm.raw {
            Scheme::RsaPss(Some(hash)) => {
                Parameter::Pss(Pss { hash, mgf: hash, salt_len: self.algorithm.digest_length })
            }
            _ => Parameter::None,
        }
    }

    /// What the scheme signs: PKCS#1 v1.5 over a digest signs its DigestInfo.
    fn input(&self, message: &[u8]) -> Vec<u8> {
        match (self.algorithm.raw, self.message) {
            (Scheme::RsaPkcs1(Some(hash)), MessageType::Digest) => {
                [&digest_info(hash)[..], message].concat()
            }
            _ => message.to_vec(),
        }
    }
}

/// Whether the key is made for the method and may be used so now.
fn allow(service: &Service, object: &Object, method: &Method, rule: KeyRule) -> Result<(), Error> {
    let fits = |key: &KeyMeta| {
        let fits = method.algorithm.usages.contains(&key.usage);
        if fits { Ok(()) } else { Err(ErrorCode::InvalidKeyUsage) }
    };
    permit(service, object, rule, fits).map(drop)
}

impl Handle for SignByAsymmetricKey {
    type Plan = (Method, Arc<OpenKey>);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        Method::of(&self.algorithm, self.message_type.as_ref(), payload_length)?;
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let method =
            Method::of(&request.algorithm, request.message_type.as_ref(), call.payload().len())?;
        let object = find(service, call.caller(), &request.key_id)?;
        allow(service, &object, &method, KeyRule::Sign)?;
        Ok((method, service.keyring.newest(&object)?))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (method, key): Self::Plan,
        _service: &Service,
    ) -> Result<Answer<Signed>, Error> {
        let input = method.input(call.payload().plain()?);
        let (scheme, parameter) = (method.scheme(), method.parameter());
        let Public(signature) = vault::run(Depth::Small, |inside| {
            let signature = crypto::sign(key.get(inside), scheme, &parameter, &input);
            signature.map(|signature| inside.publish(&signature)).map_err(ErrorCode::from)
        })??;
        let signature =
            if method.algorithm.to_der { der_signature::to_der(&signature)? } else { signature };
        Ok(Answer::with(Signed {}, signature))
    }
}

impl Handle for VerifyByAsymmetricKey {
    type Plan = (Method, crypto::PublicKey);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        Method::of(&self.algorithm, self.message_type.as_ref(), payload_length)?;
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let request = call.request();
        let method =
            Method::of(&request.algorithm, request.message_type.as_ref(), call.payload().len())?;
        let object = find(service, call.caller(), &request.key_id)?;
        allow(service, &object, &method, KeyRule::Verify)?;
        let public = crypto::PublicKey::from_spki(&meta(&object)?.public_key)?;
        Ok((method, public))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (method, public): Self::Plan,
        _service: &Service,
    ) -> Result<Answer<Verified>, Error> {
        let Bytes(given) = &call.request().signature;
        let length = method.algorithm.digest_length;
        let signature = if method.algorithm.to_der {
            der_signature::from_der(given, length).ok()
        } else {
            Some(given.clone())
        };
        let input = method.input(call.payload().plain()?);
        let valid = signature.is_some_and(|signature| {
            crypto::verify(&public, method.scheme(), &method.parameter(), &input, &signature)
                .is_ok()
        });
        Ok(Answer::new(Verified { valid }))
    }
}

impl Handle for GetPublicKey {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let object = find(service, call.caller(), &call.request().key_id)?;
        let is_pair = |key: &KeyMeta| {
            let pair =
                if key.is_cmk() { key.key_type().is_pair() } else { !key.public_key.is_empty() };
            if pair { Ok(()) } else { Err(ErrorCode::InvalidKeyUsage) }
        };
        permit(service, &object, KeyRule::PublicKey, is_pair)?;
        Ok(object)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        _service: &Service,
    ) -> Result<Answer<PublicKey>, Error> {
        let der = &meta(&object)?.public_key;
        let pem =
            encode_string("PUBLIC KEY", LineEnding::LF, der).map_err(|_| ErrorCode::Internal)?;
        Ok(Answer::new(PublicKey {
            key_id: object.id.to_string(),
            public_key: Bytes(der.clone()),
            pem,
        }))
    }
}
