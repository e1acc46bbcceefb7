//! The state of this process, and how a forked child notices that it has none.
//!
//! The state hangs on one pointer and is never freed, because another thread may be inside. A child leaves its
//! parent's state alone, takes none of its locks, and gets a new one at its own C_Initialize.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use crate::config::Environment;
use crate::module::Module;

static STATE: AtomicPtr<State> = AtomicPtr::new(ptr::null_mut());

/// The module's state and the process it belongs to.
struct State {
    owner: Owner,
    module: Module,
}

/// What tells a process from its forked children.
enum Owner {
    /// A byte that reads as 0 in a child (`MADV_WIPEONFORK`).
    Page(&'static AtomicU8),
    /// The process's id, where the kernel cannot do that.
    Process(u32),
}

/// The module of this process, if C_Initialize was called in it ever. What a child has from its parent it leaves at its
/// first call, whichever that is.
pub(super) fn module() -> Option<&'static Module> {
    let state = state()?;
    if state.owner.is_this_process() {
        return Some(&state.module);
    }
    let inherited = ptr::from_ref(state).cast_mut();
    let (nothing, success) = (ptr::null_mut(), Ordering::AcqRel);
    if STATE.compare_exchange(inherited, nothing, success, Ordering::Acquire).is_ok() {
        abandon(&state.module);
    }
    None
}

/// The module of this process, made now if there is none.
pub(super) fn module_or_new() -> &'static Module {
    loop {
        if let Some(module) = module() {
            return module;
        }
        let new = Box::into_raw(Box::new(State { owner: Owner::new(), module: Module::default() }));
        let nothing = ptr::null_mut();
        if STATE.compare_exchange(nothing, new, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: `new` comes from `Box::into_raw` above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
    }
}

fn state() -> Option<&'static State> {
    // SAFETY: the pointer is null or comes from `Box::into_raw`, and what it points to is never freed or
    // borrowed mutably.
    unsafe { STATE.load(Ordering::Acquire).as_ref() }
}

/// Closes the sockets that a child has from its parent, without a word to the daemon.
fn abandon(inherited: &Module) {
    let Some(application) = inherited.link.inherited() else {
        return;
    };
    // SAFETY: the value is valid for reads. This process uses it from now on through the copy alone, since the
    // inherited state is unreachable, and never drops the original: the inherited state, which is never freed,
    // keeps an owner of it.
    let client = unsafe { ptr::read(application.client()) };
    client.abandon();
}

impl Owner {
    fn new() -> Self {
        wiped_on_fork().map_or_else(|| Self::Process(std::process::id()), Self::Page)
    }

    fn is_this_process(&self) -> bool {
        match self {
            Self::Page(byte) => byte.load(Ordering::Relaxed) != 0,
            Self::Process(id) => *id == std::process::id(),
        }
    }
}

/// A byte that is 1 here and 0 in forked children.
fn wiped_on_fork() -> Option<&'static AtomicU8> {
    const LENGTH: usize = 4096;
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing else.
    let page = unsafe { libc::mmap(ptr::null_mut(), LENGTH, access, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the range is the mapping made above, and nothing is in it yet.
    if unsafe { libc::madvise(page, LENGTH, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: the range is the mapping made above, and nothing refers to it.
        let _ = unsafe { libc::munmap(page, LENGTH) };
        return None;
    }
    // SAFETY: the mapping is not null, aligned, zeroed, as large as the byte, and never unmapped from here on.
    let byte: &AtomicU8 = unsafe { &*page.cast::<AtomicU8>() };
    byte.store(1, Ordering::Relaxed);
    Some(byte)
}

/// Whether the environment may be believed.
pub(super) fn environment() -> Environment {
    // SAFETY: the function reads a value that the kernel gave the process; it has no preconditions.
    match unsafe { libc::getauxval(libc::AT_SECURE) } {
        0 => Environment::Trusted,
        _ => Environment::Ignored,
    }
}
