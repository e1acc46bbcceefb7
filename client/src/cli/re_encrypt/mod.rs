//! `coffer re-encrypt`: ciphertexts and envelopes under another key, version or context, without their plaintext.

mod replacing;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64ct::{Base64, Encoding};
use coffer_client::envelope::{self as library, Header};
use coffer_client::kms::{Destination, Kms};
use coffer_client::{Context, KeyName};
use replacing::{Replacing, next_name};
use serde_json::json;

use super::crypt::{Files, MAX_CIPHERTEXT, context_of, decode, parse_pair};
use super::file::PUBLIC;
use super::progress::Bar;
use super::sink::Sink;
use super::{Problem, envelope, input, output};

/// Arguments of `coffer re-encrypt`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without FILE and --files-from, one ciphertext goes from standard input or --in to standard \
    output or --out. Files that are named are replaced, each at once or not at all. Of an envelope only the data key in \
    its first bytes is encrypted anew."
)]
pub(crate) struct ReEncryptArguments {
    /// Files to replace
    #[arg(value_name = "FILE", conflicts_with_all = ["input", "output"])]
    names: Vec<PathBuf>,
    /// Also replace the files that this one lists, one a line; `-` for standard input
    #[arg(long, value_name = "LIST", conflicts_with_all = ["input", "output"])]
    files_from: Option<PathBuf>,
    /// Id or alias of the new key; the newest version of the same key when left out
    #[arg(long)]
    key: Option<String>,
    /// A public fact of the new ciphertext; may be repeated. Those of --context when left out
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair, conflicts_with = "no_context")]
    new_context: Vec<(String, String)>,
    /// Leave the new ciphertext without context
    #[arg(long)]
    no_context: bool,
    /// Ciphertexts come and go as base64; envelopes never do
    #[arg(long)]
    base64: bool,
    #[command(flatten)]
    files: Files,
    /// Print one JSON object for each file
    #[arg(long)]
    pub(crate) json: bool,
}

/// What became of a ciphertext.
struct Done {
    key_id: String,
    source_key_id: String,
    changed: bool,
}

/// Encrypts one ciphertext anew, or replaces files.
pub(crate) fn run(arguments: &ReEncryptArguments) -> Result<u8, Problem> {
    let task = Task::new(arguments)?;
    let mut kms = arguments.files.target.kms()?;
    if arguments.names.is_empty() && arguments.files_from.is_none() {
        return one(arguments, &task, &mut kms).map(|()| 0);
    }
    let mut replacing = Replacing::new(arguments, &task, &mut kms);
    for name in &arguments.names {
        replacing.next(name)?;
    }
    if let Some(list) = &arguments.files_from {
        let named = || format!("cannot read {}", list.display());
        let mut lines: Box<dyn BufRead> = match list.to_str() {
            Some("-") => Box::new(io::stdin().lock()),
            _ => Box::new(BufReader::new(File::open(list).with_context(named)?)),
        };
        while let Some(name) = next_name(&mut lines).with_context(named)? {
            replacing.next(&name)?;
        }
    }
    replacing.end()
}

/// From the input to the output.
fn one(arguments: &ReEncryptArguments, task: &Task, kms: &mut Kms) -> Result<(), Problem> {
    let files = &arguments.files;
    if files.output.is_none() {
        if arguments.json {
            let text = "--json describes files: name them, or use --out";
            return Err(Problem::Usage(text.to_owned()));
        }
        if !arguments.base64 && output::is_terminal() {
            let text = "the ciphertext is binary: use --base64, --out FILE, or a pipe";
            return Err(Problem::Usage(text.to_owned()));
        }
    }
    let (old, rest) = Old::read(files.open()?, arguments.base64)?;
    let (done, new) = task.renew(kms, &old)?;
    let mut sink = files.sink(PUBLIC)?;
    sink.write_all(&new)?;
    copy(rest, &mut sink)?;
    sink.finish()?;
    if arguments.json {
        let name = files.output.as_deref().unwrap_or(Path::new(""));
        output::line(&done.to_json(name))?;
    }
    Ok(())
}

fn copy(rest: Option<File>, sink: &mut Sink) -> Result<(), Problem> {
    let Some(mut rest) = rest else { return Ok(()) };
    let mut bar = Bar::over("Copying", &rest, sink);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                sink.write_all(&buffer[..length])?;
                bar.add(length);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is encrypted anew: a whole ciphertext, or the header of an envelope, which the rest follows.
enum Old {
    Ciphertext(Vec<u8>),
    Envelope(Header),
}

impl Old {
    /// Reads it; of an envelope, returns the input behind the header.
    fn read(mut input: File, base64: bool) -> Result<(Self, Option<File>), Problem> {
        let whole = input::read_up_to(&mut input, coffer_client::envelope::MAGIC.len())?;
        if envelope::is_envelope(&whole) {
            let header = Header::read(&mut Cursor::new(&whole[..]).chain(&mut input));
            return Ok((Self::Envelope(header.map_err(envelope::problem)?), Some(input)));
        }
        let mut whole = input::read_up_to((&whole[..]).chain(input), MAX_CIPHERTEXT + 1)?;
        if whole.len() > MAX_CIPHERTEXT {
            return Err(anyhow::anyhow!("it is no envelope, and too long for a ciphertext").into());
        }
        if base64 {
            whole = decode(whole)?;
        }
        Ok((Self::Ciphertext(whole.to_vec()), None))
    }
}

/// How everything is encrypted anew.
struct Task {
    key: Option<KeyName>,
    context: Context,
    new_context: Context,
    base64: bool,
}

impl Task {
    fn new(arguments: &ReEncryptArguments) -> Result<Self, Problem> {
        let context = arguments.files.context()?;
        let new_context = match (arguments.no_context, &arguments.new_context[..]) {
            (true, _) => Context::default(),
            (false, []) => context.clone(),
            (false, pairs) => context_of("--new-context", pairs)?,
        };
        let key = arguments.key.as_deref().map(KeyName::new);
        Ok(Self { key, context, new_context, base64: arguments.base64 })
    }

    /// What takes the old one's place.
    fn renew(&self, kms: &mut Kms, old: &Old) -> Result<(Done, Vec<u8>), Problem> {
        let destination = Destination { key: self.key.as_ref(), context: self.new_context.clone() };
        match old {
            Old::Ciphertext(ciphertext) => {
                let done = kms.re_encrypt(ciphertext, &self.context, &destination)?;
                let new = if self.base64 {
                    format!("{}\n", Base64::encode_string(&done.ciphertext)).into_bytes()
                } else {
                    done.ciphertext
                };
                let (key_id, source_key_id) = (done.key_id, done.source_key_id);
                Ok((Done { key_id, source_key_id, changed: done.changed }, new))
            }
            Old::Envelope(header) => {
                let done = library::re_encrypt(kms, header, &self.context, &destination)
                    .map_err(envelope::problem)?;
                let mut new = Vec::new();
                done.header.write(&mut new).map_err(envelope::problem)?;
                let (key_id, source_key_id) = (done.key_id, done.source_key_id);
                Ok((Done { key_id, source_key_id, changed: done.changed }, new))
            }
        }
    }
}

impl Done {
    fn to_json(&self, name: &Path) -> serde_json::Value {
        json!({
            "File": name.to_string_lossy(), "ReEncrypted": self.changed, "KeyId": self.key_id,
            "SourceKeyId": self.source_key_id,
        })
    }
}
