//! `coffer key import` and `wrap-material`: material from outside, in every wrapping.

use coffer_protocol::key::KeyUsage;
use coffer_tests::daemon::{DEADLINE, Daemon, binaries};
use coffer_tests::openssl::openssl;

use crate::bench::{Bench, text};

/// Every algorithm, and every size of its key that does not take long to make.
const WRAPPINGS: [&str; 10] = [
    "RSAES_PKCS1_V1_5 RSA_2048",
    "RSAES_PKCS1_V1_5 RSA_3072",
    "RSAES_OAEP_SHA_1 RSA_2048",
    "RSAES_OAEP_SHA_1 RSA_3072",
    "RSAES_OAEP_SHA_256 RSA_2048",
    "RSAES_OAEP_SHA_256 RSA_3072",
    "RSA_AES_KEY_WRAP_SHA_256 RSA_2048",
    "RSA_AES_KEY_WRAP_SHA_256 RSA_3072",
    "RSA_AES_KEY_WRAP_SHA_256 RSA_4096",
    "SM2 SM2",
];

fn wrapping_options(wrapping: &str) -> String {
    let (algorithm, key) = wrapping.split_once(' ').unwrap();
    format!("--wrapping {algorithm} --wrapping-key {key}")
}

#[test]
fn a_secret_key_is_imported_with_every_wrapping_and_is_the_same_each_time() {
    let bench = Bench::new();
    bench.does("key create app --import");
    assert!(bench.fails(1, "key rotate app").contains("Only symmetric keys made here"));
    let refused = bench.coffer("encrypt --key app", b"x");
    assert!(text(&refused.stderr).contains("coffer key import app"), "{}", text(&refused.stderr));
    let file = bench.file("material", &[0xA5; 32]);
    let mut ciphertext = Vec::new();
    for wrapping in WRAPPINGS {
        let options = wrapping_options(wrapping);
        let said = bench.does(&format!("key import app {file} {options}"));
        assert!(said.contains("app: Enabled") && said.contains("does not expire"), "{said}");
        if ciphertext.is_empty() {
            ciphertext = bench.takes("encrypt --key app", b"secret");
        }
        assert_eq!(bench.takes("decrypt", &ciphertext), b"secret", "{wrapping}");
        assert_eq!(bench.does("key delete-material app --yes"), "app: PendingImport\n");
        let gone = bench.coffer("decrypt", &ciphertext);
        assert_eq!(gone.status.code(), Some(1));
    }
    let other = bench.file("other", &[0x5A; 32]);
    let said = bench.fails(1, &format!("key import app {other}"));
    assert!(said.contains("imported first"), "{said}");
    let short = bench.file("short", &[0xA5; 31]);
    let said = bench.fails(1, &format!("key import app {short}"));
    assert!(said.contains("31 bytes") && said.contains("AES_256"), "{said}");
    let reply = bench.takes("key import app - --json", &[0xA5; 32]);
    assert!(text(&reply).contains("Enabled"));
    assert_eq!(bench.takes("decrypt", &ciphertext), b"secret");
}

#[test]
fn secret_keys_of_every_spec_are_imported_with_what_is_chosen_for_them() {
    let bench = Bench::new();
    for usage in [KeyUsage::EncryptDecrypt, KeyUsage::Mac] {
        for spec in usage.specs() {
            let (alias, usage) = (spec.name(), usage.name());
            bench.does(&format!("key create {alias} --import --usage {usage} --spec {alias}"));
            let material = vec![7; spec.secret_length().unwrap()];
            let options = if spec.name() == "SM4" { "" } else { "--wrapping-key RSA_2048" };
            bench.takes(&format!("key import {alias} {options}"), &material);
            assert_eq!(bench.state(alias), "Enabled");
        }
    }
}

/// The keys of `openssl genpkey`, and how the wrapping differs: directly, in two steps, and with SM2.
const PAIRS: [(&str, &str, &str); 6] = [
    ("sign-rsa", "RSA -pkeyopt rsa_keygen_bits:2048", "RSAES_OAEP_SHA_256 RSA_2048"),
    ("decrypt-rsa-3072", "RSA -pkeyopt rsa_keygen_bits:3072", "RSAES_PKCS1_V1_5 RSA_2048"),
    ("sign-rsa-4096", "RSA -pkeyopt rsa_keygen_bits:4096", "RSA_AES_KEY_WRAP_SHA_256 RSA_2048"),
    ("sign-ecc", "EC -pkeyopt ec_paramgen_curve:P-256", "RSAES_OAEP_SHA_1 RSA_2048"),
    ("sign-p384", "EC -pkeyopt ec_paramgen_curve:P-384", "RSA_AES_KEY_WRAP_SHA_256 RSA_2048"),
    ("sign-sm2", "SM2", "SM2 SM2"),
];

#[test]
fn pairs_that_openssl_made_are_imported_and_have_the_same_public_key() {
    let bench = Bench::new();
    for (usage, how, wrapping) in PAIRS {
        let words = [
            &["genpkey", "-out", "key.pem", "-algorithm"],
            &how.split(' ').collect::<Vec<_>>()[..],
        ];
        openssl(bench.folder(), &words.concat());
        openssl(
            bench.folder(),
            &[
                "pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform", "DER", "-out",
                "key.der",
            ],
        );
        bench.does(&format!("key create {usage} --import --usage {usage}"));
        let options = wrapping_options(wrapping);
        for name in ["key.pem", "key.der"] {
            bench.does(&format!("key import {usage} {} {options}", bench.path(name)));
        }
        let pem = std::fs::read(bench.path("key.pem")).unwrap();
        bench.takes(&format!("key import {usage} {options}"), &pem);
        assert_public_keys_agree(&bench, usage);
        let said = bench.fails(1, &format!("key delete-material {usage} --yes"));
        assert!(said.contains("not supported for the key"), "{said}");
        let said = bench.fails(1, &format!("key import {usage} --expires 2040-01-01"));
        assert!(said.contains("stays for ever"), "{said}");
    }
}

fn assert_public_keys_agree(bench: &Bench, key: &str) {
    let folder = bench.folder();
    let expected = openssl(folder, &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
    assert_eq!(bench.takes(&format!("key public-key {key} --der"), b""), expected, "{key}");
    let out = bench.path("public.pem");
    bench.does(&format!("key public-key {key} --out {out}"));
    let read = ["pkey", "-pubin", "-in", &out, "-pubout", "-outform", "DER"];
    assert_eq!(openssl(folder, &read), expected, "{key}");
    let printed = bench.json(&format!("key public-key {key} --json"));
    assert!(printed["PublicKeyPem"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
}

#[test]
fn what_cannot_be_a_key_is_refused_with_a_way_out() {
    let bench = Bench::new();
    let folder = bench.folder();
    bench.does("key create pair --import --usage sign-rsa");
    let rsa =
        ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem"];
    openssl(folder, &rsa);
    openssl(folder, &["rsa", "-in", "key.pem", "-traditional", "-out", "old.pem"]);
    let locked = ["pkey", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "locked.pem"];
    openssl(folder, &locked);
    openssl(folder, &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
    openssl(folder, &["genpkey", "-algorithm", "ED25519", "-out", "other.pem"]);
    for (name, words) in [
        ("old.pem", "openssl pkcs8 -topk8 -nocrypt"),
        ("locked.pem", "password"),
        ("public.pem", "PUBLIC KEY"),
        ("other.pem", "right kind"),
        ("absent.pem", "No such file"),
    ] {
        let options = wrapping_options("RSAES_OAEP_SHA_256 RSA_2048");
        let said = bench.fails(1, &format!("key import pair {} {options}", bench.path(name)));
        assert!(said.contains(words), "{name}: {said}");
    }
    bench.does("key create made");
    let said = bench.fails(1, &format!("key import made {}", bench.file("raw", &[1; 32])));
    assert!(said.contains("not imported") && said.contains("--import"), "{said}");
    assert_eq!(bench.state("pair"), "PendingImport");
}

#[test]
fn material_is_wrapped_elsewhere_with_the_parameters() {
    let bench = Bench::new();
    bench.does("key create app --import");
    let (public, token) = (bench.path("public.pem"), bench.path("token"));
    let options = wrapping_options("RSAES_OAEP_SHA_256 RSA_2048");
    let words =
        format!("key import-parameters app --public-key {public} --token {token} {options}");
    let said = bench.does(&words);
    assert!(said.contains("RSAES_OAEP_SHA_256") && said.contains("before 2"), "{said}");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&token).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    bench.file("material", &[3; 32]);
    let encrypt = "pkeyutl -encrypt -pubin -inkey public.pem -in material -out wrapped \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
    openssl(bench.folder(), &encrypt.split_whitespace().collect::<Vec<_>>());
    let wrapped = bench.path("wrapped");
    let import = format!("key import app --wrapped {wrapped} --token {token}");
    assert!(bench.does(&import).contains("app: Enabled"));
    // A token is for one import.
    let said = bench.fails(1, &import);
    assert!(said.contains("coffer key import-parameters app"), "{said}");
    // The same material, so that here it is wrapped alike.
    bench.takes("key import app", &[3; 32]);
    let json = bench.json(&format!("{words} --der --json"));
    assert_eq!(json["WrappingAlgorithm"], "RSAES_OAEP_SHA_256");
    openssl(bench.folder(), &["pkey", "-pubin", "-inform", "DER", "-in", &public, "-noout"]);
    std::fs::write(&wrapped, [7; 256]).unwrap();
    assert!(bench.fails(1, &import).contains("could not be unwrapped"));
}

#[test]
fn material_expires_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    std::fs::write(&clock, "0").unwrap();
    let daemon = Daemon::start_with(&["--clock-file", clock.to_str().unwrap()]);
    let bench = Bench::on(daemon, folder);
    bench.does("key create app --import");
    let file = bench.file("material", &[9; 32]);
    assert!(
        bench.fails(1, &format!("key import app {file} --expires 2020-01-01")).contains("ValidTo")
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let said = bench.does(&format!("key import app {file} --expires {}", now + 3600));
    assert!(said.contains("expires 2"), "{said}");
    let ciphertext = bench.takes("encrypt --key app", b"secret");
    std::fs::write(&clock, "3601").unwrap();
    let refused = bench.coffer("decrypt", &ciphertext);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(bench.state("app"), "PendingImport");
    assert!(bench.fails(1, "key enable app").contains("coffer key import app"));
    // The time keeper wipes it at its next second.
    let begun = std::time::Instant::now();
    while bench.does("alarms list --json --type KeyMaterial.Expired").is_empty() {
        assert!(begun.elapsed() < DEADLINE, "no alarm tells of it");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    bench.does(&format!("key import app {file} --expires never"));
    assert_eq!(bench.takes("decrypt", &ciphertext), b"secret");
}

#[test]
fn material_is_wrapped_without_a_daemon_in_every_form() {
    let bench = Bench::new();
    let folder = bench.folder();
    openssl(
        folder,
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem"],
    );
    bench.does("key create pair --import --usage sign-rsa");
    bench.does("key create app --import");
    bench.file("secret", &[4; 32]);
    let paths = ["public", "token", "wrapped", "second"].map(|name| bench.path(name));
    let [public, token, wrapped, second] = &paths;
    let import = |key: &str, rest: &str| {
        bench.does(&format!("key import {key} --wrapped {wrapped} --token {token} {rest}"))
    };
    for wrapping in WRAPPINGS.iter().filter(|row| !row.contains("3072") && !row.contains("4096")) {
        let (algorithm, _) = wrapping.split_once(' ').unwrap();
        for (key, spec, file, der) in
            [("app", "AES_256", "secret", ""), ("pair", "RSA_2048", "key.pem", "--der")]
        {
            let options = wrapping_options(wrapping);
            bench.does(&format!(
                "key import-parameters {key} --public-key {public} --token {token} {options} {der}"
            ));
            let words = format!(
                "key wrap-material {} --spec {spec} --public-key {public} --out {wrapped} --wrapping {algorithm}",
                bench.path(file)
            );
            let two_parts = algorithm.starts_with("RSAES") && key == "pair";
            let mut command = bench.daemon.command(binaries().join("coffer"));
            command.env("COFFER_SOCKET", "/nonexistent").args(words.split(' '));
            if two_parts {
                assert!(bench.fails(1, &words).contains("--private-key-out"));
                command.args(["--private-key-out", second]);
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{words}: {}", text(&output.stderr));
            let rest =
                if two_parts { format!("--wrapped-private-key {second}") } else { String::new() };
            assert!(import(key, &rest).contains("Enabled"), "{wrapping} {key}");
        }
    }
    assert_public_keys_agree(&bench, "pair");
    let wrong = format!("key wrap-material {} --spec AES_256 --public-key", bench.path("secret"));
    let said = bench.fails(1, &format!("{wrong} {} --out {wrapped}", bench.path("key.pem")));
    assert!(said.contains("no public key"), "{said}");
    let said =
        bench.fails(1, &format!("{wrong} {public} --out {wrapped} --wrapping RSAES_OAEP_SHA_256"));
    assert!(said.contains("not an RSA key"), "{said}");
}
