//! Keys that leave and come back, with `openssl` on the other side.

use std::path::Path;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::openssl::{self, openssl};
use coffer_tests::process::has_program;
use coffer_tests::token::{DEV, open, public_key_info, refusal, rsa_pair, slot, user_session};
use cryptoki::error::RvError;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

const KEY: [u8; 32] = *b"a key openssl and this test have";
const IV: [u8; 16] = *b"sixteen bytes iv";

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, session)
}

fn readable(class: ObjectClass, key_type: KeyType) -> Vec<Attribute> {
    vec![
        Attribute::Class(class),
        Attribute::KeyType(key_type),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ]
}

/// An AES key that openssl has too.
fn known_key(session: &Session) -> ObjectHandle {
    let value = [Attribute::Value(KEY.to_vec())];
    let template = [readable(ObjectClass::SECRET_KEY, KeyType::AES), value.to_vec()].concat();
    session.create_object(&template).unwrap()
}

fn value(session: &Session, key: ObjectHandle) -> Vec<u8> {
    match session.get_attributes(key, &[AttributeType::Value]).unwrap().pop() {
        Some(Attribute::Value(value)) => value,
        other => panic!("no CKA_VALUE: {other:?}"),
    }
}

/// Pairs of each kind that may leave: public, private, a signature mechanism, and how openssl makes such a key.
fn kinds() -> Vec<(KeyType, Mechanism<'static>, &'static [&'static str])> {
    use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
    let eddsa = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
    vec![
        (KeyType::RSA, Mechanism::Sha256RsaPkcs, &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        (KeyType::EC, Mechanism::EcdsaSha256, &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        (KeyType::EC, Mechanism::EcdsaSha256, &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        (KeyType::EC, Mechanism::EcdsaSha256, &["EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        (KeyType::EC_EDWARDS, eddsa, &["ED25519"]),
    ]
}

#[test]
fn private_keys_of_openssl_come_in_and_go_out_as_they_were() {
    isolated(|directory| {
        if !has_program("openssl") {
            return;
        }
        let (_daemon, session) = start(directory);
        let wrapping = known_key(&session);
        let key = hex::encode(KEY);
        let iv = hex::encode(IV);
        for (key_type, signs, generate) in kinds() {
            let made = [&["genpkey", "-outform", "DER", "-out", "made", "-algorithm"], generate];
            openssl(directory, &made.concat());
            let convert = ["-in", "made", "-inform", "DER", "-outform", "DER"];
            let pkcs8 =
                openssl(directory, &[&["pkcs8", "-topk8", "-nocrypt"], &convert[..]].concat());
            let public = openssl(directory, &[&["pkey", "-pubout"], &convert[..]].concat());
            openssl::public_key(directory, &public);
            std::fs::write(directory.join("info"), &pkcs8).unwrap();
            for (mechanism, cipher, iv) in [
                (Mechanism::AesCbcPad(IV), "-aes-256-cbc", iv.as_str()),
                (Mechanism::AesKeyWrapPad, "-id-aes256-wrap-pad", "A65959A6"),
            ] {
                let seal = ["enc", cipher, "-K", &key, "-iv", iv, "-in", "info"];
                let wrapped = openssl(directory, &seal);
                let template = readable(ObjectClass::PRIVATE_KEY, key_type);
                let private =
                    session.unwrap_key(&mechanism, wrapping, &wrapped, &template).unwrap();
                assert_eq!(public_key_info(&session, private), public, "{generate:?}");
                let signature = session.sign(&signs, private, b"signed").unwrap();
                match key_type {
                    KeyType::EC_EDWARDS => {
                        std::fs::write(directory.join("data"), b"signed").unwrap();
                        std::fs::write(directory.join("signature"), &signature).unwrap();
                        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem"];
                        let files = ["-rawin", "-in", "data", "-sigfile", "signature"];
                        openssl(directory, &[&verify[..], &files].concat());
                    }
                    KeyType::EC => {
                        let signature = openssl::ecdsa_der(&signature);
                        openssl::verify(directory, "-sha256", &[], b"signed", &signature);
                    }
                    _ => openssl::verify(directory, "-sha256", &[], b"signed", &signature),
                }
                let out = session.wrap_key(&mechanism, wrapping, private).unwrap();
                std::fs::write(directory.join("out"), &out).unwrap();
                let unseal = ["enc", "-d", cipher, "-K", &key, "-iv", iv, "-in", "out"];
                assert!(openssl(directory, &unseal) == pkcs8, "{generate:?}");
            }
        }
    });
}

#[test]
fn secrets_leave_under_rsa_and_come_from_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (public, private) = rsa_pair(&session, "r").unwrap();
        let key = known_key(&session);
        let source = PkcsOaepSource::empty();
        let sha256 = MechanismType::SHA256;
        let oaep = PkcsOaepParams::new(sha256, PkcsMgfType::MGF1_SHA256, source);
        let has_openssl = has_program("openssl");
        if has_openssl {
            openssl::public_key(directory, &public_key_info(&session, public));
            std::fs::write(directory.join("plain"), KEY).unwrap();
        }
        let mut template = readable(ObjectClass::SECRET_KEY, KeyType::AES);
        template.push(Attribute::ValueLen(32.into()));
        for (mechanism, options) in [
            (Mechanism::RsaPkcs, &["rsa_padding_mode:pkcs1"][..]),
            (Mechanism::RsaPkcsOaep(oaep), &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"]),
        ] {
            let wrapped = session.wrap_key(&mechanism, public, key).unwrap();
            assert_eq!(wrapped.len(), 256);
            let back = session.unwrap_key(&mechanism, private, &wrapped, &template).unwrap();
            assert_eq!(value(&session, back), KEY);
            if has_openssl {
                let mut arguments =
                    vec!["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain"];
                for option in options {
                    arguments.extend(["-pkeyopt", option]);
                }
                let wrapped = openssl(directory, &arguments);
                let back = session.unwrap_key(&mechanism, private, &wrapped, &template).unwrap();
                assert_eq!(value(&session, back), KEY);
            }
            let wrong = session.unwrap_key(&mechanism, private, &[1; 256], &template);
            assert_eq!(refusal(wrong), RvError::WrappedKeyInvalid, "{mechanism:?}");
            let private_key = session.wrap_key(&mechanism, public, private);
            assert_eq!(refusal(private_key), RvError::KeyUnextractable);
        }
    });
}

#[test]
fn gcm_wraps_what_only_its_parameter_opens() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let (wrapping, key) = (known_key(&session), known_key(&session));
        let template = readable(ObjectClass::SECRET_KEY, KeyType::AES);
        let unwrap = |aad: &[u8], wrapped: &[u8]| {
            let mut iv = [3; 12];
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, aad, 128.into()).unwrap());
            session.unwrap_key(&mechanism, wrapping, wrapped, &template)
        };
        let mut iv = [3; 12];
        let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, b"aad", 128.into()).unwrap());
        let wrapped = session.wrap_key(&mechanism, wrapping, key).unwrap();
        assert_eq!(wrapped.len(), 48);
        assert_eq!(value(&session, unwrap(b"aad", &wrapped).unwrap()), KEY);
        assert_eq!(refusal(unwrap(b"bad", &wrapped)), RvError::WrappedKeyInvalid);
        assert_eq!(refusal(unwrap(b"aad", &wrapped[..15])), RvError::WrappedKeyLenRange);
    });
}
