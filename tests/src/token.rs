//! The module through the `cryptoki` crate: what most tests begin with.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use crate::daemon::{PIN, module};
use crate::process::wait_until;

/// The partition that every daemon of the tests has.
pub const DEV: &str = "dev";
/// The name of P-256 in `CKA_EC_PARAMS` (RFC 5480).
pub const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Public and private key.
pub type Pair = (ObjectHandle, ObjectHandle);

/// A PIN as the crate takes it.
pub fn pin(text: &str) -> AuthPin {
    AuthPin::from(text)
}

/// The module, loaded and not initialised.
///
/// # Panics
///
/// Where it is not built.
pub fn load() -> Pkcs11 {
    Pkcs11::new(module()).expect("libcoffer_pkcs11.so is built")
}

/// C_Initialize as applications with threads call it.
pub fn initialize(pkcs11: &Pkcs11) -> Result<(), Error> {
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
}

/// The module, initialised.
///
/// # Panics
///
/// Where C_Initialize fails.
pub fn open() -> Pkcs11 {
    let pkcs11 = load();
    initialize(&pkcs11).expect("C_Initialize");
    pkcs11
}

/// The slot whose token has this label.
///
/// # Panics
///
/// Where there is none.
pub fn slot(pkcs11: &Pkcs11, label: &str) -> Slot {
    let slots = pkcs11.get_slots_with_token().expect("C_GetSlotList");
    let is_it =
        |slot: &Slot| pkcs11.get_token_info(*slot).is_ok_and(|token| token.label() == label);
    slots.into_iter().find(is_it).expect("the token is there")
}

/// The slot of [`DEV`], once the module has found the daemon.
///
/// # Panics
///
/// Where it does not in time, or asking fails.
pub fn wait_for_slot(pkcs11: &Pkcs11) -> Slot {
    let has_slots = || !pkcs11.get_slots_with_token().expect("C_GetSlotList").is_empty();
    wait_until("the module finds the daemon", has_slots);
    slot(pkcs11, DEV)
}

/// A read/write session whose application is logged in as user.
///
/// # Panics
///
/// Where it cannot be had.
pub fn user_session(pkcs11: &Pkcs11, slot: Slot) -> Session {
    let session = pkcs11.open_rw_session(slot).expect("C_OpenSession");
    match session.login(UserType::User, Some(&pin(PIN))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => session,
        Err(error) => panic!("{error}"),
    }
}

/// The code with which a call was refused.
///
/// # Panics
///
/// Where it was not.
#[track_caller]
pub fn refusal<T>(outcome: Result<T, Error>) -> RvError {
    match outcome {
        Err(Error::Pkcs11(code, _)) => code,
        Err(error) => panic!("not refused by the module: {error}"),
        Ok(_) => panic!("the call was not refused"),
    }
}

/// An AES-256 key on the token.
pub fn aes_key(session: &Session, label: &str) -> Result<ObjectHandle, Error> {
    let template = [
        Attribute::Token(true),
        Attribute::ValueLen(32.into()),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template)
}

/// An RSA-2048 key pair on the token.
pub fn rsa_pair(session: &Session, label: &str) -> Result<Pair, Error> {
    let special = [Attribute::ModulusBits(2048.into())];
    pair(session, &Mechanism::RsaPkcsKeyPairGen, label, &special)
}

/// A P-256 key pair on the token.
pub fn ec_pair(session: &Session, label: &str) -> Result<Pair, Error> {
    let special = [Attribute::EcParams(P256.to_vec())];
    pair(session, &Mechanism::EccKeyPairGen, label, &special)
}

fn pair(
    session: &Session,
    mechanism: &Mechanism,
    label: &str,
    special: &[Attribute],
) -> Result<Pair, Error> {
    let common =
        [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(label.into())];
    session.generate_key_pair(mechanism, &[&common, special].concat(), &common)
}

/// The one object of a class with this label.
///
/// # Panics
///
/// Where there is none, or more than one.
#[track_caller]
pub fn find(session: &Session, class: ObjectClass, label: &str) -> ObjectHandle {
    let template = [Attribute::Class(class), Attribute::Label(label.into())];
    let found = session.find_objects(&template).expect("C_FindObjects");
    assert_eq!(found.len(), 1, "objects of {class} named {label}");
    found[0]
}

/// The public key as RFC 5280 writes it.
///
/// # Panics
///
/// Where the object does not tell it.
pub fn public_key_info(session: &Session, key: ObjectHandle) -> Vec<u8> {
    let attributes = session.get_attributes(key, &[AttributeType::PublicKeyInfo]);
    match attributes.expect("C_GetAttributeValue").pop() {
        Some(Attribute::PublicKeyInfo(info)) => info,
        other => panic!("no CKA_PUBLIC_KEY_INFO: {other:?}"),
    }
}
