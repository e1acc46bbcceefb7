//! Debian's `pkcs11-tool` against the module, with `openssl` as the judge.

use std::path::{Path, PathBuf};

use coffer_tests::daemon::{Daemon, PIN, module};
use coffer_tests::openssl::{openssl, public_key, verify};
use coffer_tests::process::has_program;

const IV: &str = "000102030405060708090a0b0c0d0e0f";

/// A daemon, and a folder for files.
struct Tool {
    daemon: Daemon,
    folder: tempfile::TempDir,
}

/// What a run of the tool said.
struct Said {
    success: bool,
    words: String,
}

impl Tool {
    /// Nothing where a program is missing, which is told.
    fn start() -> Option<Self> {
        let is_there = has_program("pkcs11-tool") && has_program("openssl");
        is_there.then(|| Self { daemon: Daemon::start(), folder: tempfile::tempdir().unwrap() })
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, data: &[u8]) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, data).unwrap();
        path
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder().join(name)).unwrap()
    }

    /// Runs the tool with arguments that are separated by blanks.
    fn try_run(&self, arguments: &str) -> Said {
        let mut tool = self.daemon.command("pkcs11-tool");
        tool.current_dir(self.folder()).arg("--module").arg(module());
        let output = tool.args(arguments.split(' ')).output().unwrap();
        let words = [output.stdout, output.stderr].concat();
        let words = String::from_utf8_lossy(&words).into_owned();
        Said { success: output.status.success(), words }
    }

    /// Runs it, and finds no error.
    #[track_caller]
    fn run(&self, arguments: &str) -> String {
        let Said { success, words } = self.try_run(arguments);
        let has_error = words.lines().any(|line| line.to_lowercase().starts_with("error"));
        assert!(success && !has_error, "{arguments}: {words}");
        words
    }

    /// Runs it as user of the token `dev`.
    #[track_caller]
    fn as_user(&self, arguments: &str) -> String {
        self.run(&format!("--token-label dev --login --pin {PIN} {arguments}"))
    }

    /// Exports a public key, and leaves it in `public.pem`.
    fn export(&self, key: &str) {
        self.as_user(&format!("--read-object --type pubkey {key} --output-file exported"));
        public_key(self.folder(), &self.read("exported"));
    }

    /// Signs `data` with a mechanism, verifies it with openssl, and that openssl looks at the data.
    #[track_caller]
    fn check_signature(&self, key: &str, mechanism: &str, hash: &str, options: &[&str]) {
        self.write("data", b"to sign");
        let files = "--input-file data --output-file signature";
        self.as_user(&format!("--sign {key} --mechanism {mechanism} {files}"));
        verify(self.folder(), hash, options, b"to sign", &self.read("signature"));
        let other = std::panic::catch_unwind(|| {
            verify(self.folder(), hash, options, b"other", &self.read("signature"));
        });
        assert!(other.is_err(), "openssl takes the signature for that of something else");
    }
}

#[test]
fn a_fresh_partition_gets_its_pins_and_keys() {
    let Some(tool) = Tool::start() else { return };
    assert!(tool.daemon.coffer(&["partition", "create", "fresh"]).status.success());
    assert!(tool.run("--list-slots").contains("uninitialized"));
    tool.run("--slot-index 1 --init-token --label fresh --so-pin 87654321");
    let fresh = "--token-label fresh --login";
    tool.run(&format!("{fresh} --login-type so --so-pin 87654321 --init-pin --pin 4321"));
    for (arguments, kind) in [
        ("--keypairgen --key-type rsa:2048", "Private Key Object; RSA"),
        ("--keypairgen --key-type EC:prime256v1", "Private Key Object; EC"),
        ("--keygen --key-type AES:32", "Secret Key Object; AES length 32"),
    ] {
        let made = tool.run(&format!("{fresh} --pin 4321 {arguments} --label made"));
        assert!(made.contains(kind), "{made}");
    }
    let wrong = tool.try_run(&format!("{fresh} --pin 9999 --list-objects"));
    assert!(!wrong.success && wrong.words.contains("CKR_PIN_INCORRECT"), "{}", wrong.words);
    tool.run(&format!("{fresh} --pin 4321 --change-pin --new-pin 5678"));
    let objects = tool.run(&format!("{fresh} --pin 5678 --list-objects"));
    assert_eq!(objects.matches("label:      made").count(), 5, "{objects}");
}

#[test]
fn lists_print_no_error() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keypairgen --key-type rsa:2048 --label r");
    tool.as_user("--keypairgen --key-type EC:prime256v1 --label e");
    tool.as_user("--keygen --key-type AES:32 --label a");
    let objects = tool.as_user("--list-objects");
    assert_eq!(objects.matches("Object;").count(), 5, "{objects}");
    let objects = tool.run("--token-label dev --list-objects");
    assert_eq!(objects.matches("Public Key Object;").count(), 2, "without login: {objects}");
    let mechanisms = tool.run("--token-label dev --list-mechanisms");
    for name in ["SHA256-RSA-PKCS-PSS", "ECDSA-SHA256", "AES-GCM", "AES-CBC-PAD"] {
        assert!(mechanisms.contains(name), "{mechanisms}");
    }
    assert!(tool.run("--list-slots").contains("token label        : dev"));
    tool.run("--show-info");
    tool.run("--list-interfaces");
}

#[test]
fn its_own_tests_find_no_errors() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keypairgen --key-type rsa:2048 --label r --id 01");
    tool.as_user("--keypairgen --key-type EC:prime256v1 --label e --id 02");
    let words = tool.as_user("--test");
    assert!(words.lines().any(|line| line == "No errors"), "{words}");
}

#[test]
fn its_own_test_of_curves_ends_well_on_each_of_them() {
    let Some(tool) = Tool::start() else { return };
    for curve in [
        "prime256v1",
        "secp384r1",
        "secp521r1",
        "secp224r1",
        "secp256k1",
        "brainpoolP256r1",
        "brainpoolP384r1",
    ] {
        // It makes objects of the token in a session that is read-only without this option.
        let words = tool.as_user(&format!("--session-rw --test-ec --id 07 --key-type EC:{curve}"));
        assert!(words.lines().any(|line| line == "==> OK"), "{curve}: {words}");
        assert!(words.contains("*** Doing a signature ***"), "{curve}: {words}");
    }
    assert!(!tool.as_user("--list-objects").contains("Object;"), "it takes its keys away");
}

#[test]
fn its_own_test_of_a_fork_initialises_the_child() {
    let Some(tool) = Tool::start() else { return };
    let words = tool.as_user("--test-fork");
    assert!(words.contains("Calling C_Initialize in forked child process"), "{words}");
    assert!(!words.contains("failed"), "{words}");
}

#[test]
fn its_own_test_of_threads_ends_well_in_each_of_them() {
    let Some(tool) = Tool::start() else { return };
    // Each thread calls C_Initialize with locks, then the functions of interfaces, slots and tokens.
    let threads = ["--test-threads ILGISLT0"; 5].join(" ");
    let words = tool.as_user(&threads);
    assert!(words.contains("all threads have ended with CKR_OK"), "{words}");
    assert_eq!(words.matches("state:-1, rv:CKR_OK").count(), 5, "{words}");
    assert_eq!(words.matches("token label        : dev").count(), 5, "{words}");
}

#[test]
fn rsa_signatures_verify_with_the_exported_key() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keypairgen --key-type rsa:2048 --label r --id 01");
    tool.export("--id 01");
    tool.check_signature("--id 01", "SHA256-RSA-PKCS", "-sha256", &[]);
    let pss = ["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"];
    tool.check_signature("--id 01", "SHA256-RSA-PKCS-PSS", "-sha256", &pss);

    let hash = tool.write("data", b"to sign");
    let hash = openssl(tool.folder(), &["dgst", "-sha256", "-binary", hash.to_str().unwrap()]);
    tool.write("hash", &hash);
    let raw = "--mechanism RSA-PKCS-PSS --hash-algorithm SHA256";
    tool.as_user(&format!("--sign --id 01 {raw} --input-file hash --output-file signature"));
    verify(tool.folder(), "-sha256", &pss, b"to sign", &tool.read("signature"));
    tool.write("hash", &hash);
    let files = "--input-file hash --signature-file signature";
    assert!(
        tool.as_user(&format!("--verify --id 01 {raw} {files}")).contains("Signature is valid")
    );
    tool.write("hash", &[0; 32]);
    let wrong = format!("--token-label dev --login --pin {PIN} --verify --id 01 {raw} {files}");
    assert!(!tool.try_run(&wrong).words.contains("Signature is valid"));
}

#[test]
fn ecdsa_signatures_verify_with_the_exported_key() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keypairgen --key-type EC:prime256v1 --label e --id 02");
    tool.export("--id 02");
    tool.check_signature("--id 02", "ECDSA-SHA256 --signature-format openssl", "-sha256", &[]);
}

#[test]
fn aes_cbc_pad_decrypts_what_it_encrypted() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keygen --key-type AES:32 --label a --id 03");
    let data: Vec<u8> = (0..50_000_u32).map(|index| index.to_le_bytes()[0]).collect();
    tool.write("plain", &data);
    let cipher = format!("--id 03 --mechanism AES-CBC-PAD --iv {IV}");
    tool.as_user(&format!("--encrypt {cipher} --input-file plain --output-file encrypted"));
    assert_eq!(tool.read("encrypted").len(), 50_000 / 16 * 16 + 16);
    tool.as_user(&format!("--decrypt {cipher} --input-file encrypted --output-file decrypted"));
    assert!(tool.read("decrypted") == data);
}

#[test]
fn rsa_decrypts_what_openssl_encrypted() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keypairgen --key-type rsa:2048 --label r --id 01");
    tool.export("--id 01");
    tool.write("plain", b"to decrypt");
    let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain"];
    for (mechanism, options) in [
        ("RSA-PKCS", &["-pkeyopt", "rsa_padding_mode:pkcs1"][..]),
        (
            "RSA-PKCS-OAEP --hash-algorithm SHA256",
            &["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"],
        ),
        ("RSA-PKCS-OAEP --hash-algorithm SHA-1", &["-pkeyopt", "rsa_padding_mode:oaep"]),
    ] {
        tool.write("encrypted", &openssl(tool.folder(), &[&encrypt, options].concat()));
        let files = "--input-file encrypted --output-file decrypted";
        tool.as_user(&format!("--decrypt --id 01 --mechanism {mechanism} {files}"));
        assert_eq!(tool.read("decrypted"), b"to decrypt", "{mechanism}");
    }
}

#[test]
fn a_cmk_made_with_coffer_is_found_by_its_label_and_signs() {
    let Some(tool) = Tool::start() else { return };
    for (alias, usage, mechanism) in [
        ("ecc", "ASYMMETRIC_SIGN_VERIFY_ECC", "ECDSA-SHA256 --signature-format openssl"),
        ("rsa", "sign-rsa", "SHA256-RSA-PKCS"),
    ] {
        let made = tool.daemon.coffer(&["key", "create", alias, "--usage", usage]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        tool.export(&format!("--label {alias}"));
        // The tool signs with the key of an id, whatever label it is given.
        let id = String::from_utf8(made.stdout).unwrap().trim().replace('-', "");
        let key = format!("--id {id}");
        tool.check_signature(&key, mechanism, "-sha256", &[]);

        assert!(tool.daemon.coffer(&["key", "disable", alias]).status.success());
        let files = "--input-file data --output-file signature";
        let sign = format!("--sign {key} --mechanism {mechanism} {files}");
        let refused = tool.try_run(&format!("--token-label dev --login --pin {PIN} {sign}"));
        let said = refused.words.contains("CKR_KEY_FUNCTION_NOT_PERMITTED");
        assert!(!refused.success && said, "{}", refused.words);
    }
}

#[test]
fn signatures_on_p521_verify_with_the_exported_key() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keypairgen --key-type EC:secp521r1 --label e --id 05");
    tool.export("--id 05");
    for (mechanism, hash) in [("ECDSA-SHA256", "-sha256"), ("ECDSA-SHA512", "-sha512")] {
        let mechanism = format!("{mechanism} --signature-format openssl");
        tool.check_signature("--id 05", &mechanism, hash, &[]);
    }
    assert!(tool.as_user("--test").lines().any(|line| line == "No errors"));
}

/// The point of a public key that the tool shows in hexadecimal, after the DER that stands before it in RFC 8410.
fn shown_key(tool: &Tool, key: &str, prefix: &str) -> Vec<u8> {
    let words = tool.as_user(&format!("--list-objects --type pubkey {key}"));
    let shown = words.lines().find_map(|line| line.trim().strip_prefix("EC_POINT:"));
    hex::decode(format!("{prefix}{}", shown.unwrap().trim())).unwrap()
}

#[test]
fn ed25519_signatures_verify_with_the_shown_key() {
    let Some(tool) = Tool::start() else { return };
    tool.as_user("--keypairgen --key-type EC:edwards25519 --label e --id 06");
    // The tool of Debian 12 exports only points in an OCTET STRING, which PKCS#11 3.1 has no more for this curve.
    public_key(tool.folder(), &shown_key(&tool, "--id 06", "302a300506032b6570032100"));
    tool.write("data", b"to sign");
    let files = "--input-file data --output-file signature";
    tool.as_user(&format!("--sign --id 06 --mechanism EDDSA {files}"));
    let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-in", "data"];
    openssl(tool.folder(), &[&verify[..], &["-sigfile", "signature"]].concat());
}

#[test]
fn derived_secrets_are_those_of_openssl() {
    let Some(tool) = Tool::start() else { return };
    for (id, curve) in [("08", "secp384r1"), ("07", "prime256v1"), ("09", "secp521r1")] {
        tool.as_user(&format!("--keypairgen --key-type EC:{curve} --label {curve} --id {id}"));
        if curve == "secp384r1" {
            // The tool of Debian 12 does not export keys on this curve, of other modules neither.
            let key = shown_key(&tool, &format!("--id {id}"), "");
            let head = hex::decode("3076301006072a8648ce3d020106052b81040022036200").unwrap();
            public_key(tool.folder(), &[&head, &key[2..]].concat());
        } else {
            tool.export(&format!("--id {id}"));
        }
        let other = openssl(
            tool.folder(),
            &["genpkey", "-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")],
        );
        tool.write("other.pem", &other);
        openssl(
            tool.folder(),
            &["pkey", "-in", "other.pem", "-pubout", "-outform", "DER", "-out", "other.der"],
        );
        let files = "--input-file other.der --output-file secret";
        tool.as_user(&format!("--derive --id {id} --mechanism ECDH1-DERIVE {files}"));
        let derive = ["pkeyutl", "-derive", "-inkey", "other.pem", "-peerkey", "public.pem"];
        assert_eq!(tool.read("secret"), openssl(tool.folder(), &derive), "{curve}");
    }
    // The tool agrees on the other curves only; it makes keys for this one.
    let made = tool.as_user("--keypairgen --key-type EC:curve25519 --label x --id 0a");
    assert!(made.contains("Key pair generated"), "{made}");
}
