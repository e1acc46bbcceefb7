//! A request and its reply as frames, for connections that block and for those that do not.

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::{Flags, Header, Kind, decode_meta, encode_meta};
use coffer_protocol::operation::Operation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::Error;
use crate::channel::Frame;
use crate::event::{Event, read_event};
use crate::handshake::Welcome;

/// What came while a reply was waited for.
pub(crate) enum Incoming {
    Reply(Frame),
    Event(Event),
}

/// The metadata of a request.
pub(crate) fn encode<O: Operation>(request: &O) -> Result<Zeroizing<Vec<u8>>, Error> {
    encode_meta(request).map(Zeroizing::new).map_err(refused_here)
}

/// The header of a request, if it keeps to the daemon's limits.
pub(crate) fn header(
    welcome: &Welcome,
    operation: u16,
    flags: Flags,
    (meta, payload): (&[u8], &[u8]),
    request_id: u64,
) -> Result<Header, Error> {
    Ok(Header {
        kind: Kind::Request,
        operation,
        flags,
        descriptors: 0,
        meta_length: bounded(meta, welcome.max_meta)?,
        payload_length: bounded(payload, welcome.max_payload)?,
        request_id,
    })
}

/// Tells the reply to a request from what else may come.
pub(crate) fn sort(frame: Frame, request: &Header) -> Result<Incoming, Error> {
    match frame.header.kind {
        Kind::Reply => {
            let fits = frame.header.request_id == request.request_id
                && frame.header.operation == request.operation;
            let wrong = Error::Protocol("a reply to another request");
            if fits { Ok(Incoming::Reply(frame)) } else { Err(wrong) }
        }
        Kind::Event | Kind::GoAway => read_event(&frame).map(Incoming::Event),
        Kind::Request | Kind::Cancel => Err(Error::Protocol("a frame that only clients send")),
    }
}

/// A reply that is no refusal.
pub(crate) fn success(reply: Frame) -> Result<Frame, Error> {
    if !reply.header.flags.contains(Flags::FAILED) {
        return Ok(reply);
    }
    let failure =
        decode_meta::<Failure>(&reply.meta).map_err(|_| Error::Protocol("a failure's metadata"))?;
    Err(Error::Refused { failure, request_id: reply.header.request_id })
}

/// The fields of a reply.
pub(crate) fn fields<T: Serialize + DeserializeOwned>(reply: &Frame) -> Result<T, Error> {
    decode_meta(&reply.meta).map_err(|_| Error::Protocol("a reply's metadata"))
}

fn bounded(bytes: &[u8], limit: u32) -> Result<u32, Error> {
    match u32::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(refused_here(ErrorCode::TooLarge)),
    }
}

fn refused_here(code: ErrorCode) -> Error {
    Error::Refused { failure: code.into(), request_id: 0 }
}
