//! Arguments that are no places: the call is refused, and what was active is over as after any error.
#![expect(unsafe_code, reason = "the functions are C's")]

use std::ptr::null_mut;

use coffer_pkcs11::ffi::exports as c;
use coffer_protocol::mechanism::ckm;
use cryptoki_sys::{CK_RV, CKR_ARGUMENTS_BAD, CKR_OPERATION_NOT_INITIALIZED};

use crate::api::{self, Mechanism};
use crate::fake::{AES, Fake, HMAC, RSA_PRIVATE, RSA_PUBLIC};

const CBC: Mechanism<'_> = Mechanism(ckm::CKM_AES_CBC_PAD, &[0; 16]);
const RSA: Mechanism<'_> = Mechanism(ckm::CKM_SHA256_RSA_PKCS, &[]);
const HMAC_SHA256: Mechanism<'_> = Mechanism(ckm::CKM_SHA256_HMAC, &[]);

/// A call whose input or whose place of the length is missing.
macro_rules! wrong {
    ($name:ident($($argument:expr),*)) => {
        // SAFETY: null is a pointer that every function takes.
        |session: u64| unsafe { c::$name(session $(, $argument)*) }
    };
}

#[test]
fn a_wrong_argument_ends_the_operation() {
    type Wrong = fn(u64) -> CK_RV;
    let fake = Fake::start();
    let session = fake.session();
    let begin = |kind: &str| match kind {
        "encrypt" => api::encrypt_init(session, &CBC, AES.into()).unwrap(),
        "decrypt" => api::decrypt_init(session, &CBC, AES.into()).unwrap(),
        "digest" => api::digest_init(session, ckm::CKM_SHA256).unwrap(),
        "sign" => api::sign_init(session, &RSA, RSA_PRIVATE.into()).unwrap(),
        "verify" => api::verify_init(session, &RSA, RSA_PUBLIC.into()).unwrap(),
        other => panic!("{other}"),
    };
    let calls: &[(&str, Wrong)] = &[
        ("encrypt", wrong!(C_Encrypt(null_mut(), 0, null_mut(), null_mut()))),
        ("encrypt", wrong!(C_EncryptUpdate(null_mut(), 0, null_mut(), null_mut()))),
        ("encrypt", wrong!(C_EncryptFinal(null_mut(), null_mut()))),
        ("decrypt", wrong!(C_Decrypt(null_mut(), 0, null_mut(), null_mut()))),
        ("decrypt", wrong!(C_DecryptUpdate(null_mut(), 0, null_mut(), null_mut()))),
        ("decrypt", wrong!(C_DecryptFinal(null_mut(), null_mut()))),
        ("digest", wrong!(C_Digest(null_mut(), 0, null_mut(), null_mut()))),
        ("digest", wrong!(C_DigestUpdate(null_mut(), 1))),
        ("digest", wrong!(C_DigestFinal(null_mut(), null_mut()))),
        ("sign", wrong!(C_Sign(null_mut(), 0, null_mut(), null_mut()))),
        ("sign", wrong!(C_SignUpdate(null_mut(), 1))),
        ("sign", wrong!(C_SignFinal(null_mut(), null_mut()))),
        ("verify", wrong!(C_Verify(null_mut(), 1, null_mut(), 0))),
        ("verify", wrong!(C_VerifyUpdate(null_mut(), 1))),
        ("verify", wrong!(C_VerifyFinal(null_mut(), 1))),
    ];
    for (index, (kind, wrong)) in calls.iter().enumerate() {
        begin(kind);
        assert_eq!(wrong(session), CKR_ARGUMENTS_BAD, "{kind} {index}");
        // It can be begun again.
        begin(kind);
        assert_eq!(wrong(session), CKR_ARGUMENTS_BAD, "{kind} {index}");
    }
    // What is active beside it goes on.
    begin("digest");
    api::sign_init(session, &HMAC_SHA256, HMAC.into()).unwrap();
    let (_, wrong) = calls[6];
    assert_eq!(wrong(session), CKR_ARGUMENTS_BAD);
    assert_eq!(api::digest(session, b"data", Some(32)).rv, CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(api::sign_update(session, b"data"), Ok(()));
}
