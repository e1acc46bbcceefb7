//! Keys of AES-XTS: two AES keys (IEEE 1619).

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use coffer_protocol::attribute::{DECRYPT, ENCRYPT};
use coffer_protocol::mechanism::IvParameter;
use coffer_protocol::mechanism::ckm::CKM_AES_XTS;
use cryptoki_sys::CKK_AES_XTS;

use super::caller::with;
use super::secret::object;
use super::{Family, InDaemon, array, random};
use crate::leak_scanner::{Named, aes as patterns};

/// The number of a data unit.
const UNIT: [u8; 16] = [0x5a; 16];

fn halves(secret: &[u8]) -> [[u8; 32]; 2] {
    let (first, second) = secret.split_at(secret.len() / 2);
    [array(first), array(second)]
}

/// The second key's cipher, and the tweak of the data unit's first block.
fn tweak(key: &[u8; 32]) -> (Aes256, Vec<u8>) {
    let cipher = Aes256::new(key.into());
    let mut tweak = UNIT.into();
    cipher.encrypt_block(&mut tweak);
    (cipher, tweak.to_vec())
}

pub(super) const AES_XTS: Family = Family {
    name: "AES-256-XTS",
    make: random::<64>,
    patterns: |secret| {
        let halves = halves(secret);
        let mut named: Named = Vec::new();
        for (which, key) in ["data", "tweak"].into_iter().zip(&halves) {
            let forms = patterns::patterns(key).into_iter();
            named.extend(forms.map(|(name, bytes)| (format!("{which} key, {name}"), bytes)));
        }
        named.push(("tweak of a unit".to_owned(), tweak(&halves[1]).1));
        named
    },
    daemon: Some(InDaemon {
        object: |secret| object(CKK_AES_XTS, secret, &[ENCRYPT, DECRYPT]),
        use_once: |caller, key, _| {
            let mechanism = with(CKM_AES_XTS, &IvParameter { iv: UNIT });
            // Whole blocks, and the end stolen from.
            for length in [96, 4096 + 5] {
                caller.encrypt_and_decrypt(key, &mechanism, &vec![7; length]);
            }
            Named::new()
        },
    }),
    outside: |secret| {
        let [first, second] = halves(secret);
        let (cipher, tweak) = tweak(&second);
        Box::new((Box::new(Aes256::new((&first).into())), Box::new(cipher), tweak))
    },
    found_outside: &[
        "data key, AES key",
        "data key, AES round key 14",
        "tweak key, AES key",
        "tweak key, AES round key 14",
        "tweak of a unit",
    ],
};
