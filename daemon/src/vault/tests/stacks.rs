//! The pool of stacks, and what is left on them.
use crate::vault::{Config, Depth, Error, Public, init_for_tests, load, run, stack_use, vault};
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

#[test]
fn a_stack_is_all_zero_after_run() {
    init_for_tests();
    for (depth, bytes) in [(Depth::Small, 20 << 10), (Depth::Large, 400 << 10)] {
        let seen = run(depth, |_| {
            if bytes > 20 << 10 { mark::<{ 400 << 10 }>() } else { mark::<{ 20 << 10 }>() }
        });
        assert_eq!(seen, Ok(bytes));
        assert_eq!(vault().unwrap().pool(depth).residue(), 0);
    }
}

/// Fills stack with marks; how many there were.
#[inline(never)]
fn mark<const N: usize>() -> usize {
    let marks = [0xC3_u8; N];
    black_box(&marks).chunks(64).filter(|part| *part == [0xC3; 64]).count() * 64
}

#[test]
fn the_use_of_stack_is_seen_to_its_deepest() {
    init_for_tests();
    let ((), little) = stack_use(|_| ()).unwrap();
    let (bytes, much) = stack_use(|_| mark::<{ 400 << 10 }>()).unwrap();
    assert!(little < 4096, "{little}");
    assert!((bytes..bytes + 4096).contains(&much), "{much}");
    assert_eq!(vault().unwrap().large.residue(), 0);
}

#[test]
fn a_stack_is_all_zero_after_a_panic() {
    init_for_tests();
    let outcome = run(Depth::Small, |_| {
        assert_eq!(mark::<4096>(), 0, "as expected");
    });
    assert_eq!(outcome, Err(Error::Panicked));
    assert_eq!(vault().unwrap().small.residue(), 0);
}

#[test]
fn who_finds_all_stacks_taken_waits_and_is_served() {
    init_for_tests();
    let (inside, release) = (Barrier::new(33), Barrier::new(33));
    let released = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                run(Depth::Small, |_| {
                    inside.wait();
                    release.wait();
                })
                .unwrap();
            });
        }
        inside.wait();
        let late: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| run(Depth::Small, |_| released.load(SeqCst)).unwrap()))
            .collect();
        let deadline = Instant::now() + Duration::from_mins(1);
        while vault().unwrap().small.waiting() < 8 {
            assert!(Instant::now() < deadline, "nobody waits");
            std::thread::yield_now();
        }
        released.store(true, SeqCst);
        release.wait();
        for thread in late {
            assert!(thread.join().unwrap(), "entered while all stacks were taken");
        }
    });
}

#[test]
fn sixty_four_threads_share_the_large_stacks() {
    init_for_tests();
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let sum = load(64, |_| {
                        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                        let sum = (0..100_u64).collect::<Vec<_>>().iter().sum::<u64>();
                        now.fetch_sub(1, SeqCst);
                        Public(sum)
                    });
                    assert_eq!(sum, Ok(Public(4950)));
                }
            });
        }
    });
    let stacks = Config::default().large_stacks;
    assert!((1..=stacks).contains(&most.load(SeqCst)), "{most:?}");
}
