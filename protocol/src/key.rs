//! What the KMS face says of a key: its state, usage and origin, each a table of names.

use crate::key_type::KeyType;
use crate::mechanism::Hash;

macro_rules! names {
    ($( #[$doc:meta] )* $type:ident: $( #[$row_doc:meta] $number:literal $name:ident $text:literal; )*) => {
        $( #[$doc] )*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $type { $( #[$row_doc] $name = $number ),* }

        impl $type {
            /// Every value, in the order of the table.
            pub const ALL: &[Self] = &[ $( Self::$name ),* ];

            /// Its name in the KMS API.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => $text ),* }
            }

            /// The value of that name; names are case-sensitive.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }

            /// The value of that number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $( $number => Some(Self::$name), )* _ => None }
            }
        }
    };
}

names! {
    /// Where a key is in its life. The numbers are those of ListKeyDetail's filter.
    KeyState:
    /// All its operations are allowed.
    1 Enabled       "Enabled";
    /// None of its operations is allowed, until it is enabled again.
    2 Disabled      "Disabled";
    /// It will be destroyed; every attempt to use it raises an alarm.
    3 PendingDelete "PendingDelete";
    /// It waits for its material.
    4 PendingImport "PendingImport";
    /// It decrypts and verifies only.
    5 Archived      "Archived";
}

names! {
    /// What a CMK is for; it never changes.
    ///
    /// The names are Tencent's where Tencent has the usage. `GENERATE_VERIFY_MAC` and `KEY_AGREEMENT` are those of
    /// AWS and, for the first, Huawei; RSA with 3072 and 4096 bits, which Huawei has, is named in Tencent's style.
    KeyUsage:
    /// AES-256-GCM, or SM4-GCM by `KeySpec`.
    1 EncryptDecrypt   "ENCRYPT_DECRYPT";
    /// RSA-2048 decryption.
    2 DecryptRsa2048   "ASYMMETRIC_DECRYPT_RSA_2048";
    /// RSA-2048 signatures.
    3 SignRsa2048      "ASYMMETRIC_SIGN_VERIFY_RSA_2048";
    /// ECDSA P-256 signatures.
    4 SignEcc          "ASYMMETRIC_SIGN_VERIFY_ECC";
    /// ECDSA P-384 signatures.
    5 SignEcdsa384     "ASYMMETRIC_SIGN_VERIFY_ECDSA384";
    /// SM2 signatures.
    6 SignSm2          "ASYMMETRIC_SIGN_VERIFY_SM2";
    /// Whatever the PKCS#11 attributes of a key made by an application say.
    7 Application      "PKCS11";
    /// SM2 decryption.
    8 DecryptSm2       "ASYMMETRIC_DECRYPT_SM2";
    /// RSA-3072 decryption.
    9 DecryptRsa3072   "ASYMMETRIC_DECRYPT_RSA_3072";
    /// RSA-4096 decryption.
    10 DecryptRsa4096  "ASYMMETRIC_DECRYPT_RSA_4096";
    /// RSA-3072 signatures.
    11 SignRsa3072     "ASYMMETRIC_SIGN_VERIFY_RSA_3072";
    /// RSA-4096 signatures.
    12 SignRsa4096     "ASYMMETRIC_SIGN_VERIFY_RSA_4096";
    /// Message authentication codes, with the hash that `KeySpec` names.
    13 Mac             "GENERATE_VERIFY_MAC";
    /// Shared secrets by ECDH, on the curve that `KeySpec` names.
    14 KeyAgreement    "KEY_AGREEMENT";
}

names! {
    /// What the material of a CMK is. The names are those of Huawei's `key_spec`.
    KeySpec:
    /// AES with 256 bits.
    1 Aes256   "AES_256";
    /// SM4 (GB/T 32907).
    2 Sm4      "SM4";
    /// RSA with 2048 bits.
    3 Rsa2048  "RSA_2048";
    /// RSA with 3072 bits.
    4 Rsa3072  "RSA_3072";
    /// RSA with 4096 bits.
    5 Rsa4096  "RSA_4096";
    /// A pair on P-256.
    6 EcP256   "EC_P256";
    /// A pair on P-384.
    7 EcP384   "EC_P384";
    /// A pair on the SM2 curve.
    8 Sm2      "SM2";
    /// 32 bytes for HMAC with SHA-256.
    9 Hmac256  "HMAC_256";
    /// 48 bytes for HMAC with SHA-384.
    10 Hmac384 "HMAC_384";
    /// 64 bytes for HMAC with SHA-512.
    11 Hmac512 "HMAC_512";
    /// 32 bytes for HMAC with SM3.
    12 HmacSm3 "HMAC_SM3";
}

impl KeyUsage {
    /// What the material of a key of this usage may be; the first is meant where none is named.
    pub const fn specs(self) -> &'static [KeySpec] {
        use KeySpec::{
            Aes256, EcP256, EcP384, Hmac256, Hmac384, Hmac512, HmacSm3, Rsa2048, Rsa3072, Rsa4096,
            Sm2, Sm4,
        };
        match self {
            Self::EncryptDecrypt => &[Aes256, Sm4],
            Self::DecryptRsa2048 | Self::SignRsa2048 => &[Rsa2048],
            Self::DecryptRsa3072 | Self::SignRsa3072 => &[Rsa3072],
            Self::DecryptRsa4096 | Self::SignRsa4096 => &[Rsa4096],
            Self::SignEcc => &[EcP256],
            Self::SignEcdsa384 => &[EcP384],
            Self::SignSm2 | Self::DecryptSm2 => &[Sm2],
            Self::Mac => &[Hmac256, Hmac384, Hmac512, HmacSm3],
            Self::KeyAgreement => &[EcP256, EcP384],
            Self::Application => &[],
        }
    }
}

impl KeySpec {
    /// The type of the material.
    pub const fn key_type(self) -> KeyType {
        match self {
            Self::Aes256 => KeyType::Aes,
            Self::Sm4 => KeyType::Sm4,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => KeyType::Rsa,
            Self::EcP256 | Self::EcP384 => KeyType::Ec,
            Self::Sm2 => KeyType::Sm2,
            Self::Hmac256 => KeyType::Hmac(Hash::Sha256),
            Self::Hmac384 => KeyType::Hmac(Hash::Sha384),
            Self::Hmac512 => KeyType::Hmac(Hash::Sha512),
            Self::HmacSm3 => KeyType::Hmac(Hash::Sm3),
        }
    }

    /// Bytes of a secret key; `None` for a pair.
    pub const fn secret_length(self) -> Option<usize> {
        match self {
            Self::Sm4 => Some(16),
            Self::Aes256 | Self::Hmac256 | Self::HmacSm3 => Some(32),
            Self::Hmac384 => Some(48),
            Self::Hmac512 => Some(64),
            Self::Rsa2048
            | Self::Rsa3072
            | Self::Rsa4096
            | Self::EcP256
            | Self::EcP384
            | Self::Sm2 => None,
        }
    }
}

names! {
    /// Where the material of a key comes from.
    Origin:
    /// Generated inside.
    1 Generated "TENCENT_KMS";
    /// Brought in by its owner.
    2 External  "EXTERNAL";
}

/// Whether `text` may be the name of a key, of a service's too.
///
/// A user's alias ([`is_alias`]) is one that does not begin with the reserved `kms-`.
pub fn is_key_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=60).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Whether `text` is an alias: 1 to 60 of letters, digits, `_` and `-`, the first a letter or digit.
///
/// The prefix `kms-`, in any letter case, is reserved for keys of services and refused here.
pub fn is_alias(text: &str) -> bool {
    is_key_name(text)
        && !text.as_bytes().get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"kms-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back_to_their_value() {
        for &state in KeyState::ALL {
            assert_eq!(KeyState::from_name(state.name()), Some(state));
            assert_eq!(KeyState::from_number(state as u8), Some(state));
        }
        assert_eq!(KeyUsage::from_name("encrypt_decrypt"), None);
    }

    #[test]
    fn every_usage_of_a_cmk_has_its_specs_and_every_spec_a_usage() {
        for &usage in KeyUsage::ALL {
            assert_eq!(usage.specs().is_empty(), usage == KeyUsage::Application);
        }
        for spec in KeySpec::ALL {
            assert!(KeyUsage::ALL.iter().any(|usage| usage.specs().contains(spec)));
            assert_eq!(spec.secret_length().is_none(), spec.key_type().is_pair());
        }
    }

    #[test]
    fn aliases_follow_the_rule() {
        let long = "a".repeat(60);
        for good in ["a", "9-_", "app", long.as_str(), "kms", "kmsx-1"] {
            assert!(is_alias(good), "{good}");
        }
        let longer = "a".repeat(61);
        for bad in ["", "-a", "_a", "kms-a", "KMS-a", "Kms-", "a b", "ä", "a/b", longer.as_str()] {
            assert!(!is_alias(bad), "{bad}");
        }
    }
}
