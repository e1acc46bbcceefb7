//! A bound on how many slow computations run at once; who comes later waits, in the order of coming.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A number of permits.
#[derive(Debug)]
pub struct Permits {
    count: u64,
    queue: Mutex<Queue>,
    moved: Condvar,
}

/// Ticket `n` is a permit once all but the last `count` before it were given back.
#[derive(Debug, Default)]
struct Queue {
    tickets: u64,
    returned: u64,
}

/// One permit; it returns when dropped.
#[derive(Debug)]
pub struct Permit<'p>(&'p Permits);

impl Permits {
    /// As many permits, at least one.
    pub fn new(count: usize) -> Self {
        let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
        Self { count, queue: Mutex::default(), moved: Condvar::new() }
    }

    /// Waits for a permit.
    pub fn acquire(&self) -> Permit<'_> {
        let mut queue = self.lock();
        let ticket = queue.tickets;
        queue.tickets += 1;
        let waits = |queue: &mut Queue| ticket >= queue.returned.saturating_add(self.count);
        drop(self.moved.wait_while(queue, waits).unwrap_or_else(PoisonError::into_inner));
        Permit(self)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().returned += 1;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn never_more_run_than_there_are_permits_and_all_get_one() {
        let (permits, running, most) = (Permits::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _permit = permits.acquire();
                        most.fetch_max(
                            running.fetch_add(1, Ordering::SeqCst) + 1,
                            Ordering::SeqCst,
                        );
                        std::thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=2).contains(&most.into_inner()));
        assert_eq!(done.into_inner(), 800);
    }

    #[test]
    fn a_permit_comes_back_after_a_panic() {
        let permits = Permits::new(1);
        let panicked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _permit = permits.acquire();
                    std::panic::resume_unwind(Box::new(()));
                })
                .join()
        });
        assert!(panicked.is_err());
        drop(permits.acquire());
    }
}
