//! The one error of this crate: what came between a request and its reply.

use std::io;

use coffer_protocol::error::Failure;

/// Why a call has no reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made; nothing was sent.
    #[error("the daemon cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// Somebody else listens on the socket; nothing was sent.
    #[error("the socket is served by uid {uid}, which is neither root, coffer nor you")]
    Untrusted {
        /// The uid of the listener.
        uid: u32,
    },
    /// The connection broke; the request may or may not have been carried out.
    #[error("the connection to the daemon broke: {0}")]
    Lost(#[source] io::Error),
    /// The other side does not keep to the protocol.
    #[error("the daemon does not keep to the protocol: {0}")]
    Protocol(&'static str),
    /// The daemon closed the connection and said why.
    #[error("the daemon closed the connection: {0}")]
    GoAway(Failure),
    /// The daemon refused the request.
    #[error("{failure}")]
    Refused {
        /// Its reason.
        failure: Failure,
        /// The request; 0 when it was refused here, before it was sent.
        request_id: u64,
    },
}

impl Error {
    /// The daemon's reason, where it gave one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Refused { failure, .. } | Self::GoAway(failure) => Some(failure),
            Self::Unreachable(_) | Self::Untrusted { .. } | Self::Lost(_) | Self::Protocol(_) => {
                None
            }
        }
    }

    /// Whether the connection is of no more use.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}
