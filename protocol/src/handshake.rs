//! Hello and Welcome: what both sides say before the first request.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Number of the Hello operation in a frame header; no row of the table has it.
pub const HELLO: u16 = 0;
/// Longest `client_name` and `partition` accepted, in bytes.
pub const MAX_NAME: usize = 64;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Requests of the KMS face and of administration.
    Service = 0,
    /// Requests of a PKCS#11 application.
    Application = 1,
    /// No requests: the daemon pushes change events of the attached application's tokens.
    Events = 2,
}

impl TryFrom<u8> for Role {
    type Error = ErrorCode;
    fn try_from(role: u8) -> Result<Self, ErrorCode> {
        Ok(match role {
            0 => Self::Service,
            1 => Self::Application,
            2 => Self::Events,
            _ => return Err(ErrorCode::Malformed),
        })
    }
}

/// The first frame of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Lowest protocol version that the client speaks.
    pub min_version: u8,
    /// Highest protocol version that the client speaks.
    pub max_version: u8,
    /// Number of the [`Role`].
    pub role: u8,
    /// Program name, for the audit log only.
    pub client_name: String,
    /// Joins the application that was given this token, in place of making a new one.
    pub attach: Option<[u8; 16]>,
    /// The partition that KMS requests mean; the default one when absent.
    pub partition: Option<String>,
}

/// The daemon's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Protocol version of everything that follows.
    pub version: u8,
    /// Made anew at each start of the daemon.
    pub instance: [u8; 16],
    /// Number of this connection in the instance.
    pub connection: u32,
    /// Lets further connections of the same process join the application.
    pub attach_token: [u8; 16],
    /// Most bytes of metadata in a frame.
    pub max_meta: u32,
    /// Most bytes of payload in a frame.
    pub max_payload: u32,
    /// Most sessions of the uid.
    pub max_sessions: u32,
    /// Version of the daemon, as text.
    pub daemon_version: String,
    /// What may be done with weak keys: a [`WeakKeys`](crate::weak::WeakKeys) number.
    pub weak_keys: u8,
}

/// Why a side closes the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoAway {
    /// Number of the [`ErrorCode`].
    pub code: u16,
    /// For the log of the other side.
    pub reason: String,
}

/// The id of a request over all connections, in the form of a UUID of version 8 (RFC 9562).
///
/// Both sides compute it from what they know already, so that it costs no byte on the wire.
pub fn request_id(instance: &[u8; 16], connection: u32, request: u64) -> String {
    let mut id = [0; 16];
    id[..6].copy_from_slice(&instance[..6]);
    id[6..10].copy_from_slice(&connection.to_be_bytes());
    id[10..].copy_from_slice(&request.to_be_bytes()[2..]);
    // Version and variant take 6 bits: the connection's upper ones move into the instance's last byte.
    id[5] ^= id[6] & 0xF0;
    id[6] = (id[6] & 0x0F) | 0x80;
    id[4] ^= id[8] & 0xC0;
    id[8] = (id[8] & 0x3F) | 0x80;
    uuid_text(&id)
}

/// The 36 characters of a UUID.
pub fn uuid_text(id: &[u8; 16]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    let mut text = String::with_capacity(36);
    for (index, byte) in id.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_differ_by_connection_and_request() {
        let mut seen = std::collections::HashSet::new();
        for connection in [0, 1, 2, 0x40, 0x80, 0xC000, 0x1000_0000, 0xF000_0000, u32::MAX] {
            for request in 0..100 {
                assert!(seen.insert(request_id(&[7; 16], connection, request)));
            }
        }
        assert_eq!(request_id(&[0xAA; 16], 1, 2), "aaaaaaaa-aaaa-8000-8001-000000000002");
    }
}
