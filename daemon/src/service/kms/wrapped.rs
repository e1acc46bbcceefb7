//! Plaintexts that go back encrypted under a public key of the caller.

use coffer_protocol::ErrorCode;
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Hash, Oaep, Parameter, Scheme};
use spki::Document;

use crate::Error;
use crate::crypto::{self, PublicKey, sm2};

/// Longest public key in PEM, in bytes: RSA-2048 has 451.
const MAX_PEM: usize = 1024;
/// What PKCS #1 v1.5 takes of a modulus (RFC 8017 section 7.2.1).
const PKCS1_OVERHEAD: usize = 11;
/// What a ciphertext of SM2 is longer by at most: the point, its hash, and the ASN.1 around them.
const SM2_OVERHEAD: usize = 128;
/// Bytes of the modulus.
const MODULUS: usize = 256;

/// How a plaintext is encrypted for the way back.
pub(crate) struct Wrapping {
    key: PublicKey,
    method: Method,
}

#[derive(Clone, Copy)]
enum Method {
    Sm2(sm2::Form),
    Pkcs1,
    Oaep(Hash),
}

/// OAEP with one hash for both purposes and no label.
pub(super) fn oaep(hash: Hash) -> Parameter {
    Parameter::Oaep(Oaep { hash, mgf: hash, label: Vec::new() })
}

impl Wrapping {
    /// What the two fields of a request come to; `None` without a public key.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidValue`] for a key or algorithm that is not allowed, or does not go with the other.
    pub(super) fn of(
        pem: Option<&String>,
        algorithm: Option<&String>,
    ) -> Result<Option<Self>, Error> {
        let wrong = |field: &'static str| Error::about(ErrorCode::InvalidValue, field);
        let method = match algorithm.map(String::as_str) {
            None | Some("" | "SM2") => Method::Sm2(sm2::Form::Raw),
            Some("SM2_C1C3C2_ASN1") => Method::Sm2(sm2::Form::Asn1),
            Some("RSAES_PKCS1_V1_5") => Method::Pkcs1,
            Some("RSAES_OAEP_SHA_1") => Method::Oaep(Hash::Sha1),
            Some("RSAES_OAEP_SHA_256") => Method::Oaep(Hash::Sha256),
            Some(_) => return Err(wrong("EncryptionAlgorithm")),
        };
        let Some(pem) = pem.filter(|pem| !pem.is_empty()) else {
            let named = algorithm.is_some_and(|name| !name.is_empty());
            return if named { Err(wrong("EncryptionPublicKey")) } else { Ok(None) };
        };
        if pem.len() > MAX_PEM {
            return Err(wrong("EncryptionPublicKey"));
        }
        let (label, der) = Document::from_pem(pem).map_err(|_| wrong("EncryptionPublicKey"))?;
        let key = PublicKey::from_spki(der.as_bytes());
        let key = key
            .ok()
            .filter(|_| label == "PUBLIC KEY")
            .ok_or_else(|| wrong("EncryptionPublicKey"))?;
        let fits = match (key.key_type(), method) {
            (KeyType::Sm2, Method::Sm2(_)) => true,
            (KeyType::Rsa, Method::Pkcs1 | Method::Oaep(_)) => key.bits() == MODULUS * 8,
            _ => false,
        };
        if fits { Ok(Some(Self { key, method })) } else { Err(wrong("EncryptionAlgorithm")) }
    }

    /// Refuses more bytes than the algorithm takes.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidValue`].
    pub(super) fn takes(&self, length: usize) -> Result<(), Error> {
        let most = match self.method {
            Method::Sm2(_) => return Ok(()),
            Method::Pkcs1 => MODULUS - PKCS1_OVERHEAD,
            Method::Oaep(hash) => MODULUS - 2 * hash.len() - 2,
        };
        if length <= most {
            Ok(())
        } else {
            Err(Error::about(ErrorCode::InvalidValue, "EncryptionAlgorithm"))
        }
    }

    /// Bytes that a result may be longer by.
    pub(super) fn overhead(&self) -> usize {
        match self.method {
            Method::Sm2(_) => SM2_OVERHEAD,
            Method::Pkcs1 | Method::Oaep(_) => MODULUS,
        }
    }

    /// Encrypts. Called inside the vault.
    pub(super) fn wrap(&self, plaintext: &[u8]) -> Result<Vec<u8>, crypto::Error> {
        match self.method {
            Method::Sm2(form) => crypto::sm2_encrypt(&self.key, form, plaintext),
            Method::Pkcs1 => {
                crypto::encrypt(&self.key, Scheme::RsaPkcs1(None), &Parameter::None, plaintext)
            }
            Method::Oaep(hash) => {
                crypto::encrypt(&self.key, Scheme::RsaOaep, &oaep(hash), plaintext)
            }
        }
    }
}
