//! A bound on how many slow computations run at once; who comes later waits, in the order of coming.
//!
//! A uid has no more permits than were free before it took the last one, so the last permit of several is kept for who
//! has none: nobody waits for more than one computation of another, however many of them are asked for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::share::is_fair;

/// A number of permits.
#[derive(Debug)]
pub struct Permits {
    count: usize,
    queue: Mutex<Queue>,
    moved: Condvar,
}

/// Who has permits and who waits.
#[derive(Debug, Default)]
struct Queue {
    taken: usize,
    of_uid: HashMap<u32, usize>,
    waiting: VecDeque<Ticket>,
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    number: u64,
    uid: u32,
}

/// One permit; it returns when dropped.
#[derive(Debug)]
pub struct Permit<'p> {
    permits: &'p Permits,
    uid: u32,
}

impl Permits {
    /// As many permits, at least one.
    pub fn new(count: usize) -> Self {
        Self { count: count.max(1), queue: Mutex::default(), moved: Condvar::new() }
    }

    /// Waits for a permit for that uid.
    pub fn acquire(&self, uid: u32) -> Permit<'_> {
        let mut queue = self.lock();
        queue.last = queue.last.wrapping_add(1);
        let ticket = Ticket { number: queue.last, uid };
        queue.waiting.push_back(ticket);
        let waits = |queue: &mut Queue| queue.next(self.count) != Some(ticket);
        let mut queue = self.moved.wait_while(queue, waits).unwrap_or_else(PoisonError::into_inner);
        queue.waiting.retain(|waiting| *waiting != ticket);
        queue.taken += 1;
        *queue.of_uid.entry(uid).or_default() += 1;
        let others_wait = !queue.waiting.is_empty();
        drop(queue);
        if others_wait {
            // There may be another permit, for the next one.
            self.moved.notify_all();
        }
        Permit { permits: self, uid }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Whose turn it is: the first in the queue whose uid may have one more.
    fn next(&self, count: usize) -> Option<Ticket> {
        let may = |ticket: &&Ticket| {
            let own = self.of_uid.get(&ticket.uid).copied().unwrap_or(0);
            is_fair(own, 1, self.taken, count)
        };
        self.waiting.iter().find(may).copied()
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut queue = self.permits.lock();
        queue.taken -= 1;
        if let Some(own) = queue.of_uid.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                queue.of_uid.remove(&self.uid);
            }
        }
        drop(queue);
        self.permits.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    #[test]
    fn never_more_run_than_there_are_permits_and_all_get_one() {
        let (permits, running, most) = (Permits::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for uid in [1, 1, 1, 1, 2, 2, 2, 3] {
                let (permits, running, most, done) = (&permits, &running, &most, &done);
                scope.spawn(move || {
                    for _ in 0..100 {
                        let _permit = permits.acquire(uid);
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
        assert!((1..=3).contains(&most.into_inner()));
        assert_eq!(done.into_inner(), 800);
    }

    #[test]
    fn a_uid_that_holds_all_it_may_and_asks_for_more_keeps_nobody_waiting() {
        for (count, most) in [(1, 1), (2, 1), (3, 2), (4, 2), (32, 16)] {
            let permits = Permits::new(count);
            let held: Vec<_> = (0..most).map(|_| permits.acquire(1000)).collect();
            let (told, next) = mpsc::channel();
            std::thread::scope(|scope| {
                let waiting = &permits;
                let told_of = told.clone();
                scope.spawn(move || {
                    let permit = waiting.acquire(1000);
                    told_of.send(1000).unwrap();
                    drop(permit);
                });
                while permits.lock().waiting.is_empty() {
                    std::thread::yield_now();
                }
                if count > 1 {
                    // Came later, and is first.
                    let permit = permits.acquire(1001);
                    told.send(1001).unwrap();
                    assert_eq!(next.recv(), Ok(1001));
                    assert!(next.try_recv().is_err(), "{count}");
                    drop(permit);
                }
                drop(held);
                assert_eq!(next.recv(), Ok(1000));
            });
        }
    }

    #[test]
    fn a_permit_comes_back_after_a_panic() {
        let permits = Permits::new(1);
        let panicked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _permit = permits.acquire(1000);
                    std::panic::resume_unwind(Box::new(()));
                })
                .join()
        });
        assert!(panicked.is_err());
        drop(permits.acquire(1001));
    }
}
