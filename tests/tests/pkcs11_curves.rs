//! EdDSA and P-521 through the module, against `openssl` where it has the same.

use std::path::Path;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::openssl::{self, openssl};
use coffer_tests::process::has_program;
use coffer_tests::token::{DEV, open, public_key_info, refusal, slot, user_session};
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::Session;

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, session)
}

fn eddsa(scheme: EddsaSignatureScheme<'_>) -> Mechanism<'_> {
    Mechanism::Eddsa(EddsaParams::new(scheme))
}

/// RFC 8032 section 7.2 "foo": seed, message, signature with the context and without.
const SEED: &str = "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6";
const MESSAGE: &str = "f726936d19c800494e3fdaff20b276a8";
const SIGNATURE: &str = "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d";

#[test]
fn an_imported_edwards_key_signs_as_rfc_8032_says() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let template = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::EcParams(hex::decode("06032b6570").unwrap()),
            Attribute::Value(hex::decode(SEED).unwrap()),
        ];
        let key = session.create_object(&template).unwrap();
        let message = hex::decode(MESSAGE).unwrap();
        let with_context = eddsa(EddsaSignatureScheme::Ed25519ctx(b"foo"));
        assert_eq!(hex::encode(session.sign(&with_context, key, &message).unwrap()), SIGNATURE);
        let empty = eddsa(EddsaSignatureScheme::Ed25519ctx(b""));
        let plain = eddsa(EddsaSignatureScheme::Ed25519);
        let signature = session.sign(&empty, key, &message).unwrap();
        assert_eq!(session.sign(&plain, key, &message).unwrap(), signature);
        let longer = [0; 256];
        let longer = eddsa(EddsaSignatureScheme::Ed25519ctx(&longer));
        assert_eq!(refusal(session.sign(&longer, key, &message)), RvError::MechanismParamInvalid);
    });
}

#[test]
fn eddsa_signatures_verify_here_and_with_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let public = [Attribute::EcParams(b"\x13\x0cedwards25519".to_vec())];
        let (public, private) =
            session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &[]).unwrap();
        let plain = eddsa(EddsaSignatureScheme::Ed25519);
        let prehashed = eddsa(EddsaSignatureScheme::Ed25519ph(b"context"));
        for mechanism in [&plain, &prehashed] {
            for length in [0, 1, 5000, 1 << 20] {
                let data = vec![7; length];
                let signature = session.sign(mechanism, private, &data).unwrap();
                session.verify(mechanism, public, &data, &signature).unwrap();
                let other = session.verify(mechanism, public, b"another", &signature);
                assert_eq!(refusal(other), RvError::SignatureInvalid);
                let short = session.verify(mechanism, public, &data, &signature[1..]);
                assert_eq!(refusal(short), RvError::SignatureLenRange);
            }
        }
        let long = session.sign(&plain, private, &vec![7; (1 << 20) + 1]);
        assert_eq!(refusal(long), RvError::DataLenRange);

        session.sign_init(&plain, private).unwrap();
        for part in b"in several parts".chunks(5) {
            session.sign_update(part).unwrap();
        }
        let signature = session.sign_final().unwrap();
        session.verify(&plain, public, b"in several parts", &signature).unwrap();
        if has_program("openssl") {
            openssl::public_key(directory, &public_key_info(&session, public));
            std::fs::write(directory.join("data"), b"in several parts").unwrap();
            std::fs::write(directory.join("signature"), &signature).unwrap();
            let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin"];
            openssl(directory, &[&verify[..], &["-in", "data", "-sigfile", "signature"]].concat());
        }
    });
}

#[test]
fn points_of_edwards_keys_are_taken_raw_and_wrapped() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let point = "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292";
        for given in [point.to_owned(), format!("0420{point}")] {
            let template = [
                Attribute::Class(ObjectClass::PUBLIC_KEY),
                Attribute::KeyType(KeyType::EC_EDWARDS),
                Attribute::EcParams(hex::decode("06032b6570").unwrap()),
                Attribute::EcPoint(hex::decode(given).unwrap()),
            ];
            let key = session.create_object(&template).unwrap();
            let read = session.get_attributes(key, &[AttributeType::EcPoint]).unwrap();
            assert_eq!(read, [Attribute::EcPoint(hex::decode(point).unwrap())]);
            let mechanism = eddsa(EddsaSignatureScheme::Ed25519ctx(b"foo"));
            let (message, signature) = (hex::decode(MESSAGE), hex::decode(SIGNATURE));
            session.verify(&mechanism, key, &message.unwrap(), &signature.unwrap()).unwrap();
        }
    });
}

#[test]
fn p521_signatures_verify_here_and_with_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let public = [Attribute::EcParams(hex::decode("06052b81040023").unwrap())];
        let (public, private) =
            session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &[]).unwrap();
        for (mechanism, hash) in
            [(Mechanism::EcdsaSha256, "-sha256"), (Mechanism::EcdsaSha512, "-sha512")]
        {
            let signature = session.sign(&mechanism, private, b"signed").unwrap();
            assert_eq!(signature.len(), 132);
            session.verify(&mechanism, public, b"signed", &signature).unwrap();
            if has_program("openssl") {
                openssl::public_key(directory, &public_key_info(&session, public));
                let signature = openssl::ecdsa_der(&signature);
                openssl::verify(directory, hash, &[], b"signed", &signature);
            }
        }
    });
}
