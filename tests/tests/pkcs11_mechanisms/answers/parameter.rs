//! Parameters of mechanisms that point to slices; the module writes to none of them.

use coffer_protocol::mechanism::Hash;
use coffer_tests::c::length;
use cryptoki_sys as sys;

pub(crate) fn at(bytes: &[u8]) -> *mut u8 {
    bytes.as_ptr().cast_mut()
}

pub(crate) fn gcm(iv: &[u8], aad: &[u8], tag: usize) -> sys::CK_GCM_PARAMS {
    sys::CK_GCM_PARAMS {
        pIv: at(iv),
        ulIvLen: length(iv),
        ulIvBits: 8 * length(iv),
        pAAD: at(aad),
        ulAADLen: length(aad),
        ulTagBits: 8 * tag as u64,
    }
}

pub(crate) fn ccm(nonce: &[u8], aad: &[u8], data: usize, tag: usize) -> sys::CK_CCM_PARAMS {
    sys::CK_CCM_PARAMS {
        ulDataLen: data as u64,
        pNonce: at(nonce),
        ulNonceLen: length(nonce),
        pAAD: at(aad),
        ulAADLen: length(aad),
        ulMACLen: tag as u64,
    }
}

pub(crate) fn chacha_poly(nonce: &[u8], aad: &[u8]) -> sys::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
    sys::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
        pNonce: at(nonce),
        ulNonceLen: length(nonce),
        pAAD: at(aad),
        ulAADLen: length(aad),
    }
}

/// Of the counter, little-endian, and the nonce.
pub(crate) fn chacha(vector: &[u8]) -> sys::CK_CHACHA20_PARAMS {
    sys::CK_CHACHA20_PARAMS {
        pBlockCounter: at(&vector[..4]),
        blockCounterBits: 32,
        pNonce: at(&vector[4..]),
        ulNonceBits: 96,
    }
}

pub(crate) fn ctr(block: &[u8]) -> sys::CK_AES_CTR_PARAMS {
    sys::CK_AES_CTR_PARAMS { ulCounterBits: 32, cb: block.try_into().unwrap() }
}

pub(crate) fn ecdh(kdf: u64, shared: &[u8], public: &[u8]) -> sys::CK_ECDH1_DERIVE_PARAMS {
    sys::CK_ECDH1_DERIVE_PARAMS {
        kdf,
        ulSharedDataLen: length(shared),
        pSharedData: at(shared),
        ulPublicDataLen: length(public),
        pPublicData: at(public),
    }
}

/// HKDF, both steps.
pub(crate) fn hkdf(hash: u64, salt: &[u8], info: &[u8]) -> sys::CK_HKDF_PARAMS {
    let salt_type = if salt.is_empty() { sys::CKF_HKDF_SALT_NULL } else { sys::CKF_HKDF_SALT_DATA };
    sys::CK_HKDF_PARAMS {
        bExtract: 1,
        bExpand: 1,
        prfHashMechanism: hash,
        ulSaltType: salt_type,
        pSalt: at(salt),
        ulSaltLen: length(salt),
        hSaltKey: 0,
        pInfo: at(info),
        ulInfoLen: length(info),
    }
}

/// The mask generation function of a hash, where PKCS#11 has one.
pub(crate) fn mgf(hash: u64) -> Option<u64> {
    Hash::from_ckm(hash).and_then(Hash::mgf)
}

pub(crate) fn pss(hash: u64, mgf: u64, salt: usize) -> sys::CK_RSA_PKCS_PSS_PARAMS {
    sys::CK_RSA_PKCS_PSS_PARAMS { hashAlg: hash, mgf, sLen: salt as u64 }
}

pub(crate) fn oaep(hash: u64, mgf: u64, label: &[u8]) -> sys::CK_RSA_PKCS_OAEP_PARAMS {
    sys::CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: hash,
        mgf,
        source: sys::CKZ_DATA_SPECIFIED,
        pSourceData: at(label).cast(),
        ulSourceDataLen: length(label),
    }
}
