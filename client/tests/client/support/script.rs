//! A daemon that goes away at the points that a script says.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::Flags;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::kms::{
    CreatedKey, Done, EnableKey, Encrypt, Encrypted, GenerateRandom, GeneratedRandom,
};

use super::{Daemon, Peer, Request, reply_header};

/// Where a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Accepted,
    Welcomed,
    RequestRead,
    HalfReply,
    Refused(ErrorCode),
    Silent,
    Never,
}

/// What the daemon has read, by the numbers of the operations.
pub(crate) type Seen = Arc<Mutex<Vec<u16>>>;

/// A daemon whose connections end as the script says, one after the other, and later ones never; it tells of each that
/// has ended.
pub(crate) fn daemon(script: &[End]) -> (Daemon, Seen, Receiver<()>) {
    let script: Vec<_> = script.iter().rev().copied().collect();
    let script = Mutex::new(script);
    let (seen, (ended, endings)) = (Seen::default(), channel());
    let (noted, ended) = (Arc::clone(&seen), Mutex::new(ended));
    let daemon = Daemon::start_raw(move |stream| {
        let end = script.lock().unwrap().pop().unwrap_or(End::Never);
        serve(stream, end, &noted);
        let _ = ended.lock().unwrap().send(());
    });
    (daemon, seen, endings)
}

fn serve(stream: UnixStream, end: End, seen: &Seen) {
    if end == End::Accepted {
        // Also for a child that another test forks.
        let _ = stream.shutdown(Shutdown::Both);
        return;
    }
    let mut peer = Peer::welcome(stream, [7; 16]);
    if end == End::Welcomed {
        return;
    }
    while let Some(request) = peer.receive() {
        seen.lock().unwrap().push(request.header.operation);
        match end {
            End::RequestRead => return,
            End::HalfReply => {
                let header = reply_header(&request, Flags::NONE, &[0; 9], &[]).encode();
                return peer.write(&header[..20]);
            }
            End::Refused(code) => return peer.fail(&request, &Failure::new(code)),
            End::Silent => {
                // Half of a reply larger than any buffer of the client, then nothing.
                let payload = vec![0; 100_000];
                let header = reply_header(&request, Flags::NONE, &[], &payload).encode();
                peer.write(&[&header[..], &payload[..50_000]].concat());
                peer.receive();
                return;
            }
            End::Accepted | End::Welcomed | End::Never => answer(&mut peer, &request),
        }
    }
}

pub(crate) fn answer(peer: &mut Peer, request: &Request) {
    let (number, id) = (request.header.operation, || "id".to_owned());
    if number == GenerateRandom::ROW.number {
        peer.reply(request, &GeneratedRandom {}, &[1; 4]);
    } else if number == Encrypt::ROW.number {
        peer.reply(request, &Encrypted { key_id: id() }, b"cipher");
    } else if number == EnableKey::ROW.number {
        peer.reply(request, &Done {}, &[]);
    } else {
        let created = CreatedKey {
            key_id: id(),
            alias: id(),
            create_time: 0,
            description: id(),
            key_state: id(),
            key_usage: id(),
            tag_code: 0,
            tag_message: id(),
            hsm_cluster: id(),
        };
        peer.reply(request, &created, &[]);
    }
}
