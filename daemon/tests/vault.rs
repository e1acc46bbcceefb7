//! The vault as the rest of the daemon sees it.
use coffer_daemon::vault::{
    self, Buffer, Depth, Error, MemoryKind, Public, Sealed, Secret, SecretBytes, block_signals,
    init_for_tests, load, load_at, run, status,
};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::Instant;

fn secret_bytes(bytes: &[u8]) -> SecretBytes {
    init_for_tests();
    let made = load_at(Depth::Small, bytes.len(), |inside| SecretBytes::copy_from(inside, bytes));
    made.flatten().expect("room for a small secret")
}

#[test]
fn sixty_four_threads_run_at_once_on_thirty_two_stacks() {
    let key = secret_bytes(b"shared by all of them");
    std::thread::scope(|scope| {
        for number in 0..64_u64 {
            let key = &key;
            scope.spawn(move || {
                block_signals().unwrap();
                for round in 0..200 {
                    let sum = run(Depth::Small, |inside| {
                        let copy = vec![key.get(inside).to_vec(); 8].concat();
                        let sum: u64 = copy.iter().map(|byte| u64::from(*byte)).sum();
                        Public(sum + number * round)
                    });
                    let expected =
                        8 * b"shared by all of them".iter().map(|b| u64::from(*b)).sum::<u64>();
                    assert_eq!(sum, Ok(Public(expected + number * round)));
                }
            });
        }
    });
}

#[test]
fn a_run_inside_a_run_is_refused_and_the_outer_one_goes_on() {
    init_for_tests();
    let outcome = run(Depth::Small, |inside| {
        let nested = run(Depth::Large, |_| ());
        let hidden = inside.outside(|| load(0, |_| ()));
        (nested, hidden, vec![1_u8; 100].len())
    });
    assert_eq!(outcome, Ok((Err(Error::Nested), Err(Error::Nested), 100)));
}

#[test]
fn a_panic_is_an_error_and_the_thread_works_on() {
    init_for_tests();
    for _ in 0..8 {
        let outcome = run(Depth::Small, |_| assert!(vec![0_u8; 5000].is_empty(), "as expected"));
        assert_eq!(outcome, Err(Error::Panicked));
    }
    assert_eq!(run(Depth::Small, |_| true), Ok(true));
}

#[test]
fn handles_are_made_changed_and_dropped_on_different_threads() {
    init_for_tests();
    let mut key =
        load(64, |inside| Secret::<32>::fill(inside, |bytes| bytes.fill(7))).unwrap().unwrap();
    let key = std::thread::spawn(move || {
        run(Depth::Small, |inside| key.get_mut(inside)[31] = 8).unwrap();
        key
    });
    let key = key.join().unwrap();
    let last = run(Depth::Small, |inside| Public(key.get(inside)[30..].to_vec()));
    assert_eq!(last.unwrap().0, [7, 8]);
    assert_eq!(format!("{key:?}"), "Sealed(..)");
    std::thread::spawn(move || drop(key)).join().unwrap();
}

#[test]
fn a_sealed_value_takes_its_own_allocations_along() {
    init_for_tests();
    let words =
        load(4096, |inside| Sealed::new(inside, vec![String::from("one"), "two".repeat(1000)]));
    let words = words.unwrap().unwrap();
    let lengths = run(Depth::Small, |inside| {
        Public(words.get(inside).iter().map(String::len).sum::<usize>())
    });
    assert_eq!(lengths, Ok(Public(3003)));
}

#[test]
fn published_bytes_are_a_copy() {
    let secret = secret_bytes(b"signature");
    let Public(bytes) = run(Depth::Small, |inside| inside.publish(secret.get(inside))).unwrap();
    drop(secret);
    assert_eq!(bytes, b"signature");
}

#[test]
fn loads_beyond_what_there_is_are_refused() {
    init_for_tests();
    let room = status().arena;
    assert_eq!(load(room, |_| ()), Err(Error::Full));
    assert_eq!(load(usize::MAX, |_| ()), Err(Error::Full));
    assert_eq!(Buffer::new(room + 1).map(drop), Err(Error::Full));
    let outcome = run(Depth::Small, |inside| SecretBytes::zeroed(inside, usize::MAX).map(drop));
    assert_eq!(outcome, Ok(Err(Error::Full)));
}

#[test]
fn a_load_that_is_refused_takes_no_room_from_others() {
    init_for_tests();
    std::thread::scope(|scope| {
        let greedy = scope
            .spawn(|| (0..3_000).all(|_| load(status().arena - 1, |_| ()) == Err(Error::Full)));
        while !greedy.is_finished() {
            assert_eq!(load(64, |_| ()), Ok(()));
        }
        assert!(greedy.join().unwrap());
    });
}

#[test]
fn a_frame_goes_through_a_buffer_and_never_past_it() {
    init_for_tests();
    let (mut peer, ours) = UnixStream::pair().unwrap();
    peer.write_all(b"headPIN-1234").unwrap();
    let mut frame = Buffer::new(12).unwrap();
    assert_eq!(frame.capacity(), 12);
    assert_eq!(frame.receive_into(ours.as_fd(), 0..4).unwrap(), 4);
    assert_eq!(frame.public(0..4), b"head");
    assert_eq!(frame.receive(ours.as_fd(), 4).unwrap(), 8);
    let matches = run(Depth::Small, |inside| frame.secret(inside, 4..12) == b"PIN-1234");
    assert_eq!(matches, Ok(true));
    for at in [12, 13, usize::MAX] {
        let refused = frame.receive(ours.as_fd(), at).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }

    frame.public_mut(0..4).copy_from_slice(b"back");
    run(Depth::Small, |inside| frame.secret_mut(inside, 4..8).copy_from_slice(b"pin:")).unwrap();
    assert_eq!(frame.send(ours.as_fd(), 0..12).unwrap(), 12);
    let mut answer = [0; 12];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"backpin:1234");
    let refused = frame.send(ours.as_fd(), 8..13).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);

    frame.wipe(4..12);
    assert_eq!(frame.public(0..12), b"back\0\0\0\0\0\0\0\0");
    drop(peer);
    assert_eq!(frame.receive(ours.as_fd(), 0).unwrap(), 0);
}

#[test]
fn a_buffer_says_when_there_is_nothing_to_read_yet() {
    init_for_tests();
    let (_peer, ours) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let error = Buffer::new(16).unwrap().receive(ours.as_fd(), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn the_kernel_reads_ordinary_memory_for_others_and_not_the_arena() {
    let secret = secret_bytes(b"not to be read");
    if status().kind != MemoryKind::MemfdSecret {
        return println!("skipped: no memfd_secret");
    }
    let place = run(Depth::Small, |inside| Public(secret.get(inside).as_ptr().addr())).unwrap().0;
    let ordinary = b"readable".to_vec();
    let look = |place: usize| -> io::Result<[u8; 8]> {
        let mut bytes = [0; 8];
        let memory = std::fs::File::open("/proc/self/mem")?;
        memory.read_exact_at(&mut bytes, u64::try_from(place).unwrap())?;
        Ok(bytes)
    };
    assert_eq!(&look(ordinary.as_ptr().addr()).unwrap(), b"readable");
    assert_eq!(look(place).unwrap_err().raw_os_error(), Some(5));
}

/// Prints what entering costs; run it alone, and optimised for figures that mean something.
#[test]
#[ignore = "a measurement"]
fn cost_of_an_empty_run() {
    vault::init_for_tests();
    for (depth, length, rounds) in
        [(Depth::Small, 32 << 10, 1_000_000), (Depth::Large, 512 << 10, 20_000)]
    {
        let start = Instant::now();
        for _ in 0..rounds {
            run(depth, |_| ()).unwrap();
        }
        let whole = start.elapsed().as_nanos() / rounds;
        let mut ordinary = vec![1_u8; length];
        let start = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(&mut ordinary).fill(0);
        }
        let fill = start.elapsed().as_nanos() / rounds;
        println!("{depth:?}: {whole} ns; to zero as much ordinary memory: {fill} ns");
    }
    let start = Instant::now();
    run(Depth::Small, |_| {
        for size in 0..1_000_000_usize {
            drop(std::hint::black_box(Vec::<u8>::with_capacity(16 + size % 256)));
        }
    })
    .unwrap();
    println!("an allocation: {} ns", start.elapsed().as_nanos() / 1_000_000);
}
