//! What the KMS face says of a key: its state, usage and origin, each a table of names.

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
}

names! {
    /// Which cipher a symmetric CMK is.
    KeySpec:
    /// AES with 256 bits.
    1 Aes256 "AES_256";
    /// SM4 (GB/T 32907).
    2 Sm4    "SM4";
}

names! {
    /// Where the material of a key comes from.
    Origin:
    /// Generated inside.
    1 Generated "TENCENT_KMS";
    /// Brought in by its owner.
    2 External  "EXTERNAL";
}

/// Whether `text` is an alias: 1 to 60 of letters, digits, `_` and `-`, the first a letter or digit.
///
/// The prefix `kms-`, in any letter case, is reserved for keys of services and refused here.
pub fn is_alias(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=60).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && !bytes.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"kms-"))
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
