//! The arena's heap: against a model, between threads, and in and out of `run`.
use crate::vault::{Depth, Public, VaultAlloc, heap, init_for_tests, run};
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

const LARGEST: usize = 12_000;
static ZEROS: [u8; LARGEST] = [0; LARGEST];

#[derive(Debug, Clone)]
enum Step {
    Allocate { size: usize, align: usize, zeroed: bool },
    Resize { which: usize, size: usize },
    Free { which: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![4 => 1..300_usize, 2 => 300..3000_usize, 1 => 3000..LARGEST];
    let align = prop_oneof![8 => Just(8), 2 => Just(16), 1 => (0..=12_u32).prop_map(|n| 1 << n)];
    let step = prop_oneof![
        3 => (size.clone(), align, any::<bool>())
            .prop_map(|(size, align, zeroed)| Step::Allocate { size, align, zeroed }),
        2 => (any::<usize>(), size).prop_map(|(which, size)| Step::Resize { which, size }),
        2 => any::<usize>().prop_map(|which| Step::Free { which }),
    ];
    prop::collection::vec(step, 1..120)
}

/// A live block and the byte that fills it.
struct Live {
    block: *mut u8,
    layout: Layout,
    fill: u8,
}

impl Live {
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the block is live, of this size, and arena memory is initialised.
        unsafe { std::slice::from_raw_parts_mut(self.block, self.layout.size()) }
    }

    fn overlaps(&self, other: &Live) -> bool {
        let (a, b) = (self.block.addr(), other.block.addr());
        a < b + other.layout.size() && b < a + self.layout.size()
    }
}

/// Carries the steps out and asserts after each.
fn play(steps: &[Step]) {
    let mut live: Vec<Live> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let fill = u8::try_from(number % 255).unwrap() + 1;
        match *step {
            Step::Allocate { size, align, zeroed } => {
                let layout = Layout::from_size_align(size, align).unwrap();
                let block = if zeroed {
                    // SAFETY: the size is not zero.
                    unsafe { VaultAlloc.alloc_zeroed(layout) }
                } else {
                    // SAFETY: as above.
                    unsafe { VaultAlloc.alloc(layout) }
                };
                let mut new = Live { block, layout, fill };
                assert!(heap::contains(block) && block.addr().is_multiple_of(align));
                assert!(heap::usable(block) >= size);
                assert!(new.bytes() == &ZEROS[..size], "new memory is not zero");
                assert!(!live.iter().any(|other| new.overlaps(other)));
                new.bytes().fill(fill);
                live.push(new);
            }
            Step::Resize { which, size } if !live.is_empty() => {
                let index = which % live.len();
                let old = live.swap_remove(index);
                // SAFETY: a live block with its layout; the new size is not zero.
                let block = unsafe { VaultAlloc.realloc(old.block, old.layout, size) };
                let layout = Layout::from_size_align(size, old.layout.align()).unwrap();
                let mut new = Live { block, layout, fill };
                assert!(heap::contains(block) && block.addr().is_multiple_of(layout.align()));
                let kept = old.layout.size().min(size);
                assert!(new.bytes()[..kept].iter().all(|byte| *byte == old.fill));
                assert!(new.bytes()[kept..] == ZEROS[..size - kept], "growth is not zero");
                assert!(!live.iter().any(|other| new.overlaps(other)));
                new.bytes().fill(fill);
                live.push(new);
            }
            Step::Free { which } if !live.is_empty() => {
                let index = which % live.len();
                free(live.swap_remove(index));
            }
            Step::Resize { .. } | Step::Free { .. } => {}
        }
    }
    live.into_iter().for_each(free);
}

fn free(mut live: Live) {
    let fill = live.fill;
    assert!(live.bytes().iter().all(|byte| *byte == fill), "somebody else wrote here");
    // SAFETY: a live block with its layout, not used again.
    unsafe { VaultAlloc.dealloc(live.block, live.layout) };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_heap_behaves_as_its_model(steps in steps()) {
        init_for_tests();
        prop_assert_eq!(run(Depth::Small, |_| play(&steps)), Ok(()));
    }
}

#[test]
fn what_run_allocates_is_secret_and_what_grows_there_moves_in() {
    init_for_tests();
    let mut outer: Vec<u8> = Vec::with_capacity(8);
    assert!(!heap::contains(outer.as_ptr()));
    let places = run(Depth::Small, |inside| {
        let secret = vec![1_u8; 100];
        let public = inside.outside(|| vec![1_u8; 100]);
        let published = inside.publish(&secret).0;
        let after = vec![2_u8; 100];
        outer.extend_from_slice(&[9; 64]);
        let all = [&secret, &public, &published, &after].map(|vec| heap::contains(vec.as_ptr()));
        Public(all)
    });
    assert_eq!(places, Ok(Public([true, false, false, true])));
    assert!(heap::contains(outer.as_ptr()));
    outer.extend_from_slice(&[9; 4096]);
    assert!(heap::contains(outer.as_ptr()), "a secret object left the arena as it grew");
    assert!(!heap::contains(vec![0_u8; 8].as_ptr()));
}

#[test]
fn the_ordinary_heap_ends_with_a_panic_in_it() {
    init_for_tests();
    let place = run(Depth::Small, |inside| {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            inside.outside(|| panic!("as expected"));
        }));
        (caught.is_err(), heap::contains(vec![1_u8; 10].as_ptr()))
    });
    assert_eq!(place, Ok((true, true)));
}

const THREADS: usize = 4;
const BATCHES: usize = 2500;
const BATCH: usize = 100;

/// Addresses of blocks.
type Batch = Vec<usize>;

#[test]
fn a_million_blocks_handed_between_threads_are_zero_when_new() {
    init_for_tests();
    let (mut senders, mut receivers): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| sync_channel::<Batch>(2)).unzip();
    receivers.rotate_left(1);
    std::thread::scope(|scope| {
        for seed in 1..=THREADS {
            let (next, previous) = (senders.pop().unwrap(), receivers.pop().unwrap());
            scope.spawn(move || hand_on(u64::try_from(seed).unwrap(), next, &previous));
        }
    });
}

/// Allocates and passes on; frees what comes, half of it inside `run`, half outside, without a size.
fn hand_on(seed: u64, next: SyncSender<Batch>, previous: &Receiver<Batch>) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for number in 0..BATCHES {
        let mut batch = Vec::with_capacity(BATCH);
        let dirty = run(Depth::Small, |_| {
            (0..BATCH).filter(|_| !is_clean_and_filled(&mut state, &mut batch)).count()
        });
        assert_eq!(dirty, Ok(0));
        next.send(batch).unwrap();
        if number == 0 {
            continue; // one batch stays under way
        }
        let mut batch = previous.recv().unwrap();
        let rest = batch.split_off(batch.len() / 2);
        run(Depth::Small, |_| release(&batch)).unwrap();
        release(&rest);
    }
    drop(next);
    for batch in previous {
        release(&batch);
    }
}

fn is_clean_and_filled(state: &mut u64, batch: &mut Batch) -> bool {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    let random = usize::try_from(*state >> 33).unwrap();
    let size = if random.is_multiple_of(50) { 1 + random % LARGEST } else { 1 + random % 400 };
    let block = heap::allocate(size, 8);
    assert!(!block.is_null());
    // SAFETY: a live block of this size, initialised as arena memory is.
    let bytes = unsafe { std::slice::from_raw_parts_mut(block, size) };
    let clean = bytes == &ZEROS[..size];
    bytes.fill(0xEE);
    batch.push(block.expose_provenance());
    clean
}

fn release(batch: &[usize]) {
    for block in batch {
        let block = std::ptr::with_exposed_provenance_mut(*block);
        // SAFETY: a block of `allocate` that its maker handed over.
        unsafe { heap::release(block, heap::usable(block)) };
    }
}
