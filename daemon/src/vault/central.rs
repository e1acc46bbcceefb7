//! Bookkeeping of the arena: which pages and which slots of a slab are taken. It deals in offsets and
//! never touches the arena itself, so neither a wild write nor a stale read there can corrupt it.
use super::classes::{COUNT, Class, PAGE};
use std::process::abort;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest arena: 16 MiB.
pub(super) const MAX_PAGES: usize = 4096;
const NONE: u16 = u16::MAX;

/// Kinds of a page; a slab of class n has the kind `SLAB + n`.
const FREE: u8 = 0;
const RUN: u8 = 1;
const RUN_TAIL: u8 = 2;
const SLAB: u8 = 3;

/// Kind of every page. Written under the mutex; read without it only for a live block, whose page
/// keeps its kind as long as the block lives.
static KIND: [AtomicU8; MAX_PAGES] = [const { AtomicU8::new(FREE) }; MAX_PAGES];
static FREE_PAGES: AtomicUsize = AtomicUsize::new(0);
static CENTRAL: Mutex<Central> =
    Mutex::new(Central { pages: Vec::new(), partial: [NONE; COUNT], low: 0 });

/// What a live block is, by its offset.
pub(super) enum Place {
    Slot(Class),
    Run,
}

/// Tells what the block at `offset` is; a pointer to no block means a corrupted heap and aborts.
#[inline]
pub(super) fn place(offset: usize) -> Place {
    match KIND[offset / PAGE].load(Relaxed) {
        RUN if offset.is_multiple_of(PAGE) => Place::Run,
        kind => match kind.checked_sub(SLAB).and_then(|row| Class::from_index(row.into())) {
            Some(class) => Place::Slot(class),
            None => abort(),
        },
    }
}

/// Bytes in wholly free pages.
pub(super) fn free_bytes() -> usize {
    FREE_PAGES.load(Relaxed) * PAGE
}

pub(super) fn lock() -> MutexGuard<'static, Central> {
    CENTRAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// State of a slab, kept at its first page; of the other pages only `first` is used.
#[derive(Clone, Copy)]
struct Page {
    first: u16,
    span: u16,
    used: u16,
    next: u16,
    previous: u16,
    /// In the list of slabs of its class that have a free slot.
    listed: bool,
    /// One bit for each slot that is taken.
    taken: [u64; 4],
}

const EMPTY: Page =
    Page { first: 0, span: 0, used: 0, next: NONE, previous: NONE, listed: false, taken: [0; 4] };

pub(super) struct Central {
    pages: Vec<Page>,
    /// For each class, a list of slabs with a free slot.
    partial: [u16; COUNT],
    /// No page before this one is free.
    low: usize,
}

impl Central {
    /// Takes charge of an arena of `pages` pages. Called once.
    pub(super) fn install(&mut self, pages: usize) {
        assert!(pages <= MAX_PAGES, "Config is checked by init");
        self.pages = vec![EMPTY; pages];
        FREE_PAGES.store(pages, Relaxed);
    }

    /// Takes `count` consecutive pages for one block.
    pub(super) fn take_run(&mut self, count: usize) -> Option<usize> {
        let first = self.take_pages(count, RUN, RUN_TAIL)?;
        Some(first * PAGE)
    }

    /// Takes a slot; its offset.
    pub(super) fn take_slot(&mut self, class: Class) -> Option<usize> {
        if self.partial[class.index()] == NONE {
            let kind = SLAB + class.row();
            let first = self.take_pages(class.pages(), kind, kind)?;
            self.link(class, index16(first));
        }
        let index = self.partial[class.index()];
        let page = &mut self.pages[usize::from(index)];
        let word = page.taken.iter().position(|word| *word != u64::MAX)?;
        let bit = page.taken[word].trailing_ones();
        page.taken[word] |= 1 << bit;
        page.used += 1;
        if usize::from(page.used) == class.slots() {
            self.unlink(class, index);
        }
        let slot = word * 64 + bit as usize;
        Some(usize::from(index) * PAGE + slot * class.size())
    }

    /// Gives a block of pages back, wiped by the caller; tells how many bytes they are.
    pub(super) fn give_run(&mut self, offset: usize) -> usize {
        let bytes = self.run_bytes(offset);
        self.give_pages(offset / PAGE);
        bytes
    }

    /// Gives a slot back, wiped by the caller. Freed twice, or no slot of ours: abort.
    pub(super) fn give_slot(&mut self, class: Class, offset: usize) {
        let index = self.pages[offset / PAGE].first;
        let within = offset - usize::from(index) * PAGE;
        let slot = within / class.size();
        let (word, bit) = (slot / 64, 1_u64 << (slot % 64));
        let page = &mut self.pages[usize::from(index)];
        if !within.is_multiple_of(class.size()) || page.taken[word] & bit == 0 {
            abort();
        }
        page.taken[word] &= !bit;
        page.used -= 1;
        let (used, listed) = (page.used, page.listed);
        if !listed {
            self.link(class, index);
        }
        // One empty slab of a class is kept, so that a lone block does not move pages all the time.
        let alone =
            self.partial[class.index()] == index && self.pages[usize::from(index)].next == NONE;
        if used == 0 && !alone {
            self.dissolve(class, index);
        }
    }

    /// Gives the kept empty slabs back too.
    pub(super) fn trim(&mut self) {
        for class in Class::all() {
            let mut index = self.partial[class.index()];
            while index != NONE {
                let page = self.pages[usize::from(index)];
                if page.used == 0 {
                    self.dissolve(class, index);
                }
                index = page.next;
            }
        }
    }

    /// Length in bytes of the run at `offset`.
    pub(super) fn run_bytes(&self, offset: usize) -> usize {
        usize::from(self.pages[offset / PAGE].span) * PAGE
    }

    fn dissolve(&mut self, class: Class, index: u16) {
        self.unlink(class, index);
        self.give_pages(index.into());
    }

    fn take_pages(&mut self, count: usize, head: u8, tail: u8) -> Option<usize> {
        let free = |page: usize| KIND[page].load(Relaxed) == FREE;
        while self.low < self.pages.len() && !free(self.low) {
            self.low += 1;
        }
        let (mut first, mut run) = (self.low, 0);
        while run < count {
            if first + run >= self.pages.len() {
                return None;
            }
            if free(first + run) {
                run += 1;
            } else {
                first += run + 1;
                run = 0;
            }
        }
        for kind in &KIND[first..first + count] {
            kind.store(tail, Relaxed);
        }
        KIND[first].store(head, Relaxed);
        for page in &mut self.pages[first..first + count] {
            page.first = index16(first);
        }
        self.pages[first] = Page { first: index16(first), span: index16(count), ..EMPTY };
        FREE_PAGES.fetch_sub(count, Relaxed);
        Some(first)
    }

    fn give_pages(&mut self, first: usize) {
        let count = usize::from(self.pages[first].span);
        for kind in &KIND[first..first + count] {
            kind.store(FREE, Relaxed);
        }
        self.low = self.low.min(first);
        FREE_PAGES.fetch_add(count, Relaxed);
    }

    fn link(&mut self, class: Class, index: u16) {
        let head = std::mem::replace(&mut self.partial[class.index()], index);
        if head != NONE {
            self.pages[usize::from(head)].previous = index;
        }
        let page = &mut self.pages[usize::from(index)];
        (page.next, page.previous, page.listed) = (head, NONE, true);
    }

    fn unlink(&mut self, class: Class, index: u16) {
        let Page { next, previous, .. } = self.pages[usize::from(index)];
        match previous {
            NONE => self.partial[class.index()] = next,
            before => self.pages[usize::from(before)].next = next,
        }
        if next != NONE {
            self.pages[usize::from(next)].previous = previous;
        }
        self.pages[usize::from(index)].listed = false;
    }
}

/// Page numbers are below [`MAX_PAGES`].
fn index16(page: usize) -> u16 {
    u16::try_from(page).unwrap_or_else(|_| abort())
}
