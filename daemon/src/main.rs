//! cofferd: the daemon.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use coffer_daemon::clock::Clock;
use coffer_daemon::config::{Config, Keys, LogFormat, SecretMemory};
use coffer_daemon::journal::Lines;
use coffer_daemon::schedule::Keeper;
use coffer_daemon::seal::Provider;
use coffer_daemon::server::{Listeners, Server};
use coffer_daemon::service::Service;
use coffer_daemon::start::{self, Refusal};
use coffer_daemon::vault;
use coffer_protocol::weak::WeakKeys;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

/// Keys in secret memory: the daemon of Coffer.
#[derive(Debug, Parser)]
#[command(name = "cofferd", version)]
struct Arguments {
    /// The configuration file; without it, /etc/coffer/cofferd.toml if that exists.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Checks the configuration and the kernel, and says what is wrong.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    dev: Dev,
    #[command(subcommand)]
    command: Option<Command>,
}

/// How `coffer dev` starts it.
#[derive(Debug, Args)]
struct Dev {
    /// Serves a store for development, made in --dir where there is none.
    #[arg(long = "dev", requires = "dir", conflicts_with = "config")]
    wanted: bool,
    /// The folder of store and sockets.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A partition that must be there.
    #[arg(long = "partition")]
    partitions: Vec<String>,
    /// Uid of the owner.
    #[arg(long)]
    owner: Option<u32>,
    /// Shifts the clock by the signed number of seconds in the file; a second number is for the boot clock alone.
    #[arg(long)]
    clock_file: Option<PathBuf>,
    /// What may be done with weak keys: refuse, use or make.
    #[arg(long, default_value_t)]
    weak_keys: WeakKeys,
    /// A descriptor that gives the security officer's PIN and the user's, each with a zero byte behind it.
    #[arg(long)]
    pins_fd: Option<i32>,
    /// A descriptor that is told READY once the daemon serves.
    #[arg(long)]
    ready_fd: Option<i32>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a new store.
    Init(Init),
    /// Checks every record of a store that no daemon has open, and changes nothing.
    CheckStore(CheckStore),
}

#[derive(Debug, Args)]
struct CheckStore {
    /// The state directory.
    #[arg(long, default_value = "/var/lib/coffer")]
    dir: PathBuf,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Init {
    /// The state directory.
    #[arg(long, default_value = "/var/lib/coffer")]
    dir: PathBuf,
    /// Wraps the root key under this key file, made where it is missing.
    #[arg(long, conflicts_with = "credential")]
    keyfile: Option<PathBuf>,
    /// Wraps the root key under this credential: at least 32 random bytes.
    #[arg(long)]
    credential: Option<PathBuf>,
    /// The first partition.
    #[arg(long = "partition", default_value = "default")]
    partitions: Vec<String>,
    /// Uid of the owner.
    #[arg(long, default_value_t = 0)]
    owner: u32,
    /// Accepts locked memory where the kernel has no memfd_secret.
    #[arg(long)]
    locked_memory: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            eprintln!("cofferd: {}", refusal.text);
            ExitCode::from(refusal.status)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Refusal> {
    match arguments.command {
        Some(Command::Init(init)) => self::init(&init),
        Some(Command::CheckStore(check)) => check_store(check),
        None if arguments.check => check(arguments.config.as_deref()),
        None if arguments.dev.wanted => serve_dev(arguments.dev),
        None => {
            let config = read_config(arguments.config.as_deref())?;
            serve(config, Clock::default(), None, arguments.config.as_deref())
        }
    }
}

fn read_config(path: Option<&Path>) -> Result<Config, Refusal> {
    let default = Path::new("/etc/coffer/cofferd.toml");
    let (path, required) = path.map_or((default, false), |path| (path, true));
    let wrong = |error: &dyn std::fmt::Display| {
        Refusal::configuration(format!("{}: {error}", path.display()))
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Config::parse(&text).map_err(|error| wrong(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
            Ok(Config::default())
        }
        Err(error) => Err(wrong(&error)),
    }
}

fn check(config: Option<&Path>) -> Result<(), Refusal> {
    let config = read_config(config)?;
    let report = start::protect(config.secret_memory)?;
    println!("configuration: ok");
    println!("secret memory: {}", vault::status().kind);
    println!("hardening: {}", report.holding().join(", "));
    Ok(())
}

fn init(init: &Init) -> Result<(), Refusal> {
    let memory = if init.locked_memory { SecretMemory::Locked } else { SecretMemory::Required };
    start::protect(memory)?;
    let provider = match (&init.keyfile, &init.credential) {
        (Some(path), _) => Provider::KeyFile { path: path.clone() },
        (None, Some(path)) => {
            if !path.exists() {
                start::make_credential(path)?;
            }
            credential(path)?
        }
        (None, None) => {
            return Err(Refusal::failure(
                "name what the root key is wrapped under: --credential FILE (production) or --keyfile FILE",
            ));
        }
    };
    std::fs::create_dir_all(&init.dir)
        .map_err(|error| Refusal::failure(format!("{}: {error}", init.dir.display())))?;
    start::create(&init.dir, provider, &init.partitions, init.owner, Clock::default().now())?;
    give_to_service(&init.dir)
}

/// Says what is wrong with a closed store; findings are a failure.
fn check_store(arguments: CheckStore) -> Result<(), Refusal> {
    let CheckStore { dir, json } = arguments;
    start::protect(SecretMemory::Locked)?;
    let config = Config { state_directory: dir, ..Config::default() };
    let checked = start::check_closed(&config)?;
    let (records, versions) = (checked.records, checked.versions);
    if json {
        let (valid, findings) = (checked.findings.is_empty(), &checked.findings);
        println!(
            "{}",
            serde_json::json!({
                "Valid": valid, "Records": records, "Versions": versions, "Findings": findings,
            })
        );
    } else {
        checked.findings.iter().for_each(|finding| println!("wrong: {finding}"));
    }
    if !checked.findings.is_empty() {
        return Err(Refusal::failure(format!(
            "the store is not whole: {} findings in {records} records. Keep a copy of its folder, find out who \
             wrote to it, and restore a backup into a new store with `coffer restore`",
            checked.findings.len()
        )));
    }
    if !json {
        println!("The store is whole: {records} records, {versions} versions of key material.");
    }
    Ok(())
}

/// Gives the state to the user of the service, if it was made by root on a host that has that user.
fn give_to_service(directory: &Path) -> Result<(), Refusal> {
    use nix::unistd::{User, chown, geteuid};
    let Some(user) = User::from_name("coffer")?.filter(|_| geteuid().is_root()) else {
        return Ok(());
    };
    chown(directory, Some(user.uid), Some(user.gid))?;
    for entry in std::fs::read_dir(directory)? {
        chown(&entry?.path(), Some(user.uid), Some(user.gid))?;
    }
    Ok(())
}

/// A credential file as systemd will present it: by its folder and name.
fn credential(path: &Path) -> Result<Provider, Refusal> {
    let wrong = || Refusal::failure(format!("{} is no file name", path.display()));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(wrong)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(Provider::Credential {
        directory: folder.unwrap_or(Path::new(".")).to_owned(),
        name: name.to_owned(),
    })
}

fn serve_dev(dev: Dev) -> Result<(), Refusal> {
    // Taken over before the process makes itself untraceable, which closes /proc/self to it.
    let pins =
        dev.pins_fd.map(|number| adopt(number, OpenOptions::new().read(true))).transpose()?;
    let ready =
        dev.ready_fd.map(|number| adopt(number, OpenOptions::new().write(true))).transpose()?;
    die_with_parent()?;
    let directory = dev.dir.ok_or_else(|| Refusal::failure("--dev needs --dir"))?;
    let config = Config {
        socket: directory.join("coffer.sock"),
        admin_socket: directory.join("admin.sock"),
        owner_uid: Some(dev.owner.unwrap_or_else(|| nix::unistd::getuid().as_raw())),
        secret_memory: SecretMemory::Locked,
        state_directory: directory,
        keys: Keys { weak: dev.weak_keys },
        dev: true,
        ..Config::default()
    };
    let names = if dev.partitions.is_empty() { vec!["dev".to_owned()] } else { dev.partitions };
    serve(config, Clock::new(dev.clock_file), Some(DevStart { names, pins, ready }), None)
}

/// What a start in development does before it serves.
struct DevStart {
    names: Vec<String>,
    pins: Option<File>,
    ready: Option<File>,
}

/// Takes over a descriptor that the parent left open for us.
fn adopt(number: i32, options: &OpenOptions) -> Result<File, Refusal> {
    let wrong = |error: &dyn std::fmt::Display| {
        Refusal::failure(format!("descriptor {number} cannot be used: {error}"))
    };
    let file = options.open(format!("/proc/self/fd/{number}")).map_err(|error| wrong(&error))?;
    if number > 2 {
        nix::unistd::close(number).map_err(|error| wrong(&error))?;
    }
    Ok(file)
}

/// Ends this process when `coffer dev` is killed.
fn die_with_parent() -> Result<(), Refusal> {
    let parent = nix::unistd::getppid();
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM)?;
    if nix::unistd::getppid() != parent {
        return Err(Refusal::failure("coffer dev is gone"));
    }
    Ok(())
}

fn serve(
    config: Config,
    clock: Clock,
    mut dev: Option<DevStart>,
    path: Option<&Path>,
) -> Result<(), Refusal> {
    let hardening = start::protect(config.secret_memory)?;
    let level = log(&config);
    if let Some(dev) = &dev {
        let keyfile = start::keyfile(&config.state_directory);
        if !config.state_directory.join(coffer_daemon::store::STORE_FILE).exists() {
            let provider = Provider::KeyFile { path: keyfile };
            let owner = config.owner_uid.unwrap_or(0);
            start::create(&config.state_directory, provider, &dev.names, owner, clock.now())?;
        }
    }
    let listeners = Listeners::open(&config).map_err(Refusal::configuration)?;
    let service = start::open(config, clock, &hardening)?;
    if let Some(dev) = &mut dev {
        service.prepare_dev(&dev.names, dev.pins.take().map(Into::into))?;
    }
    let server = Server::new(Arc::clone(&service));
    let keeper = Keeper::start(Arc::clone(&service))?;
    let told = dev.and_then(|dev| dev.ready);
    let is_dev = service.config.dev;
    server.run(
        listeners,
        || ready(told),
        || {
            if !is_dev {
                reload(path, &service, &level);
            }
        },
    )?;
    drop(keeper);
    service.close();
    Ok(())
}

/// Tells whoever started us that we serve.
fn ready(told: Option<File>) {
    let memory = vault::status().kind;
    let text = format!("serving; secret memory: {memory}");
    let states = [sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status(&text)];
    let _ = sd_notify::notify(&states);
    tracing::info!(%memory, "serving");
    if let Some(mut told) = told {
        // `coffer dev` waits for this line; if it is gone, its end will end us.
        let _ = told.write_all(b"READY\n");
    }
}

/// The level of what is logged, which can be changed.
type Level = reload::Handle<LevelFilter, Registry>;

fn log(config: &Config) -> Level {
    let (filter, handle) = reload::Layer::new(level(config));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => {
            let form = fmt::format().with_target(false).without_time();
            registry.with(lines.event_format(Lines::new(form))).init();
        }
        LogFormat::Json => {
            let form = Lines::new(fmt::format().json());
            registry.with(lines.json().event_format(form)).init();
        }
    }
    handle
}

/// The configuration's words are those of the levels, and it was checked.
fn level(config: &Config) -> LevelFilter {
    config.log.level.parse().unwrap_or(LevelFilter::INFO)
}

/// Takes over log level and limits from the configuration file, as systemctl reload asks; a wrong file changes
/// nothing.
fn reload(path: Option<&Path>, service: &Service, level_of_log: &Level) {
    match read_config(path) {
        Ok(config) => {
            if let Err(error) = level_of_log.reload(level(&config)) {
                tracing::warn!(%error, "the level of the log stays as it was");
            }
            service.reload(config.limits);
            tracing::info!("the configuration was read again");
        }
        Err(refusal) => tracing::error!("the configuration stays as it was: {}", refusal.text),
    }
}
