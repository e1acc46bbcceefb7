//! What ends a process, or needs one of its own: faults, forks, limits, refusals.
use super::{in_child, passes_in_child, text};
use crate::vault::region::GUARD;
use crate::vault::{
    Buffer, Config, Depth, Error, MemoryKind, Public, SecretBytes, SecretMemory, block_signals,
    init, init_for_tests, load, run, status, sys, vault,
};
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Uid, fork, setuid};
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

fn signal(output: &Output) -> Option<Signal> {
    output.status.signal().and_then(|number| Signal::try_from(number).ok())
}

fn with(memory: SecretMemory) -> Config {
    Config { memory, ..Config::default() }
}

/// True if this process could become an ordinary user; else says why not.
fn becomes_nobody() -> bool {
    if !Uid::effective().is_root() {
        println!("not root: limits hold as they are");
    } else if let Err(errno) = setuid(Uid::from_raw(65534)) {
        println!("skipped: cannot become nobody: {errno}");
        return false;
    }
    true
}

fn limit_locked_memory(bytes: u64) {
    setrlimit(Resource::RLIMIT_MEMLOCK, bytes, bytes).unwrap();
}

/// Kibibytes of `VmLck`.
fn locked_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn sum_inside() -> Result<Public<u64>, Error> {
    run(Depth::Small, |_| Public((1..=100).collect::<Vec<u64>>().iter().sum()))
}

/// Uses stack without end.
fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if frame[63] == u64::MAX { 0 } else { descend(depth + 1) + frame[0] }
}

fn fall_through(memory: SecretMemory) {
    init(with(memory)).unwrap();
    let thread = std::thread::spawn(|| {
        block_signals().unwrap();
        run(Depth::Small, |_| Public(descend(0)))
    });
    println!("still here: {:?}", thread.join());
}

#[test]
fn too_deep_in_secret_memory_ends_the_process() {
    let test = "vault::tests::children::too_deep_in_secret_memory_ends_the_process";
    let output = in_child(test, || fall_through(SecretMemory::Required));
    assert_eq!(signal(&output), Some(Signal::SIGSEGV), "{}", text(&output));
}

#[test]
fn too_deep_in_locked_memory_ends_the_process() {
    let test = "vault::tests::children::too_deep_in_locked_memory_ends_the_process";
    let output = in_child(test, || fall_through(SecretMemory::Locked));
    assert_eq!(signal(&output), Some(Signal::SIGSEGV), "{}", text(&output));
}

#[test]
fn a_frame_that_jumps_far_meets_the_guard_as_well() {
    let test = "vault::tests::children::a_frame_that_jumps_far_meets_the_guard_as_well";
    let output = in_child(test, || {
        init(with(SecretMemory::Required)).unwrap();
        let far = vault().unwrap().small.borrow().base().wrapping_sub(GUARD);
        // SAFETY: none; the fault is what is tested.
        let byte = unsafe { black_box(far).read_volatile() };
        println!("still here: {byte}");
    });
    assert_eq!(signal(&output), Some(Signal::SIGSEGV), "{}", text(&output));
}

fn fork_and_look(memory: SecretMemory) {
    init(with(memory)).unwrap();
    let secret = load(64, |inside| SecretBytes::zeroed(inside, 16)).unwrap().unwrap();
    let place = run(Depth::Small, |inside| Public(secret.get(inside).as_ptr().expose_provenance()));
    let place = std::ptr::with_exposed_provenance::<u8>(place.unwrap().0);
    // SAFETY: the child only reads one byte and exits.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            // SAFETY: none; the fault is what is tested.
            let byte = unsafe { black_box(place).read_volatile() };
            std::process::exit(byte.into());
        }
        ForkResult::Parent { child } => {
            let end = waitpid(child, None).unwrap();
            assert!(matches!(end, WaitStatus::Signaled(_, Signal::SIGSEGV, _)), "{end:?}");
        }
    }
}

#[test]
fn a_forked_process_has_no_secret_memory() {
    passes_in_child("vault::tests::children::a_forked_process_has_no_secret_memory", || {
        fork_and_look(SecretMemory::Required);
    });
}

#[test]
fn a_forked_process_has_no_locked_memory() {
    passes_in_child("vault::tests::children::a_forked_process_has_no_locked_memory", || {
        fork_and_look(SecretMemory::Locked);
    });
}

fn small_arena() -> Config {
    Config { arena: 256 << 10, reserve: 64 << 10, ..with(SecretMemory::LockedAllowed) }
}

#[test]
fn a_full_arena_refuses_loads_and_keeps_the_reserve() {
    passes_in_child(
        "vault::tests::children::a_full_arena_refuses_loads_and_keeps_the_reserve",
        || {
            init(small_arena()).unwrap();
            let before = status().free;
            let mut held = Vec::new();
            let refused = loop {
                match load(1024, |inside| SecretBytes::zeroed(inside, 1024)) {
                    Ok(secret) => held.push(secret.unwrap()),
                    Err(error) => break error,
                }
                assert!(held.len() < 256, "more than there is");
            };
            assert_eq!(refused, Error::Full);
            assert!(held.len() > 128, "{}", held.len());
            assert!(status().free >= 60 << 10, "{:?}", status());
            assert_eq!(Buffer::new(4096).map(drop), Err(Error::Full));
            assert_eq!(sum_inside(), Ok(Public(5050)));
            let huge = run(Depth::Small, |inside| SecretBytes::zeroed(inside, 1 << 20).map(drop));
            assert_eq!(huge, Ok(Err(Error::Full)));
            held.clear();
            load(192 << 10, |_| ()).unwrap();
            assert_eq!(status().free, before);
        },
    );
}

#[test]
fn rooms_promised_at_once_are_counted_together() {
    passes_in_child("vault::tests::children::rooms_promised_at_once_are_counted_together", || {
        init(small_arena()).unwrap();
        let second = load(100 << 10, |inside| {
            inside.outside(|| {
                std::thread::scope(|scope| scope.spawn(|| load(100 << 10, |_| ())).join().unwrap())
            })
        });
        assert_eq!(second, Ok(Err(Error::Full)));
        assert_eq!(load(100 << 10, |_| ()), Ok(()));
    });
}

#[test]
fn an_allocation_that_cannot_fail_ends_the_process_with_one_line() {
    let test =
        "vault::tests::children::an_allocation_that_cannot_fail_ends_the_process_with_one_line";
    let output = in_child(test, || {
        init(small_arena()).unwrap();
        let length = run(Depth::Small, |_| black_box(vec![1_u8; 1 << 20]).len());
        println!("still here: {length:?}");
    });
    assert_eq!(signal(&output), Some(Signal::SIGABRT), "{}", text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "coffer: secret memory exhausted\n");
}

#[test]
fn blocks_kept_by_idle_stacks_are_found_before_giving_up() {
    passes_in_child(
        "vault::tests::children::blocks_kept_by_idle_stacks_are_found_before_giving_up",
        || {
            init(Config { reserve: 0, ..small_arena() }).unwrap();
            let all = status().free;
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    // Different stacks, by their hints.
                    scope.spawn(|| {
                        run(Depth::Small, |_| drop((vec![1; 500], vec![1; 2000]))).unwrap();
                    });
                }
            });
            assert!(status().free < all, "nothing is kept");
            let whole = run(Depth::Small, |inside| SecretBytes::zeroed(inside, all).map(drop));
            assert_eq!(whole, Ok(Ok(())));
        },
    );
}

#[test]
fn the_default_works_for_nobody_within_8_mib_of_locked_memory() {
    let test = "vault::tests::children::the_default_works_for_nobody_within_8_mib_of_locked_memory";
    passes_in_child(test, || {
        limit_locked_memory(8 << 20);
        if becomes_nobody() {
            init(with(SecretMemory::Required)).unwrap();
            assert_eq!(status().kind, MemoryKind::MemfdSecret);
            assert_eq!(sum_inside(), Ok(Public(5050)));
            assert!((6 << 10..=8 << 10).contains(&locked_kib()), "{}", locked_kib());
        }
    });
}

#[test]
fn the_locked_form_works_for_nobody_within_8_mib_of_locked_memory() {
    let test =
        "vault::tests::children::the_locked_form_works_for_nobody_within_8_mib_of_locked_memory";
    passes_in_child(test, || {
        limit_locked_memory(8 << 20);
        if becomes_nobody() {
            init(with(SecretMemory::Locked)).unwrap();
            assert_eq!(status().kind, MemoryKind::Locked);
            assert_eq!(sum_inside(), Ok(Public(5050)));
            assert!(locked_kib() >= 6 << 10, "{}", locked_kib());
        }
    });
}

#[test]
fn memory_that_cannot_be_locked_is_refused_in_every_form() {
    let test = "vault::tests::children::memory_that_cannot_be_locked_is_refused_in_every_form";
    passes_in_child(test, || {
        limit_locked_memory(1 << 20);
        if becomes_nobody() {
            let refused = |memory| init(with(memory)).unwrap_err();
            assert_eq!(refused(SecretMemory::Required), Error::NoSecretMemory(Errno::EAGAIN));
            assert!(matches!(refused(SecretMemory::LockedAllowed), Error::NotLocked(_)));
            assert!(matches!(refused(SecretMemory::Locked), Error::NotLocked(_)));
            assert_eq!(status().kind, MemoryKind::Absent);
            let small =
                Config { arena: 256 << 10, small_stacks: 4, large_stacks: 1, ..small_arena() };
            assert_eq!(init(small), Ok(()), "a refusal leaves nothing behind");
        }
    });
}

/// Makes `memfd_secret` answer as a kernel that lacks it does, for this thread.
fn forbid_memfd_secret() {
    let number = u32::try_from(libc::SYS_memfd_secret).unwrap();
    let refuse = libc::SECCOMP_RET_ERRNO | u32::try_from(libc::ENOSYS).unwrap();
    let step = |code: u32, jump_false: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt: 0,
        jf: jump_false,
        k,
    };
    let mut filter = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0), // the system call's number
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number),
        step(libc::BPF_RET | libc::BPF_K, 0, refuse),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    nix::sys::prctl::set_no_new_privs().unwrap();
    // SAFETY: the program points to four valid instructions for the length of the call.
    let done =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(done, 0);
}

#[test]
fn a_kernel_without_secret_memory_is_refused_unless_locked_memory_is_allowed() {
    let test = "vault::tests::children::a_kernel_without_secret_memory_is_refused_unless_locked_memory_is_allowed";
    passes_in_child(test, || {
        forbid_memfd_secret();
        let refused = init(with(SecretMemory::Required));
        assert_eq!(refused, Err(Error::NoSecretMemory(Errno::ENOSYS)));
        assert_eq!(init(with(SecretMemory::LockedAllowed)), Ok(()));
        assert_eq!(status().kind, MemoryKind::Locked);
        assert_eq!(sum_inside(), Ok(Public(5050)));
    });
}

#[test]
fn the_descriptor_is_closed_and_the_mapping_sealed() {
    let test = "vault::tests::children::the_descriptor_is_closed_and_the_mapping_sealed";
    passes_in_child(test, || {
        init(with(SecretMemory::Required)).unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.contains("/secretmem"), "the name that is searched for");
        for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
            let target = std::fs::read_link(entry.unwrap().path()).unwrap_or_default();
            assert!(!target.to_string_lossy().contains("secretmem"), "{target:?}");
        }
        if !status().sealed {
            return println!("skipped: no mseal");
        }
        let stack = vault().unwrap().small.borrow();
        let base = std::ptr::NonNull::new(stack.base()).unwrap();
        // SAFETY: refused by the seal; nobody uses the stack.
        assert_eq!(unsafe { sys::forbid(base, 4096) }, Err(Errno::EPERM));
    });
}

#[test]
fn the_vault_starts_once_and_runs_not_before() {
    passes_in_child("vault::tests::children::the_vault_starts_once_and_runs_not_before", || {
        assert_eq!(sum_inside(), Err(Error::State));
        assert_eq!(load(0, |_| ()), Err(Error::State));
        assert_eq!(Buffer::new(1).map(drop), Err(Error::State));
        assert_eq!(status().kind, MemoryKind::Absent);
        assert_eq!(
            init(Config { small_stacks: 0, ..Config::default() }),
            Err(Error::Size("small_stacks"))
        );
        init_for_tests();
        init_for_tests();
        assert_eq!(init(Config::default()), Err(Error::State));
        assert_eq!(sum_inside(), Ok(Public(5050)));
    });
}

#[test]
#[cfg(debug_assertions)]
fn threads_that_enter_with_signals_unblocked_are_counted() {
    passes_in_child(
        "vault::tests::children::threads_that_enter_with_signals_unblocked_are_counted",
        || {
            init_for_tests();
            let enter = |block: fn()| {
                std::thread::spawn(move || {
                    block();
                    sum_inside().unwrap()
                })
                .join()
            };
            enter(|| block_signals().unwrap()).unwrap();
            assert_eq!(crate::vault::unblocked_threads(), Some(0));
            enter(|| ()).unwrap();
            assert_eq!(crate::vault::unblocked_threads(), Some(1));
        },
    );
}

#[test]
fn a_panic_inside_shows_its_place_and_not_its_message() {
    let test = "vault::tests::children::a_panic_inside_shows_its_place_and_not_its_message";
    let output = in_child(test, || {
        init_for_tests();
        let outcome = run(Depth::Small, |_| assert!(black_box(false), "key {}", 4711));
        assert_eq!(outcome, Err(Error::Panicked));
        assert_eq!(sum_inside(), Ok(Public(5050)));
    });
    assert!(output.status.success());
    let shown = text(&output);
    assert!(
        shown.contains("panic inside the vault at daemon/src/vault/tests/children.rs:"),
        "{shown}"
    );
    assert!(!shown.contains("4711"), "{shown}");
}
