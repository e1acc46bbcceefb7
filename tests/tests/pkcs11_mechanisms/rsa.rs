//! RSA with a hash, another hash for the mask, labels and salts through the module, with `openssl` as the judge.

use std::path::Path;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::openssl::{self, openssl};
use coffer_tests::process::has_program;
use coffer_tests::token::{DEV, open, public_key_info, refusal, rsa_pair, slot, user_session};
use cryptoki::error::RvError;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::session::Session;

type Hash = (MechanismType, PkcsMgfType, &'static str, u64);

const SHA1: Hash = (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, "sha1", 20);
const SHA224: Hash = (MechanismType::SHA224, PkcsMgfType::MGF1_SHA224, "sha224", 28);
const SHA256: Hash = (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, "sha256", 32);
const SHA384: Hash = (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, "sha384", 48);
const SHA512: Hash = (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, "sha512", 64);

/// Each hash once as that of the message or label, and once as that of the mask; and each with itself.
const SPREAD: &[(Hash, Hash)] = &[
    (SHA1, SHA256),
    (SHA224, SHA512),
    (SHA256, SHA1),
    (SHA384, SHA224),
    (SHA512, SHA384),
    (SHA1, SHA1),
    (SHA224, SHA224),
    (SHA256, SHA256),
    (SHA384, SHA384),
    (SHA512, SHA512),
];

fn start(directory: &Path) -> (Daemon, Session) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, session)
}

fn source(label: &[u8]) -> PkcsOaepSource<'_> {
    if label.is_empty() { PkcsOaepSource::empty() } else { PkcsOaepSource::data_specified(label) }
}

#[test]
fn pss_with_other_masks_and_salts_verifies_with_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        if !has_program("openssl") {
            return;
        }
        let (public, private) = rsa_pair(&session, "pss").unwrap();
        openssl::public_key(directory, &public_key_info(&session, public));
        for ((hash, _, name, length), (_, mgf, mask, _)) in SPREAD {
            std::fs::write(directory.join("message"), b"message").unwrap();
            let digest = openssl(directory, &["dgst", &format!("-{name}"), "-binary", "message"]);
            for salt in [0, 11, *length] {
                let parameter = PkcsPssParams { hash_alg: *hash, mgf: *mgf, s_len: salt.into() };
                let mechanism = Mechanism::RsaPkcsPss(parameter);
                let signature = session.sign(&mechanism, private, &digest).unwrap();
                session.verify(&mechanism, public, &digest, &signature).unwrap();
                let options = [
                    "rsa_padding_mode:pss",
                    &format!("rsa_pss_saltlen:{salt}"),
                    &format!("rsa_mgf1_md:{mask}"),
                ];
                let flag = format!("-{name}");
                openssl::verify(directory, &flag, &options, b"message", &signature);
                let short = session.sign(&mechanism, private, &digest[1..]);
                assert_eq!(refusal(short), RvError::DataLenRange);
            }
        }
    });
}

#[test]
fn hash_and_sign_with_another_mask_verifies_with_openssl() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        if !has_program("openssl") {
            return;
        }
        let (public, private) = rsa_pair(&session, "pss").unwrap();
        openssl::public_key(directory, &public_key_info(&session, public));
        let pss = |hash: Hash, mask: Hash, salt: u64| PkcsPssParams {
            hash_alg: hash.0,
            mgf: mask.1,
            s_len: salt.into(),
        };
        for (mechanism, hash, mask, salt) in [
            (Mechanism::Sha256RsaPkcsPss(pss(SHA256, SHA512, 20)), "-sha256", "sha512", "20"),
            (Mechanism::Sha384RsaPkcsPss(pss(SHA384, SHA1, 0)), "-sha384", "sha1", "0"),
            (Mechanism::Sha512RsaPkcsPss(pss(SHA512, SHA256, 190)), "-sha512", "sha256", "190"),
        ] {
            let signature = session.sign(&mechanism, private, b"message").unwrap();
            session.verify(&mechanism, public, b"message", &signature).unwrap();
            let (salt, mask) = (format!("rsa_pss_saltlen:{salt}"), format!("rsa_mgf1_md:{mask}"));
            let options = ["rsa_padding_mode:pss", &salt, &mask];
            openssl::verify(directory, hash, &options, b"message", &signature);
        }
    });
}

#[test]
fn oaep_with_other_masks_and_labels_opens_what_openssl_sealed() {
    isolated(|directory| {
        let (_daemon, session) = start(directory);
        if !has_program("openssl") {
            return;
        }
        let (public, private) = rsa_pair(&session, "oaep").unwrap();
        openssl::public_key(directory, &public_key_info(&session, public));
        std::fs::write(directory.join("plain"), b"to open").unwrap();
        for ((hash, _, name, _), (_, mgf, mask, _)) in SPREAD {
            for label in [&b""[..], b"a label"] {
                let oaep =
                    |label| Mechanism::RsaPkcsOaep(PkcsOaepParams::new(*hash, *mgf, source(label)));
                let mut options = vec![
                    "rsa_padding_mode:oaep".to_owned(),
                    format!("rsa_oaep_md:{name}"),
                    format!("rsa_mgf1_md:{mask}"),
                ];
                if !label.is_empty() {
                    options.push(format!("rsa_oaep_label:{}", hex::encode(label)));
                }
                let encrypt =
                    ["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain"];
                let options = options.iter().flat_map(|option| ["-pkeyopt", option]);
                let arguments: Vec<_> = encrypt.into_iter().chain(options).collect();
                let sealed = openssl(directory, &arguments);
                assert_eq!(session.decrypt(&oaep(label), private, &sealed).unwrap(), b"to open");
                let other = session.decrypt(&oaep(b"another"), private, &sealed);
                assert_eq!(refusal(other), RvError::EncryptedDataInvalid);
                let own = session.encrypt(&oaep(label), public, b"own").unwrap();
                assert_eq!(session.decrypt(&oaep(label), private, &own).unwrap(), b"own");
            }
        }
    });
}
