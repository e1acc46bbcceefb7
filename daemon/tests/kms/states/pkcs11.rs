//! Uses of keys through PKCS#11.

use coffer_daemon::service::testing::Peer;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::error::Failure;
use coffer_protocol::frame;
use coffer_protocol::mechanism::{EcdhParameter, GcmParameter, MechanismCall, ckm};
use coffer_protocol::operation::cipher::{
    CancelOperation, DecryptData, EncryptData, FinishOperation, Function, SignData, StartOperation,
    UpdateOperation, VerifyData,
};
use coffer_protocol::operation::object::{
    CreateObject, DeriveKey, FindObjects, UnwrapKey, WrapKey,
};
use coffer_protocol::operation::token::{Login, OpenSession};
use coffer_protocol::operation::{Operation, system};
use serde_json::json;

use super::{Row, STATES, bring, compare, of};
use crate::support::{Hsm, OWNER};

/// Classes of objects (PKCS#11 3.1 section 4.2.2).
const PRIVATE: u64 = 3;
const SECRET: u64 = 4;

/// What a use comes to. The state of a key does not change by it.
#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    //                      Enabled Disabled PendingDelete PendingImport Archived
    ("C_Encrypt",           ["=",   "sD",    "sP",         "sN",         "sA"]),
    ("C_EncryptUpdate",     ["=",   "sD",    "sP",         "sN",         "sA"]),
    ("C_Decrypt",           ["=",   "sD",    "sP",         "sN",         "="]),
    ("C_DecryptUpdate",     ["=",   "sD",    "sP",         "sN",         "="]),
    ("C_Sign",              ["=",   "sD",    "sP",         "sN",         "sA"]),
    ("C_SignUpdate",        ["=",   "sD",    "sP",         "sN",         "sA"]),
    ("C_Sign HMAC",         ["=",   "sD",    "sP",         "sN",         "sA"]),
    ("C_Verify HMAC",       ["=",   "sD",    "sP",         "sN",         "="]),
    ("C_VerifyUpdate HMAC", ["=",   "sD",    "sP",         "sN",         "="]),
    ("C_Decrypt RSA",       ["=",   "sD",    "sP",         "sN",         "="]),
    ("C_WrapKey",           ["=",   "sD",    "sP",         "sN",         "sA"]),
    ("C_UnwrapKey",         ["=",   "sD",    "sP",         "sN",         "="]),
    ("C_DeriveKey",         ["=",   "sD",    "sP",         "sN",         "sA"]),
];

/// What has begun before the state of its key changed, ended by the next part.
#[rustfmt::skip]
const BEGUN: &[Row] = &[
    ("C_EncryptUpdate",     ["=",   "sD",    "sP",         "sN",         "sA"]),
    ("C_DecryptUpdate",     ["=",   "sD",    "sP",         "sN",         "="]),
    ("C_SignUpdate",        ["=",   "sD",    "sP",         "-",          "sA"]),
    ("C_VerifyUpdate HMAC", ["=",   "sD",    "sP",         "-",          "="]),
];

/// The usage of the key, the class of its object, and whether it is imported as a pair.
fn kind(function: &str) -> (&'static str, u64) {
    match function {
        "C_Sign" | "C_SignUpdate" => ("ASYMMETRIC_SIGN_VERIFY_ECC", PRIVATE),
        "C_Sign HMAC" | "C_Verify HMAC" | "C_VerifyUpdate HMAC" => ("GENERATE_VERIFY_MAC", SECRET),
        "C_Decrypt RSA" => ("ASYMMETRIC_DECRYPT_RSA_2048", PRIVATE),
        "C_DeriveKey" => ("KEY_AGREEMENT", PRIVATE),
        _ => ("ENCRYPT_DECRYPT", SECRET),
    }
}

/// An application whose user is logged in.
struct User {
    peer: Peer,
    session: u32,
    /// A key that may be wrapped.
    target: u32,
}

impl User {
    fn new(hsm: &Hsm) -> Self {
        let init = system::InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
        hsm.peer().call(&init, b"officeruser").unwrap();
        let peer = Peer::application(hsm.service(), OWNER + 1);
        let session = peer.call(&OpenSession { slot: 0, read_write: true }, b"").unwrap().session;
        peer.call(&Login { session, user: 1 }, b"user").unwrap();
        let template = [
            Attribute::number(a::CLASS, SECRET),
            Attribute::number(a::KEY_TYPE, 0x1f),
            Attribute::boolean(a::EXTRACTABLE, true),
            Attribute::bytes(a::VALUE, [7; 16]),
        ];
        let template = frame::encode_meta(&template.to_vec()).unwrap();
        let target = peer.call(&CreateObject { session }, &template).unwrap().object;
        Self { peer, session, target }
    }

    fn find(&self, id: &str, class: u64) -> u32 {
        let template = vec![Attribute::bytes(a::UNIQUE_ID, id), Attribute::number(a::CLASS, class)];
        let template = frame::encode_meta(&template).unwrap();
        let find = FindObjects { session: self.session, after: 0 };
        self.peer.call(&find, &template).unwrap().descriptions[0].object
    }

    /// Asks; a wrong ciphertext or signature is an answer, for what is asked here is whether the key may be used.
    fn ask<O: Operation>(&self, request: &O, payload: &[u8]) -> Result<(), String> {
        match self.peer.exchange(request, payload) {
            Ok(_) => Ok(()),
            Err(failure) if is_about_data(&failure) => Ok(()),
            Err(failure) => {
                let code = failure.code();
                assert_eq!(code.ckr(), 0x68, "CKR_KEY_FUNCTION_NOT_PERMITTED, not {failure:?}");
                Err(of(&failure))
            }
        }
    }

    fn start(&self, function: Function, key: u32, mechanism: MechanismCall) -> Result<(), String> {
        let start =
            StartOperation { session: self.session, function: function as u8, key, mechanism };
        self.ask(&start, b"data")
    }

    fn cancel(&self, function: Function) {
        let cancel = CancelOperation { session: self.session, function: function as u8 };
        // There is none where it was refused.
        let _ = self.peer.call(&cancel, b"");
    }
}

/// Whether what was given to a key that may be used was wrong.
fn is_about_data(failure: &Failure) -> bool {
    // CKR_ENCRYPTED_DATA_INVALID, CKR_SIGNATURE_INVALID and _LEN_RANGE, CKR_WRAPPED_KEY_INVALID.
    [0x40, 0x41, 0xC0, 0xC1, 0x110].contains(&failure.code().ckr())
}

fn gcm() -> MechanismCall {
    let parameter = GcmParameter { iv: vec![7; 12], aad: Vec::new(), tag_bits: 128 };
    MechanismCall::with(ckm::CKM_AES_GCM, &parameter).unwrap()
}

fn ecdh() -> MechanismCall {
    // The generator of P-256 (SP 800-186 section 3.2.1.3).
    let point = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
        4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let parameter =
        EcdhParameter { kdf: 1, shared_data: Vec::new(), public_data: hex::decode(point).unwrap() };
    MechanismCall::with(ckm::CKM_ECDH1_DERIVE, &parameter).unwrap()
}

/// Which function works in parts, and how.
fn parts(function: &str) -> Option<(Function, MechanismCall)> {
    let plain = MechanismCall::plain;
    Some(match function {
        "C_EncryptUpdate" => (Function::Encrypt, gcm()),
        "C_DecryptUpdate" => (Function::Decrypt, gcm()),
        "C_SignUpdate" => (Function::Sign, plain(ckm::CKM_ECDSA_SHA256)),
        "C_VerifyUpdate HMAC" => (Function::Verify, plain(ckm::CKM_SHA256_HMAC)),
        _ => return None,
    })
}

fn act(user: &User, function: &str, key: u32) -> Result<(), String> {
    let (session, plain) = (user.session, MechanismCall::plain);
    if let Some((started, mechanism)) = parts(function) {
        let came = user.start(started, key, mechanism);
        user.cancel(started);
        return came;
    }
    match function {
        "C_Encrypt" => user.ask(&EncryptData { session, key, mechanism: gcm() }, b"data"),
        "C_Decrypt" => user.ask(&DecryptData { session, key, mechanism: gcm() }, &[1; 32]),
        "C_Decrypt RSA" => {
            let mechanism = plain(ckm::CKM_RSA_PKCS);
            user.ask(&DecryptData { session, key, mechanism }, &[1; 256])
        }
        "C_Sign" => {
            let mechanism = plain(ckm::CKM_ECDSA_SHA256);
            user.ask(&SignData { session, key, mechanism }, b"data")
        }
        "C_Sign HMAC" => {
            user.ask(&SignData { session, key, mechanism: plain(ckm::CKM_SHA256_HMAC) }, b"data")
        }
        "C_Verify HMAC" => {
            let (mechanism, signature) = (plain(ckm::CKM_SHA256_HMAC), vec![0; 32]);
            user.ask(&VerifyData { session, key, mechanism, signature }, b"data")
        }
        "C_WrapKey" => {
            let mechanism = plain(ckm::CKM_AES_KEY_WRAP);
            user.ask(&WrapKey { session, mechanism, key: user.target, wrapping: key }, b"")
        }
        "C_UnwrapKey" => {
            let template =
                [Attribute::number(a::CLASS, SECRET), Attribute::number(a::KEY_TYPE, 0x1f)];
            let template = frame::encode_meta(&template.to_vec()).unwrap();
            let mechanism = plain(ckm::CKM_AES_KEY_WRAP);
            user.ask(&UnwrapKey { session, mechanism, key, wrapped: vec![1; 24] }, &template)
        }
        "C_DeriveKey" => {
            let template =
                [Attribute::number(a::CLASS, SECRET), Attribute::number(a::KEY_TYPE, 0x10)];
            let template = frame::encode_meta(&template.to_vec()).unwrap();
            user.ask(
                &DeriveKey { session, mechanism: ecdh(), key, additional: Vec::new() },
                &template,
            )
        }
        other => panic!("{other} has no request"),
    }
}

/// A key for the function that is enabled, or waits for its material.
fn create(hsm: &Hsm, function: &str, alias: &str, state: &str) -> (String, u64) {
    let (usage, class) = kind(function);
    let origin = if state == "PendingImport" { 2 } else { 1 };
    let key = hsm.create(json!({ "Alias": alias, "KeyUsage": usage, "Type": origin }));
    (key, class)
}

/// Compares every cell, and says how many there were.
pub(super) fn walk(hsm: &Hsm) -> usize {
    let user = User::new(hsm);
    let mut cells = 0;
    for (number, (function, row)) in TABLE.iter().enumerate() {
        for (state, cell) in STATES.iter().zip(row) {
            let (key, class) = create(hsm, function, &format!("use-{number}-{state}"), state);
            bring(hsm, &key, state);
            let came = act(&user, function, user.find(&key, class));
            compare(hsm, function, &key, (state, cell), &came);
            cells += 1;
        }
    }
    cells
}

#[test]
fn what_has_begun_ends_when_the_state_of_its_key_does_not_allow_it_any_more() {
    let hsm = Hsm::new();
    let user = User::new(&hsm);
    let mut number = 0;
    for (function, row) in BEGUN {
        for (state, cell) in STATES.iter().zip(row).filter(|(_, cell)| **cell != "-") {
            for finish in [false, true] {
                number += 1;
                let (key, class) = create(&hsm, function, &format!("begun-{number}"), state);
                if *state == "PendingImport" {
                    hsm.import(&key, &[7; 32], 0).unwrap();
                }
                let (started, mechanism) = parts(function).unwrap();
                user.start(started, user.find(&key, class), mechanism).unwrap();
                if *state == "PendingImport" {
                    use coffer_protocol::operation::kms::DeleteImportedKeyMaterial;
                    hsm.call::<DeleteImportedKeyMaterial>(json!({ "KeyId": key }));
                }
                bring(&hsm, &key, state);
                let (session, function_number) = (user.session, started as u8);
                let came = if finish {
                    let signature =
                        if started == Function::Verify { vec![0; 32] } else { Vec::new() };
                    let request = FinishOperation { session, function: function_number, signature };
                    user.ask(&request, b"")
                } else {
                    user.ask(&UpdateOperation { session, function: function_number }, b"more")
                };
                user.cancel(started);
                compare(&hsm, function, &key, (state, cell), &came);
            }
        }
    }
}
