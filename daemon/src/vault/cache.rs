//! Free blocks in front of the central bookkeeping, one set for each stack of the pool.
use super::central;
use super::classes::{COUNT, Class};
use std::cell::Cell;

/// Free blocks kept by one stack of the pool, for the thread that has borrowed it.
pub(super) struct Cache {
    bins: [Bin; COUNT],
    /// Bytes of the arena that were taken by way of this stack, less those that were given back.
    balance: Cell<isize>,
}

/// Offsets of free blocks of one class.
struct Bin {
    count: Cell<usize>,
    offsets: [Cell<u32>; MAX_KEPT],
}

const MAX_KEPT: usize = 8;

impl Cache {
    pub(super) fn new() -> Cache {
        let bin = |_| Bin { count: Cell::new(0), offsets: [const { Cell::new(0) }; MAX_KEPT] };
        Cache { bins: std::array::from_fn(bin), balance: Cell::new(0) }
    }

    /// Blocks kept of a class: at most 2 KiB of memory.
    fn limit(class: Class) -> usize {
        (2048 / class.size()).clamp(1, MAX_KEPT)
    }

    /// Notes that a block of that size was taken.
    #[inline]
    pub(super) fn note_taken(&self, bytes: usize) {
        self.balance.set(self.balance.get().wrapping_add_unsigned(bytes));
    }

    /// Notes that a block of that size was given back.
    #[inline]
    pub(super) fn note_given(&self, bytes: usize) {
        self.balance.set(self.balance.get().wrapping_sub_unsigned(bytes));
    }

    /// The balance since it was last asked for.
    pub(super) fn take_balance(&self) -> isize {
        self.balance.take()
    }

    #[inline]
    pub(super) fn take(&self, class: Class) -> Option<usize> {
        let bin = &self.bins[class.index()];
        if bin.count.get() == 0 {
            self.refill(class);
        }
        bin.pop()
    }

    #[inline]
    pub(super) fn give(&self, class: Class, offset: usize) {
        let bin = &self.bins[class.index()];
        if bin.count.get() == Cache::limit(class) {
            let mut central = central::lock();
            for _ in 0..Cache::limit(class).div_ceil(2) {
                bin.give_back(&mut central, class);
            }
        }
        bin.push(offset);
    }

    #[cold]
    fn refill(&self, class: Class) {
        let mut central = central::lock();
        for _ in 0..Cache::limit(class).div_ceil(2) {
            let Some(offset) = central.take_slot(class) else { return };
            self.bins[class.index()].push(offset);
        }
    }

    /// Gives every kept block back.
    pub(super) fn flush(&self) {
        let mut central = central::lock();
        for class in Class::all() {
            while self.bins[class.index()].count.get() > 0 {
                self.bins[class.index()].give_back(&mut central, class);
            }
        }
    }
}

impl Bin {
    #[inline]
    fn pop(&self) -> Option<usize> {
        let count = self.count.get().checked_sub(1)?;
        self.count.set(count);
        Some(self.offsets[count].get() as usize)
    }

    #[inline]
    fn push(&self, offset: usize) {
        let count = self.count.get();
        // An arena has at most 16 MiB.
        self.offsets[count].set(u32::try_from(offset).unwrap_or(u32::MAX));
        self.count.set(count + 1);
    }

    fn give_back(&self, central: &mut central::Central, class: Class) {
        if let Some(offset) = self.pop() {
            central.give_slot(class, offset);
        }
    }
}
