//! Sizes and switches of the vault, and what it turned out to be.
use super::central::{self, MAX_PAGES};
use super::classes::PAGE;
use super::error::Error;

/// What secret memory must be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretMemory {
    /// `memfd_secret(2)`, or no start.
    Required,
    /// `memfd_secret(2)`, or else ordinary memory with a verified lock.
    LockedAllowed,
    /// Ordinary memory with a verified lock.
    Locked,
}

/// Sizes and switches of the vault. All of it together must fit in `RLIMIT_MEMLOCK`, which is 8 MiB
/// by default; the default configuration takes 6.5 MiB, without optimisation 7.5 MiB.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes of the arena: 64 KiB to 16 MiB.
    pub arena: usize,
    /// Bytes of a stack for symmetric, RSA, elliptic-curve and key derivation work, which needs
    /// 22 KiB at most (RSA-4096 with OAEP); without optimisation 51 KiB. RSA above that takes a large one.
    pub small_stack: usize,
    /// How many of them: so many operations run at once.
    pub small_stacks: usize,
    /// Bytes of a stack for post-quantum work: ML-KEM needs 60 KiB, ML-DSA-87 182 KiB, SLH-DSA-256f
    /// 324 KiB.
    pub large_stack: usize,
    /// How many of them: one more than keys are made at once, so that RSA keys above 4096 bits, whose private
    /// operations need up to 64 KiB, are usable meanwhile.
    pub large_stacks: usize,
    /// Arena bytes kept free for running operations: all stacks times what one operation allocates.
    pub reserve: usize,
    /// What it is made of.
    pub memory: SecretMemory,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            arena: 4 << 20,
            // Unoptimised code keeps every temporary on the stack.
            small_stack: if cfg!(debug_assertions) { 64 << 10 } else { 32 << 10 },
            small_stacks: 32,
            large_stack: 512 << 10,
            large_stacks: 3,
            reserve: 1 << 20,
            memory: SecretMemory::Required,
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<(), Error> {
        const STACK: std::ops::RangeInclusive<usize> = 16 << 10..=4 << 20;
        #[rustfmt::skip]
        let limits = [
            ("arena",        (64 << 10..=MAX_PAGES * PAGE).contains(&self.arena)),
            ("small_stack",  STACK.contains(&self.small_stack)),
            ("small_stacks", (1..=256).contains(&self.small_stacks)),
            ("large_stack",  STACK.contains(&self.large_stack)),
            ("large_stacks", (1..=64).contains(&self.large_stacks)),
            ("reserve",      self.reserve < self.arena),
        ];
        match limits.iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(Error::Size(name)),
            None => Ok(()),
        }
    }

    /// Sizes of all segments: the arena, the small stacks, the large stacks.
    pub(super) fn segments(&self) -> Vec<usize> {
        let small = std::iter::repeat_n(self.small_stack, self.small_stacks);
        let large = std::iter::repeat_n(self.large_stack, self.large_stacks);
        std::iter::once(self.arena).chain(small).chain(large).collect()
    }
}

/// What secret memory is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// The vault is not initialised.
    Absent,
    /// `memfd_secret(2)`: out of reach of other processes, root's included.
    MemfdSecret,
    /// Locked memory: never swapped or dumped, but root can read it.
    Locked,
}

impl std::fmt::Display for MemoryKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::MemfdSecret => "memfd_secret",
            Self::Locked => "locked",
        })
    }
}

/// State of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What secret memory is made of.
    pub kind: MemoryKind,
    /// Bytes of the arena.
    pub arena: usize,
    /// Bytes in wholly free pages of the arena.
    pub free: usize,
    /// The mapping can no longer be changed (`mseal(2)`, Linux 6.10).
    pub sealed: bool,
}

/// Whether keys have taken so much of the arena that what is left belongs to operations, connections and
/// replies: the reserve, and a quarter of the arena beside it.
pub fn is_low() -> bool {
    super::vault().is_ok_and(|vault| central::free_bytes() < vault.reserve + vault.arena / 4)
}

/// Tells what the vault is made of and how full it is.
pub fn status() -> Status {
    match super::vault() {
        Ok(vault) => Status {
            kind: vault.kind,
            arena: vault.arena,
            free: central::free_bytes(),
            sealed: vault.sealed,
        },
        Err(_) => Status { kind: MemoryKind::Absent, arena: 0, free: 0, sealed: false },
    }
}

/// Bytes of the arena, 0 without a vault; unlike [`status`] it takes no lock.
pub fn arena() -> usize {
    super::vault().map_or(0, |vault| vault.arena)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_fits_in_the_default_memory_lock_limit() {
        let config = Config::default();
        assert_eq!(config.check(), Ok(()));
        // The locked form takes one page more for each segment.
        let pages = config.segments().len() * PAGE;
        assert!(config.segments().iter().sum::<usize>() + pages <= 8 << 20);
    }

    #[test]
    fn sizes_outside_of_the_limits_are_refused_by_name() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check()
        };
        assert_eq!(refused(|c| c.arena = 32 << 20), Err(Error::Size("arena")));
        assert_eq!(refused(|c| c.small_stack = 4096), Err(Error::Size("small_stack")));
        assert_eq!(refused(|c| c.small_stacks = 0), Err(Error::Size("small_stacks")));
        assert_eq!(refused(|c| c.large_stack = 8 << 20), Err(Error::Size("large_stack")));
        assert_eq!(refused(|c| c.large_stacks = 0), Err(Error::Size("large_stacks")));
        assert_eq!(refused(|c| c.reserve = c.arena), Err(Error::Size("reserve")));
    }
}
