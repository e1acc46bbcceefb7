//! The output convention of PKCS#11 section 5.2, as safe code sees it.

use zeroize::Zeroizing;

/// What a caller offers for a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Nothing: the caller asks for the length.
    Query,
    /// A place for that many values.
    Values(usize),
}

/// What a caller gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// The length that it asked for.
    Length(usize),
    /// `CKR_BUFFER_TOO_SMALL` and the length that is needed.
    TooSmall(usize),
    /// The result.
    Bytes(Zeroizing<Vec<u8>>),
}

impl Room {
    /// The answer that needs no work, when the result has exactly `needed` bytes.
    pub fn answer_exact(self, needed: usize) -> Option<Output> {
        match self {
            Self::Query => Some(Output::asked(needed)),
            Self::Values(room) if room < needed => Some(Output::TooSmall(needed)),
            Self::Values(_) => None,
        }
    }

    /// The answer that needs no work, when the result has at most `bound` bytes.
    pub fn answer_bound(self, bound: usize) -> Option<Output> {
        match self {
            Self::Query => Some(Output::asked(bound)),
            Self::Values(_) => None,
        }
    }

    /// The result, where it fits; otherwise `keep` is given it for the repeated call.
    pub fn offer(
        self,
        result: Zeroizing<Vec<u8>>,
        keep: impl FnOnce(Zeroizing<Vec<u8>>),
    ) -> Output {
        match self {
            Self::Values(room) if result.len() <= room => Output::Bytes(result),
            Self::Query | Self::Values(_) => {
                let needed = result.len();
                keep(result);
                Output::TooSmall(needed)
            }
        }
    }
}

impl Output {
    /// The answer to a query, which may exceed the length that is needed. It is never zero: for no bytes many
    /// callers have no place either and pass NULL, which would ask again, and nothing would be done.
    fn asked(needed: usize) -> Self {
        Self::Length(needed.max(1))
    }

    /// Whether the operation is over: the result is out.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Bytes(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_and_a_short_buffer_are_answered_without_work() {
        assert_eq!(Room::Query.answer_exact(5), Some(Output::Length(5)));
        assert_eq!(Room::Values(4).answer_exact(5), Some(Output::TooSmall(5)));
        assert_eq!(Room::Values(5).answer_exact(5), None);
        assert_eq!(Room::Values(0).answer_bound(5), None);
    }

    #[test]
    fn a_result_is_handed_out_or_kept() {
        let result = || Zeroizing::new(vec![7; 5]);
        let mut kept = None;
        assert_eq!(
            Room::Values(5).offer(result(), |kept_now| kept = Some(kept_now)),
            Output::Bytes(result())
        );
        assert_eq!(kept, None);
        assert_eq!(
            Room::Values(4).offer(result(), |kept_now| kept = Some(kept_now)),
            Output::TooSmall(5)
        );
        assert_eq!(kept, Some(result()));
    }

    #[test]
    fn a_query_for_what_is_empty_asks_for_a_place() {
        for answer in [Room::answer_exact, Room::answer_bound] {
            assert_eq!(answer(Room::Query, 0), Some(Output::Length(1)));
            assert_eq!(answer(Room::Values(0), 0), None);
        }
    }
}
