//! Weak keys: sizes that old systems still have, and that nothing new should be protected with.
//!
//! The daemon's configuration says what may be done with them; Welcome tells it to the module.

use std::str::FromStr;

use crate::key_type::KeyType;
use crate::mechanism::{Function, Mechanism};

/// What may be done with weak keys: RSA below 2048 bits, and curves below 224 bits (NIST SP 800-131A).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum WeakKeys {
    /// Nothing.
    #[default]
    Refuse = 0,
    /// They come in from outside, and deal with old data: they verify, decrypt and unwrap.
    Use = 1,
    /// Everything.
    Make = 2,
}

/// The words of the configuration.
const WORDS: &[(&str, WeakKeys)] =
    &[("refuse", WeakKeys::Refuse), ("use", WeakKeys::Use), ("make", WeakKeys::Make)];

/// What would be done with a weak key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Making an object of one that comes from outside: `C_CreateObject`, `C_UnwrapKey`.
    TakeIn,
    /// A function of a mechanism.
    Function(Function),
}

impl WeakKeys {
    /// The setting of that number on the wire; an unknown one reads as [`WeakKeys::Refuse`].
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        let found = WORDS.iter().find(|(_, setting)| *setting as u8 == number);
        found.map_or(Self::Refuse, |(_, setting)| *setting)
    }

    /// Whether a key of this type and size may be taken in, or used or made by a function. A key that is not weak
    /// always may.
    #[must_use]
    pub fn allows(self, doing: Doing, key_type: KeyType, bits: u32) -> bool {
        bits >= strong_bits(key_type) || self.allows_weak(doing)
    }

    /// What weak keys may do.
    const fn allows_weak(self, doing: Doing) -> bool {
        match (self, doing) {
            (Self::Refuse, _) => false,
            (Self::Make, _) | (Self::Use, Doing::TakeIn) => true,
            (Self::Use, Doing::Function(function)) => match function {
                Function::Verify
                | Function::VerifyRecover
                | Function::Decrypt
                | Function::Unwrap
                | Function::Decapsulate => true,
                Function::Encrypt
                | Function::Digest
                | Function::Sign
                | Function::SignRecover
                | Function::Generate
                | Function::GenerateKeyPair
                | Function::Wrap
                | Function::Derive
                | Function::Encapsulate => false,
            },
        }
    }

    /// `ulMinKeySize` and `ulMaxKeySize` of a mechanism under this setting: from the smallest key that it does
    /// anything with.
    #[must_use]
    pub fn range(self, mechanism: &Mechanism) -> (u32, u32) {
        let (least, most) = mechanism.key_size.range();
        let functions = Function::ALL.into_iter();
        let mut functions = functions.filter(|function| mechanism.functions.contains(*function));
        if functions.any(|function| self.allows_weak(Doing::Function(function))) {
            return (least, most);
        }
        let strong = mechanism.key_types.iter().map(|key_type| strong_bits(*key_type));
        let strong = strong.filter(|bits| *bits > 0).min().unwrap_or(0);
        (least.max(strong), most)
    }
}

impl FromStr for WeakKeys {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, setting)| *setting).ok_or_else(|| "must be refuse, use or make".to_owned())
    }
}

impl std::fmt::Display for WeakKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(WORDS[*self as usize].0)
    }
}

/// The smallest size of a key of this type that is not weak, in bits; 0 where none is: 112 bits of security, NIST SP
/// 800-57 part 1, table 2.
#[must_use]
pub const fn strong_bits(key_type: KeyType) -> u32 {
    match key_type {
        KeyType::Rsa => 2048,
        KeyType::Ec => 224,
        KeyType::EcEdwards
        | KeyType::EcMontgomery
        | KeyType::GenericSecret
        | KeyType::Aes
        | KeyType::AesXts
        | KeyType::Hmac(_)
        | KeyType::HmacSha512T
        | KeyType::ChaCha20
        | KeyType::Hkdf
        | KeyType::Sm2
        | KeyType::Sm4 => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::{self, ckm, find};

    #[test]
    fn words_and_numbers_lead_back_to_their_setting() {
        for (index, (word, setting)) in WORDS.iter().enumerate() {
            assert_eq!(*setting as usize, index);
            assert_eq!(word.parse(), Ok(*setting));
            assert_eq!(setting.to_string(), *word);
            assert_eq!(WeakKeys::from_number(*setting as u8), *setting);
        }
        assert!("Refuse".parse::<WeakKeys>().is_err() && "".parse::<WeakKeys>().is_err());
        assert_eq!(WeakKeys::from_number(200), WeakKeys::Refuse);
    }

    #[test]
    fn weak_keys_do_what_the_setting_says() {
        use Function as F;
        let old = [F::Verify, F::VerifyRecover, F::Decrypt, F::Unwrap, F::Decapsulate];
        let doings = Function::ALL.into_iter().map(Doing::Function).chain([Doing::TakeIn]);
        for doing in doings {
            for (key_type, weak, strong) in [(KeyType::Rsa, 2047, 2048), (KeyType::Ec, 192, 224)] {
                for setting in [WeakKeys::Refuse, WeakKeys::Use, WeakKeys::Make] {
                    assert!(setting.allows(doing, key_type, strong), "{doing:?}");
                }
                let is_old = match doing {
                    Doing::TakeIn => true,
                    Doing::Function(function) => old.contains(&function),
                };
                assert!(!WeakKeys::Refuse.allows(doing, key_type, weak), "{doing:?}");
                assert_eq!(WeakKeys::Use.allows(doing, key_type, weak), is_old, "{doing:?}");
                assert!(WeakKeys::Make.allows(doing, key_type, weak), "{doing:?}");
            }
            assert!(WeakKeys::Refuse.allows(doing, KeyType::GenericSecret, 8));
        }
    }

    #[test]
    fn the_range_of_a_mechanism_is_that_of_what_is_allowed() {
        let range = |setting: WeakKeys, ckm| setting.range(find(ckm).unwrap()).0;
        let least = find(ckm::CKM_RSA_PKCS).unwrap().key_size.range().0;
        assert!(least < 2048);
        for (ckm, of_use) in
            [(ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, 2048), (ckm::CKM_SHA256_RSA_PKCS, least)]
        {
            assert_eq!(range(WeakKeys::Refuse, ckm), 2048);
            assert_eq!(range(WeakKeys::Use, ckm), of_use);
            assert_eq!(range(WeakKeys::Make, ckm), least);
        }
        for row in mechanism::ALL {
            let (low, high) = WeakKeys::Refuse.range(row);
            assert!(low <= high && high == row.key_size.range().1, "{}", row.name);
        }
        assert_eq!(WeakKeys::Refuse.range(find(ckm::CKM_AES_GCM).unwrap()), (16, 32));
        assert_eq!(range(WeakKeys::Refuse, ckm::CKM_EDDSA), 255);
    }
}
