//! The command's words. Each subject has its file; all speak to the daemon through the client library.

mod action;
mod audit;
mod backup;
mod call;
mod crypt;
mod daemon;
mod dev;
mod doctor;
mod envelope;
mod init;
mod input;
mod key;
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
mod signals;
mod sink;
mod status;
mod store;
mod target;

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
    /// Make, list, enable and disable keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Encrypt with a key: up to 4,096 bytes, or files of any size with --envelope
    Encrypt(crypt::EncryptArguments),
    /// Decrypt what encrypt made
    Decrypt(crypt::DecryptArguments),
    /// Encrypt ciphertexts anew, under another key, version or context
    ReEncrypt(re_encrypt::ReEncryptArguments),
    /// Print random bytes
    Random(random::RandomArguments),
    /// Make, list and initialise partitions
    #[command(subcommand)]
    Partition(partition::PartitionCommand),
    /// Read and verify the audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Write all keys into one file under a passphrase, while the daemon serves
    Backup(backup::BackupArguments),
    /// Fill an empty store from a backup, after showing what it would do
    Restore(restore::RestoreArguments),
    /// Check the store
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Send one request of the KMS API under its own name, with JSON in and out
    Call(call::CallArguments),
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
        Command::Random(arguments) => (false, random::run(&arguments).map(|()| 0)),
        Command::Partition(command) => (command.json(), partition::run(command).map(|()| 0)),
        Command::Audit(command) => (command.json(), audit::run(&command)),
        Command::Backup(arguments) => (arguments.json, backup::run(&arguments).map(|()| 0)),
        Command::Restore(arguments) => (arguments.json, restore::run(&arguments)),
        Command::Store(command) => (command.json(), store::run(&command)),
        Command::Call(arguments) => (false, call::run(&arguments)),
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
            "dev --dir d --partition a --partition b --pin 1234 --so-pin 12345678 --clock-file f",
            "dev -- ls -l --color",
            "init --credential root-key --partition main --owner 1000",
            "init --dir d --keyfile k",
            "status --json",
            "doctor --json",
            "key create app --usage encrypt_decrypt --spec SM4 --description d --tag a=b",
            "key create app --usage sign-ecc --json --partition dev",
            "key list --json",
            "key show app",
            "key enable a b c",
            "key disable alias/a",
            "encrypt --key app --context a=b --context c=d --in f --out g --base64",
            "decrypt --context a=b --in f --out g --base64",
            "encrypt --key app --envelope --context a=b --in f --out g",
            "re-encrypt",
            "re-encrypt --key b --context a=b --new-context c=d --in f --out g --base64 --json",
            "re-encrypt --no-context a b c --json",
            "re-encrypt --files-from - a",
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
            "key enable",
            "encrypt",
            "encrypt --key app --context novalue",
            "encrypt --key app --envelope --base64",
            "re-encrypt --new-context a=b --no-context",
            "re-encrypt --in f a",
            "re-encrypt --files-from l --out g",
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
