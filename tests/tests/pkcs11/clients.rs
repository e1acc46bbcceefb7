//! Programs of Debian that come with no test of their own against the module: what docs/applications.md says of them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use coffer_tests::daemon::{Daemon, PIN, module};
use coffer_tests::openssl::openssl;
use coffer_tests::process::{has_file, has_program};

const TOKEN: &str = "pkcs11:token=dev";

/// A daemon, and a folder for files.
struct Client {
    daemon: Daemon,
    folder: tempfile::TempDir,
}

impl Client {
    fn start() -> Self {
        Self { daemon: Daemon::start(), folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, data: &[u8]) {
        std::fs::write(self.path(name), data).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// A program in the environment of the daemon and in the folder.
    fn command(&self, program: &str) -> Command {
        let mut command = self.daemon.command(program);
        command.current_dir(self.folder.path());
        command
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        openssl(self.folder.path(), arguments)
    }

    /// A key pair with a label, which has the `CKA_ID` `id`.
    fn make(&self, kind: &str, id: &str, label: &str) {
        let mut tool = self.command("pkcs11-tool");
        tool.arg("--module").arg(module()).args(["--token-label", "dev", "--login", "--pin", PIN]);
        tool.args(["--keypairgen", "--key-type", kind, "--id", id, "--label", label]);
        run(&mut tool);
    }
}

/// Runs a program to a good end, and returns what it prints on standard output.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let [printed, errors] =
        [output.stdout, output.stderr].map(|of| String::from_utf8_lossy(&of).into_owned());
    assert!(output.status.success(), "{command:?}\n{printed}\n{errors}");
    printed
}

/// The tool of GnuTLS with an object of the token.
fn p11tool(client: &Client, arguments: &[&str], object: &str) -> String {
    let mut tool = client.command("p11tool");
    tool.args(["--batch", "--provider"]).arg(module()).args(arguments);
    run(tool.arg(format!("{TOKEN}{object}")).env("GNUTLS_PIN", PIN))
}

#[test]
fn p11tool_makes_writes_and_tries_out_keys() {
    if !has_program("p11tool") || !has_program("openssl") {
        return;
    }
    let client = Client::start();
    for (label, kind) in [
        ("r", ["rsa", "--bits", "2048"]),
        ("e", ["ecdsa", "--curve", "secp256r1"]),
        ("f", ["ecdsa", "--curve", "secp384r1"]),
    ] {
        let make = [&["--login", "--label", label, "--generate-privkey"], &kind[..]].concat();
        p11tool(&client, &make, "");
        p11tool(&client, &["--login", "--test-sign"], &format!(";object={label};type=private"));
        // Without a login, as the others read it.
        let public = p11tool(&client, &["--export"], &format!(";object={label};type=public"));
        client.write("public.pem", public.as_bytes());
        client.openssl(&["pkey", "-pubin", "-in", "public.pem", "-noout"]);
    }
    let pss = ["--login", "--sign-params=RSA-PSS", "--test-sign"];
    p11tool(&client, &pss, ";object=r;type=private");

    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=imported"];
    client.openssl(&[&request[..], &["-keyout", "key.pem", "-out", "cert.pem"]].concat());
    let write = ["--login", "--label", "i", "--id", "77", "--write"];
    p11tool(&client, &[&write[..], &["--load-privkey", "key.pem"]].concat(), "");
    p11tool(&client, &[&write[..], &["--load-certificate", "cert.pem"]].concat(), "");
    p11tool(&client, &["--login", "--test-sign"], ";object=i;type=private");
    let read = p11tool(&client, &["--export"], ";object=i;type=cert");
    assert_eq!(read.trim().as_bytes(), client.read("cert.pem").trim_ascii());
    p11tool(&client, &["--login", "--set-id", "0a0b"], ";object=e;type=private");
    let listed = p11tool(&client, &["--login", "--list-all"], "");
    assert_eq!(listed.matches("Object ").count(), 8, "{listed}");
    assert!(listed.contains("ID: 0a:0b"), "{listed}");
    p11tool(&client, &["--login", "--delete"], ";object=i");
}

/// The folder of libraries that Debian names after the machine.
fn engine() -> PathBuf {
    let folder = format!("/usr/lib/{}-linux-gnu/engines-3/pkcs11.so", std::env::consts::ARCH);
    Path::new(&folder).to_owned()
}

#[test]
fn the_engine_of_openssl_certifies_signs_and_decrypts() {
    let engine = engine();
    if !has_file(&engine) || !has_program("openssl") || !has_program("pkcs11-tool") {
        return;
    }
    let client = Client::start();
    let configuration = format!(
        "openssl_conf = all\n[all]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\n\
         engine_id = pkcs11\ndynamic_path = {}\nMODULE_PATH = {}\ninit = 0\n\
         [req]\ndistinguished_name = name\n[name]\n",
        engine.display(),
        module().display()
    );
    client.write("openssl.cnf", configuration.as_bytes());
    client.write("data", b"to sign");
    let with_key = |verb: &[&str], option: &str, label: &str, more: &[&str]| {
        let mut command = client.command("openssl");
        command.env("OPENSSL_CONF", client.path("openssl.cnf")).args(verb);
        command.args(["-engine", "pkcs11", "-keyform", "engine", option]);
        command.arg(format!("{TOKEN};object={label};type=private;pin-value={PIN}")).args(more);
        run(&mut command)
    };
    for (kind, id, label) in
        [("rsa:2048", "01", "r"), ("EC:prime256v1", "02", "e"), ("EC:secp521r1", "03", "f")]
    {
        client.make(kind, id, label);
        let subject = ["-subj", "/CN=engine", "-out", "cert.pem"];
        with_key(&["req", "-new", "-x509"], "-key", label, &subject);
        client.openssl(&["verify", "-CAfile", "cert.pem", "cert.pem"]);
        let public = client.openssl(&["x509", "-in", "cert.pem", "-noout", "-pubkey"]);
        client.write("public.pem", &public);
        for hash in ["-sha256", "-sha512"] {
            with_key(&["dgst"], "-sign", label, &[hash, "-out", "signature", "data"]);
            let verify = ["dgst", "-verify", "public.pem", "-signature", "signature", hash, "data"];
            client.openssl(&verify);
        }
        if label == "r" {
            for padding in ["rsa_padding_mode:pkcs1", "rsa_padding_mode:oaep"] {
                let files = ["-in", "data", "-out", "encrypted", "-pkeyopt", padding];
                let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem"];
                client.openssl(&[&encrypt[..], &files].concat());
                let files = ["-in", "encrypted", "-out", "decrypted", "-pkeyopt", padding];
                with_key(&["pkeyutl", "-decrypt"], "-inkey", label, &files);
                assert_eq!(client.read("decrypted"), b"to sign");
            }
        }
    }
}

#[test]
fn openssh_lists_keys_certifies_and_signs_through_its_agent() {
    let programs = ["ssh-keygen", "ssh-agent", "ssh-add", "pkcs11-tool"];
    if !programs.into_iter().all(has_program) {
        return;
    }
    let client = Client::start();
    client.make("rsa:2048", "01", "r");
    client.make("EC:prime256v1", "02", "e");
    client.make("EC:secp384r1", "03", "f");
    // Public keys need no PIN.
    let listed = run(client.command("ssh-keygen").arg("-D").arg(module()));
    for kind in ["ssh-rsa ", "ecdsa-sha2-nistp256 ", "ecdsa-sha2-nistp384 "] {
        let key = listed.lines().find(|line| line.starts_with(kind)).unwrap();
        client.write(&format!("{}.pub", kind.trim()), format!("{key}\n").as_bytes());
    }
    // Programs of OpenSSH ask a program for the PIN.
    client.write("pin", format!("#!/bin/sh\necho {PIN}\n").as_bytes());
    std::fs::set_permissions(client.path("pin"), PermissionsExt::from_mode(0o700)).unwrap();
    let ssh = |program: &str| {
        let mut command = client.command(program);
        command.env("SSH_ASKPASS", client.path("pin")).env("SSH_ASKPASS_REQUIRE", "force");
        command
    };
    run(ssh("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", "user"]));
    let certify = ["-q", "-s", "ssh-rsa.pub", "-I", "me", "-n", "me", "-D"];
    run(ssh("ssh-keygen").args(certify).arg(module()).arg("user.pub"));
    let certificate = run(ssh("ssh-keygen").args(["-L", "-f", "user-cert.pub"]));
    assert!(certificate.contains("Signing CA: RSA"), "{certificate}");

    client.write("data", b"to sign");
    let key = client.read("ecdsa-sha2-nistp256.pub");
    client.write("signers", &[b"me ", &key[..]].concat());
    let script = format!(
        "set -e
        ssh-add -s '{}'
        ssh-add -T ssh-rsa.pub ecdsa-sha2-nistp256.pub ecdsa-sha2-nistp384.pub
        ssh-keygen -q -Y sign -f ecdsa-sha2-nistp256.pub -n file data
        ssh-keygen -Y verify -f signers -I me -n file -s data.sig <data
        ssh-add -e '{}'",
        module().display(),
        module().display()
    );
    // The agent ends with the script.
    run(ssh("ssh-agent").args(["-P", "/*", "sh", "-c", &script]));
}
