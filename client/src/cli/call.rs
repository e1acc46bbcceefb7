//! `coffer call`: every operation by its own name, with JSON in and JSON out.

use std::io::{self, BufRead, Read};

use coffer_client::Connection;
use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::message::json::{Object, Value};
use zeroize::Zeroizing;

use super::action::{Action, Wiped};
use super::problem::local_request_id;
use super::target::Target;
use super::{Problem, output};

/// Arguments of `coffer call`; options stand before ACTION.
#[derive(Debug, clap::Args)]
#[command(after_help = "coffer call ACTION --help prints the fields of an action.")]
pub(crate) struct CallArguments {
    #[command(flatten)]
    target: Target,
    /// Check everything, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Read one {"Action":…,"Request":{…}} per line, and answer each with one line
    #[arg(long, conflicts_with_all = ["list", "words"])]
    batch: bool,
    /// List the actions
    #[arg(long, conflicts_with = "words")]
    list: bool,
    /// The action, then its request as JSON: `-` for standard input, {} when left out
    #[arg(
        value_names = ["ACTION", "JSON"],
        trailing_var_arg = true,
        allow_hyphen_values = true,
        num_args = 0..=2,
        required_unless_present_any = ["batch", "list"]
    )]
    words: Vec<String>,
}

/// Sends what the arguments say.
pub(crate) fn run(arguments: &CallArguments) -> Result<u8, Problem> {
    if arguments.list {
        return list();
    }
    let mut caller = Caller::new(&arguments.target, arguments.dry_run);
    if arguments.batch {
        return batch(&mut caller);
    }
    let name = arguments.words.first().map_or("", String::as_str);
    let action = Action::find(name).ok_or_else(|| {
        Problem::Usage(format!("there is no action {name}; `coffer call --list` names them all"))
    })?;
    let text = match arguments.words.get(1).map(String::as_str) {
        Some("--help" | "-h") => {
            output::text(action.help().trim_end())?;
            return Ok(0);
        }
        Some("-") => read_standard_input()?,
        Some(text) => Zeroizing::new(text.as_bytes().to_vec()),
        None => Zeroizing::new(b"{}".to_vec()),
    };
    let answer = parse_object(&text)
        .map_err(Problem::from)
        .and_then(|object| caller.call(action, object))
        .map_err(|problem| caller.describe(problem));
    print(answer)
}

fn list() -> Result<u8, Problem> {
    let width = Action::all().map(|action| action.row.name.len()).max().unwrap_or(0);
    for action in Action::all() {
        output::text(&format!("{:width$}  {}", action.row.name, action.row.help))?;
    }
    Ok(0)
}

/// Answers each line of standard input; the status is that of the first request that failed.
fn batch(caller: &mut Caller<'_>) -> Result<u8, Problem> {
    let mut input = io::stdin().lock();
    let mut line = Zeroizing::new(Vec::new());
    let mut status = 0;
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            let answer = read_request(&line)
                .map_err(Problem::from)
                .and_then(|(action, object)| caller.call(action, object))
                .map_err(|problem| caller.describe(problem));
            let this = print(answer)?;
            status = if status == 0 { this } else { status };
        }
        line = Zeroizing::new(Vec::new());
    }
    Ok(status)
}

/// Prints the reply, or the error in its place, and returns the exit status.
fn print(answer: Result<Wiped, (Problem, String)>) -> Result<u8, Problem> {
    match answer {
        Ok(reply) => {
            output::line(&reply.0)?;
            Ok(0)
        }
        Err((problem, request_id)) => {
            output::line(&problem.to_json(&request_id))?;
            Ok(problem.exit_status())
        }
    }
}

/// The line of a batch.
fn read_request(line: &[u8]) -> Result<(Action, Object), Failure> {
    let mut envelope = parse_object(line)?;
    let Some(Value::String(name)) = envelope.remove("Action") else {
        return Err(Failure::about(ErrorCode::MissingParameter, "Action"));
    };
    let request = envelope.remove("Request").unwrap_or(Value::Null);
    if let Some(name) = envelope.keys().next() {
        return Err(Failure::about(ErrorCode::InvalidParameter, name.as_str()));
    }
    let action = Action::find(&name).ok_or(Failure::about(ErrorCode::UnknownOperation, name))?;
    match request {
        Value::Object(object) => Ok((action, object)),
        Value::Null => Ok((action, Object::new())),
        _ => Err(Failure::about(ErrorCode::InvalidParameter, "Request")),
    }
}

fn parse_object(text: &[u8]) -> Result<Object, Failure> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::about(ErrorCode::InvalidParameter, "the request is no JSON object")),
        Err(error) => {
            // The position only: the text around it may be a plaintext.
            let place = format!("no JSON at line {} column {}", error.line(), error.column());
            Err(Failure::about(ErrorCode::InvalidParameter, place))
        }
    }
}

fn read_standard_input() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    io::stdin().lock().read_to_end(&mut text)?;
    Ok(text)
}

/// Connections to the sockets that requests ask for, made when the first one does.
struct Caller<'a> {
    target: &'a Target,
    dry_run: bool,
    app: Option<Connection>,
    admin: Option<Connection>,
    /// The id of the last request, as soon as it was sent.
    sent: Option<String>,
}

impl<'a> Caller<'a> {
    fn new(target: &'a Target, dry_run: bool) -> Self {
        Self { target, dry_run, app: None, admin: None, sent: None }
    }

    /// Checks a request's fields, sends it, and returns its reply with `RequestId`.
    fn call(&mut self, action: Action, object: Object) -> Result<Wiped, Problem> {
        self.sent = None;
        let request = action.prepare(object)?;
        let connection = if action.is_administration() { &mut self.admin } else { &mut self.app };
        // A connection that broke is of no more use, a new one may be.
        let mut connected = match connection.take().filter(Connection::is_ready) {
            Some(connected) => connected,
            None if action.is_administration() => self.target.connect_admin()?,
            None => self.target.connect()?,
        };
        let before = connected.last_request_id();
        let result = if self.dry_run {
            request.dry_run(&mut connected).map(|id| (Object::new(), id))
        } else {
            request.send(&mut connected)
        };
        let last = connected.last_request_id();
        self.sent = (last != before).then(|| connected.request_id_text(last));
        *connection = Some(connected);
        let (mut reply, id) = result?;
        let id = connection.as_ref().map(|connection| connection.request_id_text(id));
        reply.insert("RequestId".to_owned(), id.into());
        Ok(Wiped(reply))
    }

    /// The problem of the last call, with the id of its request.
    fn describe(&mut self, problem: Problem) -> (Problem, String) {
        (problem, self.sent.take().unwrap_or_else(local_request_id))
    }
}
