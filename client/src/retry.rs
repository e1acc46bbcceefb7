//! Which calls are made again, and when.
//!
//! A call is made again where it was surely not carried out, or where it changes nothing. A change whose reply was lost
//! is never made again, unless the request has a name by which the daemon knows it, a ClientToken.

use std::io;
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;

use crate::Error;

/// How often a call is made before it counts as failed, and how long to wait in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often it is made, the first time counted.
    pub attempts: u32,
    /// The wait after the first time; each is twice as long as the one before.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Retries {
    /// Every call is made once.
    pub const NONE: Self =
        Self { attempts: 1, first_wait: Duration::ZERO, longest_wait: Duration::ZERO };
}

impl Default for Retries {
    /// Four times, with 140 milliseconds of waiting in all: enough for a daemon that has much to do, or lets its socket go
    /// and takes it again, and short enough for people to wait.
    fn default() -> Self {
        let (first_wait, longest_wait) = (Duration::from_millis(20), Duration::from_millis(500));
        Self { attempts: 4, first_wait, longest_wait }
    }
}

/// What is known of a call that has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not all of the request went out, so nobody carried it out.
    NotExecuted,
    /// All of it did.
    Unknown,
}

/// Whether a call changes nothing when it is made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    Harmless,
    Harmful,
}

impl Retries {
    /// How long to wait before a call is made again; `None` where it is not. It was made `made` times.
    pub(crate) fn wait(
        &self,
        made: u32,
        (error, fate): (&Error, Fate),
        repeated: Repeated,
        deadline: Option<Instant>,
    ) -> Option<Duration> {
        if made >= self.attempts || !may_repeat(error, fate, repeated) {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(1 << (made - 1).min(20));
        let wait = doubled.min(self.longest_wait);
        let in_time = |deadline| Instant::now() + wait < deadline;
        deadline.is_none_or(in_time).then_some(wait)
    }
}

fn may_repeat(error: &Error, fate: Fate, repeated: Repeated) -> bool {
    let is_safe = fate == Fate::NotExecuted || repeated == Repeated::Harmless;
    match error {
        // What is refused is not carried out.
        Error::Refused { failure, .. } => passes(failure),
        Error::GoAway(failure) => passes(failure) && is_safe,
        Error::Unreachable(cause) => {
            !matches!(cause.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput)
        }
        Error::Lost(_) => is_safe,
        Error::Untrusted { .. } | Error::Protocol(_) => false,
    }
}

/// Whether a refusal has its cause in the moment: a daemon that starts, ends, or has much to do.
fn passes(failure: &Failure) -> bool {
    matches!(failure.code(), ErrorCode::Unavailable | ErrorCode::Busy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Fate::{NotExecuted, Unknown};
    use Repeated::{Harmful, Harmless};

    fn refused(code: ErrorCode) -> Error {
        Error::Refused { failure: code.into(), request_id: 1 }
    }

    #[test]
    fn a_lost_reply_is_asked_for_again_only_where_that_is_harmless() {
        let lost = Error::Lost(io::ErrorKind::UnexpectedEof.into());
        let going = Error::GoAway(ErrorCode::Unavailable.into());
        for error in [lost, going] {
            assert!(may_repeat(&error, NotExecuted, Harmful));
            assert!(may_repeat(&error, Unknown, Harmless));
            assert!(!may_repeat(&error, Unknown, Harmful));
        }
    }

    #[test]
    fn of_refusals_only_those_of_the_moment_are_tried_again() {
        for &code in ErrorCode::ALL {
            let passing = matches!(code, ErrorCode::Unavailable | ErrorCode::Busy);
            assert_eq!(may_repeat(&refused(code), Unknown, Harmful), passing, "{code:?}");
            assert_eq!(may_repeat(&Error::GoAway(code.into()), NotExecuted, Harmful), passing);
        }
        assert!(!may_repeat(&Error::Untrusted { uid: 1 }, NotExecuted, Harmless));
        assert!(!may_repeat(&Error::Protocol("x"), NotExecuted, Harmless));
        let away = |kind: io::ErrorKind| Error::Unreachable(kind.into());
        assert!(may_repeat(&away(io::ErrorKind::NotFound), NotExecuted, Harmful));
        assert!(!may_repeat(&away(io::ErrorKind::PermissionDenied), NotExecuted, Harmless));
    }

    #[test]
    fn waits_grow_to_a_bound_and_end_with_attempts_or_the_deadline() {
        let milliseconds = Duration::from_millis;
        let retries =
            Retries { attempts: 5, first_wait: milliseconds(10), longest_wait: milliseconds(25) };
        let error = refused(ErrorCode::Busy);
        let wait = |made, deadline| retries.wait(made, (&error, Unknown), Harmful, deadline);
        let waits: Vec<_> = (1..=5).map(|made| wait(made, None)).collect();
        let wanted = [Some(10), Some(20), Some(25), Some(25), None];
        assert_eq!(waits, wanted.map(|wait| wait.map(milliseconds)));
        assert_eq!(wait(1, Some(Instant::now() + milliseconds(5))), None);
        assert_eq!(wait(1, Some(Instant::now() + milliseconds(5000))), Some(milliseconds(10)));
        assert_eq!(Retries::NONE.wait(1, (&error, Unknown), Harmless, None), None);
        let endless = Retries { attempts: u32::MAX, ..retries };
        assert_eq!(endless.wait(1000, (&error, Unknown), Harmful, None), Some(milliseconds(25)));
    }
}
