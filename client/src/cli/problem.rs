//! Why a command did not do what was asked: its exit status, and its words for people and for machines.

use std::io;
use std::path::PathBuf;

use coffer_client::Error;
use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::key::KeyState;
use coffer_protocol::message::json::{FieldError, Object};
use serde_json::json;

use super::hint::{self, About};
use super::output;

/// Exit status of wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Exit status when there is no daemon, or when it went away.
pub(crate) const NO_DAEMON: u8 = 3;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No connection could be made.
    Connecting { error: Error, path: PathBuf },
    /// A call had no reply, or a refusal.
    Calling(Error),
    /// The same, of a call about a key.
    Key(Box<KeyProblem>),
    /// The request's JSON is not that of the action.
    Request(Failure),
    /// The command was used wrongly.
    Usage(String),
    /// Something on this side.
    Local(anyhow::Error),
    /// What the daemon that `coffer dev` started said before it ended.
    DaemonEnded(String),
}

/// A call about a key that had no reply, or a refusal; with what is known of the key.
#[derive(Debug)]
pub(crate) struct KeyProblem {
    pub(crate) error: Error,
    /// As it was named.
    pub(crate) key: String,
    /// Where it could be learnt.
    pub(crate) state: Option<KeyState>,
    /// UNIX seconds; 0 where none is set.
    pub(crate) deletion_date: i64,
}

impl KeyProblem {
    fn hint(&self, code: ErrorCode) -> Option<String> {
        let date = output::time(self.deletion_date);
        let date = (self.deletion_date != 0).then_some(date.as_str());
        hint::of(code, About { key: &self.key, state: self.state, date })
    }
}

impl Problem {
    pub(crate) fn connecting(error: Error, path: PathBuf) -> Self {
        Self::Connecting { error, path }
    }

    /// What the client library said, if it is that.
    fn error(&self) -> Option<&Error> {
        match self {
            Self::Connecting { error, .. } | Self::Calling(error) => Some(error),
            Self::Key(problem) => Some(&problem.error),
            Self::Request(_) | Self::Usage(_) | Self::Local(_) | Self::DaemonEnded(_) => None,
        }
    }

    /// Whether it may be over soon: the daemon is away, sealed, or has too much to do.
    pub(crate) fn is_passing(&self) -> bool {
        let failure = self.error().and_then(Error::failure);
        let code = failure.map(Failure::code);
        matches!(code, Some(ErrorCode::Unavailable | ErrorCode::Busy | ErrorCode::RateLimited))
            || self.exit_status() == NO_DAEMON
    }

    /// The code of the KMS API, as the error table has it.
    fn code(&self) -> &'static str {
        let of = |error: &Error| match error.failure() {
            Some(failure) => failure.code().kms(),
            None => ErrorCode::Unavailable.kms(),
        };
        match self {
            Self::Connecting { error, .. } | Self::Calling(error) => of(error),
            Self::Key(problem) => of(&problem.error),
            Self::Request(failure) => failure.code().kms(),
            Self::Usage(_) => ErrorCode::InvalidParameter.kms(),
            Self::Local(_) => ErrorCode::Internal.kms(),
            Self::DaemonEnded(_) => ErrorCode::Unavailable.kms(),
        }
    }

    pub(crate) fn exit_status(&self) -> u8 {
        let of = |error: &Error| match error {
            Error::Refused { failure, .. } => failure.code().exit_status(),
            // Hello is refused for what it asks, a connection that served is not.
            Error::GoAway(failure) if matches!(self, Self::Connecting { .. }) => {
                failure.code().exit_status()
            }
            Error::GoAway(_)
            | Error::Unreachable(_)
            | Error::Untrusted { .. }
            | Error::Lost(_)
            | Error::Protocol(_) => NO_DAEMON,
        };
        match self {
            Self::Connecting { error, .. } | Self::Calling(error) => of(error),
            Self::Key(problem) => of(&problem.error),
            Self::Request(failure) => failure.code().exit_status(),
            Self::Usage(_) => USAGE,
            Self::Local(_) => 1,
            Self::DaemonEnded(_) => NO_DAEMON,
        }
    }

    /// What happened.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Connecting { error, path } => format!("{error} (socket {})", path.display()),
            Self::Calling(error) => error.to_string(),
            Self::Key(problem) => format!("{}: {}", problem.key, problem.error),
            Self::Request(failure) => failure.to_string(),
            Self::Usage(message) | Self::DaemonEnded(message) => message.clone(),
            Self::Local(error) => format!("{error:#}"),
        }
    }

    /// What to do next, where the message does not say it.
    pub(crate) fn advice(&self) -> Option<String> {
        let said = match self.error()? {
            Error::Unreachable(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
                "Members of the group coffer-clients may use keys; administration is for the \
                 daemon's owner. `coffer doctor` looks at both."
            }
            Error::Unreachable(_) => {
                "Start it with `systemctl start cofferd.socket`, or try `coffer dev`. \
                 `coffer doctor` finds out more."
            }
            Error::Untrusted { .. } => {
                "Somebody may be posing as the daemon; ask whoever runs that process."
            }
            Error::Lost(_) => {
                "The request may have been carried out; see `coffer status` and the audit log."
            }
            Error::Protocol(_) => "The daemon and this command may differ in version.",
            Error::GoAway(failure) | Error::Refused { failure, .. } => {
                return match self {
                    Self::Key(problem) => problem.hint(failure.code()),
                    _ => hint::of(failure.code(), About::UNKNOWN),
                };
            }
        };
        Some(said.to_owned())
    }

    /// The object that machines read in place of a reply.
    pub(crate) fn to_json(&self, request_id: &str) -> Object {
        let mut object = Object::new();
        object.insert("Error".to_owned(), json!({"Code": self.code(), "Message": self.message()}));
        object.insert("RequestId".to_owned(), request_id.into());
        if let Self::Key(problem) = self {
            object.insert("Key".to_owned(), problem.key.as_str().into());
        }
        object
    }

    /// Says it, and returns the exit status.
    pub(crate) fn report(&self, json: bool) -> u8 {
        if self.is_closed_output() {
            return 1;
        }
        if json {
            // Nobody is left to tell when this fails, too.
            let _ = output::line(&self.to_json(&local_request_id()));
        }
        eprintln!("coffer: {}", self.message());
        if let Some(advice) = self.advice() {
            eprintln!("        {advice}");
        }
        self.exit_status()
    }

    /// Whether the reader of standard output left, as `head` does.
    fn is_closed_output(&self) -> bool {
        let Self::Local(error) = self else { return false };
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Calling(error)
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::Request(error.failure())
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Request(failure)
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::Local(error)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Local(error.into())
    }
}

/// The id of a request that was refused before it was sent: a UUID of version 4 (RFC 9562), which no audit
/// record has.
pub(crate) fn local_request_id() -> String {
    let mut id = [0; 16];
    // Without random numbers the id is the same each time, which hurts nobody.
    let _ = getrandom::fill(&mut id);
    id[6] = id[6] & 0x0F | 0x40;
    id[8] = id[8] & 0x3F | 0x80;
    coffer_protocol::handshake::uuid_text(&id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode) -> Problem {
        Problem::Calling(Error::Refused { failure: code.into(), request_id: 1 })
    }

    #[test]
    fn exit_statuses_follow_the_error_table() {
        assert_eq!(refused(ErrorCode::CmkDisabled).exit_status(), 1);
        assert_eq!(refused(ErrorCode::Unauthorized).exit_status(), 4);
        assert_eq!(refused(ErrorCode::AuthFailure).exit_status(), 4);
        let gone = || Error::GoAway(ErrorCode::PartitionNotFound.into());
        assert_eq!(Problem::Calling(gone()).exit_status(), NO_DAEMON);
        assert_eq!(Problem::connecting(gone(), "x".into()).exit_status(), 1);
        let lost = Error::Lost(io::ErrorKind::UnexpectedEof.into());
        assert_eq!(Problem::Calling(lost).exit_status(), NO_DAEMON);
    }

    #[test]
    fn what_is_over_soon_is_told_from_what_stays() {
        let lost = || Error::Lost(io::ErrorKind::UnexpectedEof.into());
        assert!(Problem::Calling(lost()).is_passing());
        assert!(refused(ErrorCode::Unavailable).is_passing());
        assert!(!refused(ErrorCode::Unauthorized).is_passing());
        assert!(!Problem::Usage(String::new()).is_passing());
    }

    #[test]
    fn failures_have_the_documented_shape() {
        let problem = Problem::from(FieldError::Missing("KeyId"));
        assert_eq!(
            serde_json::Value::Object(problem.to_json("r")),
            json!({
                "Error": {"Code": "MissingParameter", "Message": "A required field is missing. (KeyId)"},
                "RequestId": "r",
            })
        );
    }

    #[test]
    fn local_request_ids_are_uuids_of_version_4() {
        let id = local_request_id();
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert_ne!(id, local_request_id());
    }
}
