//! Secret memory: the only place where bytes of keys, PINs and what follows from them may exist.
//!
//! One **arena** and a pool of **stacks** in `memfd_secret(2)` memory; [`run()`] executes code on such a
//! stack with the heap in the arena, and wipes the stack and the registers after. **Handles**
//! ([`Sealed`], [`SecretBytes`], [`Buffer`]) need the token [`Inside`], which exists only inside `run`.
//!
//! Not covered: registers while code runs (so no core dumps and no tracing, see
//! [`hardening`](crate::hardening)), threads that code inside `run` starts, C libraries with an
//! allocator of their own (AWS-LC takes ours), and copies that code makes on purpose into captured variables.
//!
//! ```
//! use coffer_daemon::vault::{self, Config, Depth, Public, Secret, SecretMemory};
//! vault::quiet_panics();
//! vault::init(Config { memory: SecretMemory::LockedAllowed, ..Config::default() })?;
//! let sum = std::thread::spawn(|| {
//!     vault::block_signals()?;
//!     let key = vault::load(4096, |inside| Secret::<32>::fill(inside, |bytes| bytes.fill(1)))??;
//!     vault::run(Depth::Small, |inside| Public(key.get(inside).iter().sum::<u8>()))
//! });
//! assert_eq!(sum.join().expect("no panic")?, Public(32));
//! # Ok::<(), vault::Error>(())
//! ```
#![allow(unsafe_code)] // one of the two places that need it; every block says why it is sound

mod alloc;
#[cfg(feature = "fast")]
mod aws_lc;
mod block;
mod buffer;
mod cache;
mod central;
mod classes;
mod config;
mod error;
mod handle;
mod heap;
mod pool;
mod region;
mod registers;
mod release;
mod room;
mod run;
mod signals;
pub(crate) mod sys;
#[cfg(test)]
pub(crate) mod tests;

pub use alloc::VaultAlloc;
#[cfg(feature = "fast")]
pub use aws_lc::{aws_lc_is_ready, aws_lc_is_there, aws_lc_plain_allocations};
pub use buffer::Buffer;
pub use config::{Config, MemoryKind, SecretMemory, Status, arena, is_low, status};
pub use error::Error;
pub use handle::{Sealed, Secret, SecretBytes};
pub use release::{Public, Release};
pub use run::{Inside, load, load_at, load_counted, run, stack_use};
pub use signals::{block_signals, unblocked_threads};

use pool::Pool;
use region::Mapping;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

/// The stack that a piece of code needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Symmetric, RSA, elliptic-curve and key derivation work.
    Small,
    /// Post-quantum work, and making keys of unknown kind. Few can run at once.
    Large,
}

struct Vault {
    small: Pool,
    large: Pool,
    arena: usize,
    reserve: usize,
    kind: MemoryKind,
    sealed: bool,
}

static VAULT: OnceLock<Vault> = OnceLock::new();

fn vault() -> Result<&'static Vault, Error> {
    VAULT.get().ok_or(Error::State)
}

impl Vault {
    #[inline]
    fn pool(&self, depth: Depth) -> &Pool {
        match depth {
            Depth::Small => &self.small,
            Depth::Large => &self.large,
        }
    }
}

/// Makes the arena and the stacks. Once in a process, before it has threads.
///
/// # Errors
/// `NoSecretMemory` or `NotLocked` where the memory cannot be had as asked, `Size` for a bad
/// configuration, `State` the second time.
pub fn init(config: Config) -> Result<(), Error> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if VAULT.get().is_some() {
        return Err(Error::State);
    }
    config.check()?;
    let sizes = config.segments();
    let Mapping { segments, kind, sealed } = match config.memory {
        SecretMemory::Required => Mapping::secret(&sizes)?,
        SecretMemory::LockedAllowed => {
            Mapping::secret(&sizes).or_else(|_| Mapping::locked(&sizes))?
        }
        SecretMemory::Locked => Mapping::locked(&sizes)?,
    };
    let (arena, stacks) = segments.split_first().ok_or(Error::Size("arena"))?;
    let (small, large) = stacks.split_at(config.small_stacks);
    registers::detect();
    heap::install(*arena);
    let (small, large) = (Pool::new(small), Pool::new(large));
    let vault = Vault { small, large, arena: arena.len(), reserve: config.reserve, kind, sealed };
    VAULT.set(vault).map_err(|_| Error::State)
}

/// Initialises the vault for tests, as often as called: with `memfd_secret` where there is any, and
/// with quiet panics.
///
/// # Panics
/// If neither kind of memory can be had.
pub fn init_for_tests() {
    static START: Once = Once::new();
    START.call_once(|| {
        quiet_panics();
        match init(Config { memory: SecretMemory::LockedAllowed, ..Config::default() }) {
            Ok(()) | Err(Error::State) => {}
            Err(error) => panic!("tests need a vault: {error}"),
        }
    });
}

/// Installs a panic hook that prints only the place of a panic inside `run`. The standard one prints
/// the message, which may quote secrets, and with `RUST_BACKTRACE` loads debug information into the
/// arena.
pub fn quiet_panics() {
    use std::io::Write;
    let standard = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !run::entered() {
            return standard(panic);
        }
        let _ordinary = run::OrdinaryHeap::enter();
        let mut stderr = std::io::stderr().lock();
        // Nobody is left to tell when that fails.
        let _ = match panic.location() {
            Some(place) => {
                writeln!(stderr, "panic inside the vault at {}:{}", place.file(), place.line())
            }
            None => writeln!(stderr, "panic inside the vault"),
        };
    }));
}
