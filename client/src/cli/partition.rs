//! `coffer partition`: the tokens and regions of the daemon.

use std::path::PathBuf;

use coffer_client::admin::Partition;

use super::target::admin;
use super::{Problem, output, pin};

/// Verbs of `coffer partition`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PartitionCommand {
    /// List the partitions
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Make a partition; its token has no PINs yet
    Create {
        /// 1 to 32 letters, digits, _ or -
        name: String,
        /// Print the reply as JSON
        #[arg(long)]
        json: bool,
    },
    /// Set the PINs of a partition's token; a locked PIN is free again
    Init(InitArguments),
}

/// Arguments of `coffer partition init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "PINs that no file gives are asked for, or read from standard input: \
    one line each, the security officer's first.")]
pub(crate) struct InitArguments {
    /// The partition
    name: String,
    /// File with the security officer's PIN
    #[arg(long, value_name = "FILE")]
    so_pin_file: Option<PathBuf>,
    /// File with the user's PIN
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// Print the reply as JSON
    #[arg(long)]
    json: bool,
}

impl PartitionCommand {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::List { json } | Self::Create { json, .. } => *json,
            Self::Init(arguments) => arguments.json,
        }
    }
}

/// Does what the verb says.
pub(crate) fn run(command: PartitionCommand) -> Result<(), Problem> {
    match command {
        PartitionCommand::List { json: true } => {
            Ok(admin()?.partitions()?.iter().try_for_each(output::message)?)
        }
        PartitionCommand::List { json: false } => list(admin()?.partitions()?),
        PartitionCommand::Create { name, json } => {
            let partition = admin()?.create_partition(&name)?;
            told(&partition, json, "set its PINs with `coffer partition init`")
        }
        PartitionCommand::Init(arguments) => init(&arguments),
    }
}

fn list(partitions: Vec<Partition>) -> Result<(), Problem> {
    let rows = partitions.into_iter().map(|partition| {
        let pins = match (partition.initialised, partition.user_pin) {
            (false, _) => "none",
            (true, false) => "security officer",
            (true, true) => "security officer, user",
        };
        let created = output::time(partition.create_time);
        let (slot, keys) = (partition.slot.to_string(), partition.keys.to_string());
        [partition.name, slot, partition.label, partition.serial, pins.to_owned(), keys, created]
    });
    let heading = ["NAME", "SLOT", "LABEL", "SERIAL", "PINS", "KEYS", "CREATED"];
    Ok(output::table(heading, rows)?)
}

fn init(arguments: &InitArguments) -> Result<(), Problem> {
    // Connects first, so that nobody types PINs for a daemon that is away.
    let mut admin = admin()?;
    let so_pin = match &arguments.so_pin_file {
        Some(path) => pin::from_file(path)?,
        None => pin::ask("PIN of the security officer")?,
    };
    let user_pin = match &arguments.pin_file {
        Some(path) => pin::from_file(path)?,
        None => pin::ask("PIN of the user")?,
    };
    let partition = admin.init_partition(&arguments.name, &so_pin, &user_pin)?;
    told(&partition, arguments.json, "applications log in with the user's PIN")
}

fn told(partition: &Partition, json: bool, next: &str) -> Result<(), Problem> {
    if json {
        return Ok(output::message(partition)?);
    }
    let Partition { name, slot, .. } = partition;
    Ok(output::text(&format!("Partition {name} has slot {slot}; {next}."))?)
}
