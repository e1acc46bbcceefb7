//! `coffer key`: all there is to do with keys but use them.

mod create;
mod deletion;
mod edit;
mod import;
mod list;
mod material;
mod public_key;
mod rotation;
mod show;
mod state;
mod tag;
mod usage;
mod wrap;
mod wrap_material;

use coffer_client::KeyName;
use coffer_client::kms::Kms;
use coffer_protocol::key::KeyState;

use super::problem::{KeyProblem, NO_DAEMON};
use super::target::Target;
use super::{Problem, hint, output};

/// Verbs of `coffer key`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print its id
    Create(create::CreateArguments),
    /// List keys
    List(list::ListArguments),
    /// Show what is known of keys
    Show(KeysArguments),
    /// Tell when keys were used last, and for what
    LastUse(KeysArguments),
    /// Change the alias or the description of a key
    Edit(edit::EditArguments),
    /// Enable disabled keys, all or none
    Enable(KeysArguments),
    /// Disable keys, all or none; they can be enabled again
    Disable(KeysArguments),
    /// Let keys decrypt and verify only
    Archive(KeysArguments),
    /// Enable archived keys
    Unarchive(KeysArguments),
    /// Rotate keys now; their rotation must be enabled
    Rotate(KeysArguments),
    /// Show whether a key rotates by itself, or change that
    Rotation(rotation::RotationArguments),
    /// Schedule the destruction of disabled keys; until then it can be taken back
    ScheduleDeletion(deletion::ScheduleArguments),
    /// Take back the destruction of keys, which are disabled then
    CancelDeletion(KeysArguments),
    /// Get a public key and a token, to wrap material for import elsewhere
    ImportParameters(import::ParametersArguments),
    /// Wrap material for import under a public key, without a daemon
    WrapMaterial(wrap_material::WrapMaterialArguments),
    /// Import the material of a key that was made with --import
    Import(import::ImportArguments),
    /// Erase imported material; the same can be imported again
    DeleteMaterial(import::DeleteArguments),
    /// Print the public key of a pair
    PublicKey(public_key::PublicKeyArguments),
    /// Set, remove and list the tags of a key
    #[command(subcommand)]
    Tag(tag::TagCommand),
}

/// Arguments of the verbs that take several keys.
#[derive(Debug, clap::Args)]
pub(crate) struct KeysArguments {
    /// Ids or aliases
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    target: Target,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Arguments of the verbs that take one key.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArguments {
    /// Id or alias
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    target: Target,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl KeyCommand {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Create(arguments) => arguments.json,
            Self::List(arguments) => arguments.json,
            Self::Show(arguments)
            | Self::LastUse(arguments)
            | Self::Enable(arguments)
            | Self::Disable(arguments)
            | Self::Archive(arguments)
            | Self::Unarchive(arguments)
            | Self::Rotate(arguments)
            | Self::CancelDeletion(arguments) => arguments.json,
            Self::Edit(arguments) => arguments.of.json,
            Self::Rotation(arguments) => arguments.of.json,
            Self::ScheduleDeletion(arguments) => arguments.of.json,
            Self::ImportParameters(arguments) => arguments.of.json,
            Self::Import(arguments) => arguments.json,
            Self::DeleteMaterial(arguments) => arguments.of.json,
            Self::PublicKey(arguments) => arguments.of.json,
            Self::Tag(command) => command.json(),
            Self::WrapMaterial(_) => false,
        }
    }
}

/// Does what the verb says.
pub(crate) fn run(command: KeyCommand) -> Result<u8, Problem> {
    match command {
        KeyCommand::Create(arguments) => create::run(arguments).map(|()| 0),
        KeyCommand::List(arguments) => list::run(&arguments).map(|()| 0),
        KeyCommand::Show(arguments) => each(&arguments, show::show),
        KeyCommand::LastUse(arguments) => each(&arguments, show::last_use),
        KeyCommand::Edit(arguments) => edit::run(&arguments).map(|()| 0),
        KeyCommand::Enable(arguments) => state::switch(&arguments, state::Switch::On),
        KeyCommand::Disable(arguments) => state::switch(&arguments, state::Switch::Off),
        KeyCommand::Archive(arguments) => each(&arguments, state::archive),
        KeyCommand::Unarchive(arguments) => each(&arguments, state::unarchive),
        KeyCommand::Rotate(arguments) => each(&arguments, rotation::rotate),
        KeyCommand::Rotation(arguments) => rotation::run(&arguments).map(|()| 0),
        KeyCommand::ScheduleDeletion(arguments) => deletion::schedule(&arguments),
        KeyCommand::CancelDeletion(arguments) => each(&arguments, deletion::cancel),
        KeyCommand::ImportParameters(arguments) => import::parameters(&arguments).map(|()| 0),
        KeyCommand::WrapMaterial(arguments) => wrap_material::run(&arguments).map(|()| 0),
        KeyCommand::Import(arguments) => import::import(&arguments).map(|()| 0),
        KeyCommand::DeleteMaterial(arguments) => import::delete(&arguments),
        KeyCommand::PublicKey(arguments) => public_key::run(&arguments).map(|()| 0),
        KeyCommand::Tag(command) => tag::run(&command).map(|()| 0),
    }
}

impl KeyArguments {
    /// Connects, does it, and says what is known of the key where that was refused.
    fn with<T>(
        &self,
        act: impl FnOnce(&mut Kms, &KeyName) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        with_key(&self.target, &self.key, act)
    }
}

/// The same for a key that is named otherwise.
pub(crate) fn with_key<T>(
    target: &Target,
    name: &str,
    act: impl FnOnce(&mut Kms, &KeyName) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut kms = target.kms()?;
    act(&mut kms, &KeyName::new(name)).map_err(|problem| about(&mut kms, name, problem))
}

/// Does the same to several keys; one that fails does not keep the others from it.
fn each(
    arguments: &KeysArguments,
    mut act: impl FnMut(&mut Kms, &KeyName, bool) -> Result<(), Problem>,
) -> Result<u8, Problem> {
    let mut kms = arguments.target.kms()?;
    let mut status = 0;
    for name in &arguments.keys {
        let Err(problem) = act(&mut kms, &KeyName::new(name), arguments.json) else { continue };
        let problem = about(&mut kms, name, problem);
        if problem.exit_status() == NO_DAEMON || arguments.keys.len() == 1 {
            return Err(problem);
        }
        let this = problem.report(arguments.json);
        status = if status == 0 { this } else { status };
    }
    Ok(status)
}

/// The problem, with what is known of the key: what helps depends on its state.
pub(crate) fn about(kms: &mut Kms, name: &str, problem: Problem) -> Problem {
    let Problem::Calling(error) = problem else { return problem };
    let Some(failure) = error.failure() else { return Problem::Calling(error) };
    let asked = hint::depends_on_state(failure.code());
    // Whoever may not see the key gets advice that fits every state.
    let known = asked.then(|| kms.describe_key(&KeyName::new(name)).ok()).flatten();
    Problem::Key(Box::new(KeyProblem {
        error,
        key: shown(name).to_owned(),
        state: known.as_ref().and_then(|key| KeyState::from_name(&key.key_state)),
        deletion_date: known.map_or(0, |key| key.deletion_date),
    }))
}

/// A key as people name it.
fn shown(name: &str) -> &str {
    name.strip_prefix("alias/").unwrap_or(name)
}

/// Tells the state that a key is in now.
fn changed(kms: &mut Kms, key: &KeyName, json: bool) -> Result<(), Problem> {
    let metadata = kms.describe_key(key)?;
    if json {
        output::message(&metadata)?;
    } else {
        output::text(&format!("{}: {}", shown(key.as_str()), metadata.key_state))?;
    }
    Ok(())
}
