//! How a CMK made by CreateKey looks to PKCS#11.
//!
//! A symmetric CMK is for authenticated mechanisms only, from birth. A CMK is sensitive, never extractable, and
//! not destroyed by PKCS#11: its deletion goes through the window. A copy of it is a reference in a session.

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::key::{KeySpec, KeyUsage, Origin};
use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::ckm;
use sha2::{Digest, Sha256};

use super::schema::Kind;
use super::{Attributes, KeyMeta, Material, Object, ObjectId, Slot, Staged, class, public};
use crate::Error;
use crate::crypto::ecdsa::Curve;
use crate::crypto::{self, Generate, PublicKey};
use crate::store::SealedMaterial;

const SYMMETRIC: &[u64] = &[
    ckm::CKM_COFFER_ENVELOPE,
    ckm::CKM_AES_GCM,
    ckm::CKM_AES_KEY_WRAP,
    ckm::CKM_AES_KEY_WRAP_PAD,
    ckm::CKM_AES_KEY_WRAP_KWP,
];
const RSA_DECRYPT: &[u64] = &[ckm::CKM_RSA_PKCS, ckm::CKM_RSA_PKCS_OAEP];
const RSA_SIGN: &[u64] = &[
    ckm::CKM_RSA_PKCS,
    ckm::CKM_RSA_PKCS_PSS,
    ckm::CKM_SHA1_RSA_PKCS,
    ckm::CKM_SHA224_RSA_PKCS,
    ckm::CKM_SHA256_RSA_PKCS,
    ckm::CKM_SHA384_RSA_PKCS,
    ckm::CKM_SHA512_RSA_PKCS,
    ckm::CKM_SHA1_RSA_PKCS_PSS,
    ckm::CKM_SHA224_RSA_PKCS_PSS,
    ckm::CKM_SHA256_RSA_PKCS_PSS,
    ckm::CKM_SHA384_RSA_PKCS_PSS,
    ckm::CKM_SHA512_RSA_PKCS_PSS,
];
const ECDSA: &[u64] = &[
    ckm::CKM_ECDSA,
    ckm::CKM_ECDSA_SHA1,
    ckm::CKM_ECDSA_SHA224,
    ckm::CKM_ECDSA_SHA256,
    ckm::CKM_ECDSA_SHA384,
    ckm::CKM_ECDSA_SHA512,
];

/// What a usage comes to: allowed mechanisms, and the one usage attribute of each half that is true.
struct Use {
    mechanisms: &'static [u64],
    private: u64,
    public: u64,
}

const fn row(mechanisms: &'static [u64], private: u64, public: u64) -> Use {
    Use { mechanisms, private, public }
}

const fn use_of(usage: KeyUsage) -> Use {
    match usage {
        KeyUsage::EncryptDecrypt => row(SYMMETRIC, a::DECRYPT, a::ENCRYPT),
        KeyUsage::DecryptRsa2048 | KeyUsage::DecryptRsa3072 | KeyUsage::DecryptRsa4096 => {
            row(RSA_DECRYPT, a::DECRYPT, a::ENCRYPT)
        }
        KeyUsage::SignRsa2048 | KeyUsage::SignRsa3072 | KeyUsage::SignRsa4096 => {
            row(RSA_SIGN, a::SIGN, a::VERIFY)
        }
        KeyUsage::SignEcc | KeyUsage::SignEcdsa384 => row(ECDSA, a::SIGN, a::VERIFY),
        KeyUsage::DecryptSm2 => row(&[], a::DECRYPT, a::ENCRYPT),
        // SM2 has no PKCS#11 numbers, so there are no mechanisms to allow; the type of a MAC key leaves one hash.
        KeyUsage::SignSm2 | KeyUsage::Mac => row(&[], a::SIGN, a::VERIFY),
        KeyUsage::KeyAgreement | KeyUsage::Application => row(&[], a::DERIVE, a::DERIVE),
    }
}

const USAGES: [u64; 11] = [
    a::ENCRYPT,
    a::DECRYPT,
    a::SIGN,
    a::SIGN_RECOVER,
    a::VERIFY,
    a::VERIFY_RECOVER,
    a::WRAP,
    a::UNWRAP,
    a::DERIVE,
    a::ENCAPSULATE,
    a::DECAPSULATE,
];

/// The objects of a new CMK: the key itself, whose id is its KeyId, then the public half if PKCS#11 knows one.
///
/// `key.public_key` is the SubjectPublicKeyInfo of a pair; `material` is that of `key.version`, or nothing for a
/// key that waits for its import.
///
/// # Errors
///
/// [`ErrorCode::Internal`] for the usage of PKCS#11 keys or a public key that does not fit the usage.
pub fn stage(
    slot: Slot,
    id: ObjectId,
    key: KeyMeta,
    material: Option<SealedMaterial>,
) -> Result<Vec<Staged>, Error> {
    if !key.is_cmk() {
        return Err(ErrorCode::Internal.into());
    }
    let public = match key.key_type() {
        // The numbers of a pair that waits for its import are not known yet.
        KeyType::Rsa | KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery
            if material.is_some() =>
        {
            let public = PublicKey::from_spki(&key.public_key)?;
            if public.key_type() != key.key_type() {
                return Err(ErrorCode::Internal.into());
            }
            Some(public)
        }
        KeyType::Rsa
        | KeyType::Ec
        | KeyType::EcEdwards
        | KeyType::EcMontgomery
        | KeyType::Sm2
        | KeyType::Sm4
        | KeyType::Aes
        | KeyType::GenericSecret
        | KeyType::Hmac(_)
        | KeyType::HmacSha512T
        | KeyType::Hkdf
        | KeyType::AesXts
        | KeyType::ChaCha20 => None,
    };
    let numbers = public.as_ref().map(public::attributes_of).transpose()?.unwrap_or_default();
    let attributes = key_attributes(id, &key, &numbers);
    let half = public.map(|public| public_half(slot, id, &key, &public, numbers));
    let object = Object {
        id,
        slot,
        sequence: 0,
        generation: 0,
        attributes,
        key: Some(key),
        material: if material.is_some() { Material::Stored } else { Material::None },
    };
    let mut staged = vec![Staged { object, material }];
    staged.extend(half.map(|object| Staged { object, material: None }));
    Ok(staged)
}

/// How the material of a CMK is read.
pub const fn material_spec(spec: KeySpec) -> crypto::KeySpec {
    match spec {
        KeySpec::Aes256 => crypto::KeySpec::Aes,
        KeySpec::Sm4 => crypto::KeySpec::Sm4,
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => crypto::KeySpec::Rsa,
        KeySpec::EcP256 => crypto::KeySpec::Ec(Curve::P256),
        KeySpec::EcP384 => crypto::KeySpec::Ec(Curve::P384),
        KeySpec::Sm2 => crypto::KeySpec::Sm2,
        KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 | KeySpec::HmacSm3 => {
            crypto::KeySpec::Secret
        }
    }
}

/// How the material of a CMK is made.
pub const fn generation_of(spec: KeySpec) -> Generate {
    match (spec, spec.secret_length()) {
        (KeySpec::Aes256, _) => Generate::Aes { bits: 256 },
        (KeySpec::Sm4, _) => Generate::Sm4,
        (KeySpec::Rsa2048, _) => Generate::Rsa { bits: 2048, exponent: 65_537 },
        (KeySpec::Rsa3072, _) => Generate::Rsa { bits: 3072, exponent: 65_537 },
        (KeySpec::Rsa4096, _) => Generate::Rsa { bits: 4096, exponent: 65_537 },
        (KeySpec::EcP256, _) => Generate::Ec(Curve::P256),
        (KeySpec::EcP384, _) => Generate::Ec(Curve::P384),
        (
            KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 | KeySpec::HmacSm3,
            Some(bytes),
        ) => Generate::Secret { bytes },
        (
            KeySpec::Sm2
            | KeySpec::Hmac256
            | KeySpec::Hmac384
            | KeySpec::Hmac512
            | KeySpec::HmacSm3,
            _,
        ) => Generate::Sm2,
    }
}

/// The id of a CMK's public object: it follows from the key's, so that whoever destroys the key finds it.
pub fn public_half_id(key: ObjectId) -> ObjectId {
    let digest = Sha256::new().chain_update(b"coffer/1/public half").chain_update(key.0).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    // RFC 9562 section 5.8: a UUID of an own making.
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    ObjectId(id)
}

/// What both halves have.
fn common(id: ObjectId, key_id: ObjectId, key: &KeyMeta, generation: u64) -> Vec<Attribute> {
    let generated = key.origin == Origin::Generated;
    let mut attributes = vec![
        Attribute::boolean(a::TOKEN, true),
        Attribute::bytes(a::LABEL, key.alias.clone().unwrap_or_default()),
        Attribute::bytes(a::ID, key_id.0),
        Attribute::bytes(a::UNIQUE_ID, id.to_string()),
        Attribute::boolean(a::DESTROYABLE, false),
        Attribute::boolean(a::LOCAL, generated),
        Attribute::number(a::KEY_GEN_MECHANISM, if generated { generation } else { u64::MAX }),
    ];
    if let Some(number) = key.key_type().ckk() {
        attributes.push(Attribute::number(a::KEY_TYPE, number));
    }
    let mechanisms = use_of(key.usage).mechanisms;
    if !mechanisms.is_empty() {
        let list: Vec<u8> = mechanisms.iter().flat_map(|number| number.to_le_bytes()).collect();
        attributes.push(Attribute::bytes(a::ALLOWED_MECHANISMS, list));
    }
    attributes
}

/// Completes the attributes of a half of which only `usages` are true.
fn finish(attributes: Vec<Attribute>, usages: &[u64], kind: Option<Kind>) -> Attributes {
    let mut attributes = Attributes::from_list(attributes);
    for usage in USAGES {
        if kind.is_none_or(|kind| kind.row(usage).is_some()) {
            attributes.set(Attribute::boolean(usage, usages.contains(&usage)));
        }
    }
    if let Some(kind) = kind {
        kind.complete(&mut attributes);
    }
    attributes
}

fn key_attributes(id: ObjectId, key: &KeyMeta, numbers: &[Attribute]) -> Attributes {
    let key_type = key.key_type();
    let class = if key_type.is_pair() { class::PRIVATE_KEY } else { class::SECRET_KEY };
    let generated = key.origin == Origin::Generated;
    let mut attributes = common(id, id, key, generation(key_type));
    attributes.extend([
        Attribute::number(a::CLASS, class),
        Attribute::boolean(a::PRIVATE, true),
        Attribute::boolean(a::SENSITIVE, true),
        Attribute::boolean(a::EXTRACTABLE, false),
        Attribute::boolean(a::ALWAYS_SENSITIVE, generated),
        Attribute::boolean(a::NEVER_EXTRACTABLE, generated),
    ]);
    if let (KeyType::Aes | KeyType::Hmac(_), Some(length)) = (key_type, key.spec.secret_length()) {
        attributes.push(Attribute::number(a::VALUE_LEN, length as u64));
    }
    attributes.extend_from_slice(numbers);
    let Use { private, public, .. } = use_of(key.usage);
    let usages = match key_type {
        _ if key_type.is_pair() => vec![private],
        KeyType::Aes => vec![private, public, a::WRAP, a::UNWRAP],
        _ => vec![private, public],
    };
    finish(attributes, &usages, Kind::of(class, Some(key_type)))
}

fn public_half(
    slot: Slot,
    key_id: ObjectId,
    key: &KeyMeta,
    public: &PublicKey,
    numbers: Vec<Attribute>,
) -> Object {
    let id = public_half_id(key_id);
    let key_type = key.key_type();
    let mut attributes = common(id, key_id, key, generation(key_type));
    attributes.push(Attribute::number(a::CLASS, class::PUBLIC_KEY));
    if key_type == KeyType::Rsa {
        attributes.push(Attribute::number(a::MODULUS_BITS, public.bits() as u64));
    }
    attributes.extend(numbers);
    let kind = Kind::of(class::PUBLIC_KEY, Some(key_type));
    let attributes = finish(attributes, &[use_of(key.usage).public], kind);
    Object { id, slot, sequence: 0, generation: 0, attributes, key: None, material: Material::None }
}

const fn generation(key_type: KeyType) -> u64 {
    match key_type {
        KeyType::Aes => ckm::CKM_AES_KEY_GEN,
        KeyType::Rsa => ckm::CKM_RSA_PKCS_KEY_PAIR_GEN,
        KeyType::Ec => ckm::CKM_EC_KEY_PAIR_GEN,
        KeyType::EcEdwards => ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN,
        KeyType::EcMontgomery => ckm::CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
        KeyType::GenericSecret
        | KeyType::Hmac(_)
        | KeyType::HmacSha512T
        | KeyType::Hkdf
        | KeyType::AesXts
        | KeyType::ChaCha20
        | KeyType::Sm2
        | KeyType::Sm4 => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_has_an_id_of_its_own_that_follows_from_the_keys() {
        let (one, two) = (ObjectId::random(), ObjectId::random());
        assert_eq!(public_half_id(one), public_half_id(one));
        assert_ne!(public_half_id(one), public_half_id(two));
        assert_ne!(public_half_id(one), one);
        // Version 8 of RFC 9562, in the variant of that text.
        let text = public_half_id(one).to_string();
        assert_eq!(text.as_bytes()[14], b'8');
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }

    #[test]
    fn a_cmk_does_what_its_usage_says_and_nothing_else() {
        for (usage, private, public) in [
            (KeyUsage::EncryptDecrypt, a::DECRYPT, a::ENCRYPT),
            (KeyUsage::DecryptRsa2048, a::DECRYPT, a::ENCRYPT),
            (KeyUsage::SignRsa2048, a::SIGN, a::VERIFY),
            (KeyUsage::SignEcc, a::SIGN, a::VERIFY),
            (KeyUsage::SignEcdsa384, a::SIGN, a::VERIFY),
        ] {
            let row = use_of(usage);
            assert_eq!((row.private, row.public), (private, public), "{usage:?}");
            assert!(!row.mechanisms.is_empty());
            let known = |ckm: &u64| coffer_protocol::mechanism::find(*ckm).is_some();
            assert!(row.mechanisms.iter().all(known));
        }
        assert!(use_of(KeyUsage::EncryptDecrypt).mechanisms.contains(&ckm::CKM_AES_GCM));
        assert!(!use_of(KeyUsage::EncryptDecrypt).mechanisms.contains(&ckm::CKM_AES_CBC_PAD));
    }
}
