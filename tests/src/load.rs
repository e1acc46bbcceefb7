//! Keys that a test knows, and a PKCS#11 application that imports and uses them.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use cryptoki_sys::CK_AES_CTR_PARAMS;
use getrandom::SysRng;
use rsa::BoxedUint;
use rsa::RsaPrivateKey;
use rsa::rand_core::UnwrapErr;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};

use crate::leak_scanner::Patterns;

/// Labels of the imported keys.
const AES: &[u8] = b"known AES key";
const RSA: &[u8] = b"known RSA key";

/// Random keys: constants would stand in a program's own read-only data.
#[derive(Debug)]
pub struct KnownKeys {
    /// An AES-256 key.
    pub aes: [u8; 32],
    /// An RSA-2048 key.
    pub rsa: RsaPrivateKey,
}

impl KnownKeys {
    /// New ones.
    ///
    /// # Panics
    ///
    /// Where the kernel gives no random numbers.
    pub fn random() -> Self {
        let mut aes = [0; 32];
        getrandom::fill(&mut aes).expect("random numbers");
        let rsa = RsaPrivateKey::new(&mut UnwrapErr(SysRng), 2048).expect("an RSA key");
        Self { aes, rsa }
    }

    /// What a leak of them would look like.
    pub fn patterns(&self) -> Patterns {
        Patterns::all([Patterns::aes256(&self.aes), Patterns::rsa(&self.rsa)])
    }
}

/// A PKCS#11 application in this process, logged in as the user of the first token.
#[derive(Debug)]
pub struct Application {
    module: Pkcs11,
    slot: Slot,
    /// Keeps the login, which ends with the last session.
    _session: Session,
}

impl Application {
    /// Changes the security officer's PIN, sets the user PIN and logs in with it.
    ///
    /// # Panics
    ///
    /// Where the module refuses a step.
    pub fn with_new_pins(module: &Path, [old_so_pin, so_pin, pin]: [&str; 3]) -> Self {
        let module = Pkcs11::new(module).expect("the module");
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        module.initialize(arguments).expect("C_Initialize");
        let slot = module.get_slots_with_token().expect("C_GetSlotList")[0];
        let session = module.open_rw_session(slot).expect("C_OpenSession");
        let [old_so_pin, so_pin] = [old_so_pin, so_pin].map(|pin| AuthPin::new(pin.into()));
        session.login(UserType::So, Some(&old_so_pin)).expect("the SO logs in");
        session.set_pin(&old_so_pin, &so_pin).expect("C_SetPIN");
        let pin = AuthPin::new(pin.into());
        session.init_pin(&pin).expect("C_InitPIN");
        session.logout().expect("C_Logout");
        session.login(UserType::User, Some(&pin)).expect("the user logs in");
        Self { module, slot, _session: session }
    }

    /// A further session.
    ///
    /// # Panics
    ///
    /// Where the module refuses it.
    pub fn session(&self) -> Session {
        self.module.open_rw_session(self.slot).expect("C_OpenSession")
    }
}

/// Makes both keys token objects, private and sensitive; returns their unique ids, AES first.
///
/// # Panics
///
/// Where the module refuses it.
pub fn import(session: &Session, keys: &KnownKeys) -> [String; 2] {
    let common = |class: ObjectClass, kind: KeyType, label: &[u8]| {
        vec![
            Attribute::Class(class),
            Attribute::KeyType(kind),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Label(label.to_vec()),
            Attribute::Decrypt(true),
        ]
    };
    let mut aes = common(ObjectClass::SECRET_KEY, KeyType::AES, AES);
    aes.extend([Attribute::Encrypt(true), Attribute::Value(keys.aes.to_vec())]);
    let number = |value: &BoxedUint| {
        let bytes = value.to_be_bytes();
        bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>()
    };
    let [p, q] = keys.rsa.primes() else { panic!("a key of two primes was expected") };
    let crt = "the key has its CRT numbers";
    let inverse = keys.rsa.crt_coefficient().expect(crt);
    let mut rsa = common(ObjectClass::PRIVATE_KEY, KeyType::RSA, RSA);
    rsa.extend([
        Attribute::Sign(true),
        Attribute::Modulus(number(keys.rsa.n())),
        Attribute::PublicExponent(number(keys.rsa.e())),
        Attribute::PrivateExponent(number(keys.rsa.d())),
        Attribute::Prime1(number(p)),
        Attribute::Prime2(number(q)),
        Attribute::Exponent1(number(keys.rsa.dp().expect(crt))),
        Attribute::Exponent2(number(keys.rsa.dq().expect(crt))),
        Attribute::Coefficient(number(&inverse)),
    ]);
    [aes, rsa].map(|template| {
        let object = session.create_object(&template).expect("C_CreateObject");
        let read = session.get_attributes(object, &[AttributeType::UniqueId]);
        match &read.expect("C_GetAttributeValue")[..] {
            [Attribute::UniqueId(id)] => String::from_utf8(id.clone()).expect("a UUID is text"),
            other => panic!("{other:?}"),
        }
    })
}

/// Both imported keys as a session sees them.
struct Handles {
    aes: ObjectHandle,
    rsa: ObjectHandle,
}

/// Does one operation of each kind, ten in all, and checks what comes out.
///
/// # Panics
///
/// Where a result is wrong or the module refuses an operation.
pub fn use_once(session: &Session, keys: &KnownKeys) {
    let find = |label: &[u8]| {
        session.find_objects(&[Attribute::Label(label.to_vec())]).expect("C_FindObjects")[0]
    };
    let handles = Handles { aes: find(AES), rsa: find(RSA) };
    symmetric(session, &handles);
    asymmetric(session, &handles, keys);
}

fn symmetric(session: &Session, handles: &Handles) {
    let data = [7; 100];
    let (mut iv, mut same) = ([9; 12], [9; 12]);
    let gcm = |iv| Mechanism::AesGcm(GcmParams::new(iv, b"aad", 128.into()).expect("short"));
    let counter = CK_AES_CTR_PARAMS { ulCounterBits: 128, cb: [3; 16] };
    let ctr = VendorDefinedMechanism::new(MechanismType::AES_CTR, Some(&counter));
    let pairs = [
        [gcm(&mut iv), gcm(&mut same)],
        [Mechanism::AesCbcPad([5; 16]), Mechanism::AesCbcPad([5; 16])],
        [Mechanism::VendorDefined(ctr), Mechanism::VendorDefined(ctr)],
    ];
    for [encrypting, decrypting] in pairs {
        let sealed = session.encrypt(&encrypting, handles.aes, &data).expect("C_Encrypt");
        let opened = session.decrypt(&decrypting, handles.aes, &sealed).expect("C_Decrypt");
        assert_eq!(opened, data);
    }
}

fn asymmetric(session: &Session, handles: &Handles, keys: &KnownKeys) {
    let public = keys.rsa.to_public_key();
    let random = &mut UnwrapErr(SysRng);
    let oaep = public.encrypt(random, rsa::Oaep::<sha2::Sha256>::new(), b"by OAEP");
    let pkcs1 = public.encrypt(random, rsa::Pkcs1v15Encrypt, b"by PKCS#1");
    let pss = PkcsPssParams {
        hash_alg: MechanismType::SHA256,
        mgf: PkcsMgfType::MGF1_SHA256,
        s_len: 32.into(),
    };
    for mechanism in [Mechanism::Sha256RsaPkcs, Mechanism::Sha256RsaPkcsPss(pss)] {
        let signature = session.sign(&mechanism, handles.rsa, b"message").expect("C_Sign");
        assert_eq!(signature.len(), 256);
    }
    let raw = session.sign(&Mechanism::RsaX509, handles.rsa, &[1; 256]).expect("C_Sign, raw");
    assert_eq!(raw.len(), 256);
    let parameter = PkcsOaepParams::new(
        MechanismType::SHA256,
        PkcsMgfType::MGF1_SHA256,
        PkcsOaepSource::empty(),
    );
    for (mechanism, sealed, opened) in [
        (Mechanism::RsaPkcsOaep(parameter), oaep, &b"by OAEP"[..]),
        (Mechanism::RsaPkcs, pkcs1, &b"by PKCS#1"[..]),
    ] {
        let sealed = sealed.expect("an encryption with a public key");
        assert_eq!(session.decrypt(&mechanism, handles.rsa, &sealed).expect("C_Decrypt"), opened);
    }
}
