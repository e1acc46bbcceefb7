//! Functions of PKCS#11 that few clients call, through the C functions: what they do, and when they refuse.

mod copy;
mod dual;
mod encapsulate;
mod event;
mod frames;
mod login;
mod message;
mod message_signature;
mod nonce;
mod pending;
mod recover;
mod room;
mod session;
mod state;
mod verify_signature;
mod wrap;
mod wrapped_length;

use cryptoki_sys as sys;

use coffer_tests::c::{self, Handle, NO, Session, YES, number};
use coffer_tests::token::P256;

fn aes(session: Session) -> Handle {
    session.create_secret(sys::CKK_AES, &[7; 32], &[]).unwrap()
}

fn hmac(session: Session) -> Handle {
    session.create_secret(sys::CKK_GENERIC_SECRET, &[9; 32], &[]).unwrap()
}

/// An RSA pair of the session.
fn rsa(session: Session, private: &[(u64, &[u8])]) -> (Handle, Handle) {
    let bits = number(2048);
    let mechanism = c::plain(sys::CKM_RSA_PKCS_KEY_PAIR_GEN);
    let public = [(sys::CKA_MODULUS_BITS, &bits[..]), (sys::CKA_TOKEN, NO)];
    let private = [&[(sys::CKA_TOKEN, NO)], private].concat();
    session.generate_pair(&mechanism, &public, &private).unwrap()
}

/// A pair on P-256 of the session.
fn ec(session: Session, public: &[(u64, &[u8])], private: &[(u64, &[u8])]) -> (Handle, Handle) {
    let mechanism = c::plain(sys::CKM_EC_KEY_PAIR_GEN);
    let public = [&[(sys::CKA_EC_PARAMS, &P256[..]), (sys::CKA_TOKEN, NO)], public].concat();
    let private = [&[(sys::CKA_TOKEN, NO)], private].concat();
    session.generate_pair(&mechanism, &public, &private).unwrap()
}
