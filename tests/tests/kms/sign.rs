//! `coffer call`: signatures, verified by OpenSSL.

use std::process::Command;

use coffer_tests::base64::{decode, encode};
use coffer_tests::call::{create, right};
use coffer_tests::daemon::Daemon;
use serde_json::json;

/// Verifies with OpenSSL, which knows nothing of Coffer.
fn openssl_verifies(directory: &std::path::Path, signature: &[u8], arguments: &[&str]) -> bool {
    std::fs::write(directory.join("signature"), signature).unwrap();
    let output = Command::new("openssl")
        .current_dir(directory)
        .args(["dgst", "-verify", "public.pem", "-signature", "signature"])
        .args(arguments)
        .arg("message")
        .output()
        .expect("openssl is installed");
    output.status.success()
}

#[test]
fn openssl_verifies_the_signatures() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().unwrap();
    let message = b"signed by Coffer, verified by OpenSSL";
    std::fs::write(directory.path().join("message"), message).unwrap();
    let pss = ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    let sm2 = ["-sm3", "-sigopt", "distid:1234567812345678"];
    for (usage, algorithm, arguments) in [
        ("ASYMMETRIC_SIGN_VERIFY_ECC", "ECC_P256_R1", &["-sha256"][..]),
        ("ASYMMETRIC_SIGN_VERIFY_ECDSA384", "ECC_P384_R1", &["-sha384"]),
        ("ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PKCS1_SHA_256", &["-sha256"]),
        ("ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PSS_SHA_256", &pss),
        ("ASYMMETRIC_SIGN_VERIFY_SM2", "SM2DSA", &sm2),
    ] {
        let key = create(&daemon, &algorithm.to_lowercase().replace('.', "_"), usage);
        let public = json!({"KeyId": key});
        let public = right(&daemon, "GetPublicKey", &public, "KeyId PublicKey PublicKeyPem");
        let pem = public["PublicKeyPem"].as_str().unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        assert_eq!(body, public["PublicKey"].as_str().unwrap());
        std::fs::write(directory.path().join("public.pem"), pem).unwrap();
        let request = json!({"KeyId": key, "Algorithm": algorithm, "Message": encode(message)});
        let signed = right(&daemon, "SignByAsymmetricKey", &request, "Signature");
        let mut signature = decode(signed["Signature"].as_str().unwrap());
        assert!(openssl_verifies(directory.path(), &signature, arguments), "{algorithm}");
        let verify = |signature: &[u8], message: &[u8]| {
            let request = json!({"KeyId": key, "Algorithm": algorithm,
                "SignatureValue": encode(signature), "Message": encode(message)});
            right(&daemon, "VerifyByAsymmetricKey", &request, "SignatureValid")["SignatureValid"]
                .as_bool()
                .unwrap()
        };
        assert!(verify(&signature, message), "{algorithm}");
        assert!(!verify(&signature, b"another"), "{algorithm}");
        *signature.last_mut().unwrap() ^= 1;
        assert!(!verify(&signature, message), "{algorithm}");
        assert!(!verify(b"", message), "{algorithm}");
        assert!(!openssl_verifies(directory.path(), &signature, arguments), "{algorithm}");
    }
}

#[test]
fn a_digest_is_signed_as_it_is() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("message"), b"hashed outside").unwrap();
    for (usage, algorithm, hash, options) in [
        ("ASYMMETRIC_SIGN_VERIFY_ECC", "ECC_P256_R1", "-sha256", &[][..]),
        ("ASYMMETRIC_SIGN_VERIFY_ECDSA384", "ECC_P384_R1", "-sha384", &[]),
        ("ASYMMETRIC_SIGN_VERIFY_RSA_2048", "RSA_PKCS1_SHA_256", "-sha256", &[]),
    ] {
        let digest = Command::new("openssl")
            .current_dir(directory.path())
            .args(["dgst", "-binary", hash, "message"])
            .output()
            .unwrap();
        let key = create(&daemon, &algorithm.to_lowercase(), usage);
        let (_, public) = daemon.call("GetPublicKey", &json!({"KeyId": key}));
        let pem = public["PublicKeyPem"].as_str().unwrap();
        std::fs::write(directory.path().join("public.pem"), pem).unwrap();
        let request = json!({"KeyId": key, "Algorithm": algorithm, "MessageType": "DIGEST",
            "Message": encode(&digest.stdout)});
        let signed = right(&daemon, "SignByAsymmetricKey", &request, "Signature");
        let signature = decode(signed["Signature"].as_str().unwrap());
        let arguments = [&[hash], options].concat();
        assert!(openssl_verifies(directory.path(), &signature, &arguments), "{algorithm}");
    }
}
