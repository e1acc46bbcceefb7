//! Keys that are wrapped by agreement: what wraps them is an AES key that both sides derive and nobody keeps.

use aes::Aes256;
use aes::cipher::KeyInit;
use coffer_protocol::attribute::{Attribute, SIGN, UNWRAP};
use coffer_protocol::mechanism::EcdhAesParameter;
use coffer_protocol::mechanism::ckm::CKM_ECDH_AES_KEY_WRAP;
use cryptoki_sys::{CKD_SHA256_KDF, CKK_EC};
use p256::ecdh::diffie_hellman;
use sha2::{Digest, Sha256};

use super::caller::with;
use super::elliptic::{P256, object};
use super::{Family, InDaemon, random};
use crate::leak_scanner::{Named, aes as patterns, ec};

/// What both sides share.
const SHARED: &[u8] = b"shared data of the leak scan";

/// A secret wrapped to a key by a pair that is made for it: what is sent, the shared secret, the AES key, the secret.
fn wrapped(secret: &[u8]) -> [Vec<u8>; 4] {
    let own = p256::SecretKey::from_slice(secret).expect("a scalar");
    let other = p256::SecretKey::from_slice(&(P256.make)()).expect("a scalar");
    let shared = diffie_hellman(other.to_nonzero_scalar(), own.public_key().as_affine());
    let shared = shared.raw_secret_bytes().to_vec();
    // ANSI X9.63 with one block.
    let key = Sha256::new_with_prefix(&shared).chain_update([0, 0, 0, 1]).chain_update(SHARED);
    let key = key.finalize().to_vec();
    let inner = random::<32>();
    let mut room = [0; 40];
    let wrapping = aes_kw::KwpAes256::new_from_slice(&key).expect("32 bytes");
    let sealed = wrapping.wrap_key(&inner, &mut room).expect("room for it");
    [[&other.public_key().to_sec1_bytes()[..], sealed].concat(), shared, key, inner]
}

/// The forms of what a wrapping is made with.
fn known([_, shared, key, inner]: &[Vec<u8>; 4]) -> Named {
    let mut named = patterns::patterns(&super::array(key));
    named.push(("shared secret".to_owned(), shared.clone()));
    named.push(("key that was wrapped".to_owned(), inner.clone()));
    named
}

pub(super) const ECDH_AES_KEY_WRAP: Family = Family {
    name: "ECDH with AES key wrap",
    make: P256.make,
    patterns: |secret| ec::P256.patterns(secret),
    daemon: Some(InDaemon {
        object: |secret| {
            let mut object = object(CKK_EC, ec::P256.parameters, secret);
            object.pop_if(|attribute| attribute.kind == SIGN);
            object.push(Attribute::boolean(UNWRAP, true));
            object
        },
        use_once: |caller, key, secret| {
            let wrapped = wrapped(secret);
            let shared_data = SHARED.to_vec();
            let parameter = EcdhAesParameter { aes_bits: 256, kdf: CKD_SHA256_KDF, shared_data };
            caller.unwrap(key, with(CKM_ECDH_AES_KEY_WRAP, &parameter), &wrapped[0]);
            known(&wrapped)
        },
    }),
    outside: |secret| {
        let wrapped = wrapped(secret);
        let key = Aes256::new_from_slice(&wrapped[2]).expect("32 bytes");
        let own = p256::SecretKey::from_slice(secret).expect("a scalar");
        Box::new((Box::new(own), Box::new(key), wrapped))
    },
    found_outside: &["P-256 scalar"],
};
