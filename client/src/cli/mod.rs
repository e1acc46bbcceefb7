//! The command's words. Each subject has its file; all speak to the daemon through the client library.

mod action;
mod alarms;
mod audit;
mod backup;
mod call;
mod completions;
mod confirm;
mod crypt;
mod daemon;
mod data_key;
mod dev;
mod doctor;
mod envelope;
mod file;
mod hint;
mod init;
mod input;
mod key;
mod mac;
mod man;
mod output;
mod partition;
mod passphrase;
mod pin;
mod place;
mod problem;
mod progress;
mod random;
mod re_encrypt;
mod restore;
mod sign;
mod signals;
mod sink;
mod status;
mod store;
mod target;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub(crate) use problem::Problem;

/// Coffer, an HSM in software: keys live in the daemon, applications use them without seeing them.
#[derive(Debug, Parser)]
#[command(
    name = "coffer",
    version,
    after_help = "Exit status: 0 done, 1 refused or failed, \
    2 wrong usage, 3 no daemon, 4 not allowed."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole HSM for trying out: a daemon with a store and a partition of its own
    Dev(dev::DevArguments),
    /// Make a store for production
    Init(init::InitArguments),
    /// Show how the daemon is
    Status(status::StatusArguments),
    /// Find out what is wrong, and what to do about it
    Doctor(doctor::DoctorArguments),
    /// Make, list, change, import and delete keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Encrypt with a key: up to 4,096 bytes, or files of any size with --envelope
    Encrypt(crypt::EncryptArguments),
    /// Decrypt what encrypt made
    Decrypt(crypt::DecryptArguments),
    /// Encrypt ciphertexts anew, under another key, version or context
    ReEncrypt(re_encrypt::ReEncryptArguments),
    /// Make a data key: for use outside, kept encrypted
    DataKey(data_key::DataKeyArguments),
    /// Sign with a key
    Sign(sign::SignArguments),
    /// Verify a signature with a key
    Verify(sign::VerifyArguments),
    /// Make or check a message authentication code
    Mac(mac::MacArguments),
    /// Print random bytes
    Random(random::RandomArguments),
    /// Make, list and initialise partitions
    #[command(subcommand)]
    Partition(partition::PartitionCommand),
    /// Read and verify the audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// List alarms, and run a program for each that comes
    #[command(subcommand)]
    Alarms(alarms::AlarmsCommand),
    /// Write all keys into one file under a passphrase, while the daemon serves
    Backup(backup::BackupArguments),
    /// Fill an empty store from a backup, after showing what it would do
    Restore(restore::RestoreArguments),
    /// Check the store
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Send one request of the KMS API under its own name, with JSON in and out
    Call(call::CallArguments),
    /// Print what a shell needs to complete this command's words
    Completions(completions::CompletionsArguments),
    /// Write the manual pages of this command
    Man(man::ManArguments),
    #[command(hide = true)]
    Become(signals::BecomeArguments),
}

/// Runs the command and tells how it ended.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let (json, result) = match arguments.command {
        Command::Dev(arguments) => (false, dev::run(arguments)),
        Command::Init(arguments) => (false, init::run(&arguments).map(|()| 0)),
        Command::Status(arguments) => (arguments.json, status::run(&arguments).map(|()| 0)),
        Command::Doctor(arguments) => (arguments.json, doctor::run(&arguments)),
        Command::Key(command) => (command.json(), key::run(command)),
        Command::Encrypt(arguments) => (false, crypt::encrypt(&arguments).map(|()| 0)),
        Command::Decrypt(arguments) => (false, crypt::decrypt(&arguments).map(|()| 0)),
        Command::ReEncrypt(arguments) => (arguments.json, re_encrypt::run(&arguments)),
        Command::DataKey(arguments) => (arguments.json, data_key::run(&arguments).map(|()| 0)),
        Command::Sign(arguments) => (false, sign::sign(&arguments).map(|()| 0)),
        Command::Verify(arguments) => (arguments.json, sign::verify(&arguments)),
        Command::Mac(arguments) => (arguments.json, mac::run(&arguments)),
        Command::Random(arguments) => (false, random::run(&arguments).map(|()| 0)),
        Command::Partition(command) => (command.json(), partition::run(command).map(|()| 0)),
        Command::Audit(command) => (command.json(), audit::run(&command)),
        Command::Alarms(command) => (command.json(), alarms::run(&command).map(|()| 0)),
        Command::Backup(arguments) => (arguments.json, backup::run(&arguments).map(|()| 0)),
        Command::Restore(arguments) => (arguments.json, restore::run(&arguments)),
        Command::Store(command) => (command.json(), store::run(&command)),
        Command::Call(arguments) => (false, call::run(&arguments)),
        Command::Completions(arguments) => (false, completions::run(&arguments).map(|()| 0)),
        Command::Man(arguments) => (false, man::run(&arguments).map(|()| 0)),
        Command::Become(arguments) => (false, signals::r#become(&arguments)),
    };
    ExitCode::from(result.unwrap_or_else(|problem| problem.report(json)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_command_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_documented_form_is_understood() {
        let forms = [
            "dev",
            "dev --dir d --partition a --partition b --pin 1234 --so-pin 12345678 --clock-file f --weak-keys make",
            "dev -- ls -l --color",
            "init --credential root-key --partition main --owner 1000",
            "init --dir d --keyfile k",
            "status --json",
            "doctor --json",
            "key create app --usage encrypt_decrypt --spec SM4 --description d --tag a=b",
            "key create app --usage mac --spec hmac_sm3 --import --client-token t",
            "key create app --usage agree --spec EC_P384",
            "key create app --rotate-days 90",
            "key create app --usage sign-ecc --json --partition dev",
            "key list --json",
            "key list --search a --state pendingimport --usage mac --origin imported --tag a=b --tag a=c",
            "key list --role product --order newest --limit 5 --offset 10",
            "key show app",
            "key show a b --json",
            "key last-use a b",
            "key edit app --alias b --description d",
            "key enable a b c",
            "key disable alias/a",
            "key archive a b",
            "key unarchive a b",
            "key rotate a b",
            "key rotation a",
            "key rotation a --enable --days 30",
            "key rotation a --disable",
            "key schedule-deletion a b --days 7 --yes",
            "key cancel-deletion a b",
            "key import-parameters a --public-key f --token g --der --wrapping SM2 --wrapping-key SM2",
            "key wrap-material f --spec aes_256 --public-key g --out h",
            "key wrap-material --spec RSA_2048 --wrapping SM2 --public-key g --out h --private-key-out i",
            "key import a",
            "key import a - --expires never",
            "key import a f --expires 2030-01-01 --wrapping RSAES_OAEP_SHA_256 --wrapping-key RSA_3072",
            "key import a --wrapped f --token g --wrapped-private-key h --json",
            "key delete-material a --yes",
            "key public-key a --der --out f",
            "key tag add a k=v l=w",
            "key tag remove a k l",
            "key tag list a --json",
            "alarms list --type KeyPendingDelete.Used --key a --from 2026-01-01 --to 1800000000 --limit 5 --json",
            "alarms follow --since 5 --state f --json",
            "alarms follow --exec logger -t coffer --json",
            "completions bash",
            "man --dir d",
            "encrypt --key app --context a=b --context c=d --in f --out g --base64",
            "decrypt --context a=b --in f --out g --base64",
            "encrypt --key app --envelope --context a=b --in f --out g",
            "re-encrypt",
            "re-encrypt --key b --context a=b --new-context c=d --in f --out g --base64 --json",
            "re-encrypt --no-context a b c --json",
            "re-encrypt --files-from - a",
            "data-key --key a --encrypted f --plaintext g --context a=b",
            "data-key --key a --length 64 --json",
            "data-key --key a --spec sm2 --encrypted f --public-key g",
            "sign --key a",
            "sign --key a --algorithm rsa_pkcs1_sha_512 --digest --in f --out g --base64",
            "verify --key a --signature f --in g --json",
            "mac --key a --in f --out g --base64",
            "mac --key a --verify f --json",
            "random 32 --hex",
            "random 32 --base64",
            "partition list --json",
            "partition create a",
            "partition init a --so-pin-file f --pin-file g",
            "audit list --json --limit 5",
            "audit verify",
            "backup f --passphrase-file p --json",
            "restore f --dry-run --passphrase-fd 3",
            "restore f --yes",
            "store check --json",
            "store check --dir d",
            "become -- ls --color -- -l",
            "call --list",
            "call --batch --dry-run",
            "call Encrypt --help",
            "call --partition p --dry-run Encrypt {}",
            "call GetRegions -",
        ];
        for form in forms {
            let words = std::iter::once("coffer").chain(form.split(' '));
            assert!(Arguments::try_parse_from(words).is_ok(), "{form}");
        }
    }

    #[test]
    fn contradictions_and_unknown_words_are_wrong_usage() {
        let forms = [
            "",
            "frobnicate",
            "init --credential a --keyfile b",
            "key create",
            "key create app --spec DES",
            "key create app --usage everything",
            "key create app --tag novalue",
            "key create app --import --rotate-days 90",
            "key enable",
            "key show",
            "key list --state gone",
            "key list --origin elsewhere",
            "key list --role admin",
            "key list --limit 0",
            "key list --offset -1",
            "key edit app",
            "key rotation app --days 30",
            "key rotation app --enable --disable",
            "key rotation app --enable --days many",
            "key schedule-deletion",
            "key schedule-deletion app --days soon",
            "key wrap-material f --spec AES_256 --out h",
            "key wrap-material f --public-key g --out h",
            "key wrap-material f --spec AES_256 --public-key g",
            "key import",
            "key import app f --wrapped g --token h",
            "key import app --wrapped g",
            "key import app --token h",
            "key import app f --expires tomorrow",
            "key import app f --wrapping AES",
            "key import-parameters app",
            "key import-parameters app --public-key f",
            "key delete-material",
            "key public-key app --der --json",
            "key tag add app",
            "key tag add app novalue",
            "key tag remove app",
            "alarms",
            "alarms list --type Fire",
            "alarms list --from yesterday",
            "alarms follow --since -1",
            "alarms follow --exec",
            "completions",
            "completions cmd.com",
            "encrypt",
            "encrypt --key app --context novalue",
            "encrypt --key app --envelope --base64",
            "re-encrypt --new-context a=b --no-context",
            "re-encrypt --in f a",
            "re-encrypt --files-from l --out g",
            "data-key --key a",
            "data-key --encrypted f",
            "data-key --key a --encrypted f --json",
            "data-key --key a --encrypted f --length 0",
            "data-key --key a --encrypted f --length 8 --spec AES_128",
            "data-key --key a --encrypted f --spec DES",
            "data-key --key a --encrypted f --context novalue",
            "sign",
            "sign --key a --algorithm MD5",
            "verify --key a",
            "verify --signature f",
            "mac",
            "mac --key a --json",
            "mac --key a --verify f --out g",
            "random",
            "random 0",
            "random 8 --hex --base64",
            "call --batch --list",
            "dev --pin 123",
        ];
        for form in forms {
            let words = std::iter::once("coffer").chain(form.split_terminator(' '));
            let error = Arguments::try_parse_from(words).expect_err(form);
            assert_eq!(error.exit_code(), 2, "{form}");
        }
    }
}
