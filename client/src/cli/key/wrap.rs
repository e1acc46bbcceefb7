//! Wrapping of material for import. It is done here, because stock `openssl enc` refuses to wrap keys.

use aes::cipher::KeyInit;
use aes_kw::KwpAes256;
use anyhow::{Context, anyhow, bail};
use coffer_protocol::key::KeySpec;
use getrandom::SysRng;
use rsa::traits::{PaddingScheme, PublicKeyParts};
use rsa::{Oaep, Pkcs1v15Encrypt, RsaPublicKey};
use sm2::pke::{EncryptingKey, Mode};
use spki::DecodePublicKey;
use zeroize::Zeroizing;

/// Bytes of the AES key between the RSA key and the material.
const AES_KEY: usize = 32;
/// A block of AES key wrap (RFC 3394), by which its output is longer than its input at least.
const SEMIBLOCK: usize = 8;

/// An algorithm of GetParametersForImport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// RSA-OAEP with SHA-256 of an AES key, then the material under that with AES-KWP.
    AesKeyWrap,
    /// RSA-OAEP with SHA-256.
    OaepSha256,
    /// RSA-OAEP with SHA-1.
    OaepSha1,
    /// RSA PKCS #1 v1.5.
    Pkcs1,
    /// SM2 encryption (GB/T 32918.4), as GM/T 0009 writes it.
    Sm2,
}

const NAMES: [(Wrapping, &str); 5] = [
    (Wrapping::AesKeyWrap, "RSA_AES_KEY_WRAP_SHA_256"),
    (Wrapping::OaepSha256, "RSAES_OAEP_SHA_256"),
    (Wrapping::OaepSha1, "RSAES_OAEP_SHA_1"),
    (Wrapping::Pkcs1, "RSAES_PKCS1_V1_5"),
    (Wrapping::Sm2, "SM2"),
];

/// Material as ImportKeyMaterial takes it.
pub(super) struct Wrapped {
    pub(super) material: Vec<u8>,
    /// The private key of a pair, where `material` is the AES key that it is wrapped under.
    pub(super) private_key: Option<Vec<u8>>,
}

impl Wrapping {
    /// Its name in the KMS API.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// The one of that name.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|row| row.1.eq_ignore_ascii_case(text));
        found.map(|row| row.0).ok_or_else(|| {
            let names = NAMES.map(|row| row.1);
            format!("one of {}", names.join(", "))
        })
    }

    /// The strongest of the family that the key belongs to. It takes material of any length.
    pub(super) const fn strongest(spec: KeySpec) -> Self {
        match spec {
            KeySpec::Sm2 | KeySpec::Sm4 => Self::Sm2,
            KeySpec::Aes256
            | KeySpec::Rsa2048
            | KeySpec::Rsa3072
            | KeySpec::Rsa4096
            | KeySpec::EcP256
            | KeySpec::EcP384
            | KeySpec::Hmac256
            | KeySpec::Hmac384
            | KeySpec::Hmac512
            | KeySpec::HmacSm3 => Self::AesKeyWrap,
        }
    }

    /// The strongest key that the daemon makes for it.
    pub(super) const fn strongest_key(self) -> KeySpec {
        match self {
            Self::Sm2 => KeySpec::Sm2,
            Self::AesKeyWrap | Self::OaepSha256 | Self::OaepSha1 | Self::Pkcs1 => KeySpec::Rsa4096,
        }
    }

    /// Most bytes that are encrypted directly under a modulus of that length (RFC 8017 sections 7.1.1 and 7.2.1).
    const fn room(self, modulus: usize) -> usize {
        match self {
            Self::AesKeyWrap | Self::OaepSha256 => modulus.saturating_sub(2 * 32 + 2),
            Self::OaepSha1 => modulus.saturating_sub(2 * 20 + 2),
            Self::Pkcs1 => modulus.saturating_sub(11),
            Self::Sm2 => usize::MAX,
        }
    }
}

/// Wraps material under the public key of GetParametersForImport.
///
/// The private key of a pair that does not fit under the RSA key goes under an AES key, which does.
pub(super) fn wrap(
    wrapping: Wrapping,
    public_key: &[u8],
    spec: KeySpec,
    material: &[u8],
) -> anyhow::Result<Wrapped> {
    if wrapping == Wrapping::Sm2 {
        let material = under_sm2(public_key, material)?;
        return Ok(Wrapped { material, private_key: None });
    }
    let key = RsaPublicKey::from_public_key_der(public_key).map_err(|_| {
        anyhow!("the public key is not an RSA key, which {} needs", wrapping.name())
    })?;
    let fits = material.len() <= wrapping.room(key.size());
    if wrapping != Wrapping::AesKeyWrap && fits {
        let material = under_rsa(wrapping, &key, material)?;
        return Ok(Wrapped { material, private_key: None });
    }
    if wrapping != Wrapping::AesKeyWrap && spec.secret_length().is_some() {
        bail!("the material is too long for {} under this key", wrapping.name());
    }
    let mut aes = Zeroizing::new([0; AES_KEY]);
    getrandom::fill(&mut *aes).context("the system gives no random bytes")?;
    let first = under_rsa(wrapping, &key, &*aes)?;
    let second = under_aes(&aes, material)?;
    Ok(if wrapping == Wrapping::AesKeyWrap {
        Wrapped { material: [first, second].concat(), private_key: None }
    } else {
        Wrapped { material: first, private_key: Some(second) }
    })
}

fn under_rsa(wrapping: Wrapping, key: &RsaPublicKey, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let encrypted = match wrapping {
        Wrapping::Pkcs1 => Pkcs1v15Encrypt.encrypt(&mut SysRng, key, bytes),
        Wrapping::OaepSha1 => Oaep::<sha1::Sha1>::new().encrypt(&mut SysRng, key, bytes),
        Wrapping::OaepSha256 | Wrapping::AesKeyWrap => {
            Oaep::<sha2::Sha256>::new().encrypt(&mut SysRng, key, bytes)
        }
        Wrapping::Sm2 => bail!("SM2 is not done with an RSA key"),
    };
    encrypted.map_err(|_| anyhow!("the material could not be wrapped"))
}

fn under_sm2(public_key: &[u8], bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let key = sm2::PublicKey::from_public_key_der(public_key)
        .map_err(|_| anyhow!("the public key is not an SM2 key, which SM2 needs"))?;
    EncryptingKey::new_with_mode(key, Mode::C1C3C2)
        .encrypt_der(&mut SysRng, bytes)
        .map_err(|_| anyhow!("the material could not be wrapped"))
}

/// AES key wrap with padding (RFC 5649).
fn under_aes(key: &[u8; AES_KEY], bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let wrapping = KwpAes256::new(key.into());
    let mut wrapped = vec![0; bytes.len().next_multiple_of(SEMIBLOCK) + SEMIBLOCK];
    wrapping
        .wrap_key(bytes, &mut wrapped)
        .map_err(|_| anyhow!("the material could not be wrapped"))?;
    Ok(wrapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_algorithm() {
        for (wrapping, name) in NAMES {
            assert_eq!(Wrapping::parse(name), Ok(wrapping));
            assert_eq!(wrapping.name(), name);
        }
        assert!(Wrapping::parse("RSAES_OAEP_SHA_512").unwrap_err().contains("SM2"));
    }

    #[test]
    fn the_strongest_takes_every_kind_of_key() {
        for &spec in KeySpec::ALL {
            let strongest = Wrapping::strongest(spec);
            assert!(matches!(strongest, Wrapping::AesKeyWrap | Wrapping::Sm2));
        }
    }

    /// RFC 5649 section 6 has vectors for 192 bits; this is the same key material under 256 bits, unwrapped again.
    #[test]
    fn padded_key_wrap_comes_back() {
        let (key, bytes) = ([7; AES_KEY], [9; 20]);
        let wrapped = under_aes(&key, &bytes).unwrap();
        assert_eq!(wrapped.len(), 32);
        let mut buffer = [0; 32];
        let unwrapped = KwpAes256::new((&key).into()).unwrap_key(&wrapped, &mut buffer).unwrap();
        assert_eq!(unwrapped, bytes);
    }
}
