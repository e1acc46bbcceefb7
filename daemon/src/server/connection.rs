//! One connection: handshake, then request after request until the peer or the daemon ends it.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{self, Flags, Header, Kind};
use coffer_protocol::handshake::{GoAway, HELLO, Role};
use coffer_protocol::operation::Socket;
use tracing::debug;

use super::AsFdOwned;
use super::frames::{self, Ended, Frame, Frames};
use super::handshake;
use super::peer::Peer;
use crate::service::{Caller, Incoming, Outgoing, ReplyPayload, Service, dispatch, malformed};

/// Hello must be complete within this.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(2);
/// A peer that does not read its reply is given up after this.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// Serves a connection to its end.
pub(super) fn serve(service: &Service, stream: &UnixStream, peer: &Peer, socket: Socket, id: u32) {
    let ended = match greet(service, stream, peer, socket, id) {
        Ok(Some((mut frames, caller))) => requests(service, stream, &mut frames, caller),
        Ok(None) => Ended::Closed,
        Err(ended) => ended,
    };
    service.transfers.end(id);
    if let Ended::Broken(code) = ended {
        debug!(uid = peer.uid, pid = peer.pid, %code, "connection refused");
        malformed(service, peer.uid, peer.pid, code);
        go_away(stream, code);
    }
}

/// The handshake. `None`: it was a connection for events, and it has ended.
fn greet<'s>(
    service: &'s Service,
    stream: &'s UnixStream,
    peer: &Peer,
    socket: Socket,
    id: u32,
) -> Result<Option<(Frames<'s>, Caller)>, Ended> {
    let deadline = Instant::now() + HANDSHAKE_DEADLINE;
    stream.set_write_timeout(Some(WRITE_DEADLINE))?;
    let mut frames = Frames::new(stream, &service.keyring, peer.uid)?;
    let frame = frames.first(deadline)?;
    let (meta, _) = frames.parts(&frame);
    let greeted =
        handshake::greet(service, peer, socket, id, &frame, meta).map_err(Ended::Broken)?;
    let outgoing = Outgoing {
        flags: Flags::NONE,
        meta: frame::encode_meta(&greeted.welcome).map_err(Ended::Broken)?,
        payload: ReplyPayload::None,
    };
    let welcome = || frames::write(stream, &mut reply_header(&frame.header), outgoing);
    if greeted.role == Role::Events {
        let _subscribed = service.events.add(stream.as_fd_owned()?, welcome)?;
        frames.done(frame);
        // Nothing is expected; the end of the connection is what is waited for.
        let _ = frames.next();
        return Ok(None);
    }
    welcome()?;
    frames.done(frame);
    Ok(Some((frames, greeted.caller)))
}

/// Request after request.
fn requests(
    service: &Service,
    stream: &UnixStream,
    frames: &mut Frames<'_>,
    mut caller: Caller,
) -> Ended {
    loop {
        let frame = match frames.next() {
            Ok(frame) => frame,
            Err(ended) => return ended,
        };
        if let Err(ended) = answer(service, stream, frames, &frame, &mut caller) {
            return ended;
        }
        frames.done(frame);
    }
}

fn answer(
    service: &Service,
    stream: &UnixStream,
    frames: &Frames<'_>,
    frame: &Frame,
    caller: &mut Caller,
) -> Result<(), Ended> {
    let header = &frame.header;
    match header.kind {
        // Requests are executed where they are read: one that can still be taken back was not read yet.
        Kind::Cancel => return Ok(()),
        Kind::Request if header.operation != HELLO && header.descriptors == 0 => {}
        Kind::Request | Kind::Reply | Kind::Event | Kind::GoAway => {
            return Err(Ended::Broken(ErrorCode::Malformed));
        }
    }
    caller.request = header.request_id;
    let (meta, payload) = frames.parts(frame);
    let incoming = Incoming { operation: header.operation, flags: header.flags, meta, payload };
    let outgoing = dispatch(service, caller, incoming);
    Ok(frames::write(stream, &mut reply_header(header), outgoing)?)
}

fn reply_header(request: &Header) -> Header {
    Header {
        kind: Kind::Reply,
        flags: Flags::NONE,
        descriptors: 0,
        meta_length: 0,
        payload_length: 0,
        ..*request
    }
}

fn go_away(stream: &UnixStream, code: ErrorCode) {
    let reason = GoAway { code: code as u16, reason: code.message().to_owned() };
    let Ok(meta) = frame::encode_meta(&reason) else { return };
    let mut header = Header {
        kind: Kind::GoAway,
        operation: 0,
        flags: Flags::NONE,
        descriptors: 0,
        meta_length: 0,
        payload_length: 0,
        request_id: 0,
    };
    let outgoing = Outgoing { flags: Flags::NONE, meta, payload: ReplyPayload::None };
    let _ = frames::write(stream, &mut header, outgoing);
}
