//! Hello and Welcome, from the client's side.

use std::io;
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::{self, Flags, Header, Kind, decode_meta, encode_meta};
use coffer_protocol::handshake::{HELLO, Hello, MAX_NAME};
pub use coffer_protocol::handshake::{Role, Welcome};

use crate::Error;
use crate::channel::{Channel, Frame, Until};
use crate::event::read_farewell;

/// The daemon must say Welcome within this time.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// How long a daemon is waited for that takes connections and says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempt {
    /// Five seconds.
    #[default]
    Usual,
    /// 250 ms on a host that is not busy, for callers that answer without the daemon as well. What counts is how often
    /// this process woke up meanwhile: where many wait for a CPU it takes longer, for the daemon as for the caller.
    Short,
}

/// How often [`Attempt::Short`] looks for an answer, and how many milliseconds lie between.
const LOOKS: u32 = 25;
const BETWEEN: u16 = 10;

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// What the connection is for.
    pub role: Role,
    /// Program name, for the audit log only; cut at 64 bytes.
    pub client_name: String,
    /// Joins the application that was given this token, in place of making a new one.
    pub attach: Option<[u8; 16]>,
    /// The partition that KMS requests mean; the default one when absent.
    pub partition: Option<String>,
    /// Refuses a listener whose uid is neither 0, that of `coffer`, nor the caller's.
    pub check_listener: bool,
    /// How long a daemon that hangs is waited for; the asynchronous client always waits as usual.
    pub attempt: Attempt,
}

impl ConnectOptions {
    /// A connection of that role, with everything else as usual.
    pub fn new(role: Role, client_name: impl Into<String>) -> Self {
        Self {
            role,
            client_name: client_name.into(),
            attach: None,
            partition: None,
            check_listener: true,
            attempt: Attempt::Usual,
        }
    }
}

/// Says Hello and waits for Welcome.
pub(crate) fn shake_hands(
    channel: &mut Channel,
    options: &ConnectOptions,
    deadline: Instant,
) -> Result<Welcome, Error> {
    let (header, meta) = hello(options)?;
    channel.send(&header, &meta, &[]).map_err(Error::Lost)?;
    if options.attempt == Attempt::Short {
        look_for_answer(channel, deadline).map_err(Error::Lost)?;
    }
    read_welcome(&channel.receive(Until::At(deadline))?)
}

/// Waits for the first bytes of an answer, for a short time.
fn look_for_answer(channel: &Channel, deadline: Instant) -> io::Result<()> {
    let mut looks = 0;
    while looks < LOOKS {
        match channel.is_readable(BETWEEN) {
            Ok(true) => return Ok(()),
            Ok(false) => looks += 1,
            // No look is counted for a signal, of which there may be many.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                if deadline <= Instant::now() {
                    break;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The frame of Hello.
pub(crate) fn hello(options: &ConnectOptions) -> Result<(Header, Vec<u8>), Error> {
    let hello = Hello {
        min_version: frame::VERSION,
        max_version: frame::VERSION,
        role: options.role as u8,
        client_name: shortened(&options.client_name).to_owned(),
        attach: options.attach,
        partition: options.partition.clone(),
    };
    let meta = encode_meta(&hello).map_err(|_| Error::Protocol("Hello"))?;
    let meta_length = u32::try_from(meta.len()).map_err(|_| Error::Protocol("Hello"))?;
    let header = Header {
        kind: Kind::Request,
        operation: HELLO,
        flags: Flags::NONE,
        descriptors: 0,
        meta_length,
        payload_length: 0,
        request_id: 0,
    };
    Ok((header, meta))
}

/// What the daemon answered to Hello.
pub(crate) fn read_welcome(frame: &Frame) -> Result<Welcome, Error> {
    match frame.header.kind {
        Kind::Reply if frame.header.operation == HELLO => welcome(frame),
        Kind::GoAway => Err(read_farewell(frame)),
        Kind::Reply | Kind::Request | Kind::Event | Kind::Cancel => {
            Err(Error::Protocol("something else than Welcome"))
        }
    }
}

fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAME)]
}

fn welcome(frame: &Frame) -> Result<Welcome, Error> {
    if frame.header.flags.contains(Flags::FAILED) {
        let failure = decode_meta::<Failure>(&frame.meta)
            .map_err(|_| Error::Protocol("the refusal of Hello"))?;
        return Err(Error::GoAway(failure));
    }
    let mut welcome =
        decode_meta::<Welcome>(&frame.meta).map_err(|_| Error::Protocol("Welcome"))?;
    if welcome.version != frame::VERSION {
        return Err(Error::GoAway(ErrorCode::VersionMismatch.into()));
    }
    welcome.max_meta = welcome.max_meta.min(frame::MAX_META);
    welcome.max_payload = welcome.max_payload.min(frame::MAX_PAYLOAD);
    Ok(welcome)
}
