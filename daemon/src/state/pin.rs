//! What wrong PINs lead to: delays, then a lock.

use coffer_protocol::operation::token::PinState;

/// Seconds to wait before the next try, by the number of failures so far.
pub const DELAYS: [u64; 10] = [0, 0, 1, 2, 4, 8, 16, 32, 60, 60];

/// As many failures lock a PIN.
pub const LOCKED_AT: u32 = 10;

/// Seconds after the last failure before another try is heard; `None`: the PIN is locked.
pub fn delay(failures: u32) -> Option<u64> {
    DELAYS.get(usize::try_from(failures).ok()?).copied()
}

/// What a client is shown of a number of failures.
pub fn state(failures: u32) -> PinState {
    match failures {
        0 => PinState::Fresh,
        LOCKED_AT.. => PinState::Locked,
        _ if failures + 1 == LOCKED_AT => PinState::FinalTry,
        _ => PinState::CountLow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_where_the_lock_begins() {
        assert_eq!(DELAYS.len(), LOCKED_AT as usize);
        assert_eq!(delay(LOCKED_AT - 1), Some(60));
        assert_eq!(delay(LOCKED_AT), None);
        assert!(DELAYS.is_sorted());
        assert_eq!(state(LOCKED_AT - 1), PinState::FinalTry);
        assert_eq!(state(LOCKED_AT), PinState::Locked);
    }
}
