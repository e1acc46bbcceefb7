//! ECDSA and EdDSA on every curve through the module, against `openssl`.

use std::path::Path;

use coffer_tests::curve::{Curve, Kind};
use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::openssl::{self, openssl};
use coffer_tests::process::has_program;
use coffer_tests::token::{DEV, Pair, open, public_key_info, refusal, slot, user_session};
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::Session;

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in_with(directory, &["--weak-keys", "make"]);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, session)
}

fn generate(session: &Session, curve: &Curve) -> Pair {
    let mechanism = match curve.kind {
        Kind::Prime => Mechanism::EccKeyPairGen,
        Kind::Edwards => Mechanism::EccEdwardsKeyPairGen,
        Kind::Montgomery => Mechanism::EccMontgomeryKeyPairGen,
    };
    let public = [Attribute::EcParams(curve.parameters())];
    session.generate_key_pair(&mechanism, &public, &[]).unwrap()
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
        for (curve, prehashed) in Curve::of(Kind::Edwards).zip([
            EddsaSignatureScheme::Ed25519ph(b"context"),
            EddsaSignatureScheme::Ed448ph(b"context"),
        ]) {
            let (public, private) = generate(&session, curve);
            let (plain, prehashed) = (eddsa(EddsaSignatureScheme::Pure), eddsa(prehashed));
            for mechanism in [&plain, &prehashed] {
                for length in [0, 1, 5000, 1 << 20] {
                    let data = vec![7; length];
                    let signature = session.sign(mechanism, private, &data).unwrap();
                    assert_eq!(signature.len(), 2 * curve.length);
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
                let files = ["-in", "data", "-sigfile", "signature"];
                openssl(directory, &[&verify[..], &files].concat());
            }
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

/// The hashes of `openssl dgst`, with the mechanisms that use them.
fn hashes() -> [(Mechanism<'static>, &'static str); 5] {
    [
        (Mechanism::EcdsaSha1, "-sha1"),
        (Mechanism::EcdsaSha224, "-sha224"),
        (Mechanism::EcdsaSha256, "-sha256"),
        (Mechanism::EcdsaSha384, "-sha384"),
        (Mechanism::EcdsaSha512, "-sha512"),
    ]
}

#[test]
fn ecdsa_signatures_verify_here_and_with_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        for curve in Curve::of(Kind::Prime) {
            let (public, private) = generate(&session, curve);
            if has_program("openssl") {
                openssl::public_key(directory, &public_key_info(&session, public));
            }
            for (mechanism, hash) in hashes() {
                let signature = session.sign(&mechanism, private, b"signed").unwrap();
                assert_eq!(signature.len(), 2 * curve.length, "{}", curve.name);
                session.verify(&mechanism, public, b"signed", &signature).unwrap();
                let other = session.verify(&mechanism, public, b"another", &signature);
                assert_eq!(refusal(other), RvError::SignatureInvalid);
                let long = session.verify(
                    &mechanism,
                    public,
                    b"signed",
                    &[&signature[..], &[0; 2]].concat(),
                );
                assert_eq!(refusal(long), RvError::SignatureLenRange);
                if has_program("openssl") {
                    let signature = openssl::ecdsa_der(&signature);
                    openssl::verify(directory, hash, &[], b"signed", &signature);
                }
                session.sign_init(&mechanism, private).unwrap();
                for part in b"in several parts".chunks(5) {
                    session.sign_update(part).unwrap();
                }
                let signature = session.sign_final().unwrap();
                session.verify_init(&mechanism, public).unwrap();
                session.verify_update(b"in several ").unwrap();
                session.verify_update(b"parts").unwrap();
                session.verify_final(&signature).unwrap();
            }
        }
    });
}

/// PKCS#11 3.1 section 6.3.12: the token cuts what is longer than the order, to the bit.
#[test]
fn ecdsa_without_a_hash_takes_data_of_any_length() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let data: Vec<u8> = (0..5000_u32).map(|index| index.to_le_bytes()[0] ^ 0xa5).collect();
        for curve in Curve::of(Kind::Prime) {
            let (public, private) = generate(&session, curve);
            let verify = |data: &[u8], signature: &[u8]| {
                session.verify(&Mechanism::Ecdsa, public, data, signature)
            };
            for length in [1, 20, 64, 65, 66, 67, 128, data.len()] {
                let given = &data[..length];
                let signature = session.sign(&Mechanism::Ecdsa, private, given).unwrap();
                let cut = &given[..length.min(curve.length)];
                verify(cut, &signature).unwrap();
                if length > curve.length {
                    verify(&[cut, b"another end"].concat(), &signature).unwrap();
                }
                let mut other = given.to_vec();
                other[length.min(curve.length) / 2] ^= 1;
                assert_eq!(refusal(verify(&other, &signature)), RvError::SignatureInvalid);
            }
            // The order of P-521 ends seven bits before a byte does.
            let surplus = if curve.length == 66 { 7 } else { 0 };
            let number = 0x0180_u16;
            let long = [&vec![0; curve.length - 2][..], &number.to_be_bytes(), &[0xff; 9]].concat();
            let signature = session.sign(&Mechanism::Ecdsa, private, &long).unwrap();
            verify(&(number >> surplus).to_be_bytes(), &signature).unwrap();
            assert_eq!(refusal(verify(&[], &signature)), RvError::DataLenRange);
        }
    });
}

/// The provider of Java ends a verification, which nobody wants any more, with the whole of its buffer and with a
/// signature of half the length.
#[test]
fn java_ends_a_verification_as_it_does() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        for curve in Curve::of(Kind::Prime) {
            let (public, _) = generate(&session, curve);
            let ended =
                session.verify(&Mechanism::Ecdsa, public, &[0; 128], &vec![0; curve.length]);
            let expected = match curve.length % 2 {
                0 => RvError::SignatureInvalid,
                _ => RvError::SignatureLenRange,
            };
            assert_eq!(refusal(ended), expected, "{}", curve.name);
        }
    });
}

/// A number of DER without its leading zeros, in as many bytes.
fn padded(number: &[u8], length: usize) -> Vec<u8> {
    let start = number.iter().take_while(|byte| **byte == 0).count();
    [vec![0; length - (number.len() - start)], number[start..].to_vec()].concat()
}

/// r‖s of a signature in DER.
fn halves(der: &[u8], length: usize) -> Vec<u8> {
    let body = if der[1] < 0x80 { &der[2..] } else { &der[3..] };
    let (r, rest) = body[2..].split_at(usize::from(body[1]));
    [padded(r, length), padded(&rest[2..], length)].concat()
}

#[test]
fn keys_of_openssl_are_imported_and_its_signatures_verify() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        if !has_program("openssl") {
            return;
        }
        for curve in Curve::of(Kind::Prime) {
            let arguments = curve.openssl();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let pem = openssl(directory, &arguments);
            std::fs::write(directory.join("key.pem"), pem).unwrap();
            std::fs::write(directory.join("data"), b"signed").unwrap();
            let scalar = scalar(directory, curve);
            let key = |class, more| {
                let mut template = vec![
                    Attribute::Class(class),
                    Attribute::KeyType(KeyType::EC),
                    Attribute::EcParams(curve.parameters()),
                ];
                template.push(more);
                session.create_object(&template).unwrap()
            };
            let private = key(ObjectClass::PRIVATE_KEY, Attribute::Value(scalar));
            let info =
                openssl(directory, &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
            assert_eq!(public_key_info(&session, private), info, "{}", curve.name);
            let point = info[info.len() - curve.point_length()..].to_vec();
            let public = key(ObjectClass::PUBLIC_KEY, Attribute::EcPoint(point));
            // Half of the signatures of openssl have the larger s.
            for _ in 0..8 {
                let der = openssl(directory, &["dgst", "-sha256", "-sign", "key.pem", "data"]);
                let signature = halves(&der, curve.length);
                session.verify(&Mechanism::EcdsaSha256, public, b"signed", &signature).unwrap();
            }
        }
    });
}

/// The scalar in `key.pem`: `pkey -text` prints it behind `priv:`, in lines of digits.
fn scalar(directory: &Path, curve: &Curve) -> Vec<u8> {
    let text = openssl(directory, &["pkey", "-in", "key.pem", "-noout", "-text"]);
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().skip_while(|line| *line != "priv:").skip(1);
    let digits: String = lines.take_while(|line| line.starts_with(' ')).collect();
    let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
    padded(&hex::decode(digits).unwrap(), curve.length)
}

/// RFC 8032 section 7.4 "1 octet (with context)" and section 7.5 "TEST abc (with context)": seed, message, signature.
const ED448: [[&str; 3]; 2] = [
    [
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
        "03",
        "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35abbcd001b32a89f7d2151f7647f11d8ca2ae279fb842d607217fce6e042f6815ea000c85741de5c8da1144a6a1aba7f96de42505d7a7298524fda538fccbbb754f578c1cad10d54d0d5428407e85dcbc98a49155c13764e66c3c00",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42ef7822e0d5104127dc05d6dbefde69e3ab2cec7c867c6e2c49",
        "616263",
        "c32299d46ec8ff02b54540982814dce9a05812f81962b649d528095916a2aa481065b1580423ef927ecf0af5888f90da0f6a9a85ad5dc3f280d91224ba9911a3653d00e484e2ce232521481c8658df304bb7745a73514cdb9bf3e15784ab71284f8d0704a608c54a6b62d97beb511d132100",
    ],
];

#[test]
fn imported_ed448_keys_sign_as_rfc_8032_says() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        let schemes = [EddsaSignatureScheme::Ed448(b"foo"), EddsaSignatureScheme::Ed448ph(b"foo")];
        for ([seed, message, signature], scheme) in ED448.into_iter().zip(schemes) {
            for params in ["06032b6571", "130a65647761726473343438"] {
                let template = [
                    Attribute::Class(ObjectClass::PRIVATE_KEY),
                    Attribute::KeyType(KeyType::EC_EDWARDS),
                    Attribute::EcParams(hex::decode(params).unwrap()),
                    Attribute::Value(hex::decode(seed).unwrap()),
                ];
                let key = session.create_object(&template).unwrap();
                let message = hex::decode(message).unwrap();
                let made = session.sign(&eddsa(scheme), key, &message).unwrap();
                assert_eq!(hex::encode(made), signature);
                // No parameter and an empty context are the plain scheme, section 5.2.
                let empty = eddsa(EddsaSignatureScheme::Ed448(b""));
                let pure = eddsa(EddsaSignatureScheme::Pure);
                let plain = session.sign(&empty, key, &message).unwrap();
                assert_eq!(session.sign(&pure, key, &message).unwrap(), plain);
                assert_eq!(plain.len(), 114);
            }
        }
    });
}

#[test]
fn keys_that_agree_only_do_not_sign() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        for curve in Curve::of(Kind::Montgomery) {
            let (_, private) = generate(&session, curve);
            for mechanism in [Mechanism::Ecdsa, eddsa(EddsaSignatureScheme::Pure)] {
                let signed = session.sign(&mechanism, private, &[1; 32]);
                assert_eq!(refusal(signed), RvError::KeyTypeInconsistent, "{}", curve.name);
            }
        }
    });
}
