//! Parameters and numbers that the tests of several executables name.

use coffer_protocol::mechanism::{HkdfParameter, MechanismCall, ckm};

/// The name of P-256 in `CKA_EC_PARAMS` (RFC 5480).
pub(crate) const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// HKDF with SHA-256, both steps.
pub(crate) fn hkdf() -> MechanismCall {
    let parameter = HkdfParameter {
        extract: true,
        expand: true,
        hash: ckm::CKM_SHA256,
        salt_kind: 1,
        salt: Vec::new(),
        salt_key: 0,
        info: b"info".to_vec(),
    };
    MechanismCall::with(ckm::CKM_HKDF_DERIVE, &parameter).unwrap()
}

/// The numbers of an RSA-2048 key by their names in the file.
pub(crate) fn rsa(name: &str) -> Vec<u8> {
    number_in(include_str!("../vectors/rsa2048.txt"), name)
}

/// A number of an RSA key by its name in a file.
pub(crate) fn number_in(file: &str, name: &str) -> Vec<u8> {
    let words = file.lines().filter_map(|line| line.split_once(' '));
    let found = words.into_iter().find(|(word, _)| *word == name);
    hex::decode(found.expect("the file has all numbers").1.trim()).unwrap()
}
