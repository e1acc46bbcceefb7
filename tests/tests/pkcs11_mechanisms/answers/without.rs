//! Mechanisms that can have no known answers.

use coffer_protocol::mechanism::ckm;

const RANDOM: &str = "makes a random key";
const PAIR: &str = "makes a random pair; CKM_PUB_KEY_FROM_PRIV_KEY has answers";

/// Mechanisms, each with the reason.
#[rustfmt::skip]
pub(crate) const REASONS: &[(u64, &str)] = &[
    (ckm::CKM_GENERIC_SECRET_KEY_GEN, RANDOM),
    (ckm::CKM_AES_KEY_GEN, RANDOM),
    (ckm::CKM_AES_XTS_KEY_GEN, RANDOM),
    (ckm::CKM_CHACHA20_KEY_GEN, RANDOM),
    (ckm::CKM_HKDF_KEY_GEN, RANDOM),
    (ckm::CKM_SHA_1_KEY_GEN, RANDOM),
    (ckm::CKM_SHA224_KEY_GEN, RANDOM),
    (ckm::CKM_SHA256_KEY_GEN, RANDOM),
    (ckm::CKM_SHA384_KEY_GEN, RANDOM),
    (ckm::CKM_SHA512_KEY_GEN, RANDOM),
    (ckm::CKM_SHA512_224_KEY_GEN, RANDOM),
    (ckm::CKM_SHA512_256_KEY_GEN, RANDOM),
    (ckm::CKM_SHA512_T_KEY_GEN, RANDOM),
    (ckm::CKM_SHA3_224_KEY_GEN, RANDOM),
    (ckm::CKM_SHA3_256_KEY_GEN, RANDOM),
    (ckm::CKM_SHA3_384_KEY_GEN, RANDOM),
    (ckm::CKM_SHA3_512_KEY_GEN, RANDOM),
    (ckm::CKM_RSA_PKCS_KEY_PAIR_GEN, PAIR),
    (ckm::CKM_EC_KEY_PAIR_GEN, PAIR),
    (ckm::CKM_EC_EDWARDS_KEY_PAIR_GEN, PAIR),
    (ckm::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, PAIR),
    (ckm::CKM_COFFER_ENVELOPE, "our own: a ciphertext names the id of its key, which the daemon makes at random"),
];
