//! Hello and Welcome.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{self, Kind, MAX_META, MAX_PAYLOAD, VERSION};
use coffer_protocol::handshake::{HELLO, Hello, MAX_NAME, Role, Welcome};
use coffer_protocol::operation::Socket;

use super::frames::Frame;
use super::peer::Peer;
use crate::application::Application;
use crate::crypto::random;
use crate::service::{Caller, Service, Templates};
use crate::share::Share;

/// What a Hello came to.
pub(super) struct Greeted {
    pub(super) role: Role,
    pub(super) caller: Caller,
    pub(super) welcome: Welcome,
}

/// Reads a Hello and decides who the caller is.
///
/// # Errors
///
/// The code that the peer is sent away with.
pub(super) fn greet(
    service: &Service,
    peer: &Peer,
    socket: Socket,
    connection: u32,
    frame: &Frame,
    meta: &[u8],
) -> Result<Greeted, ErrorCode> {
    let header = &frame.header;
    if header.kind != Kind::Request || header.operation != HELLO || header.payload_length != 0 {
        return Err(ErrorCode::HandshakeExpected);
    }
    let hello: Hello = frame::decode_meta(meta)?;
    if !(hello.min_version..=hello.max_version).contains(&VERSION) {
        return Err(ErrorCode::VersionMismatch);
    }
    let names = [Some(&hello.client_name), hello.partition.as_ref()];
    if names.into_iter().flatten().any(|name| name.len() > MAX_NAME) {
        return Err(ErrorCode::Malformed);
    }
    let role = Role::try_from(hello.role)?;
    let share = service.shares.of(peer.uid);
    let application = application(service, peer, &share, role, hello.attach.as_ref())?;
    let partition = match &hello.partition {
        None => service.partitions.default_slot(),
        Some(name) => service.partitions.by_name(name).ok_or(ErrorCode::PartitionNotFound)?.slot,
    };
    let welcome = Welcome {
        version: VERSION,
        instance: service.instance,
        connection,
        attach_token: application.as_ref().map_or([0; 16], |application| application.token),
        max_meta: MAX_META,
        max_payload: MAX_PAYLOAD,
        max_sessions: u32::try_from(service.limits().sessions).unwrap_or(u32::MAX),
        daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
        weak_keys: service.config.keys.weak as u8,
    };
    let caller = Caller {
        templates: Templates::default(),
        uid: peer.uid,
        share,
        gid: peer.gid,
        pid: peer.pid,
        unit: peer.unit.clone(),
        socket,
        client_name: hello.client_name,
        application,
        partition,
        connection,
        request: 0,
    };
    Ok(Greeted { role, caller, welcome })
}

/// The application of the connection: a new one, or the one whose token the same process shows.
fn application(
    service: &Service,
    peer: &Peer,
    share: &Arc<Share>,
    role: Role,
    attach: Option<&[u8; 16]>,
) -> Result<Option<Arc<Application>>, ErrorCode> {
    match (role, attach) {
        (Role::Service, None) => Ok(None),
        (Role::Application | Role::Events, Some(token)) => {
            let joined = service.applications.attach(token, peer.uid, peer.pid);
            joined.map(Some).ok_or(ErrorCode::AuthFailure)
        }
        (Role::Service, Some(_)) | (Role::Events, None) => Err(ErrorCode::Malformed),
        (Role::Application, None) => {
            let token = random::array().map_err(|_| ErrorCode::Internal)?;
            Ok(Some(service.applications.create(share, peer.pid, token)))
        }
    }
}
