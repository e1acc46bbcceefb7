//! `coffer data-key`, `sign`, `verify` and `mac` against a real daemon, with openssl as the judge.

use coffer_tests::base64::{decode, encode};
use coffer_tests::openssl::{openssl, verify};
use serde_json::Value;

use crate::bench::{Bench, text};

const PSS: [&str; 3] = ["rsa_padding_mode:pss", "rsa_pss_saltlen:digest", "rsa_mgf1_md:sha256"];

#[test]
fn signatures_of_short_and_long_messages_are_right_for_openssl() {
    let bench = Bench::new();
    let long = vec![b'x'; 200_000];
    for (usage, algorithm, hash, options) in [
        ("sign-rsa", "", "-sha256", &PSS[..]),
        ("sign-rsa", "--algorithm RSA_PKCS1_SHA_512", "-sha512", &[]),
        ("sign-rsa", "--algorithm rsa_pkcs1_sha_384", "-sha384", &[]),
        ("sign-ecc", "", "-sha256", &[]),
        ("sign-p384", "", "-sha384", &[]),
    ] {
        if bench.coffer(&format!("key show {usage}"), b"").status.code() == Some(1) {
            bench.takes(&format!("key create {usage} --usage {usage}"), b"");
        }
        bench.takes(&format!("key public-key {usage} --out {}", bench.path("public.pem")), b"");
        for message in [&b"short"[..], &long[..4096], &long[..4097], &long] {
            let signature = bench.takes(&format!("sign --key {usage} {algorithm}"), message);
            verify(bench.folder(), hash, options, message, &signature);
            assert_verified(&bench, usage, algorithm, message, &signature);
        }
    }
}

fn assert_verified(bench: &Bench, key: &str, algorithm: &str, message: &[u8], signature: &[u8]) {
    let file = bench.path("signature");
    std::fs::write(&file, signature).unwrap();
    let words = format!("verify --key {key} {algorithm} --signature {file}");
    assert_eq!(bench.takes(&words, message), b"The signature is right.\n");
    let other = [message, b"!"].concat();
    assert!(bench.refuses(1, &words, &other).contains("wrong"));
    let told = bench.coffer(&format!("{words} --json"), &other);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["SignatureValid"], false);
}

#[test]
fn digests_and_base64_are_taken_as_they_are_named() {
    let bench = Bench::new();
    bench.takes("key create ec --usage sign-ecc", b"");
    std::fs::write(bench.path("data"), b"message").unwrap();
    let digest = openssl(bench.folder(), &["dgst", "-sha256", "-binary", "data"]);
    let out = bench.path("signature");
    let signed = bench.takes(&format!("sign --key ec --digest --base64 --out {out}"), &digest);
    assert!(signed.is_empty());
    assert!(std::fs::read(&out).unwrap().is_ascii());
    let input = bench.path("data");
    bench.takes(&format!("verify --key ec --signature {out} --base64 --in {input}"), b"");
    bench.refuses(1, &format!("verify --key ec --signature {out}"), b"message");
    assert!(bench.refuses(1, "sign --key ec --digest", b"no digest").contains("Message"));
    assert!(bench.refuses(1, "sign --key ec --algorithm SM2DSA", b"x").contains("not made for"));
    bench.takes("key create app", b"");
    assert!(bench.refuses(1, "sign --key app", b"x").contains("--usage sign-ecc"));
    assert!(bench.refuses(1, "sign --key nobody", b"x").contains("coffer key list"));
    bench.takes("key disable ec", b"");
    assert!(bench.refuses(1, "sign --key ec", b"x").contains("coffer key enable ec"));
}

#[test]
fn sm2_signs_what_the_daemon_can_hash() {
    let bench = Bench::new();
    bench.takes("key create sm2 --usage sign-sm2", b"");
    let signature = bench.takes("sign --key sm2", &[1; 4096]);
    assert_verified(&bench, "sm2", "", &[1; 4095], &bench.takes("sign --key sm2", &[1; 4095]));
    assert!(signature.len() > 64);
    assert!(bench.refuses(1, "sign --key sm2", &[1; 4097]).contains("4096 bytes"));
}

#[test]
fn codes_are_those_of_the_key_and_wrong_ones_are_noticed() {
    let bench = Bench::new();
    for (spec, hash) in [("HMAC_256", "sha256"), ("HMAC_384", "sha384"), ("HMAC_512", "sha512")] {
        bench.takes(&format!("key create {spec} --usage mac --spec {spec} --import"), b"");
        let length = spec[5..].parse::<usize>().unwrap() / 8;
        let material = vec![0x42; length];
        bench.takes(&format!("key import {spec} --wrapping-key RSA_2048"), &material);
        let out = bench.path("code");
        bench.takes(&format!("mac --key {spec} --out {out}"), b"message");
        std::fs::write(bench.path("data"), b"message").unwrap();
        let key = format!("hexkey:{}", "42".repeat(length));
        let words =
            ["dgst", &format!("-{hash}"), "-mac", "HMAC", "-macopt", &key, "-binary", "data"];
        assert_eq!(std::fs::read(&out).unwrap(), openssl(bench.folder(), &words), "{spec}");
        let check = format!("mac --key {spec} --verify {out}");
        assert_eq!(bench.takes(&check, b"message"), b"The code is right.\n");
        assert!(bench.refuses(1, &check, b"massage").contains("wrong"));
        let printed = bench.takes(&format!("mac --key {spec} --base64"), b"message");
        assert_eq!(decode(text(&printed).trim()), std::fs::read(&out).unwrap());
        bench.refuses(1, &format!("mac --key {spec}"), &[0; 4097]);
    }
    bench.takes("key create sm3 --usage mac --spec HMAC_SM3", b"");
    assert_eq!(bench.takes("mac --key sm3", b"message").len(), 32);
    bench.takes("key create app", b"");
    assert!(bench.refuses(1, "mac --key app", b"x").contains("--usage mac"));
}

#[test]
fn data_keys_open_again_with_their_context_only() {
    let bench = Bench::new();
    bench.takes("key create app", b"");
    let (clear, encrypted) = (bench.path("clear"), bench.path("encrypted"));
    for (options, length) in [("", 32), ("--spec AES_128", 16), ("--length 1024", 1024)] {
        let words = format!(
            "data-key --key app --context a=b {options} --plaintext {clear} --encrypted {encrypted}"
        );
        assert!(bench.takes(&words, b"").is_empty());
        let key = std::fs::read(&clear).unwrap();
        assert_eq!(key.len(), length, "{options}");
        assert_eq!(bench.takes(&format!("decrypt --in {encrypted} --context a=b"), b""), key);
        assert!(bench.refuses(1, &format!("decrypt --in {encrypted}"), b"").contains("context"));
    }
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&clear).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // Nobody sees this one before it is opened.
    bench.takes(&format!("data-key --key app --encrypted {encrypted}"), b"");
    assert_eq!(bench.takes(&format!("decrypt --in {encrypted}"), b"").len(), 32);
    let printed: Value =
        serde_json::from_slice(&bench.takes("data-key --key app --json", b"")).unwrap();
    let blob = decode(printed["CiphertextBlob"].as_str().unwrap());
    assert_eq!(encode(&bench.takes("decrypt", &blob)), printed["Plaintext"]);
    let said = bench.refuses(2, "data-key --key app --encrypted f --public-key g", b"");
    assert!(said.contains("--spec"), "{said}");
    assert!(bench.refuses(1, "data-key --key nobody --json", b"").contains("coffer key list"));
}

#[test]
fn data_key_pairs_belong_together() {
    let bench = Bench::new();
    bench.takes("key create app", b"");
    let (clear, encrypted, public) =
        (bench.path("clear"), bench.path("encrypted"), bench.path("public"));
    for spec in ["RSA_2048", "ECC_NIST_P256", "ecc_nist_p384"] {
        for plaintext in [format!("--plaintext {clear}"), String::new()] {
            bench.takes(
                &format!("data-key --key app --spec {spec} --encrypted {encrypted} --public-key {public} {plaintext}"),
                b"",
            );
            let private = bench.takes(&format!("decrypt --in {encrypted}"), b"");
            if !plaintext.is_empty() {
                assert_eq!(private, std::fs::read(&clear).unwrap());
            }
            std::fs::write(bench.path("private.der"), private).unwrap();
            let derive =
                ["pkey", "-inform", "DER", "-in", "private.der", "-pubout", "-outform", "DER"];
            assert_eq!(openssl(bench.folder(), &derive), std::fs::read(&public).unwrap(), "{spec}");
        }
    }
    let printed = bench.takes("data-key --key app --spec ECC_NIST_P256 --json", b"");
    let printed: Value = serde_json::from_slice(&printed).unwrap();
    assert!(printed["PublicKey"].is_string() && printed["Plaintext"].is_string());
}
