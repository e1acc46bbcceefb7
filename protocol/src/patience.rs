//! How long either side looks for the next frame before it sleeps.
//!
//! A process that sleeps is woken by the other side, and on another, idle CPU that costs more than a small operation
//! takes. So whoever got the last frame soon looks for the next one for a moment, and gives the CPU up in between to
//! whoever wants it. Who waits longer, or finds the CPU wanted, sleeps at once.

use std::time::{Duration, Instant};

/// How long to look: what the frames of a busy peer take, and no more than that for one that is not.
const LOOK: Duration = Duration::from_micros(50);
/// A frame that came within this, the waking included, would have come while looking.
const SOON: Duration = Duration::from_micros(100);
/// Looking once and giving up the CPU takes less, unless somebody else ran meanwhile.
const ALONE: Duration = Duration::from_micros(5);

/// What one side of a connection has learned of the other.
#[derive(Debug, Default)]
pub struct Patience {
    /// Whether the last frame came soon.
    is_quick: bool,
}

impl Patience {
    /// Waits for something: looks with `look` while that promises to be short, then sleeps in `sleep`.
    pub fn wait<T>(&mut self, mut look: impl FnMut() -> Option<T>, sleep: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        if self.is_quick {
            let mut last = begun;
            loop {
                if let Some(found) = look() {
                    return found;
                }
                std::thread::yield_now();
                let now = Instant::now();
                if now - last > ALONE || now - begun > LOOK {
                    break;
                }
                last = now;
            }
        }
        let found = sleep();
        self.is_quick = begun.elapsed() < SOON;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_stranger_is_not_looked_for() {
        let looked = Cell::new(0);
        let found = Patience::default().wait(
            || {
                looked.set(looked.get() + 1);
                Some(1)
            },
            || 2,
        );
        assert_eq!((found, looked.get()), (2, 0));
    }

    #[test]
    fn who_came_soon_is_looked_for_and_who_did_not_is_not() {
        let mut patience = Patience { is_quick: true };
        assert_eq!(patience.wait(|| Some(1), || 2), 1);
        // Nothing comes, and in the end only after a long sleep.
        let slept = patience.wait(
            || None,
            || {
                std::thread::sleep(SOON);
                3
            },
        );
        assert_eq!(slept, 3);
        assert!(!patience.is_quick);
    }
}
